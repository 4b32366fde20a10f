"""How many requests are under way at once, by what the server makes of it.

The limit begins at half the recipe's bound, 32 at most, and doubles while more at once are answered faster. Where they
no longer are, it is set to the least that should be answered as fast: a server that answers C at once is asked C at
once, and what would only wait there waits here. Later it is tried, now and then, whether a quarter more is taken
faster. A server that is overrun (429; or many 503 and timeouts at once) or away (most tries fail) is asked for
less; what fails for its own sake, a 500 or a reset now and then, slows nothing else.

Rates are counted over whole rounds of replies, and only while requests wait for their turn: a run's last requests say
nothing of the server. After each change of the limit a round passes before the next is counted. The order of requests,
and what they are, is the same at any pace.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from statistics import mean
from typing import NamedTuple

FIRST = 32
FEW = 8
"""A bound so low is where the search begins: there is little to find."""
MIN_REPLIES = 16
"""A rate over fewer says little."""
RISING = 1.1
"""A rate is higher where it is this many times the other; replies of different lengths make some difference."""
FLAT = 0.85
"""A rate of at least this share of the highest counts as it."""
IN_FULL = 0.9
"""A rate of at least this share of what it would be in proportion to the limit."""
LATER = 1.25
"""How much more is tried, once the search is over."""
ROUNDS_HELD = 20
"""Between two tries."""
ROUNDS_AFTER_LESS = 3
"""Held after the limit was lowered, so that a server that was away for a moment is soon asked as before."""
LESS = 0.75
"""What is left of the limit where the server is overrun."""
OF_LOAD = ("429", "408", "503", "504", "529", "timeout")
"""Kinds of trouble that a server has with too much."""
MANY = 0.1
"""Share of a round's tries that fail so where the server is overrun; 429 says it by itself."""
AWAY = ("connection",)
"""Kinds of trouble with one request, 5xx beside; with most of them the server is away. A fifth of first tries that fail
for themselves are no reason to ask for less: what they cost is in the time of a reply."""
MOST, MIN_AWAY = 0.6, 8
"""Share of a round's tries, and their number."""


class Rate(NamedTuple):
    """What was measured at a limit."""

    a_second: float  # replies
    is_first: bool = False
    """Of the very first round, in which connections were made and caches were cold."""


class Search:
    """The limit to try next, from the rates of those tried. Knows nothing of time and of requests."""

    def __init__(self, most: int) -> None:
        self.limit = most if most <= FEW else min(FIRST, math.ceil(most / 2))
        self._most, self._factor = most, 2.0
        self._rates: dict[int, Rate] = {}
        self._num_held = 0
        self.is_over = False

    def measured(self, rate: Rate) -> None:
        """The rate at the limit as it is."""
        if self.is_over:
            self._num_held += 1
            if self._num_held <= ROUNDS_HELD:
                return
            self.is_over, self._factor, self._rates = False, LATER, {}
        is_new, self._rates[self.limit] = self.limit not in self._rates, rate
        rates = [each.a_second for _, each in sorted(self._rates.items())]
        is_rising = len(rates) == 1 or rates[-1] >= rates[-2] * RISING
        if is_new and is_rising and max(self._rates) == self.limit < self._most:
            self.limit = min(self._most, max(self.limit + 1, round(self.limit * self._factor)))
            return
        if self._factor == LATER and not is_rising:
            del self._rates[max(self._rates)]  # a little more is no reason to stay there
        self._look_below()

    def less(self) -> None:
        """The server is overrun at this limit."""
        self._end(max(1, int(self.limit * LESS)))
        self._num_held = ROUNDS_HELD - ROUNDS_AFTER_LESS

    def _look_below(self) -> None:
        """The least limit with the highest rate: in proportion, from the limit below those that are as good."""
        rates = {limit: rate.a_second for limit, rate in self._rates.items() if not rate.is_first}
        if not rates:
            return  # the only limit there is: once more, now that it is warm
        enough = FLAT * max(rates.values())
        least = min(limit for limit, rate in rates.items() if rate >= enough)
        if lower := [limit for limit in rates if limit < least]:
            highest = mean(rate for limit, rate in rates.items() if limit >= least)
            self._end(min(least, round(max(lower) * highest / rates[max(lower)])))
        elif self._factor == LATER or least == 1 or (least == self._most and self._rose_in_full()):
            self._end(least)
        else:
            self.limit = least // 2

    def _rose_in_full(self) -> bool:
        """Whether the rate rose with the limit since the first round, so that nothing needs to be tried again."""
        (first, before), (last, after) = min(self._rates.items()), max(self._rates.items())
        return after.a_second / last >= IN_FULL * before.a_second / first

    def _end(self, limit: int) -> None:
        self.limit, self.is_over, self._num_held = limit, True, 0


