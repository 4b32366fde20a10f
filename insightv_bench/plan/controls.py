"""The controls that keep a result honest, each at the compute of what it is a control for (`optimal-only`: unless the
recipe gives its training).

What each is, and the systems that it adds, is a row of `insightv_bench.controls`; here is how it is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from insightv_bench.arms import Arm
from insightv_bench.controls import CONTROLS, Control, ControlSpec
from insightv_bench.settings import EvalSettings, Recipe, Seat, Section, SummaryCorpus, TrainSettings
from insightv_bench.stages import STAGE_MODEL, Stage

from .names import System, by_model, sampled, summary_init, summary_inputs

OPTIMAL = {"optimal": 0.8, "plain": 0.2}
"""The summary corpus of `optimal-only`: what the recipe's has, without any path that errs."""


TRL_EPOCHS = 3
"""What TRL trains where a recipe sets neither steps nor epochs."""


def controls(recipe: Recipe) -> Iterator[Stage]:
    for control in recipe.controls:
        yield from PLANS[control](recipe)


def _longer(recipe: Recipe) -> Iterator[Stage]:
    assert recipe.reason
    trainer = dict(recipe.reason.trainer)
    length = "max_steps" if trainer.get("max_steps", -1) > 0 else "num_train_epochs"
    trainer[length] = round(trainer.get(length, TRL_EPOCHS) * 1.25, 6 if length == "num_train_epochs" else None)
    settings = _as_trained(recipe.reason, trainer=trainer)
    yield _sft(recipe, "train-longer-sft", settings, ("train-base", "corpora-reasoning"))


def _continued(recipe: Recipe) -> Iterator[Stage]:
    assert recipe.reason and recipe.summary
    inputs = ("train-reason", "corpora-reasoning", "corpora-summary")
    yield _sft(recipe, "train-continued-sft", recipe.reason, inputs, {"corpora-summary": recipe.summary})


def _continued_dpo(recipe: Recipe) -> Iterator[Stage]:
    assert recipe.reason and recipe.rounds
    pairs = {f"corpora-preference-{number}": recipe.rounds.dpo for number in range(1, recipe.rounds.num + 1)}
    inputs = ("train-reason", "corpora-reasoning", *pairs)
    settings = recipe.rounds.rejection or recipe.reason
    yield _sft(recipe, "train-continued-sft-dpo", settings, inputs, dict(pairs))


def _optimal_only(recipe: Recipe) -> Iterator[Stage]:
    assert recipe.summary
    settings = recipe.corpora.part(SummaryCorpus).model_copy(update={"summary_shares": OPTIMAL})
    yield Stage(
        "corpora-optimal", "builders.corpora.summary:summary", settings, summary_inputs(recipe), "build corpora"
    )
    inputs = (summary_init(recipe), "corpora-optimal")
    yield _sft(recipe, "train-optimal-only", recipe.optimal_only or recipe.summary, inputs, seat="summary")


def _single_model(recipe: Recipe) -> Iterator[Stage]:
    assert recipe.reason and recipe.summary
    matched = {"corpora-reasoning": recipe.reason, "corpora-summary": recipe.summary}
    inputs = ("train-base", *matched)
    settings = _for_both(recipe.reason, recipe.summary)
    yield _sft(recipe, "train-single-model", settings, inputs, matched, list(matched), "both")


def _multi_turn(recipe: Recipe) -> Iterator[Stage]:
    assert recipe.reason and recipe.summary
    matched = {"corpora-reasoning": recipe.reason, "corpora-summary": recipe.summary}
    corpus = Stage(
        "corpora-multi-turn", "builders.corpora.multi_turn:multi_turn", Section(), tuple(matched), "build corpora"
    )
    yield corpus
    settings = _for_both(recipe.reason, recipe.summary)
    inputs = ("train-base", corpus.name, *matched)
    yield _sft(recipe, "train-multi-turn", settings, inputs, matched, [corpus.name], "both")


def _for_both(reason: TrainSettings, summary: TrainSettings) -> TrainSettings:
    """The reasoning agent's training, with room for the longer rows of the two."""
    budgets = (reason.max_tokens, summary.max_tokens)
    return _as_trained(reason, max_tokens=None if None in budgets else max(filter(None, budgets)))


def _as_trained(settings: TrainSettings, **changes: Any) -> TrainSettings:
    """In the same way, without what only a seat's or a round's own settings have."""
    kept = {name: getattr(settings, name) for name in TrainSettings.model_fields}
    return TrainSettings.model_validate({**kept, **changes})


