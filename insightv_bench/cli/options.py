"""Options that several commands take, under one name and one explanation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from insightv_bench.keys import note_typed, remember


def typed(value: Any) -> Any:
    """A server named in the command may be sent the default key (see `keys`)."""
    note_typed(map(str, value if isinstance(value, list) else [value or ""]))
    return value


def allow(pairs: list[str] | None) -> list[str] | None:
    remember(pairs or [])
    return pairs


Out = Annotated[Path, typer.Option("--out", help="The folder that holds the runs.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key of the recipe.", callback=typed)
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
EngineName = Annotated[
    str, typer.Option("--engine", metavar="local|ray", help="`ray`: ask the models over a Ray cluster.")
]
Answers = Annotated[
    str,
    typer.Option("--answers", metavar="likely|strict", help="The weakest reading that may be right; `strict`: sure."),
]
BaseUrl = Annotated[str, typer.Option("--base-url", help="Of a server; `--judge` is then its NAME.", callback=typed)]
JudgeName = Annotated[str, typer.Option("--judge", help="Who judges: folder, Hub id, openai:URL#NAME.", callback=typed)]
AllowKey = Annotated[
    list[str] | None,
    typer.Option("--allow-key", metavar="VAR=HOST", help="The key in VAR may go to HOST; remembered.", callback=allow),
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
Private = Annotated[bool | None, typer.Option("--private/--public", help="Of a new repository.")]


def engine_override(name: str) -> list[str]:
    """`--engine` as an override of the recipe, which says what it may be."""
    return [f"engine={json.dumps(name)}"] if name else []
