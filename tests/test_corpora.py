"""Paths, scores and corpora of the drawn world: what is kept of them, and what is left out with which reason."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path as File

import polars as pl
import pytest
from small_build import REASONING, Built, assessment, given, left_out, reasons, text_of

from insightv_bench.agents import path_text
from insightv_bench.answers import matches
from insightv_bench.builders.assessment.stage import assess_path
from insightv_bench.chat import user
from insightv_bench.errors import StageError
from insightv_bench.protocol import parse_path, render_path
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
from insightv_bench.settings import AssessSettings, FlawsSettings, LessonsSettings
from insightv_bench.storage import read_frame

SHARED = "id, images, image_sha256, question, options, answer, answer_type, source, source_revision, source_license"
SHARED += ", source_id"


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
    built.run("assess-rule", "assess", AssessSettings(judge="rule"), ["questions", "paths"])
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
    own.run("reasoning", "reasoning", REASONING, ["questions", "paths", "assess"])
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
            f"flawed-{len(weights)}",
            "exact-flaws",
            FlawsSettings(per_question=1, weights=weights),
            ["questions"],
        )
        flaws = [row_.flaw for row_ in own.rows(f"flawed-{len(weights)}", FlawedRow)]
        shares[len(weights)] = flaws.count("perception") / len(flaws)
    assert shares[0] < 0.3 and 0.75 < shares[1] < 1


def test_a_question_without_a_scene_has_no_flaws(built: Built, tmp_path: File) -> None:
    own = Built(tmp_path)
    question = built.rows("questions", Question)[0].model_copy(update={"scene": ""})
    given(own, [question], [], [])
    own.run("flawed", "exact-flaws", FlawsSettings(), ["questions"])
    assert reasons(own.folders["flawed"]) == {"not of the drawn world": 1}


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
    kind = ["kind"] if name == "flawed" else ["question_kind"]
    assert columns == [*SHARED.split(", "), *kind, *own.split(", ")]


def test_a_scene_is_in_no_corpus(built: Built) -> None:
    scenes = {question.scene for name in ("questions", "sample") for question in built.rows(name, Question)}
    for name in ("reasoning", "summary", "preference", "flawed"):
        frame = read_frame(built.folders[name]).drop("images")
        texts = frame.select(pl.selectors.string()).rows()
        assert not any(cell in scenes or (cell and "noise_seed" in cell) for row_ in texts for cell in row_)
        for column in frame.select(~pl.selectors.string()).columns:
            assert "noise_seed" not in str(frame[column].to_list())


def test_images_are_in_every_corpus_as_they_were_drawn(built: Built) -> None:
    drawn = {q.id: q.images for name in ("questions", "sample") for q in built.rows(name, Question)}
    for name, record in (("reasoning", ReasoningRow), ("summary", SummaryRow), ("preference", PreferenceRow)):
        assert all(row_.images == drawn[row_.id] for row_ in built.rows(name, record))


def test_lessons_are_rows_to_train_on(built: Built) -> None:
    built.run("lessons", "lessons", LessonsSettings(num=60))
    rows = built.rows("lessons", ReasoningRow)
    assert len(rows) == 60 and all(text_of(r.prompt) and text_of(r.completion) for r in rows)
    starts = {text_of(r.prompt).split()[0] for r in rows}
    assert {"List", "Read"} < starts
