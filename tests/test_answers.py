"""What is read in a reply: every way to state an answer, and none guessed where none is stated."""

from __future__ import annotations

import time

import pytest
from fuzzed import TYPES
from hostile import COLOURS, hostile
from hypothesis import given, settings
from hypothesis import strategies as st

from insightv_bench.answers import PARSER, matches, read
from insightv_bench.protocol import Verdict, render_answer, render_path, render_summary
from insightv_bench.records import AnswerType, Step

VERDICTS: tuple[Verdict, ...] = ("none", "right", "wrong")


def read_option(response: str, options: tuple[str, ...] = COLOURS) -> str | None:
    return read(response, "option", options).answer


@given(hostile, st.sampled_from(TYPES), st.sampled_from([(), COLOURS]))
@settings(max_examples=800, deadline=None)
def test_no_text_crashes_the_reader_and_no_answer_comes_without_its_place(
    response: str, answer_type: AnswerType, options: tuple[str, ...]
) -> None:
    reading = read(response, answer_type, options)
    assert (reading.answer is None) == (reading.span is None) == (reading.method == "unread")
    if reading.span and reading.answer:
        start, end = reading.span
        assert 0 <= start < end <= len(response)
        if answer_type not in ("option", "yes_no") and "\\" not in response:
            assert response[start:end] == reading.answer


@given(st.sampled_from(["A", "B", "C"]), st.sampled_from(VERDICTS), st.text(max_size=30))
@settings(max_examples=100, deadline=None)
def test_an_answer_in_our_protocol_is_always_read(letter: str, verdict: Verdict, check: str) -> None:
    response = render_summary(letter, verdict, check)
    reading = read(response, "option", COLOURS)
    assert (reading.answer, reading.method, reading.sure) == (letter, "protocol", True)
    assert reading.span and response[slice(*reading.span)] == letter


@pytest.mark.parametrize(
    "response",
    [
        "B",
        "b.",
        "(b)",
        "**B**",
        "B. blue",
        "B) blue",
        "blue",
        "Answer: B",
        "ANSWER: b",
        "Answer B",
        "**Answer:** B",
        "Answer: $B$",
        "Answer: \\( \\text{B} \\)",
        "Answer:\n\nB",
        "### Final Answer\n\n**(B)**",
        "#### B",
        "The answer is (B).",
        "The correct option is B: it is the tallest",
        "The best choice would be option B",
        "The answer is blue.",
        "(B) is the correct answer.",
        "So \\boxed{B}",
        "\\boxed{\\text{(B) blue}}",
        "\\boxed{\\textbf{(B)}\\ \\text{blue}}",
        "<answer>B</answer>",
        "答案：B",
        "答案是B",
        '{"answer": "B"}',
        '```json\n{"answer": "B"}\n```',
        "{'answer': 'B'}",
        '{"answer": "B. blue"}',
        '{"answer": "The answer is B."}',
        '{"answer": "blue"}',
        '{"title":"FINAL ANSWER","content":"B"}',
        '{"title": "Final answer", "content": "The correct option is (B) blue."}',
        "The bars are red and blue.\n\nTherefore:\n\nB",
        "The tallest is at the left.\n\n**B. blue**",
        "I pick (B).",
        "It must be blue.",
        "<think>The answer is A.</think>The answer is B.",
        "The answer is A. Wait, let me look again. The answer is B.",
        "Answer: B\n\nNote: the best match is the one with five squares.",
        "The answer is B. The answer is not A.",
    ],
)
def test_a_stated_option_is_read(response: str) -> None:
    reading = read(response, "option", COLOURS)
    assert reading.answer == "B"
    assert reading.span and response[slice(*reading.span)].strip()


@pytest.mark.parametrize(
    "response",
    [
        "The correct option is (B). The reasoning concluded (A)",
        "The reasoning concluded (A). The correct option is (B).",
        "The reasoning concludes that the answer is (A), but the answer is (B).",
        "The path's answer is A. The answer is B.",
        "The answer is B. The previous reasoning claims the answer is A.",
        "The answer is B. The path ends in \\boxed{A}, since the path gives \\boxed{A}.",
        '{"verdict": "wrong", "correction": "the answer is not A"}\n{"answer": "B"}',
        '{"verdict": "wrong", "correction": "blue is 5"}\nAnswer: B',
    ],
)
def test_letters_quoted_from_the_path_are_not_the_answer(response: str) -> None:
    assert read_option(response) == "B"


