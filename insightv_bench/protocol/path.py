"""A path as text: render and parse, in every dialect, never a guess.

A path is one JSON object a line: steps `{"summary", "reasoning", "action"}`, then `{"answer"}`. Dialects that are read:

    json      ours, as above; also fenced, as an array, over several lines, or slightly broken (then `repaired`)
    official  the same with `title`, `content`, `next_action` (`continue` or `final_answer`); an object whose title is
              "Final answer" is the answer, unless it says `continue` or another answer follows it
    thoughts  `<thoughts>` ... `</thoughts>` with lines "Title: content", then the answer
    think     `<think>` ... `</think>`, or any marks of thought in `wrappers`, each paragraph a step, then the
              answer; or a server's `reasoning_content`
    prose     text with no structure: always malformed, since where a step or the answer lies would be a guess

A text is malformed, with no steps and no answer, where
- an object lacks a key, has a value of another type, an unknown action, or a key twice;
- an object is spelt both ways, or is both a step and an answer;
- anything follows the answer's object that is an object too, a second answer included, or the answer is blank;
- a tag is repeated or unpaired, or a broken object cannot be mended without losing a word.
Keys of other names, and text around the objects, are passed over. Where an `action` disagrees with what follows it,
what follows counts. An object cut off at the very end is left out: text that stopped is `max_steps`, not malformed.

It does not say what an answer means (see `answers`). Parsing is linear in the text and never raises on any `str`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import NamedTuple

from insightv_bench.records import PathStatus, Step

from .json_objects import Objects, objects_in
from .steps import (
    OFFICIAL,
    OURS,
    AnswerRead,
    Span,
    Verdict,
    dialect_of,
    is_step,
    is_unicode,
    new_step,
    read_answer,
    read_step,
    read_verdict,
    step_problem,
)
from .wrappers import Mark, marks_in

MAX_STEPS = 10_000  # more is no path
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


class ParsedPath(NamedTuple):
    """A path as read."""

    steps: tuple[Step, ...]
    answer: str | None
    answer_span: Span | None
    """[start, end) of the answer's characters in the text given, as they are written there (escapes included)."""
    status: PathStatus
    dialect: str
    repaired: bool


class ParsedStep(NamedTuple):
    """One step as read from one reply."""

    step: Step | None
    repaired: bool
    problem: str
    """What was wrong, in words that can be told to the model; empty where nothing was."""


class ParsedAnswer(NamedTuple):
    """The answer as read from the last reply of progressive generation."""

    answer: str | None
    problem: str
    """As of a step."""


class ParsedSummary(NamedTuple):
    """A summary agent's reply as read."""

    answer: str | None
    span: Span | None
    """[start, end) of the answer's characters in the reply, as they are written there (escapes included)."""
    verdict: Verdict
    """`none` where it is unstated or unreadable."""
    check: str
    """What the agent read again in the image; empty where it says nothing of it."""


def render_step(step: Step) -> str:
    """One line of JSON."""
    return json.dumps({key: getattr(step, key) for key in OURS}, ensure_ascii=False)


def render_answer(answer: str) -> str:
    """One line of JSON."""
    return json.dumps({"answer": answer}, ensure_ascii=False)


def render_path(steps: Sequence[Step], answer: str | None) -> str:
    """The steps, one a line, then the answer where there is one; no newline at the end."""
    lines = [render_step(step) for step in steps]
    return "\n".join(lines if answer is None else [*lines, render_answer(answer)])


def render_summary(answer: str, verdict: Verdict = "none", check: str = "") -> str:
    """The summary agent's reply, one line of JSON: what it read again, its verdict on the path, its answer."""
    beside = ({"check": check} if check else {}) | ({"verdict": verdict} if verdict != "none" else {})
    return json.dumps({**beside, "answer": answer}, ensure_ascii=False)


