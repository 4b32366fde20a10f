"""A recipe's stages in order, in one folder; the same command goes on after a kill, and ends with the same result."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from insightv_bench.engines.served import end_left_over
from insightv_bench.errors import InsightvError, RecipeError, RunError
from insightv_bench.journal import Journal, open_journal
from insightv_bench.lazy import load_function
from insightv_bench.plan import agents_of, goes_over, plan
from insightv_bench.records import content_id
from insightv_bench.settings import Recipe, WorldSource, seat_name
from insightv_bench.stages import (
    JOURNAL,
    MANIFEST,
    MODEL,
    RUN,
    SERVERS,
    STAGES,
    SUMMARY,
    Cluster,
    Context,
    Progress,
    Stage,
    check_models,
    drop_checkpoints,
    fingerprint,
    finished_before,
    guard_writable,
    is_whole,
    read_manifest,
    run_stage,
    set_threads,
    wait_for_orphans,
    what_it_makes,
)
from insightv_bench.storage import explain_disk, write_text

from .training_cost import rate_notes
from .worker_pool import CHECK_TRAINING, LOCKS, Crew, finished_line

MODELS = "models"
"""In a run's file: the names of its models by seat, where they came from elsewhere."""


def run(recipe: Recipe, out: str | Path = "runs", until: str = "", progress: Progress | None = None) -> dict[str, Any]:
    """Run `recipe` in `out/<name>-seed<N>`, or as far as stage `until`; what is there already is kept.

    Returns the content of `summary.json`, or the last stage's manifest where `until` stops before the leaderboard.
    Raises RunError where the folder is another recipe's, is in use or cannot be written.
    """
    folder = run_folder(recipe, out)
    stages = needed(plan(recipe), until)
    guard_writable(folder)
    set_threads(recipe.threads)
    try:
        with _lock(folder):
            _claim(recipe, folder)
            wait_for_orphans(folder, LOCKS)
            end_left_over(folder / SERVERS)
            with progress or Progress() as shown:
                return _run_stages(recipe, folder, stages, shown)
    except Exception as error:
        explained = explain_disk(error, folder)
        if explained is None:
            raise
        raise explained from error


def run_folder(recipe: Recipe, out: str | Path) -> Path:
    return Path(out) / f"{recipe.name}-seed{recipe.seed}"


def told_apart(recipe: Recipe, out: str | Path) -> Recipe:
    """The recipe under another name, run and system, where the folder of its own is of models that are called
    otherwise: `a/b` beside `a-b`, of which names make one folder's."""
    mine = _models_of(recipe)
    mark = content_id(mine, length=6)
    other = recipe.model_copy(update={part: f"{getattr(recipe, part)}-{mark}" for part in ("name", "system")})
    if run_folder(other, out).exists():
        return other
    there = _models_there(run_folder(recipe, out))
    return other if any(there[seat] != mine[seat] for seat in there.keys() & mine) else recipe


def _models_of(recipe: Recipe) -> dict[str, str]:
    return {seat: seat_name(engine) for seat, engine in sorted(recipe.model_seats.items())}


def _models_there(folder: Path) -> dict[str, str]:
    """Seat -> name of a run's models; of runs of before, what their finished evaluations say; else none."""
    try:
        told = json.loads((folder / RUN).read_text(encoding="utf-8")).get(MODELS)
        if told:
            return dict(told)
        evaluated = next(folder.glob(f"{STAGES}/eval-*/{MANIFEST}"), None)
        seats = read_manifest(evaluated.parent)["options"]["seats"] if evaluated else {}
        places = {
            seat: ("python:" if engine["kind"] == "python" else "") + engine["model"] for seat, engine in seats.items()
        }
        return {seat: seat_name(place) for seat, place in places.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, InsightvError):
        return {}


def needed(stages: Sequence[Stage], until: str) -> list[Stage]:
    """The stages that `until` needs, itself last; all of them for an empty name."""
    if not until:
        return list(stages)
    by_name = {stage.name: stage for stage in stages}
    if until not in by_name:
        known = ", ".join(f"`{name}`" for name in by_name)
        raise RecipeError(f"this recipe has no stage `{until}`", f"its stages are {known}")
    wanted, names = [until], set()
    while wanted:
        name = wanted.pop()
        names.add(name)
        wanted += [other for other in by_name[name].inputs.values() if other not in names]
    return [stage for stage in stages if stage.name in names]


def _lock(folder: Path) -> Any:
    try:
        return FileLock(folder / ".lock").acquire(timeout=0)
    except Timeout:
        raise RunError(
            f"another process works in `{folder}`", "wait for it, or name another folder with `--out`"
        ) from None


def _claim(recipe: Recipe, folder: Path) -> None:
    """Raises RunError where the folder holds something that is not a run of this recipe."""
    file, mine = folder / RUN, {"recipe": recipe.name, "seed": recipe.seed}
    models = {MODELS: _models_of(recipe)} if recipe.model_seats else {}
    if not file.exists():
        ours = f"{RUN}.partial"  # of a run that was killed while it began
        strangers = [item.name for item in folder.iterdir() if item.name != ours and not item.name.startswith(".")]
        if strangers:
            raise RunError(f"`{folder}` holds `{strangers[0]}` and is no run folder", "name another with `--out`")
        write_text(file, json.dumps(mine | models) + "\n")
        return
    try:
        theirs = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(
            f"`{file}` cannot be read: {error}",
            f"name another folder with `--out`; the replies in it are kept: {folder / JOURNAL}",
        ) from error
    whole = isinstance(theirs, dict) and mine.keys() <= theirs.keys()
    if not whole or any(theirs[part] != mine[part] for part in mine):
        what = f"recipe `{theirs['recipe']}`, seed {theirs['seed']}" if whole else "something else"
        raise RunError(f"`{folder}` is a run of {what}", "name another folder with `--out`")


