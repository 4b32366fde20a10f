"""What `RESULTS` names: a run, an evaluation's folder, a submission, or a data set of results on the Hub."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from insightv_bench.errors import HubError, RunError
from insightv_bench.hub import snapshot
from insightv_bench.results import evaluations

REPOSITORY = re.compile(r"\w[\w.-]*/\w[\w.-]*(@[\w./-]+)?")
ROWS = ("*.parquet", "*.json")
"""Of a repository: rows, manifests and figures, no images and no code."""


def find(results: Sequence[str]) -> tuple[list[Path], list[str]]:
    """The folders that hold evaluation rows, each once, and notes on what was left out or read from the Hub.

    Raises RunError or HubError where there is nothing at a place.
    """
    folders: dict[Path, None] = {}
    notes: list[str] = []
    for result in results:
        place = Path(result)
        if place.exists():
            places, remarks = evaluations(place) if place.is_dir() else ([place], [])
            folders.update(dict.fromkeys(places))
            notes += remarks
        else:
            folder, note = from_hub(result)
            folders[folder] = None
            notes.append(note)
    return list(folders), notes


def from_hub(result: str) -> tuple[Path, str]:
    """`ORG/NAME` or `ORG/NAME@REVISION` as a folder in the client's cache, and the commit in words."""
    if not REPOSITORY.fullmatch(result):
        raise RunError(f"no results at `{result}`", "name a run's folder, or a data set on the Hub as ORG/NAME")
    name, _, revision = result.partition("@")
    try:
        folder, commit = snapshot(name, revision, ROWS)
    except HubError as error:
        fact = f"no results at `{result}`: there is no such folder here, and on the Hub {error.fact}"
        raise RunError(fact, "name a run's folder; or " + error.hint) from error
    return folder, f"`{name}` was read from the Hub at {commit}."
