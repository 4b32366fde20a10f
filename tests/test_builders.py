"""The builders: what becomes a question, a score and a row to train on, and what is left out with which reason."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path as File
from typing import Any

import polars as pl
import pytest
from PIL import Image as Picture

from insightv_bench.agents import path_text
from insightv_bench.answers import matches
from insightv_bench.builders.assess import assess_path
from insightv_bench.chat import user
from insightv_bench.errors import SourceError, StageError
from insightv_bench.journal import Journal
from insightv_bench.progress import Progress
from insightv_bench.protocol import parse_path, parse_summary, render_path
from insightv_bench.recipe import load_recipe
from insightv_bench.records import (
    Assessment,
    FlawedRow,
    Path,
    PreferenceRow,
    Question,
    ReasoningRow,
    Record,
    Step,
    SummaryRow,
)
from insightv_bench.settings import (
    AssessSettings,
    Columns,
    CorporaSettings,
    FlawsSettings,
    LessonsSettings,
    PairsSettings,
    ParquetSource,
    PathsSettings,
    Sampling,
    Section,
    TeacherEngine,
    WorldSource,
)
from insightv_bench.stage import MANIFEST, Context, Exclusion, Stage, run_stage
from insightv_bench.tables import read_frame, read_rows, write_shards, write_text

DATA = File(__file__).parents[2] / "shared" / "data"
SHARED = "id, images, image_sha256, question, options, answer, answer_type, source, source_revision, source_license"
COLUMNS = Columns(question="question", answer="answer", image="image", options="options", id="id")
PATHS = PathsSettings(
    engine=TeacherEngine(careful=0.5, partial=0.3, read_error=0.1, state_error=0.1),
    num_paths=4,
    mode="one-call",
    sampling=Sampling(temperature=0.7),
)


def ran(out: File, function: str, settings: Section, inputs: dict[str, File], **options: Any) -> Context:
    """A stage with a context by hand, run."""
    stage = Stage(out.name, f"builders.{function}", settings, tuple(inputs), "", options)
    with closing(Journal(out.parent / "journal.sqlite")) as journal:
        context = Context(stage, out, inputs, journal, Progress(), 0, load_recipe("walk"))
        run_stage(stage, context)
    return context


def left_out(folder: File) -> list[Exclusion]:
    file = folder / "exclusions.parquet"
    return list(read_rows(file, Exclusion)) if file.exists() else []


def reasons(folder: File) -> Counter[str]:
    return Counter(exclusion.reason for exclusion in left_out(folder))


# Questions of a table


def png(side: int = 4, colour: int = 0) -> bytes:
    buffer = io.BytesIO()
    Picture.new("RGB", (side, side), (colour, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def row(place: int, **changes: Any) -> dict[str, Any]:
    columns = {"id": f"r{place}", "question": f"How many? ({place})", "answer": "7", "options": []}
    return {**columns, "image": {"bytes": png(colour=place), "path": None}, **changes}


def table(file: File, rows: Sequence[dict[str, Any]]) -> File:
    schema = {"image": pl.Struct({"bytes": pl.Binary, "path": pl.String}), "options": pl.List(pl.String)}
    pl.DataFrame(rows, schema_overrides=schema).write_parquet(file)
    return file


def source(file: File, **changes: Any) -> ParquetSource:
    return ParquetSource(**{"source": "parquet", "path": str(file), "name": "org/set", "columns": COLUMNS, **changes})


def asked(tmp_path: File, rows: Sequence[dict[str, Any]], **changes: Any) -> tuple[list[Question], list[Exclusion]]:
    """The rows as questions, and what was left out of them."""
    settings = source(table(tmp_path / "rows.parquet", rows), **changes)
    context = ran(tmp_path / "questions", "questions:questions", settings, {})
    kept = list(read_rows(context.folder, Question))
    assert context.num_rows == len(kept)
    assert sum(context.dropped.values()) == len(left_out(context.folder)) == len(rows) - len(kept)
    return kept, left_out(context.folder)


def bomb() -> bytes:
    """A PNG whose header speaks of 30,000 x 30,000 pixels, with none in it."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + png()[33:]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"answer": None}, "no answer"),
        ({"answer": "  "}, "no answer"),
        ({"question": None}, "no question"),
        ({"question": "\n"}, "no question"),
        ({"image": {"bytes": b"", "path": None}}, "no image"),
        ({"image": None}, "no image"),
        ({"image": {"bytes": None, "path": "x.png"}}, "image file is missing"),
        ({"image": {"bytes": b"no picture", "path": None}}, "image cannot be decoded"),
        ({"image": {"bytes": png(32)[:-60], "path": None}}, "image cannot be decoded"),
        ({"image": {"bytes": png(33), "path": None}}, "image too large"),
        ({"image": {"bytes": bomb(), "path": None}}, "image too large"),
        ({"options": ["red", "blue"], "answer": "green"}, "answer not an option"),
        ({"options": ["red", "blue"], "answer": "C"}, "answer not an option"),
        ({"options": ["red", "red"], "answer": "red"}, "answer not an option"),
        ({"options": ["x"] * 27, "answer": "A"}, "too many options"),
        ({"options": ["B", "A"], "answer": "A"}, "answer is one option's letter and another's text"),
        ({"options": ["c", "b", "a"], "answer": "a"}, "answer is one option's letter and another's text"),
    ],
)
def test_what_is_no_question_is_left_out_with_its_reason(tmp_path: File, changes: dict[str, Any], reason: str) -> None:
    kept, out = asked(tmp_path, [row(0), row(1, **changes), row(2)], max_pixels=32 * 32)
    assert [q.question for q in kept] == ["How many? (0)", "How many? (2)"]
    assert [(one.id, one.reason) for one in out] == [("r1", reason)]
    told = json.loads(out[0].row)
    assert told["answer"] == (changes.get("answer", "7") or "").strip()
    assert told["question"] == (changes.get("question", "How many? (1)") or "").strip()


