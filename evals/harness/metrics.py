"""What a task's replies count as, each in its own unit; figures of different scale are never averaged.

An unread reply is wrong, and counted apart. A figure over several questions (MMBench's circular accuracy, MME's two
scores) gets its parts as tuples and is put together when all are there.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any, NamedTuple

import yaml

from insightv_bench.answers import Reading, matches, read
from insightv_bench.journal import Reply
from insightv_bench.protocol import cut_in, parse_summary
from insightv_bench.records import AnswerType, ReadingKind

Doc = Mapping[str, Any]
UNSCORED = "\x00unscored"
"""In place of a reply that its judge could not read."""
KINDS: Mapping[str, ReadingKind] = {"likely": "likely", "unread": "unread", "cut_off": "cut off"}
"""Kinds of reading whose shares stand beside an accuracy; `cut_off`: unread replies that ended at the token limit."""
MME_COGNITION = ("commonsense_reasoning", "numerical_calculation", "text_translation", "code_reasoning")
MMSTAR_KINDS = (
    *("coarse perception", "fine-grained perception", "instance reasoning"),
    *("logical reasoning", "science & technology", "math"),
)


class Said(str):
    """A reply's text as lm-eval passes it on, which takes texts alone; it knows what reading it needs beside."""

    finish: str = ""
    opened: bool = False
    strict: bool = False
    """Whether only a sure reading may be right."""

    @classmethod
    def of(cls, reply: Reply, strict: bool = False) -> Said:
        said = cls(reply.text)
        said.finish, said.opened, said.strict = reply.finish, reply.opened, strict
        return said


class Scored(NamedTuple):
    """One reply, read and compared with the gold answer."""

    reading: Reading
    kind: ReadingKind
    right: bool


def scored(doc: Doc, response: str) -> Scored:
    """A text of another lm-eval model is read without what `Said` knows."""
    said = response if isinstance(response, Said) else Said(response)
    options, tolerance = tuple(doc["options"]), doc.get("tolerance", 0.0)
    reading = read(said, doc["answer_type"], options, finish=said.finish, opened=said.opened)
    right = reading.counts(said.strict) and matches(
        reading.answer or "", doc["gold"], doc["answer_type"], options, tolerance
    )
    return Scored(reading, reading.kind(said.finish), right)


def score(doc: Doc, results: Sequence[str]) -> dict[str, Any]:
    """Accuracy, in which an unread reply is wrong; that of sure readings alone; the shares of the other kinds."""
    reply = scored(doc, results[0])
    cut = cut_in(results[0], getattr(results[0], "finish", ""), getattr(results[0], "opened", False))
    return {
        "acc": float(reply.right),
        "sure_acc": float(reply.right and reply.kind == "sure"),
        **{name: float(reply.kind == kind) for name, kind in KINDS.items()},
        "cut_in_thought": float(cut == "thought"),
        "cut_in_answer": float(cut == "answer"),
        "finished_acc": (float(reply.right), not cut),
        "acc_if_cut_wrong": float(reply.right and not cut),
        "acc_if_cut_right": float(reply.right or bool(cut)),
    }


def score_by_kind(doc: Doc, results: Sequence[str]) -> dict[str, Any]:
    """Accuracy in all, and of the question's own category."""
    figures = score(doc, results)
    return {**figures, f"acc_{slug(doc['kind'])}": figures["acc"]}


def score_relaxed(doc: Doc, results: Sequence[str]) -> dict[str, Any]:
    """ChartQA (arXiv 2203.10244): numbers within 5 %, years and words exactly; its human and augmented halves apart.

    `exact_acc` allows no deviation.
    """
    figures = score_by_kind(doc, results)
    return {**figures, "exact_acc": score({**doc, "tolerance": 0.0}, results)["acc"]}


def score_circular(doc: Doc, results: Sequence[str]) -> dict[str, Any]:
    """MMBench (arXiv 2307.06281): a question is right where it is right in every rotation of its options.

    `acc` is over all rotations alike.
    """
    figures = score(doc, results)
    return {**figures, "circular_acc": (doc["group"], figures["acc"])}


def score_mme(doc: Doc, results: Sequence[str]) -> dict[str, Any]:
    """MME (arXiv 2306.13394): two scores in points, of which perception has ten parts and cognition four."""
    figures = score(doc, results)
    part = "mme_cognition" if doc["kind"] in MME_COGNITION else "mme_perception"
    return {**figures, part: (doc["kind"], doc["group"], figures["acc"])}


