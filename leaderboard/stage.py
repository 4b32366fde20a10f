"""The last stage of a run: every system's evaluation on one board."""

from __future__ import annotations

from insightv_bench.stages import Context

from .build import build


def leaderboard(context: Context) -> None:
    """Inputs: the evaluations."""
    board = build(list(context.inputs.values()), context.folder, f"{context.recipe.name}, seed {context.seed}")
    context.totals["notes"] = list(board.notes)
