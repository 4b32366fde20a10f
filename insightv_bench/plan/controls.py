"""The controls that keep a result honest, each at the compute of what it is a control for (`optimal-only` and
`summary-of-k`: unless the recipe gives their training).

What each is, and the systems that it adds, is a row of `insightv_bench.controls`; here is how it is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from insightv_bench.arms import Arm
from insightv_bench.controls import CONTROLS, Control, ControlSpec
from insightv_bench.errors import RecipeError
from insightv_bench.settings import (
    EvalSettings,
    ModelEngine,
    PathsSettings,
    Recipe,
    Section,
    SummaryCorpus,
    TrainSettings,
    made_by,
)
from insightv_bench.stages import RoundOptions, Stage, TrainOptions

from .names import (
    System,
    assessed_round,
    model_of_round,
    questions_of_round,
    round_paths,
    summary_init,
    summary_inputs,
)
from .release import given_release
from .rounds import grpo_stages

OPTIMAL = {"optimal": 0.8, "plain": 0.2}
"""The summary corpus of `optimal-only`: what the recipe's has, without any path that errs."""

LENGTHS = {"max_steps", "num_train_epochs"}
"""Options of TRL's that say how long a training is."""
SEVERAL = {"several": 0.8, "plain": 0.2}
"""Of `summary-of-k`, unless the recipe gives shares."""
BOTH = {"reasoning": "corpora-reasoning", "summary": "corpora-summary"}
OF_REASONING = {"longer-sft", "continued-sft", "single-model", "multi-turn", "continued-sft-dpo"}
"""Controls that are trained on the reasoning corpus, whether or not the reasoning agent is."""
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
    inputs = {"model": "train-base", "reasoning": "corpora-reasoning"}
    yield _sft(recipe, "train-longer-sft", settings, inputs, ("reasoning",))


def _continued(recipe: Recipe) -> Iterator[Stage]:
    assert recipe.reason and recipe.summary
    sampled = {"sampled": "paths-sft"} if isinstance(recipe.agent_paths, PathsSettings) else {}
    inputs = {"model": "train-reason", **BOTH, **sampled}
    matched = {"summary": recipe.summary}
    name, reason = "train-continued-sft", recipe.reason
    yield _sft(recipe, name, reason, inputs, ("reasoning",), matched, sampled=tuple(sampled))


def _continued_dpo(recipe: Recipe) -> Iterator[Stage]:
    assert recipe.rounds
    if not recipe.reason:
        raise RecipeError("control `continued-sft-dpo` goes on with `reason`, which is not there", "leave it out")
    pairs = {f"pairs-{number}": f"corpora-preference-{number}" for number in range(1, recipe.rounds.num + 1)}
    sampled = {f"sampled-{number}": f"paths-round-{number}" for number in range(1, recipe.rounds.num + 1)}
    inputs = {"model": "train-reason", "reasoning": "corpora-reasoning", **pairs, **sampled}
    settings = recipe.rounds.rejection or recipe.reason
    matched = dict.fromkeys(pairs, recipe.rounds.dpo)
    name = "train-continued-sft-dpo"
    yield _sft(recipe, name, settings, inputs, ("reasoning",), matched, sampled=tuple(sampled))


def _optimal_only(recipe: Recipe) -> Iterator[Stage]:
    assert recipe.summary
    corpus = recipe.corpora.part(SummaryCorpus).model_copy(update={"summary_shares": OPTIMAL})
    yield Stage("corpora-optimal", "summary", corpus, summary_inputs(recipe))
    inputs = {"model": summary_init(recipe), "summary": "corpora-optimal"}
    settings = recipe.optimal_only or recipe.summary
    yield _sft(recipe, "train-optimal-only", settings, inputs, ("summary",), seat="summary")


def _without_flaws(recipe: Recipe) -> Iterator[Stage]:
    """As many right paths in the place of the flawed ones, so that the rest of the corpus stays as it is."""
    shares = dict(recipe.corpora.summary_shares)
    shares["optimal"] = shares.get("optimal", 0.0) + shares.pop("flawed", 0.0)
    yield from _without(recipe, "without-flaws", summary_shares=shares)


def _without_own_wrong(recipe: Recipe) -> Iterator[Stage]:
    yield from _without(recipe, "without-own-wrong", agent_wrong=False, balance_agent=False)


def _held_out(recipe: Recipe) -> Iterator[Stage]:
    for flaw in recipe.held_out:
        yield from _without(recipe, CONTROLS["held-out-flaw"].name(0, flaw), without=(flaw,))


