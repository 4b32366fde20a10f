"""No kind of question has more than its share of a round's pairs."""

from __future__ import annotations

import pytest

from insightv_bench.builders.preference import most_of_a_kind


@pytest.mark.parametrize(
    "counts, share, most",
    [
        ([100, 100], 0.5, 100),
        ([100, 50], 0.5, 50),
        ([100, 10, 10, 10], 0.4, 20),
        ([100, 10], 0.3, 10),  # two kinds cannot each have less than a half
        ([7], 0.5, 7),
        ([100, 30, 30, 30, 10], 0.25, 33),
    ],
)
def test_the_most_that_a_kind_may_keep(counts: list[int], share: float, most: int) -> None:
    found = most_of_a_kind(counts, share)
    assert found == most
    kept = [min(count, found) for count in counts]
    assert max(kept) <= share * sum(kept) or found == min(counts)
    more = [min(count, found + 1) for count in counts]
    assert found == max(counts) or max(more) > share * sum(more)
