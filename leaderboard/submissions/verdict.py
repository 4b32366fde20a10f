"""The verdict on a submission, in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from insightv_bench.escape import visible

from ..tables import NAME_WIDTH, short
from .verify import Verdict


def print_verdict(verdict: Verdict, console: Console) -> None:
    """One submission: accepted, or every line of why not."""
    told = f"{short(verdict.submission.id, NAME_WIDTH * 2)}: {verdict.num_rows:,} rows"
    if verdict.num_judged:
        told += f", {verdict.num_judged:,} of them judged by a model and taken as they are"
    style = "red" if verdict.problems else "green"
    console.print(Text(f"{'rejected' if verdict.problems else 'accepted'}  {told}", style=style))
    for problem in verdict.problems:
        console.print(Text(f"  {visible(problem)}"), soft_wrap=True)
