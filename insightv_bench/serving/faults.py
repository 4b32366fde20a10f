"""Replies of an HTTP server that go wrong, as they do in the wild: for tests, and to see what a run does with them.

429, 500   the status
reset      the connection is cut in the middle of the body
slow       nothing comes for `slow_s` seconds, then the reply
empty      status 200 and no body
html       status 200 and a page
truncated  status 200 and the first half of the JSON
refusal    the model would not
huge       a reply of ten million characters
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from insightv_bench.errors import RecipeError

Fault = Literal["429", "500", "reset", "slow", "empty", "html", "truncated", "refusal", "huge"]
FAULTS: tuple[str, ...] = get_args(Fault)


class Faults:
    """Which replies go wrong: first those of `script`, in its order (empty: all is well), then by chance."""

    def __init__(
        self, rates: Mapping[str, float] | None = None, script: Iterable[str] = (), seed: int = 0, slow_s: float = 5.0
    ) -> None:
        """`rates`: chance of each fault. Raises RecipeError for an unknown fault and for rates that are not shares."""
        self._rates, self._script = dict(rates or {}), list(script)
        self._random, self.slow_s = random.Random(seed), slow_s
        unknown = [name for name in (*self._rates, *filter(None, self._script)) if name not in FAULTS]
        if unknown:
            raise RecipeError(f"unknown fault: `{unknown[0]}`", f"the faults are {', '.join(FAULTS)}")
        if min(self._rates.values(), default=0) < 0 or sum(self._rates.values()) > 1:
            raise RecipeError("the rates of faults must be shares, together at most 1")

    def next(self) -> str:
        """The fault of the reply that is about to be sent; empty for none."""
        if self._script:
            return self._script.pop(0)
        names, rates = [*self._rates, ""], [*self._rates.values()]
        return self._random.choices(names, [*rates, max(0.0, 1 - sum(rates))])[0]
