"""One system in every arm: documents, one lm-eval run, its result files, and our records.

A system is up to three seats (base, reason, summary) and the paths that its reasoning agent wrote for the test
questions. The paths are written once and shared by every arm and every summary agent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Any

from insightv_bench.arms import ARMS, Arm
from insightv_bench.engines import COSTS, Caller, Costs, costs_from, total
from insightv_bench.errors import StageError, require
from insightv_bench.journal import Reply
from insightv_bench.records import EvalRecord, FlawedRow, Image, Path, Question
from insightv_bench.settings import EngineSettings, EvalSettings, Sampling, with_defaults
from insightv_bench.stages import SERVED, Context, EvalOptions, code_versions, read_manifest

from .arms import Given, blanks, prepare
from .budgets import FIGURE, draw, sweep
from .harness import arm_task, eval_record, quiet, run_lm_eval, task_name
from .repeats import ask_twice

WRITES = ("reason", "more/resume")
"""Prompts that ask for a path."""
REPEATED = "repeat_check"
"""In a manifest: how many greedy requests that were asked twice were answered alike."""
TOKEN_CAPS = "token_caps"
"""In a manifest: accuracy under other token caps, one entry an arm and cap."""


def evaluate(context: Context[EvalSettings, EvalOptions]) -> None:
    """Inputs: `questions`; where there are any `paths` and `flawed`; by its seat, a model that a stage made."""
    require("lm_eval", "eval", "an evaluation")
    settings = context.settings
    questions = list(context.questions())
    with ExitStack() as stack:
        open_ = Opened(context, settings, stack)
        tasks = _tasks(context, settings, questions, open_)
        if not tasks:
            raise StageError(f"`{context.stage.name}` has nothing to ask: none of its arms fits these questions")
        bar = context.progress.start(f"evaluating {context.options.system}", sum(map(len, tasks.values())))
        open_.on_reply = lambda: context.progress.advance(bar)
        callers = open_.seats()
        models = {seat: caller.model for seat, caller in callers.items()}
        # What tells results that cannot be combined.
        context.totals.update(models=models, code=code_versions(), answers=settings.answers)
        if context.recipe.prereg:  # before there is a figure
            context.totals["prereg"] = context.recipe.prereg.kept()
        context.write(EvalRecord, ask_arms(context, callers, tasks, questions))
        if settings.token_caps:
            _sweep(context, settings, tasks, callers, questions)
        if settings.repeat_check:
            _ask_twice(context, settings, tasks, callers, questions)
        context.totals[SERVED] = {seat: dict(caller.served) for seat, caller in callers.items() if caller.served}
    context.progress.stop(bar)


class Opened:
    """The models that an evaluation asks, each opened once and when it is first needed."""

    def __init__(self, context: Context, settings: EvalSettings, stack: ExitStack) -> None:
        self.on_reply: Callable[[], None] = lambda: None
        self._context, self._settings, self._stack = context, settings, stack
        self._callers: dict[str, Caller] = {}

    def seats(self) -> dict[str, Caller]:
        return {seat: self.seat(seat) for seat in self._context.options.seats}

    def seat(self, seat: str) -> Caller:
        settings = self._settings
        engine = with_defaults(self._context.options.seats[seat], batch_size=settings.batch_size, dtype=settings.dtype)
        return self.model(self._context.resolve(engine))

    def model(self, engine: EngineSettings) -> Caller:
        """A model in several seats is loaded once."""
        key = engine.fingerprint()
        if key not in self._callers:
            opened, journal = self._context.open_engine(engine), self._context.journal
            caller = Caller(opened, journal, lambda reply, hit: self.on_reply(), self._context.seed)
            self._callers[key] = self._stack.enter_context(caller)
        return self._callers[key]


def _tasks(
    context: Context, settings: EvalSettings, questions: Sequence[Question], opened: Opened
) -> dict[Arm, list[dict[str, Any]]]:
    paths = _groups(context.rows("paths", Path), "question_id") if "paths" in context.inputs else {}
    flawed = _groups(context.rows("flawed", FlawedRow), "id") if "flawed" in context.inputs else {}
    prepared = prepare(context.options.arms, questions, Given(paths, flawed), settings, context.seed, opened)
    context.totals["arms_left_out"] = [arm for arm, rows in prepared.docs.items() if not rows]
    context.totals["left_out"] = prepared.left_out
    return {arm: rows for arm, rows in prepared.docs.items() if rows}


def _groups(rows: Iterable[Any], key: str) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, key)].append(row)
    return groups


def ask_arms(
    context: Context,
    callers: Mapping[str, Caller],
    tasks: Mapping[Arm, list[dict[str, Any]]],
    questions: Sequence[Question],
) -> list[EvalRecord]:
    """A record for each document of each arm."""
    from .harness.model import Seats

    settings, name = context.settings, context.options.task
    version = context.options.task_version or questions[0].source_revision
    images = _images(context, tasks, questions)
    strict = settings.answers == "strict"
    model = Seats(callers, images, strict)
    samplings = _samplings(context, settings, tasks)
    with quiet():
        arm_tasks = [arm_task(name, version, arm, rows, samplings[arm]) for arm, rows in tasks.items()]
        results = run_lm_eval(arm_tasks, model, context)
    same_in_every_row = ("system", "base", "round", "task", "role", "twin_of")
    system = {name: getattr(context.options, name) for name in same_in_every_row} | {"task_version": version}
    context.totals[COSTS] = _costs(context, tasks, {arm: model.of(task_name(name, arm)) for arm in tasks})
    names = {seat: caller.model for seat, caller in callers.items()}
    return [
        eval_record(
            sample["doc"],
            model.replies[task, sample["doc_id"]],
            {**system, "model": names.get(sample["doc"]["seat"], "")},
            strict,
        )
        for arm in tasks
        for task in [task_name(name, arm)]
        for sample in results["samples"][task]
    ]


def _ask_twice(
    context: Context,
    settings: EvalSettings,
    tasks: Mapping[Arm, list[dict[str, Any]]],
    callers: Mapping[str, Caller],
    questions: Sequence[Question],
) -> None:
    """How often the same is said again, to the manifest and to who looks on."""
    num, strict = settings.repeat_check, settings.answers == "strict"
    samplings = _samplings(context, settings, tasks)
    found = ask_twice(num, tasks, callers, samplings, _images(context, tasks, questions), strict)
    if found is None:
        context.progress.say("nothing is asked twice: no arm is greedy")
        return
    context.totals[REPEATED] = found._asdict()
    context.progress.say(f"`{context.options.system}` {found}")


def _sweep(
    context: Context,
    settings: EvalSettings,
    tasks: Mapping[Arm, list[dict[str, Any]]],
    callers: Mapping[str, Caller],
    questions: Sequence[Question],
) -> None:
    """Accuracy under other token caps, to the manifest, and as a drawing where seaborn is there."""
    samplings, strict = _samplings(context, settings, tasks), settings.answers == "strict"
    rows = sweep(settings.token_caps, tasks, callers, samplings, _images(context, tasks, questions), strict)
    context.totals[TOKEN_CAPS] = [row._asdict() for row in rows]
    if rows and find_spec("seaborn"):
        draw(rows, context.folder / FIGURE)


def _images(
    context: Context, tasks: Mapping[Arm, list[dict[str, Any]]], questions: Sequence[Question]
) -> dict[str, Image]:
    """By their hash, all that the documents name: the questions', blank ones, and those of attacks in the image."""
    images = {image.sha256: image for question in questions for image in question.images}
    images |= blanks(questions) if any(ARMS[arm].blank_images for arm in tasks) else {}
    others = {name for docs in tasks.values() for doc in docs for name in doc["images"]} - images.keys()
    rows = context.rows("flawed", FlawedRow) if others else ()
    return images | {image.sha256: image for row in rows for image in row.images if image.sha256 in others}