def _rejection(recipe: Recipe) -> Iterator[Stage]:
    """Round 1 has the paths of the DPO round, since the same model wrote both; later ones are this control's own."""
    rounds = recipe.rounds
    assert recipe.reason and rounds
    current = "train-reason"
    for number in range(1, rounds.num + 1):
        questions, name = f"questions-round-{number}", f"round-{number}"
        if number > 1:
            name = f"rejection-{number}"
            yield from sampled(recipe, name, questions, by_model(rounds.paths, current), current)
        chosen = f"corpora-chosen-{number}"
        inputs = (questions, f"paths-{name}", f"assess-{name}")
        yield Stage(chosen, "builders.corpora.preference:chosen", rounds.pairs, inputs, "build corpora")
        pairs = f"corpora-preference-{number}"
        settings = rounds.rejection or recipe.reason
        stage = _sft(recipe, f"train-rejection-{number}", settings, (current, chosen, pairs), {pairs: rounds.dpo})
        yield stage
        current = stage.name


def _pooled(recipe: Recipe) -> Iterator[Stage]:
    """The rounds' questions, all sampled from the first agent. Round 1's pairs are those of the DPO round."""
    rounds, pairs = recipe.rounds, ["corpora-preference-1"]
    assert recipe.reason and rounds
    for number in range(2, rounds.num + 1):
        questions, name = f"questions-round-{number}", f"pooled-{number}"
        yield from sampled(recipe, name, questions, by_model(rounds.paths, "train-reason"), "train-reason")
        inputs, options = (questions, f"paths-{name}", f"assess-{name}"), {"round": 1}
        pairs.append(f"corpora-preference-{name}")
        yield Stage(pairs[-1], "builders.corpora.preference:preference", rounds.pairs, inputs, "build corpora", options)
    common: dict[str, Any] = {"threads": recipe.threads, "seat": "reason", "round": 1}
    yield Stage(
        "train-pooled-dpo",
        "trainers.dpo:dpo",
        rounds.dpo,
        ("train-reason", *pairs, "train-reason"),
        "train dpo",
        common,
    )


def _sft(
    recipe: Recipe,
    name: str,
    settings: TrainSettings,
    inputs: tuple[str, ...],
    matched: dict[str, Any] | None = None,
    corpora: list[str] | None = None,
    seat: str = "reason",
) -> Stage:
    """`matched`: the corpora and settings of the trainings that this one is to equal in compute."""
    options: dict[str, Any] = {"threads": recipe.threads, "seat": seat, "corpora": corpora or [inputs[1]]}
    if matched:
        options["equal_compute"] = {corpus: _computed(other) for corpus, other in matched.items()}
    verb = f"train {'summary' if seat == 'summary' else 'reason'}"
    return Stage(name, "trainers.sft:sft", _as_trained(settings), inputs, verb, options)


def _computed(settings: TrainSettings) -> dict[str, Any]:
    """What its compute follows from: the trainer's options, and how many processes there are of it."""
    processes = {"num_processes": settings.launch.num_processes} if settings.launch else {}
    return {**settings.trainer, **processes}


def control_systems(recipe: Recipe, settings: EvalSettings) -> Iterator[System]:
    """What the controls add to the board. One without the reasoning agent's seat is evaluated on that agent's paths."""
    summary = {"summary": STAGE_MODEL + "train-summary"} if recipe.summary else {}
    for control in (CONTROLS[name] for name in recipe.controls):
        rounds = range(1, recipe.rounds.num + 1) if control.rival == "each round" and recipe.rounds else [0]
        agents = {} if control.arms else {"reason": STAGE_MODEL + "train-reason", **summary}
        paths = "" if "reason" in control.seats else "sft"
        for number in rounds:
            name = control.name(number)
            seats: dict[str, Seat] = {**agents, **dict.fromkeys(control.seats, f"{STAGE_MODEL}train-{name}")}
            yield System(name, number, seats, _arms_of(control, settings), paths=paths, role="control")


def _arms_of(control: ControlSpec, settings: EvalSettings) -> tuple[Arm, ...]:
    if control.arms or control.seats == ("reason",):
        return control.arms or settings.control_arms
    left_out = {"base", "majority"} | ({"reason"} if "reason" not in control.seats else set())
    return tuple(arm for arm in settings.arms if arm not in left_out)


PLANS: dict[Control, Callable[[Recipe], Iterator[Stage]]] = {
    "longer-sft": _longer,
    "continued-sft": _continued,
    "optimal-only": _optimal_only,
    "single-model": _single_model,
    "multi-turn": _multi_turn,
    "rejection-sampling": _rejection,
    "continued-sft-dpo": _continued_dpo,
    "pooled-dpo": _pooled,
}
