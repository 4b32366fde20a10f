"""Flaws by rule in paths that nobody made: equations, words of closed sets, steps, answers; on real replies too."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections import Counter
from fractions import Fraction
from pathlib import Path as File

import polars as pl
import pytest

from insightv_bench.answers import matches, read
from insightv_bench.flaws import Flawed, make_text_flawed, planted_by
from insightv_bench.flaws.arithmetic import equations, work_out
from insightv_bench.flaws.by_rule import LEAKS
from insightv_bench.flaws.edits import comparison_spots, near_misses, observation_spots
from insightv_bench.flaws.text_path import split_prose
from insightv_bench.protocol import parse_path, render_path
from insightv_bench.records import AnswerType, FlawType, Question, Step

DATA = File(__file__).parents[2] / "shared" / "data"
real = pytest.mark.skipif(not DATA.exists(), reason="no ../shared/data")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("so 8 + 1 = 9 apples", ["9"]),
        ("$27-7=\\boxed{20}$.", ["20"]),
        ("\\frac{3.1302}{1.2} \\approx 2.61", ["2.61"]),
        ("$360^{\\circ}-330^{\\circ}=30^{\\circ}$", ["30"]),
        ("\\$204,522 - \\$78,521 = \\$126,001", ["126,001"]),
        ("2.5\\% + 5\\% = 7.5\\%", ["7.5"]),
        ("5 * 2 = 10, 10 × 2 = 20", ["10", "20"]),
        ("\\frac{1}{2}(15)(6)=45", ["45"]),
        ("2 + 3 = 6", []),  # does not hold
        ("x + 3 = 3", []),
        ("10 / 4 = 2.5x", []),
        ("3 + 4 = 7 + 1", []),
        ("h = 12", []),
        ("9^9^9^9 = 1", []),
        ("1/0 = 5", []),
    ],
)
def test_equations_are_found_where_they_hold(text: str, found: list[str]) -> None:
    assert [text[slice(*each.right)] for each in equations(text)] == found


def test_sums_are_worked_out_exactly() -> None:
    assert work_out("2 + 3 * 4 - (1 - 5)") == 18
    assert work_out("1/3 + 1/6") == Fraction(1, 2)
    assert work_out("-2^2") == -4 and work_out("2(3+4)") == 14
    for no_sum in ("", "2 +", "(2", "2)", "3 4", "a + 1", "2^99", "9" * 40, "(" * 200):
        assert work_out(no_sum) is None


@pytest.mark.parametrize("number", ["8", "1", "0", "12", "0.65", "204,522", "13,284.05", "1945", "-14", "100"])
def test_a_near_miss_is_another_number_in_the_same_spelling(number: str) -> None:
    others = near_misses(number)
    assert others and number not in others
    for other in others:
        value, old = (float(each.replace(",", "")) for each in (other, number))
        assert value != old and (value < 0) == (old < 0)
        assert len(other.partition(".")[2]) == len(number.partition(".")[2]) and other.count(",") == number.count(",")
        assert abs(value - old) >= 0.005 * abs(old)  # a slip that matters


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("There are three red circles on the left.", ["number", "colour", "shape", "side"]),
        ("the bar is 12 cm tall", ["number", "unit"]),
        ("1. First, see Step 2 and option 3", []),
        ("the right triangle is right; what is left?", ["shape"]),
        ("[asy] draw((0,0)--(5,5)); [/asy]", []),
        ("x^2 + y_1 = z", []),
    ],
)
def test_observations_are_found_and_labels_are_not(text: str, kinds: list[str]) -> None:
    assert [spot.kind for spot in observation_spots(text)] == kinds


def test_comparisons_turn_round() -> None:
    text = "A is greater than B, x < y -> z, at most <b>3</b>"
    assert [(text[s.start : s.end], s.others) for s in comparison_spots(text)] == [
        ("greater than", ("less than",)),
        ("<", (">",)),
        ("at most", ("at least",)),
    ]


def question(answer: str, kind: AnswerType = "number", options: tuple[str, ...] = (), text: str = "?") -> Question:
    return Question(
        id="q",
        question=text,
        options=options,
        answer=answer,
        answer_type=kind,
        source="s",
        source_revision="1",
        source_license="MIT",
    )


WORDS = (
    "The image shows 7 rows of blue tiles, and 6 tiles in each.",
    "That makes 7 * 6 = 42 tiles.",
    "Another 5 are on the left, so 42 + 5 = 47.",
    "47 is more than 40, so the answer is 47.",
)
SUM = question("47")


def protocol(words: tuple[str, ...] = WORDS, answer: str = "47") -> str:
    steps = [Step(summary="go on", reasoning=each, action="continue") for each in words[:-1]]
    return render_path([*steps, Step(summary="conclude", reasoning=words[-1], action="summary")], answer)


PROSE = "\n\n".join(WORDS)
ASIDES = [
    Step(summary="look at the sails", reasoning="The boat has a tall mast and two sails.", action="continue"),
    Step(summary="look at the flag", reasoning="A flag is at the top of it.", action="continue"),
]
"""Steps of another question's path, with summaries and without."""
ASIDES += [step.model_copy(update={"summary": ""}) for step in ASIDES]


