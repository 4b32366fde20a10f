"""A model that a run serves itself, with vLLM, SGLang or `transformers serve`, for as long as a stage asks it.

    model.py      the engine: started with the first request, asked as any chat server, stopped when it is closed
    programs.py   the command line of each program
    process.py    its process: begun, stopped, and found where a killed run left one behind
    keeper.py     the process in between, which ends the server when the run that began it is gone

A server has one client, listens on this machine alone, and its replies are kept in the journal as any other's are.
"""

from __future__ import annotations

from .model import ServedModel
from .process import end_left_over
from .programs import check_program
