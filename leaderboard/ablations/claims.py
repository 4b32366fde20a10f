"""The claims that were written down before the figures, each with what the figures say of it.

What stands in the manifests of the evaluations was there before any figure was: a claim that reads otherwise today, was
added since, or is gone, is told as that. All that no claim names is exploratory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from pydantic import ValidationError

from insightv_bench.errors import RunError
from insightv_bench.settings import Claim, Preregistration
from insightv_bench.stages import read_manifest
from insightv_bench.statistics import Comparison, holm, percent, points

from ..board import Side
from .planned import Answers, Paired
from .records import ClaimRow, Registration
from .runs import Run

ALPHA = 0.05
NUM_HALVINGS = 14
"""Of a p found by the interval that just holds: to 0.0001."""


def preregistered(runs: Sequence[Run]) -> list[Preregistration | None]:
    """What each run's evaluations kept, by run; None: nothing. Raises RunError where those of one run differ."""
    return [_of_run(run) for run in runs]


def _of_run(run: Run) -> Preregistration | None:
    kept: dict[str, Preregistration | None] = {}
    for place in run.evaluations:
        content = read_manifest(place).get("totals", {}).get("prereg")
        try:
            told = {name: value for name, value in content.items() if name != "hash"} if content else None
            found = Preregistration.model_validate(told) if told else None
        except (ValidationError, AttributeError) as error:
            raise RunError(f"the preregistration in `{place}` cannot be read", "it was written by another") from error
        if found and found.hash != content["hash"]:
            raise RunError(f"the preregistration in `{place}` is not the one that its hash names", "it was changed")
        kept["" if found is None else found.hash] = found
    # Of evaluations at different times what all of them had before their figures.
    return None if None in kept.values() or len(kept) != 1 else next(iter(kept.values()))


def one_hash(before: Sequence[Preregistration | None]) -> str:
    """Of what all runs kept; empty where they differ or one kept nothing."""
    hashes = {one.hash if one else "" for one in before}
    return next(iter(hashes)) if len(hashes) == 1 else ""


def claim_rows(
    before: Sequence[Preregistration | None], today: Preregistration | None, cells: Mapping[Side, Answers]
) -> list[ClaimRow]:
    """Every claim of today (of the manifests, where no other is given), p over those that were written before.

    The opposite of a claim is told where the interval of Bonferroni's level over those lies whole on that side: a claim
    names one side beforehand, so Holm's steps are not spent on the other.
    """
    now = today or next((one for one in before if one), None)
    if now is None:
        return []
    claims: dict[str, tuple[Claim, Registration]] = {}
    for name, claim in now.claims.items():
        own = [one.claims.get(name) if one else None for one in before]
        claims[name] = (claim, "before" if all(one == claim for one in own) else "changed" if any(own) else "after")
    for one in before:
        gone = {name: (claim, "dropped") for name, claim in (one.claims if one else {}).items() if name not in claims}
        claims |= gone  # type: ignore[arg-type]
    measured = {name: _measured(claim, cells) for name, (claim, _) in claims.items()}
    family = [name for name, (_, how) in claims.items() if how == "before" and measured[name]]
    p_values = {name: p_of(claims[name][0], one.found, one.compared) for name, one in measured.items() if one}
    adjusted = p_values | dict(zip(family, holm([p_values[name] for name in family]), strict=True))
    return [
        _row(name, claim, how, measured[name], adjusted.get(name), now, max(1, len(family)))
        for name, (claim, how) in claims.items()
    ]


class Measured(NamedTuple):
    """A claim's comparison."""

    found: Comparison
    compared: Callable[[float], Comparison]
    """The same with an interval of another confidence."""
    seeds: Sequence[int]
    """Those in which both sides have rows."""


def _measured(claim: Claim, cells: Mapping[Side, Answers]) -> Measured | None:
    """None: a side has no rows, or they share no question."""
    a, b = (cells.get(Side(*claim.side(which), claim.flaw), {}) for which in ("a", "b"))
    both = Paired(a, b)
    return Measured(both.compared(1 - ALPHA), both.compared, both.seeds) if both.seeds else None


def _row(
    name: str,
    claim: Claim,
    registration: Registration,
    measured: Measured | None,
    p: float | None,
    now: Preregistration,
    num_claims: int,
) -> ClaimRow:
    missing = tuple(sorted(set(now.seeds) - set(measured.seeds if measured else ())))
    known = claim.model_dump(include={"says", "a", "b", "flaw", "shows", "margin"})
    known |= {"name": name, "registration": registration, "seeds_missing": missing}
    if measured is None or p is None:
        return ClaimRow(**known, verdict="not measured")
    found = measured.found
    if missing:
        lacking = f"seed {', '.join(map(str, missing))} lacks it"
        verdict = f"not told before all seeds are there: {points(found.difference)}; {lacking}"
    elif is_opposite(claim, found) and is_opposite(claim, measured.compared(1 - ALPHA / num_claims)):
        verdict = f"the opposite was found: {points(found.difference, found.low, found.high)}"
    else:
        verdict = said(claim, found, p)
    return ClaimRow(**known, **found._asdict() | {"p": p, "method": found.method}, verdict=verdict)


def p_of(claim: Claim, found: Comparison, compared: Callable[[float], Comparison]) -> float:
    """Below 0.05 where the 95 % interval lies where the claim says: so is each of two one-sided tests below 0.025.

    `compared`: the comparison with an interval of a given confidence.
    """
    if claim.shows == "higher":
        return found.p if found.difference > 0 else 1.0
    margin = claim.margin or 0.0
    low, high = 0.0, 1.0  # of the confidence at which the interval just holds
    for _ in range(NUM_HALVINGS):
        middle = (low + high) / 2
        one = compared(middle)
        holds = one.low > -margin and (claim.shows == "no worse" or one.high < margin)
        low, high = (middle, high) if holds else (low, middle)
    return 1 - low


def is_opposite(claim: Claim, found: Comparison) -> bool:
    """Whether the interval lies whole where the claim is wrong."""
    margin = claim.margin or 0.0
    return found.high < -margin or (claim.shows == "level" and found.low > margin)


def said(claim: Claim, found: Comparison, p: float) -> str:
    """What may be said of it, and no more."""
    figures = points(found.difference, found.low, found.high)
    if claim.shows == "higher":
        return f"shown: {figures}" if p < ALPHA else f"not shown: {figures}"
    margin = percent(claim.margin)
    words = f"level, within {margin} points" if claim.shows == "level" else f"no worse by {margin} points"
    return f"{words}: {figures}" if p < ALPHA else f"not shown to be {words}: {figures}"
