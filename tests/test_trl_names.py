"""What the trainers override or reach into of other libraries is there, and stands in one place."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from insightv_bench.trainers.trl.names import NAMES, WRITTEN_FOR, Name

ROOT = Path(__file__).parents[1]
ROOM = ROOT / "trainers"


@pytest.mark.parametrize("name", NAMES, ids=lambda name: f"{name.owner}.{name.name}")
def test_a_name_that_is_reached_into_is_there(name: Name) -> None:
    module, _, attribute = name.owner.partition(":")
    owner: Any = import_module(module)
    owner = getattr(owner, attribute) if attribute else owner
    assert hasattr(owner, name.name) or name_is_written_in(owner, name.name)


def name_is_written_in(owner: Any, name: str) -> bool:
    """What an object is given when it is made, or what stands in the environment, is no attribute of its module."""
    if inspect.ismodule(owner):
        return f'"{name}"' in inspect.getsource(owner)
    bases = [base for base in owner.__mro__ if base.__module__ != "builtins"]
    return any(re.search(rf"self\.{name}\b.* = ", inspect.getsource(base)) for base in bases)


@pytest.mark.parametrize("library", WRITTEN_FOR)
def test_the_tests_run_with_the_releases_that_it_was_written_for(library: str) -> None:
    assert version(library).startswith(f"{WRITTEN_FOR[library]}.")


@pytest.mark.parametrize("library", ["trl", "transformers"])
def test_the_libraries_are_allowed_as_far_as_the_tests_ran(library: str) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    (line,) = [line for line in extras["train"] if line.startswith(f"{library}>=")]
    major, minor = (int(part) for part in WRITTEN_FOR[library].split("."))
    assert line == f"{library}>={major}.{minor},<{major}.{minor + 1}"


def private_names(file: Path) -> set[str]:
    """Of objects that are not the file's own."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and re.match(r"_[a-z]", node.attr)]
    return {node.attr for node in nodes if not (isinstance(node.value, ast.Name) and node.value.id in ("self", "os"))}


def test_only_one_package_reaches_into_other_libraries() -> None:
    for file in sorted(ROOM.rglob("*.py")):
        if file.parent.name == "trl":
            assert private_names(file) <= {name.name for name in NAMES}, file
        else:
            assert not private_names(file), file
