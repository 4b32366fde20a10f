"""`journal stats`: what was asked of models, and what it cost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from insightv_bench.errors import RunError

journal_app = typer.Typer(no_args_is_help=True, help="What was asked of models, and what it cost.")


@journal_app.command("stats")
def stats(run: Annotated[Path, typer.Argument(help="A run's folder.")]) -> None:
    """Calls, tokens, hits and failures, by model."""
    from rich.console import Console
    from rich.table import Table

    from insightv_bench.journal import run_stats

    models = run_stats(run)
    if models is None:
        raise RunError(f"no journal in `{run}`", "name a run's folder")
    figures = list(dict.fromkeys(figure for row in models for figure in row))
    table = Table(box=None, pad_edge=False)
    table.add_column(figures[0] if figures else "no calls")
    for row in models:  # a model a column: there are few models, and many kinds of failures
        table.add_column(str(row["model"]), justify="right", overflow="fold")
    for figure in figures[1:]:
        table.add_row(figure, *(_cell(row.get(figure, 0), figure) for row in models))
    Console().print(table)


def _cell(value: object, figure: str) -> str:
    if figure == "cost_usd":
        return f"{value:,.4f}"  # a call may cost less than a cent
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


@journal_app.command("recover")
def recover(run: Annotated[Path, typer.Argument(help="A run's folder.")]) -> None:
    """Bring back what can be read of a damaged journal.

    The damaged file is kept beside it.
    """
    from filelock import FileLock, Timeout

    from insightv_bench.journal import recover as recover_journal

    try:
        with FileLock(run / ".lock").acquire(timeout=0):
            found = recover_journal(run)
    except (Timeout, OSError):
        raise RunError(f"`{run}` is no run's folder, or another process works in it", "name a run's folder") from None
    if not found.kept_as:
        typer.echo(f"Nothing is damaged: {found.num_replies:,} replies")
        return
    lost = f"{found.num_lost:,} rows and {found.num_lost_pages:,} pages could not be read"
    typer.echo(f"{found.num_replies:,} replies are back; {lost}")
    typer.echo("The damaged files: " + ", ".join(map(str, found.kept_as)))
    typer.echo("The same command goes on; what was lost is asked again")
