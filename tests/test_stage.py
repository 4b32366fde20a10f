"""A stage's folder is whole or not taken for it; its rows come back as they were, and what it dropped is kept apart."""

from __future__ import annotations

import io
import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path as Place
from types import ModuleType
from typing import Any

import polars as pl
import pytest
from PIL import Image as Picture

from insightv_bench import records
from insightv_bench.errors import RunError, SourceError, StageError
from insightv_bench.journal import Journal
from insightv_bench.plan import plan
from insightv_bench.progress import Progress
from insightv_bench.recipe import load_recipe
from insightv_bench.records import (
    Assessment,
    CalibrationRow,
    EvalRecord,
    FlawedRow,
    Image,
    Message,
    MultiTurnRow,
    Path,
    PreferenceRow,
    Question,
    ReasoningRow,
    Record,
    Step,
    SummaryRow,
)
from insightv_bench.run import run
from insightv_bench.settings import AssessSettings, TrainSettings, WorldSource
from insightv_bench.stage import (
    CHECKPOINTS,
    MANIFEST,
    Context,
    Dropped,
    Exclusion,
    Stage,
    drop,
    fingerprint,
    is_whole,
    read_manifest,
    run_stage,
)
from insightv_bench.tables import read_frame, read_rows, write_file, write_shards
from insightv_bench.world.level import Level
from insightv_bench.world.questions import sample_questions

QUESTIONS = list(sample_questions(Level(), "train", seed=11, num=6))
SMALL_WORLD = "world={side: 16, num_slots: 2, min_bars: 2, max_bars: 2, max_value: 99, noise_sd: 1}"


def context(folder: Place, function: str = "builders.questions:questions") -> Context:
    stage = Stage("questions-test", function, WorldSource(split="test", num=5), verb="build questions")
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
    """Makes a function one that a stage can name."""

    def put(function: Callable[[Context], None]) -> str:
        room = ModuleType("insightv_bench.room_of_this_test")
        room.work = function  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, room.__name__, room)
        return "room_of_this_test:work"

    return put


def start(out: Place, until: str, *overrides: str) -> subprocess.Popen[bytes]:
    words = [word for override in overrides for word in ("--set", override)]
    command = [sys.executable, "-m", "insightv_bench", "run", "walk", "--out", str(out), "--until", until, *words]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill_when(process: subprocess.Popen[bytes], moment: Callable[[], bool]) -> None:
    """SIGKILL as soon as `moment` has come; it must come before the process ends by itself."""
    give_up = time.monotonic() + 60
    while not moment():
        assert process.poll() is None, "it ended before the moment came"
        assert time.monotonic() < give_up
        time.sleep(0.005)
    process.kill()
    assert process.wait(timeout=30) == -signal.SIGKILL


def stage_folder(out: Place, stage: str) -> Place:
    return next((out / "walk-seed0" / "stages").glob(f"{stage}-????????????"))


def num_kept_calls(out: Place) -> int:
    file = out / "walk-seed0" / "journal.sqlite"
    if not file.exists():
        return 0
    connection = sqlite3.connect(file, timeout=20)
    try:
        return connection.execute("SELECT COUNT(*) FROM replies").fetchone()[0]
    except sqlite3.OperationalError:  # it has been made, but not its tables
        return 0
    finally:
        connection.close()


def test_a_stage_that_was_killed_while_writing_is_not_taken_for_whole_and_is_done_again(tmp_path: Place) -> None:
    overrides = [SMALL_WORLD, "questions.train.num=5040"]  # rows_per_file is 5,000
    shards = tmp_path / "killed" / "walk-seed0" / "stages"
    process = start(tmp_path / "killed", "questions-train", *overrides)
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


