"""What a corpus must hold to be trained on: what is left out, and what ends a training with a line."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest
from training_stages import SFT, corpus, lessons, manifest, placed, reasoned, sft_settings, train

from insightv_bench.engines.hf import load_processor
from insightv_bench.errors import StageError
from insightv_bench.records import Image
from insightv_bench.trainers.data import COMPLETIONS, load_corpus
from insightv_bench.trainers.data.lengths import measure


def test_long_rows_and_broken_images_are_left_out_with_their_reasons(tiny: Path, tmp_path: Path) -> None:
    rows = lessons(8)
    long = rows[1].completion[0].model_copy(update={"content": "1 " * 400})
    rows[1] = rows[1].model_copy(update={"completion": (long,)})
    rows[2] = rows[2].model_copy(update={"images": (Image(bytes=b"no image"),)})
    hostile = rows[3].prompt[0].model_copy(update={"content": rows[3].prompt[0].content + " What is <image>?"})
    rows[3] = rows[3].model_copy(update={"prompt": (hostile,)})
    folder = reasoned(tmp_path, tiny, rows, sft_settings(max_tokens=300))
    assert manifest(folder)["dropped"] == {"over 300 tokens": 1, "image cannot be read": 1}
    assert set(pl.read_parquet(folder / "exclusions.parquet")["id"]) == {rows[1].id, rows[2].id}
    totals = manifest(folder)["totals"]
    assert totals["num_rows"] == 6
    assert totals["mix"] == {"corpora-reasoning": {"rows": 6, "tokens": totals["num_row_tokens"]}}


def test_a_corpus_that_cannot_be_trained_on_is_an_error_with_a_hint(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(StageError, match="no row is left") as told:
        reasoned(tmp_path / "a", tiny, lessons(4), sft_settings(max_tokens=16))
    assert "raise `max_tokens`" in told.value.hint
    rows = corpus(tmp_path, "corpora-reasoning", lessons(4))
    frame = pl.read_parquet(rows / "data-00000.parquet")
    without = frame.with_columns(images=pl.lit([{"bytes": None, "path": "charts/1.png"}], dtype=frame["images"].dtype))
    without.write_parquet(rows / "data-00000.parquet")
    inputs = {"train-base": placed(tiny, tmp_path), "corpora-reasoning": rows}
    with pytest.raises(
        StageError, match=r"row 0 of the corpus holds no image, only a place for one \(`charts/1.png`\)"
    ):
        train(tmp_path, SFT, sft_settings(max_tokens=300), inputs)
    frame.drop("prompt").write_parquet(rows / "data-00000.parquet")
    with pytest.raises(StageError, match="has no column `prompt`"):
        train(tmp_path, SFT, sft_settings(max_tokens=300), inputs)


def test_images_that_are_not_there_or_are_none_end_a_training_from_nothing_too(tiny: Path, tmp_path: Path) -> None:
    """Its rows are not measured first."""
    rows = corpus(tmp_path, "corpora-reasoning", lessons(4))
    frame, inputs = pl.read_parquet(rows / "data-00000.parquet"), {"train-base": placed(tiny, tmp_path)}
    for image, said in [
        ({"bytes": None, "path": "charts/1.png"}, r"row 0 of the corpus holds no image.*`charts/1.png`"),
        ({"bytes": b"no image", "path": None}, "an image of its corpus cannot be read"),
    ]:
        broken = frame.with_columns(images=pl.lit([image], dtype=frame["images"].dtype))
        broken.write_parquet(rows / "data-00000.parquet")
        with pytest.raises(StageError, match=said) as told:
            train(tmp_path, SFT, sft_settings(), {**inputs, "corpora-reasoning": rows})
        assert told.value.hint


def test_a_corpus_of_another_kind_or_without_messages_is_said_to_be_so(tiny: Path, tmp_path: Path) -> None:
    base, rows = placed(tiny, tmp_path), corpus(tmp_path, "corpora-reasoning", lessons(4))
    file, frame = rows / "data-00000.parquet", pl.read_parquet(rows / "data-00000.parquet")

    def said(changed: pl.DataFrame) -> str:
        changed.write_parquet(file)
        with pytest.raises(StageError) as told:
            train(tmp_path, SFT, sft_settings(), {"train-base": base, "corpora-reasoning": rows})
        return str(told.value)

    assert "it holds pairs, which `train dpo` learns from" in said(frame.rename({"completion": "chosen"}))
    assert "holds String, not messages" in said(frame.with_columns(prompt=pl.lit("How many?")))
    assert "holds String, not images" in said(frame.with_columns(images=pl.lit("chart.png")))
    assert "holds List(String), not images" in said(frame.with_columns(images=pl.lit(["chart.png"])))
    assert "has no column `images`" in said(frame.drop("images"))
    third = pl.int_range(pl.len()) == 2
    lacking = frame.with_columns(completion=pl.when(third).then(None).otherwise(pl.col("completion")))
    assert re.search(r"row 2 of the corpus .* has no `completion`", said(lacking))
    assert "exclusions" not in said(frame.head(0))


@pytest.mark.slow
def test_an_image_that_was_cut_off_is_left_out_or_ends_the_training(tiny: Path, tmp_path: Path) -> None:
    """The header of one is whole."""
    rows = lessons(6)
    whole = rows[1].images[0].bytes
    assert whole
    rows[1] = rows[1].model_copy(update={"images": (Image(bytes=whole[: len(whole) // 2]),)})
    measured = reasoned(tmp_path / "a", tiny, rows, sft_settings(max_tokens=300))
    assert manifest(measured)["dropped"] == {"image cannot be read": 1}
    assert "image cannot be read: 1" in (measured / "model" / "README.md").read_text(encoding="utf-8")
    with pytest.raises(StageError, match="an image of its corpus cannot be read") as told:
        reasoned(tmp_path / "b", tiny, rows, sft_settings(trainer={"num_train_epochs": 1}))
    assert "set `max_tokens`" in told.value.hint


def test_an_image_of_too_many_pixels_is_one_that_cannot_be_read(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image as PILImage

    rows = load_corpus([corpus(tmp_path, "corpora-reasoning", lessons(2))], COMPLETIONS, tmp_path / "cache")
    monkeypatch.setattr(PILImage, "MAX_IMAGE_PIXELS", 100)
    left_out = [(place, "image cannot be read") for place in (0, 1)]
    assert measure(rows, load_processor(str(tiny)), 300) == ([], [], left_out)
