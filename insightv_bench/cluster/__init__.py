"""The same stages over a Ray cluster (`--engine ray`).

    session.py      into the cluster and out of it again
    last_words.py   what a command says that Ray ends from within
    stages.py       what a stage is given of it
    blocks.py       a stage's rows in blocks over Ray Data; the rows come back in their order
    engine.py       a model in the actors, for a stage whose rows stay with the command
    vllm.py         the same by Ray Data LLM's vLLM processor
    actor.py        what an actor does with one block after another; job.py what it is told of the stage
    coordinator.py  an actor beside the command: what only its machine has, and what must be counted in one place
    remote.py       the coordinator as seen from an actor: images, journal, budget

A block that is lost with its actor is begun again by another, which first reads what was kept of it. Finished blocks
are kept in the stage's checkpoints, so that the same command goes on. Only numbers of blocks, rows of text, and
images that are being shown pass through Ray's object store; where the run's folder is on storage that all nodes
share, no image does. Ray itself is imported inside functions.
"""

from __future__ import annotations

from .stages import cluster