def test_a_row_that_stands_twice_counts_once(tmp_path: File) -> None:
    """Under another id of its set too: a question is its text, options and picture."""
    kept, out = asked(tmp_path, [row(0), row(0), row(1), row(0, id="other"), row(0, question="Which?")])
    assert [q.question for q in kept] == ["How many? (0)", "How many? (1)", "Which?"]
    assert [one.reason for one in out] == ["duplicate"] * 2
    assert all("How many? (0)" in one.row and "bytes" not in one.row for one in out)


def test_a_question_is_its_content_not_its_place(tmp_path: File) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, _ = asked(tmp_path / "a", [row(0), row(1), row(2)], revision="1")
    other, _ = asked(tmp_path / "b", [row(2), row(0), row(1)], revision="1")
    assert {q.id: q for q in one} == {q.id: q for q in other} and len({q.id for q in one}) == 3


def test_the_original_picture_is_kept(tmp_path: File) -> None:
    buffer = io.BytesIO()
    Picture.new("RGB", (8, 8), (9, 9, 9)).save(buffer, "JPEG")
    (question,), _ = asked(tmp_path, [row(0, image={"bytes": buffer.getvalue(), "path": "/home/someone/x.jpg"})])
    assert question.images[0].bytes == buffer.getvalue() and question.images[0].path is None
    assert question.image_sha256 == (question.images[0].sha256,)


@pytest.mark.parametrize(
    ("options", "answer", "letter"),
    [
        (["red", "blue"], "blue", "B"),
        (["red", "blue"], "B", "B"),
        (["red", "blue"], "b", "B"),
        (["10", "20", "30"], "30", "C"),
        ([" red ", "blue"], "red", "A"),
        (["A", "C", "C"], "A", "A"),
        (["A", "B", "C"], "b", "B"),
    ],
)
def test_option_answers_become_letters(tmp_path: File, options: list[str], answer: str, letter: str) -> None:
    (question,), _ = asked(tmp_path, [row(0, options=options, answer=answer)])
    assert (question.answer, question.answer_type) == (letter, "option")
    assert question.options == tuple(option.strip() for option in options)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("7", "number"),
        ("2.5", "number"),
        ("1,200 cm", "number"),
        (r"\frac{1}{2}", "number"),
        ("yes", "yes_no"),
        ("No", "yes_no"),
        ("x^2", "expression"),
        (r"2\sqrt{3}", "expression"),
        ("(3,-4)", "expression"),
        ("a triangle", "text"),
        ("C", "text"),
    ],
)
def test_answers_have_a_type(tmp_path: File, answer: str, kind: str) -> None:
    (question,), _ = asked(tmp_path, [row(0, answer=answer)])
    assert (question.answer, question.answer_type) == (answer, kind)
    assert matches(f"The answer is {answer}.", answer, question.answer_type)
    assert not matches("The answer is 3001.", answer, question.answer_type)


