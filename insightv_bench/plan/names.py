"""What the parts of a plan share: the names of stages, and how a model's paths are sampled and assessed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from insightv_bench.arms import Arm, Role
from insightv_bench.records import content_id
from insightv_bench.settings import FlawsSettings, HfEngine, ModelEngine, PathsSettings, Recipe, ScoreRanges, made_by
from insightv_bench.stages import FlawOptions, Stage

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


def questions_of(recipe: Recipe) -> str:
    """The questions that paths are built for: the hard ones of `train`, or of the only ones there are, or all."""
    return HARD if recipe.hard else asked(recipe)


def asked(recipe: Recipe) -> str:
    return f"questions-{'train' if 'train' in recipe.questions else next(iter(recipe.questions))}"


def sampled(recipe: Recipe, name: str, questions: str, settings: PathsSettings, model: str = "") -> Iterator[Stage]:
    """Paths of `questions` and what the judge says of them."""
    inputs = {"questions": questions, **({"model": model} if model else {})}
    yield Stage(f"paths-{name}", "paths", settings, inputs)
    inputs = {"questions": questions, "paths": f"paths-{name}"}
    yield Stage(f"assess-{name}", "assess", recipe.assess, inputs)


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


def summary_inputs(recipe: Recipe) -> dict[str, str]:
    """What a summary corpus is chosen from: the teacher's paths, flawed ones, and the trained agent's own."""
    own = {f"agent-{role}": name for role, name in assessed(SAMPLE, AGENT).items()}
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
    return {name: content for name, place in local.items() if (content := folder_content(place))}


def summary_init(recipe: Recipe) -> str:
    """The stage of the model that the summary agent starts from."""
    assert recipe.summary
    return f"train-{recipe.summary.init}"
