"""Options of TRL's that cannot be had here, each with its reason: said in a line before a model is loaded.

Left to TRL, some of them would end a training in its first step, once the model is there, and some would be passed over
without a word. docs/training.md has the table; a test goes through it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, NamedTuple

from insightv_bench.errors import MissingExtra, RecipeError
from insightv_bench.settings import TrainSettings

QUANTIZE = "quantize"
"""The one key under `lora` that is not PEFT's."""
NF4 = "nf4"

OF_TORCH = ("eager", "sdpa", "flex_attention")
ATTENTION = {"flash_attention_2": "flash_attn", "flash_attention_3": "flash_attn_interface"}
"""Ways to attend that a model is trained with; of the latter, the module that each needs."""


class Refusal(NamedTuple):
    option: str
    is_meant: Callable[[Mapping[str, Any], TrainSettings], bool]
    fact: str
    hint: str


def _is_on(option: str) -> Callable[[Mapping[str, Any], TrainSettings], bool]:
    return lambda trainer, _: bool(trainer.get(option))


def _validates_nothing(trainer: Mapping[str, Any], settings: TrainSettings) -> bool:
    return str(trainer.get("eval_strategy", "no")) != "no" and not settings.validation_share


REFUSED = (
    Refusal("pad_to_multiple_of", _is_on("pad_to_multiple_of"), "TRL has it for text alone", "leave it out"),
    Refusal(
        "assistant_only_loss",
        _is_on("assistant_only_loss"),
        "TRL has it for whole conversations, and these rows have a prompt and a completion",
        "leave it out: the loss is on the completion alone, and of several turns on the assistant's",
    ),
    Refusal(
        "packing", _is_on("packing"), "TRL packs rows of text alone", "leave it out: rows of like length share a batch"
    ),
    Refusal("eval_packing", _is_on("eval_packing"), "TRL packs rows of text alone", "leave it out"),
    Refusal(
        "completion_only_loss",
        lambda trainer, _: trainer.get("completion_only_loss") is False,
        "a prompt is the user's, images among it, and is never trained on",
        "leave it out: the loss is on the completion alone",
    ),
    Refusal("padding_free", _is_on("padding_free"), "TRL has it for text alone", "leave it out"),
    Refusal(
        "model_init_kwargs",
        _is_on("model_init_kwargs"),
        "the model is loaded here, and TRL would pass over it",
        "`dtype`, `lora.quantize` and `trainer.attn_implementation` say how",
    ),
    Refusal(
        "chat_template_path",
        _is_on("chat_template_path"),
        "rows are measured and asked in the model's own template",
        "put a `chat_template.jinja` into the base model's folder",
    ),
    Refusal("fsdp", _is_on("fsdp"), "how a training is shared out is told once", "`launch: {config: fsdp}`"),
    Refusal("deepspeed", _is_on("deepspeed"), "how a training is shared out is told once", "`launch: {config: zero3}`"),
    Refusal(
        "liger_kernel_config",
        lambda trainer, _: bool(trainer.get("liger_kernel_config")) and not trainer.get("use_liger_kernel"),
        "without `use_liger_kernel` it would be passed over",
        "set `use_liger_kernel: true`, or leave it out",
    ),
    Refusal(
        "attn_implementation",
        lambda trainer, _: trainer.get("attn_implementation", "sdpa") not in (*OF_TORCH, *ATTENTION),
        "it is none that a model is trained with here; one from the Hub would run code of others",
        "one of `eager`, `sdpa`, `flex_attention`, `flash_attention_2`, `flash_attention_3`",
    ),
    Refusal(
        "optim",
        lambda trainer, settings: "optim" in trainer and settings.muon is not None,
        "`muon` brings an optimizer of its own, and it would be passed over",
        "leave one of the two out",
    ),
    Refusal(
        "eval_strategy",
        _validates_nothing,
        "there is nothing to evaluate on",
        "set `validation_share`: it validates as often as checkpoints are written",
    ),
)


def _no_loss_of(known: tuple[str, ...]) -> Callable[[Mapping[str, Any], TrainSettings], bool]:
    def is_unknown(trainer: Mapping[str, Any], _: TrainSettings) -> bool:
        named = trainer.get("loss_type")
        losses = named if isinstance(named, list) else [named] if named else []
        return any(loss not in known for loss in losses)

    return is_unknown


SFT_LOSSES = ("nll", "dft", "chunked_nll")
DPO_LOSSES = (
    *("sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot", "aot_unpaired"),
    *("apo_zero", "apo_down", "discopop", "sft", "sigmoid_norm"),
)
GRPO_LOSSES = ("grpo", "bnpo", "dr_grpo", "dapo", "cispo", "luspo", "sapo", "vespo")
"""TRL 1.16's, which it names after the model is loaded, or in the first step."""


