"""Commands on finished evaluations: compare, plan, rescore."""

from __future__ import annotations

import math
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
    margin: Annotated[
        float | None, typer.Option("--margin", min=0.001, help="In points, set before: who lies within it is level.")
    ] = None,
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
        print_comparison(sides[0], sides[1], console(), None if margin is None else margin / 100)


def plan(
    effect: Annotated[
        float, typer.Option("--effect", min=0.001, max=100, help="The difference to be found, in points.")
    ],
    a: Annotated[str, typer.Argument(help="FOLDER:SYSTEM:ARM; with --run SYSTEM:ARM.")] = "",
    b: Annotated[str, typer.Argument(help="The other side, against A.")] = "",
    power: Annotated[float, typer.Option("--power", min=0.05, max=0.999, help="The chance to find it.")] = 0.8,
    run: Annotated[
        list[Path] | None, typer.Option("--run", help="The pilot that both sides are of; once for each seed.")
    ] = None,
    accuracy: Annotated[
        float | None, typer.Option("--accuracy", min=0, max=100, help="Without a pilot: A's, assumed, in %.")
    ] = None,
    differ: Annotated[
        float | None,
        typer.Option("--differ", min=0, max=100, help="With --accuracy: % of questions on which just one is right."),
    ] = None,
    spread: Annotated[
        float | None, typer.Option("--spread", min=0, max=100, help="With --accuracy: between seeds, in points.")
    ] = None,
    num: Annotated[int, typer.Option("--num", min=2, help="With --spread: questions of each seed.")] = 1000,
) -> None:
    """How many questions, samples and seeds find an effect, from the variance of a pilot or an assumed accuracy.

    Nothing is asked of a model.
    """
    from insightv_bench.errors import RecipeError
    from insightv_bench.results import load, parse_name, plan_for
    from insightv_bench.statistics import percent, points

    if accuracy is not None:
        if a or b or run:
            raise RecipeError("a plan is of a pilot or of `--accuracy`, not of both", "leave out one")
        typer.echo("\n".join(_assumed(accuracy / 100, effect / 100, power, differ, spread, num)))
        return
    if differ is not None or spread is not None:
        raise RecipeError("`--differ` and `--spread` belong to `--accuracy`", "a pilot has its own")
    if not (a and b):
        raise RecipeError("a plan needs the two sides of a pilot", "without one assume an accuracy: `--accuracy 75`")
    folders: list[Path | None] = [*run] if run else [None]
    pilots = [(load(parse_name(a, one)), load(parse_name(b, one))) for one in folders]
    found = plan_for(pilots, effect / 100, power, (1, 3, 10))
    over, parts = found.over, found.parts
    interval = "" if math.isnan(over.low) else f" [{percent(over.low)}, {percent(over.high)}]"
    lines = [
        f"pilot: {len(pilots)} training{'s' * (len(pilots) > 1)}, {parts.num_questions:,} questions, "
        f"{parts.num_samples:.3g} samples each; {points(over.difference)} points{interval}, "
        f"standard error of one training {percent(found.error)}",
        f"variance of the difference: {parts.between:.4f} between questions, {parts.within:.4f} of a sample within"
        + ("" if parts.num_samples > 1 else " (one sample tells them not apart)")
        + ("" if math.isnan(over.spread) else f"; spread between trainings {percent(over.spread)} points"),
        f"this design finds {percent(effect / 100)} points in {percent(found.power)} % of cases",
    ]
    of = f"to find {percent(effect / 100)} points in {percent(power)} %"
    lines += [
        f"{of}, of a training as it is: {num:,} questions of {k} sample{'s' * (k > 1)}"
        for k, num in found.questions.items()
    ]
    if found.trainings is None:
        lines.append(f"{of}, of other trainings: one seed tells no spread; name more runs with --run")
    else:
        lines.append(f"{of}, of other trainings: {found.trainings:,} seeds of this size")
    typer.echo("\n".join(lines))


def _assumed(
    accuracy: float, effect: float, power: float, differ: float | None, spread: float | None, num: int
) -> list[str]:
    """A plan without a pilot: what is assumed, then what it needs. Shares of 1; `differ` in %, `spread` in points."""
    from insightv_bench.results import assumed_components
    from insightv_bench.statistics import percent, questions_needed, trainings_needed

    parts = assumed_components(accuracy, effect, None if differ is None else differ / 100)
    how = "two that are right independently of each other; fewer where they err alike" if differ is None else "as told"
    of = f"to find {percent(effect)} points in {percent(power)} %"
    lines = [
        f"assumed, of no pilot: accuracy {percent(accuracy)} against {percent(accuracy + effect)} %, one sample a "
        f"question, just one of the two right on {percent(parts.between + effect**2)} % ({how})",
        f"{of}, of a training as it is: {questions_needed(effect, parts, 1, power):,} questions",
    ]
    if spread is None:
        return [*lines, f"{of}, of other trainings: nothing is assumed of their spread; name one with --spread"]
    seeds = trainings_needed(effect, spread / 100, parts.error(num), power)
    told = f"{of}, of other trainings: {seeds:,} seeds of {num:,} questions, assuming a spread of {spread:g} points"
    return [*lines, told]


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
