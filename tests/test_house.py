"""The rules of the house: who imports whom, what an import loads, which names are exported, what a wheel holds."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from house_counts import (
    GROUND,
    ORDER,
    ROOMS,
    ROOT,
    circle,
    floors,
    folder_sizes,
    group,
    home,
    imports,
    is_package,
    module_of,
    modules,
    running_up,
    sources,
)

import insightv_bench as iv
from insightv_bench.lazy import load_function
from insightv_bench.plan import plan
from insightv_bench.settings import load_recipe, recipe_names
from insightv_bench.stages import KINDS

LARGEST_FOLDER, MOST_FLOORS = 17, 12
HEAVY = {
    "torch",
    "transformers",
    "trl",
    "datasets",
    "lm_eval",
    "seaborn",
    "matplotlib",
    "aiohttp",
    "peft",
    "pandas",
    "ray",
    "vllm",
}
OF_LM_EVAL = (ROOT / "evals" / "harness" / "model.py", ROOT / "evals" / "harness" / "question_task.py")
"""They subclass lm-eval's model and task classes, and are themselves imported inside functions only."""


def imported(file: Path, top_level: bool = False) -> list[tuple[int, str]]:
    """(level, module) of each import; `top_level` leaves out those inside functions and `if TYPE_CHECKING`."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    nodes = tree.body if top_level else list(ast.walk(tree))
    plain = [(0, alias.name) for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return plain + [(node.level, node.module or "") for node in nodes if isinstance(node, ast.ImportFrom)]


def test_the_ground_floor_imports_no_room_and_rooms_no_other_room() -> None:
    for each in imports():
        room, target = each.importer.split(".")[0], each.target.split(".")[0]
        assert target in (room, GROUND), f"{each.importer} imports {each.target}"


def test_a_package_of_the_ground_floor_imports_only_what_stands_before_it() -> None:
    assert running_up() == []
    packages = {group(module).rpartition(".")[2] for module in modules() if module.startswith(f"{GROUND}.")}
    assert packages == set(ORDER), "the order names every package, and no other"


def test_no_packages_import_each_other_in_a_circle() -> None:
    assert circle() == []


@pytest.mark.parametrize("top", (GROUND, *ROOMS))
def test_no_chain_of_packages_is_long(top: str) -> None:
    assert floors(top) <= MOST_FLOORS


def test_a_module_is_imported_by_its_own_package_and_others_take_the_packages_face() -> None:
    """A module that loads lm-eval at its top has no place in a face."""
    by_name = {module_of(file) for file in OF_LM_EVAL}
    past_the_face = [
        f"{each.importer} imports {each.target}"
        for each in imports()
        if not (is_package(each.target) or each.target in by_name or is_inside(each.importer, home(each.target)))
    ]
    assert past_the_face == []


def is_inside(module: str, package: str) -> bool:
    """The rooms stand inside the ground floor where it is installed, so its own modules are everybody's."""
    return package == GROUND or f"{module}.".startswith(f"{package}.")


def test_imports_are_relative_inside_a_package_and_absolute_between_packages() -> None:
    for each in imports():
        top = each.importer.split(".")[0]
        inside = each.target.split(".")[0] == top if top in ROOMS else group(each.importer) == group(each.target)
        assert each.relative == inside, f"{each.importer} imports {each.target}"


def test_no_private_name_of_another_module_is_imported() -> None:
    for each in imports():
        assert not is_private(each.name), f"{each.importer} imports {each.name} of {each.target}"


def test_no_folder_holds_many_modules() -> None:
    assert {folder: size for folder, size in folder_sizes().items() if size > LARGEST_FOLDER} == {}


def test_three_modules_of_one_folder_that_share_a_prefix_are_a_folder_of_their_own() -> None:
    """`verify`, `verify_rows` and `verify_figures` say `verify/`."""
    families: dict[tuple[Path, str], list[str]] = {}
    for file in sources():
        families.setdefault((file.parent.relative_to(ROOT), file.stem.partition("_")[0]), []).append(file.stem)
    assert {family: names for family, names in families.items() if len(names) > 2} == {}


def test_no_test_imports_a_private_name() -> None:
    """Neither by name, nor as an attribute of one of our modules."""
    private = {file.name: names for file in (ROOT / "tests").rglob("*.py") if (names := private_names(file))}
    assert private == {}


