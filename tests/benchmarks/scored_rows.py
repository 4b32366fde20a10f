"""Synthetic metadata of scored paths, as many as are wanted: a file is made block by block, in the memory of one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from insightv_bench.settings import CorporaSettings, PairsSettings

NUM_PATHS = 8
QUESTIONS_A_BLOCK = 125_000
CORPORA = CorporaSettings(
    max_paths_per_question=2, flawed_from=("sampled",), flawed_shares={"mid": 1, "low": 1, "wrong": 2}
)
PAIRS = PairsSettings(per_question=2)
SUMMARY_NUM = 1_200_000
"""Of a million questions."""


def settings_for(num_questions: int) -> CorporaSettings:
    return CORPORA.model_copy(update={"summary_num": max(1, SUMMARY_NUM * num_questions // 1_000_000)})


def wanted(settings: CorporaSettings) -> dict[str, int]:
    """Rows of each part of the summary corpus that is made of paths."""
    total, num = sum(settings.flawed_shares.values()), settings.summary_num
    flawed = {name: round(0.3 * num * share / total) for name, share in settings.flawed_shares.items()}
    return {"optimal": round(0.3 * num), **flawed, "agent-True": round(0.1 * num), "agent-False": round(0.1 * num)}


def make_scored(file: Path, num_questions: int) -> None:
    """One path in five is wrong, one in fifty unscored or unfinished; some texts come twice."""
    writer = None
    for first in range(0, num_questions, QUESTIONS_A_BLOCK):
        frame = block(first, min(QUESTIONS_A_BLOCK, num_questions - first))
        table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        writer = writer or pq.ParquetWriter(file, table.schema, compression="lz4")
        writer.write_table(table)
    assert writer
    writer.close()


def block(first: int, num_questions: int) -> pl.DataFrame:
    """From the question at place `first` on; the columns of `builders.scored`."""
    random = np.random.default_rng((0, first))
    num = num_questions * NUM_PATHS
    correct, luck = random.random(num) < 0.8, random.random(num)
    text = random.integers(0, 2**63, num, dtype=np.uint64)
    text[1::9] = text[0:-1:9]
    path = np.arange(first * NUM_PATHS, first * NUM_PATHS + num, dtype=np.uint32)
    rows = pl.DataFrame(
        {
            "question": path // NUM_PATHS,
            "path": path,
            "path_id": ids(random, num),
            "status": np.where(luck < 0.02, "max_steps", "complete"),
            "text": text,
            "normal": text,
            "silent": luck < 0.001,
            "order": random.integers(0, 2**63, num, dtype=np.uint64),
            "assessment": path,
            "correct": correct,
            "score": random.integers(1, 101, num),
        }
    )
    return rows.with_columns(score=pl.when(pl.col("correct") & (pl.Series(luck) < 0.98)).then("score"))


def ids(random: np.random.Generator, num: int) -> pl.Series:
    """16 hex digits each."""
    raw = pa.FixedSizeBinaryArray.from_buffers(pa.binary(8), num, [None, pa.py_buffer(random.bytes(8 * num))])
    return pl.Series(pl.from_arrow(raw.cast(pa.binary()))).bin.encode("hex")