def parse_path(text: str, reasoning: str = "", opened: bool = False) -> ParsedPath:
    """The path in `text`; `reasoning` is a server's `reasoning_content`, read as the path and never as the answer.

    `opened`: the prompt ended in a thought's opening mark (see `opens_thought`).
    """
    block = Block("think", reasoning, rest_of(text), True) if reasoning.strip() else block_of(text, opened)
    if not block.paired:
        return _malformed(block.dialect)
    after = objects_in(text[block.rest :])
    if not block.inside.strip() or any(is_step(obj) for obj in after.found):
        return _path_of_objects(after, block.rest)
    return _path_of_block(block, after, text)


def parse_step(text: str, opened: bool = False) -> ParsedStep:
    """The one step in `text`, a reply of progressive generation; `opened` as of a path."""
    objects = objects_in(text[rest_of(text, opened) :])
    problem = _reply_problem(objects)
    step = None if problem else read_step(objects.found[0])
    return ParsedStep(step, step is not None and objects.found[0].repaired, problem)


def parse_summary(text: str, opened: bool = False) -> ParsedSummary:
    """The summary agent's answer and verdict. An answer given twice and differently is no answer."""
    begin = rest_of(text, opened)
    found = objects_in(text[begin:]).found
    answers = [answer for answer in (read_answer(each, begin) for each in found) if answer]
    verdict, check = read_verdict(found)
    if len({answer.text for answer in answers}) != 1:
        return ParsedSummary(None, None, verdict, check)
    return ParsedSummary(*answers[-1], verdict, check)


def parse_answer(text: str, opened: bool = False) -> ParsedAnswer:
    """The one answer in `text`, the reply after the last step."""
    answer = parse_summary(text, opened).answer
    if answer is not None:
        return ParsedAnswer(answer, "")
    objects = objects_in(text[rest_of(text, opened) :])
    if objects.broken or objects.cut:
        return ParsedAnswer(None, _reply_problem(objects))
    if any(read_answer(each, 0) for each in objects.found):
        return ParsedAnswer(None, "it gives several answers; write one")
    return ParsedAnswer(None, 'there must be {"answer": "..."}, a text that is not empty')


def _malformed(dialect: str, repaired: bool = False) -> ParsedPath:
    return ParsedPath((), None, None, "malformed", dialect, repaired)


def _read(steps: tuple[Step, ...], answer: AnswerRead | None, dialect: str, repaired: bool) -> ParsedPath:
    if answer is None:
        return ParsedPath(steps, None, None, "max_steps", dialect, repaired)
    return ParsedPath(steps, answer.text, answer.span, "complete", dialect, repaired)


def _path_of_objects(objects: Objects, offset: int) -> ParsedPath:
    """Steps, then at most one answer, and nothing else."""
    found = list(objects.found)
    if not found:
        return _malformed("json" if objects.broken or objects.cut else "prose")
    dialect = "official" if dialect_of(found[0]) is OFFICIAL else "json"
    answer = read_answer(found[-1], offset)
    stopped = not found[-1].closed and answer is None and read_step(found[-1]) is None
    repaired = any(each.repaired for each in (found[:-1] if stopped else found))
    steps = [read_step(each) for each in (found[:-1] if stopped or answer else found)]
    whole = tuple(step for step in steps if step)
    if objects.broken or not whole or len(whole) < len(steps) or (answer and objects.cut):
        return _malformed(dialect, repaired)
    return _read(whole, answer, dialect, repaired)


def _path_of_block(block: Block, after: Objects, text: str) -> ParsedPath:
    """The path inside a block, and the answer in the text after it."""
    steps, dialect, repaired = _steps_of_block(block)
    if not steps or after.broken or (after.cut and after.found):
        return _malformed(dialect, repaired)
    if not block.closed or after.cut or not text[block.rest :].strip():
        return _read(steps, None, dialect, repaired)
    if after.found:
        answer = read_answer(after.found[0], block.rest) if len(after.found) == 1 else None
    else:
        answer = _plain_answer(text, block.rest)
    return _read(steps, answer, dialect, repaired) if answer else _malformed(dialect, repaired)