def _samplings(context: Context, settings: EvalSettings, tasks: Iterable[Arm]) -> dict[Arm, Sampling]:
    path_sampling = settings.path_sampling
    if context.options.greedy:
        path_sampling = path_sampling.model_copy(update={"temperature": 0.0})
    answers = settings.answer_sampling
    as_paths = answers.model_copy(
        update={name: getattr(settings.path_sampling, name) for name in ("temperature", "top_p", "top_k")}
    )
    return {
        arm: path_sampling if spec.prompt in WRITES else as_paths if spec.answer_sampled else answers
        for arm, spec in ((arm, ARMS[arm]) for arm in tasks)
    }


def _costs(
    context: Context, tasks: Mapping[Arm, list[dict[str, Any]]], replies: Mapping[Arm, list[Reply]]
) -> dict[str, dict[str, float]]:
    """By arm, what its answers took; the stored paths' part by the share of their tokens that the arm rests on."""
    spent = costs_from(read_manifest(context.inputs["paths"])) if "paths" in context.inputs else None
    costs: dict[str, dict[str, float]] = {}
    for arm, rows in tasks.items():
        own = Costs() if rows[0]["seat"] == "vote" else total(replies[arm])
        tokens = 0 if arm == "reason" else sum(row["path_tokens"] for row in rows)
        share = tokens / spent.num_tokens if spent and spent.num_tokens else 0.0
        costs[arm] = own.plus(spent, share)._asdict() if spent else own._asdict()
    return costs
