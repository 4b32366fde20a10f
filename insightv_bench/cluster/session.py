"""Into a Ray cluster and out of it again: its address, what it has, and quiet."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from insightv_bench.errors import InsightvError, RunError, require
from insightv_bench.escape import visible
from insightv_bench.settings import AUTO, LOCAL, EngineSettings, RaySettings
from insightv_bench.storage import first_line

from .last_words import last_words

ANSWER_S = 10
"""For the head of a cluster to take a connection."""
START_S = 600
"""For a process of a cluster on this machine to start: it may be busy."""
PATIENT = {"worker_register_timeout_seconds": START_S, "health_check_timeout_ms": 120_000}
"""Ray's own settings for a cluster on this machine, where a process that says nothing is slow and not dead."""
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_ROTATION_MAX_BYTES": str(16 * 2**20),
    "RAY_ROTATION_BACKUP_COUNT": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_ENABLE_AUTO_CONNECT": "0",  # else a thread that outlives a run connects again, before the next one does
}
"""The environment of Ray in this process and in a cluster that it starts; what the user has set stays."""


def load_ray() -> Any:
    """Raises MissingExtra."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    ray = require("ray", "ray", "a run over a cluster")
    require("ray.data", "ray", "a run over a cluster")
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return ray


@contextmanager
def session(settings: RaySettings) -> Iterator[Any]:
    """`ray`, connected. One that this process had joined before stays joined. Raises RunError, MissingExtra."""
    ray = load_ray()
    if ray.is_initialized():
        yield _quiet(ray)
        return
    folder = Path(tempfile.mkdtemp(prefix="ray-")) if settings.address == LOCAL else None
    with last_words() as tell:
        try:
            _connect(ray, settings, folder)
            yield _quiet(ray)
        except InsightvError as error:
            # Ray Data's thread goes on until Ray is let go of; if it is just asking for something then, Ray ends the
            # process (seen in one of four on a busy machine).
            tell(f"error: {visible(str(error))}")
            raise
        finally:
            ray.shutdown()
            if folder:
                shutil.rmtree(folder, ignore_errors=True)


def _connect(ray: Any, settings: RaySettings, folder: Path | None) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    if folder:
        options |= {"include_dashboard": False, "_temp_dir": str(folder)}
        options |= {"object_store_memory": settings.object_store_bytes}
        options |= {"_system_config": PATIENT}
    elif settings.address != AUTO:
        _knock(settings.address)
    try:
        with _aside():
            ray.init(address=settings.address, **options)
    except ConnectionError as error:
        raise _no_cluster(settings.address, first_line(error)) from None
    except Exception as error:  # noqa: BLE001 - Ray raises bare ones
        hint = "each node needs the same Ray and the same Python as this command"
        raise RunError(f"no way into the Ray cluster at `{settings.address}`: {first_line(error)}", hint) from error


@contextmanager
def _aside() -> Iterator[None]:
    """Ray's native part greets on standard error, past Python's."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _knock(address: str) -> None:
    """Ray itself would wait for minutes."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_S).close()
    except OSError as error:
        raise _no_cluster(address, str(error)) from None


def _no_cluster(address: str, reason: str) -> RunError:
    hint = "start one with `ray start --head`, or have one for this command alone: --set ray.address=local"
    if address == AUTO:
        return RunError("this machine is in no Ray cluster", hint)
    return RunError(f"no Ray cluster at `{address}`: {reason}", hint)


def _quiet(ray: Any) -> Any:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.enable_operator_progress_bars = False
    return ray


def resources_of(settings: RaySettings, engines: Sequence[EngineSettings]) -> dict[str, float]:
    """What an actor with these models asks for."""
    num_gpus = settings.num_gpus
    if num_gpus is None:
        num_gpus = float(any(engine.may_use_gpu for engine in engines))
    return {"num_cpus": settings.num_cpus, "num_gpus": num_gpus}
