"""A run's board recomputed from its published rows with scipy and statsmodels alone: `python with_statsmodels.py RUN`.

Prints the largest deviation of each figure; nothing of this project computes any of them here. Needs statsmodels, which
the project does not depend on.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

Rows = Any
"""A pandas frame."""


def main(run: str) -> None:
    board_file = max(Path(run).glob("stages/leaderboard-*/board.json"), key=lambda file: file.stat().st_mtime)
    board = json.loads(board_file.read_text(encoding="utf-8"))
    inputs = json.loads((board_file.parent / "manifest.json").read_text(encoding="utf-8"))["inputs"].values()
    rows = _rows([Path(run) / "stages" / name for name in inputs])
    deviations = {**_accuracies(board["arms"], rows), **_comparisons(board["comparisons"], rows)}
    for figure, (num, largest) in deviations.items():
        print(f"{figure}: {num} recomputed, largest deviation {largest:.2g}")


def _rows(folders: list[Path]) -> Rows:
    import pandas

    columns = ["system", "arm", "question_id", "image", "group", "correct", "flaw"]
    read = [pandas.read_parquet(file, columns=columns) for folder in folders for file in folder.glob("*.parquet")]
    rows = pandas.concat(read)
    rows["unit"] = rows["group"].where(
        rows["group"] != "", rows["image"].where(rows["image"] != "", rows["question_id"])
    )
    return rows[(rows["arm"] != "flawed") | (rows["flaw"] != "none")]


def _accuracies(arms: list[dict[str, Any]], rows: Rows) -> dict[str, tuple[int, float]]:
    """Shares of all; Wilson's intervals where each unit has one row."""
    from statsmodels.stats.proportion import proportion_confint

    shares, ends = [], []
    for arm in arms:
        own = rows[(rows["system"] == arm["system"]) & (rows["arm"] == arm["arm"])]
        shares.append(abs(own["correct"].mean() - arm["accuracy"]))
        if own["unit"].is_unique:
            told = proportion_confint(own["correct"].sum(), len(own), method="wilson")
            ends += [abs(told[0] - arm["low"]), abs(told[1] - arm["high"])]
    return {"accuracy": (len(shares), max(shares)), "Wilson's interval": (len(ends) // 2, max(ends, default=0.0))}


def _comparisons(pairs: list[dict[str, Any]], rows: Rows) -> dict[str, tuple[int, float]]:
    """Exact McNemar tests; of several rows a unit the standard error of a regression, clustered by unit; Holm's p."""
    from statsmodels.stats.contingency_tables import mcnemar
    from statsmodels.stats.multitest import multipletests

    differences, tests, errors = [], [], []
    families: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for pair in pairs:
        a, b = (_side(pair[side], rows) for side in ("a", "b"))
        shared = sorted(set(a["unit"]) & set(b["unit"]))
        a, b = (side[side["unit"].isin(shared)] for side in (a, b))
        families.setdefault((pair["family"], *(pair[side].split(": ")[0] for side in ("a", "b"))), []).append(pair)
        differences.append(abs(b["correct"].mean() - a["correct"].mean() - pair["difference"]))
        if pair["method"].startswith("exact McNemar"):
            one, other = (side.set_index("unit")["correct"].loc[shared].astype(int) for side in (a, b))
            table = [[((one == x) & (other == y)).sum() for y in (1, 0)] for x in (1, 0)]
            tests.append(abs(mcnemar(table, exact=True).pvalue - pair["p_raw"]))
        else:
            errors.append(_clustered_error(a, b) / _error_of(pair) - 1)
    adjusted = [
        abs(p - pair["p"])
        for members in families.values()
        for pair, p in zip(members, multipletests([pair["p_raw"] for pair in members], method="holm")[1], strict=True)
    ]
    return {
        "difference": (len(differences), max(differences, default=0.0)),
        "McNemar's p": (len(tests), max(tests, default=0.0)),
        "clustered standard error against the interval's (relative)": (len(errors), max(map(abs, errors), default=0.0)),
        "Holm's p": (len(adjusted), max(adjusted, default=0.0)),
    }


def _side(name: str, rows: Rows) -> Rows:
    system, _, arm = name.partition(": ")
    return rows[(rows["system"] == system) & (rows["arm"] == (arm or "base"))]


def _clustered_error(a: Rows, b: Rows) -> float:
    import numpy as np
    import pandas
    import statsmodels.api as sm

    both = pandas.concat([a.assign(is_b=0.0), b.assign(is_b=1.0)])
    groups = both["unit"].astype("category").cat.codes
    model = sm.OLS(both["correct"].astype(float), np.column_stack([np.ones(len(both)), both["is_b"]]))
    return float(model.fit(cov_type="cluster", cov_kwds={"groups": groups}).bse.iloc[1])


def _error_of(pair: dict[str, Any]) -> float:
    from scipy.stats import norm

    return (pair["high"] - pair["low"]) / 2 / float(norm.ppf(0.5 + pair["level"] / 2))


if __name__ == "__main__":
    main(sys.argv[1])
