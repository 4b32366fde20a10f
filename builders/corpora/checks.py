"""What a summary agent's `check` says of a path that no scene tells about: what is wrong and what is right instead,
where that is known; else what was found to hold. Nothing is said that nobody looked at.

Steps are counted from 1, as a reader counts them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from insightv_bench.flaws import ATTACKS, FLAWS, steps_of, sums_in
from insightv_bench.judge_replies import gold_text
from insightv_bench.records import Assessment, FlawedRow, QuestionColumns

MAX_CHARS = 240
"""Of what is quoted from a path: there is room to check it, not to write it again."""
MAX_SUMS = 3
_BECAME = re.compile(r"step (\d+): `(.*?)` became `(.*?)`(?:;|$)", re.DOTALL)
_AGAIN = re.compile(r"`([^`]*)` said again as `([^`]*)`")


def of_flaw(row: FlawedRow) -> str:
    """What is wrong in a flawed path, from what is known of the flaw."""
    steps = steps_of(row.flawed_path)
    first = min((place for place in row.error_steps if place < len(steps)), default=len(steps))
    said = _BECAME.findall(row.reason) if row.maker == "rule" else []
    right = _quoted(row.correction)
    if row.flaw == "natural":
        return _first_wrong(first, right) if right else ""
    if FLAWS[row.flaw].changes == "adds a step":
        again = _AGAIN.search(row.reason)
        if row.flaw == "irrelevant-step":
            return f"step {first + 1} has nothing to do with the question, the other steps hold"
        told = f": not `{again[2]}`, but `{again[1]}`" if again else f": {right}" if right else ""
        return f"step {first + 1} contradicts what was said before{told}"
    if FLAWS[row.flaw].leaves_out:
        num_missing = len(steps_of(row.path)) - len(steps)
        missing = "a step is missing" if num_missing < 2 else f"{num_missing} steps are missing, the first"
        return f"before step {first + 1} {missing}: {right}"
    if row.flaw in ATTACKS and not row.error_steps:
        return f"the path comes to {row.answer}, which is right, whatever is said beside its steps"
    if FLAWS[row.flaw].changes == "answer":
        return f"the steps lead to {row.answer}, not to {row.planted_answer}"
    if said:
        wrong = "; ".join(f"step {int(place) + 1} says `{new}` where it is `{old}`" for place, old, new in said)
        return wrong + (", and what follows from it is wrong too" if row.propagated else "")
    return _first_wrong(first, right) if right else ""


def of_path(text: str, assessment: Assessment, path_answer: str | None, question: QuestionColumns) -> str:
    """Of a path as a model wrote it."""
    answer = gold_text(question)
    steps = steps_of(text)
    labels = assessment.step_labels
    if not assessment.correct:
        wrong = labels.index(False) if False in labels else None
        if assessment.correction:
            return _first_wrong(wrong, _quoted(assessment.correction))
        return (
            f"the path comes to {_quoted(path_answer)}, and it is {answer}" if path_answer else "it comes to no answer"
        )
    held = _sums(step.reasoning for step in steps)
    parts = [f"{held} holds" if held else ""]
    if labels and all(labels):
        parts.append(f"all {len(labels)} steps are right")
    elif False in labels:
        place = labels.index(False)
        correction = f": {_quoted(assessment.correction)}" if assessment.correction else ""
        parts.append(f"step {place + 1} is wrong{correction}")
    parts.append(f"the path comes to {answer}, which is right")
    return ", ".join(filter(None, parts))


def _sums(texts: Iterable[str]) -> str:
    """The first equations that hold, as they stand."""
    sums: list[str] = []
    for text in texts:
        found = [each.replace("$", "").strip() if each.count("$") % 2 else each for each in sums_in(text)]
        sums += [each for each in found if each not in sums]
    return ", ".join(sums[:MAX_SUMS])


def _first_wrong(place: int | None, right: str) -> str:
    where = f"step {place + 1} is wrong" if place is not None else "a step is wrong"
    return f"{where}, it should be: {right}"


def _quoted(words: str | None) -> str:
    text = " ".join((words or "").split())
    return text if len(text) <= MAX_CHARS else f"{text[:MAX_CHARS].rsplit(' ', 1)[0]} ..."