def _without(recipe: Recipe, name: str, **changes: Any) -> Iterator[Stage]:
    """A summary agent whose corpus lacks one thing, at the summary agent's own compute."""
    assert recipe.summary
    corpus = recipe.corpora.part(SummaryCorpus).model_copy(update=changes)
    yield Stage(f"corpora-{name}", "summary", corpus, summary_inputs(recipe))
    inputs = {"model": summary_init(recipe), "summary": f"corpora-{name}", "whole": "corpora-summary"}
    matched = {"whole": recipe.summary}
    yield _sft(recipe, f"train-{name}", recipe.summary, inputs, ("summary",), matched, seat="summary")


def _summary_of_k(recipe: Recipe) -> Iterator[Stage]:
    assert recipe.summary
    corpus, own = recipe.corpora.part(SummaryCorpus), recipe.summary_of_k
    changes = {"summary_shares": own.shares or SEVERAL, "several": own.several} if own else {"summary_shares": SEVERAL}
    corpus = corpus.model_copy(update=changes)
    yield Stage("corpora-summary-of-k", "summary", corpus, summary_inputs(recipe))
    inputs = {"model": summary_init(recipe), "summary-of-k": "corpora-summary-of-k"}
    matched = {} if own and LENGTHS & own.trainer.keys() else {"summary": recipe.summary}
    inputs |= {"summary": "corpora-summary"} if matched else {}
    yield _sft(recipe, "train-summary-of-k", own or recipe.summary, inputs, ("summary-of-k",), matched, seat="summary")


def _single_model(recipe: Recipe) -> Iterator[Stage]:
    assert recipe.reason and recipe.summary
    matched = {"reasoning": recipe.reason, "summary": recipe.summary}
    inputs = {"model": "train-base", **BOTH}
    settings = _for_both(recipe.reason, recipe.summary)
    yield _sft(recipe, "train-single-model", settings, inputs, tuple(BOTH), matched, "both")


def _multi_turn(recipe: Recipe) -> Iterator[Stage]:
    assert recipe.reason and recipe.summary
    corpus = Stage("corpora-multi-turn", "multi-turn", Section(), BOTH)
    yield corpus
    matched = {"reasoning": recipe.reason, "summary": recipe.summary}
    settings = _for_both(recipe.reason, recipe.summary)
    inputs = {"model": "train-base", "conversations": corpus.name, **BOTH}
    yield _sft(recipe, "train-multi-turn", settings, inputs, ("conversations",), matched, "both")


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
    assert rounds
    how = rounds.rejection or recipe.reason
    if how is None:
        raise RecipeError("control `rejection-sampling` has no training", "say how in `rounds.rejection`")
    current = model_of_round(recipe, 0)
    for number in range(1, rounds.num + 1):
        name = f"rejection-{number}" if number > 1 else "round-1"
        if number > 1:
            yield from round_paths(recipe, name, number, current)
        chosen = f"corpora-chosen-{number}"
        yield Stage(chosen, "chosen", rounds.pairs, assessed_round(recipe, name, number))
        inputs = {"model": current, "chosen": chosen, "pairs": f"corpora-preference-{number}"}
        stage = _sft(recipe, f"train-rejection-{number}", how, inputs, ("chosen",), {"pairs": rounds.dpo})
        yield stage
        current = stage.name


def _grpo(recipe: Recipe) -> Iterator[Stage]:
    """On the questions of the DPO rounds, each round from this control's last model."""
    rounds = recipe.rounds
    assert rounds
    for number in range(1, rounds.num + 1):
        yield from grpo_stages(recipe, rounds, number, {"pairs": trainer_of(rounds.dpo)})


def _pooled(recipe: Recipe) -> Iterator[Stage]:
    """The rounds' questions, all sampled from the first agent. Round 1's pairs are those of the DPO round."""
    rounds, pairs = recipe.rounds, {"pairs-1": "corpora-preference-1"}
    assert rounds
    first = model_of_round(recipe, 0)
    if questions_of_round(recipe, 1) == questions_of_round(recipe, 2) and rounds.num > 1:
        raise RecipeError(
            "control `pooled-dpo` needs questions of its own for each round, and every round asks the whole table",
            "set `rounds.num_questions`",
        )
    for number in range(2, rounds.num + 1):
        name = f"pooled-{number}"
        yield from round_paths(recipe, name, number, first)
        pairs[f"pairs-{number}"] = f"corpora-preference-{name}"
        found = assessed_round(recipe, name, number)
        yield Stage(pairs[f"pairs-{number}"], "preference", rounds.pairs, found, RoundOptions(round=1))
    how = TrainOptions(threads=recipe.threads, seat="reason", round=1, corpora=tuple(pairs))
    yield Stage("train-pooled-dpo", "dpo", rounds.dpo, {"model": first, **pairs, "initial": first}, how)


