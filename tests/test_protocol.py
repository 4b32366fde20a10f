"""A path as text: what is read, and what is not guessed."""

from __future__ import annotations

import json
import time

import pytest
from hostile import texts_of
from hypothesis import given, settings
from hypothesis import strategies as st
from two_steps import ADD, PATH, READ, STEPS

from insightv_bench.protocol import (
    parse_path,
    parse_step,
    parse_summary,
    render_answer,
    render_path,
    render_step,
    render_summary,
)
from insightv_bench.records import Step

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
steps = st.builds(Step, summary=words, reasoning=words, action=st.sampled_from(["continue", "summary"]))
stated = words.filter(str.strip)
# Text made of what a parser stumbles over, lone surrogates included.
PIECES = (
    *(
        "{",
        "}",
        "[",
        "]",
        '"',
        "'",
        "\\",
        ":",
        ",",
        "\n",
        "```json\n",
        "<think>",
        "</think>",
        "<thoughts>",
        "</thoughts>",
    ),
    *('{"answer": ', '"8"', '"summary"', '"reasoning"', '"action"', '"continue"', '{"title"', '"content"', "<answer>"),
    *("1e400", "null", "true", "\x00", "\ud800", "“", "é", "The answer is B. ", render_step(READ), PATH),
)
hostile = texts_of(PIECES, 14)


def with_key(**changes: object) -> str:
    """The first step's line with keys replaced; None leaves a key out."""
    said = {"summary": "a", "reasoning": "b", "action": "continue"} | changes
    return json.dumps({key: value for key, value in said.items() if value is not None})


def test_a_step_is_one_line_with_its_keys_in_order() -> None:
    assert render_step(READ) == (
        '{"summary": "Read the bars", "reasoning": "Red is 3, blue is 5.", "action": "continue"}'
    )
    assert render_answer("é 8") == '{"answer": "é 8"}'
    assert "\n".join([render_step(READ), render_step(ADD), '{"answer": "8"}']) == PATH
    assert render_path(STEPS, None) == "\n".join([render_step(READ), render_step(ADD)])


@given(st.lists(steps, min_size=1, max_size=5), st.none() | stated)
@settings(max_examples=120, deadline=None)
def test_a_path_rendered_and_parsed_is_the_same_path(path: list[Step], answer: str | None) -> None:
    text = render_path(path, answer)
    parsed = parse_path(text)
    assert parsed.steps == tuple(path)
    assert parsed.answer == answer
    assert (parsed.status, parsed.dialect, parsed.repaired) == (
        "max_steps" if answer is None else "complete",
        "json",
        False,
    )
    if parsed.answer_span:
        assert json.loads(f'"{text[slice(*parsed.answer_span)]}"', strict=False) == answer


@given(hostile, hostile)
@settings(max_examples=300, deadline=None)
def test_no_text_crashes_a_parser_and_no_answer_comes_without_its_place(text: str, reasoning: str) -> None:
    path, summary, step = parse_path(text, reasoning), parse_summary(text), parse_step(text)
    assert (path.answer is None) == (path.answer_span is None)
    assert (summary.answer is None) == (summary.span is None)
    for span in (path.answer_span, summary.span):
        assert span is None or 0 <= span[0] < span[1] <= len(text)
    assert (path.status == "complete") == bool(path.steps and path.answer)
    assert path.status != "malformed" or (path.steps, path.answer) == ((), None)
    assert (step.step is None) == bool(step.problem)


@given(st.lists(steps, min_size=1, max_size=4), stated, st.integers(min_value=0))
@settings(max_examples=120, deadline=None)
def test_a_path_cut_anywhere_keeps_only_whole_steps_and_never_part_of_an_answer(
    path: list[Step], answer: str, place: int
) -> None:
    text = render_path(path, answer)
    parsed = parse_path(text[: place % len(text)])
    assert parsed.steps == tuple(path)[: len(parsed.steps)]
    assert parsed.answer in (None, answer)


def test_a_step_cut_before_its_brace_keeps_its_escapes() -> None:
    parsed = parse_path(render_path([Step(summary="a", reasoning="b\f\tc", action="summary")], None)[:-1])
    assert parsed.steps == (Step(summary="a", reasoning="b\f\tc", action="summary"),)
    assert parsed.repaired and parsed.status == "max_steps"


