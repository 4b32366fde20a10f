"""`insightv-bench serve-teacher`: the drawn world's teacher behind HTTP, as any other model is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from insightv_bench.errors import RecipeError, RunError

KEY = "INSIGHTV_TEACHER_KEY"
"""An argument would stand in every list of processes."""


def serve_teacher(
    questions: Annotated[list[Path], typer.Argument(help="Questions of the drawn world: a run's folder or a stage's.")],
    host: Annotated[str, typer.Option("--host", help="127.0.0.1: this machine alone.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any that is free.")] = 8000,
    careful: Annotated[float, typer.Option("--careful", min=0, max=1, help="Share of paths that read all.")] = 1.0,
    partial: Annotated[float, typer.Option("--partial", min=0, max=1, help="Share that read half.")] = 0.0,
    read_error: Annotated[float, typer.Option("--read-error", min=0, max=1, help="Chance to misread.")] = 0.0,
    state_error: Annotated[float, typer.Option("--state-error", min=0, max=1, help="Chance to miscount.")] = 0.0,
    delay_s: Annotated[float, typer.Option("--delay-s", min=0, help="Before each reply.")] = 0.0,
    fault: Annotated[list[str] | None, typer.Option("--fault", metavar="KIND=RATE", help="`429=0.1`, say.")] = None,
) -> None:
    """The drawn world's teacher as an OpenAI-compatible server. It knows the images, and is never told an answer.

    Clients must send the key in INSIGHTV_TEACHER_KEY, where that is set; for other machines it must be.
    """
    from insightv_bench.engines.teacher import Teacher
    from insightv_bench.serving import LOCAL, ChatServer, Faults, Manners
    from insightv_bench.settings import TeacherEngine

    key = os.environ.get(KEY, "")
    if host not in LOCAL and not key:
        raise RecipeError(f"`--host {host}` lets other machines in, and no key is set", f"set one: export {KEY}=...")
    scenes = read_scenes(questions)
    errors = {"careful": careful, "partial": partial, "read_error": read_error, "state_error": state_error}
    manners = Manners(key, delay_s, Faults(fault_rates(fault or [])))
    server = ChatServer(Teacher(TeacherEngine.model_validate(errors), scenes), host, port, manners)
    typer.echo(f"model `teacher` at {server.url}, {len(scenes):,} images; Ctrl-C ends it")
    server.serve_forever()


def read_scenes(places: Sequence[Path]) -> dict[str, str]:
    """Scene by image hash; questions and answers are not read. Raises RunError where there are none."""
    from insightv_bench.storage import read_frame

    scenes: dict[str, str] = {}
    for folder in [folder for place in places for folder in _stages(place)]:
        rows = read_frame(folder, ["image_sha256", "scene"]).iter_rows()
        scenes.update((hashes[0], scene) for hashes, scene in rows if scene and hashes)
    if not scenes:
        named = ", ".join(f"`{place}`" for place in places)
        raise RunError(f"no questions of the drawn world in {named}", "make some: insightv-bench build questions walk")
    return scenes


def _stages(place: Path) -> list[Path]:
    """The finished stages of questions in a run's folder; or the folder itself."""
    from insightv_bench.stages import STAGES

    if not (place / STAGES).is_dir():
        return [place]
    return [manifest.parent for manifest in sorted((place / STAGES).glob("questions-*/manifest.json"))]


def fault_rates(words: Sequence[str]) -> dict[str, float]:
    rates: dict[str, float] = {}
    for word in words:
        kind, _, rate = word.partition("=")
        try:
            rates[kind] = float(rate)
        except ValueError:
            raise RecipeError(f"`{word}` does not say how often a fault comes", "write `--fault 429=0.1`") from None
    return rates
