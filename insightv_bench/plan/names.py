"""What the parts of a plan share: the names of stages, and how a model's paths are sampled and assessed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from insightv_bench.arms import Arm, Role
from insightv_bench.records import content_id
from insightv_bench.settings import FlawsSettings, HfEngine, PathsSettings, Recipe, ScoreRanges, Seat, is_server
from insightv_bench.stages import STAGE_MODEL, Stage

TEACHER, AGENT = "teacher", "sft"
SAMPLE = "questions-sample"
HARD = "hard-questions"


class System(NamedTuple):
    """What stands on the board under one name: a model for each seat, and the arms that it takes part in."""

    name: str
    round: int
    seats: Mapping[str, Seat]
    arms: tuple[Arm, ...]
    paths: str = ""
    """The system whose paths it is given, where it has none of its own."""
    greedy: bool = False
    """Its reasoning agent's paths are greedy, whatever the recipe's sampling."""
    role: Role = "other"
    twin_of: str = ""
    """The system whose greedy twin it is."""


def questions_of(recipe: Recipe) -> str:
    """The questions that paths are built for: the hard ones of `train`, or of the only ones there are, or all."""
    return HARD if recipe.hard else asked(recipe)


def asked(recipe: Recipe) -> str:
    return f"questions-{'train' if 'train' in recipe.questions else next(iter(recipe.questions))}"


def sampled(recipe: Recipe, name: str, questions: str, settings: PathsSettings, model: str = "") -> Iterator[Stage]:
    """Paths of `questions` and what the judge says of them."""
    yield Stage(f"paths-{name}", "builders.paths:paths", settings, with_names(questions, model), "build paths")
    inputs = (questions, f"paths-{name}")
    yield Stage(f"assess-{name}", "builders.assessment.stage:assess", recipe.assess, inputs, "build assess")


def with_names(*names: str) -> tuple[str, ...]:
    return tuple(name for name in names if name)


def by_model(settings: PathsSettings, stage: str) -> PathsSettings:
    """The same sampling, by the model that `stage` makes."""
    named = {"model": STAGE_MODEL + stage}
    engine = settings.engine.model_copy(update=named) if isinstance(settings.engine, HfEngine) else HfEngine(**named)
    return settings.model_copy(update={"engine": engine, "mode": "one-call"})


def model_of_round(number: int) -> str:
    return f"train-dpo-{number}" if number else "train-reason"


def summary_inputs(recipe: Recipe) -> tuple[str, ...]:
    """What a summary corpus is chosen from: the teacher's paths, flawed ones, and the trained agent's own."""
    teacher = (questions_of(recipe), f"paths-{TEACHER}", f"assess-{TEACHER}", "corpora-flawed")
    return (*teacher, SAMPLE, f"paths-{AGENT}", f"assess-{AGENT}")


def ranges_for(recipe: Recipe, flaws: FlawsSettings) -> dict[str, Any]:
    """The score ranges as a stage's option, where its flaws are sampled ones and told apart by them."""
    return {"ranges": recipe.corpora.part(ScoreRanges).model_dump()} if "natural" in flaws.flaws else {}


def folder_content(model: str) -> str:
    """Tells one content of a model's folder from another, by names, sizes and times; empty for a Hub id."""
    folder = Path(model)
    if not folder.is_dir():
        return ""
    files = [file for file in sorted(folder.iterdir()) if file.is_file()]
    return content_id([(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files])


def contents(seats: Mapping[str, Seat]) -> dict[str, dict[str, str]]:
    """An option of stages that ask these models: new weights in a folder of the same name are another model.

    Empty where none is a folder: of Hub ids, servers, and models that the run makes itself.
    """
    places = {
        name: seat if isinstance(seat, str) else seat.model for name, seat in seats.items() if not is_server(seat)
    }
    found = {name: content for name, place in places.items() if (content := folder_content(place))}
    return {"contents": found} if found else {}


def summary_init(recipe: Recipe) -> str:
    """The stage of the model that the summary agent starts from."""
    assert recipe.summary
    return f"train-{recipe.summary.init}"
