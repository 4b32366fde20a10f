"""What a judge is asked and how its reply is read: strictly, never a guess.

    answer verdict   {"verdict": "right"} or {"verdict": "wrong"}
    answer found     {"answer": "B"}, copied from the reply that is judged, or null
    path ratings     {"path": 1, "accuracy": 80, "detail": 60}, one a path, in the order shown
    first wrong step {"first_wrong_step": 2}, or null
    every step       {"step": 0, "right": 90}, one a step, in order; percent

Text around the JSON is passed over, as a judge may think aloud; a second object, a missing one, an unknown key, a
number out of range or a broken object is a reply that cannot be read, with the problem in words for the judge.
It asks nobody (see the package `judging`).
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from insightv_bench.chat import LETTERS, Chat, ask, load_prompt, question_text
from insightv_bench.protocol import objects_in, rest_of
from insightv_bench.records import Message, QuestionColumns, Step

T = TypeVar("T")
ANSWER, EXTRACT, SCORE, STEPS = "judge_answer", "extract", "judge_score", "judge_steps"
EVERY_STEP = "more/judge_every_step"
LOWEST, HIGHEST = 1, 100
LINE_ENDS = {code: f"\\u{code:04x}" for code in (0x0B, 0x0C, 0x1C, 0x1D, 0x1E, 0x85, 0x2028, 0x2029)}
MAX_COPIED_CHARS = 500
NOT_BEFORE_NUMBER = r"(?<![\w.,/−-])"
"""What would make a number another: `2` does not stand in `1.2`, nor `5` in `-5`."""


class Read(NamedTuple, Generic[T]):
    """What a reply says; `value` None: it could not be read, and `problem` says why, in words for the judge."""

    value: T | None
    problem: str = ""


class Extracted(NamedTuple):
    """The answer as the judge copied it from a reply; None: it found none."""

    answer: str | None


class Rating(NamedTuple):
    """What a judge gives one path."""

    accuracy: int  # 1-100
    detail: int  # 1-100


class FirstWrong(NamedTuple):
    """0-based; None: every step is right."""

    step: int | None


def answer_chat(question: QuestionColumns, answer: str) -> Chat:
    """Text alone: the images do not change whether two answers are the same."""
    slots = {"question": question_text(question), "gold": quoted(gold_text(question)), "answer": quoted(answer)}
    return Chat((Message(role="user", content=load_prompt(ANSWER).render(**slots)),))


def extraction_chat(question: str, options: Sequence[str], reply: str) -> Chat:
    """Which answer the reply gives, to be copied from it; what would be right is not told."""
    lettered = [f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=False)]
    text = load_prompt(EXTRACT).render(question="\n".join([question, *lettered]), answer=reply)
    return Chat((Message(role="user", content=text),))


def score_chat(question: QuestionColumns, paths: Sequence[str]) -> Chat:
    """The question's images, its gold answer, and the paths' texts in the order given."""
    return ask(SCORE, question, gold=quoted(gold_text(question)), paths=numbered(paths))


def steps_chat(question: QuestionColumns, steps: Sequence[Step], prompt: str = STEPS) -> Chat:
    """`prompt`: for the first wrong step, or for every step."""
    lines = [json.dumps({"step": n, "reasoning": step.reasoning}, ensure_ascii=False) for n, step in enumerate(steps)]
    return ask(prompt, question, path="\n".join(map(one_line, lines)))


def gold_text(question: QuestionColumns) -> str:
    """The gold answer; for an option its letter and text, once where they are the same."""
    if question.answer_type != "option" or not question.options:
        return question.answer
    text = question.options[ord(question.answer) - ord("A")]
    return question.answer if text.strip("(). ") == question.answer else f"{question.answer}. {text}"


def quoted(text: str) -> str:
    """On one line in quotes, so that no answer can pass for the text around it."""
    return one_line(json.dumps(text, ensure_ascii=False))


def one_line(text: str) -> str:
    """Characters that some readers take for the end of a line, and JSON does not escape, are escaped: nothing inside a
    JSON string passes for a heading or an instruction on a line of its own."""
    return text.translate(LINE_ENDS)


def numbered(paths: Sequence[str]) -> str:
    """Each path under `Path N`. Its lines are JSON objects, so none of them can pass for such a heading."""
    return "\n".join(f"Path {number}\n{one_line(path)}" for number, path in enumerate(paths, 1))


def read_answer_verdict(text: str) -> Read[bool]:
    objects, problem = _objects(text, 1, {"verdict"})
    if problem:
        return Read(None, problem)
    verdict = objects[0]["verdict"]
    right = verdict == "right" if verdict in ("right", "wrong") else None
    return Read(right, '`verdict` must be "right" or "wrong"' if right is None else "")


def read_extraction(text: str) -> Read[Extracted]:
    """One object with `answer`, a text or null."""
    said = text[rest_of(text) :]
    start, end = said.find("{"), said.rfind("}") + 1
    try:
        reply = json.loads(said[start:end]) if 0 <= start < end else None
    except (ValueError, RecursionError):
        reply = None
    if not isinstance(reply, dict) or "answer" not in reply:
        return Read(None, 'reply with one JSON object: {"answer": "..."} or {"answer": null}')
    answer = reply["answer"]
    if answer is not None and not isinstance(answer, str | int | float):
        return Read(None, "`answer` must be a text or null")
    return Read(Extracted(None if answer is None else str(answer)))


def place_in(response: str, answer: str | None) -> tuple[int, int] | None:
    """Where the reply holds the answer that a judge says it gives, as a whole word and whatever the blanks, the last
    time; None where it does not: a judge may find an answer, never make one."""
    chars = "".join((answer or "").split())[:MAX_COPIED_CHARS]
    if not chars:
        return None
    before = NOT_BEFORE_NUMBER if chars[0].isdigit() else r"(?<!\w)" if chars[0].isalnum() else ""
    after = r"(?!\w|[.,]\d)" if chars[-1].isalnum() else ""
    if chars in ("A", "I"):
        after = r"(?!\w|['’]|\s+[a-z])"  # an article, a pronoun
    last = deque(re.finditer(before + r"\s*".join(map(re.escape, chars)) + after, response), maxlen=1)
    return last[0].span() if last else None


def read_ratings(text: str, num_paths: int) -> Read[list[Rating]]:
    """One rating a path, in the order shown."""
    rows, problem = _objects(unwrapped(text), num_paths, {"path", "accuracy", "detail"})
    if problem:
        return Read(None, problem)
    if [row["path"] for row in rows] != list(range(1, num_paths + 1)):
        return Read(None, f"`path` must be 1 to {num_paths}, each once and in this order")
    for row in rows:
        wrong = [name for name in ("accuracy", "detail") if not is_rating(row[name])]
        if wrong:
            return Read(None, f"`{wrong[0]}` must be a whole number from {LOWEST} to {HIGHEST}")
    return Read([Rating(row["accuracy"], row["detail"]) for row in rows])


def unwrapped(text: str) -> str:
    """An object `ratings`, as the schema of a server has it, as one object a line."""
    objects = objects_in(text[rest_of(text) :]).found
    ratings = objects[0].values.get("ratings") if len(objects) == 1 and not objects[0].repaired else None
    return "\n".join(map(json.dumps, ratings.value)) if ratings and isinstance(ratings.value, list) else text


def read_first_wrong(text: str, num_steps: int) -> Read[FirstWrong]:
    objects, problem = _objects(text, 1, {"first_wrong_step"})
    if problem:
        return Read(None, problem)
    step = objects[0]["first_wrong_step"]
    if step is not None and not (type(step) is int and 0 <= step < num_steps):
        return Read(None, f"`first_wrong_step` must be null or a whole number from 0 to {num_steps - 1}")
    return Read(FirstWrong(step))


def read_every_step(text: str, num_steps: int) -> Read[tuple[int, ...]]:
    """How likely each step is right, 0-100."""
    rows, problem = _objects(text, num_steps, {"step", "right"})
    if problem:
        return Read(None, problem)
    if [row["step"] for row in rows] != list(range(num_steps)):
        return Read(None, f"`step` must be 0 to {num_steps - 1}, each once and in this order")
    if not all(type(row["right"]) is int and 0 <= row["right"] <= HIGHEST for row in rows):
        return Read(None, f"`right` must be a whole number from 0 to {HIGHEST}")
    return Read(tuple(row["right"] for row in rows))


def is_rating(value: object) -> bool:
    return type(value) is int and LOWEST <= value <= HIGHEST


def render_ratings(ratings: Sequence[Rating]) -> str:
    lines = [{"path": number, **rating._asdict()} for number, rating in enumerate(ratings, 1)]
    return "\n".join(json.dumps(line) for line in lines)


def combine(rating: Rating, detail_share: float) -> int:
    """The score, 1-100: accuracy and detail in fixed shares."""
    return round((1 - detail_share) * rating.accuracy + detail_share * rating.detail)


def _objects(text: str, num: int, keys: set[str]) -> tuple[list[Mapping[str, Any]], str]:
    """The `num` objects of a reply, with exactly these keys; or what is wrong, in words."""
    objects = objects_in(text[rest_of(text) :])
    if objects.cut:
        return [], "the reply is cut off; write less"
    if objects.broken or any(each.repaired or each.repeats for each in objects.found):
        return [], "the JSON is broken"
    if len(objects.found) != num:
        are = "is 1" if len(objects.found) == 1 else f"are {len(objects.found) or 'none'}"
        return [], f"there must be {num} JSON object{'s' * (num > 1)}, and there {are}"
    for each in objects.found:
        if odd := sorted(each.values.keys() ^ keys):
            return [], f"the key `{odd[0]}` is {'missing' if odd[0] in keys else 'not one of those asked for'}"
    return [{key: value.value for key, value in each.values.items()} for each in objects.found], ""