def test_a_stage_of_model_calls_that_was_killed_goes_on_to_the_same_rows(tmp_path: Place) -> None:
    overrides = [SMALL_WORLD, "questions.train.num=250"]
    process = start(tmp_path / "killed", "paths-teacher", *overrides)
    kill_when(process, lambda: num_kept_calls(tmp_path / "killed") >= 50)
    kept = num_kept_calls(tmp_path / "killed")
    assert not is_whole(stage_folder(tmp_path / "killed", "paths-teacher"))
    recipe = load_recipe("walk", overrides)
    manifests = [run(recipe, tmp_path / name, "paths-teacher") for name in ("killed", "unbroken")]
    paths = [list(read_rows(stage_folder(tmp_path / name, "paths-teacher"), Path)) for name in ("killed", "unbroken")]
    assert paths[0] == paths[1]
    assert len(paths[0]) == manifests[0]["num_rows"] == 500
    assert manifests[0]["totals"] == manifests[1]["totals"]
    assert 50 <= kept <= num_kept_calls(tmp_path / "killed") == num_kept_calls(tmp_path / "unbroken")


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


def folders_of(*overrides: str, of: str = "walk") -> dict[str, str]:
    """The folder's name of each stage, with no run."""
    recipe, names = load_recipe(of, list(overrides)), dict[str, Place]()
    for stage in plan(recipe):
        inputs = {name: names[name] for name in stage.inputs}
        names[stage.name] = Place(f"{stage.name}-{fingerprint(stage, inputs, recipe.seed)}")
    return {name: place.name for name, place in names.items()}


def test_the_same_recipe_finds_the_same_folders() -> None:
    assert folders_of() == folders_of()


@pytest.mark.parametrize(
    ("override", "changed", "same"),
    [
        ("paths.num_paths=3", {"paths-teacher", "assess-teacher", "train-reason"}, {"questions-train", "train-base"}),
        ("base.trainer.learning_rate=0.5", {"train-base", "train-reason", "paths-sft"}, {"lessons", "paths-teacher"}),
        ("world.noise_sd=9", {"questions-train", "lessons", "leaderboard"}, set()),
        ("threads=2", {"train-base", "train-dpo-2"}, {"lessons", "corpora-reasoning"}),
        ("eval.answer_sampling.max_new_tokens=25", {"eval-sft", "leaderboard"}, {"train-summary", "train-dpo-1"}),
        ("seed=1", {"questions-train", "leaderboard"}, set()),
    ],
)
def test_a_changed_setting_is_another_folder_for_all_that_follows(
    override: str, changed: set[str], same: set[str]
) -> None:
    before, after = folders_of(), folders_of(override)
    different = {name for name in before if before[name] != after[name]}
    assert changed <= different
    assert not same & different


OF_SUMMARIES = {"corpora-summary", "train-summary", "train-continued-sft", "eval-sft", "leaderboard"}
OF_PATHS = {"corpora-reasoning", "train-reason", "train-dpo-2", "train-rejection-2", "paths-eval-dpo-2"}


@pytest.mark.parametrize(
    ("override", "changed", "same"),
    [
        ("corpora.summary_shares={optimal: 0.5, flawed: 0.5}", OF_SUMMARIES, OF_PATHS | {"corpora-flawed"}),
        ("corpora.summary_num=9", OF_SUMMARIES, OF_PATHS),
        ("corpora.flawed_from=[sampled]", OF_SUMMARIES, OF_PATHS),
        ("flaws.weights={perception: 9}", OF_SUMMARIES | {"corpora-flawed"}, OF_PATHS),
        ("flaws.per_question=3", OF_SUMMARIES | {"corpora-flawed"}, OF_PATHS),
        ("corpora.max_paths_per_question=2", OF_PATHS | OF_SUMMARIES, {"corpora-flawed", "paths-teacher"}),
        ("corpora.high=96", OF_PATHS | OF_SUMMARIES, {"corpora-flawed", "assess-teacher"}),
        ("rounds.pairs.per_question=1", {"corpora-preference-1", "train-dpo-1"}, {"train-reason", "train-summary"}),
        ("rounds.rejection.trainer.learning_rate=1", {"train-rejection-1"}, {"train-dpo-2", "train-summary"}),
        ("agent_paths.num_paths=2", OF_SUMMARIES | {"paths-sft"}, OF_PATHS),
    ],
)
def test_a_stage_of_the_quickstart_holds_the_settings_that_it_reads(
    override: str, changed: set[str], same: set[str]
) -> None:
    """Another mix for the summary agent leaves the reasoning agent, and its rounds, as they are."""
    before, after = folders_of(of="quickstart"), folders_of(override, of="quickstart")
    different = {name for name in before if before[name] != after[name]}
    assert changed <= different
    assert not same & different


