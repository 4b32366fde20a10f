"""What a file of a benchmark says, and what several of them use."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from insightv_bench.chat import LETTERS

from ..drafts import Draft, Layout, Row, as_options, letter_of
from ..drafts import one_gold as one_gold
from ..rows import NOT_AN_OPTION

REFERENCE = re.compile(r"<image (\d{1,4})>")
QUESTION = ("question", ("question",))
ANSWER = ("answer", ("answer",))
IMAGE = ("image", ("image",))
DECODED = ("image", ("decoded_image", "image"))
"""`image` holds a path where `decoded_image` holds the image."""
OPTIONS = ("options", ("options",))
CHOICES = ("options", ("choices",))
LETTER = "Answer with the option's letter from the given choices directly."
BRACKETED = "({letter}) {option}"
PIXEL = {
    "bytes": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\0\0\0\0:~\x9bU\0\0\0\n"
    b"IDATx\x9cch\0\0\0\x82\0\x81w\xcdr\xb6\0\0\0\0IEND\xaeB`\x82",
    "path": "1.png",
}
"""In an example row: one grey pixel, in the layout of `datasets.Image`."""


@dataclass(frozen=True)
class Benchmark:
    """One benchmark, or one form of it: what its columns mean, and how its authors ask its questions."""

    name: str
    layout: Layout
    prompt: Callable[[Row, Draft], str] | None
    """The prompt that its authors publish, line break for line break, so that a number can be held beside those of
    others; our own prompts ask it in the arms. None: it is read for training alone."""
    example: Row
    """One row, made by hand, with every column that is used."""
    rationale: bool = False
    """Whether its rows hold their authors' own solutions, some or all."""
    hub: tuple[str, ...] = ()
    """Ids on the Hub, its copies too, that are read so where a recipe names neither `columns` nor `reader`."""


def chosen(row: Row, text: str) -> tuple[tuple[str, ...], str, str]:
    """Options, answer and problem, where the answer is told by the text of an option."""
    options, problem = as_options(row.get("options", row.get("choices")))
    if problem or not options or not text:
        return options, text, problem
    letter = letter_of(text, options)
    return options, letter or text, "" if letter else NOT_AN_OPTION


def first(row: Row, *names: str) -> Any:
    """Of the first of these columns that is there and not empty."""
    return next((row[name] for name in names if row.get(name) is not None), None)


def renumbered(texts: Sequence[str], held: Sequence[int]) -> tuple[list[str], str]:
    """`<image 3>` as the place of that image among those there are; and a problem where one is missing."""
    places = {number: place for place, number in enumerate(held, 1)}
    named = {int(number) for text in texts for number in REFERENCE.findall(text)}
    if not named <= set(held):
        return list(texts), "an image that the question names is missing"
    return [REFERENCE.sub(lambda match: f"<image {places[int(match[1])]}>", text) for text in texts], ""


def hinted(hint: str, question: str) -> str:
    """The question under the text that it is about."""
    return f"{hint}\n{question}" if hint and question else question


def listed(options: Sequence[str], form: str = "{letter}. {option}") -> str:
    return "\n".join(form.format(letter=letter, option=each) for letter, each in zip(LETTERS, options, strict=False))
