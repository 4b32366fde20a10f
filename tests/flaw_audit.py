"""Flawed rows on real paths and on the drawn world, and an independent eye on them: its own reading of equations, its
own comparison of two paths, and its own bag of words."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path as File
from typing import NamedTuple

import polars as pl

from insightv_bench.flaws import Flawed, make_text_flawed, planted_by, steps_of
from insightv_bench.flaws.text_path import split_prose
from insightv_bench.protocol import render_path
from insightv_bench.records import AnswerType, Question, Step

DATA = File(__file__).parents[2] / "shared" / "data"
SUMMARIES = ("look at the picture", "find the pattern", "apply the pattern")
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
OPERAND = r"\d+(?:,\d{3})*(?:\.\d+)?"
SUM = re.compile(
    rf"(?<![\w.+*/×÷^)}}=−-])((?:{OPERAND}\s*[-+*×/÷−]\s*)+{OPERAND})\s*=\s*(-?{OPERAND})(?![\w.]*\d|\s*[-+*/×÷^=−])"
)


class Right(NamedTuple):
    """A right path of a real question."""

    question: Question
    text: str


class Row(NamedTuple):
    right: Right
    flawed: Flawed


def asked(id_: str, text: str, options: Sequence[str], answer: str) -> Question:
    kind: AnswerType = "option" if options else "number"
    return Question(
        id=id_,
        question=text,
        options=tuple(options),
        answer=answer,
        answer_type=kind,
        source="s",
        source_revision="1",
        source_license="MIT",
    )


def puzzles(num: int) -> Iterator[Right]:
    """PuzzleVQA's caption, explanation and deduction, a step a sentence."""
    columns = ["id", "question", "options", "answer", "caption", "explanation", "deduction"]
    frame = pl.read_parquet(DATA / "puzzlevqa.parquet", columns=columns).sample(num, seed=1)
    for row in frame.iter_rows(named=True):
        letter = "ABCDEFG"[row["options"].index(row["answer"])]
        parts = (row["caption"], row["explanation"], row["deduction"])
        said = [(name, words) for name, part in zip(SUMMARIES, parts, strict=True) for words in SENTENCE.split(part)]
        steps = [Step(summary=name, reasoning=words, action="continue") for name, words in said]
        steps[-1] = steps[-1].model_copy(update={"action": "summary"})
        yield Right(asked(row["id"], row["question"], row["options"], letter), render_path(steps, letter))


def solutions(num: int) -> Iterator[Right]:
    """Right replies of real models to MathVision's problems, as steps or as the prose that they are."""
    questions = {row["id"]: row for row in pl.read_parquet(DATA / "mathvision_testmini.parquet").iter_rows(named=True)}
    with gzip.open(DATA / "mathvision_replies.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line in file]
    rows = [row for row in rows if row["recorded_correct"] and 300 < len(row["response"]) < 4000]
    random.Random(1).shuffle(rows)
    for place, row in enumerate(rows[:num]):
        known = questions[row["id"]]
        question = asked(row["id"], known["question"], known["options"], known["answer"])
        pieces = [piece.strip() for piece in split_prose(row["response"])]
        if place % 2 or len(pieces) < 2:
            yield Right(question, row["response"])
            continue
        steps = [Step(summary=piece.split("\n")[0][:60], reasoning=piece, action="continue") for piece in pieces]
        steps[-1] = steps[-1].model_copy(update={"action": "summary"})
        yield Right(question, render_path(steps, known["answer"]))


def replies(num: int) -> Iterator[Right]:
    """Right replies of a real model to questions with options, long prose with sums."""
    with gzip.open(DATA / "scored_replies.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line in file]
    rows = [row for row in rows if row["options"] and row["agreed"] == row["gold"] and "=" in row["response"]]
    random.Random(1).shuffle(rows)
    for row in rows[:num]:
        question = asked(row["id"], row.get("question") or "", row["options"], row["gold"])
        pieces = [piece.strip() for piece in split_prose(row["response"])]
        steps = [Step(summary=piece.split("\n")[0][:60], reasoning=piece, action="continue") for piece in pieces]
        steps[-1] = steps[-1].model_copy(update={"action": "summary"})
        yield Right(question, render_path(steps, row["gold"]))


def planted(rights: Sequence[Right], seed: int = 0) -> tuple[list[Row], Counter[str]]:
    """Every flaw that a rule can plant in each path, at a severity, place and spread by chance; and what it refused."""
    rows, refused = [], Counter[str]()
    donors = [step for right in rights for step in steps_of(right.text)[:-1]]
    for right in rights:
        for flaw in planted_by("rule"):
            random_ = random.Random(f"{seed}/{right.question.id}/{flaw}")
            severity, position = random_.choice((0.25, 0.5)), random_.choice(("early", "middle", "late"))
            spread = random_.random() < 0.5
            others = random_.sample(donors, min(40, len(donors)))
            for way in (spread, not spread):
                made = make_text_flawed(right.question, right.text, flaw, severity, position, way, random_, others)
                if isinstance(made, Flawed):
                    rows.append(Row(right, made))
                    break
                refused[f"{flaw}: {made}"] += 1
    return rows, refused


def false_sums(text: str) -> list[str]:
    """Equations of plain numbers that do not hold, to the digits that they are written with."""
    said = [part for step in steps_of(text) for part in (step.summary, step.reasoning)]
    return [found[0] for part in said for found in SUM.finditer(part) if not _holds(found[1], found[2])]


def _holds(left: str, right: str) -> bool:
    value = Fraction(0)
    for term in re.finditer(r"(^|[-+−])\s*([^-+−]+)", left):
        parts = re.split(r"\s*([*×/÷])\s*", term[2].strip())
        product = _number(parts[0])
        for sign, number in zip(parts[1::2], parts[2::2], strict=True):
            product = product * _number(number) if sign in "*×" else product / (_number(number) or Fraction(10**9))
        value += -product if term[1] in ("-", "−") else product
    decimals = len(right.partition(".")[2])
    return abs(value - _number(right)) < Fraction(1, 10**decimals) if decimals else value == _number(right)


def _number(text: str) -> Fraction:
    return Fraction(text.replace(",", "").strip())
