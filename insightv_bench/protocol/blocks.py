"""Tagged blocks of a reply: `<thoughts>` and `<think>`, and where the text after them begins.

It reads no JSON beyond asking where it lies: a tag inside an object's string is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from .json_objects import objects_in

_TAG = re.compile(r"<(/?)(think|thoughts)>", re.IGNORECASE)
_ANSWER_TAG = re.compile(r"</?answer>", re.IGNORECASE)
_TITLED = re.compile(r"([^:\n]{1,120}):(?:[ \t]+|$)")
_PARAGRAPHS = re.compile(r"\n[ \t\r]*\n")


class Block(NamedTuple):
    """What stands between tags; empty where there are no tags."""

    dialect: str
    inside: str
    rest: int
    """Where the text after the block begins."""
    closed: bool
    paired: bool = True
    """False: a tag is repeated, or has no partner."""


def block_of(text: str) -> Block:
    """The one block of `text`.

    A closing tag alone counts, since many chat templates write the opening one into the prompt.
    """
    tags = _tags(text)
    if not tags:
        return Block("json", "", 0, True)
    first, last, dialect = tags[0], tags[-1], tags[0][2].lower()
    if len(tags) == 1 and not first[1]:
        return Block(dialect, text[first.end() :], len(text), False)
    if len(tags) == 1:
        return Block(dialect, text[: first.start()], first.end(), True)
    paired = len(tags) == 2 and not first[1] and bool(last[1]) and last[2].lower() == dialect
    return Block(dialect, text[first.end() : last.start()], last.end(), True, paired)


def rest_of(text: str) -> int:
    """Where the text after the last block begins; the end of the text where that is never closed."""
    tags = _tags(text)
    if not tags:
        return 0
    return tags[-1].end() if tags[-1][1] else len(text)


def titled(inside: str) -> list[tuple[str, str]]:
    """Lines "Title: content"; a line without a title goes on with the content before it."""
    pieces: list[tuple[str, list[str]]] = []
    for line in inside.strip().split("\n"):
        match = _TITLED.match(line)
        if match:
            pieces.append((match[1].strip(), [line[match.end() :]]))
        elif not pieces:
            return []
        else:
            pieces[-1][1].append(line)
    return [(title, "\n".join(lines).strip()) for title, lines in pieces]


def paragraphs(inside: str) -> list[tuple[str, str]]:
    """Paragraphs, each with an empty title: nothing in them says what it would be."""
    return [("", paragraph.strip()) for paragraph in _PARAGRAPHS.split(inside.strip()) if paragraph.strip()]


def plain_answer(text: str, start: int) -> tuple[int, int] | None:
    """The place of the text from `start` on, or of what its one `<answer>` tag holds; None where that is blank."""
    tags = [match for match, _ in zip(_ANSWER_TAG.finditer(text, start), range(3), strict=False)]
    if len(tags) not in (0, 2):
        return None
    begin, end = (tags[0].end(), tags[1].start()) if tags else (start, len(text))
    return stripped(text, begin, end)


def stripped(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The place without the blanks around it; None where nothing is left."""
    said = text[start:end]
    begin = start + len(said) - len(said.lstrip())
    return (begin, begin + len(said.strip())) if said.strip() else None


def _tags(text: str) -> list[re.Match[str]]:
    """The first three tags and the last one."""
    tags: list[re.Match[str]] = []
    for tag in _tags_outside_objects(text):
        tags[3:] = []
        tags.append(tag)
    return tags


def _tags_outside_objects(text: str) -> Iterator[re.Match[str]]:
    if not _TAG.search(text):
        return
    objects = iter(objects_in(text).found if "{" in text else ())
    inside = next(objects, None)
    for tag in _TAG.finditer(text):
        while inside and inside.end <= tag.start():
            inside = next(objects, None)
        if not inside or tag.start() < inside.start:
            yield tag
