"""The rules of the house: who imports whom, what an import loads, which names are exported, what a wheel holds."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import insightv_bench as iv
from insightv_bench.lazy import load_function
from insightv_bench.plan import plan
from insightv_bench.settings import load_recipe, recipe_names
from insightv_bench.stages import KINDS

ROOT = Path(__file__).parents[1]
ROOMS = ("builders", "trainers", "evals", "leaderboard")
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


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(file: Path, top_level: bool = False) -> list[tuple[int, str]]:
    """(level, module) of each import; `top_level` leaves out those inside functions and `if TYPE_CHECKING`."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    nodes = tree.body if top_level else list(ast.walk(tree))
    found = [(0, alias.name) for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return found + [(node.level, node.module or "") for node in nodes if isinstance(node, ast.ImportFrom)]


@pytest.mark.parametrize("file", sources("insightv_bench"), ids=lambda file: str(file.relative_to(ROOT)))
def test_the_ground_floor_imports_no_room(file: Path) -> None:
    for level, module in imported(file):
        parts = module.removeprefix("insightv_bench.").split(".")
        assert level or parts[0] not in ROOMS, f"{file.name} imports {module}"


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_the_ground_floor_and_itself_alone(room: str) -> None:
    for file in sources(room):
        for level, module in imported(file):
            if level:
                assert level <= len(file.relative_to(ROOT).parts) - 1, f"{file} leaves its room"
                continue
            first, _, rest = module.partition(".")
            assert first not in ROOMS, f"{file} imports {module}"
            assert not (first == "insightv_bench" and rest.split(".")[0] in ROOMS), f"{file} imports {module}"


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
        + ["open_engine", "read_answer", "match_answer", "parse_path", "render_path", "read_rows", "run_recipe"]
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
