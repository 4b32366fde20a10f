"""Any reasoning is a path: prose, sections and headings, their steps and what each is called, and where a path ends."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hostile import texts_of
from hypothesis import given, settings

from insightv_bench.answers import read_path
from insightv_bench.protocol import DIALECTS, End, parse_path, split

FOUR = ("3", "5", "8", "9")


def called(text: str, **how: str) -> list[str]:
    return [step.summary for step in read_path(text, "number", **how).steps]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "split_by", "summaries"),
    [
        (
            "Let's see:\n\nStep 1: Read the bars.\nRed is 3, blue is 5.\n\n"
            "**Step 2: Add**\nThey are 8.\n\nThe answer is 8.",
            "numbered",
            ["Read the bars", "Add"],
        ),
        ("1. **Read the bars**: red is 3.\n2. **Add**: 3 + 5 = 8.\n\nAnswer: 8", "numbered", ["Read the bars", "Add"]),
        ("### Bars\nRed is 3.\n\n### Sum\n3 + 5 = 8\n\n\\boxed{8}", "headings", ["Bars", "Sum"]),
        (
            "Red is 3 and blue is 5.\n\nTogether they are 8.\n\nAnswer: 8",
            "paragraphs",
            ["Red is 3 and blue is 5", "Together they are 8"],
        ),
        ("- Red is 3.\n- Blue is 5.\n- Both are 8.\n\nAnswer: 8", "bullets", ["Red is 3", "Blue is 5", "Both are 8"]),
        ("Answer: 8.\n\nRed is 3.\n\nBlue is 5.", "paragraphs", ["Red is 3", "Blue is 5"]),
        ("Red is 3.\nBlue is 5.\n3 + 5 = 8.", "lines", ["Red is 3", "Blue is 5", "3 + 5 = 8"]),
        ("Red is 3. Blue is 5. The answer is 8.", "sentences", ["Red is 3", "Blue is 5"]),
        ("红色是3。蓝色是5。答案是8。", "sentences", ["红色是3", "蓝色是5"]),
        ("第一步：红色是3。\n第二步：蓝色是5。\n答案是8。", "numbered", ["红色是3", "蓝色是5"]),
        (
            "The answer is 8, because red is 3 and blue is 5.",
            "whole",
            ["The answer is 8, because red is 3 and blue is 5"],
        ),
    ],
)
def test_prose_is_cut_where_a_reader_would_cut_it(text: str, split_by: str, summaries: list[str]) -> None:
    parsed = read_path(text, "number")
    assert (parsed.status, parsed.dialect, parsed.split, parsed.answer) == ("complete", "prose", split_by, "8")
    assert [step.summary for step in parsed.steps] == summaries
    assert [step.action for step in parsed.steps] == ["continue"] * (len(summaries) - 1) + ["summary"]
    assert parsed.answer_span and text[slice(*parsed.answer_span)] == "8"
    assert [text[slice(*place)].strip() for place in parsed.places] != []


def test_a_step_says_what_stands_under_its_heading_and_a_long_one_is_called_by_its_first_clause() -> None:
    long = (
        "We look at the red bar of the chart on the left, which the axis beside it puts at three and no more than that"
    )
    text = f"**Look**\nRed is 3.\n\n**Think**\n{long}.\n\nAnswer: 3"
    first, second = read_path(text, "number").steps
    assert (first.summary, first.reasoning) == ("Look", "Red is 3.")
    assert called(f"{long}.\n\nIt is 3.\n\nAnswer: 3")[0] == "We look at the red bar of the chart on the left…"
    assert second.reasoning == f"{long}."


@pytest.mark.parametrize(
    "text", ["8", "B", "The answer is 8.", "\\boxed{8}", "The missing number is 8.", "<think></think>8"]
)
def test_an_answer_without_steps_is_malformed_and_keeps_its_vote(text: str) -> None:
    parsed = read_path(text, "option" if text == "B" else "number", FOUR if text == "B" else ())
    assert (parsed.status, parsed.steps) == ("malformed", ())
    assert parsed.answer == ("B" if text == "B" else "8")


def test_a_path_without_an_end_is_malformed_and_one_that_was_cut_is_cut_off() -> None:
    text = "Red is tall.\n\nBlue is short.\n\nSo we would have to look at"
    assert read_path(text, "number", finish="stop").status == "malformed"
    cut = read_path(text, "number", finish="length")
    assert (cut.status, len(cut.steps), cut.answer) == ("cut_off", 3, None)
    assert read_path("<think>Red is 3.", "number").status == "cut_off"
    assert parse_path("Red is 3.\n\nThe answer is 3.").status == "malformed", "without its question there is no end"


def test_an_answer_that_is_none_of_the_options_is_the_end_of_a_path() -> None:
    parsed = read_path("Red is 3.\n\nBlue is 4.\n\nSo the answer is 7.", "option", FOUR)
    assert (parsed.status, parsed.answer) == ("complete", "7")


def test_a_model_that_goes_on_with_questions_of_its_own_has_no_steps_of_them() -> None:
    text = "Red is 3.\n\nBlue is 5.\n\nThe answer is 8.\n\nQuestion: What is green?\n\nGreen is 1.\n\nThe answer is 1."
    assert [step.reasoning for step in read_path(text, "number").steps] == ["Red is 3.", "Blue is 5."]


@pytest.mark.parametrize(
    ("text", "dialect", "summaries"),
    [
        (
            "<SUMMARY>I add the bars.</SUMMARY>\n\n<CAPTION>Two bars.</CAPTION>\n\n"
            "<REASONING>Red is 3.\n\nBlue is 5.</REASONING>\n\n<CONCLUSION>8</CONCLUSION>",
            "sections",
            ["Summary", "Caption", "Red is 3", "Blue is 5"],
        ),
        (
            "<description>Two bars.</description><think>Red is 3 and blue is 5.</think><answer>8</answer>",
            "sections",
            ["Description", "Think"],
        ),
        (
            "### Image Description:\nTwo bars.\n\n### Rationales:\nWe add.\n\n### Let's think step by step.\n\n"
            "### Step 1:\nRed is 3.\n\n### Step 2:\nBlue is 5.\n\n### The final answer is: 8",
            "rationale",
            ["Image description", "Rationales", "Red is 3", "Blue is 5"],
        ),
    ],
)
def test_sections_are_steps(text: str, dialect: str, summaries: list[str]) -> None:
    parsed = read_path(text, "number")
    assert (parsed.status, parsed.dialect, parsed.split, parsed.answer) == ("complete", dialect, "sections", "8")
    assert [step.summary for step in parsed.steps] == summaries
    short = read_path(text[: text.rindex("8")], "number", finish="length")
    assert short.status == "cut_off" and len(short.steps) == len(summaries)


@given(
    texts_of(
        (
            "Step 1:",
            "1. ",
            "2. ",
            "## A",
            "**B**",
            "\n",
            "\n\n",
            "$$",
            "\\[",
            "So ",
            "8",
            ". ",
            "The answer is 8",
            "。",
        ),
        16,
    )
)
@settings(max_examples=200, deadline=None)
def test_pieces_lie_next_to_each_other_and_are_the_text(text: str) -> None:
    places = split(text).steps
    assert not places or "".join(text[slice(*place)] for place in places) == text
    parsed = read_path(text, "number")
    assert (parsed.status == "complete") == bool(parsed.steps and parsed.answer)
    assert not parsed.places or len(parsed.places) == len(parsed.steps)


@pytest.mark.parametrize(
    "unit", ["a\n\n", "- a\n", "$$\n\n", "1. a\n", "Step 1: a\n", "# a\n", "a. B", "<CAPTION>", "字。", "So it is: \n"]
)
def test_a_long_text_of_words_takes_linear_time(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    start = time.process_time()
    parse_path(text, read_end=lambda text: End("a", (len(text) - 4, len(text) - 3), True, len(text)))
    assert time.process_time() - start < 5


def test_every_dialect_is_described_in_the_documents() -> None:
    page = (Path(__file__).parents[1] / "docs" / "paths.md").read_text(encoding="utf-8")
    assert all(f"| `{dialect.name}` |" in page for dialect in DIALECTS)


def test_a_title_or_a_figures_number_ends_no_step() -> None:
    text = (
        "Area (E) shows where Mr. Hide has to look.\nIt is as Fig. 3 has it, by Prof. Ash. Therefore the answer is E."
    )
    steps = read_path(text, "option", ("A", "B", "C", "D", "E")).steps
    assert [step.reasoning for step in steps] == [
        "Area (E) shows where Mr. Hide has to look.",
        "It is as Fig. 3 has it, by Prof. Ash.",
    ]  # the last sentence says the answer alone
    assert steps[0].summary == "Area (E) shows where Mr. Hide has to look"
