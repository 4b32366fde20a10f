"""A path as text: render and parse, in every dialect, never a guess.

A path is one JSON object a line: steps `{"summary", "reasoning", "action"}`, then `{"answer"}`. Any other reasoning is
a path too, in one of the dialects of `dialects`: thought between marks, sections, headings, plain prose. Its steps are
pieces of the text (see `prose`), each with a summary, its heading or its first clause; its answer is what the reader
of answers reads at its end, which is handed in as `read_end` (`answers.read_path` does so), since this package does not
know what an answer means.

    complete   steps and an answer
    cut off    the text stopped before its answer: at the token cap, inside a thought, in the middle of an object
    max steps  JSON steps, and then no answer
    malformed  no steps, or no answer that can be read; an answer without steps is kept, so that it has a vote

Objects are read strictly. A path of JSON is malformed, with no steps and no answer, where
- an object lacks a key, has a value of another type, an unknown action, or a key twice;
- an object is spelt both ways, or is both a step and an answer;
- anything follows the answer's object that is an object too, a second answer included, or the answer is blank;
- a broken object cannot be mended without losing a word.
Keys of other names, and text around the objects, are passed over. Where an `action` disagrees with what follows it,
what follows counts. An object cut off at the very end is left out.

Parsing is linear in the text and never raises on any `str`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from insightv_bench.records import PathStatus, Step

from .dialects import Sectioned, sections_in
from .json_objects import Objects, objects_in
from .prose import End, Split, split, step_at
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
    read_verdicts,
    step_problem,
)
from .wrappers import Wrapper, marks_in, speech

MAX_STEPS = 10_000  # more is no path
_TITLED = re.compile(r"([^:\n]{1,120}):(?:[ \t]+|$)")
_STEP_KEY = re.compile(r"""[{,]\s*["'“](?:summary|reasoning|action|next_action)["'”]\s*:""")
_NOTE = re.compile(r"[^\n]{0,200}/(?:no_)?think$")
"""What a model notes of how it will reply (Keye): no thought."""
UNFINISHED = ("", "length")
"""Why a text may have ended that stops before its answer: nobody said, or its token cap."""

ReadEnd = Callable[[str], End | None]
"""What a whole text answers; None where nothing can be read."""


class Thought(NamedTuple):
    """What of a reply is thought; nothing where there are no marks."""

    dialect: str
    source: str
    """The text that it stands in: the reply, or what a server sent apart."""
    places: tuple[Span, ...]
    """[start, end) of each, without its marks."""
    rest: int
    """Where the reply after it begins; its end where a thought is never closed."""
    closed: bool

    @property
    def is_blank(self) -> bool:
        return not any(_NOTE.sub("", self.source[slice(*place)].strip()) for place in self.places)


class ParsedPath(NamedTuple):
    """A path as read."""

    steps: tuple[Step, ...]
    answer: str | None
    answer_span: Span | None
    """[start, end) of the answer's characters in the text given, as they are written there (escapes included)."""
    status: PathStatus
    dialect: str
    """A name of `DIALECTS`."""
    repaired: bool
    split: str = "objects"
    """By what the text was cut into steps: `objects`, `titles`, `sections`, or as of `prose.Split`."""
    places: tuple[Span, ...] = ()
    """[start, end) of each step in the text given; empty where the steps are not pieces of it."""


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


def render_paths(paths: Sequence[str]) -> str:
    """Several paths as one text, each under its number, from 1."""
    return "\n".join(f"Path {number}:\n{path}" for number, path in enumerate(paths, 1))


def split_paths(text: str) -> list[str]:
    """The paths of such a text, of those that have no line like `Path 2:` of their own."""
    return [path.strip("\n") for path in re.split(r"^Path \d+:$", text, flags=re.MULTILINE)[1:]]


def render_verdicts(answer: str, verdicts: Sequence[Verdict], check: str = "") -> str:
    """The summary agent's reply to several paths, one line of JSON: a verdict for each, in the order shown."""
    beside = {"check": check} if check else {}
    return json.dumps({**beside, "verdicts": list(verdicts), "answer": answer}, ensure_ascii=False)


def parse_path(
    text: str, reasoning: str = "", opened: bool = False, *, finish: str = "", read_end: ReadEnd | None = None
) -> ParsedPath:
    """The path in `text`; `reasoning` is what a server sent apart as such, read as the path and never as the answer.

    `opened`: the prompt ended in a thought's opening mark (see `opens_thought`). `finish`: why the reply ended, as the
    server says. `read_end` reads the answer of a path in words; without it prose has no end that can be read.
    """
    thought = Thought("think", reasoning, ((0, len(reasoning)),), rest_of(text), True)
    if not reasoning.strip():
        thought = thought_in(text, opened)
    after = objects_in(text[thought.rest :])
    if any(is_step(obj) for obj in after.found):
        return _path_of_objects(after, thought.rest, finish)
    end = read_end(text) if read_end else None
    if thought.source is text and (sectioned := sections_in(text)):
        return _path_of_sections(text, sectioned, end, finish)
    if not thought.is_blank:
        return _path_of_thought(text, thought, after, end, finish)
    if _STEP_KEY.search(text, thought.rest):
        return _path_of_objects(after, thought.rest, finish)
    return _path_of_prose(text, thought.rest, end, finish, bool(read_end))


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


def parse_verdicts(text: str, num: int, opened: bool = False) -> tuple[Verdict, ...]:
    """The summary agent's verdict on each of `num` paths; all `none` where it does not state exactly so many."""
    return read_verdicts(objects_in(text[rest_of(text, opened) :]).found, num)


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


def _malformed(dialect: str, repaired: bool = False, answer: End | AnswerRead | None = None) -> ParsedPath:
    text, span = (None, None) if answer is None else (answer[0], answer[1])
    return ParsedPath((), text, span, "malformed", dialect, repaired, "")


def _path_of_objects(objects: Objects, offset: int, finish: str) -> ParsedPath:
    """Steps, then at most one answer, and nothing else."""
    found = list(objects.found)
    cut = objects.cut or finish == "length"
    if not found:
        return ParsedPath((), None, None, "cut_off" if cut else "malformed", "json", False)
    dialect = "official" if dialect_of(found[0]) is OFFICIAL else "json"
    answer = read_answer(found[-1], offset)
    stopped = not found[-1].closed and answer is None and read_step(found[-1]) is None
    repaired = any(each.repaired for each in (found[:-1] if stopped else found))
    steps = [read_step(each) for each in (found[:-1] if stopped or answer else found)]
    whole = tuple(step for step in steps if step)
    if stopped and not whole and not objects.broken:
        return ParsedPath((), None, None, "cut_off", dialect, repaired)
    if objects.broken or not whole or len(whole) < len(steps) or (answer and objects.cut):
        return _malformed(dialect, repaired)
    if answer is None:
        return ParsedPath(whole, None, None, "cut_off" if cut or stopped else "max_steps", dialect, repaired)
    return ParsedPath(whole, answer.text, answer.span, "complete", dialect, repaired)


def _path_of_sections(text: str, sectioned: Sectioned, end: End | None, finish: str) -> ParsedPath:
    """A step a section, or several; the answer is what the answer's section says."""
    places: list[Span] = []
    titles: list[str] = []
    for section in sectioned.sections:
        if section.role == "answer":
            continue
        cut = split(text, *section.place).steps if section.role == "steps" else ()
        places += cut or (section.place,)
        named = not re.fullmatch(r"step[ _]?\d*", section.title, re.IGNORECASE)
        titles += [""] * len(cut) if len(cut) > 1 else [section.title.replace("_", " ").capitalize() if named else ""]
    said = [section.place for section in sectioned.sections if section.role == "answer"]
    answer = end or (_stripped(text, *said[-1]) if said and sectioned.closed else None)
    found = Split("sections", tuple(places))
    return _path_of_words(text, sectioned.dialect.name, found, answer, finish, not said, titles)


def _path_of_prose(text: str, start: int, end: End | None, finish: str, has_reader: bool) -> ParsedPath:
    """The pieces of what is said, but for marks of an answer; without a reader of answers its end cannot be told."""
    if not has_reader:
        return _malformed("prose")
    stop = end.stop if end else len(text)
    for mark in marks_in(text, start) if end else ():
        opens = mark.wrapper.kind == "answer" and mark.opens and text[start : mark.start].strip()
        if end and opens and mark.end <= end.span[0]:
            stop = min(stop, mark.start)
    return _path_of_words(text, "prose", split(text, start, stop, end), end, finish)


def _path_of_words(
    text: str,
    dialect: str,
    found: Split,
    answer: End | AnswerRead | None,
    finish: str,
    unfinished: bool = False,
    titles: Sequence[str] = (),
) -> ParsedPath:
    """`unfinished`: the text itself shows that it stopped. A path that has no end keeps no steps."""
    cut = answer is None and (finish == "length" or (unfinished and finish in UNFINISHED))
    steps = _steps_at(text, found.steps, titles, not cut)
    if cut:
        return ParsedPath(steps, None, None, "cut_off", dialect, False, found.how, found.steps if steps else ())
    if not steps or answer is None:
        return _malformed(dialect, answer=None if steps else answer)
    return ParsedPath(steps, answer[0], answer[1], "complete", dialect, False, found.how, found.steps)


def _path_of_thought(text: str, thought: Thought, after: Objects, end: End | None, finish: str) -> ParsedPath:
    """The path inside a thought, and the answer in the text after it."""
    steps, places, dialect, repaired, how = _steps_of_thought(thought)
    silent = not text[thought.rest :].strip()
    cut = (not thought.closed or silent) and finish in UNFINISHED
    if cut or finish == "length":
        answer: End | AnswerRead | None = None if cut else end
    elif not thought.closed or silent:
        answer = None
    elif after.found or after.broken or after.cut:
        cut = after.cut and not after.broken and not after.found
        answer = read_answer(after.found[0], thought.rest) if len(after.found) == 1 and not after.broken else None
        answer = None if after.cut else answer or end
    else:
        answer = end or _plain_answer(text, thought.rest)
    if answer is None and (cut or finish == "length"):
        return ParsedPath(steps, None, None, "cut_off", dialect, repaired, how, places)
    if not steps or answer is None:
        return _malformed(dialect, repaired)
    return ParsedPath(steps, answer[0], answer[1], "complete", dialect, repaired, how, places)


def _steps_of_thought(thought: Thought) -> tuple[tuple[Step, ...], tuple[Span, ...], str, bool, str]:
    """The steps, where they stand, their dialect, whether they were mended, and by what they were cut."""
    inside = "\n".join(thought.source[slice(*place)] for place in thought.places)
    objects = objects_in(inside)
    if any(is_step(obj) for obj in objects.found):
        path = _path_of_objects(objects, 0, "")
        return (path.steps if path.answer is None else ()), (), path.dialect, path.repaired, "objects"
    if thought.dialect == "thoughts" and (pieces := titled(inside)):
        last = len(pieces) - 1 if thought.closed else len(pieces)
        steps = [new_step(*piece, "summary" if index == last else "continue") for index, piece in enumerate(pieces)]
        return _if_whole(steps), (), thought.dialect, False, "titles"
    cuts = [split(thought.source, *place) for place in thought.places]
    places = tuple(step for cut in cuts for step in cut.steps)
    steps_found = _steps_at(thought.source, places, (), thought.closed)
    how = max(cuts, key=lambda cut: len(cut.steps)).how
    return steps_found, places if steps_found else (), thought.dialect, False, how


def _steps_at(text: str, places: Sequence[Span], titles: Sequence[str], ended: bool) -> tuple[Step, ...]:
    """The pieces as steps, the last one marked as such where the path has `ended`; none where one cannot be stored."""
    last = len(places) - 1 if ended else len(places)
    names = titles or [""] * len(places)
    return _if_whole(
        [
            step_at(text, place, "summary" if index == last else "continue", name)
            for index, (place, name) in enumerate(zip(places, names, strict=True))
        ]
    )


def _if_whole(steps: Sequence[Step | None]) -> tuple[Step, ...]:
    whole = tuple(step for step in steps if step)
    return whole if len(whole) == len(steps) <= MAX_STEPS else ()


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
    return _stripped(text, begin, end)


def _stripped(text: str, begin: int, end: int) -> AnswerRead | None:
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


def thought_in(text: str, opened: bool = False) -> Thought:
    """The thought of `text`, one or several.

    `opened`: the first began in the prompt. A closing mark alone says the same, since many chat templates write the
    opening one into the prompt. A mark inside an object's string is text, and so is one that ends more than thought.
    """
    places: list[Span] = []
    begin, rest = (0 if opened else None), 0
    inside: Wrapper | None = None
    first: Wrapper | None = None
    for mark in marks_in(text):
        wrapper = mark.wrapper
        if wrapper.kind == "answer" and mark.opens and begin is not None and wrapper.dialect != "tags":
            places.append((begin, mark.start))  # a final channel ends any other
            begin, rest, inside = None, mark.start, None
        if wrapper.kind != "thought":
            continue
        if mark.opens and begin is None:
            begin, inside = mark.end, wrapper
        elif not mark.opens and begin is not None and inside in (None, wrapper):
            places.append((begin, mark.start))
            begin, rest, inside = None, mark.end, None
        elif not mark.opens and begin is None and wrapper.alone:
            places.append((rest, mark.start))
            rest = mark.end
        else:
            continue
        first = first or wrapper
    if begin is not None:
        dialect = first.dialect if first else "think"
        return Thought(dialect, text, (*places, (begin, len(text))), len(text), False)
    if not places and (said := speech(text)).places[:1] and not said.marked and said.places[0][0] > 0:
        return Thought("tags", text, ((0, said.places[0][0]),), said.places[0][0], True)
    return Thought(first.dialect if first else "json", text, tuple(places), rest, True)


def rest_of(text: str, opened: bool = False) -> int:
    """Where the text after the last thought begins; the end of the text where that is never closed."""
    return thought_in(text, opened).rest


def without_blank_thought(text: str) -> str:
    """A text without the empty marks of thought before it, as models write them that are told not to think."""
    thought = thought_in(text)
    return text[thought.rest :].lstrip() if thought.places and thought.is_blank else text


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