def _loss(known: tuple[str, ...]) -> Refusal:
    fact = "this trainer has no such loss"
    return Refusal("loss_type", _no_loss_of(known), fact, f"one of {', '.join(f'`{name}`' for name in known)}")


REFUSED_OF_DPO = (
    _loss(DPO_LOSSES),
    Refusal(
        "label_smoothing_factor",
        _is_on("label_smoothing_factor"),
        "DPO's loss does not know it, and it would be passed over",
        "`trainer.label_smoothing` is DPO's",
    ),
    Refusal(
        "sync_ref_model",
        lambda trainer, settings: (
            bool(trainer.get("sync_ref_model"))
            and (settings.lora is not None or getattr(settings, "cache_reference", None) is not False)
        ),
        "the reference has no weights of its own to be moved",
        "train all weights and set `cache_reference: false`: the reference is then a second model",
    ),
)

REFUSED_OF_GRPO = (
    _loss(GRPO_LOSSES),
    Refusal(
        "label_smoothing_factor",
        _is_on("label_smoothing_factor"),
        "GRPO's loss does not know it, and it would be passed over",
        "leave it out",
    ),
)
REFUSED_OF: Mapping[str, tuple[Refusal, ...]] = {
    "SFTConfig": (_loss(SFT_LOSSES),),
    "DPOConfig": REFUSED_OF_DPO,
    "GRPOConfig": REFUSED_OF_GRPO,
}
"""By TRL's class of the options."""

PACKAGES = {
    "bitsandbytes": ("adamw_bnb_8bit", "adamw_8bit", "lion_", "ademamix", "paged_", "rmsprop_bnb"),
    "torchao": ("adamw_torch_4bit", "adamw_torch_8bit"),
    "galore_torch": ("galore_",),
    "apollo_torch": ("apollo_",),
    "lomo_optim": ("lomo", "adalomo"),
    "grokadamw": ("grokadamw",),
    "schedulefree": ("schedule_free_",),
    "optimi": ("stable_adamw",),
}
"""What an optimizer of transformers' is in -> what its name begins with."""
PIP = {"optimi": "torch-optimi", "flash_attn": "flash-attn", "liger_kernel": "liger-kernel"}
"""Names in the index, where they are others than the module's."""
SOURCE = {"flash_attn_interface": "build it from the folder `hopper` of Dao-AILab/flash-attention, or leave it out"}
"""Modules that no index holds under a name of theirs."""


def check_refused(trainer: Mapping[str, Any], settings: TrainSettings, config: str, is_cpu: bool) -> None:
    """`config`: TRL's class of the options. Raises RecipeError for an option that cannot be had, MissingExtra for a
    package that it needs."""
    for refusal in REFUSED + REFUSED_OF[config]:
        if refusal.is_meant(trainer, settings):
            said = f"`trainer.{refusal.option}: {trainer[refusal.option]}` cannot be had: {refusal.fact}"
            raise RecipeError(said, refusal.hint)
    for asked, module in _packages(trainer, settings):
        if find_spec(module) is None:
            raise MissingExtra(
                f"`{asked}` needs `{module}`, which is not installed",
                SOURCE.get(module) or f"pip install {PIP.get(module, module)}",
            )
        if is_cpu and module in ("flash_attn", "flash_attn_interface", "liger_kernel"):
            raise RecipeError(f"`{asked}` needs a GPU, and this training has none", "leave it out")


def _packages(trainer: Mapping[str, Any], settings: TrainSettings) -> list[tuple[str, str]]:
    """What is asked for, and the module that it needs."""
    optimizer, attention = str(trainer.get("optim", "")), str(trainer.get("attn_implementation", ""))
    named = [
        (f"trainer.optim: {optimizer}", module) for module, starts in PACKAGES.items() if optimizer.startswith(starts)
    ]
    if attention in ATTENTION:
        named.append((f"trainer.attn_implementation: {attention}", ATTENTION[attention]))
    if trainer.get("use_liger_kernel"):
        named.append(("trainer.use_liger_kernel: true", "liger_kernel"))
    if settings.lora is not None and QUANTIZE in settings.lora:
        named.append((f"lora.{QUANTIZE}: {settings.lora[QUANTIZE]}", "bitsandbytes"))
    return named


def check_quantize(settings: TrainSettings) -> None:
    """Raises RecipeError for another way of quantizing than NF4, or where it cannot be."""
    if settings.lora is None or QUANTIZE not in settings.lora:
        return
    if settings.lora[QUANTIZE] != NF4:
        raise RecipeError(f"`lora.{QUANTIZE}: {settings.lora[QUANTIZE]}` is not known", f"it is `{NF4}` (QLoRA)")
    if settings.launch and not settings.launch.keeps_whole:
        raise RecipeError(
            f"`lora.{QUANTIZE}` needs a whole model in each process, and `launch.config: {settings.launch.config}` may "
            "share it out",
            "`launch.config: multi-gpu`, or leave one of the two out",
        )
