"""TRL's SFT step as this package takes it against a bare loop, on the same batches, in processor time.

Steps of the two alternate, each on a model of its own, and so does which of them sees a batch first: the first pays for
what oneDNN compiles for a new length of rows. Both have torch's fused AdamW. Images are decoded and rows collated in
a loader process, as in a training: what that takes is told apart and stands on neither side. So are the fixed costs:
the trainer's start and the first steps. Beyond ten million parameters the ratio is to be at most 1.15.
"""

from __future__ import annotations

import resource
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
import trl
from figures import Took, Work, keep
from transformers import TrainerCallback

from insightv_bench.records import ReasoningRow
from insightv_bench.settings import SMALL_MODEL, TinyModel
from insightv_bench.storage import write_shards
from insightv_bench.trainers.models import make_tiny
from insightv_bench.trainers.options import make_options
from insightv_bench.trainers.training import load_for_training, prepare, quiet
from insightv_bench.trainers.trl import sft_trainer
from insightv_bench.world import Level, sample_lessons

MIX: Any = {"list": 0.2, "list-any-order": 0.2, "read-by-name": 0.3, "direct": 0.3}
MOST = 1.15
COLD = 4  # steps
PARTS = ("loss", "backward", "clip", "AdamW")


@pytest.mark.parametrize("shape, batch, steps", [(TinyModel(), 64, 34), (SMALL_MODEL, 16, 28)], ids=["tiny", "small"])
def test_a_trl_step_against_a_bare_loop(tmp_path: Path, shape: TinyModel, batch: int, steps: int) -> None:
    prepare(threads=1, seed=0)
    make_tiny(shape, tmp_path / "model", seed=0)
    (tmp_path / "rows").mkdir()
    write_shards(tmp_path / "rows", sample_lessons(Level(), 0, steps * batch, MIX), ReasoningRow)
    pairs = Pairs(load_for_training(tmp_path / "model")[0])
    trainer = make_trainer(tmp_path, pairs, {"per_device_train_batch_size": batch, "max_steps": steps})
    started, loader = time.process_time(), loader_seconds()
    with quiet():
        trainer.train()
    num = sum(weight.numel() for weight in trainer.model.parameters())
    ratio = statistics.median(pairs.ratios())
    print(f"\n{num / 1e6:.1f}M parameters, {steps - COLD} pairs of steps: TRL {ratio:.2f} times the bare loop")
    print(pairs.table())
    ours, bare = ([Took(spent) for spent in pairs.seconds[f"{side} step"][COLD:]] for side in ("TRL", "bare"))
    keep(
        Work("a training step", num, "parameters", "s a step"), ours, {"bare loop": bare}, MOST if num >= 10e6 else None
    )
    print(f"apart: start {pairs.began - started:.1f} s; loader {(loader_seconds() - loader) / steps:.2f} s a step")
    assert num < 10e6 or ratio <= MOST


def loader_seconds() -> float:
    """Processor time of child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def make_trainer(folder: Path, pairs: Pairs, options: dict[str, Any]) -> Any:
    datasets.disable_progress_bars()
    rows = datasets.Dataset.from_parquet(str(folder / "rows" / "*.parquet"), cache_dir=str(folder / "cache"))
    model, processor = load_for_training(folder / "model")
    fixed = {"bf16": True, "save_strategy": "no"}
    trainer = sft_trainer()(
        model=model,
        args=make_options(trl.SFTConfig, {**options, **fixed}, folder / "out", 0),
        train_dataset=rows.select_columns(["images", "prompt", "completion"]),
        processing_class=processor,
        callbacks=[pairs],
    )
    pairs.watch(trainer)
    return trainer


class Pairs(TrainerCallback):
    """Takes a bare step before or after each of the trainer's, on the same batch; both timed, part by part."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
        self.batch: dict[str, Any] = {}
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.own = self.began = 0.0

    def watch(self, trainer: Any) -> None:
        fetch = trainer.get_batch_samples

        def fetched(*given: Any) -> Any:
            batches, num_items = fetch(*given)
            self.batch = dict(batches[0])
            return batches, num_items

        trainer.get_batch_samples = fetched
        make_optimizer = trainer.create_optimizer

        def optimizer(*given: Any) -> Any:
            made = make_optimizer(*given)
            made.step = self.timed("TRL AdamW", made.step)
            return made

        trainer.create_optimizer = optimizer
        trainer.compute_loss = self.timed("TRL loss", trainer.compute_loss)
        trainer.accelerator.backward = self.timed("TRL backward", trainer.accelerator.backward)
        trainer.accelerator.clip_grad_norm_ = self.timed("TRL clip", trainer.accelerator.clip_grad_norm_)

    def timed(self, name: str, part: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any, **named: Any) -> Any:
            started = time.process_time()
            found = part(*given, **named)
            self.seconds[name].append(time.process_time() - started)
            return found

        return run

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.began = self.since = time.process_time()

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.own = time.process_time() - self.since
        self.is_bare_first = bool(state.global_step % 2)
        if self.is_bare_first:
            self.bare_step()
        self.since = time.process_time()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.seconds["TRL step"].append(self.own + time.process_time() - self.since)
        if not self.is_bare_first:
            self.bare_step()
        self.since = time.process_time()

    def bare_step(self) -> None:
        self.timed("bare step", self._bare_step)(self.batch)

    def _bare_step(self, batch: dict[str, Any]) -> None:
        self.timed("bare loss", self.forward)(batch)
        self.timed("bare backward", self.loss.backward)()
        self.timed("bare clip", torch.nn.utils.clip_grad_norm_)(self.model.parameters(), 1.0)
        self.timed("bare AdamW", self.optimizer.step)()
        self.optimizer.zero_grad()

    def forward(self, batch: dict[str, Any]) -> None:
        with torch.autocast("cpu", torch.bfloat16):
            self.loss = self.model(**batch).loss

    def ratios(self) -> list[float]:
        both = zip(self.seconds["TRL step"], self.seconds["bare step"], strict=True)
        return [ours / bare for ours, bare in both][COLD:]

    def table(self) -> str:
        """Medians in milliseconds of processor time."""
        median = {name: 1e3 * statistics.median(values[COLD:]) for name, values in self.seconds.items()}
        lines = [f"{'ms a step':<12}{'TRL':>8}{'bare':>8}"]
        lines += [f"{part:<12}{median[f'TRL {part}']:>8.1f}{median[f'bare {part}']:>8.1f}" for part in PARTS]
        rest = [median[f"{side} step"] - sum(median[f"{side} {part}"] for part in PARTS) for side in ("TRL", "bare")]
        lines.append(f"{'the rest':<12}{rest[0]:>8.1f}{rest[1]:>8.1f}")
        low, _, high = statistics.quantiles(self.ratios(), n=4)
        lines.append(f"half of the ratios lie between {low:.2f} and {high:.2f}")
        cold = [sum(self.seconds[f"{side} step"][:COLD]) for side in ("TRL", "bare")]
        lines.append(f"apart: the first {COLD} steps {cold[0]:.1f} s, of the bare loop {cold[1]:.1f} s")
        return "\n".join(lines)
