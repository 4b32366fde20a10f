"""What replies took (calls, tokens, seconds and money, as they were when each reply was made), and what a run may spend
on one model.

Costs stand in a stage's manifest, not in its rows: a run that was cut off and goes on ends with the same rows as an
unbroken one, and seconds never repeat.

A budget counts replies, at the prices of the recipe; a server may bill tries that failed as well. The last reply that
fits starts before the limit is reached, so a run may end above it by what was in flight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

from insightv_bench.errors import BudgetSpent
from insightv_bench.journal import Reply, Spent

if TYPE_CHECKING:
    from .caller import Caller

COSTS = "costs"
"""The manifest's key: in `totals` of an evaluation by arm, of a paths stage for all of it."""
CHARS_A_TOKEN = 4
"""Where a server counts no token of a text."""
CENTS_LOST = 1e-9
"""A sum of floats may lie this much below what was spent."""


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
    return reduce(Costs.plus, (Costs(**costs_of(caller)) for caller in callers), Costs())


def costs_of(caller: Caller) -> dict[str, float]:
    """Of all that the caller was asked, kept replies included."""
    num_calls = caller.num_calls + caller.num_hits
    costs = Costs(num_calls, caller.num_prompt_tokens, caller.num_tokens, caller.seconds, caller.cost_usd)
    return Costs().plus(costs)._asdict()


def total(replies: Iterable[Reply]) -> Costs:
    each = (Costs(1, reply.num_prompt_tokens, reply.num_tokens, reply.seconds, reply.cost_usd) for reply in replies)
    return reduce(Costs.plus, each, Costs())


def costs_from(manifest: Mapping[str, Mapping[str, object]], arm: str = "") -> Costs | None:
    """What a manifest holds, of one arm where it is an evaluation's; None: it was written before costs were kept."""
    costs = manifest.get("totals", {}).get(COSTS)
    costs = costs.get(arm) if arm and isinstance(costs, dict) else costs
    return Costs(**{name: costs[name] for name in Costs._fields}) if isinstance(costs, dict) else None


def spent_tokens(num_tokens: int, *texts: str) -> int:
    """The count, or where a server counts nothing beside a text, what the text takes: it is spent all the same."""
    return num_tokens or -(-sum(map(len, texts)) // CHARS_A_TOKEN)


class Limits(NamedTuple):
    max_tokens_total: int | None = None
    max_cost_usd: float | None = None


class Budget:
    """The limits, and what is spent of them so far: by this process, and by those before it in the same journal."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self.spent = Spent(0, 0, 0.0)

    @property
    def is_limited(self) -> bool:
        return any(limit is not None for limit in self._limits)

    def add(self, reply: Reply) -> None:
        num_tokens = reply.num_prompt_tokens + spent_tokens(reply.num_tokens, reply.text, reply.reasoning)
        calls, tokens, cost = self.spent
        self.spent = Spent(calls + 1, tokens + num_tokens, cost + reply.cost_usd)

    def check(self, model: str) -> None:
        """Raises BudgetSpent where nothing more may be asked."""
        tokens, cost = self._limits
        if cost is not None and self.spent.cost_usd >= cost - CENTS_LOST:
            raise self._stop(model, "max_cost_usd", f"${cost:,.2f}")
        if tokens is not None and self.spent.num_tokens >= tokens:
            raise self._stop(model, "max_tokens_total", f"{tokens:,}")

    def _stop(self, model: str, name: str, limit: str) -> BudgetSpent:
        calls, tokens, cost = self.spent
        money = f", ${cost:,.2f}" if cost else ""
        return BudgetSpent(
            f"the budget for `{model}` is spent: {calls:,} calls, {tokens:,} tokens{money} (`{name}`: {limit})",
            f"every reply is kept; raise `{name}`, and the same command goes on: --set paths.engine.{name}=...",
        )
