"""Commands on finished corpora: release, report, export, push, pull."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from insightv_bench.lazy import load_function

corpora_app = typer.Typer(no_args_is_help=True, help="Corpora that are built already.")


class Format(StrEnum):
    llava = "llava"
    llama_factory = "llama-factory"
    ms_swift = "ms-swift"


class RepoKind(StrEnum):
    dataset = "dataset"
    model = "model"


@corpora_app.command("report")
def report(
    run: Annotated[Path, typer.Argument(help="A run's folder.")],
    out: Annotated[Path | None, typer.Option("--out", help="RUN/report if left out.")] = None,
) -> None:
    """Counts, yields, drops by reason, scores and path lengths: Markdown, JSON and drawings."""
    out = out or run / "report"
    text, figures = load_function("builders.release.report:report")(run, out)
    typer.echo(text)
    for figure in figures:
        typer.echo(f"{out / figure.name}.svg: {figure.alternative}")
    typer.echo(f"\nReport   {out / 'report.md'}")


def export(
    format_: Annotated[Format, typer.Argument(metavar="FORMAT", help="llava, llama-factory or ms-swift.")],
    corpus: Annotated[Path, typer.Argument(help="A corpus's folder: a stage's, or CONFIG/SPLIT of a release.")],
    out: Annotated[Path, typer.Argument(help="A new folder.")],
    name: Annotated[str, typer.Option("--name", help="The data set's name in the trainer; OUT's if left out.")] = "",
) -> None:
    """A corpus as another trainer reads it.

    Its rows, and the images as files.
    """
    exported = load_function("builders.release.export:export")(format_.value, corpus, out, name or out.name)
    typer.echo(
        f"{exported.file}: {exported.num_rows:,} rows, {exported.num_images:,} images, "
        f"{sum(exported.dropped.values()):,} dropped"
    )
    for reason, num in exported.dropped.items():
        typer.echo(f"  dropped, {reason}: {num:,}")


def push(
    folder: Annotated[Path, typer.Argument(help="A release, a model, or results.")],
    repo: Annotated[str, typer.Argument(metavar="ORG/NAME", help="The repository; it is made if it is new.")],
    kind: Annotated[RepoKind | None, typer.Option("--kind", help="Seen from the folder if left out.")] = None,
    private: Annotated[bool | None, typer.Option("--private/--public", help="Of a new repository.")] = None,
) -> None:
    """A folder to the Hub, in one commit. A push that was stopped does not send again what is there."""
    from insightv_bench.hub import push

    pushed = push(folder, repo, kind.value if kind else None, private)
    for name in pushed.left_out:
        typer.echo(f"left out: {name} (pickles and code do not travel)")
    typer.echo(f"{pushed.num_files} files at {pushed.url}\nrevision {pushed.revision}")


def pull(
    repo: Annotated[str, typer.Argument(metavar="ORG/NAME")],
    revision: Annotated[str, typer.Option("--revision", help="A commit, tag or branch; main if left out.")] = "",
    out: Annotated[Path | None, typer.Option("--out", help="A new folder; NAME if left out.")] = None,
    kind: Annotated[RepoKind | None, typer.Option("--kind", help="Tried in turn if left out.")] = None,
) -> None:
    """A repository of the Hub, at one revision, as a folder."""
    from insightv_bench.hub import pull

    pulled = pull(repo, revision, out or Path(repo.rpartition("/")[2]), kind.value if kind else None)
    typer.echo(f"{pulled.kind} in {pulled.folder}\nrevision {pulled.revision}")
