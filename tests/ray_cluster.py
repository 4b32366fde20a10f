"""A Ray cluster of several raylets on this machine, for tests, and how to kill parts of it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from insightv_bench.cluster.session import PATIENT, START_S, load_ray

STORE = 80 * 2**20
"""The smallest that Ray takes."""


class Nodes:
    """The head and another node, each with room for one actor."""

    def __init__(self, ray_cluster: Any) -> None:
        self._cluster = ray_cluster
        self.nodes = [self.add()]

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    def add(self) -> Any:
        with patience():
            return self._cluster.add_node(num_cpus=1, object_store_memory=STORE)

    def remove(self) -> None:
        """The last one, with all that runs there, as if its plug were pulled."""
        self._cluster.remove_node(self.nodes.pop(), allow_graceful=False)


@contextmanager
def patience() -> Iterator[None]:
    """Ray gives a raylet 30 s to appear and leaves its processes behind if it does not; a busy machine needs longer."""
    from ray._private import services

    asked = services.get_node

    def get_node(*words: Any) -> Any:
        deadline = time.monotonic() + START_S
        while True:
            try:
                return asked(*words)
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    services.get_node = get_node
    try:
        yield
    finally:
        services.get_node = asked


@contextmanager
def nodes() -> Iterator[Nodes]:
    ray = load_ray()
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "object_store_memory": STORE, "include_dashboard": False, "_system_config": PATIENT}
    with patience():
        cluster = Cluster(initialize_head=True, head_node_args=head)
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


def raylets_below(pid: int) -> list[int]:
    """Those of the cluster that this process has started."""
    import psutil

    try:
        below = psutil.Process(pid).children(recursive=True)
        return [process.pid for process in below if process.name() == "raylet"]
    except psutil.NoSuchProcess:
        return []


def kill_an_actor() -> None:
    """Once one is there."""
    while not (there := actors()):
        time.sleep(0.02)
    os.kill(there[0], signal.SIGKILL)
