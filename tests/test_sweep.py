"""One recipe of several seeds and variants: which runs it is, and the table that ends each variant."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from own_recipes import files

from insightv_bench.errors import RecipeError
from insightv_bench.runs import expand, is_sweep, run_sweep
from insightv_bench.settings import load_recipe

SWEEP = """
extends: walk
name: sweep
seeds: [3, 1]
variants:
  plain: {}
  hard: {world: {noise_sd: 30}, questions: {test: {num: 11}}}
"""


def test_a_recipe_of_several_seeds_and_variants_is_several_recipes(tmp_path: Path) -> None:
    mine = files(tmp_path, mine=SWEEP)
    groups = expand(mine)
    names = [[(recipe.name, recipe.seed) for recipe in recipes] for recipes in groups]
    assert names == [[("sweep-plain", 3), ("sweep-plain", 1)], [("sweep-hard", 3), ("sweep-hard", 1)]]
    assert [recipes[0].world.noise_sd for recipes in groups] == [8, 30]
    assert not any(is_sweep(recipe, None) for recipes in groups for recipe in recipes)
    assert [[(r.name, r.seed) for r in recipes] for recipes in expand(mine, seed=7)] == [
        [("sweep-plain", 7)],
        [("sweep-hard", 7)],
    ]
    only = expand(mine, ["seeds=[9]", "variants={}", "world.noise_sd=1"])
    assert [[(r.name, r.seed, r.world.noise_sd) for r in recipes] for recipes in only] == [[("sweep", 9, 1)]]


def test_an_override_stands_over_a_variant(tmp_path: Path) -> None:
    groups = expand(files(tmp_path, mine=SWEEP), ["world.noise_sd=2", "variants.hard.questions.test.num=12"])
    assert [recipes[0].world.noise_sd for recipes in groups] == [2, 2]
    assert [recipes[0].questions["test"].model_dump()["num"] for recipes in groups] == [200, 12]


def test_one_stage_alone_works_on_the_first_seed(tmp_path: Path) -> None:
    mine = files(tmp_path, mine=SWEEP)
    assert load_recipe(mine).seed == 3
    assert load_recipe(mine, ["seed=8"]).seed == 8
    assert is_sweep(load_recipe(mine), None)
    assert not is_sweep(load_recipe(mine, ["variants={}", "seed=8"]), 8)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("seeds=[1, 1]", "a seed stands twice among `seeds`"),
        ("seeds=[-1]", "`seeds.0` in"),
        ("seeds=3", "`seeds` in"),
        ("variants.hard.name=x", "`variants.hard` cannot change `name`"),
        ("variants.Hard.seed=1", "`variants.Hard` in"),
        ("variants.hard=3", "`variants.hard` in"),
        ("variants.hard.world.nois=1", "mine.yaml: variants.hard`: `world.nois`; did you mean `noise_sd`?"),
        ("variants.hard.world.noise_sd=x", "`world.noise_sd` in `"),
    ],
)
def test_a_sweep_that_cannot_be_meant_is_an_error(tmp_path: Path, override: str, said: str) -> None:
    with pytest.raises(RecipeError) as raised:
        expand(files(tmp_path, mine=SWEEP), [override])
    assert said in raised.value.fact


def test_a_sweep_runs_each_once_and_ends_with_a_table_of_each_variant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[list[str], Path]] = []

    def write(runs: list[Path], out: Path) -> Path:
        calls.append(([run.name for run in runs], out))
        return out / "table.md"

    monkeypatch.setattr("insightv_bench.leaderboard.ablations.write_ablations", write)
    monkeypatch.setattr("insightv_bench.runs.sweep.run", lambda recipe, out, until: {"page": f"{recipe.name}.html"})
    said: list[str] = []
    groups = expand(files(tmp_path, mine=SWEEP))
    run_sweep(groups, tmp_path, "", True, said.append)
    assert calls == [
        (["sweep-plain-seed3", "sweep-plain-seed1"], tmp_path / "sweep-plain"),
        (["sweep-hard-seed3", "sweep-hard-seed1"], tmp_path / "sweep-hard"),
    ]
    assert said[0] == f"{tmp_path / 'sweep-plain-seed3'}: page sweep-plain.html"
    assert said[2] == f"Table    {tmp_path / 'sweep-plain' / 'table.md'}"
    calls.clear()
    run_sweep(groups, tmp_path, "questions-test", True, said.append)
    run_sweep(groups, tmp_path, "", False, said.append)
    assert not calls


@pytest.mark.slow
def test_the_command_runs_every_seed_and_passes_over_what_is_finished(tmp_path: Path) -> None:
    mine = files(tmp_path, mine=SWEEP)
    command = [sys.executable, "-m", "insightv_bench", "run", mine, "--until", "questions-test", "--out", str(tmp_path)]
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        assert done.stdout.splitlines() == [
            f"{tmp_path}/sweep-{name}-seed{seed}: questions-test is done"
            for name in ("plain", "hard")
            for seed in (3, 1)
        ]
    assert done.stderr == ""
    only = subprocess.run(
        [*command, "--seed", "2", "--dry-run"], capture_output=True, text=True, timeout=60, check=True
    )
    assert [line for line in only.stdout.splitlines() if "seed" in line] == [
        f"1 stages in {tmp_path}/sweep-{name}-seed2" for name in ("plain", "hard")
    ]
