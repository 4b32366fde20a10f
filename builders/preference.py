"""The preference corpus of one DPO round, from paths that the current model sampled.

Right over wrong needs no score. Right over right needs both scores and a margin. No ties, no pair of equal texts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from insightv_bench.agents import path_text
from insightv_bench.chat import assistant, user
from insightv_bench.errors import StageError
from insightv_bench.records import PreferenceRow, ReasoningRow
from insightv_bench.settings import PairsSettings
from insightv_bench.stage import Context, Dropped

from .corpora import Assessed, best_first, by_question, columns_of, read_assessed, reasoning_row


def preference(context: Context) -> None:
    """Inputs: questions, paths, assessments of this round. Raises StageError where no pair can be made."""
    settings = context.stage.settings
    assert isinstance(settings, PairsSettings)
    groups = by_question(read_assessed(context, *context.stage.inputs))
    context.write(PreferenceRow, _pairs(groups, settings, context.stage.options["round"]))
    reasons = dict(Counter(context.dropped))
    if not context.num_rows:
        raise StageError(
            f"`{context.stage.name}`: no question has a right path to choose over another ({reasons})",
            "sample more paths a question, ask more questions, or train the reasoning agent for longer",
        )


def chosen(context: Context) -> None:
    """The chosen paths alone, each once, as a corpus for rejection sampling: inputs as for `preference`."""
    settings = context.stage.settings
    assert isinstance(settings, PairsSettings)
    groups = by_question(read_assessed(context, *context.stage.inputs))
    context.write(ReasoningRow, _chosen(groups, settings))


def _chosen(groups: dict[str, list[Assessed]], settings: PairsSettings) -> Iterator[ReasoningRow | Dropped]:
    for question_id, group in groups.items():
        pairs = list(pairs_of(group, settings))[: settings.per_question]
        if not pairs:
            yield Dropped(question_id, _why_no_pair(group, settings))
        distinct = {normal(best): best for best, _ in pairs}
        yield from (reasoning_row(best) for best in distinct.values())


def _pairs(
    groups: dict[str, list[Assessed]], settings: PairsSettings, round_: int
) -> Iterator[PreferenceRow | Dropped]:
    for question_id, group in groups.items():
        pairs = list(pairs_of(group, settings))
        if not pairs:
            yield Dropped(question_id, _why_no_pair(group, settings))
        for chosen, rejected in pairs[: settings.per_question]:
            yield preference_row(chosen, rejected, round_)


def pairs_of(group: Iterable[Assessed], settings: PairsSettings) -> Iterator[tuple[Assessed, Assessed]]:
    """(chosen, rejected), the clearest first: each wrong path against the best right ones, then right against right."""
    rows = best_first(group)
    right = [row for row in rows if row.assessment.correct and row.path.status == "complete"]
    wrong = [row for row in rows if row.assessment.correct is False and normal(row)]
    good = [row for row in right if row.assessment.score is None or row.assessment.score >= settings.min_chosen]
    for chosen, rejected in zip(good, wrong, strict=False):
        if normal(chosen) != normal(rejected):
            yield chosen, rejected
    for chosen, rejected in zip(good, reversed(right), strict=False):
        if _margin(chosen, rejected) >= settings.min_margin and normal(chosen) != normal(rejected):
            yield chosen, rejected


def _margin(chosen: Assessed, rejected: Assessed) -> int:
    scores = chosen.assessment.score, rejected.assessment.score
    return 0 if scores[0] is None or scores[1] is None else scores[0] - scores[1]


def normal(row: Assessed) -> str:
    return " ".join(path_text(row.path).split()).casefold()


def _why_no_pair(group: list[Assessed], settings: PairsSettings) -> str:
    right = [row for row in group if row.assessment.correct and row.path.status == "complete"]
    if not right:
        return "no right path"
    if all((row.assessment.score or 100) < settings.min_chosen for row in right):
        return "no right path that scores high enough"
    return "all paths right, no margin" if len(right) == len(group) else "no distinct pair"


def preference_row(chosen: Assessed, rejected: Assessed, round_: int) -> PreferenceRow:
    return PreferenceRow(
        **columns_of(chosen.question),
        prompt=(user("reason", chosen.question),),
        chosen=(assistant(path_text(chosen.path)),),
        rejected=(assistant(path_text(rejected.path)),),
        chosen_score=chosen.assessment.score,
        rejected_score=rejected.assessment.score,
        round=round_,
    )
