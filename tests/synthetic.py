"""A board of any size made of nothing: systems with a skill, tasks with a difficulty, replies drawn by chance.

Questions, images, exact and flawed paths are the drawn world's own, so that the page has everything to show. The same
arguments give the same rows. `python tests/synthetic.py FOLDER` makes the page of 200 systems and 12 tasks.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from insightv_bench.flaws import Flawed, make_flawed
from insightv_bench.records import EvalRecord, FlawedRow, FlawType, Question, QuestionColumns
from insightv_bench.storage import schema_of, write_shards
from insightv_bench.world import Level, parse_question, sample_questions, scene_from_json

SEVERITIES: dict[FlawType, float] = {"perception": 0.34, "wrong-final": 0.1, "all-wrong": 1.0}
FLAWS = tuple(SEVERITIES)
FAMILIES = ("Aster", "Birch", "Cedar", "Dahlia", "Elm", "Fern", "Gentian", "Hazel", "Iris", "Juniper")
GAINS = {"direct": -0.7, "reason": 0.0, "reason+summary": 0.45, "oracle": 2.6, "flawed": -1.4}
"""Arm -> what it adds to the log odds of a right answer."""


CONSTANTS = {
    "base": "org/base",
    "round": 0,
    "task_version": "1",
    "sample": 0,
    "propagated": False,
    "method": "protocol",
    "sure": True,
    "num_prompt_tokens": 90,
    "token_cap": 512,
    "finish": "stop",
    "parser": "1",
}


class Asked(NamedTuple):
    """A question with the paths that are shown with it."""

    question: Question
    exact: str
    wrong: str
    """A path that ends in `wrong_answer`."""
    wrong_answer: str
    flawed: tuple[FlawedRow, ...]


def write_results(
    folder: Path, num_systems: int = 200, num_tasks: int = 12, num_questions: int = 167, num_told: int = 10
) -> list[Path]:
    """The folders of evaluations, one a task; only the first `num_told` systems come with texts and all arms."""
    made = []
    for task in range(num_tasks):
        asked = list(_asked(num_questions, seed=100 + task))
        stages = folder / "stages"
        _write_stage(stages / f"questions-{task}", [one.question for one in asked], Question)
        _write_stage(stages / f"corpora-benchmark-{task}", [row for one in asked for row in one.flawed], FlawedRow)
        place = stages / f"eval-{task}"
        place.mkdir(parents=True)
        rows = pl.concat(list(_rows(task, asked, num_systems, num_told)))
        rows.write_parquet(place / "data-00000.parquet")
        inputs = {"questions": f"questions-{task}", "flawed": f"corpora-benchmark-{task}"}
        (place / "manifest.json").write_text(json.dumps({"stage": f"eval-{task}", "inputs": inputs}))
        made.append(place)
    return made


def _asked(num: int, seed: int) -> Iterator[Asked]:
    chance = random.Random(seed)
    for question in sample_questions(Level(level="small"), "test", seed, num):
        scene = scene_from_json(question.scene)
        program = parse_question(question.question, scene)
        assert program is not None
        made = [make_flawed(program, scene, flaw, SEVERITIES[flaw], "middle", chance) for flaw in FLAWS]
        flawed = tuple(_row(question, one) for one in made if one is not None)
        wrong = next(row for row in reversed(flawed) if row.planted_answer != question.answer)
        yield Asked(question, wrong.path, wrong.flawed_path, wrong.planted_answer, flawed)


def _row(question: Question, made: Flawed) -> FlawedRow:
    columns = QuestionColumns.model_fields.keys() - {"images"}
    return FlawedRow(kind=question.kind, **{name: getattr(question, name) for name in columns}, **made._asdict())


def _write_stage(folder: Path, rows: Sequence[Any], record: type[Any]) -> None:
    folder.mkdir(parents=True)
    write_shards(folder, rows, record)


def _rows(task: int, asked: Sequence[Asked], num_systems: int, num_told: int) -> Iterator[pl.DataFrame]:
    """One frame a system and arm; who is right is settled for all systems at once."""
    chance = np.random.default_rng(task)
    skills = np.random.default_rng(7).normal(0.2, 0.9, num_systems)
    hardness = chance.normal(0.3 * (task % 4) - 0.4, 1.0, len(asked))
    luck = chance.logistic(0, 1, (num_systems, len(asked))) * 0.6  # shared by a system's arms
    frames = {(arm, told): _replies(arm, asked, told) for arm in GAINS for told in (True, False)}
    for system in range(num_systems):
        told = system < num_told
        for arm in GAINS if told else ("reason", "reason+summary"):
            odds = skills[system] - hardness + GAINS[arm] + luck[system]
            right = chance.logistic(0, 0.5, len(asked)) < odds
            replies, places = frames[arm, told]
            chosen = replies[np.where(right[places], 0, len(places)) + np.arange(len(places))]
            yield _with_system(chosen, task, system, arm)


def _replies(arm: str, asked: Sequence[Asked], told: bool) -> tuple[pl.DataFrame, Any]:
    """Every right reply, then every wrong one; and the question's place of each of them."""
    cells, places = [], []
    for right in (True, False):
        for place, one in enumerate(asked):
            made = (
                [_given_flaw(one, row, right) for row in one.flawed]
                if arm == "flawed"
                else [_cell(one, arm, right, told)]
            )
            cells += made
            places += [place] * len(made)
    frame = pl.DataFrame(cells, schema_overrides={"answer": pl.String, "path_correct": pl.Boolean})
    return frame, np.array(places[: len(places) // 2])


def _with_system(frame: pl.DataFrame, task: int, system: int, arm: str) -> pl.DataFrame:
    name = f"{FAMILIES[system % len(FAMILIES)]}-VL-{system // len(FAMILIES) + 1}"
    schema = pl.DataFrame(schema_of(EvalRecord).empty_table()).schema
    own = {"system": name, "arm": arm, "task": f"drawn-{task + 1:02d}", "prompt": f"{arm}@1"}
    frame = frame.with_columns(
        *(pl.lit(value).alias(key) for key, value in (CONSTANTS | own).items()),
        options=pl.lit([], dtype=schema["options"]),
        span=pl.lit(None),
        num_tokens=pl.col("tokens"),
        total_tokens=pl.col("tokens") * (2 if arm == "reason+summary" else 1),
    )
    return frame.select(pl.col(key).cast(kind) for key, kind in schema.items() if key in frame.columns)


def _cell(one: Asked, arm: str, right: bool, told: bool) -> dict[str, Any]:
    question = one.question
    answer = question.answer if right else one.wrong_answer
    path = "" if arm == "direct" or not told else one.exact if right or arm == "oracle" else one.wrong
    said = path if arm == "reason" else json.dumps({"verdict": "right", "answer": answer}) if told else ""
    return {
        "question_id": question.id,
        "kind": question.kind,
        "answer_type": question.answer_type,
        "question": question.question if told else "",
        "gold": question.answer,
        "path_id": "",
        "path": path,
        "path_correct": None if arm == "direct" else right or arm == "oracle",
        "path_status": "none" if arm == "direct" else "complete",
        "flaw": "none",
        "severity": 0.0,
        "position": "none",
        "planted_answer": "",
        "response": said,
        "answer": answer,
        "correct": right,
        "verdict": "right" if arm in ("reason+summary", "oracle") else "none",
        "tokens": 30 + len(one.exact) // 4,
    }


def _given_flaw(one: Asked, row: FlawedRow, right: bool) -> dict[str, Any]:
    answer, verdict = (one.question.answer, "wrong") if right else (row.planted_answer, "right")
    return {
        **_cell(one, "flawed", right, True),
        **{name: getattr(row, name) for name in ("flaw", "severity", "position", "planted_answer")},
        "path": row.flawed_path,
        "path_correct": row.planted_answer == one.question.answer,
        "response": json.dumps({"verdict": verdict, "answer": answer}),
        "answer": answer,
        "correct": answer == one.question.answer,
        "verdict": verdict,
    }


def main() -> None:
    from insightv_bench.leaderboard.build import build

    folder, began = Path(sys.argv[1]), time.perf_counter()
    evaluations = write_results(folder)
    made = time.perf_counter()
    build(evaluations, folder / "page", "200 systems that do not exist")
    print(f"rows {made - began:.1f} s, page {time.perf_counter() - made:.1f} s: {folder / 'page' / 'index.html'}")


if __name__ == "__main__":
    main()
