"""Stages that go through all texts of a run hold those of a portion: whatever its size, the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from made_run import make, run

from insightv_bench.builders import portions as block_work
from insightv_bench.builders.corpora import flawed
from insightv_bench.errors import StageError
from insightv_bench.records import Assessment, Question
from insightv_bench.records import Path as ReasoningPath
from insightv_bench.settings import AssessSettings, FlawsSettings
from insightv_bench.storage import QuestionsById, read_rows, write_shards

NUM = 30
FLAWS = FlawsSettings(maker="rule", per_question=1, flaws=("arithmetic", "natural"))
TRIPLE = ("questions", "paths", "assess")


def assessed(folder: Path) -> None:
    run(folder, "assess", "assess", AssessSettings(judge="rule"), *TRIPLE[:2])


def spoilt(folder: Path) -> None:
    run(folder, "flawed", "sampled-flaws", FLAWS, *TRIPLE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Questions, paths and assessments, all in one portion."""
    make(tmp_path, NUM)
    assessed(tmp_path)
    return tmp_path


def rows(stage: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(stage.glob("*.parquet"))}


def again(folder: Path, name: str, made: Callable[[Path], None]) -> dict[str, bytes]:
    for file in (folder / name).glob("*"):
        file.unlink()
    made(folder)
    return rows(folder / name)


@pytest.mark.parametrize("size", [1, 7])
def test_portions_of_any_size_give_the_same_bytes(folder: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    spoilt(folder)
    whole = {name: rows(folder / name) for name in ("assess", "flawed")}
    for module in (block_work, flawed):
        monkeypatch.setattr(module, "QUESTIONS_AT_ONCE", size)
    assert again(folder, "assess", assessed) == whole["assess"]
    assert again(folder, "flawed", spoilt) == whole["flawed"]
    assert len(whole["flawed"]) == 2 and all(whole["flawed"].values())


def test_assessments_in_another_order_give_the_same_rows(folder: Path) -> None:
    spoilt(folder)
    whole = rows(folder / "flawed")
    turned = list(read_rows(folder / "assess", Assessment))[::-1]
    write_shards(folder / "assess", turned, Assessment)
    assert again(folder, "flawed", spoilt) == whole


def test_paths_of_a_question_that_stand_apart_are_an_error_that_names_it(folder: Path) -> None:
    paths = list(read_rows(folder / "paths", ReasoningPath))
    write_shards(folder / "paths", [*paths[1:], paths[0]], ReasoningPath)
    for stage in (spoilt, assessed):
        with pytest.raises(StageError, match=f"`{paths[0].question_id}` do not stand together"):
            stage(folder)


def test_questions_are_found_by_id_over_several_files_and_their_images_left_on_disk(tmp_path: Path) -> None:
    make(tmp_path, NUM)
    all_ = list(read_rows(tmp_path / "questions", Question))
    write_shards(tmp_path / "questions", all_, Question, rows_per_file=4)
    asked = QuestionsById(tmp_path / "questions")
    wanted = [row.id for row in all_[::-3]]
    found = asked.of(wanted)
    assert set(found) == set(wanted)
    for row in all_[::-3]:
        assert found[row.id] == row.model_copy(update={"images": found[row.id].images})
        assert found[row.id].images[0].bytes == row.images[0].bytes
    with pytest.raises(KeyError):
        asked.of(["nobody"])