def _off_policy(recipe: Recipe) -> Iterator[Stage]:
    """One DPO on the pairs of a given release, which other models wrote."""
    rounds, first = recipe.rounds, model_of_round(recipe, 0)
    assert rounds
    given = given_release(recipe)
    pairs = given.stage("corpora-preference-given", "preference") if given else None
    if pairs is None:
        raise RecipeError(
            "control `off-policy-dpo` is trained on the preference corpus of a release, and none is given",
            "name a release that has one: `given: FOLDER_OR_ORG/NAME@REVISION`",
        )
    yield pairs
    how = TrainOptions(threads=recipe.threads, seat="reason", round=1, corpora=("pairs",))
    inputs = {"model": first, "pairs": pairs.name, "initial": first}
    yield Stage("train-off-policy-dpo", "dpo", rounds.dpo, inputs, how)


def needs_reasoning(recipe: Recipe) -> bool:
    """Whether a control is trained on the reasoning corpus."""
    return bool(OF_REASONING & set(recipe.controls))


def _sft(
    recipe: Recipe,
    name: str,
    settings: TrainSettings,
    inputs: dict[str, str],
    corpora: tuple[str, ...],
    matched: Mapping[str, TrainSettings] | None = None,
    seat: str = "reason",
    sampled: tuple[str, ...] = (),
) -> Stage:
    """`corpora`: roles of those trained on; `matched`: of those whose trainings this one is to equal in compute, which
    follows from the trainer's options and from how many processes there are of it; `sampled`: of paths whose sampling
    it is to equal too."""
    equal_compute = {role: trainer_of(other) for role, other in (matched or {}).items()}
    options = TrainOptions(threads=recipe.threads, seat=seat, corpora=corpora, equal_compute=equal_compute)
    options = options.model_copy(update={"equal_sampling": sampled})
    return Stage(name, "sft", _as_trained(settings), inputs, options)


def trainer_of(settings: TrainSettings) -> dict[str, Any]:
    """What its compute follows from: the trainer's options, and how many processes there are of it."""
    processes = {"num_processes": settings.launch.num_processes} if settings.launch else {}
    return {**settings.trainer, **processes}


def control_systems(recipe: Recipe, settings: EvalSettings) -> Iterator[System]:
    """What the controls add to the board. One without the reasoning agent's seat is evaluated on that agent's paths."""
    summary = {"summary": made_by("train-summary")} if recipe.summary else {}
    for control in (CONTROLS[name] for name in recipe.controls):
        rounds = range(1, recipe.rounds.num + 1) if control.rival == "each round" and recipe.rounds else [0]
        names = [(number, control.name(number)) for number in rounds]
        if "{flaw}" in control.system:
            names = [(0, control.name(0, flaw)) for flaw in recipe.held_out]
        alone = bool(control.arms) and "reason" in control.seats
        agents = {} if alone else {"reason": made_by(model_of_round(recipe, 0)), **summary}
        paths = "" if "reason" in control.seats else "sft"
        for number, name in names:
            seats: dict[str, ModelEngine] = {**agents, **dict.fromkeys(control.seats, made_by(f"train-{name}"))}
            yield System(name, number, seats, _arms_of(control, settings), paths=paths, role="control")


def _arms_of(control: ControlSpec, settings: EvalSettings) -> tuple[Arm, ...]:
    if control.arms or control.seats == ("reason",):
        return control.arms or settings.control_arms
    left_out = {"base", "majority", "reason+summary-of-k"} | ({"reason"} if "reason" not in control.seats else set())
    return tuple(arm for arm in settings.arms if arm not in left_out)


PLANS: dict[Control, Callable[[Recipe], Iterator[Stage]]] = {
    "longer-sft": _longer,
    "continued-sft": _continued,
    "optimal-only": _optimal_only,
    "without-flaws": _without_flaws,
    "without-own-wrong": _without_own_wrong,
    "held-out-flaw": _held_out,
    "summary-of-k": _summary_of_k,
    "single-model": _single_model,
    "multi-turn": _multi_turn,
    "rejection-sampling": _rejection,
    "grpo": _grpo,
    "continued-sft-dpo": _continued_dpo,
    "pooled-dpo": _pooled,
    "off-policy-dpo": _off_policy,
}
