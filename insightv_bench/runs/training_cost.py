"""What a training will take: memory a device, disk for its checkpoints, tokens, hours. Counted, nothing is loaded.

A parameter that is trained is held as a weight, a gradient and an optimizer's state; a frozen one as a weight. The
activations of one row come on top, and are not counted.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from insightv_bench.settings import CostSettings, DpoSettings, PathsSettings, Recipe, SummarySettings, TrainSettings
from insightv_bench.stages import Stage, is_whole, read_manifest

from .estimate import num_questions

GIB = 2**30
VISION = re.compile(r"(^|\.)(visual|vision_tower|vision_model)\.")
OPERATIONS, DEVICE, SHARE = 8, 312e12, 0.35
"""Of a token and parameter with its activations computed twice; an A100's in bf16; how much of it a training has."""
ADAPTER_SHARE = 0.01
"""Of a model's parameters, in LoRA's matrices of rank 16; others in proportion."""
STATE_BYTES = {"8bit": 2.0, "4bit": 1.0, "sgd": 0.0, "adafactor": 0.1, "lomo": 0.0, "lion": 4.0}
"""Bytes a trained parameter of an optimizer whose name holds the word; AdamW's are two numbers of the weights' type."""
KEPT_CHECKPOINTS = 2
FULL_RATES = 3e-5
"""A rate up to this is one for all weights of a real model: the paper's are 5e-7 to 1e-5."""


class Cost(NamedTuple):
    gib_a_device: float
    checkpoint_gib: float
    """Of one checkpoint: weights and optimizer."""
    disk_gib: float
    """Of the checkpoints that there are at once, and the model."""
    num_tokens: float
    hours: float
    tokens_per_second: float
    """Of one device."""


def training_lines(recipe: Recipe, stage: Stage, stages: Mapping[str, Stage], folders: Mapping[str, Path]) -> list[str]:
    """Lines for the plan of one training of a model that is there already; none for one made from nothing."""
    settings = stage.settings
    if recipe.base is None or recipe.base.from_nothing or not isinstance(settings, TrainSettings):
        return []
    if stage.kind not in ("sft", "dpo"):
        return []
    note = rate_note(stage.name, settings, from_nothing=False)
    notes = [note] if note else []
    known = known_cost(recipe.cost, recipe.base.model)
    if known.parameters is None:
        hint = "--set cost.parameters=8e9, and cost.vision_parameters"
        return [*notes, f"memory and hours: not known without the size of `{recipe.base.model}` ({hint})"]
    num = num_rows(recipe, stage, stages, folders)
    if num is None:
        return [*notes, *_memory(cost(known, settings, 0.0)), "tokens: not known before its corpora are there"]
    counted = cost(known, settings, num)
    most = "" if known.tokens_a_row else "at most "
    devices = settings.launch.num_processes if settings.launch else 1
    guess = "" if recipe.cost.tokens_per_second else ", a guess (`cost.tokens_per_second`)"
    return [
        *notes,
        *_memory(counted),
        f"{most}{counted.num_tokens / 1e6:,.0f} million tokens: {counted.hours:,.1f} hours on {devices} "
        f"device{'s' * (devices > 1)} at {counted.tokens_per_second:,.0f} tokens a second each{guess}",
    ]


def _memory(counted: Cost) -> list[str]:
    kept = f"{KEPT_CHECKPOINTS} checkpoints of {counted.checkpoint_gib:,.0f} and the model"
    return [
        f"memory: {counted.gib_a_device:,.0f} GiB a device, and the activations of its rows; "
        f"disk: {counted.disk_gib:,.0f} GiB, {kept}"
    ]


def cost(known: CostSettings, settings: TrainSettings, num: float) -> Cost:
    """Of a training over `num` rows in all; a pair counts as two sequences, each with the reference's pass."""
    assert known.parameters is not None
    frozen = known.vision_parameters if settings.freeze_vision is not False else 0.0
    weight, lora = _bytes_a_weight(settings), settings.lora
    if lora is None:
        trained = known.parameters - frozen
        state = _state_bytes(settings, weight)
        held = trained * (2 * weight + state) + frozen * weight
        saved = known.parameters * weight + trained * state
        model = known.parameters * weight
    else:
        adapter = known.parameters * ADAPTER_SHARE * float(lora.get("r", 16)) / 16
        held = known.parameters * (0.55 if "quantize" in lora else weight) + adapter * 16
        saved, model = adapter * 12, known.parameters * 2 + adapter * 4
    if isinstance(settings, DpoSettings) and lora is None and _holds_reference(settings):
        held += known.parameters * weight
    devices = settings.launch.num_processes if settings.launch else 1
    in_shares = settings.launch is not None and not settings.launch.keeps_whole
    a_row = known.tokens_a_row or settings.max_tokens or 0
    tokens = num * a_row * (2 * 4 / 3 if isinstance(settings, DpoSettings) else 1)
    speed = known.tokens_per_second or DEVICE * SHARE / (OPERATIONS * known.parameters)
    return Cost(
        held / (devices if in_shares else 1) / GIB,
        saved / GIB,
        (KEPT_CHECKPOINTS * saved + model) / GIB,
        tokens,
        tokens / (speed * devices) / 3600,
        speed,
    )


