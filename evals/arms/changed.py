"""Paths that an arm shows changed: one flaw planted, other words, words about nothing, another question's path.

| arm         | what is changed                                                                            |
|-------------|--------------------------------------------------------------------------------------------|
| self-flawed | each stored path that is right: one flaw, exact where it is the exact path, else by rule    |
| paraphrased | the exact path by rule, any other by a model; the same steps, values and answer             |
| irrelevant  | as many steps and words, about nothing                                                      |
| shuffled    | the path of another question of the same kind                                               |
| early       | its first steps, from a tenth to all (see `cut`)                                            |
| injected    | its first steps and a flawed one; `resumed`: the same number of steps, unflawed             |

All but the first change the exact path, or, where a question has none, its first stored path that is complete. What
cannot be made is left out and counted with its reason. Nothing is asked of a model here but a paraphrase.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

from insightv_bench.agents import is_words, path_text
from insightv_bench.answers import read_path
from insightv_bench.arms import ARMS, Arm
from insightv_bench.chat import ask
from insightv_bench.engines import Caller
from insightv_bench.flaws import (
    FLAWS,
    Flawed,
    Shown,
    irrelevant,
    keeps_content,
    make_flawed,
    make_text_flawed,
    others_steps,
    paraphrased,
    shuffled,
)
from insightv_bench.judge_replies import Read
from insightv_bench.judging import Asked, ask_strictly
from insightv_bench.protocol import parse_path, render_path
from insightv_bench.records import Path, Question, QuestionColumns, Step
from insightv_bench.settings import EvalSettings, Sampling
from insightv_bench.world import parse_question, scene_from_json

from .columns import NO_PATH, answer_right, exact_text, flaw_columns, known_path
from .cut import NOT_RIGHT, early, injected

CHANGED = [arm for arm, spec in ARMS.items() if spec.shows == "changed"]


class Base(NamedTuple):
    """The path of one question that is to be changed."""

    question: Question
    text: str
    path: Path | None
    """None: the path that comes with the question, exact or its authors' own."""

    @property
    def origin(self) -> dict[str, Any]:
        if self.path is None:
            return dict(NO_PATH)
        known = {"made_from": self.path.id, "path_model": self.path.generator, "num_paths": 1}
        return {**NO_PATH, **known, "path_tokens": self.path.num_tokens, "sample": self.path.sample}


Documents = Mapping[str, list[dict[str, Any]]]
"""By question id, what an arm shows."""


class Changed(NamedTuple):
    shown: Mapping[Arm, Documents]
    left_out: Mapping[Arm, Mapping[str, int]]
    """How many questions, or own paths, each arm leaves out, by reason."""


def change(
    arms: Iterable[Arm],
    questions: Sequence[Question],
    paths: Mapping[str, Sequence[Path]],
    settings: EvalSettings,
    seed: int,
    paraphraser: Caller | None = None,
) -> Changed:
    """What each of `arms` shows. The same paths and seed give the same changes, whoever is under test."""
    shown_by_arm: dict[Arm, dict[str, list[dict[str, Any]]]] = {}
    left_out: dict[Arm, Counter[str]] = {}
    bases_or_ids = [base_of(question, paths.get(question.id, ())) for question in questions]
    bases = [base for base in bases_or_ids if isinstance(base, Base)]
    without: list[tuple[str, dict[str, Any] | str]]
    without = [(question_id, "no complete path") for question_id in bases_or_ids if isinstance(question_id, str)]
    for arm in [arm for arm in arms if arm in CHANGED]:
        shown_by_arm[arm], left_out[arm] = defaultdict(list), Counter()
        if arm == "self-flawed":
            changes: Made = _self_flawed(questions, paths, settings, seed)
        elif arm in ("early", "injected", "resumed"):
            changes = chain(without, _cut(arm, bases, settings, seed))
        elif arm == "paraphrased":
            changes = chain(without, _paraphrased(bases, settings, seed, paraphraser))
        else:
            changes = chain(without, _irrelevant(bases, seed) if arm == "irrelevant" else _shuffled(bases, seed))
        for question_id, shown in changes:
            if isinstance(shown, str):
                left_out[arm][shown] += 1
            else:
                shown_by_arm[arm][question_id].append(shown)
    return Changed(shown_by_arm, left_out)


Made = Iterator[tuple[str, dict[str, Any] | str]]
"""Question id, and what is shown or why nothing is."""


def base_of(question: Question, paths: Sequence[Path]) -> Base | str:
    """What the controls change, or why there is none; the question's id goes before the reason."""
    text, _ = known_path(question)
    if text:
        return Base(question, text, None)
    whole = next((path for path in paths if path.status == "complete"), None)
    return Base(question, path_text(whole), whole) if whole else question.id


def _self_flawed(
    questions: Sequence[Question], paths: Mapping[str, Sequence[Path]], settings: EvalSettings, seed: int
) -> Made:
    right = {
        question.id: path_text(path)
        for question in questions
        for path in paths.get(question.id, ())
        if path.status == "complete" and answer_right(question, path.answer)
    }
    for question in questions:
        for path in paths.get(question.id, ()):
            if path.status != "complete" or not answer_right(question, path.answer):
                yield question.id, "the path is not right"
                continue
            base = Base(question, path_text(path), path)
            donors = others_steps(right, question.id, random.Random(f"{seed}/{path.id}/others"))
            flawed = plant_one(question, base.text, settings, random.Random(f"{seed}/{path.id}"), donors)
            yield question.id, flawed if isinstance(flawed, str) else {**base.origin, **flaw_columns(question, flawed)}


