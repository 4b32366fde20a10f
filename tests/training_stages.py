"""What the tests of training share: rows drawn in the world, stages of a run as folders, and a stage run on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from insightv_bench.chat import assistant
from insightv_bench.journal import Journal
from insightv_bench.records import PreferenceRow, PromptRow, ReasoningRow
from insightv_bench.settings import DpoSettings, GrpoSettings, TinyModel, TrainSettings, load_recipe
from insightv_bench.stages import Context, Progress, Stage, TrainOptions, run_stage
from insightv_bench.storage import write_shards
from insightv_bench.trainers.models import make_tiny
from insightv_bench.trainers.training import prepare
from insightv_bench.world import Level, sample_lessons

MIX: Any = {"list": 0.2, "list-any-order": 0.2, "read-by-name": 0.3, "direct": 0.3}
SFT = "sft"
QUICK = {"per_device_train_batch_size": 4, "dataloader_num_workers": 0, "logging_steps": 1, "save_strategy": "no"}


def tiny_model(folder: Path) -> Path:
    """A model of a million parameters with random weights."""
    prepare(threads=1, seed=0)
    make_tiny(TinyModel(), folder, seed=0)
    return folder


def lessons(num: int) -> list[ReasoningRow]:
    return list(sample_lessons(Level(), 0, num, MIX))


def pairs(rows: list[ReasoningRow]) -> list[PreferenceRow]:
    """Each row's answer against the next one's."""
    made = []
    for row, other in zip(rows, [*rows[1:], rows[0]], strict=True):
        columns = {k: v for k, v in row.model_dump().items() if k not in ("completion", "score", "prompt")}
        wrong = other.completion[0].content + " 1"
        made.append(
            PreferenceRow(
                **columns, prompt=row.prompt, chosen=row.completion, rejected=(assistant(wrong),),
                chosen_score=100, rejected_score=1, round=1,
            )
        )  # fmt: skip
    return made


def prompts(rows: list[ReasoningRow]) -> list[PromptRow]:
    """What each row asks, without its answer."""
    left = ("completion", "score")
    return [
        PromptRow(**{k: v for k, v in row.model_dump().items() if k not in left}, tolerance=0.0, scene="")
        for row in rows
    ]


def corpus(run: Path, name: str, rows: list[Any]) -> Path:
    """A finished corpus stage with these rows."""
    folder = run / "stages" / f"{name}-0123456789ab"
    folder.mkdir(parents=True)
    write_shards(folder, rows, type(rows[0]))
    manifest = {"stage": name, "num_rows": len(rows), "totals": {}, "files": {}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def train(
    run: Path,
    kind: str,
    settings: TrainSettings,
    inputs: dict[str, Path],
    name: str = "train-reason",
    base: str = "tiny",
    progress: Progress | None = None,
    seat: str = "reason",
    watched: dict[str, Path] | None = None,
) -> Path:
    """Run one training stage; returns its folder, whose manifest is whole. `watched`: role -> stage, of what it is
    watched on.

    `inputs`: the model's stage, then the corpora, for a round then the first model's; for a base its lessons alone.
    """
    recipe = load_recipe("walk", [f"base.model={json.dumps(base)}"])
    roles = [f"corpus-{place}" for place, _ in enumerate(inputs)]
    is_round = kind in ("dpo", "grpo")
    if kind == "sft" or is_round:
        roles[0] = "model"
    if is_round:
        roles[-1] = "initial"
    corpora = tuple(role for role in roles if role.startswith("corpus"))[: None if is_round else 1]
    given = dict(zip(roles, inputs.values(), strict=True)) | (watched or {})
    options = TrainOptions(seat=seat, corpora=corpora)
    named = dict(zip(roles, inputs, strict=True)) | {role: role for role in watched or {}}
    stage = Stage(name, kind, settings, named, options)
    folder = run / "stages" / f"{name}-{settings.fingerprint()}"
    journal = Journal(run / "journal.sqlite")
    try:
        run_stage(stage, Context(stage, folder, given, journal, progress or Progress(), 0, recipe))
    finally:
        journal.close()
    return folder


def manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def history(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "training.jsonl").read_text(encoding="utf-8").splitlines()]


def first_step(stage: Path) -> dict[str, Any]:
    """What a training logged of its first step."""
    first = (stage / "training.jsonl").read_text(encoding="utf-8").splitlines()[0]
    return dict(json.loads(first))


def losses(folder: Path) -> list[float]:
    return [log["loss"] for log in history(folder) if "loss" in log]


def sft_settings(**more: Any) -> TrainSettings:
    trainer = {**QUICK, "max_steps": 3, "learning_rate": 1e-3, **more.pop("trainer", {})}
    return TrainSettings(trainer=trainer, **more)


def dpo_settings(**more: Any) -> DpoSettings:
    trainer = {**QUICK, "max_steps": 3, "learning_rate": 1e-3, **more.pop("trainer", {})}
    return DpoSettings(trainer=trainer, **more)


def grpo_settings(**more: Any) -> GrpoSettings:
    trainer = {**QUICK, "max_steps": 3, "learning_rate": 1e-3, "num_generations": 4, "max_completion_length": 8}
    trainer |= {"per_device_train_batch_size": 8, **more.pop("trainer", {})}
    return GrpoSettings(trainer=trainer, **more)


def placed(model: Path, run: Path, name: str = "train-base") -> Path:
    """A finished stage whose model is this folder."""
    folder = run / "stages" / f"{name}-0123456789ab"
    folder.mkdir(parents=True)
    (folder / "model").symlink_to(model)
    return folder


def reasoned(run: Path, tiny: Path, rows: list[Any], settings: TrainSettings, base: str = "tiny") -> Path:
    """The folder of a reasoning agent's training on these rows."""
    inputs = {"train-base": placed(tiny, run), "corpora-reasoning": corpus(run, "corpora-reasoning", rows)}
    return train(run, SFT, settings, inputs, base=base)
