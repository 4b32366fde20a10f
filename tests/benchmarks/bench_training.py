"""TRL's SFT step against a bare loop over the same collated batches. Printed as a ratio of one run."""

from __future__ import annotations

import time
from itertools import islice
from pathlib import Path
from typing import Any

import datasets
import torch
import trl

from insightv_bench.records import ReasoningRow
from insightv_bench.settings import TinyModel
from insightv_bench.tables import write_shards
from insightv_bench.trainers.lean import lean
from insightv_bench.trainers.options import make_options
from insightv_bench.trainers.tiny import make_tiny
from insightv_bench.trainers.training import load_for_training, quiet
from insightv_bench.world.lessons import sample_lessons
from insightv_bench.world.level import Level

STEPS, BATCH = 12, 64
MIX: Any = {"list": 0.2, "list-any-order": 0.2, "read-by-name": 0.3, "direct": 0.3}


def test_a_trl_step_against_a_bare_loop(tmp_path: Path) -> None:
    make_tiny(TinyModel(), tmp_path / "model", seed=0)
    (tmp_path / "rows").mkdir()
    write_shards(tmp_path / "rows", sample_lessons(Level(), 0, STEPS * BATCH, MIX), ReasoningRow)
    rows = datasets.Dataset.from_parquet(str(tmp_path / "rows" / "*.parquet"), cache_dir=str(tmp_path / "cache"))
    options = {"per_device_train_batch_size": BATCH, "max_steps": STEPS, "bf16": True, "save_strategy": "no"}
    model, processor = load_for_training(tmp_path / "model", {})
    trainer = lean(trl.SFTTrainer)(
        model=model,
        args=make_options(trl.SFTConfig, options, tmp_path / "out", 0),
        train_dataset=rows.select_columns(["images", "prompt", "completion"]),
        processing_class=processor,
    )
    batches = list(islice(trainer.get_train_dataloader(), STEPS))
    with quiet():
        started = time.perf_counter()
        trainer.train()
        with_trl = (time.perf_counter() - started) / STEPS
    bare = time_bare(model, batches)
    ratio = f"{with_trl / bare:.2f} times (collation and start included)"
    print(f"\nbare loop {bare:.3f} s a step, TRL {with_trl:.3f} s: {ratio}")


def time_bare(model: Any, batches: list[dict[str, Any]]) -> float:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    started = time.perf_counter()
    for batch in batches:
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return (time.perf_counter() - started) / len(batches)
