"""A recipe's stages, run in one folder: kept, resumed, several at once, over seeds and variants.

    run.py          the stages in order; the same command goes on after a kill
    worker_pool.py  several at once, each in a process of its own; worker.py is what runs in it
    sweep.py        every seed of every variant
    estimate.py     what asking a model for paths will take
    training_cost.py  memory, disk, tokens and hours of a training
    models.py       which model a user means: a folder, a Hub id, a run

It knows plans and stages; no room, and it prints nothing.
"""

from __future__ import annotations

from .estimate import describe
from .models import find_seats, reason_model, run_name, slug, summary_model
from .run import needed, place, run, run_folder, told_apart
from .sweep import expand, is_sweep, run_sweep
from .training_cost import training_lines
