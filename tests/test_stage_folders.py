"""A stage's folder is named by its settings, inputs and seed: what changes one changes those that follow from it."""

from __future__ import annotations

from pathlib import Path as Place

import pytest

from insightv_bench.plan import plan
from insightv_bench.settings import AssessSettings, TrainSettings, load_recipe
from insightv_bench.stages import Stage, fingerprint


def folders_of(*overrides: str, of: str = "walk") -> dict[str, str]:
    """The folder's name of each stage, with no run."""
    recipe, names = load_recipe(of, list(overrides)), dict[str, Place]()
    for stage in plan(recipe):
        inputs = {name: names[name] for name in stage.inputs}
        names[stage.name] = Place(f"{stage.name}-{fingerprint(stage, inputs, recipe.seed)}")
    return {name: place.name for name, place in names.items()}


def test_the_same_recipe_finds_the_same_folders() -> None:
    assert folders_of() == folders_of()


@pytest.mark.parametrize(
    ("override", "changed", "same"),
    [
        ("paths.num_paths=3", {"paths-teacher", "assess-teacher", "train-reason"}, {"questions-train", "train-base"}),
        ("base.trainer.learning_rate=0.5", {"train-base", "train-reason", "paths-sft"}, {"lessons", "paths-teacher"}),
        ("world.noise_sd=9", {"questions-train", "lessons", "leaderboard"}, set()),
        ("threads=2", {"train-base", "train-dpo-2"}, {"lessons", "corpora-reasoning"}),
        ("eval.answer_sampling.max_new_tokens=25", {"eval-sft", "leaderboard"}, {"train-summary", "train-dpo-1"}),
        ("seed=1", {"questions-train", "leaderboard"}, set()),
    ],
)
def test_a_changed_setting_is_another_folder_for_all_that_follows(
    override: str, changed: set[str], same: set[str]
) -> None:
    before, after = folders_of(), folders_of(override)
    different = {name for name in before if before[name] != after[name]}
    assert changed <= different
    assert not same & different


OF_SUMMARIES = {"corpora-summary", "train-summary", "train-continued-sft", "eval-sft", "leaderboard"}
OF_PATHS = {"corpora-reasoning", "train-reason", "train-dpo-2", "train-rejection-2", "paths-eval-dpo-2"}


@pytest.mark.parametrize(
    ("override", "changed", "same"),
    [
        ("corpora.summary_shares={optimal: 0.5, flawed: 0.5}", OF_SUMMARIES, OF_PATHS | {"corpora-flawed"}),
        ("corpora.summary_num=9", OF_SUMMARIES, OF_PATHS),
        ("corpora.flawed_from=[sampled]", OF_SUMMARIES, OF_PATHS),
        ("flaws.weights={perception: 9}", OF_SUMMARIES | {"corpora-flawed"}, OF_PATHS),
        ("flaws.per_question=3", OF_SUMMARIES | {"corpora-flawed"}, OF_PATHS),
        ("corpora.max_paths_per_question=2", OF_PATHS | OF_SUMMARIES, {"corpora-flawed", "paths-teacher"}),
        ("corpora.high=96", OF_PATHS | OF_SUMMARIES, {"corpora-flawed", "assess-teacher"}),
        ("rounds.pairs.per_question=1", {"corpora-preference-1", "train-dpo-1"}, {"train-reason", "train-summary"}),
        ("rounds.rejection.trainer.learning_rate=1", {"train-rejection-1"}, {"train-dpo-2", "train-summary"}),
        ("agent_paths.num_paths=2", OF_SUMMARIES | {"paths-sft"}, OF_PATHS),
    ],
)
def test_a_stage_of_the_quickstart_holds_the_settings_that_it_reads(
    override: str, changed: set[str], same: set[str]
) -> None:
    """Another mix for the summary agent leaves the reasoning agent, and its rounds, as they are."""
    before, after = folders_of(of="quickstart"), folders_of(override, of="quickstart")
    different = {name for name in before if before[name] != after[name]}
    assert changed <= different
    assert not same & different


def test_sampled_flaws_are_told_apart_by_the_ranges_of_their_recipe() -> None:
    natural = "flaws={flaws: [natural, perception]}"
    before, after = folders_of(natural), folders_of(natural, "corpora.mid=60")
    assert before["corpora-flawed"] != after["corpora-flawed"]
    assert folders_of()["corpora-flawed"] == folders_of("corpora.mid=60")["corpora-flawed"]


def test_a_fingerprint_depends_on_the_function_the_options_and_the_names_of_the_inputs() -> None:
    stage = Stage("s", "room:work", AssessSettings(), options={"round": 1})
    inputs = {"a": Place("a-1"), "b": Place("b-1")}
    changes = [
        fingerprint(stage, inputs, 0),
        fingerprint(stage, {**inputs, "b": Place("b-2")}, 0),
        fingerprint(stage, inputs, 1),
        fingerprint(Stage("s", "room:other", AssessSettings(), options={"round": 1}), inputs, 0),
        fingerprint(Stage("s", "room:work", AssessSettings(judge="rule"), options={"round": 1}), inputs, 0),
        fingerprint(Stage("s", "room:work", AssessSettings(), options={"round": 2}), inputs, 0),
        fingerprint(Stage("s", "room:work", TrainSettings(trainer={"x": 1}), options={"round": 1}), inputs, 0),
    ]
    assert len(set(changes)) == len(changes)
    elsewhere = {"b": Place("/elsewhere/b-1"), "a": Place("/elsewhere/a-1")}
    assert fingerprint(stage, elsewhere, 0) == changes[0]