@pytest.mark.parametrize(("answer", "text"), [(0, "0"), (0.0, "0.0"), (False, "False"), (12, "12")])
def test_answers_that_are_no_text_are_answers_too(tmp_path: File, answer: object, text: str) -> None:
    (question,), _ = asked(tmp_path, [row(0, answer=answer)])
    assert question.answer == text and matches(text, question.answer, question.answer_type)


def test_a_source_without_ids_options_or_kinds_is_read(tmp_path: File) -> None:
    columns = Columns(question="question", answer="answer", image="image")
    kept, _ = asked(tmp_path, [row(0), row(1)], columns=columns)
    assert len(kept) == 2 and all(q.options == () and q.kind == "" and q.scene == "" for q in kept)


def test_source_revision_and_licence_stand_on_every_row(tmp_path: File) -> None:
    (question,), _ = asked(tmp_path, [row(0)], revision="abc", license="MIT")
    assert (question.source, question.source_revision, question.source_license) == ("org/set", "abc", "MIT")


def test_a_folder_is_read_file_by_file_up_to_its_limit(tmp_path: File) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    table(folder / "b.parquet", [row(2), row(3)])
    table(folder / "a.parquet", [row(0), row(1)])
    context = ran(tmp_path / "questions", "questions:questions", source(folder, limit=3), {})
    assert [q.question for q in read_rows(context.folder, Question)] == [f"How many? ({n})" for n in range(3)]


def refused(tmp_path: File, settings: ParquetSource) -> SourceError:
    with pytest.raises(SourceError) as found:
        ran(tmp_path / "questions", "questions:questions", settings, {})
    return found.value


def test_a_missing_column_is_named_with_the_columns_there_are(tmp_path: File) -> None:
    file = table(tmp_path / "rows.parquet", [row(0)])
    error = refused(tmp_path, source(file, columns=COLUMNS.model_copy(update={"answer": "gold"})))
    assert "no column `gold` for `answer`" in error.fact
    assert all(f"`{name}`" in error.hint for name in row(0))


@pytest.mark.parametrize(("field", "column"), [("options", "image"), ("answer", "options"), ("question", "image")])
def test_a_column_that_holds_something_else_is_named(tmp_path: File, field: str, column: str) -> None:
    file = table(tmp_path / "rows.parquet", [row(0)])
    columns = Columns.model_validate(COLUMNS.model_dump() | {field: column})
    error = refused(tmp_path, source(file, columns=columns))
    assert f"column `{column}`" in error.fact and f"for `{field}`" in error.fact and error.hint


@pytest.mark.parametrize("num_bytes", [0, 3, 40, -1])
def test_a_truncated_file_is_an_error_that_names_it(tmp_path: File, num_bytes: int) -> None:
    file = table(tmp_path / "rows.parquet", [row(n) for n in range(20)])
    file.write_bytes(file.read_bytes()[:num_bytes])
    error = refused(tmp_path, source(file))
    assert str(file) in error.fact and "truncated" in error.hint


def test_no_file_is_an_error_that_names_the_set(tmp_path: File) -> None:
    (tmp_path / "empty").mkdir()
    for file in (tmp_path / "absent.parquet", tmp_path / "empty"):
        error = refused(tmp_path, source(file))
        assert str(file) in error.fact and "`org/set`" in error.hint


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("recipe", "file", "num", "types"),
    [
        ("puzzlevqa", "puzzlevqa.parquet", 500, {"option": 500}),
        ("mathvision", "mathvision_testmini.parquet", 304, {"option": 190, "number": 112, "text": 1, "expression": 1}),
    ],
)
def test_real_questions_are_read_whole(tmp_path: File, recipe: str, file: str, num: int, types: dict[str, int]) -> None:
    if not (DATA / file).exists():
        pytest.skip(f"../shared/data/{file} is absent")
    settings = load_recipe(recipe, [f"questions.test.path={DATA / file}"]).questions["test"]
    context = ran(tmp_path / "questions", "questions:questions", settings, {})
    kept = list(read_rows(context.folder, Question))
    assert len(kept) == num and not left_out(context.folder)
    assert Counter(q.answer_type for q in kept) == types
    assert all(matches(q.answer, q.answer, q.answer_type, q.options) for q in kept)
    assert all(q.source_license == "MIT" and q.kind for q in kept)


