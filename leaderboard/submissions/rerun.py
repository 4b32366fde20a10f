"""`verify --rerun N`: the model that a submission names is asked some of its requests again.

What reading cannot find, replies rewritten to the gold answer, this finds: the model then answers otherwise, and worse.
A sampled reply may differ and be as good, so the test is of right answers: exact McNemar, one-sided, on the same
requests. Only requests of one turn are asked again; pictures are in no submission, and come from the questions' folder.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from insightv_bench.answers import read
from insightv_bench.arms import ARMS
from insightv_bench.chat import ask
from insightv_bench.engines import Caller
from insightv_bench.errors import RunError
from insightv_bench.journal import Request
from insightv_bench.records import EvalRecord, Image, Question
from insightv_bench.results import as_question, is_gold
from insightv_bench.settings import Sampling
from insightv_bench.storage import read_rows

from ..board import read_origin, read_sides
from .submission import EVALUATIONS

ONE_TURN = [arm for arm, spec in ARMS.items() if spec.seat != "vote" and arm != "multi-turn" and not spec.blank_images]
ALPHA = 0.01
"""A submission is rejected where chance makes so many answers worse less often than this."""


class Rerun(NamedTuple):
    """What came of it."""

    num: int
    num_same_text: int
    num_same_answer: int
    num_right_claimed: int
    num_right_now: int
    p: float
    """One-sided: that the model is no worse than it is said to be."""
    with_pictures: bool

    @property
    def is_worse(self) -> bool:
        return self.p < ALPHA


def rerun(folder: Path, caller: Caller, num: int, questions: Path | None = None, seed: int = 0) -> Rerun:
    """Ask `num` requests of a submission again, drawn by `seed`. `questions`: a folder of rows with the pictures.

    Raises RunError where the model answered none of its rows.
    """
    frame = read_sides(folder / EVALUATIONS).filter(pl.col("arm").is_in(ONE_TURN) & (pl.col("finish") != "error"))
    answered = _answered_by(frame, caller.model)
    chosen = random.Random(seed).sample(range(answered.height), min(num, answered.height))
    rows = [answered.row(place, named=True) for place in sorted(chosen)]
    images = _pictures(questions, {row["question_id"] for row in rows}) if questions else {}
    records = [EvalRecord.model_validate({name: row[name] for name in EvalRecord.model_fields}) for row in rows]
    requests = [
        _request(record, images.get(record.question_id, ()), row["evaluation"])
        for record, row in zip(records, rows, strict=True)
    ]
    replies = caller.ask_all(requests)
    again = [
        read(reply.text, one.answer_type, one.options, finish=reply.finish).answer
        for one, reply in zip(records, replies, strict=True)
    ]
    claimed = [is_gold(one, one.answer) for one in records]
    now = [is_gold(one, answer) for one, answer in zip(records, again, strict=True)]
    return Rerun(
        num=len(records),
        num_same_text=sum(one.response == reply.text for one, reply in zip(records, replies, strict=True)),
        num_same_answer=sum(one.answer == answer for one, answer in zip(records, again, strict=True)),
        num_right_claimed=sum(claimed),
        num_right_now=sum(now),
        p=_worse(claimed, now),
        with_pictures=bool(images),
    )


def words(found: Rerun, model: str) -> Iterator[str]:
    """In lines for a reader."""
    yield (
        f"{model} was asked {found.num} requests again: {found.num_same_text} replies are the same word for word, "
        f"{found.num_same_answer} give the same answer; {found.num_right_claimed} are said to be right, and "
        f"{found.num_right_now} are (one-sided p = {found.p:.3f})"
    )
    if not found.with_pictures:
        yield "no pictures were sent: `--questions FOLDER` names the rows that hold them"


def _answered_by(frame: pl.DataFrame, model: str) -> pl.DataFrame:
    """Its rows; where the revision is told otherwise (a server has none), those of the name."""
    for told in (pl.col("model") == model, pl.col("model").str.split("@").list.first() == model.split("@")[0]):
        if (rows := frame.filter(told)).height:
            return rows
    names = ", ".join(f"`{name}`" for name in sorted(frame["model"].unique()) if name)
    raise RunError(f"`{model}` answered no row that can be asked again", f"its rows name {names or 'no model'}")


def _pictures(folder: Path, wanted: set[str]) -> dict[str, tuple[Image, ...]]:
    """By question id."""
    return {row.id: row.images for row in read_rows(folder, Question) if row.id in wanted}


def _request(record: EvalRecord, images: tuple[Image, ...], evaluation: str) -> Request:
    spec = ARMS[record.arm]
    question = as_question(record).model_copy(update={"images": images})
    slots = {"path": record.path} if spec.prompt == "summary" else {}
    return Request(ask(spec.prompt, question, **slots), _sampling(record, evaluation), record.sample)


def _sampling(record: EvalRecord, evaluation: str) -> Sampling:
    """As the lineage has it; else greedy, up to the cap."""
    origin = read_origin(Path(evaluation))
    settings: dict[str, Any] = origin.stages.get(origin.evaluation, {}).get("settings", {}) if origin else {}
    told = settings.get("path_sampling" if record.arm == "reason" else "answer_sampling")
    return Sampling.model_validate(told) if told else Sampling(max_new_tokens=record.token_cap, temperature=0.0)


def _worse(claimed: list[bool], now: list[bool]) -> float:
    from scipy.stats import binomtest

    lost = sum(before and not after for before, after in zip(claimed, now, strict=True))
    gained = sum(after and not before for before, after in zip(claimed, now, strict=True))
    return float(binomtest(lost, lost + gained, alternative="greater").pvalue) if lost + gained else 1.0
