"""Two-agent multimodal reasoning: build the corpora, train both agents, evaluate every arm, compare."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from insightv_bench.errors import EngineUnavailable, InsightvError
from insightv_bench.escape import visible

from . import corpora as cli_corpora
from . import eval as cli_eval
from . import results as cli_results
from . import run as cli_run
from .leaderboard import board_app
from .serve_teacher import serve_teacher

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, help=__doc__
)
journal_app = typer.Typer(no_args_is_help=True, help="What was asked of models, and what it cost.")
answers_app = typer.Typer(no_args_is_help=True, help="How answers are read.")
for name, part in [
    ("build", cli_run.build_app),
    ("train", cli_run.train_app),
    ("leaderboard", board_app),
    ("journal", journal_app),
    ("answers", answers_app),
]:
    app.add_typer(part, name=name)
cli_corpora.register(app)
cli_eval.register(app)
cli_results.register(app)
cli_run.register(app)


@journal_app.command("stats")
def journal_stats(run: Annotated[Path, typer.Argument(help="A run's folder.")]) -> None:
    """Calls, tokens, hits and failures, by model."""
    from .summary import print_journal

    print_journal(run, Console())


@answers_app.command("check")
def answers_check(
    file: Annotated[Path, typer.Argument(help="Rows `response, gold, options, kind, agreed` as JSON lines (.gz too).")],
    json_: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """How well our reading of answers agrees with one that is known."""
    from .summary import print_agreement

    print_agreement(file, json_)


app.command("serve-teacher")(serve_teacher)

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def interrupted(signum: int, frame: object) -> None:
    """The first Ctrl-C stops in good order; a second one stops at once."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    raise KeyboardInterrupt


def run_app() -> None:
    """The command; where `accelerate launch` started several processes, the first runs it and the others generate."""
    if "RANK" not in os.environ or not {"eval", "lm-eval", "build"} & set(sys.argv[1:2]):
        app(standalone_mode=True)
        return
    from insightv_bench.engines.hf import follow, is_first, num_processes, team

    if num_processes() == 1:
        app(standalone_mode=True)
    elif is_first():
        with team():
            app(standalone_mode=True)
    else:
        follow()


def main() -> None:
    # Waiting threads of torch sleep instead of spinning: on a busy machine a step is ten times faster (measured).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # torch in huge pages: a training step is 15-20 % faster
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    signal.signal(signal.SIGINT, interrupted)
    try:
        run_app()
    except EngineUnavailable as error:
        typer.echo(f"error: {visible(str(error))}\n      {shlex.join(['insightv-bench', *sys.argv[1:]])}", err=True)
        sys.exit(1)
    except InsightvError as error:
        typer.echo(f"error: {visible(str(error))}", err=True)
        sys.exit(1)
    except SystemExit as end:  # typer makes this of a Ctrl-C
        if end.code == INTERRUPTED:
            typer.echo("stopped; the same command goes on from here", err=True)
        raise