def _steps_of_block(block: Block) -> tuple[tuple[Step, ...], str, bool]:
    """The steps, their dialect, and whether they were mended."""
    objects = objects_in(block.inside)
    if any(is_step(obj) for obj in objects.found):
        path = _path_of_objects(objects, 0)
        return (path.steps if path.answer is None else ()), path.dialect, path.repaired
    pieces = titled(block.inside) if block.dialect == "thoughts" else paragraphs(block.inside)
    if len(pieces) > MAX_STEPS:
        return (), block.dialect, False
    last = len(pieces) - 1 if block.closed else len(pieces)
    steps = [new_step(*piece, "summary" if index == last else "continue") for index, piece in enumerate(pieces)]
    whole = tuple(step for step in steps if step)
    return (whole if len(whole) == len(steps) else ()), block.dialect, False


def _plain_answer(text: str, start: int) -> AnswerRead | None:
    """The text from `start` on, or what its one pair of answer marks holds, without the blanks around it."""
    marks = [mark for mark in marks_in(text, start) if mark.wrapper.kind == "answer"]
    begin, end = start, len(text)
    if marks:
        begin = marks[0].end
        if len(marks) == 1 and not marks[0].wrapper.to_the_end or not marks[0].opens:
            return None
        if len(marks) > 1:
            end = marks[1].start
            if len(marks) > 2 or marks[1].opens or marks[1].wrapper is not marks[0].wrapper:
                return None
    answer = text[begin:end].strip()
    begin += len(text[begin:end]) - len(text[begin:end].lstrip())
    return AnswerRead(answer, (begin, begin + len(answer))) if answer and is_unicode(answer) else None


def _reply_problem(objects: Objects) -> str:
    """Why a reply is not one step, in words for the model; empty where it is."""
    if objects.broken or (objects.found and objects.cut):
        return "the JSON is broken; write one JSON object with its strings closed and its quotes escaped"
    if objects.cut:
        return "the JSON object is cut off before its end; write less"
    if not objects.found:
        return "there is no JSON object in the reply"
    if len(objects.found) > 1:
        return f"the reply holds {len(objects.found)} JSON objects; write one step only"
    return step_problem(objects.found[0])


def block_of(text: str, opened: bool = False) -> Block:
    """The one block of `text`.

    `opened`: the block began in the prompt. A closing mark alone says the same, since many chat templates write the
    opening one into the prompt.
    """
    marks = _thought_marks(text, opened)
    if not marks:
        return Block("think", text, len(text), False) if opened else Block("json", "", 0, True)
    first, last, dialect = marks[0], marks[-1], "thoughts" if marks[0].wrapper.titled else "think"
    if not first.opens:
        return Block(dialect, text[: first.start], last.end, True, len(marks) == 1)
    if len(marks) == 1:
        return Block(dialect, text[first.end :], len(text), False)
    paired = len(marks) == 2 and not last.opens and last.wrapper is first.wrapper
    return Block(dialect, text[first.end : last.start], last.end, True, paired)


def rest_of(text: str, opened: bool = False) -> int:
    """Where the text after the last block begins; the end of the text where that is never closed."""
    marks = _thought_marks(text, opened)
    if not marks:
        return len(text) if opened else 0
    return len(text) if marks[-1].opens else marks[-1].end


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


def _thought_marks(text: str, opened: bool) -> list[Mark]:
    """The marks of thought; a mark inside an object's string is text, and so is one that ends more than thought."""
    marks: list[Mark] = []
    for mark in marks_in(text):
        is_open = marks[-1].opens if marks else opened
        if mark.wrapper.kind == "thought" and (mark.opens or mark.wrapper.alone or is_open):
            marks.append(mark)
    return marks
