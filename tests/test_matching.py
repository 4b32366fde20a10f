"""Which answers are the same: letters, numbers, words, lists and expressions, and how far a tolerance goes."""

from __future__ import annotations

import sys
import threading

import pytest
from fuzzed import TYPES
from hostile import COLOURS, hostile
from hypothesis import given, settings
from hypothesis import strategies as st

from insightv_bench.answers import matches
from insightv_bench.errors import MissingExtra
from insightv_bench.records import AnswerType


@given(hostile, hostile, st.sampled_from([each for each in TYPES if each != "expression"]))
@settings(max_examples=300, deadline=None)
def test_no_text_crashes_the_matcher(answer: str, gold: str, answer_type: AnswerType) -> None:
    matches(answer, gold, answer_type, COLOURS, tolerance=0.05)


@pytest.mark.parametrize(
    ("answer", "gold", "answer_type", "same"),
    [
        ("B", "B", "option", True),
        ("(b)", "B", "option", True),
        ("blue", "B", "option", True),
        ("The answer is B. blue", "B", "option", True),
        ("C", "B", "option", False),
        ("purple", "B", "option", False),
        ("", "B", "option", False),
        ("1,234", "1234", "number", True),
        ("1 234.0", "1234", "number", True),
        ("$5", "5", "number", True),
        ("50 %", "50", "number", True),
        ("8 cm", "8", "number", True),
        ("3/4", "0.75", "number", True),
        ("\\frac{3}{4}", ".75", "number", True),
        ("−5", "-5", "number", True),
        ("5", "-5", "number", False),
        ("5 million", "5,000,000", "number", True),
        ("three", "3", "number", True),
        ("0.3333333", "1/3", "number", True),
        ("0.333", "1/3", "number", False),
        ("1000000", "1000001", "number", False),
        ("The answer is 8.", "8", "number", True),
        ("eighty", "80", "number", True),
        ("8 or 9", "8", "number", False),
        ("1e400", "1e400", "number", True),
        ("true", "yes", "yes_no", True),
        ("No.", "false", "yes_no", True),
        ("yes", "no", "yes_no", False),
        ("maybe", "maybe", "yes_no", False),
        ("The Blue Bar.", "blue bar", "text", True),
        ("New-York", "new york", "text", True),
        ("ｂｌｕｅ", "blue", "text", True),
        ("A", "a", "text", True),
        ("the", "a", "text", False),
        ("C++", "C", "text", False),
        ("C#", "C", "text", False),
        ("don't", "dont", "text", True),
        ("3.0", "3", "text", True),
        ("-3", "3", "text", False),
        ("1.5", "15", "text", False),
        ("", "", "text", True),
        ("!", "?", "text", False),
        ("blue, red and green", "red, green, blue", "list", True),
        ("[3, 1, 2]", "1, 2, 3", "list", True),
        ("red, red", "red", "list", False),
        ("red, red, blue", "red, blue, blue", "list", False),
        ("1,234; 5", "5; 1234", "list", True),
        ("b > a", "a > b", "list", False),
        ("a > b", "a > b", "list", True),
        ("(2, 1)", "(1, 2)", "list", False),
        ("(1, 2)", "(1, 2)", "list", True),
        ("x+1", "x + 1", "expression", True),
        ("\\dfrac{1}{2}", "$\\frac{1}{2}$", "expression", True),
        ("0.5", "\\frac{1}{2}", "expression", True),
        ("1+x", "x+1", "expression", True),
        ("2\\sqrt{3}", "\\sqrt{12}", "expression", True),
        ("x-1", "x+1", "expression", False),
        ("(0,1)", "[0,1]", "expression", False),
        ("9^{9^{9^9}}", "9^{9^{9^8}}", "expression", False),
    ],
)
def test_answers_are_the_same_or_not(answer: str, gold: str, answer_type: AnswerType, same: bool) -> None:
    if answer_type == "expression":
        pytest.importorskip("math_verify")
    assert matches(answer, gold, answer_type, COLOURS) is same


def test_the_tolerance_is_relative_and_not_applied_to_years() -> None:
    assert matches("104", "100", "number", tolerance=0.05)
    assert not matches("106", "100", "number", tolerance=0.05)
    assert not matches("104", "100", "number")
    assert not matches("1999", "2000", "number", tolerance=0.05)
    assert matches("1,999", "2,000", "number", tolerance=0.05)
    assert matches("0", "0", "number", tolerance=0.05)
    assert not matches("0.01", "0", "number", tolerance=0.05)


def test_expressions_are_compared_off_the_main_thread() -> None:
    pytest.importorskip("math_verify")
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(matches("2\\sqrt{3}", "\\sqrt{12}", "expression")))
    thread.start()
    thread.join(30)
    assert found == [True]


def test_a_missing_extra_is_named_only_where_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "math_verify", None)
    assert matches("x + 1", "x+1", "expression")
    with pytest.raises(MissingExtra, match="insightv-bench\\[eval\\]"):
        matches("1+x", "x+1", "expression")
