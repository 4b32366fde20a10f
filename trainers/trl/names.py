"""Names of other libraries that this package overrides or reaches into, though they are not made for it.

A release may take any of them away. `pyproject.toml` therefore allows TRL and transformers as far as the tests ran, and
a test looks for each name in what is installed.
"""

from __future__ import annotations

from typing import NamedTuple

WRITTEN_FOR = {"trl": "1.16", "transformers": "5.24", "accelerate": "1.15", "torch": "2.13"}
"""The releases that this package was written for and tested with."""


class Name(NamedTuple):
    owner: str
    """`module` or `module:class`; of the library that the module's first part names."""
    name: str
    """Of a function, a method, a class's attribute, or one that its objects are given when they are made."""
    why: str


SFT, DPO = "trl.trainer.sft_trainer:SFTTrainer", "trl.trainer.dpo_trainer:DPOTrainer"
GRPO = "trl.trainer.grpo_trainer:GRPOTrainer"
TRAINER = "transformers.trainer:Trainer"
NAMES = (
    Name(SFT, "_metrics", "sft_trainer.py adds the accuracy and the tokens of a step"),
    Name(SFT, "_total_train_tokens", "sft_trainer.py counts the tokens of its own loss"),
    Name(DPO, "_total_train_tokens", "internals.py goes on counting where a checkpoint was written"),
    Name(SFT, "_set_signature_columns_if_needed", "sft_trainer.py keeps the column of lengths"),
    Name(SFT, "compute_loss", "sft_trainer.py has its own on a CPU"),
    Name(DPO, "_metrics", "dpo_trainer.py reads rewards and adds the KL"),
    Name(DPO, "_set_signature_columns_if_needed", "dpo_trainer.py keeps the reference's columns"),
    Name(DPO, "log", "dpo_trainer.py adds the KL before it"),
    Name(DPO, "precompute_ref_logps", "dpo_trainer.py says that the rows bring the log-probabilities"),
    Name(DPO, "compute_ref_log_probs", "reference_logps.py computes them with it"),
    Name("trl.trainer.dpo_trainer", "create_model_from_path", "dpo_trainer.py keeps TRL from loading a reference"),
    Name(GRPO, "_generate_and_score_completions", "grpo_trainer.py seeds what is sampled"),
    Name(GRPO, "_get_train_sampler", "grpo_trainer.py gives each epoch an order that a resume does not change"),
    Name(GRPO, "_step", "grpo_trainer.py tells the parts of a step apart"),
    Name("trl.trainer.grpo_trainer", "create_model_from_path", "grpo_trainer.py gives the reference itself"),
    Name("trl.data_utils", "prepare_multimodal_messages", "data/ measures rows as TRL writes them"),
    Name(TRAINER, "_signature_columns", "both trainers keep columns of ours"),
    Name(TRAINER, "_get_train_sampler", "sft_trainer.py has its own sampler"),
    Name(TRAINER, "_load_from_checkpoint", "internals.py loads an adapter with it"),
    Name(TRAINER, "model_accepts_loss_kwargs", "sft_trainer.py lets every token of a step weigh the same"),
    Name(TRAINER, "is_fsdp_enabled", "sft_trainer.py leaves the loss of a model in shares to TRL"),
    Name("transformers:PreTrainedModel", "_no_split_modules", "internals.py names the layers that FSDP shares out"),
    Name("transformers:AutoModelForImageTextToText", "_model_mapping", "internals.py asks which configs it loads"),
    Name("transformers:Qwen2_5_VLProcessor", "_get_num_multimodal_tokens", "internals.py counts an image's tokens"),
    Name("accelerate.utils.fsdp_utils", "FSDP_CPU_RAM_EFFICIENT_LOADING", "internals.py lets every process load"),
    Name("transformers.distributed.fsdp", "FSDP_CPU_RAM_EFFICIENT_LOADING", "internals.py lets every process load"),
    Name("accelerate.utils.environment", "clear_environment", "environment.py empties Python's view of it alone"),
    Name("torch", "_foreach_lerp", "optimizer.py takes the step of alike matrices at once"),
    Name("torch", "_foreach_lerp_", "the same"),
    Name("torch", "_foreach_mul_", "the same"),
    Name("torch", "_foreach_add_", "the same"),
    Name("torch.optim:Muon", "step", "optimizer.py has its own"),
)
