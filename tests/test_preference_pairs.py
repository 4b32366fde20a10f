"""Pairs to prefer: right over wrong or a margin of scores, and why a question has none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path as File

import pytest
from small_build import Built, assessment, given, left_out, path_of, text_of

from insightv_bench.agents import path_text
from insightv_bench.errors import StageError
from insightv_bench.protocol import parse_path
from insightv_bench.records import Path, PreferenceRow, Question
from insightv_bench.settings import PairsSettings


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


def pairs(built: Built, tmp_path: File, rated: Sequence[tuple[str, bool, int | None]]) -> Iterator[tuple[str, str]]:
    """(chosen, rejected) of paths of one question, each given as text, right or wrong, and score."""
    own, question = Built(tmp_path), built.rows("questions", Question)[0]
    made = [path_of(question, n, text, None if right else "no") for n, (text, right, _) in enumerate(rated)]
    given(
        own, [question], made, [assessment(p, right, score) for p, (_, right, score) in zip(made, rated, strict=True)]
    )
    settings = PairsSettings(per_question=9, min_margin=10)
    own.run("preference", "preference", settings, ["questions", "paths", "assess"], round=1)
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
        own.run("preference", "preference", PairsSettings(), ["questions", "paths", "assess"], round=1)