def test_sampled_flaws_are_told_apart_by_the_ranges_of_their_recipe() -> None:
    natural = "flaws={flaws: [natural, perception]}"
    before, after = folders_of(natural), folders_of(natural, "corpora.mid=60")
    assert before["corpora-flawed"] != after["corpora-flawed"]
    assert folders_of()["corpora-flawed"] == folders_of("corpora.mid=60")["corpora-flawed"]


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
    assert "images" not in kept  # what a row says is kept, not its pictures


def test_a_stage_that_drops_nothing_leaves_no_exclusions(here: Context) -> None:
    here.write(Question, QUESTIONS)
    assert [file.name for file in here.folder.iterdir()] == ["data-00000.parquet"]
    assert here.dropped == Counter()


def test_a_stage_may_write_more_than_one_corpus(here: Context) -> None:
    here.write(Question, QUESTIONS[:2], folder="one")
    here.write(Question, QUESTIONS[2:], folder="two")
    assert here.num_rows == len(QUESTIONS)
    assert list(read_rows(here.folder / "two", Question)) == QUESTIONS[2:]


SHARED: dict[str, Any] = {
    "id": "0123456789abcdef",
    "images": (Image(bytes=QUESTIONS[0].images[0].bytes), Image(bytes=b"\x00\xff", path="two.png")),
    "image_sha256": ("a", "b"),
    "question": 'What is "x"?\n☃ \U0001f600 \x00 end',
    "options": ("1", "2"),
    "answer": "B",
    "answer_type": "option",
    "source": "org/name",
    "source_revision": "1",
    "source_license": "MIT",
}
BARE = {**SHARED, "images": (), "image_sha256": (), "options": (), "question": "", "answer": ""}
TURNS = (Message(role="system", content=""), Message(role="user", content="a\nb"))
STEPS = (Step(summary="look", reasoning="so", action="continue"), Step(summary="end", reasoning="", action="summary"))
PATH: dict[str, Any] = {"id": "p", "question_id": "q", "sample": 3, "generator": "m@1", "prompt": "step@1"}
EVAL: dict[str, Any] = {
    "system": "sft",
    "base": "b",
    "round": 2,
    "arm": "reason+summary",
    "task": "t",
    "task_version": "1",
    "question_id": "q",
    "kind": "sum",
    "question": "?",
    "options": ("a",),
    "gold": "1",
    "answer_type": "number",
    "sample": 0,
    "path_id": "p",
    "path": "text",
    "path_correct": True,
    "path_status": "none",
    "flaw": "none",
    "severity": 0.25,
    "position": "early",
    "propagated": True,
    "planted_answer": "2",
    "response": "r",
    "answer": "1",
    "span": (3, 4),
    "method": "protocol",
    "sure": True,
    "correct": True,
    "verdict": "right",
    "num_prompt_tokens": 9,
    "num_tokens": 2,
    "total_tokens": 5,
    "token_cap": 10,
    "finish": "stop",
    "prompt": "summary@1",
    "parser": "1",
}
ROWS: list[Sequence[Record]] = [
    [*QUESTIONS[:2], Question(**SHARED, kind="k", scene="{}"), Question(**BARE)],
    [
        Path(**PATH, steps=STEPS, answer="3", status="complete", dialect="json", text="t", num_calls=3, num_tokens=9),
        Path(**PATH, steps=(), answer=None, status="malformed", dialect="prose", repaired=True, text="?"),
    ],
    [
        Assessment(
            path_id="p",
            question_id="q",
            correct=True,
            score=80,
            status="scored",
            judge="oracle",
            position=1,
            step_labels=(True, False),
            correction="c",
            reason="r",
        ),
        Assessment(path_id="p", question_id="q", correct=None, status="unscored", judge="rule"),
    ],
    [ReasoningRow(**SHARED, prompt=TURNS, completion=TURNS[1:], score=100)],
    [
        SummaryRow(**SHARED, prompt=TURNS, completion=TURNS, kind="agent", score_range="wrong", path_correct=False),
        SummaryRow(**BARE, prompt=(), completion=(), kind="plain", score_range="none", path_correct=None),
    ],
    [
        MultiTurnRow(**SHARED, prompt=TURNS, completion=TURNS, kind="agent", score_range="wrong", path_correct=False),
        MultiTurnRow(**BARE, prompt=(), completion=(), kind="plain", score_range="none", path_correct=None),
    ],
    [
        PreferenceRow(
            **SHARED, prompt=TURNS, chosen=TURNS, rejected=TURNS, chosen_score=None, rejected_score=7, round=1
        ),
    ],
    [
        FlawedRow(
            **{**SHARED, "kind": "sum", "path": "p", "flawed_path": "f", "flaw": "wrong-final", "severity": 0.5},
            position="late",
            propagated=False,
            error_steps=(0, 4),
            planted_answer="9",
        ),
    ],
    [
        EvalRecord(**EVAL),
        EvalRecord(**{**EVAL, "path_correct": None, "span": None, "answer": None, "path_status": "max_steps"}),
    ],
    [
        CalibrationRow(
            question_id="q",
            kind="sum",
            path="p",
            origin="flawed",
            flaw="perception",
            severity=0.5,
            sound=False,
            answer_right=False,
            true_score=40,
            true_first_wrong=1,
            score=70,
            verdict=False,
        ),
        CalibrationRow(
            question_id="q",
            kind="",
            path="",
            origin="trace",
            flaw="none",
            severity=0,
            sound=True,
            answer_right=True,
            true_first_wrong=None,
        ),
    ],
    [Exclusion(id="x", reason="duplicate", row="{}")],
]