class Pace:
    """Use as an asynchronous context manager around each request. `adaptive=False`: always `most` at once."""

    def __init__(self, most: int, adaptive: bool = True, clock: Callable[[], float] = time.monotonic) -> None:
        self._search = Search(most) if adaptive else None
        self._most, self._clock = most, clock
        self._num_busy = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._begun: dict[object, float] = {}
        """By task, when its turn came."""
        self._num_replies, self._seconds = 0, 0.0  # of this round
        self._num_came = self._num_overrun = self._num_away = 0  # tries of this round, by how they ended
        self._num_unsettled = 0
        """Replies to come before the round is counted: they are of another limit."""
        self._num_spared = 0
        """Tries under way when the limit was lowered: that they may fail is known."""
        self._is_first = True

    @property
    def limit(self) -> int:
        return self._search.limit if self._search else self._most

    async def __aenter__(self) -> None:
        await self._turn()
        self._begun[asyncio.current_task()] = self._clock()

    async def _turn(self) -> None:
        if self._num_busy < self.limit and not self._waiting:
            self._num_busy += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()  # its turn came as it was ended
            raise

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        seconds = self._clock() - self._begun.pop(asyncio.current_task())
        if kind is None:
            self._replied(seconds)
        self._leave()

    def _replied(self, seconds: float) -> None:
        """A request was answered, so long after its turn came."""
        if self._search is None:
            return
        self._num_came += 1
        if not self._waiting:  # fewer than the limit will be under way
            self._begin(self._num_busy)
            return
        self._num_spared = max(0, self._num_spared - 1)
        if self._num_unsettled:
            self._num_unsettled -= 1
            return
        self._num_replies, self._seconds = self._num_replies + 1, self._seconds + seconds
        if self._num_replies >= (self.limit if self._is_first else max(2 * self.limit, MIN_REPLIES)):
            self._measure(self._search)

    def _measure(self, search: Search) -> None:
        """The rate by Little's law, from the mean time of a reply: replies that come in bursts are no trouble to it."""
        before, mean_s = search.limit, self._seconds / self._num_replies
        search.measured(Rate(before / max(mean_s, 1e-9), self._is_first))
        self._is_first = False
        self._begin(0 if search.limit == before else max(search.limit, self._num_busy))

    def failed(self, kind: str) -> None:
        """A try failed; `kind` as `Trouble` has it."""
        if self._search is None or not (kind in OF_LOAD or kind in AWAY or kind.startswith("5")):
            return
        if self._num_spared > 0:
            self._num_spared -= 1
            return
        self._num_overrun += kind in OF_LOAD
        self._num_away += kind not in OF_LOAD
        is_away = self._num_away >= max(MIN_AWAY, MOST * (self._num_away + self._num_came))
        if kind == "429" or self._num_overrun > max(1, MANY * self.limit) or is_away:
            self._search.less()
            self._begin(self._num_busy)
            self._num_spared = self._num_busy

    def _begin(self, num_unsettled: int) -> None:
        """A round, once so many more replies are there."""
        self._num_replies = self._num_came = self._num_overrun = self._num_away = 0
        self._num_unsettled, self._seconds = num_unsettled, 0.0

    def _leave(self) -> None:
        self._num_busy -= 1
        while self._waiting and self._num_busy < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self._num_busy += 1
                turn.set_result(None)
