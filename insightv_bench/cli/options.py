"""Options that several commands take, under one name and one explanation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path, typer.Option("--out", help="The folder that holds the runs.")]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key of the recipe.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
EngineName = Annotated[
    str, typer.Option("--engine", metavar="local|ray", help="`ray`: ask the models over a Ray cluster.")
]
BaseUrl = Annotated[str, typer.Option("--base-url", help="Of a server; `--judge` is then its NAME.")]
Answers = Annotated[
    str,
    typer.Option("--answers", metavar="likely|strict", help="The weakest reading that may be right; `strict`: sure."),
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
Private = Annotated[bool | None, typer.Option("--private/--public", help="Of a new repository.")]


def engine_override(name: str) -> list[str]:
    """`--engine` as an override of the recipe, which says what it may be."""
    return [f"engine={json.dumps(name)}"] if name else []
