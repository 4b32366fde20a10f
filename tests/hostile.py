"""Texts that no one would write, drawn at random, and the options that the tests of answers ask about."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

COLOURS = ("red", "blue", "green", "dark green", "not certain")

PIECES = (
    *(
        "The answer is ",
        "Answer: ",
        "final answer",
        "\\boxed{",
        "}",
        "(B)",
        "B",
        "A or B",
        "8",
        " km",
        "1e400",
        ",",
        "\n",
    ),
    *(
        "<answer>",
        "</answer>",
        "<think>",
        "</think>",
        '{"answer": "',
        '"}',
        "\\frac{1}{2}",
        "yes",
        "no",
        "not ",
        "blue",
    ),
    *(
        "the path says ",
        "\ud800",
        "\x00",
        "$",
        "**",
        "=",
        "答案：",
        "####",
        " ",
        ".",
        '{"title":"FINAL ANSWER","content":"',
    ),
)


def texts_of(pieces: Sequence[str], most: int) -> st.SearchStrategy[str]:
    """Any text, lone surrogates included, or at most so many of these pieces on end."""
    anything = st.text(st.characters(exclude_categories=[]), max_size=80)
    return st.one_of(anything, st.lists(st.sampled_from(pieces), max_size=most).map("".join))


hostile = texts_of(PIECES, 12)
