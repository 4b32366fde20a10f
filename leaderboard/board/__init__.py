"""The board's figures, and the rows that hold them. Draws and prints nothing, runs no model.

rows.py          evaluation rows as a frame, and what the figures ask of each
labels.py        what each system is called; lineage.py: what it came from, and what old manifests say of it
systems.py       what systems are to the method, and which comparisons follow
sets.py          which systems may stand in one table
records.py       what `board.json` holds
fresh.py         fixed sets beside fresh questions of the same make
arms.py, averages.py, comparisons.py, ranks.py, rounds.py, robustness.py   its figures
whole.py         all of them together
results.py       a run, a folder or a data set on the Hub, as folders of rows
"""

from __future__ import annotations

from .arms import arm_rows, counted
from .averages import average_rows
from .comparisons import Pair, Tested, compared_columns, comparison_rows, family_tests, natural_pairs
from .lineage import DAY, LINEAGE, Origin, lineage_rows, read_origin
from .ranks import with_ranks
from .records import (
    ARMS,
    FAMILIES,
    MEANINGS,
    ArmRow,
    AverageRow,
    Board,
    ComparableSet,
    Compared,
    ComparisonRow,
    Difference,
    Family,
    FlawRow,
    GapRow,
    LineageRow,
    Measure,
    MeasureRow,
    RobustnessRow,
    RoundRow,
    SubmissionRow,
)
from .results import find
from .robustness import ANY, flaw_rows, measure_rows, robustness_rows
from .rounds import round_rows
from .rows import REPLY, SUBMISSION, UNIT, Sources, count_rows, load_rows, read_sides
from .sets import split_sets
from .systems import MAIN_ARMS, ROUND_ARMS, Method, Side, System, control_pairs, method_of, systems_in, twins_among
from .whole import Sets, compute, load_board