def made(
    flaw: FlawType, text: str, propagate: bool = False, severity: float = 0.25, position: str = "early", seed: int = 0
) -> Flawed:
    found = make_text_flawed(SUM, text, flaw, severity, position, propagate, random.Random(seed), ASIDES)  # type: ignore[arg-type]
    assert isinstance(found, Flawed), found
    return found


def test_a_propagated_slip_is_worked_out_to_the_end() -> None:
    found = made("arithmetic", protocol(), propagate=True)
    path = parse_path(found.flawed_path)
    result = int(path.steps[1].reasoning.split("= ")[1].split(" ")[0])
    assert result != 42
    assert path.steps[2].reasoning == f"Another 5 are on the left, so {result} + 5 = {result + 5}."
    assert path.answer == found.planted_answer == str(result + 5)
    assert found.propagated and found.error_steps == (1, 2, 3, 4) and found.modified_steps == (1, 2, 3)
    assert found.correction == WORDS[1] and found.position == "middle" and found.severity == 0.25


def test_an_isolated_slip_changes_one_step_alone() -> None:
    found = made("arithmetic", protocol(), propagate=False)
    path = parse_path(found.flawed_path)
    assert [old != new.reasoning for old, new in zip(WORDS, path.steps, strict=True)] == [False, True, False, False]
    assert found.planted_answer == path.answer == "47" and not found.propagated and found.error_steps == (1,)


@pytest.mark.parametrize("text", [protocol(), PROSE], ids=["protocol", "prose"])
@pytest.mark.parametrize("flaw", planted_by("rule"))
def test_every_type_can_be_planted_in_steps_and_in_prose(flaw: FlawType, text: str) -> None:
    found = made(flaw, text, position="middle")
    assert found.path == text and found.flawed_path != text and found.flaw == flaw
    answer = parse_path(found.flawed_path).answer if text != PROSE else read(found.flawed_path, "number").answer
    assert answer == found.planted_answer
    wrong = not matches(found.planted_answer, "47", "number")
    assert wrong is (flaw in ("premature", "wrong-final", "all-wrong"))
    assert found.error_steps and found.reason and not LEAKS.search(found.flawed_path)
    assert 0 < found.severity <= 1


def test_a_flaw_leaves_prose_as_it_was_around_it() -> None:
    found = made("contradiction", PROSE)
    kept = [paragraph for paragraph in found.flawed_path.split("\n\n") if paragraph in WORDS]
    assert tuple(kept) == WORDS and len(found.flawed_path.split("\n\n")) == 5
    skipped = made("skipped-step", PROSE)
    assert len(skipped.flawed_path.split("\n\n")) == 3 and skipped.correction in WORDS
    aside = made("irrelevant-step", protocol())
    assert parse_path(aside.flawed_path).steps[aside.error_steps[0]] in ASIDES


def test_severity_and_position_are_as_they_came_out() -> None:
    for severity, num in ((0.25, 1), (0.5, 2), (1.0, 3)):  # three of the four steps hold an observation
        found = made("perception", protocol(), severity=severity)
        assert found.severity == num / 4 and len(found.modified_steps) == num
    places = {where: made("perception", protocol(), position=where).error_steps[0] for where in ("early", "late")}
    assert places["early"] == 0 and places["late"] >= 2


def test_an_option_is_planted_that_the_question_has() -> None:
    options = ("45", "47", "48", "50")
    asked = question("B", "option", options)
    text = PROSE.replace("so the answer is 47", "so the answer is (B) 47")
    for seed in range(10):
        found = make_text_flawed(asked, text, "arithmetic", 0.25, "late", True, random.Random(seed))
        assert isinstance(found, Flawed)
        assert found.planted_answer in "ACD"
        assert options["ABCD".index(found.planted_answer)] in found.flawed_path


def test_an_option_named_by_its_text_is_an_answer_too() -> None:
    """Unchanged it stays as it was written; changed it becomes the other's letter."""
    asked = question("B", "option", ("45", "47", "48", "50"))
    kept = make_text_flawed(asked, protocol(answer="(B) 47"), "comparison", 0.25, "late", False, random.Random(0))
    assert isinstance(kept, Flawed) and parse_path(kept.flawed_path).answer == "(B) 47"
    assert kept.planted_answer == "B"
    for written, as_written in (("47", "45 48 50"), ("(B)", "(A) (C) (D)"), ("B. 47", "A. 45|C. 48|D. 50")):
        other = make_text_flawed(asked, protocol(answer=written), "wrong-final", 0.25, "late", False, random.Random(0))
        assert isinstance(other, Flawed) and other.planted_answer in "ACD"
        assert parse_path(other.flawed_path).answer in re.split(r"\|" if "|" in as_written else " ", as_written)


