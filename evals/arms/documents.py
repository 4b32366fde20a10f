"""What each arm asks, and of which seat.

| arm            | seat    | sees                                                                          |
|----------------|---------|-------------------------------------------------------------------------------|
| base           | base    | the question                                                                  |
| direct         | summary | the question                                                                  |
| reason         | reason  | the question; its path is the stored one                                      |
| majority       | nobody  | the answer that most stored paths give                                        |
| best-of-k      | nobody  | the answer of the stored path that a judge finds best (best_of.py)            |
| multi-turn     | reason  | the question and the stored path, its own turn before in the same conversation |
| reason+summary | summary | the question and the stored path                                              |
| oracle         | summary | the question and the exact path (drawn world only)                            |
| flawed         | summary | the question and a path of the benchmark, flaws injected                      |
| self-flawed    | summary | the question and the stored path, if right, with one flaw (changed_paths.py)  |
| paraphrased    | summary | the question and the exact path in other words; the stored one where none is  |
| irrelevant     | summary | the question and a text about nothing of the same length                      |
| shuffled       | summary | the question and the path of another question of the same kind                |
| blank-image    | summary | the question and the stored path, the pictures blank (blank.py)               |

Question text, images, answer reader and total token cap are the same in all, but for the blank pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from insightv_bench.answers import majority as vote
from insightv_bench.chat import ask, go_on, load_prompt
from insightv_bench.protocol import render_answer
from insightv_bench.records import Arm, FlawedRow, Path, Question
from insightv_bench.settings import EvalSettings

from .blank import blank_of
from .columns import NO_PATH, TURNS, exact, injected, stored, turns_before
from .columns import exact_text as exact_text

Seat = Literal["base", "reason", "summary", "vote"]
SEATS: dict[Arm, Seat] = {
    "base": "base",
    "direct": "summary",
    "reason": "reason",
    "majority": "vote",
    "best-of-k": "vote",
    "multi-turn": "reason",
    "reason+summary": "summary",
    "oracle": "summary",
    "flawed": "summary",
    "self-flawed": "summary",
    "paraphrased": "summary",
    "irrelevant": "summary",
    "shuffled": "summary",
    "blank-image": "summary",
}
PROMPTS: dict[Arm, str] = {
    "base": "direct",
    "direct": "direct",
    "reason": "reason",
    "majority": "reason",
    "best-of-k": "reason",
}
"""The other arms' prompt is `summary`."""
Documents = Mapping[str, Sequence[Mapping[str, Any]]]
"""By question id, what an arm shows of a path."""


class Given(NamedTuple):
    """What an arm may show beside the question."""

    paths: Mapping[str, Sequence[Path]]
    """By question id; of the system under test, one or several."""
    flawed: Mapping[str, Sequence[FlawedRow]]
    made: Mapping[Arm, Documents] = {}
    """What was made of the paths beforehand, over all questions: changed ones, and the best of K."""


def docs(arm: Arm, questions: Sequence[Question], given: Given, settings: EvalSettings) -> list[dict[str, Any]]:
    """The arm's documents, without the pictures' bytes: all that its records will need. None where it cannot be run."""
    made = []
    for question in questions:
        for shown in _shown(arm, question, given):
            made.append(_doc(arm, question, shown, settings))
    return made


def _shown(arm: Arm, question: Question, given: Given) -> Iterator[Mapping[str, Any]]:
    """What is shown or known of a path, one dict a document."""
    if arm in ("base", "direct"):
        yield NO_PATH
    elif arm in ("reason", "reason+summary", "blank-image"):
        for path in given.paths.get(question.id, ()):
            yield stored(question, path)
    elif arm == "multi-turn":
        for path in given.paths.get(question.id, ()):
            yield {**stored(question, path), TURNS: turns_before(question, path)}
    elif arm == "majority":
        if question.id in given.paths:
            yield _voted(question, given.paths[question.id])
    elif arm == "oracle":
        if question.scene:
            yield exact(question)
    elif arm == "flawed":
        for row in given.flawed.get(question.id, ()):
            yield injected(question, row)
    else:
        yield from given.made.get(arm, {}).get(question.id, ())


def _voted(question: Question, paths: Sequence[Path]) -> dict[str, Any]:
    """The answer that most of the paths give, at the cost of all of them; paths without an answer have no vote."""
    answer = majority([path.answer for path in paths if path.answer is not None], question)
    return {
        **NO_PATH,
        "vote": "" if answer is None else render_answer(answer),
        "path_tokens": sum(path.num_tokens for path in paths),
        "path_model": paths[0].generator,
        "num_paths": len(paths),
    }


def majority(answers: Sequence[str], question: Question) -> str | None:
    """The answer given most often, the earliest of them where several are."""
    return vote(answers, question.answer_type, question.options)


def _doc(arm: Arm, question: Question, shown: Mapping[str, Any], settings: EvalSettings) -> dict[str, Any]:
    name = PROMPTS.get(arm, "summary")
    slots = {"path": shown["path"]} if name == "summary" else {}
    text = go_on() if arm == "multi-turn" else ask(name, question, **slots).messages[0]
    images = question.image_sha256
    if arm == "blank-image":
        images = tuple(blank_of(image).sha256 for image in question.images)
    return {
        "arm": arm,
        "seat": SEATS[arm],
        "question_id": question.id,
        "kind": question.kind,
        "question": question.question,
        "options": list(question.options),
        "gold": question.answer,
        "answer_type": question.answer_type,
        "tolerance": question.tolerance,
        "group": question.group,
        "images": list(images),
        "context": text.content,
        "prompt": load_prompt(name).label,
        "token_cap": settings.path_sampling.max_new_tokens + settings.answer_sampling.max_new_tokens,
        **shown,
    }
