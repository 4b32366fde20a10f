"""A run that was made before stages had kinds is found whole, and goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_walk import SMALL

from insightv_bench.plan import plan
from insightv_bench.runs import place
from insightv_bench.settings import Recipe, load_recipe
from insightv_bench.stages import KINDS, earlier, stage

MANIFESTS = json.loads(Path(__file__).with_name("earlier_walk.json").read_text(encoding="utf-8"))
"""Of a walk with three controls, as version 0.1.0 wrote them, in short."""
TEACHER = "paths.sampling.repetition_penalty=1.05"
"""A default of then."""
CONTROLS = "controls=[optimal-only, longer-sft, single-model]"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    for name, manifest in MANIFESTS.items():
        folder = tmp_path / "stages" / name
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(json.dumps({**manifest, "seed": 0, "files": {}}), encoding="utf-8")
    return tmp_path


def found(run: Path, recipe: Recipe) -> dict[str, str]:
    """Stage -> the finished folder that it is found in; stages to do are left out."""
    places = place(recipe, run, plan(recipe))
    return {name: folder.name for name, folder in places.items() if folder.exists()}


@pytest.fixture
def code_of_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "code_versions", lambda: {**earlier.VERSIONS, "defaults": "defaults@1"})


@pytest.mark.usefixtures("code_of_then")
def test_every_stage_is_found_in_the_folder_that_it_was_left_in(run: Path) -> None:
    recipe = load_recipe("walk", [*SMALL, TEACHER, CONTROLS])
    places = found(run, recipe)
    assert sorted(places.values()) == sorted(MANIFESTS)
    assert list(places) == [stage.name for stage in plan(recipe)]


@pytest.mark.usefixtures("code_of_then")
def test_what_another_recipe_wants_is_not_found_nor_what_follows_from_it(run: Path) -> None:
    everything = found(run, load_recipe("walk", [*SMALL, TEACHER, CONTROLS]))
    another = found(run, load_recipe("walk", [*SMALL, TEACHER, CONTROLS, "summary.trainer.max_steps=16"]))
    lost = set(everything) - set(another)
    assert {"train-summary", "eval-sft", "leaderboard"} <= lost and not {"train-longer-sft", "eval-base"} & lost
    assert {"train-base", "train-reason", "train-dpo-1", "corpora-summary"} <= set(another)
    assert not found(run, load_recipe("walk", [*SMALL, TEACHER, CONTROLS, "seed=1"]))


def test_another_reader_of_answers_leaves_alone_what_reads_none(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = {**earlier.VERSIONS, "defaults": "defaults@1", "answers": "answers@99"}
    monkeypatch.setattr(stage, "code_versions", lambda: now)
    places = found(run, load_recipe("walk", [*SMALL, TEACHER, CONTROLS]))
    assert {"lessons", "train-base"} <= set(places) and not {"questions-test", "assess-teacher"} & set(places)


@pytest.mark.usefixtures("code_of_then")
def test_a_folder_whose_manifest_was_changed_is_not_taken_for_what_it_says(run: Path) -> None:
    name = next(name for name in MANIFESTS if name.startswith("train-base-"))
    file = run / "stages" / name / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["settings"]["trainer"]["max_steps"] = 7
    file.write_text(json.dumps(manifest), encoding="utf-8")
    recipe = load_recipe("walk", [*SMALL, TEACHER, CONTROLS, "base.trainer.max_steps=7"])
    assert "train-base" not in found(run, recipe)


def test_every_place_that_a_stage_ran_at_is_a_kind_of_today() -> None:
    assert set(earlier.FUNCTIONS.values()) <= set(KINDS)  # kinds that came later never had such a place
