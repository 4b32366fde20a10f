"""Commands on finished evaluations: compare, rescore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from .options import AllowKey, Answers, BaseUrl, JudgeName

WIDTH = 160  # characters


def compare(
    a: Annotated[str, typer.Argument(help="FOLDER[:SYSTEM[:ARM]]: an evaluation's or a run's; with --run SYSTEM:ARM.")],
    b: Annotated[str, typer.Argument(help="The other side, against A.")],
    run: Annotated[Path | None, typer.Option("--run", help="The run that both sides are of.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="As JSON, shares of 1.")] = False,
) -> None:
    """Two results, systems or arms, paired on the same questions.

    What cannot be compared is refused, with the reason.
    """
    from insightv_bench.results import load, parse_name

    from .compare_table import as_json, print_comparison

    sides = [load(parse_name(text, run)) for text in (a, b)]
    if json_:
        typer.echo(as_json(*sides))
    else:
        print_comparison(sides[0], sides[1], console())


STRICT = {"": None, "likely": False, "strict": True}


def rescore(
    results: Annotated[Path, typer.Argument(help="A run's folder, or an evaluation's.")],
    out: Annotated[Path, typer.Option("--out", help="Where the rows go: a new folder.")],
    judge: JudgeName = "",
    base_url: BaseUrl = "",
    allow_key: AllowKey = None,
    judge_all: Annotated[bool, typer.Option("--judge-all", help="Ask the judge about every reply.")] = False,
    answers: Answers = "",
    show: Annotated[int, typer.Option("--show", help="Print so many of the rows that changed.")] = 0,
) -> None:
    """Kept replies read again, by this version or a judge.

    Nothing is generated.
    """
    from insightv_bench.errors import RecipeError

    from .rescore import rescore as run_it

    if not judge and (base_url or judge_all):
        raise RecipeError(
            "`--base-url` and `--judge-all` are for a judge, and none is named", "name the model with `--judge`"
        )
    if answers not in STRICT:
        raise RecipeError(f"`--answers {answers}` is neither `likely` nor `strict`", "leave it out to keep what it was")
    run_it(results, out, judge, base_url, judge_all, STRICT[answers], show, console())


def console() -> Console:
    """As wide as the terminal; in a pipe or a file as wide as the tables."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)
