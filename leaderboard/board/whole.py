"""The whole board: every figure over the rows of its sources. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from .arms import arm_rows
from .averages import average_rows
from .comparisons import comparison_rows
from .fresh import gap_rows
from .lineage import lineage_rows
from .ranks import with_ranks
from .records import Board, ComparableSet
from .robustness import flaw_rows, measure_rows, robustness_rows
from .rounds import round_rows
from .rows import Sources, load_rows
from .sets import split_sets

Sets = list[tuple[ComparableSet, pl.DataFrame]]


def load_board(sources: Sequence[Path] | Sources, title: str) -> tuple[Board, Sets]:
    """The board over the rows of the sources, and the rows set by set; the sources' notes come before its own."""
    sources = sources if isinstance(sources, Sources) else Sources(sources)
    frame, own = load_rows(sources)
    sets, apart = split_sets(frame)
    board = compute(sets, [*sources.notes, *own, *apart], title)
    return board.model_copy(update={"submissions": tuple(sources.submissions)}), sets


def compute(sets: Sets, notes: Sequence[str], title: str) -> Board:
    """Every figure of the board; writes nothing."""
    arms = [row for one in sets for row in with_ranks(arm_rows(*one), one[1])]
    comparisons = [row for one in sets for row in comparison_rows(*one)]
    lineage = lineage_rows(pl.concat([rows.select("label", "evaluation") for _, rows in sets]))
    return Board(
        title=title,
        notes=tuple(notes),
        sets=tuple(comparable for comparable, _ in sets),
        arms=tuple(arms),
        comparisons=tuple(comparisons),
        robustness=tuple(row for one in sets for row in robustness_rows(*one)),
        measures=tuple(row for one in sets for row in measure_rows(*one)),
        averages=tuple(average_rows(sets, arms)),
        rounds=tuple(row for one in sets for row in round_rows(*one, arms, comparisons)),
        flaws=tuple(row for one in sets for row in flaw_rows(*one)),
        lineage=tuple(lineage),
        gaps=tuple(gap_rows([comparable for comparable, _ in sets], arms)),
    )
