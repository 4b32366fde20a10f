"""Corpora as other trainers take them: LLaVA, LLaMA-Factory and ms-swift, and what cannot be exported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from releases import size_of

from insightv_bench.builders.release.export import export
from insightv_bench.chat import assistant
from insightv_bench.errors import RunError, SourceError
from insightv_bench.records import Message, PreferenceRow, ReasoningRow
from insightv_bench.storage import read_rows, write_shards


def marks(text: str) -> int:
    return text.count("<image>")


@pytest.mark.parametrize("corpus", ["reasoning", "summary"])
def test_llava_conversations(release: Path, tmp_path: Path, corpus: str) -> None:
    made = export("llava", release / corpus / "train", tmp_path / "out", "bars")
    rows = json.loads(made.file.read_text(encoding="utf-8"))
    assert made.num_rows == len(rows) > 0 and not made.dropped
    for row in rows:
        human, gpt = row["conversations"]
        assert (human["from"], gpt["from"]) == ("human", "gpt") and human["value"].startswith("<image>\n")
        assert marks(human["value"]) == 1 and not marks(gpt["value"]) and gpt["value"]
        assert size_of(tmp_path / "out" / row["image"]) == (48, 48)


def test_llama_factory_has_its_description_and_pairs(release: Path, tmp_path: Path) -> None:
    export("llama-factory", release / "reasoning/train", tmp_path / "sft", "bars")
    (about,) = json.loads((tmp_path / "sft/dataset_info.json").read_text()).values()
    assert about["columns"] == {"messages": "conversations", "images": "images"} and about["formatting"] == "sharegpt"
    made = export("llama-factory", release / "preference/train", tmp_path / "dpo", "pairs")
    info = json.loads((tmp_path / "dpo/dataset_info.json").read_text())["pairs"]
    assert info["ranking"] is True and info["columns"]["chosen"] == "chosen" and info["file_name"] == made.file.name
    originals = list(read_rows(release / "preference/train", PreferenceRow))
    for row, original in zip(json.loads(made.file.read_text()), originals, strict=True):
        assert [turn["from"] for turn in row["conversations"]] == ["human"]
        assert marks(row["conversations"][0]["value"]) == len(row["images"]) == 1
        assert (row["chosen"]["value"], row["rejected"]["value"]) == (
            original.chosen[0].content,
            original.rejected[0].content,
        )
        assert (tmp_path / "dpo" / row["images"][0]).read_bytes() == original.images[0].bytes


def test_ms_swift_lines(release: Path, tmp_path: Path) -> None:
    made = export("ms-swift", release / "preference/train", tmp_path / "out", "pairs")
    for line in made.file.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        assert [turn["role"] for turn in row["messages"]] == ["user", "assistant"] and row["rejected_response"]
        assert marks(row["messages"][0]["content"]) == len(row["images"]) == 1 and Path(row["images"][0]).is_file()


def test_marks_are_as_many_as_images_or_the_row_is_dropped(release: Path, tmp_path: Path) -> None:
    row = next(read_rows(release / "reasoning/train", ReasoningRow))

    def like(text: str, num: int, reply: str = "x") -> ReasoningRow:
        prompt = (Message(role="system", content="Be brief."), Message(role="user", content=text))
        return row.model_copy(update={"images": row.images * num, "prompt": prompt, "completion": (assistant(reply),)})

    rows = [like("a", 0), like("b", 2), like("<image> or <image>?", 2), like("<image>?", 2), like("c", 1, "<image>")]
    (tmp_path / "rows").mkdir()
    write_shards(tmp_path / "rows", rows, ReasoningRow)
    made = export("llama-factory", tmp_path / "rows", tmp_path / "out", "bars")
    kept = json.loads(made.file.read_text(encoding="utf-8"))
    assert [row["conversations"][1]["value"] for row in kept] == ["a", "<image>\n<image>\nb", "<image> or <image>?"]
    assert [len(row["images"]) for row in kept] == [0, 2, 2] and made.num_images == 1
    assert sum(made.dropped.values()) == 2


def test_what_cannot_be_exported_is_said(release: Path, tmp_path: Path) -> None:
    for corpus, format_, words in (
        ("flawed/train", "llava", "no rows to train from"),
        ("preference/train", "llava", "know no pairs"),
    ):
        with pytest.raises(SourceError, match=words) as found:
            export(format_, release / corpus, tmp_path / "out", "x")
        assert found.value.hint
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").touch()
    with pytest.raises(SourceError, match="is not empty"):
        export("llava", release / "reasoning/train", tmp_path / "full", "x")
    with pytest.raises(RunError):
        export("llava", tmp_path / "nothing", tmp_path / "new", "x")