def _run_stages(recipe: Recipe, folder: Path, stages: Sequence[Stage], progress: Progress) -> dict[str, Any]:
    folders = place(recipe, folder, stages)
    to_do = [stage for stage in stages if not is_whole(folders[stage.name])]
    for stage in stages:
        if stage not in to_do:  # a kill may have come between its manifest and its tidying up
            drop_checkpoints(folders[stage.name])
    for line in rate_notes(recipe, _trained(to_do)):
        progress.say(line)
    over = recipe.engine == "ray"
    journal = open_journal(folder, as_files=over)
    try:
        if not over and recipe.workers == 1:  # rows that are not there are told before a server is waited for
            read = [stage.name for stage in to_do if is_read(stage)]
            _run_in_order(recipe, stages, folders, journal, progress, only=read)
        shows_images = any(getattr(source, "images", "") != "none" for source in recipe.questions.values())
        check_models(to_do, journal, recipe.ray.servers if over else {}, shows_images)
        if over:
            _check_training(to_do)
            if any(goes_over(stage) for stage in to_do):
                from insightv_bench.cluster import cluster

                with cluster(recipe.ray, folder) as joined:
                    _run_in_order(recipe, stages, folders, journal, progress, joined)
            else:  # a run that asks nobody any more joins no cluster
                _run_in_order(recipe, stages, folders, journal, progress)
        elif recipe.workers > 1 and to_do:
            with Crew(recipe, stages, folders, folder / JOURNAL, progress) as crew:
                crew.run([stage.name for stage in _trained(to_do)])
        else:
            _check_training(to_do)
            _run_in_order(recipe, stages, folders, journal, progress)
    finally:
        journal.close()
    return _finish(recipe, folder, folders, read_manifest(folders[stages[-1].name]))


def _run_in_order(
    recipe: Recipe,
    stages: Sequence[Stage],
    folders: Mapping[str, Path],
    journal: Journal,
    progress: Progress,
    cluster: Cluster | None = None,
    only: Sequence[str] | None = None,
) -> None:
    """`only`: the names of those that are run; left out, all are."""
    for number, stage in enumerate(stages, 1):
        if only is not None and stage.name not in only:
            continue
        inputs = {role: folders[name] for role, name in stage.inputs.items()}
        context: Context[Any, Any] = Context(stage, folders[stage.name], inputs, journal, progress, recipe.seed, recipe)
        context.cluster = cluster if goes_over(stage) else None
        if not is_whole(context.folder):
            started = time.monotonic()
            manifest = run_stage(stage, context)
            seconds = time.monotonic() - started
            progress.say(finished_line(f"{number}/{len(stages)}", stage.name, seconds, manifest))


def is_read(stage: Stage) -> bool:
    """Whether it reads questions from elsewhere, and asks nobody."""
    return stage.makes == "questions" and not stage.inputs and not isinstance(stage.settings, WorldSource)


def place(recipe: Recipe, folder: Path, stages: Sequence[Stage]) -> dict[str, Path]:
    """Where each stage's rows lie or will lie."""
    folders: dict[str, Path] = {}
    for stage in stages:
        inputs = {role: folders[name] for role, name in stage.inputs.items()}
        named = folder / STAGES / f"{stage.name}-{fingerprint(stage, inputs, recipe.seed)}"
        before = None if named.exists() else finished_before(folder / STAGES, stage, inputs, recipe.seed)
        folders[stage.name] = before or named
    return folders


def _trained(stages: Sequence[Stage]) -> list[Stage]:
    return [stage for stage in stages if stage.makes == "model"]


def _check_training(stages: Sequence[Stage]) -> None:
    """A misspelt trainer option is said now, not after the stages before it."""
    if trained := _trained(stages):
        load_function(CHECK_TRAINING)(trained)


def wall_seconds(manifests: Iterable[Mapping[str, Any]]) -> float:
    """How long stages were at work, those that ran side by side counted once, and pauses not at all."""
    total, until, spans = 0.0, 0.0, list[tuple[float, float]]()
    for manifest in manifests:
        if "started" not in manifest:  # of a run that was begun before this was kept
            total += manifest["seconds"]
            continue
        began = datetime.fromisoformat(manifest["started"]).timestamp()
        spans.append((began, began + manifest["seconds"]))
    for began, ended in sorted(spans):
        total += max(0.0, ended - max(began, until))
        until = max(until, ended)
    return round(total, 3)


def _finish(recipe: Recipe, folder: Path, folders: dict[str, Path], manifest: dict[str, Any]) -> dict[str, Any]:
    if "leaderboard" not in folders:
        return manifest
    manifests = {name: read_manifest(stage) for name, stage in folders.items()}
    seconds = {name: manifest["seconds"] for name, manifest in manifests.items()}
    board = json.loads((folders["leaderboard"] / "board.json").read_text(encoding="utf-8"))
    models = {name: str(stage / MODEL) for name, stage in folders.items() if what_it_makes(stage) == "model"}
    summary = {
        "recipe": recipe.name,
        "seed": recipe.seed,
        "seconds": round(sum(seconds.values()), 3),
        "wall_seconds": wall_seconds(manifests.values()),
        "processor_seconds": round(sum(manifest.get("processor_seconds", 0) for manifest in manifests.values()), 1),
        "stages": [{"name": name, "seconds": value} for name, value in seconds.items()],
        **{part: board[part] for part in ("arms", "comparisons", "robustness")},
        "models": models,
        "seats": {seat: name for seat, name in agents_of(recipe).items() if name in models},
        "page": str(folders["leaderboard"] / "index.html"),
    }
    write_text(folder / SUMMARY, json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
    return summary
