"""TODO face."""

from __future__ import annotations

from .error_messages import Message, as_message, from_message
from .preflight import check_models, seat_of
from .progress import Progress
from .stage import (
    CHECKPOINTS,
    JOURNAL,
    MANIFEST,
    MODEL,
    RUN,
    STAGE_MODEL,
    STAGES,
    SUMMARY,
    Cluster,
    Context,
    Dropped,
    Exclusion,
    Stage,
    code_versions,
    drop,
    fingerprint,
    git_commit,
    guard_writable,
    is_whole,
    load_function,
    read_manifest,
    run_stage,
    set_threads,
)

__all__ = [
    "CHECKPOINTS",
    "Cluster",
    "Context",
    "Dropped",
    "Exclusion",
    "JOURNAL",
    "MANIFEST",
    "MODEL",
    "Message",
    "Progress",
    "RUN",
    "STAGES",
    "STAGE_MODEL",
    "SUMMARY",
    "Stage",
    "as_message",
    "check_models",
    "code_versions",
    "drop",
    "fingerprint",
    "from_message",
    "git_commit",
    "guard_writable",
    "is_whole",
    "load_function",
    "read_manifest",
    "run_stage",
    "seat_of",
    "set_threads",
]