# Paths, scores and corpora of the drawn world


class Built:
    """The stages' folders of one small build, as a run would leave them."""

    def __init__(self, root: File) -> None:
        self.root = root
        self.folders: dict[str, File] = {}
        self.totals: dict[str, dict[str, Any]] = {}

    def run(self, name: str, function: str, settings: Section, inputs: Sequence[str] = (), **options: Any) -> Context:
        context = ran(self.root / name, function, settings, {x: self.folders[x] for x in inputs}, **options)
        self.folders[name], self.totals[name] = context.folder, context.totals
        return context

    def rows(self, name: str, record: type[Any]) -> list[Any]:
        return list(read_rows(self.folders[name], record))

    def assessed(self, name: str) -> dict[str, Assessment]:
        return {row.path_id: row for row in self.rows(f"assess-{name}", Assessment)}


REASONING = CorporaSettings(max_paths_per_question=2)
SUMMARY = CorporaSettings(summary_num=200, summary_shares={"optimal": 0.2, "flawed": 0.4, "agent": 0.2, "plain": 0.2})
TRIPLE, AGENT = ("questions", "paths", "assess-teacher"), ("sample", "agent-paths", "assess-agent")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    made = Built(tmp_path_factory.mktemp("built"))
    made.run("questions", "questions:questions", WorldSource(split="train", num=160))
    made.run("sample", "questions:questions", WorldSource(split="train", num=80, seed=1))
    made.run("paths", "paths:paths", PATHS, ["questions"])
    made.run("agent-paths", "paths:paths", PATHS, ["sample"])
    made.run("assess-teacher", "assess:assess", AssessSettings(), ["questions", "paths"])
    made.run("assess-agent", "assess:assess", AssessSettings(), ["sample", "agent-paths"])
    made.run("reasoning", "corpora:reasoning", REASONING, TRIPLE)
    made.run("flawed", "corpora:flawed", FlawsSettings(per_question=3), ["questions"])
    made.run("summary", "summary:summary", SUMMARY, [*TRIPLE, "flawed", *AGENT])
    made.run("preference", "preference:preference", PairsSettings(per_question=3), AGENT, round=2)
    return made


def test_every_question_has_its_paths(built: Built) -> None:
    counts = Counter(path.question_id for path in built.rows("paths", Path))
    assert counts == {question.id: 4 for question in built.rows("questions", Question)}
    assert built.totals["paths"]["statuses"] == {"complete": 640}


def test_a_wrong_path_is_not_scored_and_a_right_one_is_scored_1_to_100(built: Built) -> None:
    by_id = {question.id: question for question in built.rows("questions", Question)}
    found = built.assessed("teacher")
    statuses: Counter[str] = Counter()
    for path in built.rows("paths", Path):
        assessment, question = found[path.id], by_id[path.question_id]
        right = matches(path.answer, question.answer, question.answer_type)
        assert assessment.correct is right and assessment.judge == "oracle"
        assert assessment.status == ("scored" if right else "not_scored")
        assert (assessment.reason == "wrong answer") == (not right)
        assert (assessment.score is None) == (not right) and (not right or 1 <= (assessment.score or 0) <= 100)
        assert len(assessment.step_labels) == len(path.steps)
        assert bool(assessment.correction) == (False in assessment.step_labels)
        statuses[assessment.status] += 1
    assert built.totals["assess-teacher"]["statuses"] == statuses and min(statuses.values()) > 100


def test_a_rule_rates_nothing(built: Built) -> None:
    built.run("assess-rule", "assess:assess", AssessSettings(judge="rule"), ["questions", "paths"])
    for row_ in built.rows("assess-rule", Assessment):
        assert row_.score is None and row_.step_labels == () and row_.judge == "rule" and row_.reason
        assert row_.status == ("unscored" if row_.correct else "not_scored")


def test_a_path_without_an_answer_is_wrong(built: Built) -> None:
    question, path = built.rows("questions", Question)[0], built.rows("paths", Path)[0]
    for judge in ("rule", "oracle"):
        silent = path.model_copy(update={"answer": None, "status": "max_steps"})
        found = assess_path(AssessSettings(judge=judge), question, silent)
        assert (found.correct, found.status, found.score) == (False, "not_scored", None)


