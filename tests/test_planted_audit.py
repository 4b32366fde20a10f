"""Planted flaws looked at by rule: what was changed, whether every other sum still holds, and what gives a row away."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from flaw_audit import DATA, Row, false_sums, planted, puzzles, replies, solutions
from flaw_cases import LEVEL, every_flaw

from insightv_bench.answers import matches, read
from insightv_bench.flaws import Flawed, make_text_flawed, steps_of
from insightv_bench.flaws.edits import (
    COLOURS,
    IN_WORDS,
    ROWS,
    SHAPES,
    SIDES,
    SIZES,
    comparison_spots,
    observation_spots,
)
from insightv_bench.protocol import parse_path, render_path
from insightv_bench.records import Question, Step
from insightv_bench.world import sample_questions

pytestmark = pytest.mark.real_data
real = pytest.mark.skipif(not DATA.exists(), reason="no ../shared/data")
SLIPS = ("arithmetic", "contradiction", "all-wrong")
"""Flaws that may plant a sum that does not hold."""


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    if not DATA.exists():
        pytest.skip("no ../shared/data")
    return planted([*puzzles(24), *solutions(10), *replies(24)])[0]


@pytest.mark.slow
@real
def test_there_are_two_hundred_rows_of_every_type(rows: list[Row]) -> None:
    counts = Counter(row.flawed.flaw for row in rows)
    assert len(rows) >= 200 and min(counts.values()) >= 8 and len(counts) == 9


@pytest.mark.slow
@real
def test_only_the_steps_that_are_named_are_changed(rows: list[Row]) -> None:
    for right, flawed in rows:
        old, new = steps_of(right.text), steps_of(flawed.flawed_path)
        if parse_path(right.text).dialect == "prose":  # pieces may fall otherwise in another text
            continue
        kept = [step for place, step in enumerate(new) if place not in flawed.modified_steps]
        left = iter([step.model_copy(update={"action": "continue"}) for step in old])
        assert all(step.model_copy(update={"action": "continue"}) in left for step in kept), flawed.reason
        assert set(flawed.error_steps) - {len(new)} <= {*flawed.modified_steps, *flawed.error_steps[:1]}
        num = len(flawed.modified_steps) - (flawed.flaw in ("contradiction", "irrelevant-step", "premature"))
        if not flawed.propagated and flawed.flaw not in ("wrong-final", "skipped-step"):
            assert num <= max(1, round(flawed.severity * len(old))), flawed.reason


@pytest.mark.slow
@real
def test_every_sum_that_held_holds_but_for_the_one_that_was_planted(rows: list[Row]) -> None:
    for right, flawed in rows:
        new = set(false_sums(flawed.flawed_path)) - set(false_sums(right.text))
        slips = flawed.reason.count("became") + flawed.reason.count("said again as")
        assert len(new) <= (slips if flawed.flaw in SLIPS else 0), (flawed.reason, new)


@pytest.mark.slow
@real
def test_the_last_step_agrees_with_the_planted_answer(rows: list[Row]) -> None:
    for right, flawed in rows:
        kind, options = right.question.answer_type, right.question.options
        was, now = (
            read(steps_of(text)[-1].reasoning, kind, options).answer for text in (right.text, flawed.flawed_path)
        )
        if was and now and matches(was, right.question.answer, kind, options):
            assert matches(now, flawed.planted_answer, kind, options), flawed.reason


@pytest.mark.slow
@real
def test_a_bag_of_words_cannot_tell_the_steps_before_a_flaw(rows: list[Row]) -> None:
    """The steps of each flawed row before its first error, and as many of the right path; trained on some questions and
    tried on others."""
    flawed, clean = [], []
    for row in sorted(rows, key=lambda row: row.right.question.id):
        first = min(row.flawed.error_steps)
        if first:
            flawed.append(_text(steps_of(row.flawed.flawed_path)[:first]))
            clean.append(_text(steps_of(row.right.text)[:first]))
    assert len(flawed) >= 200
    assert _auroc(flawed, clean) <= 0.55


@pytest.mark.slow
@real
def test_no_phrase_stands_in_flawed_rows_alone(rows: list[Row]) -> None:
    """Three words in a row, values masked, that several flawed rows of several puzzles share and no right path has."""
    flawed = [(row.right.question.id, row.flawed.flawed_path) for row in rows]
    assert not _phrases_alone([row.right.text for row in rows], flawed)


@pytest.mark.slow
def test_no_phrase_stands_in_flawed_paths_of_the_drawn_world_alone() -> None:
    cases = [case for q in sample_questions(LEVEL, "train", 5, 60) for case in every_flaw(q)]
    assert len(cases) > 1000
    flawed = [(case.question.id, case.flawed.flawed_path) for case in cases]
    assert not _phrases_alone([case.flawed.path for case in cases], flawed)


@pytest.mark.slow
def test_the_steps_before_a_flaw_of_the_drawn_world_are_those_of_the_exact_path() -> None:
    for question in sample_questions(LEVEL, "train", 5, 30):
        for case in every_flaw(question):
            first = min(case.flawed.error_steps)
            assert case.path.steps[:first] == case.exact.steps[:first]


def _text(steps: Sequence[Step]) -> str:
    return " ".join(f"{step.summary} {step.reasoning}" for step in steps)


VALUES = "|".join(
    [*COLOURS, *SHAPES, *SIZES[0], *SIZES[1], *ROWS, *IN_WORDS, *(word for pair in SIDES for word in pair)]
)
COMPARED = "[a-z]+er|[a-z]+est|more|less|fewer|most|least|not|the same|different|equal"
VALUE = re.compile(rf"\d[\d.,]*|'[^']*'|\b(?:(?:{VALUES})s?|{COMPARED})\b")


def _phrases(text: str) -> set[tuple[str, ...]]:
    """Three words in a row of one step or summary, with a mark in place of what a flaw is planted in."""
    said = [part.lower() for step in steps_of(text) for part in (step.summary, step.reasoning)]
    masked = [re.findall(r"[a-z]+|<v>", re.sub(r"<v>(?:\W+<v>)+", "<v>", VALUE.sub("<v>", part))) for part in said]
    return {phrase for words in masked for phrase in zip(words, words[1:], words[2:], strict=False)}


def _phrases_alone(right: Sequence[str], flawed: Sequence[tuple[str, str]]) -> dict[tuple[str, ...], int]:
    """Those of flawed paths of several questions (id, text) that no right path holds, and of how many."""
    known = set().union(*(_phrases(text) for text in set(right)))
    rows: dict[tuple[str, ...], set[str]] = {}
    for id_, text in flawed:
        for phrase in _phrases(text) - known:
            rows.setdefault(phrase, set()).add(id_)
    return {phrase: len(ids) for phrase, ids in rows.items() if len(ids) > 3}


def _auroc(positive: Sequence[str], negative: Sequence[str]) -> float:
    """Of a logistic regression on words, trained on one half and tried on the other."""
    half = len(positive) // 2
    words = sorted({word for text in (*positive[:half], *negative[:half]) for word in re.findall(r"\w+", text.lower())})
    place = {word: at for at, word in enumerate(words)}

    def bags(texts: Sequence[str]) -> np.ndarray:
        table = np.zeros((len(texts), len(words)), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()):
                if word in place:
                    table[row, place[word]] = 1
        return table

    x = np.concatenate([bags(positive[:half]), bags(negative[:half])])
    y = np.repeat([1.0, 0.0], half)
    weights, bias = np.zeros(len(words)), 0.0
    for _ in range(200):
        error = 1 / (1 + np.exp(-(x @ weights + bias))) - y
        weights -= 0.1 * (x.T @ error / len(y) + 1e-3 * weights)
        bias -= 0.1 * float(error.mean())
    ones, zeros = bags(positive[half:]) @ weights, bags(negative[half:]) @ weights
    above = (ones[:, None] > zeros).mean() + 0.5 * (ones[:, None] == zeros).mean()
    return float(max(above, 1 - above))


FERRY = (
    ("read the row", "Look at the row of the north ferry."),
    ("truck 16, car 8", "truck: $16.00 car: $8.00 So $16.00 − $8.00 = $8.00"),
    ("so it is 8", "A truck pays $8 more than a car."),
)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_an_equal_value_that_means_another_thing_stays(seed: int) -> None:
    steps = [Step(summary=summary, reasoning=words, action="continue") for summary, words in FERRY]
    steps[-1] = steps[-1].model_copy(update={"action": "summary"})
    told = {"source": "s", "source_revision": "1", "source_license": "MIT"}
    question = Question(id="q", question="How much more?", answer="8", answer_type="number", **told)
    made = make_text_flawed(question, render_path(steps, "8"), "perception", 0.25, "middle", True, random.Random(seed))
    assert isinstance(made, Flawed) and made.propagated
    path = parse_path(made.flawed_path)
    truck, car, left, right, result = re.findall(r"\$([\d.]+)", path.steps[1].reasoning)
    assert (truck, car) == (left, right) and float(left) - float(right) == float(result)
    assert (truck == "16.00") is not (car == "8.00")
    assert path.steps[1].summary == f"truck {float(truck):g}, car {float(car):g}"
    assert path.answer == f"{float(result):g}" and path.steps[2].summary == f"so it is {path.answer}"
    assert path.steps[2].reasoning == f"A truck pays ${path.answer} more than a car."


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "The diagram below shows it.",
        "As shown above, it is so.",
        "see the table above",
        "Steps 1, 2 and 3 say it.",
        "We look twice: 1. the left 2) the top",
        "By equation (2) it follows.",
        "Figure 3 and Diagram 4",
    ],
)
def test_numbers_and_words_of_the_page_are_no_values(text: str) -> None:
    assert not [
        spot for spot in (*observation_spots(text), *comparison_spots(text)) if spot.kind in ("number", "comparison")
    ]
