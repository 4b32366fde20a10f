"""Commands on results: board and page, submissions, verification, publishing."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console

from insightv_bench.errors import RecipeError, RunError
from insightv_bench.escape import visible
from insightv_bench.lazy import load_function

from .options import Private

board_app = typer.Typer(no_args_is_help=True, help="Results as a table and a page; publish and verify them.")

PLACES = "Runs, folders of evaluations or submissions, or data sets of results on the Hub as ORG/NAME[@REVISION]."
Results = Annotated[list[str], typer.Argument(metavar="RESULTS...", help=PLACES)]
Title = Annotated[str, typer.Option("--title")]


@board_app.command("build")
def build(
    results: Results,
    out: Annotated[Path, typer.Option("--out", help="Where the page and the files go.")] = Path("leaderboard-page"),
    title: Title = "insightv-bench",
    unverified: Annotated[
        bool, typer.Option("--unverified", help="Show what `verify` rejects too, apart and marked.")
    ] = False,
) -> None:
    """Results -> comparable rows, a terminal table, a page, Markdown, JSON and parquet.

    Of submissions those count that `verify` accepts; what cannot be read is left out with a line.
    """
    console = Console()
    sources = load_function("leaderboard.submissions:collect")(results, unverified)
    board = load_function("leaderboard.build:build")(sources, out, title)
    load_function("leaderboard.tables:print_board")(board, console)
    console.print(f"\nPage     {out / 'index.html'}", soft_wrap=True, highlight=False)
    console.print(
        f"Files    {out / 'board.md'}, board.csv, board.tex, board.json, tables/, figures/",
        soft_wrap=True,
        highlight=False,
    )


@board_app.command("view")
def view(
    place: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="A page's, or a run's.")] = Path("leaderboard-page"),
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any that is free.")] = 8137,
) -> None:
    """Serve a page on this machine alone; Ctrl-C ends it."""
    server = load_function("leaderboard.page:server")(place, port)
    typer.echo(f"page at http://127.0.0.1:{server.server_port}/; Ctrl-C ends it")
    try:
        server.serve_forever()
    finally:
        server.server_close()


@board_app.command("ablations")
def ablations(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs of one recipe, one a seed.")],
    out: Annotated[Path, typer.Option("--out", help="Where table and figure go.")] = Path("ablations"),
    prereg: Annotated[
        Path | None, typer.Option("--prereg", help="The claims as they read today, against those kept before.")
    ] = None,
) -> None:
    """Runs -> the ablation table, its claims, its planned comparisons and their figure."""
    today = load_function("settings:load_preregistration")(prereg) if prereg else None
    file = load_function("leaderboard.ablations:write_ablations")(runs, out, today)
    console = Console()
    for line in file.with_name("sentences.md").read_text(encoding="utf-8").splitlines():
        console.print(visible(line), markup=False, highlight=False, soft_wrap=True)
    console.print(f"\nTable    {file}", soft_wrap=True, highlight=False)


@board_app.command("submit")
def submit(
    results: Results,
    title: Annotated[str, typer.Option("--title", help="What it is called, `my-model on drawn-tiny` say.")],
    out: Annotated[Path, typer.Option("--out", help="A new folder for the submission.")] = Path("submission"),
    to: Annotated[str, typer.Option("--to", metavar="ORG/NAME", help="A data set of results; made if new.")] = "",
    links: Annotated[
        list[str] | None, typer.Option("--link", metavar="URL", help="Of a paper, of code; once for each.")
    ] = None,
    private: Private = None,
) -> None:
    """Results -> a submission: rows, figures and lineage, checked; with `--to` added to a data set on the Hub."""
    sources = load_function("leaderboard.submissions:collect")(results)
    for note in sources.notes:
        typer.echo(visible(f"note: {note}"))
    submission = load_function("leaderboard.submissions:make_submission")(sources.folders, out, title, links or ())
    typer.echo(f"submission {submission.id} in {out}: {sum(each.num_rows for each in submission.evaluations):,} rows")
    if to:
        _, pushed = load_function("leaderboard.submissions:submit")(out, to, private)
        change = f"{pushed.num_files} files at" if pushed.num_files else "it is there already:"
        typer.echo(f"{change} {pushed.url}\nrevision {pushed.revision}")
        return
    typer.echo(f"check it: insightv-bench leaderboard verify {out}")


@board_app.command("verify")
def verify(
    submission: Annotated[str, typer.Argument(help="A submission's folder, or a data set of them as ORG/NAME.")],
    rerun: Annotated[int, typer.Option("--rerun", min=0, help="Ask `--model` so many of its requests again.")] = 0,
    model: Annotated[str, typer.Option("--model", help="Folder, Hub id or openai:URL#NAME of the model asked.")] = "",
    questions: Annotated[
        Path | None, typer.Option("--questions", help="Rows that hold the pictures: a stage's folder or a split.")
    ] = None,
) -> None:
    """Read every answer again, compute every figure again, and reject what does not match."""
    if bool(rerun) != bool(model):
        raise RecipeError("`--rerun N` and `--model MODEL` go together", "name how many requests, and who is asked")
    place = Path(submission)
    if not place.exists():
        place, note = load_function("leaderboard.board.results:from_hub")(submission)
        typer.echo(note)
    rejected = accepted = 0
    folders = load_function("leaderboard.submissions:find_submissions")(place)
    for folder in folders:
        try:
            verdict = load_function("leaderboard.submissions:verify")(folder)
        except RunError as error:  # one that cannot be read keeps no other from being verified
            if len(folders) == 1:
                raise
            typer.echo(visible(f"rejected  {folder.name}: {error.fact}"))
            rejected += 1
            continue
        load_function("leaderboard.submissions:print_verdict")(verdict, Console())
        is_worse = rerun > 0 and not verdict.problems and _asked_again(folder, model, rerun, questions)
        rejected += bool(verdict.problems) or is_worse
        accepted += not verdict.problems
    if accepted and not rerun:
        typer.echo(load_function("leaderboard.submissions.verify:NOT_SEEN"))
    if rejected:
        raise RunError(f"{rejected} submission{'s' if rejected > 1 else ''} rejected", "the lines above say why")


def _asked_again(folder: Path, model: str, num: int, questions: Path | None) -> bool:
    """Whether the model answers worse than the submission says."""
    from insightv_bench.engines import Caller, open_engine
    from insightv_bench.journal import Journal
    from insightv_bench.settings import engine_of

    with TemporaryDirectory() as kept, ExitStack() as stack:
        journal = Journal(Path(kept) / "journal.sqlite")
        stack.callback(journal.close)
        caller = stack.enter_context(Caller(open_engine(engine_of(model)), journal))
        found = load_function("leaderboard.submissions:rerun")(folder, caller, num, questions)
        for line in load_function("leaderboard.submissions:rerun_words")(found, caller.model):
            typer.echo(visible(f"  {line}"))
    if found.is_worse:
        typer.echo("rejected  the model answers worse than the submission says")
    return bool(found.is_worse)


Secret = Annotated[str, typer.Option("--secret", envvar="INSIGHTV_SECRET", help="What the set is drawn from.")]
LevelOption = Annotated[str, typer.Option("--level", metavar="tiny|small|full")]
NumQuestions = Annotated[int, typer.Option("--num", min=1, max=10_000, help="Questions of the set.")]


@board_app.command("private")
def private_set(
    secret: Secret,
    level: LevelOption = "small",
    num: NumQuestions = 500,
    out: Annotated[Path, typer.Option("--out", help="A new folder for questions and images.")] = Path("private-set"),
) -> None:
    """A test set without answers, drawn from a secret; the hash that is printed may be published."""
    told = load_function("leaderboard.submissions:private_set")(secret, known_level(level), num, out)
    typer.echo(f"{num:,} questions in {out}\ncommitment {told}")


@board_app.command("score")
def score(
    predictions: Annotated[Path, typer.Argument(metavar="FILE", help='JSON lines {"id": ..., "response": ...}.')],
    secret: Secret,
    level: LevelOption = "small",
    num: NumQuestions = 500,
    commitment: Annotated[str, typer.Option("--commitment", help="The published hash, to be checked first.")] = "",
) -> None:
    """Predictions on a private set, scored; what is missing or cannot be read is wrong."""
    from insightv_bench.statistics import percent

    args = (predictions, secret, known_level(level), num, commitment)
    found = load_function("leaderboard.submissions:score")(*args)
    typer.echo(f"accuracy {percent(*found.accuracy[:3])} %, n = {num:,}")
    typer.echo(f"missing {found.num_missing:,}, unread {found.num_unread:,}")


def known_level(name: str) -> str:
    from insightv_bench.world import LEVELS

    if name not in LEVELS:
        raise RunError(f"there is no level `{name}`", f"the levels are {', '.join(LEVELS)}")
    return name


@board_app.command("publish")
def publish(
    space: Annotated[str, typer.Argument(metavar="ORG/SPACE", help="A static Space; made if new.")],
    page: Annotated[Path, typer.Option("--page", help="What `leaderboard build` made.")] = Path("leaderboard-page"),
    private: Private = None,
) -> None:
    """The page to a static Space on the Hub, in one commit."""
    pushed = load_function("leaderboard.submissions:publish")(page, space, private)
    typer.echo(f"{pushed.num_files} files at {pushed.url}\nrevision {pushed.revision}")


@board_app.command("eval-results")
def eval_results(
    results: Results,
    benchmark: Annotated[str, typer.Option("--benchmark", metavar="ORG/NAME[@REVISION]", help="The questions' set.")],
    model: Annotated[str, typer.Option("--model", metavar="ORG/NAME", help="Push to this repository.")] = "",
    system: Annotated[str, typer.Option("--system", help="As the board calls it, where there are several.")] = "",
    out: Annotated[Path, typer.Option("--out", help="Where the files go.")] = Path(),
    task_id: Annotated[
        list[str] | None, typer.Option("--task-id", metavar="ARM=ID", help="The benchmark's own task; may be repeated.")
    ] = None,
    source: Annotated[str, typer.Option("--source", metavar="URL", help="Where the results can be looked at.")] = "",
    pr: Annotated[bool, typer.Option("--pr", help="Open a pull request instead of a commit.")] = False,
) -> None:
    """Results -> `.eval_results/*.yaml` of a model's repository: one entry an arm, with notes.

    Task ids are those of the benchmark's `eval.yaml`, where it has them.
    """
    if pr and not model:
        raise RecipeError("`--pr` opens a pull request, and no repository is named", "name it with `--model`")
    room = "leaderboard.submissions"
    ids = load_function(f"{room}:parse_task_ids")(task_id or []) or load_function(f"{room}:own_task_ids")(benchmark)
    board, _ = load_function("leaderboard.build:read")(results)
    told = load_function(f"{room}:Told")(ids, source)
    texts = load_function(f"{room}:eval_result_files")(board, system, benchmark, told)
    for name, text in texts.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        load_function("storage:write_text")(out / name, text)
        typer.echo(out / name)
    if model:
        pushed = load_function(f"{room}:push_eval_results")(texts, model, pr)
        typer.echo(f"{pushed.num_files} files at {pushed.url}\nrevision {pushed.revision}")


@board_app.command("every-eval-ever")
def every_eval_ever(
    results: Results,
    developer: Annotated[str, typer.Option("--developer", help="Who made the models, where no Hub id says it.")],
    out: Annotated[Path, typer.Option("--out", help="Where `data/` goes.")] = Path("every-eval-ever"),
    title: Title = "insightv-bench",
) -> None:
    """Results -> Every Eval Ever's JSON with intervals, and its samples."""
    board, rows = load_function("leaderboard.build:read")(results, title)
    for file in load_function("leaderboard.submissions:write_every_eval")(board, rows, out, developer):
        typer.echo(file)