def score_flawed(doc: Doc, results: Sequence[str]) -> dict[str, Any]:
    """Accuracy on a path with a flaw, and how often the answer is the one that the flaw planted."""
    figures = score(doc, results)
    tolerance = doc.get("tolerance", 0.0)
    if matches(doc["planted_answer"], doc["gold"], doc["answer_type"], doc["options"], tolerance):
        return figures  # the flaw does not reach the answer: nobody can follow it
    answer = scored(doc, results[0]).reading.answer
    followed = answer is not None and matches(answer, doc["planted_answer"], doc["answer_type"], doc["options"])
    return {**figures, "followed": float(followed)}


def score_flawed_set(doc: Doc, results: Sequence[str]) -> dict[str, Any]:
    """One question without a path, with its right path, with flawed ones and with controls: each its own accuracy, and
    what is told by several of them together (see `SET_FIGURES`). `acc` is that on flawed paths."""
    reply = scored(doc, results[0])
    shows, told = doc["shows"], parse_summary(results[0]).verdict if doc["shows"] != "direct" else "none"
    misleads = shows == "flawed" and not _same(doc["planted_answer"], doc["gold"], doc)
    answer = reply.reading.answer
    said = Told(doc["question_id"], shows, reply.right, told, doc["planted_answer"] if misleads else "", answer or "")
    figures: dict[str, Any] = score_flawed(doc, results) if shows == "flawed" else {f"{shows}_acc": float(reply.right)}
    return figures | dict.fromkeys(SET_FIGURES, (said, doc["answer_type"], tuple(doc["options"])))


class Told(NamedTuple):
    """What one reply of a set of flawed paths tells."""

    question: str
    shows: str
    right: bool
    verdict: str
    planted: str
    """The wrong answer that its path ends in; empty where it ends right or there is none."""
    answer: str


def _same(one: str, other: str, doc: Doc) -> bool:
    return matches(one, other, doc["answer_type"], doc["options"], doc.get("tolerance", 0.0))


Parts = Iterable[tuple[Told, AnswerType, tuple[str, ...]]]


def recovery(parts: Parts) -> float:
    """Right with the flawed path, of the flawed paths of questions that are right with the right one."""
    told = [each for each, *_ in parts]
    clean = {each.question for each in told if each.shows == "oracle" and each.right}
    return _share(each.right for each in told if each.shows == "flawed" and each.question in clean)


def over_rejection(parts: Parts) -> float:
    """Wrong although the path shown is right, of questions that are right without a path."""
    told = [each for each, *_ in parts]
    able = {each.question for each in told if each.shows == "direct" and each.right}
    return _share(not each.right for each in told if each.shows == "oracle" and each.question in able)


def excess_follow(parts: Parts) -> float:
    """How often the planted answer is given, less how often the same question has that answer without a path."""
    kept = list(parts)
    direct = {each.question: each.answer for each, *_ in kept if each.shows == "direct"}
    misled = [(each, kind, options) for each, kind, options in kept if each.planted and each.question in direct]
    led = [bool(each.answer) and matches(each.answer, each.planted, kind, options) for each, kind, options in misled]
    unled = [
        bool(direct[each.question]) and matches(direct[each.question], each.planted, kind, options)
        for each, kind, options in misled
    ]
    return _share(led) - _share(unled)


def detection(parts: Parts) -> float:
    """Says that the path is wrong, of stated verdicts on paths that end wrong."""
    told = [each for each, *_ in parts if each.planted and each.verdict != "none"]
    return _share(each.verdict == "wrong" for each in told)


def trust(parts: Parts) -> float:
    """Says that the path is right, of stated verdicts on the right path."""
    told = [each for each, *_ in parts if each.shows == "oracle" and each.verdict != "none"]
    return _share(each.verdict == "right" for each in told)


def _share(values: Iterable[bool]) -> float:
    kept = list(values)
    return sum(kept) / len(kept) if kept else float("nan")


def score_extracted(doc: Doc, results: Sequence[str]) -> dict[str, Any]:
    """Accuracy; a reply whose judge failed is unscored: neither right nor wrong, and counted."""
    if results[0] == UNSCORED:
        return {"unscored": 1.0}
    return {**score(doc, results), "unscored": 0.0}


