"""Who imports whom, in numbers: `python tests/house_counts.py` prints them, `test_house.py` holds them.

Modules are read, never imported. A package here is a package or a module at the first level of the ground floor
(`insightv_bench.engines`, `insightv_bench.records`) or of a room (`leaderboard.page`).
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
GROUND, ROOMS = "insightv_bench", ("builders", "trainers", "evals", "leaderboard")
ORDER = (
    *("arms", "records", "errors", "escape", "lazy", "keys", "environment"),
    *(
        "statistics",
        "controls",
        "storage",
        "shipped",
        "chat",
        "protocol",
        "judge_replies",
        "answers",
        "world",
        "sources",
        "hub",
        "profiles",
        "settings",
        "journal",
    ),
    *("engines", "judging", "flaws", "agents", "stages", "results", "plan", "cluster", "serving", "runs", "cli"),
    "__main__",
)
"""The ground floor from the ground up: a package imports only what stands before it. docs/architecture.md says why."""


class Import(NamedTuple):
    """One imported module or name, as it is written and as what it is."""

    importer: str
    target: str
    """A module or a package."""
    name: str
    """Of what is imported from it; empty where it is the module."""
    relative: bool


def sources(*folders: str) -> list[Path]:
    return sorted(file for folder in folders or (GROUND, *ROOMS) for file in (ROOT / folder).rglob("*.py"))


def module_of(file: Path) -> str:
    """Its dotted name from the root, `leaderboard.page.build`; a package's file is the package."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, Path]:
    return {module_of(file): file for file in sources()}


def is_package(module: str) -> bool:
    return modules()[module].name == "__init__.py"


def home(module: str) -> str:
    """The package whose folder holds it; a package is at home in itself."""
    return module if is_package(module) else module.rpartition(".")[0]


def group(module: str) -> str:
    """`insightv_bench.engines.hf.model` -> `insightv_bench.engines`."""
    return ".".join(module.split(".")[:2])


@cache
def imports() -> tuple[Import, ...]:
    """Of ours by ours, wherever in a file they stand."""
    return tuple(each for module, file in modules().items() for each in _imports(module, file))


def _imports(module: str, file: Path) -> Iterator[Import]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if target := _ours(alias.name):
                    yield Import(module, target, "", False)
        if isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = home(module).split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [node.module])])
            for alias in node.names:
                inner, target = _ours(f"{base}.{alias.name}"), _ours(base)
                if inner in modules() and alias.name not in _exported(target):
                    yield Import(module, inner, "", bool(node.level))
                elif target:
                    yield Import(module, target, alias.name, bool(node.level))


@cache
def _exported(package: str) -> set[str]:
    """What a face takes from its modules: of `runs.run` it shows the function, not the module."""
    tree = ast.parse(modules()[package].read_text(encoding="utf-8"))
    return {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}


def _ours(name: str) -> str:
    """From the root; installed, a room is a package inside the ground floor. Empty where it is somebody else's."""
    parts = name.split(".")
    if parts[:1] == [GROUND] and parts[1:2] and parts[1] in ROOMS:
        parts = parts[1:]
    return ".".join(parts) if parts[0] in (GROUND, *ROOMS) else ""


def arrows() -> dict[str, set[str]]:
    """Package -> the packages that it imports."""
    graph: dict[str, set[str]] = {group(module): set() for module in modules()}
    for each in imports():
        if group(each.importer) != group(each.target):
            graph[group(each.importer)].add(group(each.target))
    return graph


def running_up() -> list[str]:
    """Arrows of the ground floor to a package that does not stand before the importer in `ORDER`."""
    place = {f"{GROUND}.{name}": number for number, name in enumerate(ORDER)} | {GROUND: -1}
    return sorted(
        f"{package} -> {target}"
        for package, targets in arrows().items()
        for target in targets
        if package in place and (target not in place or place[target] >= place[package])
    )


def circle() -> list[str]:
    """A circle of packages that import each other; empty where there is none."""
    try:
        TopologicalSorter(arrows()).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def floors(top: str) -> int:
    """The longest chain of packages in which each imports the next. The command's entry is no floor."""
    graph = {package: targets for package, targets in arrows().items() if package.split(".")[0] == top}
    graph.pop(f"{GROUND}.__main__", None)
    heights: dict[str, int] = {}
    for package in TopologicalSorter(graph).static_order():
        heights[package] = 1 + max((heights[target] for target in graph.get(package, ()) if target in graph), default=0)
    return max(heights.values())


def folder_sizes() -> dict[str, int]:
    """Folder -> its modules, faces apart; scripts of the page are modules too."""
    sizes: dict[str, int] = {}
    for file in [*sources(), *(ROOT / "leaderboard").rglob("*.js")]:
        if file.name != "__init__.py":
            folder = str(file.parent.relative_to(ROOT))
            sizes[folder] = sizes.get(folder, 0) + 1
    return sizes


def num_lines() -> int:
    """Of Python and of the page's scripts, without tests."""
    files = [*sources(), *(ROOT / "leaderboard").rglob("*.js")]
    return sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)


def counts() -> dict[str, int]:
    sizes = folder_sizes()
    largest = max(sizes, key=lambda folder: sizes[folder])
    has_circle = bool(circle())
    return {
        f"modules in the largest folder ({largest})": sizes[largest],
        **{f"floors of {top}": 0 if has_circle else floors(top) for top in (GROUND, *ROOMS)},
        "circles": int(has_circle),
        "imports that run up": len(running_up()),
        "lines of source": num_lines(),
    }


if __name__ == "__main__":
    for name, number in counts().items():
        sys.stdout.write(f"{number:>7,}  {name}\n")
    for line in [*running_up(), *circle()]:
        sys.stdout.write(f"         {line}\n")
