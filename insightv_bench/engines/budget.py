"""What a run may spend on one model, in tokens and in money.

Counted are replies, at the prices of the recipe; a server may bill tries that failed as well. The last reply that fits
starts before the limit is reached, so a run may end above it by what was in flight.
"""

from __future__ import annotations

from typing import NamedTuple

from insightv_bench.errors import BudgetSpent
from insightv_bench.journal import Reply, Spent

CENTS_LOST = 1e-9
"""A sum of floats may lie this much below what was spent."""


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
        num_tokens = reply.num_prompt_tokens + reply.num_tokens
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
