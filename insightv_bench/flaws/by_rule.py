"""Flawed versions of any text path, by rule: type x severity x position x propagated or isolated.

`exact` spoils the drawn world's exact paths; here are paths in words that nobody made, a model's mostly. A rule finds
places that it can make false (see `edits`) and spoils them in the step's words and summary; if the flaw is to
propagate, what follows from it is written anew, and nothing else is (see `values`). A step that is added or moved is
made of words that right paths hold, this one's or another question's, so that no phrase tells a flawed path by itself.
Severity is the share of all steps that are spoilt. Where the answer is to change, the flawed text is read again as any
reply is: it must give the planted answer, and that must not be the gold one. What cannot be done is said in words,
never done by halves.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from insightv_bench.answers import is_gold, matches, read
from insightv_bench.records import FlawType, Position, QuestionColumns, Step

from .edits import Spot, comparison_spots, equation_spots, observation_spots, word_of, words_of
from .propagate import TRIES, Case, Draft, choose, other_answers, restate, spoil
from .text_path import answer_of, open_path
from .types import Flawed, planted_by
from .values import SENTENCE_END, Unclear, Values, value_words

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
    donors: Sequence[Step] = (),
) -> Flawed | str:
    """A flawed version of the path in `text`, whose answer must be right; or the reason why there is none.

    `donors`: steps of other questions' right paths; `irrelevant-step` adds one of them.
    """
    path = open_path(text, question)
    if isinstance(path, str):
        return path
    if not is_gold(path.answer, question):
        return "the path's own answer is wrong"
    if flaw not in planted_by("rule"):
        return f"`{flaw}` is not made by rule"
    case = Case(question, text, path, flaw, severity, position, propagate, random_, tuple(donors))
    problem = ""
    for _ in range(TRIES):
        draft = BY_RULE[flaw](case)
        if isinstance(draft, str):
            return problem or draft
        done = finish(case, draft)
        if isinstance(done, Flawed):
            return done
        problem = done
    return problem


def finish(case: Case, draft: Draft) -> Flawed | str:
    """The draft as text, read again and checked."""
    path = case.path
    text = path.render(draft.steps, draft.answer, draft.summaries)
    answer = answer_of(text, path, case.question)
    if answer is None:
        return "no answer can be read in the flawed path"
    if text == path.render(path.steps, path.answer, path.summaries):
        return "nothing was changed"
    if draft.answer != path.answer and (answer != draft.answer or is_gold(answer, case.question)):
        return "the answer cannot be changed in the path's words"
    if not _last_step_agrees(case, draft, answer):
        return "the last step would state another answer than the path"
    before = list(zip(path.steps, path.summaries, strict=True))
    now = list(zip(draft.steps, draft.summaries, strict=True))
    modified = tuple(i for i, old in enumerate(draft.origins) if old is None or before[old] != now[i])
    changed = {i for i in modified if draft.propagated or i in draft.spoilt}
    wrong_answer = {len(draft.steps)} if not is_gold(answer, case.question) else set()
    num_steps = len(path.steps)
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


def _last_step_agrees(case: Case, draft: Draft, answer: str) -> bool:
    """Where the last step of the right path can be read to state its answer, that of the flawed one states `answer`."""
    kind, options = case.question.answer_type, case.question.options

    def stated(step: str) -> str | None:
        return read(step, kind, options).answer

    was, now = stated(case.path.steps[-1]), stated(draft.steps[-1])
    return was is None or not is_gold(was, case.question) or now is None or matches(now, answer, kind, options)


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
    words, summaries = (tuple(each[index] for index in kept) for each in (steps, case.path.summaries))
    return Draft(
        words, summaries, tuple(kept), case.path.answer, (place,), (place,), f"step {place} was left out", steps[place]
    )


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
    new, values = case.random_.choice(spot.others[:2]), Values("", carries=False)
    here = spot._replace(start=spot.start - start, end=spot.end - start)
    try:
        words = values.say(step[start:end], place, here, new)
    except Unclear as unclear:
        return str(unclear)
    summary = values.sum_up(case.path.summaries[place], place)
    what = f"added after step {place}: `{step[spot.start : spot.end]}` said again as `{new}`"
    return _added(case, place + 1, words.strip(), summary, what, step[start:end])


def _irrelevant_step(case: Case) -> Draft | str:
    """A step of another question's right path, of one that says as little as may be of what this one is about."""
    if case.propagate:
        return "nothing follows from an irrelevant step"
    here = value_words(" ".join((case.question.question, *case.path.steps)))
    has_summaries = any(case.path.summaries)
    donors = [step for step in case.donors if bool(step.summary) == has_summaries and step.reasoning.strip()]
    donors = [step for step in donors if step.reasoning.strip() not in case.text]
    if not donors:
        return "there is no step of another question to add"
    few = case.random_.sample(donors, min(len(donors), DONORS))
    donor = min(few, key=lambda step: len(value_words(step.reasoning) & here))
    place = choose(case, range(len(case.path.steps)))[0]
    words, summary = donor.reasoning.strip(), donor.summary
    return _added(case, place, words, summary, f"added before step {place}: beside the point", "")


