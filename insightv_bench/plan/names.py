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
    STAGE_MODEL,
    AnyPaths,
    AssessSettings,
    BaseSettings,
    FlawsSettings,
    GoldPaths,
    HfEngine,
    LoggedPaths,
    ModelEngine,
    PathsSettings,
    PythonEngine,
    Recipe,
    RoundKind,
    RoundQuestions,
    SampleSettings,
    ScoreRanges,
    Section,
    ServedEngine,
    Source,
    TaskSource,
    WorldSource,
    made_by,
    maker_of,
)
from insightv_bench.stages import FlawOptions, RoundOptions, Stage, StoredOptions, TrainOptions, WorldOptions
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


def sampled(
    recipe: Recipe,
    name: str,
    questions: str,
    settings: Section,
    model: str = "",
    judge: AssessSettings | None = None,
) -> Iterator[Stage]:
    """Paths of `questions` and what the judge, the recipe's if none is named, says of them."""
    yield paths_stage(f"paths-{name}", questions, settings, model)
    inputs = {"questions": questions, "paths": f"paths-{name}"}
    yield Stage(f"assess-{name}", "assess", judge or recipe.assess, inputs)


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


def by_model(settings: PathsSettings, stage: str, key: str, sample: SampleSettings | None = None) -> PathsSettings:
    """The same sampling, by the model that `stage` makes. `key`: where a recipe has it.

    Raises RecipeError for an engine that is another model's.
    """
    engine = settings.engine if "engine" in settings.model_fields_set else made_by(stage)
    if not isinstance(engine, HfEngine) or not maker_of(engine):
        other = engine.kind if not isinstance(engine, HfEngine) else engine.model
        raise RecipeError(
            f"`{key}.engine` names `{other}`, and these paths are written by the model just made",
            f'leave it out, or give the options of that model: {{kind: hf, model: "{STAGE_MODEL}train-reason", ...}}',
        )
    local = engine.model_copy(update={"model": made_by(stage).model})
    made: HfEngine | ServedEngine = local
    if sample and not sample.serve and "num_processes" not in engine.model_fields_set:
        made = local.model_copy(update={"num_processes": sample.num_processes})
    if sample and sample.serve:
        try:
            made = sample.served(local)
        except ValueError as error:
            raise RecipeError(f"`{key}.engine`: {error}", "leave it out, or leave `rounds.sample.serve` out") from None
    return settings.model_copy(update={"engine": made, "mode": "one-call"})


def model_of_round(recipe: Recipe, number: int, kind: RoundKind = "dpo") -> str:
    """The stage that makes it; of round 0, the model that all rounds start from."""
    if number:
        return f"train-{kind}-{number}"
    return "train-reason" if recipe.reason or recipe.given.model else "train-base"


def questions_stage(recipe: Recipe, name: str, source: Source) -> Stage:
    """A run's own drawn test questions are those of the recipe's version; a fixed set is nobody's."""
    if isinstance(source, TaskSource):
        return Stage(name, "task-questions", source)
    if not isinstance(source, WorldSource):
        return Stage(name, "questions", source, {}, WorldOptions())
    salt = recipe.version if source.split == "test" and not source.fixed else ""
    return Stage(name, "questions", source, {}, WorldOptions(world=recipe.world.told(), salt=salt))


def questions_of_round(recipe: Recipe, number: int) -> str:
    """The stage of them; of a table without `num_questions` the same for every round."""
    assert recipe.rounds
    fresh = isinstance(recipe.rounds.questions, WorldSource) or recipe.rounds.num_questions
    return f"questions-round-{number}" if fresh else "questions-rounds"


def round_questions(recipe: Recipe) -> Iterator[Stage]:
    """Of all rounds: slices of the drawn world, or what they ask of a table."""
    rounds = recipe.rounds
    assert rounds
    numbers = range(1, rounds.num + 1)
    if isinstance(rounds.questions, WorldSource):
        for number in numbers:
            source = rounds.questions.model_copy(update={"seed": rounds.questions.seed + number})
            yield questions_stage(recipe, questions_of_round(recipe, number), source)
        return
    table = questions_stage(recipe, "questions-of-rounds", rounds.questions)
    yield table
    evaluated = {"evaluated": f"questions-{recipe.eval.questions}"} if recipe.eval else {}
    inputs, settings = {"questions": table.name, **evaluated}, RoundQuestions(num=rounds.num_questions)
    for number in numbers if rounds.num_questions else numbers[:1]:
        options = RoundOptions(round=number if rounds.num_questions else 0)
        yield Stage(questions_of_round(recipe, number), "round-questions", settings, inputs, options)


def round_paths(recipe: Recipe, name: str, number: int, model: str) -> Iterator[Stage]:
    """Paths that the model of stage `model` writes to the questions of round `number`, and what the judge says."""
    assert recipe.rounds and recipe.rounds.paths
    settings = by_model(recipe.rounds.paths, model, "rounds.paths", recipe.rounds.sample)
    judge = recipe.rounds.assess
    yield from sampled(recipe, name, questions_of_round(recipe, number), settings, model, judge)


def assessed_round(recipe: Recipe, name: str, number: int) -> dict[str, str]:
    return assessed(questions_of_round(recipe, number), name)


def pretrained(name: str, seat: str, settings: BaseSettings) -> Stage:
    """A model that is there already, as a stage of its own."""
    return Stage(name, "pretrained", settings, {}, TrainOptions(seat=seat, content=folder_content(settings.model)))


def summary_of_round(recipe: Recipe, number: int) -> str:
    """The summary agent beside the reasoning agent of this round: it stays as it is but where the round trains it."""
    is_trained = recipe.rounds is not None and recipe.rounds.summary is not None and number
    return f"train-grpo-summary-{number}" if is_trained else "train-summary"


def agents_of(recipe: Recipe) -> dict[str, str]:
    """The stage whose model takes each seat in the end, whether or not the recipe trains one."""
    rounds = recipe.rounds
    last = (rounds.num, rounds.kind) if rounds else (0,)
    return {"base": "train-base", "reason": model_of_round(recipe, *last), "summary": summary_of_round(recipe, last[0])}


def agent_paths(recipe: Recipe, settings: AnyPaths) -> Iterator[Stage]:
    """The trained reasoning agent's own paths and what the judge says of them; or a model's, as a log holds them."""
    if isinstance(settings, PathsSettings):
        agent = model_of_round(recipe, 0)
        yield from sampled(recipe, AGENT, SAMPLE, by_model(settings, agent, "agent_paths"), agent)
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
