"""Paths in other spellings: the official one, thoughts, thinking aloud, and reasoning that a server sends apart."""

from __future__ import annotations

import pytest
from two_steps import PATH, STEPS

from insightv_bench.protocol import opens_thought, parse_path, parse_step, render_path, rest_of
from insightv_bench.records import Step


def test_the_official_spelling_is_read() -> None:
    text = (
        '{"title": "Read", "content": "Red is 3.", "next_action": "continue"}\n'
        '{"title": "Add", "content": "3 + 5", "next_action": "final_answer"}\n'
        '{"title":"FINAL ANSWER","content":"B"}'
    )
    parsed = parse_path(text)
    assert (parsed.status, parsed.dialect, parsed.answer) == ("complete", "official", "B")
    assert [step.action for step in parsed.steps] == ["continue", "summary"]


def test_a_last_step_titled_final_answer_is_the_answer_unless_one_follows() -> None:
    first = '{"title": "Add", "content": "3 + 5", "next_action": "continue"}\n'
    final = '{"title": "Final Answer", "content": "B", "next_action": "final_answer"}\n'
    assert parse_path(first + final).answer == "B"
    both = parse_path(first + final + '{"title": "Final Answer", "content": "B"}')
    assert (both.answer, len(both.steps)) == ("B", 2)
    assert parse_step(final).step is not None
    assert parse_path(first + final.replace("final_answer", "continue")).status == "max_steps"


def test_thoughts_are_read_with_the_answer_after_them() -> None:
    text = "<thoughts>\nRead: red is 3\nand blue is 5\nAdd: 3 + 5: that is 8\n</thoughts>\nThe answer is 8."
    parsed = parse_path(text)
    assert [(step.summary, step.reasoning) for step in parsed.steps] == [
        ("Read", "red is 3\nand blue is 5"),
        ("Add", "3 + 5: that is 8"),
    ]
    assert (parsed.answer, parsed.status, parsed.dialect) == ("The answer is 8.", "complete", "thoughts")
    assert parsed.answer_span and text[slice(*parsed.answer_span)] == parsed.answer


def test_thoughts_without_titles_are_called_by_their_first_clause() -> None:
    (step,) = parse_path("<thoughts>\nred is 3, as the axis says\n</thoughts>\n8").steps
    assert (step.summary, step.reasoning) == ("red is 3, as the axis says",) * 2


@pytest.mark.parametrize("after", ['{"answer": "8"}', "8", "<answer> 8 </answer>", '```json\n{"answer": "8"}\n```'])
def test_thinking_is_read_by_paragraphs(after: str) -> None:
    for opening in ("<think>", ""):  # many chat templates write the opening tag into the prompt
        text = f"{opening}\nRed is 3.\n\nBlue is 5.\n</think>\n\n{after}"
        parsed = parse_path(text)
        assert [step.reasoning for step in parsed.steps] == ["Red is 3.", "Blue is 5."]
        assert (parsed.answer, parsed.status, parsed.dialect) == ("8", "complete", "think")
        assert parsed.answer_span and text[slice(*parsed.answer_span)] == "8"


def test_thinking_that_is_never_closed_has_no_answer() -> None:
    parsed = parse_path("<think>\nRed is 3.\n\nThe answer is 8")
    assert (parsed.answer, parsed.status, len(parsed.steps)) == (None, "cut_off", 2)


def test_empty_thinking_before_a_path_is_passed_over() -> None:
    parsed = parse_path(f"<think>\n\n</think>\n\n{PATH}")
    assert (parsed.steps, parsed.answer, parsed.dialect) == (STEPS, "8", "json")


def test_a_path_after_thinking_is_the_path() -> None:
    parsed = parse_path(f"<think>Let me plan.</think>\n{PATH}")
    assert (parsed.steps, parsed.answer, parsed.dialect) == (STEPS, "8", "json")


def test_a_tag_inside_a_step_is_text() -> None:
    odd = Step(summary="<think>", reasoning="it says </think> and <thoughts>", action="summary")
    assert parse_path(render_path([odd], "<think>")).steps == (odd,)


def test_several_thoughts_are_one_path_and_one_that_is_not_closed_is_cut_off() -> None:
    parsed = parse_path("<think>a</think>b<think>c</think>8")
    assert ([step.reasoning for step in parsed.steps], parsed.answer) == (["a", "c"], "8")
    assert parse_path("<think>a</thoughts>8").status == "cut_off"
    assert parse_path("<think>a</thoughts>8", finish="stop").status == "malformed"


def test_reasoning_content_is_read_as_the_path_and_never_as_the_answer() -> None:
    parsed = parse_path('{"answer": "8"}', reasoning="Red is 3.\n\nThe answer is 9.")
    assert (parsed.answer, parsed.status, parsed.dialect, len(parsed.steps)) == ("8", "complete", "think", 2)
    unanswered = parse_path("", reasoning='Red is 3.\n\n{"answer": "9"}')
    assert (unanswered.answer, unanswered.status) == (None, "cut_off")
    assert parse_path(PATH, reasoning="thinking").steps == STEPS


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[THINK]", "[/THINK]8"),
        ("◁think▷", "◁/think▷8"),
        ("<seed:think>", "</seed:think>\n<answer>8</answer>"),
        ("<think>", "</think><|begin_of_box|>8<|end_of_box|>"),
        ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>8"),
        ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>8<|end|>"),
        ("<|START_THINKING|>", "<|END_THINKING|><|START_RESPONSE|>8<|END_RESPONSE|>"),
    ],
)
def test_the_marks_of_other_models_hold_a_path_and_an_answer(before: str, after: str) -> None:
    text = f"{before}Red is 3.\n\nBlue is 5.{after}"
    parsed = parse_path(text)
    assert ([step.reasoning for step in parsed.steps], parsed.answer) == (["Red is 3.", "Blue is 5."], "8")
    assert parsed.answer_span and text[slice(*parsed.answer_span)] == "8"
    assert text[: rest_of(text)].startswith(text[: text.index("Blue is 5.") + 10])


def test_an_end_of_turn_is_not_the_end_of_a_thought() -> None:
    assert rest_of("Red is 3.<|end|>") == 0


def test_an_answer_whose_closing_tag_is_missing_is_no_answer() -> None:
    assert parse_path("<think>Red is 3.</think><answer>8").answer is None


def test_a_path_whose_opening_mark_stood_in_the_prompt_is_a_path_that_stopped() -> None:
    parsed = parse_path("Red is 3.\n\nThe answer is 8", opened=True)
    assert (parsed.status, parsed.answer, len(parsed.steps)) == ("cut_off", None, 2)
    assert parse_path("Red is 3.</think>8", opened=True).answer == "8"
    assert rest_of("Red is 3.", opened=True) == 9


def test_a_prompt_that_ends_in_an_opening_mark_opens_a_thought() -> None:
    asked = "<|im_start|>user\nWrite <think> first.<|im_end|>\n<|im_start|>assistant\n"
    assert not opens_thought(asked)
    assert opens_thought(asked + "<think>\n")
    assert not opens_thought(asked + "<think>\n\n</think>\n\n")
    assert not opens_thought(asked + "<answer>")
    assert opens_thought("[INST]2 + 2?[/INST][THINK]")