DONORS = 8
"""Steps of others that are looked at for one that is beside the point."""


def _added(case: Case, at: int, words: str, summary: str, what: str, correction: str) -> Draft:
    """`words` as a new step before step `at`."""
    steps, old = list(case.path.steps), list(range(len(case.path.steps)))
    summaries = list(case.path.summaries)
    if case.path.is_prose:
        before = steps[at - 1] if at else steps[0]
        words += before[len(before.rstrip()) :] or " "
    steps.insert(at, words)
    summaries.insert(at, summary)
    origins: list[int | None] = [*old[:at], None, *old[at:]]
    place = (min(at, len(old) - 1),)
    return Draft(tuple(steps), tuple(summaries), tuple(origins), case.path.answer, (at,), place, what, correction)


def _premature(case: Case) -> Draft | str:
    """The first half of the steps, then an answer that nothing led to."""
    steps = case.path.steps
    half = len(steps) // 2
    if len(steps) < MIN_STEPS:
        return f"fewer than {MIN_STEPS} steps"
    planted = _planted(case)
    if planted is None:
        return NO_OTHER
    last, told = restate(steps[-1:], case.path.summaries[-1:], case.path.answer, planted, case.question)
    if last[0] == steps[-1]:
        return "the last step states no answer"
    ends = [match.end() for match in SENTENCE_END.finditer(last[0].rstrip())]
    conclusion = last[0][ends[-1] if ends else 0 :]  # what came before it belongs to the steps that are left out
    if read(conclusion, case.question.answer_type, case.question.options).answer is None:
        conclusion = last[0]
    joined = not case.path.is_prose or steps[half - 1][-1:].isspace()
    words = (*steps[:half], conclusion if joined else f" {conclusion}")
    summaries = (*case.path.summaries[:half], told[0])
    places = tuple(range(half, len(steps)))
    what = f"steps {half} to {len(steps) - 1} were left out, and an answer given at once"
    return Draft(words, summaries, (*range(half), None), planted, (half,), places, what, steps[half], propagated=True)


MIN_STEPS = 4
NO_OTHER = "no other answer of its kind"


def _wrong_final(case: Case) -> Draft | str:
    """Right steps, and another answer at the end."""
    planted = _planted(case)
    if planted is None:
        return NO_OTHER
    steps, summaries = restate(case.path.steps, case.path.summaries, case.path.answer, planted, case.question)
    last = len(steps) - 1
    spoilt = tuple(index for index in range(len(steps)) if steps[index] != case.path.steps[index])
    what = f"the answer `{case.path.answer}` became `{planted}`"
    origins, correction = tuple(range(len(steps))), case.path.steps[last]
    return Draft(tuple(steps), tuple(summaries), origins, planted, spoilt, (last,), what, correction)


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
    steps, summaries = restate(draft.steps, draft.summaries, case.path.answer, planted, case.question)
    return draft._replace(steps=tuple(steps), summaries=tuple(summaries), answer=planted, propagated=True)


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
