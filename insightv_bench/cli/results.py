"""Commands on finished evaluations: compare, rescore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

WIDTH = 160  # characters


def compare(
    a: Annotated[str, typer.Argument(help="FOLDER[:SYSTEM[:ARM]]: an evaluation's or a run's; with --run SYSTEM:ARM.")],
    b: Annotated[str, typer.Argument(help="The other side, against A.")],
    run: Annotated[Path | None, typer.Option("--run", help="The run that both sides are of.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="As JSON, shares of 1.")] = False,
) -> None:
    """Two results, systems or arms, paired on the same questions; refused, with the reason, where they cannot be."""
    from insightv_bench.results import as_json, load, parse_name, print_comparison

    sides = [load(parse_name(text, run)) for text in (a, b)]
    if json_:
        typer.echo(as_json(*sides))
    else:
        print_comparison(sides[0], sides[1], console())


def rescore(
    results: Annotated[Path, typer.Argument(help="A run's folder, or an evaluation's.")],
    out: Annotated[Path, typer.Option("--out", help="Where the rows go: a new folder.")],
    judge: Annotated[str, typer.Option("--judge", help="Settles the rest: folder, Hub id, openai:URL#NAME.")] = "",
    base_url: Annotated[str, typer.Option("--base-url", help="Of a server; `--judge` is then its NAME.")] = "",
    judge_all: Annotated[bool, typer.Option("--judge-all", help="Ask the judge about every reply.")] = False,
    show: Annotated[int, typer.Option("--show", help="Print so many of the rows that changed.")] = 0,
) -> None:
    """Kept replies read again, with this version's answer reader or a judge; nothing is generated."""
    from insightv_bench.errors import RecipeError

    from .rescore import rescore as run_it

    if not judge and (base_url or judge_all):
        raise RecipeError("`--base-url` and `--judge-all` are of a judge", "name the model with `--judge`")
    run_it(results, out, judge, base_url, judge_all, show, console())


def console() -> Console:
    """As wide as the terminal; in a pipe or a file as wide as the tables."""
    found = Console()
    return found if found.is_terminal else Console(width=WIDTH)


def register(app: typer.Typer) -> None:
    app.command("compare")(compare)
    app.command("rescore")(rescore)
