"""Text that others wrote, made safe to show: names, questions and replies may hold anything.

What is safe for a terminal and a picture is decided here; HTML's own escaping is `page`'s.
"""

from __future__ import annotations

import re

from .board import ComparableSet

# Control characters but newline and tab (a terminal obeys them, XML forbids them), lone surrogates (no UTF-8), and the
# marks that turn the direction of the text after them (U+202A-202E, U+2066-2069).
UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def visible(text: str) -> str:
    """The text with unseen characters spelt out, `[U+202E]` say."""
    return UNSEEN.sub(lambda found: f"[U+{ord(found.group()):04X}]", text)


def short(text: str, length: int) -> str:
    """The visible text, on one line and cut to `length` characters."""
    line = " ".join(visible(text).split())
    return line if len(line) <= length else line[: length - 1] + "…"


def percent(share: float) -> str:
    """`0.1234` as `12.34`."""
    return f"{100 * share:.2f}"


def questions(found: ComparableSet) -> str:
    """How many there are, and what guessing would get: `500 questions, chance 25.00 % on the 500 with options`."""
    told = f"{found.num_questions:,} questions"
    if found.chance is None:
        return told
    return f"{told}, chance {percent(found.chance)} % on the {found.num_with_options:,} with options"
