"""What the command and each process that a run begins have in their environment, unless the user has set it.

It is set once, before there is a second thread, and handed to processes as they begin. No name is added or taken away
later: `setenv` in one thread moves the list that `getenv` reads in another, in C, where no lock of Python's holds, and
the process ends. datasets and accelerate do worse: they empty it and write it anew while gloo's threads run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress

UNWATCHED = {
    "HF_HUB_DISABLE_TELEMETRY": "1",  # TRL tells the Hub of each trainer that is made, from a thread of its own
    "VLLM_NO_USAGE_STATS": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "GRADIO_ANALYTICS_ENABLED": "False",  # trackio's page
    "DO_NOT_TRACK": "1",
}
"""Keeps libraries from telling their makers that they are used."""
FOR_TORCH = {
    "OMP_WAIT_POLICY": "PASSIVE",  # waiting threads sleep instead of spinning: ten times faster on a busy machine
    "THP_MEM_ALLOC_ENABLE": "1",  # torch in huge pages: a training step is 15-20 % faster (measured)
    "TOKENIZERS_PARALLELISM": "false",
    # Written later by threadpoolctl and accelerate, with these values, were they not there.
    "KMP_DUPLICATE_LIB_OK": "True",
    "PYTORCH_NVML_BASED_CUDA_CHECK": "0",
}


def settle() -> None:
    """Set in this process what the user has not. Only while it has one thread."""
    for name, value in {**UNWATCHED, **FOR_TORCH}.items():
        os.environ.setdefault(name, value)


def keep_from_datasets() -> None:
    """datasets reads no file any more with an environment of its own, which it needs for bars of several processes."""
    with suppress(ImportError):
        from datasets.download import download_manager

        download_manager.stack_multiprocessing_download_progress_bars = nullcontext


def keep_from_accelerate() -> None:
    """accelerate looks for an object's defaults in an empty environment: Python's view of it alone is emptied then."""
    with suppress(ImportError):
        from accelerate.utils import environment

        environment.clear_environment = unseen


@contextmanager
def unseen() -> Iterator[None]:
    """An empty `os.environ` for the code inside. The environment that threads read in C stays as it is."""
    ours = os.environ
    os.environ = {}  # type: ignore[assignment]  # noqa: B003 - it is to stay
    try:
        yield
    finally:
        os.environ = ours  # noqa: B003
