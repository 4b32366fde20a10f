"""Claims written down before figures: kept by the evaluations, told from those that were changed or added since."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ablation_rows import BOTH, arm, computed, run
from typer.testing import CliRunner

from insightv_bench.cli.main import app
from insightv_bench.errors import InsightvError, RecipeError
from insightv_bench.leaderboard.ablations.build import compute
from insightv_bench.leaderboard.ablations.records import ClaimRow
from insightv_bench.leaderboard.ablations.runs import read_runs
from insightv_bench.records import EvalRecord
from insightv_bench.settings import Preregistration, load_preregistration, load_recipe

GAIN = {"says": "Two agents do better.", "a": "sft: reason", "b": f"sft: {BOTH}"}
SAME = {"says": "Level.", "a": "sft: reason", "b": "continued-sft: reason", "shows": "level", "margin": 0.05}
BEFORE: dict[str, Any] = {
    "version": "1",
    "date": "2026-12-01",
    "recipe_version": "2",
    "seeds": [0, 1, 2],
    "num": 200,
    "stopping": "When all three seeds are done.",
    "claims": {"gain": GAIN, "same": SAME},
}


def registered(folder: Path, content: dict[str, Any]) -> Path:
    """The run as its evaluations would have left it, had they been told of these claims."""
    kept = Preregistration.model_validate(content).kept()
    for file in folder.glob("stages/*/manifest.json"):
        manifest = json.loads(file.read_text())
        file.write_text(json.dumps({**manifest, "totals": {"prereg": kept}}))
    return folder


def answered(seed: int) -> list[EvalRecord]:
    """Two agents gain ten points, more of one of them nothing."""
    both = arm(seed, "direct", 20) + arm(seed, "reason", 60) + arm(seed, BOTH, 70)
    return both + arm(seed, "reason", 60, 1, "continued-sft")


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    return [registered(run(tmp_path / f"s{seed}", seed, answered(seed)), BEFORE) for seed in (0, 1, 2)]


def claims(runs: list[Path], today: dict[str, Any] | None = None) -> dict[str, ClaimRow]:
    read = Preregistration.model_validate(today) if today else None
    return {row.name: row for row in compute(read_runs(runs), read).claims}


def test_a_claim_of_the_manifests_is_preregistered_and_says_what_its_figures_show(runs: list[Path]) -> None:
    found = claims(runs)
    assert {row.registration for row in found.values()} == {"before"}
    gain, same = found["gain"], found["same"]
    assert gain.verdict.startswith("shown: +10.0 [") and gain.p is not None and gain.p < 0.05
    is_within = same.low is not None and same.low > -0.05 and same.high is not None and same.high < 0.05
    assert same.verdict.startswith("level, within 5.0 points") == is_within == (same.p is not None and same.p < 0.05)
    assert computed(*runs).prereg_hash == Preregistration.model_validate(BEFORE).hash


def test_level_is_said_only_where_the_interval_lies_within_the_margin(tmp_path: Path) -> None:
    only = {**BEFORE, "seeds": [0]}
    one = registered(run(tmp_path / "a", 0, answered(0)), only)
    same = claims([one])["same"]
    assert same.verdict.startswith("level, within 5.0 points: +0.0 [") and same.p is not None and same.p < 0.05
    tight = {**only, "claims": {"same": {**SAME, "margin": 0.001}}}
    narrow = claims([registered(one, tight)])["same"]
    assert narrow.verdict.startswith("not shown to be level") and narrow.p is not None and narrow.p > 0.05


def test_a_claim_that_was_changed_added_or_dropped_since_is_told_as_that(runs: list[Path]) -> None:
    today = {**BEFORE, "claims": {"gain": GAIN, "same": {**SAME, "margin": 0.3}, "new": {**GAIN, "a": "sft: direct"}}}
    found = claims(runs, today)
    told = {name: row.registration for name, row in found.items()}
    assert told == {"gain": "before", "same": "changed", "new": "after"}
    dropped = claims(runs, {**BEFORE, "claims": {"same": SAME}})
    assert dropped["gain"].registration == "dropped"
    reworded = claims(runs, {**BEFORE, "claims": {"gain": {**GAIN, "says": "It is better."}, "same": SAME}})
    assert reworded["gain"].registration == "changed"
    plain = run(runs[0].parent / "plain", 3, answered(3))
    assert {row.registration for row in claims([plain], BEFORE).values()} == {"after"}


def test_nothing_is_told_before_all_seeds_are_there(runs: list[Path]) -> None:
    gain = claims(runs[:2])["gain"]
    assert gain.seeds_missing == (2,) and gain.verdict.startswith("not told before all seeds are there")


def test_a_system_that_is_absent_in_one_seed_settles_no_claim(tmp_path: Path) -> None:
    rows = {seed: [row for row in answered(seed) if seed < 2 or row.system == "sft"] for seed in (0, 1, 2)}
    found = claims([registered(run(tmp_path / f"s{seed}", seed, own), BEFORE) for seed, own in rows.items()])
    assert found["gain"].verdict.startswith("shown") and found["same"].seeds_missing == (2,)
    assert (
        found["same"].verdict.startswith("not told before all seeds are there")
        and "seed 2 lacks" in found["same"].verdict
    )


def test_the_opposite_of_a_claim_is_told_where_it_was_found(tmp_path: Path) -> None:
    worse = {"says": "One agent does better.", "a": f"sft: {BOTH}", "b": "sft: reason"}
    near = {**worse, "shows": "no worse", "margin": 0.01}
    level = {**worse, "a": "sft: direct", "shows": "level", "margin": 0.05}
    tie = {**worse, "a": "sft: reason", "b": "continued-sft: reason"}
    shown = {"worse": worse, "near": near, "level": level, "tie": tie, "gain": GAIN}
    one = registered(run(tmp_path / "a", 0, answered(0)), {**BEFORE, "seeds": [0], "claims": shown})
    found = claims([one])
    for name in ("worse", "near", "level"):
        assert found[name].verdict.startswith("the opposite was found: "), name
        assert found[name].p == 1.0
    assert found["tie"].verdict.startswith("not shown") and found["gain"].verdict.startswith("shown")


def test_every_claim_and_comparison_is_printed_as_a_sentence(runs: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    reply = CliRunner().invoke(app, ["leaderboard", "ablations", *map(str, runs), "--out", str(out)])
    assert reply.exit_code == 0, reply.output
    lines = (out / "sentences.md").read_text().splitlines()
    assert all(line in reply.output for line in lines)
    assert lines[0].startswith("- Two agents do better. Shown: +10.0 [") and "preregistered" in lines[0]
    assert any("; higher, in 3 of 3 seeds. Exploratory." in line for line in lines)


def test_a_manifest_whose_claims_are_not_those_of_its_hash_is_refused(runs: list[Path]) -> None:
    (file, *_) = runs[0].glob("stages/*/manifest.json")
    file.write_text(file.read_text().replace('"num": 200', '"num": 100'))
    with pytest.raises(InsightvError, match="is not the one that its hash names"):
        claims(runs)


def test_the_table_says_which_claims_were_there_before(runs: list[Path], tmp_path: Path) -> None:
    today = tmp_path / "claims.yaml"
    today.write_text(json.dumps({**BEFORE, "claims": {"gain": GAIN, "same": {**SAME, "margin": 0.3}}}))
    command = ["leaderboard", "ablations", *map(str, runs), "--out", str(tmp_path / "out"), "--prereg", str(today)]
    reply = CliRunner().invoke(app, command)
    assert reply.exit_code == 0, reply.output
    text = (tmp_path / "out" / "ablations.md").read_text()
    assert "changed since the figures" in text and "preregistered" in text and "exploratory" in text


def test_a_run_that_is_no_part_of_what_was_written_down_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "claims.yaml"
    file.write_text(json.dumps({**BEFORE, "seeds": [3], "num": 1000}))
    recipe = load_recipe("method", [f"prereg={file}"])
    assert recipe.prereg and recipe.prereg.hash == load_preregistration(file).hash
    for change, words in [
        ("seed=4", "names the seeds 3, not 4"),
        ('version="3"', "`version` 2"),
        ("questions.test.num=9", "1000"),
    ]:
        with pytest.raises(RecipeError, match=words):
            load_recipe("method", [f"prereg={file}", change])
    for broken, words in [("a: [", "cannot be read"), ("3", "holds no preregistration")]:
        file.write_text(broken)
        with pytest.raises(RecipeError, match=words):
            load_preregistration(file)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"a": "sft"}, "SYSTEM:ARM"), ({"margin": 0.1}, "belongs to"), ({"shows": "level", "margin": None}, "belongs to")],
)
def test_a_claim_that_says_too_little_is_one_line(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    file = tmp_path / "claims.yaml"
    file.write_text(json.dumps({**BEFORE, "claims": {"gain": {**GAIN, **change}}}))
    with pytest.raises(RecipeError, match=words):
        load_preregistration(file)


def test_the_projects_own_preregistration_fits_its_recipe() -> None:
    file = Path(__file__).parents[1] / "docs" / "prereg" / "ablations-2.yaml"
    seeds = ",".join(map(str, load_preregistration(file).seeds))
    assert load_recipe("ablations", [f"prereg={file}", f"seeds=[{seeds}]"]).prereg