def private_names(file: Path) -> list[str]:
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    ours = [node for node in nodes if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == GROUND]
    aliases = [alias for node in ours for alias in node.names]
    modules = {alias.asname or alias.name for alias in aliases if alias.name[0].islower()}
    attributes = [node for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)]
    taken = [
        f"{node.value.id}.{node.attr}" for node in attributes if node.value.id in modules and is_private(node.attr)
    ]
    return [alias.name for alias in aliases if is_private(alias.name)] + taken


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def test_only_the_command_line_prints() -> None:
    """Tables are made for a console that is handed in; a run's progress goes to stderr by `stages`."""
    for file in sources():
        if module_of(file).startswith(f"{GROUND}.cli") or module_of(file) == f"{GROUND}.stages.progress":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            assert called not in ("print", "Console", "typer.echo"), f"{file.relative_to(ROOT)}:{node.lineno}"


@pytest.mark.parametrize("folder", ("insightv_bench", *ROOMS))
def test_heavy_packages_are_imported_inside_functions(folder: str) -> None:
    for file in sources(folder):
        if file in OF_LM_EVAL:
            continue
        heavy = {module.split(".")[0] for level, module in imported(file, top_level=True) if not level} & HEAVY
        assert not heavy, f"{file} imports {heavy} at its top"


@pytest.mark.parametrize(
    "statement",
    [
        "import insightv_bench",
        "from insightv_bench import cli, runs, engines, agents",
        "import insightv_bench.builders.paths",
    ],
)
def test_an_import_loads_nothing_heavy(statement: str) -> None:
    code = f"{statement}; import sys; print(*sorted({HEAVY!r} & set(sys.modules)))"
    reply = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert reply.stdout.strip() == ""


def test_the_exported_names_are_these_and_all_load() -> None:
    assert sorted(iv.__all__) == sorted(
        [
            "__version__",
            "Question",
            "Step",
            "Path",
            "Assessment",
            "EvalRecord",
            "InsightvError",
            "Recipe",
            "load_recipe",
        ]
        + [
            "open_engine",
            "read_answer",
            "match_answer",
            "parse_path",
            "read_path",
            "render_path",
            "read_rows",
            "run_recipe",
        ]
    )
    for name in iv.__all__:
        assert name == "__version__" or callable(getattr(iv, name)), f"`{name}` is hidden by a module of that name"
    with pytest.raises(AttributeError, match="no attribute `nothing`"):
        _ = iv.nothing


@pytest.mark.parametrize("name", recipe_names())
def test_every_stage_of_every_recipe_names_a_function_that_exists(name: str) -> None:
    for stage in plan(load_recipe(name)):
        assert callable(load_function(KINDS[stage.kind].function))


def test_every_room_runs_a_kind_of_stage() -> None:
    assert {kind.function.partition(".")[0] for kind in KINDS.values()} == set(ROOMS)


def test_there_is_no_bare_except_eval_or_pickle() -> None:
    for folder in ("insightv_bench", *ROOMS):
        for file in sources(folder):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ExceptHandler):
                    assert node.type is not None, f"bare except in {file}"
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    assert node.func.id not in ("eval", "exec"), f"{node.func.id} in {file}"
            assert not {module for _, module in imported(file)} & {"pickle", "dill", "cloudpickle"}, file


def test_versions_agree() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f'version = "{iv.__version__}"' in pyproject
    assert f"version: {iv.__version__}" in citation


@pytest.mark.slow
def test_a_wheel_works_outside_the_checkout(tmp_path: Path) -> None:
    """Recipes, prompts, task YAML and page assets are in it, and site-packages gets one name."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=300)
    wheel = next(tmp_path.glob("*.whl"))
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"insightv_bench"}
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run(install, check=True, capture_output=True, timeout=300)
    code = (
        "import insightv_bench, insightv_bench.evals, pathlib; from importlib.resources import files;"
        "from insightv_bench.settings.recipe import recipe_names; from insightv_bench.chat import prompt_names;"
        "from insightv_bench.leaderboard import page;"
        "assert 'walk' in recipe_names() and 'summary' in prompt_names();"
        "assert list(files('insightv_bench.evals').joinpath('tasks').iterdir());"
        "assert (files('insightv_bench') / 'py.typed').is_file();"
        "print(pathlib.Path(insightv_bench.__file__).parent)"
    )
    environment = {**os.environ, "PYTHONPATH": str(site)}
    reply = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert reply.returncode == 0, reply.stderr
    assert reply.stdout.strip() == str(site / "insightv_bench")
    run = [
        sys.executable,
        "-m",
        "insightv_bench",
        "run",
        "walk",
        "--until",
        "questions-test",
        "--out",
        str(tmp_path / "r"),
    ]
    done = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
