"""The lock file holds what the package asks for, each version with hashes; every dependency's licence is told."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PINNED = re.compile(r"^([A-Za-z0-9_.-]+)==(\S+)")


def asked_for() -> set[str]:
    """The names that pyproject.toml asks for, in every extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    named = {re.match(r"[A-Za-z0-9_.-]+", one)[0].lower() for group in groups for one in group}  # type: ignore[index]
    return named - {"insightv-bench"}


def locked() -> dict[str, str]:
    """Name -> all that the lock file says of it."""
    entries = re.split(r"^(?=\S)", (ROOT / "requirements.lock").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {found[1].lower(): entry for entry in entries if (found := PINNED.match(entry))}


def test_every_locked_package_has_a_version_and_hashes() -> None:
    entries = locked()
    assert len(entries) > 100 and asked_for() - entries.keys() == {"deepspeed"}  # it compiles where it is used
    assert all("--hash=sha256:" in entry for entry in entries.values())
    assert not [entry for entry in entries.values() if "git+" in entry or "://" in entry]


def test_the_lock_file_keeps_to_the_constraints() -> None:
    entries = locked()
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if found := PINNED.match(line):
            assert entries[found[1]].startswith(f"{found[1]}=={found[2]} "), found[1]


def test_every_dependency_has_its_licence_in_the_docs() -> None:
    table = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").split("## Licences")[1]
    told = {name for row in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE) for name in row.split(", ")}
    assert asked_for() - told == set()