@pytest.mark.parametrize(
    ("text", "flaw", "reason"),
    [
        ("Nothing here.\n\nNor here.\n\nThe answer is 47.", "arithmetic", "no step holds anything to spoil"),
        (protocol(answer="46"), "arithmetic", "the path's own answer is wrong"),
        ("The answer is 47.", "perception", "the path is a single step"),
        ("One.\n\nTwo.\n\nThree.", "perception", "no answer can be read in the path"),
        ('{"summary": "s", "reasoning": "r"}', "perception", "the path is malformed"),
        (protocol(WORDS[2:]), "premature", "fewer than 4 steps"),
        (protocol(), "natural", "`natural` is not made by rule"),
        ("", "perception", "no answer can be read in the path"),
    ],
)
def test_what_cannot_be_planted_has_a_reason(text: str, flaw: FlawType, reason: str) -> None:
    assert make_text_flawed(SUM, text, flaw, 0.25, "early", False, random.Random(0)) == reason


def test_the_same_seed_plants_the_same_flaw() -> None:
    assert made("perception", PROSE, seed=4) == made("perception", PROSE, seed=4)
    assert len({made("perception", PROSE, seed=seed).flawed_path for seed in range(8)}) > 1


@pytest.mark.parametrize("text", [PROSE, "One. Two is B. Three.", "**Step 1:**\n\nsee\n\n\\[\nx\n\n\\]\n\nso", "", "a"])
def test_pieces_of_prose_are_the_text_again(text: str) -> None:
    assert "".join(split_prose(text)) == text
    assert not any(piece.strip().endswith("**Step 1:**") for piece in split_prose(text))


@pytest.mark.real_data
@real
def test_flaws_in_real_replies_are_what_they_say() -> None:
    """Real model-written paths that are right, prose all of them; every flaw read back by the reader of answers."""
    with gzip.open(DATA / "scored_replies.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line in file]
    rows = [row for row in rows if row["options"] and row["agreed"] == row["gold"] and len(row["response"]) > 400][:30]
    counts: Counter[FlawType] = Counter()
    for row in rows:
        asked = question(row["gold"], "option", tuple(row["options"]))
        for flaw in planted_by("rule"):
            found = make_text_flawed(
                asked, row["response"], flaw, 0.25, "middle", False, random.Random(row["id"]), ASIDES
            )
            if isinstance(found, str):
                continue
            counts[flaw] += 1
            said = read(found.flawed_path, "option", row["options"]).answer
            assert said == found.planted_answer
            assert (said == row["gold"]) is (flaw not in ("premature", "wrong-final", "all-wrong"))
            assert found.flawed_path.rstrip() != row["response"].rstrip()
    assert counts["wrong-final"] >= 28 and counts["irrelevant-step"] == len(rows) and counts["perception"] >= 15


@pytest.mark.real_data
@real
def test_flaws_in_real_puzzles_are_what_they_say() -> None:
    columns = ["question", "options", "answer", "caption", "deduction"]
    frame, num = pl.read_parquet(DATA / "puzzlevqa.parquet", columns=columns), 0
    for place, row in enumerate(frame.head(80).iter_rows(named=True)):
        letter = "ABCDEFG"[row["options"].index(row["answer"])]
        asked = question(letter, "option", tuple(row["options"]), row["question"])
        text = protocol((row["caption"], row["deduction"]), asked.answer)
        found = make_text_flawed(asked, text, "perception", 0.5, "late", True, random.Random(place))
        if isinstance(found, Flawed):
            num += 1
            assert found.propagated and parse_path(found.flawed_path).answer == found.planted_answer
    assert num >= 20


def test_a_path_that_is_near_enough_is_right_and_what_is_planted_is_not() -> None:
    told = {"source": "s", "source_revision": "1", "source_license": "MIT"}
    question = Question(
        id="q", question="How many?", answer="100", answer_type="number", kind="chart", tolerance=0.05, **told
    )
    steps = [Step(summary="", reasoning=f"The bar is {value} high.", action="continue") for value in (40, 62)]
    text = render_path([*steps, Step(summary="", reasoning="40 + 62 = 102", action="summary")], "102")
    made = [
        found
        for seed in range(20)
        if isinstance(
            found := make_text_flawed(question, text, "wrong-final", 0.5, "late", True, random.Random(seed)), Flawed
        )
    ]
    assert made
    assert not [found for found in made if matches(found.planted_answer, "100", "number", (), 0.05)]
