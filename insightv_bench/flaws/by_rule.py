"""Flawed versions of any text path, by rule: type x severity x position x propagated or isolated.

`exact` spoils the drawn world's exact paths; here are paths in words that nobody made, a model's mostly. A rule finds
places that it can make false (see `edits`), spoils them, and, if the flaw is to propagate, writes the new value
wherever the old one is used later and works out the equations that it enters. Severity is the share of all steps that
are spoilt. Where the answer is to change, the flawed text is read again as any reply is: it must give the planted
answer, and that must not be the gold one. What cannot be done is said in words, never done by halves.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from insightv_bench.answers import is_gold
from insightv_bench.records import FlawType, Position, QuestionColumns

from .edits import Spot, comparison_spots, equation_spots, observation_spots, word_of, words_of
from .propagate import Case, Draft, choose, other_answers, restate, spoil
from .text_path import answer_of, open_path
from .types import Flawed, planted_by

ASIDES = (
    "The picture has a plain background.",
    "Questions of this kind are often seen in puzzle books.",
    "The lines in the drawing are of even thickness.",
    "Such figures are usually drawn with a ruler.",
    "The picture could also be printed on paper.",
)
"""Steps that are beside the point wherever they stand."""
LEAKS = re.compile(
    r"\b(?:error|mistak|flaw|incorrect|erroneous|wrong|deliberate|intentional|false(?:ly)?\b|misread|miscalculat|planted"
    r"|corrupt|faulty|bogus|fake)",
    re.IGNORECASE,
)
"""Words that would tell a reader that a path was spoilt."""
MANY = 0.5
"""`all-wrong` needs at least this share of steps that a rule can spoil."""


def make_text_flawed(
    question: QuestionColumns,
    text: str,
    flaw: FlawType,
    severity: float,
    position: Position,
    propagate: bool,
    random_: random.Random,
) -> Flawed | str:
    """A flawed version of the path in `text`, whose answer must be right; or the reason why there is none."""
    path = open_path(text, question)
    if isinstance(path, str):
        return path
    if not is_gold(path.answer, question):
        return "the path's own answer is wrong"
    if flaw not in planted_by("rule"):
        return f"`{flaw}` is not made by rule"
    case = Case(question, text, path, flaw, severity, position, propagate, random_)
    draft = BY_RULE[flaw](case)
    return draft if isinstance(draft, str) else finish(case, draft)


def finish(case: Case, draft: Draft) -> Flawed | str:
    """The draft as text, read again and checked."""
    text = case.path.render(draft.steps, draft.answer, draft.origins)
    answer = answer_of(text, case.path, case.question)
    if answer is None:
        return "no answer can be read in the flawed path"
    if text == case.path.render(case.path.steps, case.path.answer, range(len(case.path.steps))):
        return "nothing was changed"
    if draft.answer != case.path.answer and (answer != draft.answer or is_gold(answer, case.question)):
        return "the answer cannot be changed in the path's words"
    modified = tuple(i for i, old in enumerate(draft.origins) if old is None or case.path.steps[old] != draft.steps[i])
    changed = {i for i in modified if draft.propagated or i in draft.spoilt}
    wrong_answer = {len(draft.steps)} if not is_gold(answer, case.question) else set()
    num_steps = len(case.path.steps)
    return Flawed(
        path=case.text,
        flawed_path=text,
        flaw=case.flaw,
        severity=round(max(1, len(draft.places)) / num_steps, 4),
        position=position_of(draft.places, num_steps),
        propagated=draft.propagated,
        error_steps=tuple(sorted(changed | set(draft.spoilt) | wrong_answer)),
        planted_answer=answer,
        modified_steps=modified,
        reason=draft.what,
        correction=draft.correction.strip(),
        maker="rule",
    )


def position_of(places: Sequence[int], num_steps: int) -> Position:
    """By the middle of the spoilt steps: the first, second or last third of the path; `all` where all are."""
    if not places:
        return "late"
    if len(places) == num_steps:
        return "all"
    middle = (places[0] + places[-1]) / 2 / max(1, num_steps - 1)
    return "early" if middle < 1 / 3 else "middle" if middle <= 2 / 3 else "late"


def _comparison(case: Case) -> Draft | str:
    if case.propagate:
        return "what follows from a comparison is not worked out by rule"
    return spoil(case, comparison_spots)


def _skipped_step(case: Case) -> Draft | str:
    """A step is gone that says something first which is used later."""
    steps, seen = case.path.steps, words_of(case.question.question)
    needed: list[int] = []
    for index, step in enumerate(steps[:-1]):
        new = {word for word in words_of(step) - seen if any(char.isdigit() for char in word)}
        new |= {word_of(step[spot.start : spot.end]) for spot in observation_spots(step)} - seen
        needed += [index] if any(new & words_of(later) for later in steps[index + 1 :]) else []
        seen |= words_of(step)
    if case.propagate or not needed:
        return "no step says anything that a later one needs" if not needed else "a step left out changes no other"
    place = choose(case, needed)[0]
    kept = [index for index in range(len(steps)) if index != place]
    words = tuple(steps[index] for index in kept)
    return Draft(words, tuple(kept), case.path.answer, (place,), (place,), f"step {place} was left out", steps[place])


def _contradiction(case: Case) -> Draft | str:
    """A sentence is said again with another value; nothing follows from it."""
    steps = case.path.steps
    eligible = [index for index, step in enumerate(steps[:-1]) if observation_spots(step) or equation_spots(step)]
    if case.propagate or not eligible:
        return "no step holds a value to contradict" if not eligible else "nothing follows from a contradiction"
    place = choose(case, eligible)[0]
    step = steps[place]
    spot = case.random_.choice(equation_spots(step) or observation_spots(step))
    ends = [match.end() for match in re.finditer(r"(?<=[.!?])\s+(?=[A-Z\\$])|\n+", step)]  # of sentences, or lines
    start = max((end for end in ends if end <= spot.start), default=0)
    end = min((end for end in ends if end >= spot.end), default=len(step))
    new = case.random_.choice(spot.others[:2])
    words = step[start : spot.start] + new + step[spot.end : end]
    what = f"added after step {place}: `{step[spot.start : spot.end]}` said again as `{new}`"
    return _added(case, place + 1, words.strip(), what, step[start:end])


def _irrelevant_step(case: Case) -> Draft | str:
    if case.propagate:
        return "nothing follows from an irrelevant step"
    place = choose(case, range(len(case.path.steps)))[0]
    return _added(case, place, case.random_.choice(ASIDES), f"added before step {place}: beside the point", "")


def _added(case: Case, at: int, words: str, what: str, correction: str) -> Draft:
    """`words` as a new step before step `at`."""
    steps, old = list(case.path.steps), list(range(len(case.path.steps)))
    if case.path.is_prose:
        before = steps[at - 1] if at else steps[0]
        words += before[len(before.rstrip()) :] or " "
    steps.insert(at, words)
    origins: list[int | None] = [*old[:at], None, *old[at:]]
    return Draft(tuple(steps), tuple(origins), case.path.answer, (at,), (min(at, len(old) - 1),), what, correction)


def _premature(case: Case) -> Draft | str:
    """The first half of the steps, then an answer that nothing led to."""
    steps = case.path.steps
    half = len(steps) // 2
    if len(steps) < MIN_STEPS:
        return f"fewer than {MIN_STEPS} steps"
    planted = _planted(case)
    if planted is None:
        return NO_OTHER
    conclusion = f"So the answer is {planted}."
    joined = not case.path.is_prose or steps[half - 1][-1:].isspace()
    words = (*steps[:half], conclusion if joined else f" {conclusion}")
    places = tuple(range(half, len(steps)))
    what = f"steps {half} to {len(steps) - 1} were left out, and an answer given at once"
    return Draft(words, (*range(half), None), planted, (half,), places, what, steps[half], propagated=True)


MIN_STEPS = 4
NO_OTHER = "no other answer of its kind"


def _wrong_final(case: Case) -> Draft | str:
    """Right steps, and another answer at the end."""
    planted = _planted(case)
    if planted is None:
        return NO_OTHER
    steps = (
        restate(case.path.steps, case.path.answer, planted, case.question) if case.path.is_prose else case.path.steps
    )
    last = len(steps) - 1
    spoilt = tuple(index for index in range(len(steps)) if steps[index] != case.path.steps[index])
    what = f"the answer `{case.path.answer}` became `{planted}`"
    return Draft(tuple(steps), tuple(range(len(steps))), planted, spoilt, (last,), what, case.path.steps[last])


def _all_wrong(case: Case) -> Draft | str:
    """Every step that can be is spoilt, and so is the answer."""

    def find(step: str) -> list[Spot]:
        return equation_spots(step) or observation_spots(step) or comparison_spots(step)

    able = sum(bool(find(step)) for step in case.path.steps)
    if able < max(2, MANY * len(case.path.steps)):
        return "too few steps hold anything to spoil"
    draft = spoil(case._replace(propagate=False), find)
    planted = _planted(case)
    if isinstance(draft, str) or planted is None:
        return draft if isinstance(draft, str) else NO_OTHER
    steps = restate(draft.steps, case.path.answer, planted, case.question)
    return draft._replace(steps=tuple(steps), answer=planted, propagated=True)


def _planted(case: Case) -> str | None:
    others = [other for other in other_answers(case.question, case.path.answer) if not is_gold(other, case.question)]
    return case.random_.choice(others) if others else None


BY_RULE: dict[FlawType, Callable[[Case], Draft | str]] = {
    "perception": lambda case: spoil(case, observation_spots),
    "arithmetic": lambda case: spoil(case, equation_spots),
    "comparison": _comparison,
    "skipped-step": _skipped_step,
    "contradiction": _contradiction,
    "irrelevant-step": _irrelevant_step,
    "premature": _premature,
    "wrong-final": _wrong_final,
    "all-wrong": _all_wrong,
}