def test_the_place_of_an_answer_holds_its_characters() -> None:
    parsed = parse_path(PATH)
    assert parsed.answer_span and PATH[slice(*parsed.answer_span)] == "8"
    escaped = render_path(STEPS, 'a "b"')
    span = parse_path(escaped).answer_span
    assert span and escaped[slice(*span)] == 'a \\"b\\"'


@pytest.mark.parametrize(
    "text",
    [
        f"```json\n{PATH}\n```",
        f"Here is the path:\n```\n{PATH}\n```\nDone.",
        "[" + ",\n".join(PATH.split("\n")) + "]",
        json.dumps([json.loads(line) for line in PATH.split("\n")], indent=2),
        PATH.replace("\n", " "),
        PATH.replace("\n", "\r\n"),
    ],
)
def test_fences_arrays_and_other_layouts_are_read(text: str) -> None:
    parsed = parse_path(text)
    assert (parsed.steps, parsed.answer, parsed.status, parsed.repaired) == (STEPS, "8", "complete", False)
    assert parsed.answer_span and text[slice(*parsed.answer_span)] == "8"


@pytest.mark.parametrize(
    ("broken", "reasoning"),
    [
        ("{'summary': 'a', 'reasoning': 'b', 'action': 'continue'}", "b"),
        ('{"summary": "a", "reasoning": "b", "action": "continue",}', "b"),
        ('{"summary": "a" "reasoning": "b", "action": "continue"}', "b"),
        ('{"summary": "a", "reasoning": "the "red" bar", "action": "continue"}', 'the "red" bar'),
        ('{"summary": "a", "reasoning": "\\( x \\)", "action": "continue"}', "\\( x \\)"),
        ('{"summary": "a", "reasoning": "b\nc", "action": "continue"}', "b\nc"),
        ('{summary: "a", reasoning: "b", action: "continue"}', "b"),
        ('{"summary": "a", "reasoning": "b", "action": "continue"', "b"),
    ],
)
def test_slightly_broken_json_is_mended_and_marked(broken: str, reasoning: str) -> None:
    text = f'{broken}\n{{"answer": "8"}}'
    parsed = parse_path(text)
    assert [step.reasoning for step in parsed.steps] == [reasoning]
    assert (parsed.answer, parsed.repaired, parsed.status) == ("8", True, "complete")
    step = parse_step(broken)
    assert step.step and step.step.reasoning == reasoning
    assert step.repaired


def test_a_mended_answer_has_its_place() -> None:
    text = render_step(READ) + "\n{'answer': '8 bars'}"
    parsed = parse_path(text)
    assert parsed.answer_span and text[slice(*parsed.answer_span)] == "8 bars" == parsed.answer


@pytest.mark.parametrize(
    "end", ['{"answer": "8', '{"answer": 8', '{"answer"', '{"summary": "c", "reas', '{"summary": "c"']
)
def test_an_object_cut_off_at_the_end_is_left_out(end: str) -> None:
    parsed = parse_path(f"{render_step(READ)}\n{end}", finish="length")
    assert (parsed.steps, parsed.answer, parsed.status, parsed.repaired) == ((READ,), None, "cut_off", False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8",
        "The bar is red. The answer is 8.",
        '{"answer": "8"}',
        f"{PATH}\n{render_step(READ)}",
        f"{PATH}\n{render_answer('8')}",
        f"{render_answer('8')}\n{PATH}",
        f'{render_step(READ)}\n{{"answer": ""}}',
        f'{render_step(READ)}\n{{"answer": null}}',
        f'{render_step(READ)}\n{{"answer": {{"value": 8}}}}',
        f'{render_step(READ)}\n{{"answer": "8", "answer": "9"}}',
        f'{render_step(READ)}\n{{"note": "8"}}',
        with_key(summary=None),
        with_key(action=None),
        with_key(reasoning=3),
        with_key(reasoning=["b"]),
        with_key(action="stop"),
        with_key(action="final_answer"),
        with_key(answer="8"),
        with_key(title="a", content="b", next_action="continue"),
        '{"summary": "a", "summary": "c", "reasoning": "b", "action": "continue"}',
        '{"summary": "a", "reasoning": "\\ud800", "action": "continue"}',
        f"{{'summary': 'a', 'reasoning': b c d, 'action': continue // x\n}}\n{PATH}",
    ],
)
def test_what_is_no_path_is_malformed_and_keeps_nothing(text: str) -> None:
    parsed = parse_path(text)
    assert (parsed.status, parsed.steps, parsed.answer, parsed.answer_span) == ("malformed", (), None, None)