def all_records() -> set[str]:
    """Every record that stands by itself in a file."""
    parts = {"Image", "Message", "Step", "QuestionColumns", "Record"}
    found = {name for name, kind in vars(records).items() if isinstance(kind, type) and issubclass(kind, Record)}
    return found - parts


def test_every_record_type_is_tried_below() -> None:
    assert {type(rows[0]).__name__ for rows in ROWS} == all_records() | {"Exclusion"}


@pytest.mark.parametrize("rows", ROWS, ids=lambda rows: type(rows[0]).__name__)
def test_records_come_back_from_parquet_as_they_were(tmp_path: Place, rows: Sequence[Record]) -> None:
    file = tmp_path / "data-00000.parquet"
    write_file(file, rows, type(rows[0]))
    assert list(read_rows(file, type(rows[0]))) == list(rows)
    assert list(read_rows(tmp_path, type(rows[0]))) == list(rows)
    assert [item.name for item in tmp_path.iterdir()] == [file.name]


def test_rows_keep_their_order_over_files_and_none_at_all_are_a_file_too(tmp_path: Place) -> None:
    rows = [Exclusion(id=str(number), reason="r", row="") for number in range(12)]
    assert write_shards(tmp_path, iter(rows), Exclusion, rows_per_file=5) == 12
    assert sorted(file.name for file in tmp_path.iterdir()) == [f"data-0000{number}.parquet" for number in range(3)]
    assert list(read_rows(tmp_path, Exclusion)) == rows
    (tmp_path / "none").mkdir()
    assert write_shards(tmp_path / "none", [], Exclusion) == 0
    assert list(read_rows(tmp_path / "none", Exclusion)) == []


