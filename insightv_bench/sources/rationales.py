"""The authors' own solution of a question as the steps of a path, and whether it ends in the gold answer.

A solution is text, mostly of several columns (a caption, an explanation, a deduction): each is cut into sentences,
lines or numbered steps. Pictures that stand in it (Markdown images, Asymptote) are no reasoning, and go. The answer is
never put into a solution that does not state it: such a solution is no path, and the reason is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from insightv_bench.answers import is_gold, read
from insightv_bench.chat import LETTERS
from insightv_bench.records import Question, Step

GOLD = "gold"
"""Who wrote a path that is the authors' own solution, and who says that it is right."""
Split = Literal["sentences", "lines", "steps"]
MAX_CHARS = 20_000
MAX_STEPS = 100
MAX_ENDS, TAIL_CHARS = 1_000, 80
NONE = "no rationale"
UNSTATED = "rationale states no answer"
OTHERWISE = "rationale ends in another answer"
TOO_LONG = "rationale too long"
ONE_STEP = "rationale is a single step"
_PICTURES = re.compile(r"!\[[^\]]*\]\([^)\s]*\)|\[asy\].*?\[/asy\]", re.DOTALL)
_ABBREVIATED = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|etc|Fig|Figs|Eq|approx|resp|Mr|Mrs|Ms|Dr|St)"
    r"|(?:^|[A-Z]\.|\b[A-Z][a-z]+)\s*\b[A-Z]|^\s*\d{1,2})\.$"
)
"""An initial is one behind a name, another initial or nothing: a sentence may well end in `region B.`"""
_SENTENCE = re.compile(r"[.!?。！？][\"'”’)\]]*\$*(?:\s+|(?<=[。！？]))")
_NUMBERED = re.compile(r"(?m)^[ \t]*(?:\*\*)?(?:step\s*\d+\s*[:.)]|\d{1,2}[.)])(?:\*\*)?[ \t]*", re.IGNORECASE)
_REMARK = re.compile(r"\W*(?:note|remark|comment|alternativ|n\.?b\b|it (?:may|might) interest)", re.IGNORECASE)
"""It may follow the step that states the answer."""
_BOXED = re.compile(r"\\boxed\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_DEGREES = re.compile(r"\^\{?\\circ\}?|°|\\%|%")
_LABEL = re.compile(
    r"\b(?i:answer|card|choice|diagram|figure|graph|image|label(?:l?ed)?|net|option|part|picture|piece|point|position"
    r"|region|shape|table|tile)s?(?: is| are)?:? \(?([A-Z])\b"
)
"""A letter that names one of several pictures."""
_DISPLAYED = (("\\[", "\\]"), ("\\begin{", "\\end{"), ("\\(", "\\)"), ("[", "]"), ("(", ")"))


class Part(NamedTuple):
    """One column of a solution."""

    summary: str
    """What it does, in a few words; empty where the column does not say."""
    text: str


def rationale_of(parts: Iterable[Part], split: Split = "sentences") -> tuple[Step, ...]:
    """The steps of a solution, each column's in turn; a column that is empty has none."""
    found = [(part.summary, piece) for part in parts for piece in cut(without_pictures(part.text), split)]
    last = len(found) - 1
    return tuple(
        Step(summary=summary, reasoning=piece, action="continue" if place < last else "summary")
        for place, (summary, piece) in enumerate(found)
    )


def without_pictures(text: str) -> str:
    """Of a text so long that it is no rationale, nothing is taken out: looking for pairs takes their square."""
    return _PICTURES.sub(" ", text) if len(text) <= MAX_CHARS else text


def cut(text: str, split: Split) -> list[str]:
    """The pieces of a text, without the white space around them and without the numbers of steps; a text too long for
    a rationale stays one."""
    if len(text) > MAX_CHARS:
        return [text]
    if split == "lines":
        pieces = text.splitlines()
    elif split == "steps":
        pieces = _NUMBERED.split(text)
    else:
        pieces = [piece for paragraph in re.split(r"\n\s*\n", text) for piece in sentences(paragraph)]
    return [" ".join(piece.split()) if split != "steps" else piece.strip() for piece in pieces if piece.strip()]


def sentences(text: str) -> list[str]:
    """Cut at full stops, but not in a formula, in brackets or after an abbreviation or a numeral."""
    ends = [match.end() for match in _SENTENCE.finditer(text)]
    if len(ends) > MAX_ENDS:
        return [text]
    pieces: list[str] = []
    begin = 0
    for end in [*ends, len(text)]:
        piece = text[begin:end]
        if end < len(text) and (text[end].islower() or _is_open(piece) or _ABBREVIATED.search(_tail(piece))):
            continue  # a quoted `?` may stand in the middle of a sentence
        pieces.append(piece)
        begin = end
    return [piece for piece in pieces if piece.strip()]


def _tail(piece: str) -> str:
    """As much as an abbreviation may be, with something before it where there is more."""
    piece = piece.rstrip()
    return piece if len(piece) <= TAIL_CHARS else f"x{piece[-TAIL_CHARS:]}"


def _is_open(piece: str) -> bool:
    """Whether mathematics or a bracket that begins in it ends later."""
    dollars = len(re.findall(r"(?<!\\)\$", piece))
    return dollars % 2 == 1 or any(piece.count(opener) > piece.count(closer) for opener, closer in _DISPLAYED)


def gold_path(question: Question) -> tuple[Step, ...] | str:
    """The question's rationale as the steps of a path whose answer is the gold one; or why it is none."""
    steps = question.rationale
    if not steps:
        return NONE
    if len(steps) > MAX_STEPS or sum(len(step.reasoning) for step in steps) > MAX_CHARS:
        return TOO_LONG
    if len(steps) < 2:
        return ONE_STEP
    last = next((step for step in reversed(steps) if not _REMARK.match(step.reasoning)), steps[-1])
    stated = states(last.reasoning, question)
    return steps if stated else UNSTATED if stated is None else OTHERWISE


def states(text: str, question: Question) -> bool | None:
    """Whether a text states the gold answer (True), another one (False) or none that can be told (None)."""
    boxed = _BOXED.findall(text)
    if boxed:
        return _is_gold(boxed[-1], question)
    if question.answer_type == "option" and question.options:
        named = _named_options(text, question.options)
        if named:
            return named[-1] == question.answer
    reading = read(text, question.answer_type, question.options)
    if reading.answer is not None and is_gold(reading.answer, question):
        return True
    if question.answer_type == "number" and _ends_in(text, question):
        return True
    return False if reading.answer is not None and reading.sure else None


def _is_gold(answer: str, question: Question) -> bool:
    return is_gold(answer, question) or is_gold(_DEGREES.sub("", answer).strip("$ "), question)


def _named_options(text: str, options: Sequence[str]) -> list[str]:
    """Letters of the options whose words stand in the text, in the order in which they end there. An option that is a
    part of another one that stands there is not meant; equal options cannot be told apart, and are not named."""
    plain = _plain(text)
    if all(len(option) == 1 for option in options) and set(options) <= set(LETTERS):
        labels = [LETTERS[options.index(name)] for name in _LABEL.findall(_plain(text, fold=False)) if name in options]
        return labels[-1:]
    spans: list[tuple[int, int, str]] = []
    for letter, option in zip(LETTERS, options, strict=False):
        words = _plain(option)
        if not words or [_plain(other) for other in options].count(words) > 1 or words in LETTERS.casefold():
            continue
        pattern = rf"(?<![\w.,-]){re.escape(words)}(?![\w-]|[.,]\d)"
        spans += [(match.start(), match.end(), letter) for match in re.finditer(pattern, plain)]
    whole = [one for one in spans if not any(o != one and o[0] <= one[0] and one[1] <= o[1] for o in spans)]
    return [letter for _, _, letter in sorted(whole, key=lambda one: (one[1], one[0]))]


def _plain(text: str, fold: bool = True) -> str:
    """Without the signs of mathematics and, if `fold`, case: `$40^{\\circ}$` and `40^\\circ` are one."""
    text = re.sub(r"\\(?:mathrm|text|textbf|mathbf|operatorname)\s*\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"\\(?:,|;|!|:| |left|right|displaystyle)|[${}]|~", "", text).replace("\\dfrac", "\\frac")
    text = " ".join(text.split())
    return text.casefold() if fold else text


_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?(?![\w]*\})")


def _ends_in(text: str, question: Question) -> bool:
    """Whether the last number of a text is the gold answer."""
    numbers = [match[0] for match in _NUMBER.finditer(_plain(text))]
    return bool(numbers) and is_gold(numbers[-1], question)
