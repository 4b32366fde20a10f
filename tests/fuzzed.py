"""Replies that no model should write: random characters, and whole replies cut, spliced, doubled and spoilt."""

from __future__ import annotations

import random
from collections.abc import Iterator

from insightv_bench.answers import Reading, read
from insightv_bench.records import AnswerType

TYPES: tuple[AnswerType, ...] = ("option", "number", "yes_no", "text", "list", "expression")
OPTIONS = ((), ("red", "blue", "green", "dark green"), ("3 m", "4 m", "$\\frac{1}{2}$", "none of the above"))
WHOLE = (
    "Answer: B",
    "The answer is (C) because the bar is tall.",
    "A. red - too short. B. blue - no. (D) is a line. Answer: C",
    "The total is \\boxed{42}.",
    "\\boxed{\\text{(B)}\\ 4}",
    "The path claims 7. I read 5 again, so the answer is 5.",
    '{"verdict": "wrong", "answer": "B"}',
    '{"summary": "Look", "reasoning": "Red is 3.", "action": "continue"}\n{"answer": "3"}',
    '```json\n{"answer": "12 km"}\n```',
    '{"title": "Final answer", "content": "B", "next_action": "final_answer"}',
    "<think>It may be A.</think>\nB",
    "<thoughts>\nRead: red is 3\n</thoughts>\nYes, since it is taller.",
    "<answer>blue</answer>",
    "#### 1,234.5",
    "Final answer\n\n**C. dark green**",
    "答案：B",
    "I cannot tell from the image.",
    "red, blue and green",
    "$x^2 + 2x + 1 = (x+1)^2$",
)
PARTS = (
    *("The answer is ", "Answer: ", "\\boxed{", "}", "(B)", "B", "A or B", "8", " km", "1e400", ",", "\n", "\r\n"),
    *("<answer>", "</answer>", "<think>", "</think>", "<thoughts>", '{"answer": "', '"}', '"', "\\", "\\frac{1}{2}"),
    *("yes", "no", "not ", "blue", "the path says ", "\ud800", "\x00", "\u202e", "$", "**", "=", "####", "½", "٣", "{"),
)


def fuzzed(seed: int, num: int) -> Iterator[tuple[str, AnswerType, tuple[str, ...]]]:
    """The same replies for the same seed."""
    random_ = random.Random(seed)
    makers = (_characters, _parts, _spoilt, _spoilt, _spliced)
    for number in range(num):
        response = makers[number % len(makers)](random_)
        yield response, random_.choice(TYPES), random_.choice(OPTIONS)


def _characters(random_: random.Random) -> str:
    top = random_.choice((0x7F, 0x24F, 0xFFFF, 0x10FFFF))
    return "".join(chr(random_.randint(0, top)) for _ in range(random_.randint(0, 60)))


def _parts(random_: random.Random) -> str:
    return "".join(random_.choices(PARTS, k=random_.randint(1, 12)))


def _spoilt(random_: random.Random) -> str:
    """A whole reply with up to five characters or parts lost, doubled, swapped or put in."""
    text = random_.choice(WHOLE)
    for _ in range(random_.randint(1, 5)):
        at, to = sorted((random_.randint(0, len(text)), random_.randint(0, len(text))))
        change = random_.randrange(4)
        if change == 0:
            text = text[:at] + text[min(to, at + 4) :]
        elif change == 1:
            text = text[:to] + text[at:to] + text[to:]
        elif change == 2:
            text = text[:at] + text[to : to + 3] + text[at:to] + text[to + 3 :]
        else:
            text = text[:at] + random_.choice(PARTS) + text[at:]
    return text


def _spliced(random_: random.Random) -> str:
    one, other = random_.choice(WHOLE), random_.choice(WHOLE)
    return (
        one[: random_.randint(0, len(one))] + random_.choice(("", "\n", " ")) + other[random_.randint(0, len(other)) :]
    )


def check(response: str, answer_type: AnswerType, options: tuple[str, ...]) -> Reading:
    """Read it; raises AssertionError where there is an answer without its place."""
    reading = read(response, answer_type, options)
    assert (reading.answer is None) == (reading.span is None) == (reading.method == "unread"), (response, reading)
    if reading.span is not None and reading.answer is not None:
        start, end = reading.span
        assert 0 <= start < end <= len(response), (response, reading)
        if answer_type not in ("option", "yes_no") and not set("\\\f\b\t\r") & set(response):
            assert response[start:end] == reading.answer, (response, reading)
    return reading
