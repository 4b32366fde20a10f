"""Two-agent multimodal reasoning: build the corpora, train both agents, evaluate every arm, compare."""

from __future__ import annotations

import io
import os
import shlex
import signal
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from insightv_bench import __version__
from insightv_bench.environment import settle
from insightv_bench.errors import EngineUnavailable, InsightvError, RunError
from insightv_bench.escape import visible

from .answers import answers_app
from .corpora import corpora_app, export, pull, push
from .env import env
from .eval import eval_command, lm_eval
from .journal import journal_app
from .leaderboard import board_app
from .results import compare, plan, rescore
from .run import build_app, recipes, run_command, train_app
from .serve_teacher import serve_teacher
from .try_model import try_model

AS_IT_IS = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""Of a command whose arguments go on to another program."""
COMMANDS: dict[str, typer.Typer | Callable[..., None]] = {
    "recipes": recipes,
    "try": try_model,
    "run": run_command,
    "build": build_app,
    "train": train_app,
    "eval": eval_command,
    "lm-eval": lm_eval,
    "compare": compare,
    "plan": plan,
    "rescore": rescore,
    "leaderboard": board_app,
    "corpora": corpora_app,
    "export": export,
    "push": push,
    "pull": pull,
    "journal": journal_app,
    "answers": answers_app,
    "serve-teacher": serve_teacher,
    "env": env,
}
"""In the order of `--help`: the walk from questions to the page, then what is done with what it left."""


class InOrder(TyperGroup):
    """typer lists all groups after all commands."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)


app = typer.Typer(
    cls=InOrder,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=__doc__,
)
for name, command in COMMANDS.items():
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name)
    else:
        app.command(name, context_settings=AS_IT_IS if command is lm_eval else None)(command)


def print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"insightv-bench {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    pass


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


def refuse_unreadable_names() -> None:
    """Raises RunError where this Python takes file names for ASCII, and one that was named is not."""
    encoding = sys.getfilesystemencoding()
    odd = next((one for one in sys.argv[1:] if any("\udc80" <= character <= "\udcff" for character in one)), None)
    if odd and encoding.lower().replace("-", "") != "utf8":
        fact = f"this Python reads names of files as {encoding}, and `{visible(odd)}` is not"
        raise RunError(fact, "set PYTHONUTF8=1, or a locale of UTF-8: LC_ALL=C.UTF-8")


def main() -> None:
    settle()
    signal.signal(signal.SIGINT, interrupted)
    for stream in (sys.stdout, sys.stderr):  # of a terminal or a pipe that is not UTF-8: what it lacks is spelt out
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        refuse_unreadable_names()
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
