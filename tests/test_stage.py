"""A stage's folder is whole or not taken for it; its rows come back as they were, and what it dropped is kept apart."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path as Place
from types import ModuleType

import pytest
from command_line import kill_when, num_kept_calls, start
from record_rows import QUESTIONS

from insightv_bench.errors import SourceError, StageError
from insightv_bench.journal import Journal
from insightv_bench.records import Path, Question
from insightv_bench.runs import run
from insightv_bench.settings import WorldSource, load_recipe
from insightv_bench.stages import (
    CHECKPOINTS,
    KINDS,
    MANIFEST,
    Context,
    Dropped,
    Exclusion,
    Options,
    Progress,
    Stage,
    WorldOptions,
    drop,
    is_whole,
    read_manifest,
    run_stage,
)
from insightv_bench.storage import read_frame, read_rows

SMALL_WORLD = "world={side: 16, num_slots: 2, min_bars: 2, max_bars: 2, max_value: 99, noise_sd: 1}"


def context(folder: Place) -> Context:
    stage = Stage("questions-test", "questions", WorldSource(split="test", num=5), {}, WorldOptions())
    folder.mkdir(parents=True, exist_ok=True)
    journal = Journal(folder.parent / "journal.sqlite")
    return Context(stage, folder, {}, journal, Progress(), 0, load_recipe("walk"))


@pytest.fixture
def here(tmp_path: Place) -> Iterator[Context]:
    made = context(tmp_path / "questions-test-0123456789ab")
    yield made
    made.journal.close()


@pytest.fixture
def in_room(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Context], None]], str]:
    """Makes a function the one that a kind of stage runs."""

    def put(function: Callable[[Context], None]) -> str:
        room = ModuleType("insightv_bench.room_of_this_test")
        room.work = function  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, room.__name__, room)
        mine = replace(KINDS["questions"], name="of-this-test", function="room_of_this_test:work", options=Options)
        monkeypatch.setitem(KINDS, mine.name, mine)
        return mine.name

    return put


def started(out: Place, until: str, *overrides: str) -> subprocess.Popen[str]:
    words = [word for override in overrides for word in ("--set", override)]
    return start(out.parent, "run", "walk", "--out", out, "--until", until, *words)


def stage_folder(out: Place, stage: str) -> Place:
    return next((out / "walk-seed0" / "stages").glob(f"{stage}-????????????"))


@pytest.mark.slow
def test_a_stage_that_was_killed_while_writing_is_not_taken_for_whole_and_is_done_again(tmp_path: Place) -> None:
    overrides = [SMALL_WORLD, "questions.train.num=5040"]  # rows_per_file is 5,000
    shards = tmp_path / "killed" / "walk-seed0" / "stages"
    process = started(tmp_path / "killed", "questions-train", *overrides)
    kill_when(process, lambda: any(shards.glob("*/data-00000.parquet")))
    folder = stage_folder(tmp_path / "killed", "questions-train")
    assert (folder / "data-00000.parquet").exists()
    assert not (folder / MANIFEST).exists()
    assert not is_whole(folder)
    (folder / "data-00007.parquet").write_bytes(b"what a kill may leave")
    manifest = run(load_recipe("walk", overrides), tmp_path / "killed", "questions-train")
    assert is_whole(folder)
    assert manifest["num_rows"] == 5040
    assert sorted(manifest["files"]) == ["data-00000.parquet", "data-00001.parquet"]
    assert read_frame(folder, ["id"])["id"].n_unique() == 5040


@pytest.mark.slow
def test_a_stage_of_model_calls_that_was_killed_goes_on_to_the_same_rows(tmp_path: Place) -> None:
    overrides = [SMALL_WORLD, "questions.train.num=250"]
    run_folders = [tmp_path / name / "walk-seed0" for name in ("killed", "unbroken")]
    process = started(tmp_path / "killed", "paths-teacher", *overrides)
    kill_when(process, lambda: num_kept_calls(run_folders[0]) >= 50)
    kept = num_kept_calls(run_folders[0])
    assert not is_whole(stage_folder(tmp_path / "killed", "paths-teacher"))
    recipe = load_recipe("walk", overrides)
    manifests = [run(recipe, tmp_path / name, "paths-teacher") for name in ("killed", "unbroken")]
    paths = [list(read_rows(stage_folder(tmp_path / name, "paths-teacher"), Path)) for name in ("killed", "unbroken")]
    assert paths[0] == paths[1]
    assert len(paths[0]) == manifests[0]["num_rows"] == 500
    assert manifests[0]["totals"] == manifests[1]["totals"]
    assert 50 <= kept <= num_kept_calls(run_folders[0]) == num_kept_calls(run_folders[1])


def test_the_manifest_is_written_last(here: Context, in_room: Callable[[Callable[[Context], None]], str]) -> None:
    seen: list[bool] = []

    def work(context: Context) -> None:
        context.write(Question, QUESTIONS)
        seen.append((context.folder / MANIFEST).exists())

    stage = Stage("questions-test", in_room(work), here.stage.settings)
    manifest = run_stage(stage, here)
    assert seen == [False]
    others = [file for file in here.folder.rglob("*") if file.is_file() and file.name != MANIFEST]
    assert manifest["files"] == {file.name: file.stat().st_size for file in others}
    assert (here.folder / MANIFEST).stat().st_mtime_ns >= max(file.stat().st_mtime_ns for file in others)
    assert is_whole(here.folder)
    assert read_manifest(here.folder) == manifest


def test_a_stage_that_fails_has_no_manifest_and_leaves_nothing_to_the_next_try(
    here: Context, in_room: Callable[[Callable[[Context], None]], str]
) -> None:
    def fail(context: Context) -> None:
        (context.folder / CHECKPOINTS).mkdir()
        (context.folder / CHECKPOINTS / "half").write_text("what a rerun goes on from", encoding="utf-8")
        (context.folder / "model").mkdir()
        (context.folder / "model" / "half").write_text("a model, half-written", encoding="utf-8")
        context.write(Question, QUESTIONS[:3])
        raise SourceError("no more rows")

    def finish(context: Context) -> None:
        assert {item.name for item in context.folder.iterdir()} == {CHECKPOINTS}
        assert (context.folder / CHECKPOINTS / "half").exists()
        context.write(Question, QUESTIONS)

    with pytest.raises(SourceError):
        run_stage(Stage("questions-test", in_room(fail), here.stage.settings), here)
    assert not is_whole(here.folder)
    here.num_rows = 0
    run_stage(Stage("questions-test", in_room(finish), here.stage.settings), here)
    assert is_whole(here.folder)
    assert not (here.folder / CHECKPOINTS).exists()
    assert list(read_rows(here.folder, Question)) == QUESTIONS


def test_a_manifest_says_what_was_done_with_what(tmp_path: Place) -> None:
    recipe = load_recipe("walk", [SMALL_WORLD, "questions.test.num=5", "seed=3"])
    run(recipe, tmp_path, "questions-test")
    (folder,) = (tmp_path / "walk-seed3" / "stages").iterdir()
    manifest = read_manifest(folder)
    assert (manifest["stage"], manifest["seed"], manifest["num_rows"], manifest["num_dropped"]) == (
        "questions-test",
        3,
        5,
        0,
    )
    assert manifest["settings"] == {"source": "world", "split": "test", "num": 5, "seed": 0, "fixed": False}
    assert manifest["versions"]["insightv-bench"]
    assert manifest["seconds"] >= 0


def test_two_settings_in_one_run_do_not_mix(tmp_path: Place) -> None:
    for num in (4, 7):
        run(load_recipe("walk", [SMALL_WORLD, f"questions.test.num={num}"]), tmp_path, "questions-test")
    folders = sorted((tmp_path / "walk-seed0" / "stages").iterdir())
    assert sorted(len(list(read_rows(folder, Question))) for folder in folders) == [4, 7]


@pytest.mark.parametrize("harm", ["truncated", "missing"])
def test_a_finished_stage_whose_file_was_harmed_is_an_error_with_a_hint(tmp_path: Place, harm: str) -> None:
    recipe = load_recipe("walk", [SMALL_WORLD, "questions.train.num=20"])
    run(recipe, tmp_path, "questions-train")
    folder = stage_folder(tmp_path, "questions-train")
    file = folder / "data-00000.parquet"
    num_bytes = file.stat().st_size
    file.write_bytes(file.read_bytes()[: num_bytes // 2])
    if harm == "missing":
        file.unlink()
    for check in (lambda: is_whole(folder), lambda: run(recipe, tmp_path, "paths-teacher")):
        with pytest.raises(StageError) as raised:
            check()
        assert raised.value.fact == f"`{file}` is not the file that the stage wrote ({num_bytes} bytes)"
        assert raised.value.hint == f"remove the folder and run again: rm -r {folder}"


def test_a_manifest_that_cannot_be_read_is_an_error_with_a_hint(here: Context) -> None:
    (here.folder / MANIFEST).write_text('{"stage": ', encoding="utf-8")
    with pytest.raises(StageError, match="cannot be read") as raised:
        is_whole(here.folder)
    assert str(here.folder) in raised.value.hint


def test_dropped_rows_are_kept_with_their_reasons_and_counted(
    here: Context, in_room: Callable[[Callable[[Context], None]], str]
) -> None:
    rows: list[Question | Dropped] = [
        QUESTIONS[0],
        drop(QUESTIONS[1], "duplicate"),
        Dropped("row-7", "no answer", '{"question": "?"}'),
        QUESTIONS[2],
        drop(QUESTIONS[3], "duplicate"),
    ]
    stage = Stage("questions-test", in_room(lambda context: context.write(Question, rows)), here.stage.settings)
    manifest = run_stage(stage, here)
    assert (manifest["num_rows"], manifest["num_dropped"]) == (2, 3)
    assert manifest["dropped"] == {"duplicate": 2, "no answer": 1}
    assert list(read_rows(here.folder, Question)) == [QUESTIONS[0], QUESTIONS[2]]
    exclusions = list(read_rows(here.folder / "exclusions.parquet", Exclusion))
    assert [(row.id, row.reason) for row in exclusions] == [
        (QUESTIONS[1].id, "duplicate"),
        ("row-7", "no answer"),
        (QUESTIONS[3].id, "duplicate"),
    ]
    kept = json.loads(exclusions[0].row)
    assert kept["question"] == QUESTIONS[1].question
    assert "images" not in kept  # what a row says is kept, not its images


def test_a_stage_that_drops_nothing_leaves_no_exclusions(here: Context) -> None:
    here.write(Question, QUESTIONS)
    assert [file.name for file in here.folder.iterdir()] == ["data-00000.parquet"]
    assert here.dropped == Counter()


def test_a_stage_may_write_more_than_one_corpus(here: Context) -> None:
    here.write(Question, QUESTIONS[:2], folder="one")
    here.write(Question, QUESTIONS[2:], folder="two")
    assert here.num_rows == len(QUESTIONS)
    assert list(read_rows(here.folder / "two", Question)) == QUESTIONS[2:]
