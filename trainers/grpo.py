"""GRPO of either seat with TRL's GRPOTrainer (Shao et al., arXiv 2402.03300): sampled, rewarded, trained, in one stage.

The reasoning agent is asked questions, the summary agent questions with a stored path, right or flawed. K samples a
question (`num_generations`), the KL's weight (`beta`), clipping (`epsilon`) and the rest stand under `trainer`, as TRL
names them; what a sample earns is `rewards.py`'s.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from insightv_bench.engines.hf import end_ids, load_processor
from insightv_bench.errors import RecipeError
from insightv_bench.settings import GrpoSettings
from insightv_bench.stages import MODEL, Context, TrainOptions

from .compute import FORWARD_SHARE, batch_size, options_of, spent_by_others, tokens_of_sequence
from .data import PROMPTS, ImagesInPlaces, columns_of, load_corpus
from .job import Job, make_job
from .methods import Method, Panel
from .options import DEFAULT_SAVE_STEPS
from .rewards import BY_SEAT, reward_functions
from .train import train
from .training import dtype_of, load_for_training, prepare
from .trl import grpo_trainer

MAX_COMPLETION, NUM_GENERATIONS = 256, 8  # TRL's, where a recipe sets none


class Grpo(Method[GrpoSettings]):
    config, columns = "GRPOConfig", PROMPTS
    optional = {"tolerance": 0.0, "scene": "", "path_correct": None}
    watched, higher_is_better = "eval_reward", True
    figures = {
        "reward": "reward of a sample, its parts by their weights",
        "rewards/answer/mean": "share of samples with the right answer",
        "rewards/verdict/mean": "share of samples with the right verdict",
        "rewards/steps/mean": "share of right steps",
        "rewards/format/mean": "share of samples that are whole paths",
        "frac_reward_zero_std": "share of questions whose samples all earned the same, which teach nothing",
        "completions/mean_length": "tokens of a sample",
        "completions/clipped_ratio": "share of samples that ended at `max_completion_length`",
        "entropy": "entropy of a sampled token, nats",
        "kl": "estimate of KL(policy || reference) a token, nats; logged where `beta` is not 0",
    }
    panels = (
        Panel("Reward of a sample", {"reward": "training", "eval_reward": "validation"}),
        Panel(
            "Parts of the reward",
            {f"rewards/{name}/mean": name for name in ("answer", "verdict", "steps", "format")},
        ),
        Panel("Tokens of a sample", {"completions/mean_length": "training"}),
        Panel("Entropy of a token (nats)", {"entropy": "training"}),
    )

    def check(self, settings: GrpoSettings, verb: str) -> None:
        trainer = settings.trainer
        if "reward_weights" in trainer:
            raise RecipeError(f"`{verb}`: `trainer.reward_weights` is set by `rewards`", "write the weights there")
        if trainer.get("use_vllm") and importlib.util.find_spec("vllm") is None:
            raise RecipeError(f"`{verb}`: `trainer.use_vllm` needs vLLM, which is not installed", "pip install vllm")
        if settings.lora is not None and settings.reference == "initial" and trainer.get("beta"):
            raise RecipeError(
                f"`{verb}`: under LoRA the reference is the model with its adapter off, which is the previous one",
                "leave `reference` out, or `lora`",
            )
        cycle, saved = steps_of_samples(options_of(settings)), trainer.get("save_steps", DEFAULT_SAVE_STEPS)
        if isinstance(saved, int) and saved % cycle:
            raise RecipeError(
                f"`{verb}`: samples are used for {cycle} steps, and a checkpoint every {saved} would fall between "
                "them: a stopped training would sample anew",
                f"set `trainer.save_steps` to a multiple of {cycle}",
            )

    def options(self, settings: GrpoSettings) -> dict[str, Any]:
        trainer = settings.trainer
        samples = trainer.get("num_generations_eval") or trainer.get("num_generations", NUM_GENERATIONS)
        weights = {"reward_weights": [float(weight) for weight in settings.rewards.values()]}
        return weights | ({"per_device_eval_batch_size": samples} if settings.validation_share else {})

    def room(self, settings: GrpoSettings) -> int:
        return int(settings.trainer.get("max_completion_length") or MAX_COMPLETION)

    def make_trainer(self, job: Job[GrpoSettings], attention: str, **options: Any) -> Any:
        model, processor = options["model"], options["processing_class"]
        model.generation_config.eos_token_id = end_ids(model, processor)  # what ends a reply of the engine
        if options["args"].beta and job.settings.lora is None:
            reference = load_for_training(_reference(job), dtype_of(job.settings), attention)[0]
            options["reference"] = reference.eval()
        rewards = reward_functions(list(job.settings.rewards), processor, model.generation_config.eos_token_id)
        trainer = grpo_trainer()(reward_funcs=rewards, **options)
        trainer.data_collator = ImagesInPlaces(trainer.data_collator)
        return trainer

    def card_note(self, job: Job[GrpoSettings]) -> str:
        parts = ", ".join(f"{name} {weight:g}" for name, weight in job.settings.rewards.items())
        return f"Reward of a sample, the suite's own: {parts}."


def grpo(context: Context[GrpoSettings, TrainOptions]) -> None:
    """Inputs: `model`, the current one; `initial`, the one before any round; what it is asked, by the options' roles;
    for a control what another round was trained on (`pairs`, and `paths` that were sampled for it)."""
    prepare(context.recipe.threads, context.seed)
    rewards = context.settings.rewards or BY_SEAT[context.options.seat]
    settings = context.settings.model_copy(update={"rewards": dict(rewards)})
    reference = context.inputs["model" if settings.reference == "previous" else "initial"] / MODEL
    job = make_job(context, context.inputs["model"] / MODEL, reference=reference)
    job = replace(job, settings=settings)
    train(context, replace(job, more=_equal_compute(context, job)))
    context.totals |= {"rewards": dict(rewards), "reference": settings.reference}


def _reference(job: Job[GrpoSettings]) -> Path:
    if job.reference is None:
        raise TypeError(f"`{job.name}` has no reference model")
    return job.reference


def steps_of_samples(trainer: Mapping[str, Any]) -> int:
    """How many of the optimizer's steps use samples that were drawn at once; only after all of them a checkpoint is
    whole."""
    accumulated = int(trainer.get("gradient_accumulation_steps", 1))
    drawn = int(trainer.get("steps_per_generation") or accumulated)
    if trainer.get("generation_batch_size"):
        at_once = int(trainer.get("per_device_train_batch_size", 8)) * int(trainer.get("num_processes", 1))
        drawn = max(1, int(trainer["generation_batch_size"]) // at_once)
    return math.lcm(drawn * int(trainer.get("num_iterations", 1)), accumulated) // accumulated


def _equal_compute(context: Context, job: Job[GrpoSettings]) -> dict[str, int]:
    """The steps that compute as much as a DPO round did, its sampling and its reference's pass included. A sample is
    taken to be as long as a path of its pairs."""
    if not context.options.equal_compute:
        return {}
    processor = load_processor(str(job.start))
    spent = spent_by_others(context, job, processor)
    pairs = context.inputs[next(iter(context.options.equal_compute))]
    length = tokens_of_sequence(load_corpus([pairs], columns_of(pairs), job.checkpoints / "cache"), processor)
    trainer = options_of(job.settings)
    steps = max(1, round(spent["num_tokens"] / (length * passes(trainer) * batch_size(trainer))))
    context.totals["equal_compute"] = {**spent, "num_steps": steps}
    return {"max_steps": steps}


def passes(trainer: Mapping[str, Any]) -> float:
    """What a sample computes beside one forward and backward pass over it, that pass included: it is sampled, and
    where TRL asks for it scored by the reference and by the policy that sampled it."""
    iterations = int(trainer.get("num_iterations", 1))
    forward = 1 + bool(trainer.get("beta")) + (steps_of_samples(trainer) > 1)
    return 1 + FORWARD_SHARE * forward / iterations
