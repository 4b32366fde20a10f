"""Runs whose truth is known, and what the ablation table and its comparisons make of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from ablation_rows import BOTH, NUM, arm, computed, difference, misled, record, row_of, run, stage, whole

from insightv_bench.leaderboard.ablations import write_ablations
from insightv_bench.leaderboard.ablations.records import Ablations


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Ablations:
    """Two seeds: the two agents gain 10 points in one and 20 in the other."""
    folder = tmp_path_factory.mktemp("runs")
    return computed(run(folder / "b", 1, whole(1, 20)), run(folder / "a", 0, whole(0, 10)))


@pytest.mark.slow
def test_the_table_holds_sampled_and_greedy_side_by_side(found: Ablations) -> None:
    row = row_of(found, "sft", "reason")
    assert row.sampled and row.greedy and row.name.endswith("reasoning agent alone (= copying the path)")
    assert (row.sampled.value, row.sampled.n, row.sampled.num_questions) == (pytest.approx(0.6), 1200, 400)
    assert (row.greedy.value, row.greedy.n, row.tokens, row.seeds) == (pytest.approx(0.7), 400, 40, (0, 1))
    both = row_of(found, "sft", BOTH)
    assert both.exact and both.exact.value == 1 and both.flawed and both.flawed.value == pytest.approx(0.45)
    assert found.num_paths == 3 and row_of(found, "sft", "majority").name.endswith("majority of 3 paths")


def test_the_table_has_a_fixed_order_and_no_greedy_rows(found: Ablations) -> None:
    order = [(row.system, row.arm) for row in found.table]
    sft = [("sft", name) for name in ("direct", "reason", "majority", BOTH)]
    rest = ["dpo-1", "dpo-2", "rejection-1", "rejection-2", "continued-sft-dpo"]
    controls = [("continued-sft", "reason"), ("optimal-only", BOTH)]
    assert order == [("base", "base"), *sft, *controls, *((system, "reason") for system in rest)]


def test_copies_of_a_question_make_an_interval_no_narrower(found: Ablations) -> None:
    """Three samples that stand or fall together are as wide as one."""
    sampled, one = row_of(found, "sft", "reason").sampled, row_of(found, "sft", "direct").sampled
    assert sampled and one
    assert sampled.high - sampled.low == pytest.approx(2 * 1.96 * (0.6 * 0.4 / 400) ** 0.5, rel=0.1)


def test_two_seeds_are_pooled_for_these_trainings_and_show_little_of_others(found: Ablations) -> None:
    row = difference(found, f"sft: {BOTH}", "sft: reason")
    assert row.difference == pytest.approx(0.15, abs=0.003) and row.low < 0 < row.high and row.n == 400
    assert row.seeds == (0, 1) and row.seed_differences == (pytest.approx(0.1), pytest.approx(0.2))
    assert row.outcome == "tie" and row.p > 0.05 and row.heterogeneity_p and row.heterogeneity_p < 0.05
    assert row.pooled_low and row.pooled_high and row.pooled_p is not None
    assert row.pooled_difference == pytest.approx(0.15) and 0 < row.pooled_low < 0.15 < row.pooled_high
    assert row.pooled_p < 0.001 and row.seeds_needed and row.seeds_needed > 10
    greedy = difference(found, f"sft-greedy: {BOTH}", "sft-greedy: reason", "greedy")
    assert (greedy.difference, greedy.n, greedy.outcome) == (pytest.approx(0.2), 400, "tie")


@pytest.mark.slow
def test_what_every_seed_shows_is_a_claim_about_others(tmp_path: Path) -> None:
    runs = [run(tmp_path / f"{seed}", seed, whole(seed, 20)) for seed in range(4)]
    row = difference(computed(*runs), f"sft: {BOTH}", "sft: reason")
    assert row.difference == pytest.approx(0.2) and 0.1 < row.low < 0.2 < row.high < 0.3 and row.p < 0.01
    assert (row.outcome, row.verdict, row.seed_spread) == ("higher", "higher, in 4 of 4 seeds", 0)


def test_several_replies_a_question_are_compared_with_one(found: Ablations) -> None:
    row = difference(found, f"sft: {BOTH}", "sft: majority")
    assert (row.pooled_difference, row.outcome) == (pytest.approx(-0.05), "tie")
    assert row.seed_differences == (pytest.approx(-0.1), pytest.approx(0.0))
    assert difference(found, "sft: reason", "base: base").difference == pytest.approx(0.4)


def test_no_difference_is_said_to_be_none(found: Ablations) -> None:
    row = difference(found, "dpo-2: reason", "continued-sft-dpo: reason")
    assert (row.difference, row.outcome, row.detectable is not None) == (0.0, "tie", True)
    assert row.verdict.startswith("not told apart over 2 trainings; smallest detectable")
    assert difference(found, "dpo-2: reason", "rejection-2: reason").difference == pytest.approx(0.1)
    assert difference(found, "dpo-1: reason", "sft: reason").difference == pytest.approx(0.05)


def test_more_steps_and_pooled_pairs_are_compared_with_what_they_question(tmp_path: Path) -> None:
    rows = [*arm(0, "reason", 60), *arm(0, "reason", 75, 1, "dpo-1")]
    rows += [*arm(0, "reason", 62, 1, "longer-sft"), *arm(0, "reason", 70, 1, "pooled-dpo")]
    made = computed(run(tmp_path / "a", 0, rows))
    assert difference(made, "longer-sft: reason", "sft: reason").difference == pytest.approx(0.02)
    assert difference(made, "dpo-1: reason", "pooled-dpo: reason").difference == pytest.approx(0.05)
    assert [row.system for row in made.table] == ["sft", "longer-sft", "dpo-1", "pooled-dpo"]


def test_rounds_of_each_kind_stand_beside_the_dpo_round(tmp_path: Path) -> None:
    runs = []
    for seed in (3, 4, 5):
        rows = [*arm(seed, "reason", 60), *arm(seed, "reason", 75, 1, "dpo-1"), *arm(seed, "reason", 70, 1, "grpo-1")]
        rows += [*arm(seed, "reason", 65, 1, "rejection-1"), *arm(seed, "reason", 62, 1, "continued-sft-dpo")]
        runs.append(run(tmp_path / str(seed), seed, rows, recipe="grpo"))
    made = computed(*runs)
    assert [row.system for row in made.table] == ["sft", "dpo-1", "grpo-1", "rejection-1", "continued-sft-dpo"]
    gains = {"grpo-1": 0.05, "rejection-1": 0.10, "continued-sft-dpo": 0.13}
    for system, gain in gains.items():
        assert difference(made, "dpo-1: reason", f"{system}: reason").difference == pytest.approx(gain)


def test_flaws_are_compared_one_by_one(found: Ablations) -> None:
    exact = difference(found, "sft: oracle", "sft: flawed (perception)")
    assert exact.difference == pytest.approx(0.6) and exact.name == "exact path against flaw: perception"
    following = difference(found, "sft: misled (arithmetic)", "sft: followed (arithmetic)")
    assert following.difference == pytest.approx(0.5)
    optimal = difference(found, "optimal-only: flawed", "sft: flawed")
    assert (optimal.difference, optimal.outcome) == (pytest.approx(-0.45), "lower")
    followed = {(row.system, row.flaw): row.follow for row in found.flaws}
    sft, only = followed["sft", "perception"], followed["optimal-only", "perception"]
    assert sft and only and (sft.value, only.value) == (pytest.approx(0.6), 1.0)


def test_what_takes_the_chance_out_of_an_answer_is_told_apart(tmp_path: Path) -> None:
    rows = arm(0, "reason", 60, 3) + arm(0, BOTH, 70, 3) + arm(0, "sampled-summary", 62, 3)
    rows += arm(0, "likeliest", 66) + arm(0, "most-certain", 68) + arm(0, "reason", 74, 1, "sft-greedy")
    found = computed(run(tmp_path / "a", 0, rows))
    both = f"sft: {BOTH}"
    assert difference(found, "sft: sampled-summary", "sft: reason").difference == pytest.approx(0.02)
    greedy = difference(found, both, "sft-greedy: reason")
    assert greedy.difference == pytest.approx(-0.04) and greedy.name.endswith("against one greedy path")
    assert difference(found, both, "sft: likeliest").name == "both agents against the likeliest of 3 paths"
    assert difference(found, both, "sft: most-certain").difference == pytest.approx(0.02)


def test_a_flaw_held_out_is_compared_with_who_saw_it_and_with_who_saw_none(tmp_path: Path) -> None:
    rows = arm(0, BOTH, 60) + misled(0, 80, flaw="arithmetic") + misled(0, 80)
    rows += misled(0, 60, "held-out-arithmetic", flaw="arithmetic") + misled(0, 80, "held-out-arithmetic")
    rows += misled(0, 10, "without-flaws", flaw="arithmetic") + misled(0, 10, "without-flaws")
    rows += misled(0, 70, "without-own-wrong", flaw="arithmetic") + misled(0, 70, "without-own-wrong")
    found = computed(run(tmp_path / "a", 0, rows))
    held = "held-out-arithmetic: flawed (arithmetic)"
    assert difference(found, held, "sft: flawed (arithmetic)").difference == pytest.approx(-0.2)
    transfer = difference(found, held, "without-flaws: flawed (arithmetic)")
    assert transfer.difference == pytest.approx(0.5) and transfer.outcome == "higher"
    assert difference(found, "without-flaws: flawed", "sft: flawed").difference == pytest.approx(-0.7)
    assert difference(found, "without-own-wrong: flawed", "sft: flawed").difference == pytest.approx(-0.1)
    names = {row.system: row.system_name for row in found.table}
    assert names["held-out-arithmetic"] == "summary agent that never saw flaw arithmetic"


def test_a_flaw_stands_below_the_exact_path_where_it_changes_the_answer(found: Ablations, tmp_path: Path) -> None:
    below = {(row.system, row.flaw): row.below_exact for row in found.flaws}
    near = below["sft", "perception"]
    assert near and near.difference == pytest.approx(0.6) and near.low < 0.6 < near.high and near.n == 400
    assert below["optimal-only", "perception"] is None  # it was shown no exact path
    changed = {"s0q1", "s0q2"}
    rows = [row for row in misled(0, 50, planted_answer="7", path_correct=True) if row.question_id not in changed]
    rows += [row for row in misled(0, 0) if row.question_id in changed] + arm(0, "oracle", 100)
    near = computed(run(tmp_path / "a", 0, rows)).flaws[0].below_exact
    assert near and (near.difference, near.n) == (1.0, 2)


def test_a_flaw_with_and_without_its_consequences_is_two(tmp_path: Path) -> None:
    rows = arm(0, "oracle", 90) + misled(0, 40)
    rows += [row.model_copy(update={"propagated": False, "path": "other"}) for row in rows if row.arm == "flawed"]
    assert [row.flaw for row in computed(run(tmp_path / "a", 0, rows)).flaws] == [
        "perception, not propagated",
        "perception, propagated",
    ]


def test_p_is_adjusted_over_the_comparisons_of_the_same_two_systems(found: Ablations) -> None:
    for row in found.comparisons:
        assert row.p_raw <= row.p <= min(1, row.p_raw * row.family_size)
        assert (row.outcome == "tie") == (row.low <= 0 <= row.high) or 0 in (row.low, row.high)


def test_a_question_that_two_seeds_share_is_one_question(tmp_path: Path) -> None:
    """Twice the same rows: the difference stays, and certainty does not grow."""
    rows = arm(0, "reason", 60) + [record(q, BOTH, q % 10 < 7, question_id=f"s0q{q}") for q in range(NUM)]
    one = computed(run(tmp_path / "a", 0, rows)).comparisons[0]
    two = computed(tmp_path / "a", run(tmp_path / "b", 1, rows)).comparisons[0]
    assert (two.n, two.difference) == (one.n, pytest.approx(one.difference)) and one.n == NUM
    assert two.pooled_low is not None and two.pooled_high is not None
    assert two.pooled_high - two.pooled_low == pytest.approx(one.high - one.low, rel=0.1)
    assert two.low <= two.pooled_low and two.high >= two.pooled_high


def test_pairs_are_made_within_a_seed(tmp_path: Path) -> None:
    """Seed 1 has no paths of two agents: its easy questions say nothing of the difference."""
    first = arm(0, "reason", 50) + arm(0, BOTH, 60)
    made = computed(run(tmp_path / "a", 0, first), run(tmp_path / "b", 1, arm(1, "reason", 100)))
    row = difference(made, f"sft: {BOTH}", "sft: reason")
    assert (row.difference, row.n, row.seeds, row.verdict) == (pytest.approx(0.1), NUM, (0,), "higher")
    assert any("Seed 1 has no rows of `sft: reason+summary`" in note for note in made.notes)


def test_what_was_not_evaluated_is_left_out(tmp_path: Path) -> None:
    made = computed(run(tmp_path / "a", 0, arm(0, "base", 20, system="base")))
    assert [row.name for row in made.table] == ["base model: no path"]
    assert made.comparisons == () == made.flaws and made.num_paths == 1
    file = write_ablations([tmp_path / "a"], tmp_path / "out")
    assert "base model: no path | 20.0 [" in file.read_text()


def test_a_system_that_is_not_in_the_plan_is_shown_last(tmp_path: Path) -> None:
    rows = arm(0, "direct", 50, system="mine|<b>") + arm(0, "direct", 50)
    made = computed(run(tmp_path / "a", 0, [row for row in rows if row.system == "sft"]))
    assert len(made.table) == 1
    folder = run(tmp_path / "b", 0, [])
    stage(folder, "x", rows, "1")
    file = write_ablations([folder], tmp_path / "out")
    lines = [line for line in file.read_text().splitlines() if "| `" in line]
    assert len(lines) == 2 and "`mine\\|<b>`" in lines[1] and "mine&#124;&#60;b&#62;: summary agent" in lines[1]
