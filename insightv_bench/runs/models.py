"""Which model a user means: a folder, a Hub id, or a run's folder, in which each seat has its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

from insightv_bench.errors import ModelError
from insightv_bench.settings import RoundKind, engine_of, is_python, is_server, seat_name
from insightv_bench.stages import SUMMARY


def run_models(place: str) -> dict[str, str]:
    """The models of a finished run by the seat that each takes after the last round; none where `place` is no run."""
    file = Path(place) / SUMMARY
    if not file.exists():
        return {}
    try:
        summary = json.loads(file.read_text(encoding="utf-8"))
        models = {stage: str(Path(place) / Path(*Path(model).parts[-3:])) for stage, model in summary["models"].items()}
        return {seat: models[stage] for seat, stage in (summary.get("seats") or _earlier_seats(models)).items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"`{file}` is no run's summary", f"run its recipe again, or remove it: rm {file}") from error


def _earlier_seats(stages: Iterable[str]) -> dict[str, str]:
    """Of a run that was finished before summaries named the seats: told by its stages' names."""
    rounds = [f"train-{kind}-[0-9]+" for kind in get_args(RoundKind)]  # beside DPO's, those of the others are controls
    names = {
        "base": ["train-base"],
        "reason": [*rounds, "train-reason"],
        "summary": ["train-grpo-summary-[0-9]+", "train-summary"],
    }
    of_seats = {seat: [[s for s in stages if re.fullmatch(name, s)] for name in names[seat]] for seat in names}
    return {seat: next(filter(None, found))[-1] for seat, found in of_seats.items() if any(found)}


def reason_model(place: str) -> str:
    """The last reasoning agent of a run, or the model itself."""
    return run_models(place).get("reason") or _checked(place)


def summary_model(place: str) -> str:
    """The last summary agent of a run, or the model itself."""
    return run_models(place).get("summary") or _checked(place)


def find_seats(model: str, reason: str, summary: str) -> dict[str, str]:
    """A model for each seat; `model` fills those that are not named. Raises ModelError where a seat stays empty."""
    trained = run_models(model) if model else {}
    reason = reason_model(reason or model) if reason or model else ""
    seats = {
        "base": trained.get("base") or (_checked(model) if model and not trained else reason),
        "reason": reason,
        "summary": (summary and summary_model(summary)) or trained.get("summary") or model or reason,
    }
    for seat, place in seats.items():
        if place:
            _checked(place)
        else:
            raise ModelError(f"no model for the seat `{seat}`", "name one for all seats with `--model`")
    return seats


def _checked(place: str) -> str:
    """Raises ModelError for a folder that is neither a model nor a finished run, and for a misspelt server."""
    if is_server(place):
        engine_of(place)
    folder = Path(place)
    if folder.is_dir() and not (folder / "config.json").exists():
        reason = "an unfinished run" if (folder / "run.json").exists() else "no model: it holds no `config.json`"
        raise ModelError(f"`{place}` is {reason}", "name a folder that `from_pretrained` can load, or a finished run")
    return place


def run_name(place: str) -> str:
    """A short name for a run's folder, a model's folder (`<stage>/model` goes by the stage), a Hub id or a server's."""
    if is_server(place) or is_python(place):
        return slug(seat_name(place))
    parts = [part for part in Path(place).parts if part not in ("/", "..", ".")]
    words = parts[-2] if parts[-1] == "model" and len(parts) > 1 else parts[-1]
    if not Path(place).exists():
        words = "-".join(parts)
    return slug(words)


def slug(words: str) -> str:
    """Lower case, digits and hyphens, as a recipe's name is."""
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-") or "model"