def test_the_oracle_refuses_a_question_without_a_scene(built: Built) -> None:
    question, path = built.rows("questions", Question)[0], built.rows("paths", Path)[0]
    with pytest.raises(StageError, match=r"judges the drawn world alone.*\n*hint: set `assess.judge: rule`"):
        assess_path(AssessSettings(), question.model_copy(update={"scene": ""}), path)


def text_of(messages: Sequence[Any]) -> str:
    (message,) = messages
    return str(message.content)


def test_the_reasoning_corpus_holds_high_complete_paths_alone_and_few_a_question(built: Built) -> None:
    by_text = defaultdict(list)
    assessed = built.assessed("teacher")
    for path in built.rows("paths", Path):
        by_text[path.question_id, path_text(path)].append((path, assessed[path.id]))
    rows = built.rows("reasoning", ReasoningRow)
    for row_ in rows:
        found = by_text[row_.id, text_of(row_.completion)]
        assert found and all(path.status == "complete" and one.score == row_.score for path, one in found)
        assert row_.score >= REASONING.high and text_of(row_.completion) == render_path(*parse_answered(row_))
    counts = Counter(row_.id for row_ in rows)
    assert max(counts.values()) == 2 and len({(row_.id, text_of(row_.completion)) for row_ in rows}) == len(rows)
    assert set(reasons(built.folders["reasoning"])) == {
        "score range low",
        "score range mid",
        "score range wrong",
        "same text as a better path",
        "enough paths of this question",
    }
    assert len(rows) + len(left_out(built.folders["reasoning"])) == len(built.rows("paths", Path))


def parse_answered(row_: ReasoningRow) -> tuple[tuple[Step, ...], str]:
    path = parse_path(text_of(row_.completion))
    assert path.answer == row_.answer and path.status == "complete"
    return path.steps, path.answer


def test_the_best_path_of_a_question_is_kept_first(built: Built) -> None:
    best: dict[str, int] = defaultdict(int)
    for one in built.assessed("teacher").values():
        best[one.question_id] = max(best[one.question_id], one.score or 0)
    kept: dict[str, int] = defaultdict(int)
    for row_ in built.rows("reasoning", ReasoningRow):
        kept[row_.id] = max(kept[row_.id], row_.score)
    assert kept == {question: score for question, score in best.items() if score >= REASONING.high}


def test_unfinished_paths_are_left_out_by_their_status(built: Built, tmp_path: File) -> None:
    own = Built(tmp_path)
    question = built.rows("questions", Question)[0]
    path = next(p for p in built.rows("paths", Path) if p.question_id == question.id)
    broken = [
        path.model_copy(update={"id": status, "status": status, "answer": answer})
        for status, answer in (("malformed", None), ("max_steps", None))
    ]
    given(own, [question], broken, [assessment(p, correct=False) for p in broken])
    own.run("reasoning", "corpora:reasoning", REASONING, ["questions", "paths", "assess"])
    assert own.rows("reasoning", ReasoningRow) == []
    assert reasons(own.folders["reasoning"]) == {"malformed": 1, "max_steps": 1}


def test_the_gold_answer_is_in_no_reasoning_prompt(built: Built) -> None:
    """The prompt is the same whatever the gold answer is, and outside the question the same for all."""
    for name, record in (("reasoning", ReasoningRow), ("preference", PreferenceRow)):
        rows = built.rows(name, record)
        for row_ in rows:
            assert row_.prompt == (user("reason", row_.model_copy(update={"answer": "8128"})),)
        assert len({text_of(row_.prompt).replace(row_.question, "") for row_ in rows}) == 1


def test_flawed_rows_are_as_many_a_question_as_asked_for_and_of_different_flaws(built: Built) -> None:
    rows = built.rows("flawed", FlawedRow)
    flaws = defaultdict(list)
    for row_ in rows:
        flaws[row_.id].append(row_.flaw)
    assert all(len(set(found)) == len(found) == 3 for found in flaws.values())
    assert len({(row_.id, row_.flawed_path) for row_ in rows}) == len(rows)
    assert len(flaws) == 160 and built.totals["flawed"]["flaws"] == Counter(row_.flaw for row_ in rows)
    assert set(FlawsSettings().flaws) == {row_.flaw for row_ in rows}


