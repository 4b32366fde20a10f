"""Whether a model says the same when it is asked the same again at temperature 0.

Servers whose sums depend on what else is in a batch flip now and then, and one that ignores the temperature always
does: both make a rerun differ, and say how much of a small difference is the server's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from insightv_bench.arms import Arm
from insightv_bench.engines import Caller
from insightv_bench.journal import Reply
from insightv_bench.records import Image
from insightv_bench.settings import Sampling
from insightv_bench.statistics import accuracy

from .budgets import request_of
from .harness import Said, scored

AGAIN = 1_000_000
"""Added to a request's sample number: another place in the journal, and another seed, which is not to matter."""


class Repeated(NamedTuple):
    """How many of the requests that were asked twice were answered alike; shares of 1 with 95 % intervals."""

    n: int
    same_answer: float
    low: float
    high: float
    same_text: float
    text_low: float
    text_high: float

    def __str__(self) -> str:
        def share(value: float, low: float, high: float) -> str:
            return f"{100 * value:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"

        answers, words = share(*self[1:4]), share(*self[4:7])
        return f"asked twice at temperature 0: {answers} the same answer, {words} the same words, n = {self.n:,}"


def ask_twice(
    num: int,
    tasks: Mapping[Arm, Sequence[Mapping[str, Any]]],
    callers: Mapping[str, Caller],
    samplings: Mapping[Arm, Sampling],
    images: Mapping[str, Image],
    strict: bool,
) -> Repeated | None:
    """Up to `num` requests, spread evenly over the greedy arms; the first reply to each is there already. None where
    no arm is greedy."""
    greedy = [
        (doc, samplings[arm])
        for arm, docs in tasks.items()
        for doc in docs
        if doc["seat"] != "vote" and samplings[arm].temperature == 0
    ]
    chosen = [greedy[place * len(greedy) // num] for place in range(num)] if num < len(greedy) else greedy
    pairs: list[tuple[Mapping[str, Any], Reply, Reply]] = []
    for seat, caller in callers.items():
        mine = [(doc, request_of(doc, sampling, images)) for doc, sampling in chosen if doc["seat"] == seat]
        first = caller.ask_all([request for _, request in mine])
        again = caller.ask_all([request._replace(sample=request.sample + AGAIN) for _, request in mine])
        pairs += [(doc, *replies) for (doc, _), *replies in zip(mine, first, again, strict=True)]  # type: ignore[misc]
    came = [each for each in pairs if "error" not in (each[1].finish, each[2].finish)]
    if not came:
        return None
    where = [doc["question_id"] for doc, *_ in came]
    answers = accuracy([_answer(doc, one, strict) == _answer(doc, two, strict) for doc, one, two in came], where)
    words = accuracy([one.text == two.text for _, one, two in came], where)
    return Repeated(answers.n, *answers[:3], *words[:3])


def _answer(doc: Mapping[str, Any], reply: Reply, strict: bool) -> str | None:
    return scored(doc, Said.of(reply, strict)).reading.answer
