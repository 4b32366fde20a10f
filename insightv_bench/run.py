"""A recipe's stages in order, in one folder; the same command goes on after a kill, and ends with the same result."""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from .errors import RecipeError, RunError
from .journal import Journal
from .plan import plan
from .progress import Progress
from .recipe import Recipe
from .stage import Context, Stage, fingerprint, guard_writable, is_whole, load_function, read_manifest, run_stage
from .tables import first_line, write_text

RUN, SUMMARY, JOURNAL, STAGES = "run.json", "summary.json", "journal.sqlite", "stages"


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
            with progress or Progress() as shown:
                return _run_stages(recipe, folder, stages, shown)
    except Exception as error:
        if not is_disk_trouble(error):
            raise
        reason = getattr(error, "strerror", None) or first_line(error)
        full = not isinstance(error, OSError) or error.errno in (errno.ENOSPC, errno.EDQUOT)
        mend = "free some space" if full else "see whether the place can be read and written"
        raise RunError(f"`{folder}`: {reason}", f"{mend}; the same command goes on from there") from error


def is_disk_trouble(error: Exception) -> bool:
    """Whether a file could not be written; libraries that write from C++ or Rust say it in words alone."""
    words = ("No space left on device", "inline_container")  # of safetensors, and of torch's zip file
    return isinstance(error, OSError) or any(word in str(error) for word in words)


def set_threads(threads: int) -> None:
    """The same number in training and in sampling, in a fresh run and in a resumed one: it changes the last bits."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)


def run_folder(recipe: Recipe, out: str | Path) -> Path:
    return Path(out) / f"{recipe.name}-seed{recipe.seed}"


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
        wanted += [name for name in by_name[name].inputs if name not in names]
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
    if not file.exists():
        ours = f"{RUN}.partial"  # of a run that was killed while it began
        strangers = [item.name for item in folder.iterdir() if item.name != ours and not item.name.startswith(".")]
        if strangers:
            raise RunError(f"`{folder}` holds `{strangers[0]}` and is no run folder", "name another with `--out`")
        write_text(file, json.dumps(mine) + "\n")
        return
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"`{file}` cannot be read: {error}", f"remove the folder: rm -r {folder}") from error
    if found != mine:
        whole = isinstance(found, dict) and mine.keys() <= found.keys()
        theirs = f"recipe `{found['recipe']}`, seed {found['seed']}" if whole else "something else"
        raise RunError(f"`{folder}` is a run of {theirs}", "name another folder with `--out`")


def _run_stages(recipe: Recipe, folder: Path, stages: Sequence[Stage], progress: Progress) -> dict[str, Any]:
    folders = place(recipe, folder, stages)
    _check_training([stage for stage in stages if not is_whole(folders[stage.name])])
    journal = Journal(folder / JOURNAL)
    try:
        for number, stage in enumerate(stages, 1):
            inputs = {name: folders[name] for name in stage.inputs}
            context = Context(stage, folders[stage.name], inputs, journal, progress, recipe.seed, recipe)
            manifest = _run_one(stage, context, f"{number}/{len(stages)}", progress)
    finally:
        journal.close()
    return _finish(recipe, folder, folders, manifest)


def place(recipe: Recipe, folder: Path, stages: Sequence[Stage]) -> dict[str, Path]:
    """Where each stage's rows lie or will lie."""
    folders: dict[str, Path] = {}
    for stage in stages:
        inputs = {name: folders[name] for name in stage.inputs}
        folders[stage.name] = folder / STAGES / f"{stage.name}-{fingerprint(stage, inputs, recipe.seed)}"
    return folders


def _check_training(stages: Sequence[Stage]) -> None:
    """A misspelt trainer option is said now, not after the stages before it."""
    trained = [stage for stage in stages if stage.function.startswith("trainers.")]
    if trained:
        load_function("trainers.options:check_stages")(trained)


def _run_one(stage: Stage, context: Context, place: str, progress: Progress) -> dict[str, Any]:
    if is_whole(context.folder):
        return read_manifest(context.folder)
    started = time.monotonic()
    manifest = run_stage(stage, context)
    dropped = f", {manifest['num_dropped']:,} dropped" if manifest["num_dropped"] else ""
    rows = f"{manifest['num_rows']:,} rows{dropped}" if manifest["num_rows"] else ""
    progress.say(f"{place:>6} {stage.name:<22} {time.monotonic() - started:7.1f} s  {rows}".rstrip())
    return manifest


def _finish(recipe: Recipe, folder: Path, folders: dict[str, Path], manifest: dict[str, Any]) -> dict[str, Any]:
    if "leaderboard" not in folders:
        return manifest
    seconds = {name: read_manifest(stage)["seconds"] for name, stage in folders.items()}
    board = json.loads((folders["leaderboard"] / "board.json").read_text(encoding="utf-8"))
    summary = {
        "recipe": recipe.name,
        "seed": recipe.seed,
        "seconds": round(sum(seconds.values()), 3),
        "stages": [{"name": name, "seconds": value} for name, value in seconds.items()],
        **{part: board[part] for part in ("arms", "comparisons", "robustness")},
        "models": {name: str(stage / "model") for name, stage in folders.items() if name.startswith("train-")},
        "page": str(folders["leaderboard"] / "index.html"),
    }
    write_text(folder / SUMMARY, json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
    return summary