def plant_one(
    question: Question, text: str, settings: EvalSettings, random_: random.Random, donors: Sequence[Step] = ()
) -> Flawed | str:
    """One flaw in a right path, its type by chance among those that can be made; or why none can. `donors`: steps of
    other questions, of which one may be added."""
    flaws = [flaw for flaw in settings.flaws.flaws if FLAWS[flaw].is_single]
    exact = bool(question.scene) and text == exact_text(question)
    for flaw in random_.sample(flaws, len(flaws)):
        position = random_.choice(settings.flaws.positions)
        ways = random_.sample(settings.flaws.propagated, len(settings.flaws.propagated))
        if exact and "exact" in FLAWS[flaw].makers:
            scene = scene_from_json(question.scene)
            program = parse_question(question.question, scene)
            assert program is not None  # a question with a scene was made from a program
            if made := make_flawed(program, scene, flaw, 0, position, random_):
                return made
        elif not exact and "rule" in FLAWS[flaw].makers:
            tried = (make_text_flawed(question, text, flaw, 0, position, way, random_, donors) for way in ways)
            if found := next((one for one in tried if isinstance(one, Flawed)), None):
                return found
    return "no flaw can be planted by rule"


def _cut(arm: Arm, bases: Sequence[Base], settings: EvalSettings, seed: int) -> Made:
    """Beginnings of right paths (see `cut`)."""
    for base in bases:
        if base.path is not None and not answer_right(base.question, base.path.answer):
            yield base.question.id, NOT_RIGHT
            continue
        if arm == "early":
            cuts = early(base.text)
        else:
            cuts = injected(base.question, base.text, settings, seed, flawed=arm == "injected")
        for shown in cuts:
            yield base.question.id, shown if isinstance(shown, str) else {**base.origin, **shown}


def _paraphrased(bases: Sequence[Base], settings: EvalSettings, seed: int, paraphraser: Caller | None) -> Made:
    open_: list[Base] = []
    for base in bases:
        text = paraphrased(base.text, random.Random(f"{seed}/{base.question.id}"))
        if text is None:
            open_.append(base)
        else:
            yield base.question.id, _with_text(base, text, "rule")
    if paraphraser is None:
        yield from ((base.question.id, "no rule rewords it, and `eval.paraphraser` names no model") for base in open_)
        return
    sampling = Sampling(max_new_tokens=settings.path_sampling.max_new_tokens)
    ours = [base.text if base.path is None else render_path(base.path.steps, base.path.answer) for base in open_]
    asks = zip(open_, ours, strict=True)
    asked = paraphraser.run([paraphrase(paraphraser, base.question, text, sampling) for base, text in asks])
    for base, reply in zip(open_, asked, strict=True):
        change: dict[str, Any] | str = reply.reason
        if reply.value is not None:
            text = _laid_out(base, reply.value)
            change = _with_text(base, text, paraphraser.model) if text else "the paraphrase cannot be read in prose"
        yield base.question.id, change


def _laid_out(base: Base, paraphrase: str) -> str:
    """A paraphrase as the path is laid out that it is of, with its headings; empty where its answer is lost."""
    parsed = read_path(base.text, base.question.answer_type, base.question.options)
    steps = parse_path(paraphrase).steps
    if base.path is None or not is_words(base.path.dialect):
        return paraphrase
    if len(parsed.places) != len(steps):
        return ""
    text = base.text
    for (start, end), old, new in reversed(list(zip(parsed.places, parsed.steps, steps, strict=True))):
        text = text[:start] + text[start:end].replace(old.reasoning, new.reasoning, 1) + text[end:]
    again = read_path(text, base.question.answer_type, base.question.options)
    return text if again.answer == parsed.answer else ""


def _with_text(base: Base, text: str, maker: str) -> dict[str, Any]:
    question = base.question
    right = answer_right(question, read_path(text, question.answer_type, question.options).answer)
    return {**base.origin, "path": text, "path_correct": right, "path_status": "complete", "maker": maker}


def _irrelevant(bases: Sequence[Base], seed: int) -> Made:
    """It has no answer, so that it is neither right nor wrong."""
    for base in bases:
        text = irrelevant(base.text, random.Random(f"{seed}/{base.question.id}"))
        yield base.question.id, {**base.origin, "path": text, "path_status": "complete", "maker": "rule"}


def _shuffled(bases: Sequence[Base], seed: int) -> Made:
    rows = [Shown(base.question.id, base.question.kind, base.text) for base in bases]
    given = shuffled(rows, random.Random(f"{seed}/shuffled"))
    for base in bases:
        if base.question.id not in given:
            yield base.question.id, "no other question of its kind"
        else:
            yield base.question.id, _with_text(base, given[base.question.id], "rule")


async def paraphrase(
    caller: Caller, question: QuestionColumns, text: str, sampling: Sampling, tries: int = 3
) -> Asked[str]:
    """The path `text`, which must be in our protocol's form, said in other words by `caller`'s model; checked to keep
    its steps, numbers and answer, else the reason why there is none."""
    chat = ask("paraphrase", question, path=text)
    return await ask_strictly(caller, chat, sampling, tries, partial(read_paraphrase, text))


def read_paraphrase(text: str, reply: str) -> Read[str]:
    """A paraphrase of the path `text`, rendered; or what is wrong with it, in words for the model."""
    problem = keeps_content(text, reply)
    parsed = parse_path(reply)
    return Read(None, problem) if problem else Read(render_path(parsed.steps, parsed.answer))
