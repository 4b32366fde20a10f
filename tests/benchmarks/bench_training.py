"""TRL's SFT step against a bare loop over the same collated batches. Printed as a ratio of one run.

Beyond ten million parameters it is to be at most 1.15: what TRL adds is then small beside the model.
"""

from __future__ import annotations

import time
from itertools import islice
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
import trl
from figures import Took, Work, keep

from insightv_bench.records import ReasoningRow
from insightv_bench.settings import SMALL_MODEL, TinyModel
from insightv_bench.tables import write_shards
from insightv_bench.trainers.lean import lean
from insightv_bench.trainers.options import make_options
from insightv_bench.trainers.tiny import make_tiny
from insightv_bench.trainers.training import load_for_training, quiet
from insightv_bench.world.lessons import sample_lessons
from insightv_bench.world.level import Level

MIX: Any = {"list": 0.2, "list-any-order": 0.2, "read-by-name": 0.3, "direct": 0.3}
MOST = 1.15


@pytest.mark.parametrize("shape, batch, steps", [(TinyModel(), 64, 12), (SMALL_MODEL, 16, 10)], ids=["tiny", "small"])
def test_a_trl_step_against_a_bare_loop(tmp_path: Path, shape: TinyModel, batch: int, steps: int) -> None:
    make_tiny(shape, tmp_path / "model", seed=0)
    (tmp_path / "rows").mkdir()
    write_shards(tmp_path / "rows", sample_lessons(Level(), 0, steps * batch, MIX), ReasoningRow)
    rows = datasets.Dataset.from_parquet(str(tmp_path / "rows" / "*.parquet"), cache_dir=str(tmp_path / "cache"))
    options = {"per_device_train_batch_size": batch, "max_steps": steps, "bf16": True, "save_strategy": "no"}
    model, processor = load_for_training(tmp_path / "model", {})
    trainer = lean(trl.SFTTrainer)(
        model=model,
        args=make_options(trl.SFTConfig, options, tmp_path / "out", 0),
        train_dataset=rows.select_columns(["images", "prompt", "completion"]),
        processing_class=processor,
    )
    batches = list(islice(trainer.get_train_dataloader(), steps))
    with quiet():
        time_bare(model, batches[:2])  # the allocator's first steps are slower
        started, used = time.perf_counter(), time.process_time()
        trainer.train()
        with_trl = (time.perf_counter() - started) / steps, (time.process_time() - used) / steps
    bare = time_bare(model, batches)
    num = sum(weight.numel() for weight in model.parameters())
    ratio = with_trl[1] / bare[1]
    print(
        f"\n{num / 1e6:.1f}M parameters: bare loop {bare[0]:.3f} s a step, TRL {with_trl[0]:.3f} s "
        f"(collation and start included); in processor time {ratio:.2f} times"
    )
    work = Work("a training step", num, "parameters", "s a step")
    keep(work, [Took(with_trl[1])], {"bare loop": [Took(bare[1])]}, aim=MOST if num >= 10e6 else None)
    assert num < 10e6 or ratio <= MOST


def time_bare(model: Any, batches: list[dict[str, Any]]) -> tuple[float, float]:
    """Seconds a step, by the clock and of the processor."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    started, used = time.perf_counter(), time.process_time()
    for batch in batches:
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return (time.perf_counter() - started) / len(batches), (time.process_time() - used) / len(batches)