def test_a_flaw_of_more_weight_is_drawn_more_often(built: Built, tmp_path: File) -> None:
    own = Built(tmp_path)
    own.folders["questions"] = built.folders["questions"]
    shares = {}
    for weights in ({}, {"perception": 40.0}):
        own.run(
            f"flawed-{len(weights)}", "corpora:flawed", FlawsSettings(per_question=1, weights=weights), ["questions"]
        )
        flaws = [row_.flaw for row_ in own.rows(f"flawed-{len(weights)}", FlawedRow)]
        shares[len(weights)] = flaws.count("perception") / len(flaws)
    assert shares[0] < 0.3 and 0.75 < shares[1] < 1


def test_a_question_without_a_scene_has_no_flaws(built: Built, tmp_path: File) -> None:
    own = Built(tmp_path)
    question = built.rows("questions", Question)[0].model_copy(update={"scene": ""})
    given(own, [question], [], [])
    own.run("flawed", "corpora:flawed", FlawsSettings(), ["questions"])
    assert reasons(own.folders["flawed"]) == {"not of the drawn world": 1}


def test_summary_kinds_have_their_shares(built: Built) -> None:
    counts = Counter(row_.kind for row_ in built.rows("summary", SummaryRow))
    assert counts == {"optimal": 40, "flawed": 80, "agent": 40, "plain": 40} == built.totals["summary"]["kinds"]


def test_a_kind_of_which_there_are_too_few_gives_all_it_has(built: Built) -> None:
    many = SUMMARY.model_copy(update={"summary_num": 100_000})
    context = built.run("summary-all", "summary:summary", many, [*TRIPLE, "flawed", *AGENT])
    rows = built.rows("summary-all", SummaryRow)
    assert len({(r.kind, r.id, text_of(r.prompt)) for r in rows}) == len(rows) == context.num_rows
    counts = Counter(row_.kind for row_ in rows)
    assert counts["plain"] == 160 and counts["flawed"] <= 480
    agent = {(path.question_id, path_text(path)) for path in built.rows("agent-paths", Path)}
    assert counts["agent"] == len(agent)


def test_summary_rows_judge_the_path_and_end_in_the_gold_answer(built: Built) -> None:
    num_checked = 0
    for row_ in built.rows("summary", SummaryRow):
        said = parse_summary(text_of(row_.completion))
        assert said.answer == row_.answer
        if row_.kind == "plain":
            assert (said.verdict, row_.path_correct, row_.score_range) == ("none", None, "none")
            continue
        shown = parse_path(text_of(row_.prompt).partition("be right or wrong.\n")[2].partition("\nRead again")[0])
        assert shown.steps and row_.path_correct is (shown.answer == row_.answer)
        assert said.verdict == ("right" if row_.path_correct else "wrong")
        names = [step.summary.removeprefix("read ") for step in shown.steps if step.summary.startswith("read ")]
        assert [
            part.partition(" is ")[0] for part in said.check.split(", ") if " is " in part and part[:3] != "so "
        ] == list(dict.fromkeys(names))
        num_checked += bool(said.check)
    assert num_checked > 20


def test_plain_rows_show_no_path(built: Built) -> None:
    rows = [row_ for row_ in built.rows("summary", SummaryRow) if row_.kind == "plain"]
    for row_ in rows:
        assert "path" not in text_of(row_.prompt) and '"reasoning"' not in text_of(row_.prompt)
        assert row_.question in text_of(row_.prompt)


def test_score_ranges_of_the_summary_corpus_are_told_apart(built: Built) -> None:
    ranges = defaultdict(set)
    for row_ in built.rows("summary", SummaryRow):
        ranges[row_.kind].add(row_.score_range)
        assert (row_.score_range == "wrong") == (row_.path_correct is False)
    assert ranges["optimal"] == {"high"} and ranges["plain"] == {"none"}
    assert {"mid", "wrong"} <= ranges["flawed"] <= {"mid", "low", "wrong"}
    assert {"high", "wrong"} <= ranges["agent"] <= {"high", "mid", "low", "wrong"}


def test_agent_rows_are_half_right_and_half_wrong(built: Built) -> None:
    verdicts = Counter(row_.path_correct for row_ in built.rows("summary", SummaryRow) if row_.kind == "agent")
    assert verdicts == {True: 20, False: 20}


