"""Make the agents that ship again: `pack RUN` of a finished run of `method`, then `cards RUN QUICKSTART`, the run of
`quickstart` over the new weights."""

from __future__ import annotations

import sys
from pathlib import Path

from insightv_bench.errors import InsightvError

from .cards import stage_of, write_cards
from .weights import pack

AGENTS = ("base", "reason", "summary", "dpo-2", "optimal-only")
USAGE = "usage: python -m insightv_bench.shipped pack RUN | cards RUN QUICKSTART"


def main(arguments: list[str]) -> str:
    """Returns what is to be said of it, an error among it."""
    match arguments:
        case ["pack", run]:
            pack({name: stage_of(Path(run), name) / "model" for name in AGENTS})
        case ["cards", run, quickstart]:
            write_cards(Path(run), Path(quickstart))
        case _:
            return USAGE
    return ""


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except InsightvError as error:
        sys.exit(f"error: {error}")
