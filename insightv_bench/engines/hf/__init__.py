"""Local transformers: any image-text model by folder or Hub id.

    model.py        one model: loaded, prompted, asked in batches, known by the hash of its files
    decoding.py     the decoding loop of the models that are made here
    processes.py    the same in several processes, as `accelerate launch` starts them
    devices.py      the same in several that the run begins itself, one on each device
    processors.py   its processor, with torchvision or without
    template.py     what its chat template says: the prompt, control tokens, what ends a turn

It knows no training (which loads models through it) and no stage.
"""

from __future__ import annotations

from .devices import OnDevices, local_model
from .model import LocalModel, generation_options, hash_folder, identity, load_model, multiplies_bfloat16
from .processes import Shared, follow, is_first, num_processes, team
from .processors import load_processor
from .template import end_ids, named_ends, prompt_text, tokens_around, turn_end
