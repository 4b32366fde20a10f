"""A stage: one function from rows to rows in a folder of its own, and what the plan, the run and the rooms know of it.

    kinds.py           every kind of stage: what it makes, where it runs, which command runs one alone
    options.py         what a plan tells a stage beside its settings
    stage.py           a stage as planned, what its function is given, its fingerprint, how it is run
    manifest.py        what a finished one was done with, written last
    earlier.py         finished ones of before there were kinds
    preflight.py       whether every model can be asked, before the first stage
    progress.py        bars and lines
    processes.py       how processes that a run begins tell what happens, and live and end with it

It knows engines and storage; not which stages a recipe has, nor any room.
"""

from __future__ import annotations

from insightv_bench.records import Dropped, drop

from .earlier import finished_before, kind_of, what_it_makes
from .kinds import KINDS, Kind, kind_named
from .manifest import CHECKPOINTS, MANIFEST, SERVED, git_commit, is_whole, read_manifest
from .options import (
    AskingOptions,
    CalibrateOptions,
    EvalOptions,
    FlawOptions,
    ImportedOptions,
    Options,
    ReleaseOptions,
    RoundOptions,
    StoredOptions,
    TrainOptions,
    WorldOptions,
)
from .preflight import check_engine, check_models
from .processes import (
    Message,
    MessageWriter,
    as_message,
    child_environment,
    from_message,
    hold,
    is_held,
    read_message,
    wait_for_orphans,
)
from .progress import Progress
from .stage import (
    JOURNAL,
    MODEL,
    RUN,
    SERVERS,
    STAGES,
    SUMMARY,
    Cluster,
    Context,
    Exclusion,
    Stage,
    code_versions,
    drop_checkpoints,
    fingerprint,
    guard_writable,
    run_stage,
    set_threads,
)
