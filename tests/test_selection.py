"""Selections of scored paths: the same as a plain loop over rows would choose, for any scores, ties and texts."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insightv_bench.builders.assessment import groups, score_range
from insightv_bench.builders.corpora import selection
from insightv_bench.builders.corpora.scored import normalised
from insightv_bench.settings import CorporaSettings, PairsSettings

SCHEMA: dict[str, Any] = {
    "question": pl.UInt32,
    "path_id": pl.String,
    "status": pl.String,
    "text": pl.UInt64,
    "normal": pl.UInt64,
    "silent": pl.Boolean,
    "correct": pl.Boolean,
    "score": pl.Int64,
}
ROW = st.fixed_dictionaries(
    {
        "question": st.integers(0, 4),
        "path_id": st.text("abc", min_size=1, max_size=3),
        "status": st.sampled_from(["complete", "complete", "complete", "max_steps", "malformed"]),
        "text": st.integers(0, 5),
        "silent": st.booleans(),
        "correct": st.sampled_from([True, True, False, None]),
        "score": st.one_of(st.none(), st.sampled_from([1, 49, 50, 79, 80, 90, 100])),
    }
)
ROWS = st.lists(ROW, max_size=40)


def table(rows: list[dict[str, Any]]) -> tuple[pl.LazyFrame, list[dict[str, Any]]]:
    """Ids are made distinct; two texts of three differ in more than case; text 0 says nothing."""
    for place, row in enumerate(rows):
        row.update(path_id=f"{row['path_id']}{place}", normal=row["text"] // 2 or None, path=place, assessment=place)
        row["order"] = row["question"] * 100 + row["text"]
        row["score"] = row["score"] if row["correct"] else None
    more = {"path": pl.UInt32, "assessment": pl.UInt32, "order": pl.UInt64}
    return pl.LazyFrame(rows, {**SCHEMA, **more}), rows


def by_question(rows: list[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    groups = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row["question"], -(row["score"] or 0), row["path_id"])):
        groups[row["question"]].append(row)
    return groups


def range_of(row: dict[str, Any], chosen: CorporaSettings) -> str:
    if not row["correct"]:
        return "wrong" if row["correct"] is False else "unknown"
    if row["score"] is None:
        return "unscored"
    return "high" if row["score"] >= chosen.high else "mid" if row["score"] >= chosen.mid else "low"


def why_not(row: dict[str, Any], chosen: CorporaSettings, kept: set[int]) -> str:
    if row["status"] != "complete":
        return str(row["status"])
    if range_of(row, chosen) != "high":
        return f"score range {range_of(row, chosen)}"
    if len(kept) >= chosen.max_paths_per_question:
        return selection.ENOUGH
    return selection.SAME_TEXT if row["text"] in kept else ""


@given(ROWS, st.integers(1, 3))
@settings(deadline=None, max_examples=30)
def test_reasoning_keeps_the_best_distinct_paths_of_each_question(rows: list[dict[str, Any]], most: int) -> None:
    scored, rows = table(rows)
    chosen, expected = CorporaSettings(max_paths_per_question=most), []
    for group in by_question(rows).values():
        kept: set[int] = set()
        for row in group:
            reason = why_not(row, chosen, kept)
            kept |= set() if reason else {row["text"]}
            expected.append((row["question"], row["path"], row["score"], reason))
    assert selection.reasoning(selection.best_first(scored), chosen).collect().rows() == expected


def pairs_of(group: list[dict[str, Any]], chosen: PairsSettings) -> list[tuple[Any, ...]]:
    right = [row for row in group if row["correct"] and row["status"] == "complete"]
    wrong = [row for row in group if row["correct"] is False and row["normal"] is not None]
    good = [row for row in right if row["score"] is None or row["score"] >= chosen.min_chosen]
    made = [pair for pair in zip(good, wrong, strict=False) if pair[0]["normal"] != pair[1]["normal"]]
    for a, b in zip(good, reversed(right), strict=False):
        margin = (a["score"] or 0) - (b["score"] or 0) if None not in (a["score"], b["score"]) else 0
        if margin >= chosen.min_margin and a["normal"] != b["normal"]:
            made.append((a, b))
    return [(a["question"], a["path"], b["path"], a["score"], b["score"]) for a, b in made[: chosen.per_question]]


def why_no_pair(group: list[dict[str, Any]], chosen: PairsSettings) -> str:
    right = [row for row in group if row["correct"] and row["status"] == "complete"]
    if not right:
        return "no right path"
    if all((row["score"] or 100) < chosen.min_chosen for row in right):
        return "no right path that scores high enough"
    return "all paths right, no margin" if len(right) == len(group) else "no distinct pair"


def has_both(group: list[dict[str, Any]]) -> bool:
    right = any(row["correct"] and row["status"] == "complete" for row in group)
    return right and any(row["correct"] is False and row["normal"] is not None for row in group)


@given(ROWS, st.integers(1, 4), st.sampled_from([1, 60, 95]), st.sampled_from([1, 10, 40]))
@settings(deadline=None, max_examples=40)
def test_pairs_are_right_over_wrong_then_right_over_right_with_the_margin(
    rows: list[dict[str, Any]], most: int, floor: int, margin: int
) -> None:
    scored, rows = table(rows)
    chosen = PairsSettings(per_question=most, min_chosen=floor, min_margin=margin)
    groups = by_question(rows)
    expected = {question: pairs_of(group, chosen) for question, group in groups.items()}
    made = selection.pairs(selection.best_first(scored), chosen).collect()
    assert made.rows() == [pair for pairs in expected.values() for pair in pairs]
    left = selection.unpaired(scored, made.lazy(), chosen).collect().rows()
    assert left == [(q, why_no_pair(groups[q], chosen)) for q, pairs in expected.items() if not pairs]
    both = [q for q, group in groups.items() if has_both(group)]
    assert selection.paired(scored, made) == {
        "asked": len(groups),
        "right_and_wrong": len(both),
        "paired": sum(map(bool, expected.values())),
        "paired_of_those": sum(bool(expected[q]) for q in both),
    }


@given(ROWS, st.integers(0, 9))
@settings(deadline=None, max_examples=30)
def test_candidates_of_the_summary_corpus(rows: list[dict[str, Any]], num: int) -> None:
    scored, rows = table(rows)
    chosen = CorporaSettings()
    pools = {
        selection.optimal: lambda r: r["status"] == "complete" and range_of(r, chosen) == "high",
        selection.agents: lambda r: r["correct"] is not None and not r["silent"],
        selection.fallible: lambda r: (
            r["status"] != "malformed" and range_of(r, chosen) in ("mid", "low", "wrong") and r["normal"] is not None
        ),
    }
    for pool, keep in pools.items():
        first: dict[int, int] = {}
        for row in rows:
            if keep(row):
                first.setdefault(row["order"], row["path"])
        found = selection.first_of_each(pool(scored, chosen), num).collect()
        assert found["path"].to_list() == [first[order] for order in sorted(first)][:num]
        assert found["range"].to_list() == [range_of(rows[path], chosen) for path in found["path"]]


@pytest.mark.parametrize("shares", [{"optimal": -1, "flawed": 2}, {"plain": 0}])
def test_shares_that_cannot_be_meant_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must not be negative and not all 0"):
        CorporaSettings.model_validate({"summary_shares": shares})


def test_texts_that_differ_in_case_and_spaces_alone_are_one() -> None:
    assert normalised(" The  SAME\n") == normalised("the same") and not normalised(" \n")
    assert Counter(map(normalised, ["Straße", "STRASSE"])) == {"strasse": 2}


def test_a_row_has_the_same_score_range_alone_and_in_a_table() -> None:
    chosen = CorporaSettings()
    rows = [(correct, score) for correct in (True, False, None) for score in (None, *range(1, 101))]
    table = pl.DataFrame(rows, {"correct": pl.Boolean, "score": pl.Int64}, orient="row")
    assert table.select(score_range(chosen)).to_series().to_list() == [groups.range_of(*row, chosen) for row in rows]
