"""A Ray cluster of several raylets on this machine, for tests, and how to kill parts of it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from insightv_bench.cluster.session import START_S, load_ray

T = TypeVar("T")
STORE = 80 * 2**20
"""The smallest that Ray takes."""
TRIES = 5
"""A raylet must start within 30 s, which a busy machine may not grant."""


class Nodes:
    """The head and another node, each with room for one actor."""

    def __init__(self, ray_cluster: Any) -> None:
        self._cluster = ray_cluster
        self.nodes = [self.add()]

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    def add(self) -> Any:
        return tried(lambda: self._cluster.add_node(num_cpus=1, object_store_memory=STORE))

    def remove(self) -> None:
        """The last one, with all that runs there, as if its plug were pulled."""
        self._cluster.remove_node(self.nodes.pop(), allow_graceful=False)


def tried(start: Callable[[], T]) -> T:
    for left in reversed(range(TRIES)):
        try:
            return start()
        except Exception:
            if not left:
                raise
            time.sleep(1)
    raise AssertionError("it was tried")


@contextmanager
def nodes() -> Iterator[Nodes]:
    ray = load_ray()
    from ray.cluster_utils import Cluster

    patient = {"worker_register_timeout_seconds": START_S}
    head = {"num_cpus": 1, "object_store_memory": STORE, "include_dashboard": False, "_system_config": patient}
    cluster = tried(lambda: Cluster(initialize_head=True, head_node_args=head))
    try:
        yield Nodes(cluster)
    finally:
        ray.shutdown()
        cluster.shutdown()


def actors() -> list[int]:
    """Processes of this test's actors that work on blocks."""
    mine = {os.getpid()}
    found: list[int] = []
    for place in sorted(Path("/proc").glob("[0-9]*"), key=lambda place: int(place.name)):
        try:
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            words = (place / "cmdline").read_bytes()
        except OSError:
            continue
        if parent in mine:
            mine.add(int(place.name))
            found += [int(place.name)] if words.startswith(b"ray::MapWorker") else []
    return found


def kill_an_actor() -> None:
    """Once one is there."""
    while not (there := actors()):
        time.sleep(0.02)
    os.kill(there[0], signal.SIGKILL)
