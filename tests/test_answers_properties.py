"""What must change no reading: an explanation after a declared answer, emphasis, options in another order."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from insightv_bench.answers import read

OPTIONS = ("red", "a dark blue", "3.5 m", "H2O", "New Zealand", "5 or more", "12:30")
DECLARED = (
    "The answer is {}.",
    "Answer: {}",
    "**Answer:** {}",
    "The correct option is {}.",
    "答案是{}。",
    "정답: {}",
    "#### {}",
)
DECLARED += ("Die richtige Antwort ist {}.", "La respuesta correcta es {}.", "Final answer: {}", "\\boxed{{{}}}")
REASONS = ("because the image shows it.", "since it is the tallest of them.", "as one can see in the picture.")
REASONS += ("The bars were compared one by one.", "It follows from the second row.", "This is clear from the legend.")
EMPHASIS = ("**{}**", "*{}*", "__{}__", "`{}`", "<b>{}</b>", "\\textbf{{{}}}", '"{}"', "$\\mathbf{{{}}}$")
NUMBERS = st.one_of(st.integers(0, 9_999_999).map(str), st.integers(0, 99_999).map(lambda cents: f"{cents / 100:.2f}"))
LETTERS = st.sampled_from("ABCDEFG")


@given(st.sampled_from(DECLARED), LETTERS, st.lists(st.sampled_from(REASONS), min_size=1, max_size=3))
@settings(deadline=None)
def test_an_explanation_after_a_declared_answer_changes_nothing(said: str, letter: str, reasons: list[str]) -> None:
    reply = said.format(letter)
    assert read(reply, "option", OPTIONS).answer == letter
    for gap in ("\n\n", "\n"):
        assert read(f"{reply}{gap}{' '.join(reasons)}", "option", OPTIONS).answer == letter


@given(st.sampled_from(DECLARED), NUMBERS, st.lists(st.sampled_from(REASONS), min_size=1, max_size=3))
@settings(deadline=None)
def test_nor_does_it_of_a_number(said: str, number: str, reasons: list[str]) -> None:
    reply = said.format(number)
    assert read(f"{reply}\n\n{' '.join(reasons)}", "number").answer == read(reply, "number").answer == number


@given(st.sampled_from(DECLARED[:6]), LETTERS, st.sampled_from(EMPHASIS))
@settings(deadline=None)
def test_emphasis_changes_nothing(said: str, letter: str, emphasis: str) -> None:
    for inner in (letter, f"({letter})"):
        for reply in (said.format(emphasis.format(inner)), emphasis.format(inner)):
            assert read(reply, "option", OPTIONS).answer == letter, reply


@given(st.permutations(OPTIONS), st.sampled_from(OPTIONS), st.sampled_from((*DECLARED[:6], "{}", "It is {}.")))
@settings(deadline=None)
def test_options_in_another_order_are_read_alike(options: list[str], chosen: str, said: str) -> None:
    letter = "ABCDEFG"[options.index(chosen)]
    for reply in (said.format(chosen), said.format(f"{letter}. {chosen}"), said.format(f"({letter}) {chosen}")):
        assert read(reply, "option", options).answer == letter, reply