def test_keys_of_other_names_are_passed_over() -> None:
    assert parse_path(f'{with_key(confidence=0.9)}\n{{"answer": "8", "unit": "cm"}}').answer == "8"


@pytest.mark.parametrize(("value", "answer"), [("8", "8"), ("8.50", "8.50"), ("true", "true"), ('["a", 2]', "a, 2")])
def test_an_answer_that_is_no_string_is_read_as_written(value: str, answer: str) -> None:
    assert parse_path(f'{render_step(READ)}\n{{"answer": {value}}}').answer == answer


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("I will add.", "no JSON object"),
        ('{"summary": "a", "reas', "cut off"),
        ('{"summary": "a", "reasoning": "b", "action": continue now}', "broken"),
        (with_key(reasoning=None), "`reasoning` is missing"),
        (with_key(reasoning=3), "must all be strings"),
        (with_key(action="stop"), "one of `continue`, `summary`"),
        ('{"answer": "8"}', "an answer where a step"),
        (f"{render_step(READ)}\n{render_step(ADD)}", "2 JSON objects"),
        (with_key(title="a", content="b", next_action="continue"), "two ways"),
    ],
)
def test_a_reply_that_is_not_one_step_is_told_what_is_wrong(text: str, problem: str) -> None:
    parsed = parse_step(text)
    assert parsed.step is None
    assert problem in parsed.problem


@pytest.mark.parametrize("frame", ["{}", "```json\n{}\n```", "<think>hm</think>\n{}", "Step 1:\n{}"])
def test_one_step_is_read_in_any_frame(frame: str) -> None:
    assert parse_step(frame.replace("{}", render_step(READ))) == (READ, False, "")


def test_a_summary_reply_is_read_as_it_was_rendered() -> None:
    assert render_summary("8") == '{"answer": "8"}'
    assert render_summary("8", "right") == '{"verdict": "right", "answer": "8"}'
    text = render_summary("8", "wrong", "blue is 5")
    assert text == '{"check": "blue is 5", "verdict": "wrong", "answer": "8"}'
    parsed = parse_summary(text)
    assert (parsed.answer, parsed.verdict, parsed.check) == ("8", "wrong", "blue is 5")
    assert parsed.span and text[slice(*parsed.span)] == "8"
    assert parse_summary('{"check": "c", "verdict": "wrong"}\n{"answer": "8"}')[2:] == ("wrong", "c")


@pytest.mark.parametrize(
    "said", ['"maybe"', "true", "null", '"right"}\n{"verdict": "wrong"', '"right", "verdict": "wrong"']
)
def test_an_unreadable_verdict_is_none(said: str) -> None:
    parsed = parse_summary(f'{{"verdict": {said}}}\n{{"answer": "8"}}')
    assert (parsed.answer, parsed.verdict) == ("8", "none")


def test_an_answer_given_twice_and_differently_is_no_answer() -> None:
    assert parse_summary('{"answer": "8"}\n{"answer": "9"}').answer is None
    assert parse_summary('{"answer": "8"}\n{"answer": "8"}').answer == "8"
    assert parse_summary('<think>{"answer": "9"}</think>{"answer": "8"}').answer == "8"


@pytest.mark.parametrize(
    "unit",
    ["{", '{"a":', '{"a":\n', PATH, f"{PATH}\n", "<think>", '{"a":"\\"', "{'a': {'", "\n", '{"answer": "8\n', "a: b\n"],
)
def test_a_long_text_takes_linear_time(unit: str) -> None:
    text = unit * (250_000 // len(unit))
    start = time.process_time()
    parse_path(text)
    parse_path("<thoughts>" + text)
    parse_summary(text)
    parse_step(text)
    assert time.process_time() - start < 5
