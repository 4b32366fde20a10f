"""`answers check`: how well our reading of answers agrees with one that is known."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from insightv_bench.errors import SourceError

from .options import AsJson

if TYPE_CHECKING:
    from insightv_bench.answers import AgreementReport

answers_app = typer.Typer(no_args_is_help=True, help="How answers are read.")


@answers_app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="Rows `response, gold, options, kind, agreed` as JSON lines (.gz too).")],
    json_: AsJson = False,
) -> None:
    """How well our reading of answers agrees with one that is known."""
    from insightv_bench.answers import as_text

    report = check_file(file)
    typer.echo(json.dumps(report.as_json()) if json_ else as_text(report))


def check_file(file: Path) -> AgreementReport:
    """`check_rows` of one JSON object a line, `.jsonl` or `.jsonl.gz`. Raises SourceError where it cannot be read."""
    from insightv_bench.answers import check_rows

    try:
        with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as lines:
            return check_rows(json.loads(line) for line in lines if line.strip())
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise SourceError(
            f"cannot read replies from `{file}`: {type(error).__name__}: {error}",
            "give a .jsonl or .jsonl.gz file whose rows have `response`, `gold`, `options`, `kind` and `agreed`",
        ) from error
