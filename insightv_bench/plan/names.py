"""What the parts of a plan share: the names of stages, and how a model's paths are sampled and assessed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from insightv_bench.arms import Arm, Role
from insightv_bench.chat import Ask
from insightv_bench.errors import RecipeError
from insightv_bench.records import content_id
from insightv_bench.settings import (
    AnyPaths,
    FlawsSettings,
    GoldPaths,
    HfEngine,
    LoggedPaths,
    ModelEngine,
    PathsSettings,
    PythonEngine,
    Recipe,
    ScoreRanges,
    Section,
    WorldSource,
    made_by,
)
from insightv_bench.stages import FlawOptions, Stage, StoredOptions
from insightv_bench.storage import sha256

TEACHER, AGENT = "teacher", "sft"
SAMPLE = "questions-sample"
HARD = "hard-questions"


class System(NamedTuple):
    """What stands on the board under one name: a model for each seat, and the arms that it takes part in."""

    name: str
    round: int
    seats: Mapping[str, ModelEngine]
    arms: tuple[Arm, ...]
    paths: str = ""
    """The system whose paths it is given, where it has none of its own."""
    greedy: bool = False
    """Its reasoning agent's paths are greedy, whatever the recipe's sampling."""
    role: Role = "other"
    twin_of: str = ""
    """The system whose greedy twin it is."""
    ask: Ask | None = None
    """How its paths are asked for, where that is not the first way that the recipe names."""
    asked_as: str = ""
    """The system that it is but for its asking; empty: it is asked in the first way."""


def questions_of(recipe: Recipe) -> str:
    """The questions that paths are built for: the hard ones of `train`, or of the only ones there are, or all."""
    return HARD if recipe.hard else asked(recipe)


def asked(recipe: Recipe) -> str:
    return f"questions-{'train' if 'train' in recipe.questions else next(iter(recipe.questions))}"


def is_drawn(recipe: Recipe) -> bool:
    """Whether the questions that paths are built for are of the drawn world."""
    return isinstance(recipe.questions.get(asked(recipe).removeprefix("questions-")), WorldSource)


def flawed(recipe: Recipe, questions: str) -> Stage:
    """Exact flaws need the drawn world's questions alone; all others are planted in sampled paths that are right."""
    drawn, flaws = is_drawn(recipe), recipe.flaws
    if flaws.maker in (("auto", "exact") if drawn else ("exact",)) and "natural" not in flaws.flaws:
        return Stage("corpora-flawed", "exact-flaws", flaws, {"questions": questions})
    return Stage("corpora-flawed", "sampled-flaws", flaws, assessed(questions, TEACHER), ranges_for(recipe, flaws))


def sampled(recipe: Recipe, name: str, questions: str, settings: Section, model: str = "") -> Iterator[Stage]:
    """Paths of `questions` and what the judge says of them."""
    yield paths_stage(f"paths-{name}", questions, settings, model)
    inputs = {"questions": questions, "paths": f"paths-{name}"}
    yield Stage(f"assess-{name}", "assess", recipe.assess, inputs)


def paths_stage(name: str, questions: str, settings: Section, model: str = "") -> Stage:
    """Paths that a model writes, or that are there already. `model`: the stage that makes the model."""
    inputs = {"questions": questions, **({"model": model} if model else {})}
    if isinstance(settings, LoggedPaths):
        content = content_id([log_content(log.path) for log in settings.logs])
        return Stage(name, "logged-paths", settings, inputs, StoredOptions(content=content))
    return Stage(name, "gold-paths" if isinstance(settings, GoldPaths) else "paths", settings, inputs)


def log_content(path: str) -> list[str]:
    """Of each file of a log, the hash; what a log holds is part of what is made of it. Raises RecipeError."""
    place = Path(path)
    files = sorted(file for file in place.rglob("*") if file.is_file()) if place.is_dir() else [place]
    try:
        return [_sha256(file, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    except OSError as error:
        raise RecipeError(f"the log `{path}` cannot be read: {error.strerror}", "name the place in `logs`") from error


@lru_cache(maxsize=4096)
def _sha256(file: Path, size: int, changed: int) -> str:
    return sha256(file)


def assessed(questions: str, name: str) -> dict[str, str]:
    """The inputs of a stage that chooses among paths: the questions, the paths, the verdicts on them."""
    return {"questions": questions, "paths": f"paths-{name}", "verdicts": f"assess-{name}"}


def by_model(settings: PathsSettings, stage: str) -> PathsSettings:
    """The same sampling, by the model that `stage` makes."""
    model = made_by(stage)
    if isinstance(settings.engine, HfEngine):
        model = settings.engine.model_copy(update={"model": model.model})
    return settings.model_copy(update={"engine": model, "mode": "one-call"})


def model_of_round(number: int) -> str:
    return f"train-dpo-{number}" if number else "train-reason"


def agent_paths(recipe: Recipe, settings: AnyPaths) -> Iterator[Stage]:
    """The trained reasoning agent's own paths and what the judge says of them; or a model's, as a log holds them."""
    if isinstance(settings, PathsSettings):
        yield from sampled(recipe, AGENT, SAMPLE, by_model(settings, "train-reason"), "train-reason")
    else:
        yield from sampled(recipe, AGENT, agent_questions(recipe), settings)


def agent_questions(recipe: Recipe) -> str:
    """Of the agent's own paths; for a log those of all other paths, unless the recipe has some apart."""
    logged = not isinstance(recipe.agent_paths, PathsSettings)
    return questions_of(recipe) if logged and SAMPLE.removeprefix("questions-") not in recipe.questions else SAMPLE


def summary_inputs(recipe: Recipe) -> dict[str, str]:
    """What a summary corpus is chosen from: the teacher's paths, flawed ones, and the trained agent's own."""
    own = {f"agent-{role}": name for role, name in assessed(agent_questions(recipe), AGENT).items()}
    return {**assessed(questions_of(recipe), TEACHER), "flawed": "corpora-flawed", **own}


def ranges_for(recipe: Recipe, flaws: FlawsSettings) -> FlawOptions:
    """The score ranges, where flaws are sampled ones and told apart by them."""
    return FlawOptions(ranges=recipe.corpora.part(ScoreRanges) if "natural" in flaws.flaws else None)


def folder_content(model: str) -> str:
    """Tells one content of a model's folder from another, by names, sizes and times; empty for a Hub id."""
    folder = Path(model)
    if not folder.is_dir():
        return ""
    files = [file for file in sorted(folder.iterdir()) if file.is_file()]
    return content_id([(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files])


def contents(seats: Mapping[str, ModelEngine]) -> dict[str, str]:
    """Seat -> what tells the contents of a model's folder apart: new weights under an old name are another model.

    Nothing for Hub ids, servers, and models that the run makes itself.
    """
    local = {name: seat.model for name, seat in seats.items() if seat.is_local}
    folders = {name: content for name, place in local.items() if (content := folder_content(place))}
    classes = {name: seat.model for name, seat in seats.items() if isinstance(seat, PythonEngine)}
    return folders | {name: content for name, place in classes.items() if (content := file_content(place))}


def file_content(place: str) -> str:
    """Tells one content of a class's file from another; empty for what is no file."""
    file = Path(place.rpartition(":")[0])
    return content_id(file.read_text(encoding="utf-8", errors="replace")) if file.is_file() else ""


def summary_init(recipe: Recipe) -> str:
    """The stage of the model that the summary agent starts from."""
    assert recipe.summary
    return f"train-{recipe.summary.init}"
