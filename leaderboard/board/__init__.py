"""TODO face."""

from __future__ import annotations

from .arms import arm_rows, counted
from .averages import average_rows
from .comparisons import ALPHA, comparison_rows
from .flaw_map import flaw_rows
from .lineage import LINEAGE, lineage_rows, read_origin
from .ranks import with_ranks
from .records import (
    ARMS,
    FAMILIES,
    MEANINGS,
    ArmRow,
    AverageRow,
    Board,
    ComparableSet,
    ComparisonRow,
    Difference,
    Family,
    FlawRow,
    LineageRow,
    Measure,
    MeasureRow,
    RobustnessRow,
    RoundRow,
)
from .results import find
from .robustness import ANY, measure_rows, robustness_rows
from .rounds import round_rows
from .rows import REPLY, UNIT, count_rows, load_rows, read_sides
from .sets import split_sets
from .systems import ROUND_ARMS, Method, Side, System, control_pairs, method_of, systems_in, twins_among
