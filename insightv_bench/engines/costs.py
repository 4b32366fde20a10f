"""What replies took: calls, tokens, seconds and money, as they were when each reply was made.

They stand in a stage's manifest, not in its rows: a run that was cut off and goes on ends with the same rows as an
unbroken one, and seconds never repeat.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from insightv_bench.journal import Reply

if TYPE_CHECKING:
    from .caller import Caller

COSTS = "costs"
"""The manifest's key: in `totals` of an evaluation by arm, of a paths stage for all of it."""


class Costs(NamedTuple):
    """Sums over replies."""

    num_calls: float = 0
    num_prompt_tokens: float = 0
    num_tokens: float = 0
    """Generated."""
    seconds: float = 0.0
    """Of every call; calls that ran side by side count each, and a reply of a batch as its share of it."""
    cost_usd: float = 0.0
    """At the prices of their time; 0 where none were given."""

    def plus(self, other: Costs, share: float = 1.0) -> Costs:
        """`share` of the other added."""
        return Costs(*(round(mine + share * theirs, 6) for mine, theirs in zip(self, other, strict=True)))


def figures_of(callers: Iterable[Caller]) -> Costs:
    """Of all that they were asked so far, kept replies included."""
    found = Costs()
    for caller in callers:
        found = found.plus(Costs(**costs_of(caller)))
    return found


def costs_of(caller: Caller) -> dict[str, float]:
    """Of all that the caller was asked, kept replies included."""
    num_calls = caller.num_calls + caller.num_hits
    found = Costs(num_calls, caller.num_prompt_tokens, caller.num_tokens, caller.seconds, caller.cost_usd)
    return Costs().plus(found)._asdict()


def total(replies: Iterable[Reply]) -> Costs:
    found = Costs()
    for reply in replies:
        found = found.plus(Costs(1, reply.num_prompt_tokens, reply.num_tokens, reply.seconds, reply.cost_usd))
    return found


def costs_from(manifest: Mapping[str, Mapping[str, object]], arm: str = "") -> Costs | None:
    """What a manifest holds, of one arm where it is an evaluation's; None: it was written before costs were kept."""
    found = manifest.get("totals", {}).get(COSTS)
    found = found.get(arm) if arm and isinstance(found, dict) else found
    return Costs(**{name: found[name] for name in Costs._fields}) if isinstance(found, dict) else None
