"""A stage's folder is named by its settings, inputs and seed: what changes one changes those that follow from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path as Place
from typing import Any

import pytest

from insightv_bench.errors import StageError
from insightv_bench.plan import plan
from insightv_bench.settings import (
    DEFAULTS,
    AssessSettings,
    OpenAIEngine,
    PairsSettings,
    Section,
    TeacherEngine,
    TrainSettings,
    load_recipe,
)
from insightv_bench.stages import KINDS, Options, RoundOptions, Stage, fingerprint


def folders_of(*overrides: str, of: str = "walk") -> dict[str, str]:
    """The folder's name of each stage, with no run."""
    recipe, names = load_recipe(of, list(overrides)), dict[str, Place]()
    for stage in plan(recipe):
        inputs = {role: names[name] for role, name in stage.inputs.items()}
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
def test_a_stage_of_the_ablations_holds_the_settings_that_it_reads(
    override: str, changed: set[str], same: set[str]
) -> None:
    """Another mix for the summary agent leaves the reasoning agent, and its rounds, as they are."""
    before, after = folders_of(of="ablations"), folders_of(override, of="ablations")
    different = {name for name in before if before[name] != after[name]}
    assert changed <= different
    assert not same & different


def test_sampled_flaws_are_told_apart_by_the_ranges_of_their_recipe() -> None:
    natural = "flaws={flaws: [natural, perception]}"
    before, after = folders_of(natural), folders_of(natural, "corpora.mid=60")
    assert before["corpora-flawed"] != after["corpora-flawed"]
    assert folders_of()["corpora-flawed"] == folders_of("corpora.mid=60")["corpora-flawed"]


def test_a_fingerprint_depends_on_the_kind_the_settings_the_options_and_the_inputs_by_role() -> None:
    def of(kind: str = "preference", round_: int = 1, settings: Any = PairsSettings(), **inputs: str) -> str:  # noqa: B008
        given = {role: Place(name) for role, name in ({"questions": "a-1", "paths": "b-1"} | inputs).items()}
        options = RoundOptions(round=round_) if kind == "preference" else Options()
        return fingerprint(Stage("s", kind, settings, dict.fromkeys(given, "x"), options), given, 0)

    changes = [
        of(),
        of(paths="b-2"),
        of(questions="b-1", paths="a-1"),
        of("chosen"),
        of(round_=2),
        of(settings=PairsSettings(min_margin=11)),
    ]
    assert len(set(changes)) == len(changes)
    assert of(paths="elsewhere/b-1") == of()


def test_moving_a_function_changes_no_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    before = folders_of()
    for name, kind in KINDS.items():
        monkeypatch.setitem(KINDS, name, replace(kind, function=f"elsewhere.{name}:moved"))
    assert folders_of() == before


def test_a_setting_at_its_default_changes_no_fingerprint() -> None:
    """So a key that is new in a recipe redoes nothing; one that is told apart from its default does."""
    assert folders_of("rounds.pairs.max_kind_share=1.0", "eval.flaws.maker=auto", "reason.patience=0") == folders_of()
    assert folders_of("rounds.pairs.max_kind_share=0.5") != folders_of()


def test_a_union_is_told_apart_though_both_are_at_their_defaults() -> None:
    assert TeacherEngine().changes() != OpenAIEngine(model="m", base_url="x").changes()
    assert AssessSettings(engine=TeacherEngine()).changes()["engine"] == {"kind": "teacher"}


def test_a_stage_takes_the_settings_of_its_kind_alone() -> None:
    with pytest.raises(TypeError, match="of kind `assess` does not take TrainSettings"):
        Stage("s", "assess", TrainSettings())
    with pytest.raises(StageError, match="`asess` is no kind of stage"):
        Stage("s", "asess", AssessSettings())


DEFAULTS_SEEN = Place(__file__).with_name("defaults.json")


def defaults() -> dict[str, dict[str, str]]:
    """Section -> setting -> its default, of all that a recipe can say and a plan can tell."""

    def below(section: type[Section]) -> Iterator[type[Section]]:
        yield section
        for one in section.__subclasses__():
            yield from below(one)

    return {
        section.__name__: {
            name: repr(field.get_default(call_default_factory=True)) for name, field in section.model_fields.items()
        }
        for section in below(Section)
    }


def test_a_default_that_changes_raises_the_version_of_defaults() -> None:
    """Settings at their default stand in no fingerprint; a new section or a new key is no change."""
    seen, now = json.loads(DEFAULTS_SEEN.read_text(encoding="utf-8")), defaults()
    assert seen.pop("version") == DEFAULTS, "write this file anew: python tests/test_stage_folders.py"
    changed = {
        (section, name): (value, now[section][name])
        for section, settings in seen.items()
        for name, value in settings.items()
        if section in now and name in now[section] and now[section][name] != value
    }
    assert not changed, "raise `DEFAULTS` in settings/base.py, and write the file anew"


if __name__ == "__main__":
    DEFAULTS_SEEN.write_text(json.dumps({"version": DEFAULTS, **defaults()}, indent=1, sort_keys=True) + "\n")