def test_agent_rows_come_from_the_agents_own_paths(built: Built) -> None:
    agent = {(path.question_id, path_text(path)) for path in built.rows("agent-paths", Path)}
    for row_ in built.rows("summary", SummaryRow):
        if row_.kind == "agent":
            assert any(row_.id == question and text in text_of(row_.prompt) for question, text in agent)


def test_the_summary_corpus_is_the_same_each_time(built: Built) -> None:
    built.run("summary-again", "summary:summary", SUMMARY, [*TRIPLE, "flawed", *AGENT])
    assert built.rows("summary-again", SummaryRow) == built.rows("summary", SummaryRow)


def test_a_pair_is_right_over_wrong_or_has_its_margin(built: Built) -> None:
    by_text = {(path.question_id, path_text(path)): path for path in built.rows("agent-paths", Path)}
    assessed, kinds = built.assessed("agent"), Counter[str]()
    rows = built.rows("preference", PreferenceRow)
    for row_ in rows:
        chosen, rejected = (assessed[by_text[row_.id, text_of(x)].id] for x in (row_.chosen, row_.rejected))
        assert chosen.correct and (row_.chosen_score, row_.rejected_score) == (chosen.score, rejected.score)
        if rejected.correct:
            assert (chosen.score or 0) - (rejected.score or 0) >= 10
        kinds["margin" if rejected.correct else "wrong"] += 1
        assert text_of(row_.chosen).split() != text_of(row_.rejected).split()
        assert row_.round == 2
    assert min(kinds["margin"], kinds["wrong"]) > 5
    assert max(Counter(row_.id for row_ in rows).values()) <= 3


def test_a_question_without_a_pair_is_left_out_with_its_reason(built: Built) -> None:
    paired = {row_.id for row_ in built.rows("preference", PreferenceRow)}
    out = left_out(built.folders["preference"])
    assert {one.id for one in out} == {q.id for q in built.rows("sample", Question)} - paired
    assert {one.reason for one in out} <= {"no right path", "all paths right, no margin", "no distinct pair"}


def path_of(question: Question, sample: int, text: str, answer: str | None = None) -> Path:
    steps = (Step(summary="a", reasoning=text, action="summary"),)
    return Path(
        id=f"{question.id}-{sample}",
        question_id=question.id,
        sample=sample,
        generator="hand@1",
        prompt="reason@1",
        steps=steps,
        answer=question.answer if answer is None else answer,
        status="complete",
        dialect="json",
        text=text,
    )


def assessment(path: Path, correct: bool, score: int | None = None) -> Assessment:
    status = "scored" if score else "unscored" if correct else "not_scored"
    return Assessment.model_validate(
        {"path_id": path.id, "question_id": path.question_id, "correct": correct, "score": score, "status": status}
        | {"judge": "hand"}
    )


def given(built: Built, questions_: list[Question], paths_: list[Path], assessments: list[Assessment]) -> None:
    """Stages by hand: `questions`, `paths` and `assess`."""
    rows: dict[str, tuple[type[Record], Sequence[Record]]] = {
        "questions": (Question, questions_),
        "paths": (Path, paths_),
        "assess": (Assessment, assessments),
    }
    for name, (record, content) in rows.items():
        built.folders[name] = built.root / name
        built.folders[name].mkdir(parents=True)
        num = write_shards(built.folders[name], content, record)
        write_text(built.folders[name] / MANIFEST, json.dumps({"num_rows": num}))


def pairs(built: Built, tmp_path: File, rated: Sequence[tuple[str, bool, int | None]]) -> Iterator[tuple[str, str]]:
    """(chosen, rejected) of paths of one question, each given as text, right or wrong, and score."""
    own, question = Built(tmp_path), built.rows("questions", Question)[0]
    made = [path_of(question, n, text, None if right else "no") for n, (text, right, _) in enumerate(rated)]
    given(
        own, [question], made, [assessment(p, right, score) for p, (_, right, score) in zip(made, rated, strict=True)]
    )
    settings = PairsSettings(per_question=9, min_margin=10)
    own.run("preference", "preference:preference", settings, ["questions", "paths", "assess"], round=1)
    for row_ in own.rows("preference", PreferenceRow):
        told = [parse_path(text_of(side)).steps[0].reasoning for side in (row_.chosen, row_.rejected)]
        yield told[0], told[1]


