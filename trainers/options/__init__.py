"""What a recipe may set of TRL's and PEFT's options, under their own names, and what is set for it.

trl.py     TRL's options: a recipe's, over ours; all of them checked before anything runs
refused.py options that cannot be had here, and packages that others need
values.py  whether a value can be meant
lora.py    which weights are trained: all, all but the vision tower, or LoRA's

It loads no model and no rows.
"""

from __future__ import annotations

from .lora import ADAPTER, freeze_vision, is_vision, linear_layers, lora_config, merge_adapter, name_base, quantization
from .trl import DEFAULT_SAVE_STEPS, FORCE_CPU, chosen_options, make_options, on_cpu, on_device, takes_bfloat16