@pytest.mark.parametrize(
    "response",
    [
        "",
        " \n",
        "I cannot say who painted it.",
        "A bar chart shows sales.",
        "There is no image, so I cannot help.",
        "The answer is A or B.",
        "Answer: A, B",
        "The answer is (A) and (C).",
        "Answer: Z",
        "Answer: none of the above",
        "Answer: 42",
        "Answer: ____",
        "Answer: cannot be determined. Option A is only an example.",
        "The answer is not (A).",
        "If the answer is A, then blue would be 5.",
        "Is the answer B?",
        "B. red",
        "\\boxed{\\text{(B) red}}",
        "Options: (A) red (B) blue (C) green",
        "A. red\nB. blue\nC. green",
        "Both (A) and (B) are possible.",
        "It is not blue.",
        "Red is taller than blue.",
        "f(A) = 3 and P(B) = 2",
        "The reasoning concluded that the answer is (A).",
        "The path's answer is A.",
        "The path says (A).",
        "The path gives \\boxed{A}.",
        "<think>The answer is A.</think>",
        "<think>The answer is A.",
        '{"answer": "Z"}',
        '{"answer": "A"}\n{"answer": "B"}',
        '{"answer": "B',
        '{"answer": ',
        '{"answer": null}',
        '{"note": "B"}',
        '{"summary": "Look", "reasoning": "So the answer is A.", "action": "summary"}',
    ],
)
def test_where_no_option_can_be_read_none_is_guessed(response: str) -> None:
    assert read(response, "option", COLOURS) == (None, None, "unread", False)


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("42", "42"),
        ("42.", "42"),
        ("$1,234.50", "$1,234.50"),
        ("three", "three"),
        ("-3", "-3"),
        ("The answer is 42 km.", "42 km"),
        ("Answer: 3 + 5 = 8", "8"),
        ("The answer is x = 7", "7"),
        ("Answer: about 12", "12"),
        ("The answer is 50%", "50%"),
        ("The answer is 8, since 3 + 5 is 8.\nThe answer is 9", "9"),
        ("Answer: \\frac{1}{2}", "\\frac{1}{2}"),
        ("\\boxed{3\\,\\text{cm}}", "3\\,\\text{cm}"),
        ('{"answer": 8}', "8"),
        ('{"answer": "8 bars"}', "8 bars"),
        ('{"answer": "\\frac{1}{2}"}', "\\frac{1}{2}"),
        ("There are 5 bars, so the answer is 5 (see above).", "5"),
    ],
)
def test_a_stated_number_is_read(response: str, answer: str) -> None:
    reading = read(response, "number")
    assert reading.answer == answer
    assert reading.span and response[slice(*reading.span)] == answer


@pytest.mark.parametrize(
    "response",
    [
        "There are 5 red and 3 blue.",
        "Carriage 12",
        "Answer: 8 or 9",
        "The answer is not 8",
        "The answer is between 8 and 9",
        "answer: 10:30",
        "Answer: 1e400",
        "I cannot see 3 bars.",
        "9 \\boxed{}",
        '{"answer": "8',
        '{"answer": "many"}',
        "<think>8</think>",
    ],
)
def test_where_no_number_can_be_read_none_is_guessed(response: str) -> None:
    assert read(response, "number").answer is None


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("Yes", "yes"),
        ("No.", "no"),
        ("Yes, it is.", "yes"),
        ("**No**", "no"),
        ("Answer: True", "yes"),
        ("The answer is no, because red is taller.", "no"),
        ('{"answer": false}', "no"),
        ("No two bars are equal.", None),
        ("Yes and no", None),
        ("Not sure", None),
        ("Yesterday", None),
    ],
)
def test_yes_and_no_are_read_where_they_answer(response: str, answer: str | None) -> None:
    assert read(response, "yes_no").answer == answer


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("blue", "blue"),
        ("The answer is blue.", "blue"),
        ('The answer is "dark blue" because it is tall.', "dark blue"),
        ("Answer: New York\nIt is large.", "New York"),
        ("I am sorry, but there is no image that I can look at.", None),
        ("?!", None),
    ],
)
def test_words_are_read_where_they_are_declared_or_are_all_there_is(response: str, answer: str | None) -> None:
    assert read(response, "text").answer == answer


def test_a_weaker_rule_is_not_sure() -> None:
    assert read("Answer: B", "option", COLOURS).sure
    assert not read("I pick (B).", "option", COLOURS).sure
    assert not read("It must be blue.", "option", COLOURS).sure
    assert read("8", "number").sure
    assert read("The answer is 8 (see above).", "number").sure
    assert not read("The total is 3 + 5 = 8.", "number").sure


def test_the_answer_of_a_whole_path_is_its_last_line() -> None:
    path = render_path([Step(summary="a", reasoning="The answer is A.", action="summary")], "B")
    assert read(path, "option", COLOURS)[::2] == ("B", "protocol")


def test_options_that_carry_their_own_letters_are_matched_by_text() -> None:
    assert read_option("blue", ("A. red", "B. blue")) == "B"
    assert read_option("The answer is (2.9, 3.6).", ("(2.8, 3.6)", "(2.9, 3.6)")) == "B"
    assert read_option("\\boxed{\\dfrac{1}{2}}", ("1/4", "$\\frac{1}{2}$")) == "B"


@pytest.mark.parametrize(
    "unit", ["answer: ", "\\boxed{", "(A) ", "option A ", "<answer>", "{", "answer ", " ", "1,", "^ "]
)
def test_a_long_reply_takes_linear_time(unit: str) -> None:
    text = unit * (250_000 // len(unit))
    start = time.process_time()
    for answer_type in TYPES:
        read(text, answer_type, COLOURS)
        matches(text, text + "8", answer_type, COLOURS)
    assert time.process_time() - start < 10


def test_the_reader_has_a_version() -> None:
    assert PARSER == "answers@4"
    assert read(render_answer("8"), "number").answer == "8"