def test_right_over_wrong_needs_no_score(built: Built, tmp_path: File) -> None:
    assert list(pairs(built, tmp_path, [("x", False, None), ("y", True, None)])) == [("y", "x")]


def test_the_best_right_path_is_chosen_first(built: Built, tmp_path: File) -> None:
    rated = [("low", True, 60), ("high", True, 90), ("wrong", False, None)]
    assert list(pairs(built, tmp_path, rated)) == [("high", "wrong"), ("high", "low")]


@pytest.mark.parametrize(
    "rated",
    [
        [("x", True, 80), ("y", True, 80)],
        [("x", True, 80), ("y", True, 71)],
        [("x", True, None), ("y", True, None)],
        [("x", True, 90), ("x", True, 50)],
        [("the same", True, 90), ("The  SAME", True, 50)],
        [("x", False, None), ("y", False, None)],
        [("x", True, 90)],
    ],
)
def test_ties_small_margins_equal_texts_and_no_right_path_make_no_pair(
    built: Built, tmp_path: File, rated: list[tuple[str, bool, int | None]]
) -> None:
    with pytest.raises(StageError, match="no question has a right path to choose over another") as found:
        list(pairs(built, tmp_path, rated))
    assert "sample more paths" in found.value.hint
    assert ("'no right path': 1" in found.value.fact) == (not rated[0][1])


def test_an_empty_reply_is_never_rejected_for_another(built: Built, tmp_path: File) -> None:
    own, question = Built(tmp_path), built.rows("questions", Question)[0]
    right, empty = path_of(question, 0, "x"), path_of(question, 1, "")
    empty = empty.model_copy(update={"status": "malformed", "steps": (), "answer": None})
    given(own, [question], [right, empty], [assessment(right, True, 90), assessment(empty, False)])
    with pytest.raises(StageError):
        own.run("preference", "preference:preference", PairsSettings(), ["questions", "paths", "assess"], round=1)


@pytest.mark.parametrize(
    ("name", "record", "own"),
    [
        ("reasoning", ReasoningRow, "prompt, completion, score"),
        ("summary", SummaryRow, "prompt, completion, kind, score_range, path_correct"),
        ("preference", PreferenceRow, "prompt, chosen, rejected, chosen_score, rejected_score, round"),
        (
            "flawed",
            FlawedRow,
            "path, flawed_path, flaw, severity, position, propagated, error_steps, planted_answer, "
            "modified_steps, reason, correction, maker",
        ),
    ],
)
def test_every_corpus_has_the_columns_it_promises(built: Built, name: str, record: type[Record], own: str) -> None:
    columns = read_frame(built.folders[name]).columns
    assert columns == list(record.model_fields)
    kind = ["kind"] if name == "flawed" else []  # of the question, to report by
    assert columns == [*SHARED.split(", "), *kind, *own.split(", ")]


def test_a_scene_is_in_no_corpus(built: Built) -> None:
    scenes = {question.scene for name in ("questions", "sample") for question in built.rows(name, Question)}
    for name in ("reasoning", "summary", "preference", "flawed"):
        frame = read_frame(built.folders[name]).drop("images")
        texts = frame.select(pl.selectors.string()).rows()
        assert not any(cell in scenes or (cell and "noise_seed" in cell) for row_ in texts for cell in row_)
        for column in frame.select(~pl.selectors.string()).columns:
            assert "noise_seed" not in str(frame[column].to_list())


def test_pictures_are_in_every_corpus_as_they_were_drawn(built: Built) -> None:
    drawn = {q.id: q.images for name in ("questions", "sample") for q in built.rows(name, Question)}
    for name, record in (("reasoning", ReasoningRow), ("summary", SummaryRow), ("preference", PreferenceRow)):
        assert all(row_.images == drawn[row_.id] for row_ in built.rows(name, record))


def test_lessons_are_rows_to_train_on(built: Built) -> None:
    built.run("lessons", "questions:lessons", LessonsSettings(num=60))
    rows = built.rows("lessons", ReasoningRow)
    assert len(rows) == 60 and all(text_of(r.prompt) and text_of(r.completion) for r in rows)
    starts = {text_of(r.prompt).split()[0] for r in rows}
    assert {"List", "Read"} < starts
