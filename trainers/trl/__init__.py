"""All that overrides TRL, or reaches into what it, transformers and accelerate keep to themselves; and Muon.

names.py           each such name, and the versions it was written for
sft_trainer.py     TRL's SFTTrainer with one weight for every token, and rows of like length in a batch
dpo_trainer.py     TRL's DPOTrainer with an estimate of the KL, and with log-probabilities that its rows bring
grpo_trainer.py    TRL's GRPOTrainer with samples that a resume does not change
reference_logps.py those log-probabilities, computed once and kept
callbacks.py       the bar, the mark of a whole checkpoint, the end of a training that runs away
optimizer.py       Muon beside AdamW
internals.py       what transformers tells of a model or processor in names of its own

It knows no stage, no job and no other part of this room.
"""

from __future__ import annotations

from .callbacks import WHOLE, ShowStep, progress_callback, tokens_seen
from .dpo_trainer import dpo_trainer
from .grpo_trainer import grpo_trainer, sampling_seed
from .internals import (
    count_on,
    every_process_loads,
    hold_as_multiplied,
    is_image_text_config,
    load_adapter,
    share_out_by_layers,
    tell_nobody,
    told_image_tokens,
)
from .optimizer import muon_of
from .reference_logps import KeptLogps, compute_logps, missing_pairs, pair_ids, with_logps
from .sft_trainer import LENGTH, sft_trainer
