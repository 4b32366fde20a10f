"""What may go wrong at a server, what of it is tried again, and how long to wait before."""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Mapping
from datetime import UTC
from typing import NamedTuple

RETRIED = (408, 409, 425, 429)
OF_LOAD = (408, 409, 425, 429, 503, 504, 529)
"""Statuses of a server that has too much to do, whatever it is asked."""
OF_REQUEST = (400, 413, 415, 422)
"""Statuses that may be one request's own fault: a prompt too long, an image that the server will not have."""
MAX_BACKOFF_S = 60
SPREAD = 0.25
"""Of the wait, added at random to what a server asks for, so that calls it sent away do not come back at once."""


class Trouble(Exception):
    """One try that gave no reply."""

    def __init__(self, kind: str, words: str, passing: bool, wait_s: float | None = None, status: int = 0) -> None:
        super().__init__(words)
        self.kind = kind
        """As the journal counts it: a status, `timeout`, `connection`, `not chat`, `too large`, `tool call`, `no
        reply`."""
        self.words = words
        self.passing = passing
        """Whether another try may mend it."""
        self.wait_s = wait_s
        """What the server asks to wait; None where it says nothing."""
        self.status = status

    @property
    def is_of_load(self) -> bool:
        return self.status in OF_LOAD

    @property
    def may_be_its_own(self) -> bool:
        """Whether this one request may be at fault, and the server well: a picture that it cannot take, say."""
        is_no_server = self.kind == "not chat" and not self.passing
        return not is_no_server and (self.status in (0, *OF_REQUEST) or (self.status >= 500 and not self.is_of_load))


class Patience(NamedTuple):
    max_retries: int
    first_wait_s: float
    max_wait_s: float

    def wait(self, trouble: Trouble, number: int, is_there: bool) -> float:
        """Seconds before try `number` + 1 (0-based): what the server asks for or back-off, both with jitter.

        `is_there`: the server answers others, so that nothing is to be waited for.
        """
        if trouble.wait_s:
            return trouble.wait_s * (1 + SPREAD * random.random())
        doubled = 0 if is_there and not trouble.is_of_load else min(number, 30)
        most = min(self.first_wait_s * 2.0**doubled, MAX_BACKOFF_S)
        return most * (1 - SPREAD * random.random())

    def is_over(self, trouble: Trouble, number: int) -> bool:
        too_long = trouble.wait_s is not None and trouble.wait_s > self.max_wait_s
        return not trouble.passing or number >= self.max_retries or too_long


def status_trouble(status: int, headers: Mapping[str, str], words: str) -> Trouble:
    advice = headers.get("x-should-retry", "")  # some servers know that a full quota will not mend itself
    passing = advice != "false" and (status >= 500 or status in RETRIED or advice == "true")
    return Trouble(str(status), words, passing, asked_wait(headers), status)


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in seconds or as a date, or `Retry-After-Ms`; None where there is none that can be read."""
    milliseconds, after = _number(headers.get("retry-after-ms")), headers.get("retry-after")
    if milliseconds is not None:
        return milliseconds / 1000
    seconds = _number(after)
    return seconds if seconds is not None or not after else _until(after)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return max(number, 0.0) if number == number else None


def _until(date: str) -> float | None:
    try:
        when = email.utils.parsedate_to_datetime(date)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(when.timestamp() - time.time(), 0.0)