def test_a_file_is_whole_or_absent(tmp_path: Place) -> None:
    class Unwritable(Exclusion):
        row: object = None  # type: ignore[assignment]

    rows = [Exclusion(id="1", reason="r", row=""), Unwritable(id="2", reason="r", row=object())]
    with pytest.raises(Exception, match="object"):
        write_file(tmp_path / "data-00000.parquet", rows, Exclusion)
    assert not (tmp_path / "data-00000.parquet").exists()
    with pytest.raises(RunError, match="no rows in"):
        list(read_rows(tmp_path, Exclusion))


def test_a_missing_column_is_an_error_that_names_it_and_one_too_many_is_left_aside(tmp_path: Place) -> None:
    file = tmp_path / "data-00000.parquet"
    write_file(file, QUESTIONS, Question)
    frame = pl.read_parquet(file)
    frame.drop("answer_type").write_parquet(file)
    with pytest.raises(RunError) as raised:
        list(read_rows(tmp_path, Question))
    assert raised.value.fact == f"`{file}` holds no Question rows: column `answer_type` is missing"
    frame.with_columns(remark=pl.lit("mine")).write_parquet(file)
    assert list(read_rows(tmp_path, Question)) == QUESTIONS


def test_a_folder_with_no_rows_and_a_file_that_is_no_parquet_are_errors_with_hints(tmp_path: Place) -> None:
    with pytest.raises(RunError, match=f"no rows in `{tmp_path}`") as raised:
        list(read_rows(tmp_path, Question))
    assert raised.value.hint
    (tmp_path / "data-00000.parquet").write_bytes(b"PAR1 and then no more")
    with pytest.raises(RunError, match="cannot be read") as raised:
        list(read_rows(tmp_path, Question))
    assert raised.value.hint


@pytest.mark.parametrize("record", [Question, ReasoningRow], ids=lambda record: record.__name__)
def test_load_dataset_shows_the_images_as_pictures(tmp_path: Place, record: type[Record]) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    rows: list[Record] = list(QUESTIONS)
    if record is ReasoningRow:
        columns = [{name: getattr(question, name) for name in SHARED} for question in QUESTIONS]
        rows = [ReasoningRow(**each, prompt=TURNS, completion=TURNS, score=9) for each in columns]
    (tmp_path / "rows").mkdir()
    write_shards(tmp_path / "rows", rows, record, rows_per_file=4)
    files = sorted(str(file) for file in (tmp_path / "rows").iterdir())
    table = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
    assert table.column_names == list(record.model_fields)
    assert table.features["images"].feature == datasets.Image()
    for shown, question in zip(table, QUESTIONS, strict=True):
        (picture,) = shown["images"]
        with Picture.open(io.BytesIO(question.images[0].bytes)) as original:
            assert picture.tobytes() == original.tobytes()
        assert shown["question"] == question.question
    if record is ReasoningRow:
        assert table[0]["prompt"] == [turn.model_dump() for turn in TURNS]


def test_a_fingerprint_depends_on_the_function_the_options_and_the_names_of_the_inputs() -> None:
    stage = Stage("s", "room:work", AssessSettings(), options={"round": 1})
    inputs = {"a": Place("a-1"), "b": Place("b-1")}
    changes = [
        fingerprint(stage, inputs, 0),
        fingerprint(stage, {**inputs, "b": Place("b-2")}, 0),
        fingerprint(stage, inputs, 1),
        fingerprint(Stage("s", "room:other", AssessSettings(), options={"round": 1}), inputs, 0),
        fingerprint(Stage("s", "room:work", AssessSettings(judge="rule"), options={"round": 1}), inputs, 0),
        fingerprint(Stage("s", "room:work", AssessSettings(), options={"round": 2}), inputs, 0),
        fingerprint(Stage("s", "room:work", TrainSettings(trainer={"x": 1}), options={"round": 1}), inputs, 0),
    ]
    assert len(set(changes)) == len(changes)
    elsewhere = {"b": Place("/elsewhere/b-1"), "a": Place("/elsewhere/a-1")}
    assert fingerprint(stage, elsewhere, 0) == changes[0]