def slug(words: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")


def finished_accuracy(parts: Iterable[tuple[float, bool]]) -> float:
    """Among the replies that were not cut off; nan where all were."""
    rights = [right for right, finished in parts if finished]
    return sum(rights) / len(rights) if rights else math.nan


def circular_accuracy(parts: Iterable[tuple[str, float]]) -> float:
    """Share of the questions whose every rotation is right; 0-1."""
    groups: dict[str, list[float]] = defaultdict(list)
    for group, right in parts:
        groups[group].append(right)
    return sum(min(each) for each in groups.values()) / len(groups)


def mme_score(parts: Iterable[tuple[str, str, float]]) -> float:
    """Points: for each part 100 x the share of right answers + 100 x the share of images with both right, summed.

    An image of which only one question was asked (`--limit`) is left out.
    """
    pairs: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for kind, group, right in parts:
        pairs[kind][group].append(right)
    whole = [[each for each in groups.values() if len(each) == 2] for groups in pairs.values()]
    return sum(100 * sum(sum(each) / 2 + min(each) for each in part) / len(part) for part in whole if part)


SET_FIGURES: dict[str, Callable[[Any], float]] = {
    "excess_follow": excess_follow,
    "recovery": recovery,
    "over_rejection": over_rejection,
    "detection": detection,
    "trust": trust,
}
"""Of a set of flawed paths; nan where no reply tells."""


class Scores(NamedTuple):
    """How a task's replies are scored, and how each figure is put together."""

    process: Callable[[Doc, Sequence[str]], dict[str, Any]]
    figures: Mapping[str, Callable[[Any], float] | str]
    """By name, in the order in which they are shown; all but those of `LOWER_IS_BETTER` are better when higher."""


MEAN = "mean"
CUT_OFF = ("cut_in_thought", "cut_in_answer")
"""Shares of replies that ended at the token limit: before they had said anything, and in what they said."""
ACCURACY: Mapping[str, Callable[[Any], float] | str] = {
    "acc": MEAN,
    "sure_acc": MEAN,
    **dict.fromkeys((*KINDS, *CUT_OFF), MEAN),
    "finished_acc": finished_accuracy,
    "acc_if_cut_wrong": MEAN,
    "acc_if_cut_right": MEAN,
}
SCORES: dict[str, Scores] = {
    "accuracy": Scores(score, ACCURACY),
    "by_kind": Scores(score_by_kind, {**ACCURACY, **{f"acc_{slug(kind)}": MEAN for kind in MMSTAR_KINDS}}),
    "relaxed": Scores(score_relaxed, {**ACCURACY, "exact_acc": MEAN, "acc_human": MEAN, "acc_augmented": MEAN}),
    "circular": Scores(score_circular, {**ACCURACY, "circular_acc": circular_accuracy}),
    "mme": Scores(score_mme, {**ACCURACY, "mme_perception": mme_score, "mme_cognition": mme_score}),
    "extracted": Scores(score_extracted, {**ACCURACY, "unscored": MEAN}),
    "flawed": Scores(score_flawed, {**ACCURACY, "followed": MEAN}),
    "flawed_set": Scores(
        score_flawed_set,
        {
            **ACCURACY,
            "followed": MEAN,
            **SET_FIGURES,
            **{f"{shows}_acc": MEAN for shows in ("direct", "oracle", "irrelevant", "shuffled")},
        },
    ),
}
LOWER_IS_BETTER = (*KINDS, *CUT_OFF, "unscored", "followed", "excess_follow", "over_rejection")


def scores_of(task: str) -> Scores:
    """As the file of a task of ours says, where scoring needs nothing but the question; else accuracy."""
    file = files("insightv_bench.evals").joinpath("tasks", f"{task}.yaml")
    named = yaml.load(file.read_text(encoding="utf-8"), TaskLoader)["metadata"]["scores"] if file.is_file() else ""
    return SCORES["accuracy" if named in ("", "extracted", "flawed", "flawed_set") else named]


class TaskLoader(yaml.SafeLoader):
    """Of a task file, without the functions that it names."""


TaskLoader.add_multi_constructor("!", lambda loader, suffix, node: suffix)


def metric_list(scores: Scores) -> list[dict[str, Any]]:
    """As an lm-eval task's configuration names them."""
    return [
        {"metric": name, "aggregation": put_together, "higher_is_better": name not in LOWER_IS_BETTER}
        for name, put_together in scores.figures.items()
    ]
