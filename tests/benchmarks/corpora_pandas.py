"""Scored paths to every corpus's index, with pandas: one table in memory, sorted, grouped and joined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scored_rows import PAIRS, settings_for, wanted


def indexes(file: Path, num_questions: int) -> dict[str, list[Any]]:
    import pandas as pd

    settings = settings_for(num_questions)
    rows = pd.read_parquet(file)
    high = rows["score"] >= settings.high
    rows["range"] = "low"
    rows.loc[rows["score"] >= settings.mid, "range"] = "mid"
    rows.loc[high, "range"] = "high"
    rows.loc[rows["score"].isna(), "range"] = "unscored"
    rows.loc[~rows["correct"], "range"] = "wrong"
    rows["rank"] = -rows["score"].fillna(0)
    ranked = rows.sort_values(["question", "rank", "path_id"], kind="stable")
    whole = ranked["status"] == "complete"
    best = ranked[whole & (ranked["range"] == "high")].drop_duplicates(["question", "text"])
    made = pairs(ranked, whole)
    asked = rows["question"].drop_duplicates()
    found = {
        "reasoning": best.groupby("question").head(settings.max_paths_per_question)["path"].tolist(),
        "preference": list(made[["path_a", "path_b"]].itertuples(index=False, name=None)),
        "unpaired": asked[~asked.isin(made["question"])].tolist(),
    }
    complete, sizes = rows["status"] == "complete", wanted(settings)
    parts = {"optimal": rows[complete & (rows["range"] == "high")]}
    parts |= {name: rows[rows["range"] == name] for name in settings.flawed_shares}
    parts |= {f"agent-{v}": rows[(rows["correct"] == v) & ~rows["silent"]] for v in (True, False)}
    for name, part in parts.items():
        first = part.sort_values("order", kind="stable").drop_duplicates("order")
        found[name] = first["path"].head(sizes[name]).tolist()
    return found


def pairs(ranked: Any, whole: Any) -> Any:
    import pandas as pd

    right = ranked[ranked["correct"] & whole]
    good = right[right["score"].isna() | (right["score"] >= PAIRS.min_chosen)]
    over_wrong = beside(good, ranked[~ranked["correct"]]).assign(kind=0)
    over_right = beside(good, right.iloc[::-1])
    over_right = over_right[over_right["score_a"] - over_right["score_b"] >= PAIRS.min_margin].assign(kind=1)
    both = pd.concat([over_wrong, over_right]).sort_values(["question", "kind", "place"], kind="stable")
    return both.groupby("question").head(PAIRS.per_question)


def beside(good: Any, worse: Any) -> Any:
    """The first against the first, the second against the second."""
    sides = [rows.assign(place=rows.groupby("question").cumcount()) for rows in (good, worse)]
    columns = ["question", "place", "path", "score", "normal"]
    joined = sides[0][columns].merge(sides[1][columns], on=["question", "place"], suffixes=("_a", "_b"))
    return joined[joined["normal_a"] != joined["normal_b"]]