def _holds_reference(settings: DpoSettings) -> bool:
    """Whether the reference is a second model in memory: DeepSpeed leaves none that could be asked before."""
    with_deepspeed = settings.launch is not None and settings.launch.config == "zero3"
    return with_deepspeed if settings.cache_reference is None else not settings.cache_reference


def _bytes_a_weight(settings: TrainSettings) -> float:
    if settings.dtype != "auto":
        return 4.0 if settings.dtype == "float32" else 2.0
    return 2.0 if settings.lora is not None else 4.0


def _state_bytes(settings: TrainSettings, weight: float) -> float:
    name = str(settings.trainer.get("optim", "adamw"))
    return next((size for word, size in STATE_BYTES.items() if word in name), 2 * weight)


def num_rows(recipe: Recipe, stage: Stage, stages: Mapping[str, Stage], folders: Mapping[str, Path]) -> float | None:
    """Rows that pass through a training in all its epochs: of its steps where those are set, else of its corpora, as
    they are or as the recipe would make them at the most. None where neither is known."""
    settings = stage.settings
    assert isinstance(settings, TrainSettings)
    trainer = settings.trainer
    steps = int(trainer.get("max_steps", -1))
    if steps > 0:
        sizes = (trainer.get("per_device_train_batch_size", 8), trainer.get("gradient_accumulation_steps", 1))
        return steps * math.prod(map(int, sizes)) * (settings.launch.num_processes if settings.launch else 1)
    corpora = [stage.inputs[role] for role in getattr(stage.options, "corpora", ())]
    made = [_rows_of(recipe, stage, stages, folders, name) for name in corpora]
    if any(num is None for num in made):
        return None
    return sum(num or 0 for num in made) * float(trainer.get("num_train_epochs", 3))


def _rows_of(
    recipe: Recipe, stage: Stage, stages: Mapping[str, Stage], folders: Mapping[str, Path], corpus: str
) -> float | None:
    if corpus in folders and is_whole(folders[corpus]):
        return float(read_manifest(folders[corpus])["num_rows"])
    if corpus not in stages or stages[corpus].kind.startswith("given"):
        return None
    if isinstance(stage.settings, DpoSettings) and recipe.rounds is not None:
        num = getattr(recipe.rounds.questions, "num", None)
        return None if num is None else float(num) * recipe.rounds.pairs.per_question
    if isinstance(stage.settings, SummarySettings):
        return float(recipe.corpora.summary_num)
    if not isinstance(recipe.paths, PathsSettings):
        return None
    first = next((name for name, other in stages.items() if other.makes == "questions"), "")
    num = num_questions(stages[first], folders[first]) if first else None
    return None if num is None else float(num) * min(recipe.corpora.max_paths_per_question, recipe.paths.num_paths)


def known_cost(given: CostSettings, model: str) -> CostSettings:
    """What the recipe says, over what the weights in a folder say of themselves."""
    if given.parameters is not None or not Path(model).is_dir():
        return given
    sizes = [size for file in Path(model).glob("*.safetensors") for size in _sizes(file)]
    if not sizes:
        return given
    vision = sum(num for name, num in sizes if VISION.search(name) and "merger" not in name)
    return given.model_copy(
        update={"parameters": float(sum(num for _, num in sizes)), "vision_parameters": float(vision)}
    )


def _sizes(file: Path) -> list[tuple[str, int]]:
    """Name and number of elements of each tensor, by the file's header."""
    try:
        with file.open("rb") as handle:
            length = int.from_bytes(handle.read(8), "little")
            header = json.loads(handle.read(min(length, 100_000_000)))
        return [(name, math.prod(each["shape"])) for name, each in header.items() if name != "__metadata__"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def rate_notes(recipe: Recipe, stages: Sequence[Stage]) -> list[str]:
    """Of those stages that are trainings."""
    from_nothing = recipe.base is None or recipe.base.from_nothing
    settings = [(stage.name, stage.settings) for stage in stages]
    notes = [rate_note(name, each, from_nothing) for name, each in settings if isinstance(each, TrainSettings)]
    return [note for note in notes if note]


def rate_note(name: str, settings: TrainSettings, from_nothing: bool) -> str:
    """A line where LoRA is to train at a rate for all weights, at which it hardly moves; else empty.

    LoRA's best rate is about ten times that of all weights, whatever its rank (Schulman et al., "LoRA Without Regret",
    2025). DPO's are a tenth of SFT's.
    """
    rate = float(settings.trainer.get("learning_rate", 0))
    least = FULL_RATES / 10 if isinstance(settings, DpoSettings) else FULL_RATES
    if settings.lora is None or from_nothing or not 0 < rate <= least:
        return ""
    return (
        f"`{name}`: a learning rate of {rate:g} is one for all weights, and LoRA takes about ten times as much: "
        f"set `trainer.learning_rate` to {10 * rate:g}"
    )
