"""The preference corpus of one DPO round, from paths that the current model sampled.

Right over wrong needs no score. Right over right needs both scores and a margin. No ties, no pair of equal texts.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from insightv_bench.agents import written_path
from insightv_bench.chat import assistant, user
from insightv_bench.errors import StageError
from insightv_bench.records import PreferenceRow, ReasoningRow, training_columns
from insightv_bench.settings import PairsSettings, Spelling
from insightv_bench.stages import Context, Dropped, Options, RoundOptions

from . import blocks, selection
from .reasoning import asked_with, reasoning_row
from .scored import ASSESSED, Store, portions, read_asked, read_scored


def preference(context: Context[PairsSettings, RoundOptions]) -> None:
    """Inputs: `questions`, `paths` and `verdicts` of this round. Raises StageError where no pair can be made."""
    settings = context.settings
    scored = read_scored(context, *ASSESSED)
    pairs, left = blocks.pairs(scored, settings)
    pairs, crowded = balanced(context, pairs, settings.max_kind_share)
    context.totals["questions"] = selection.paired(scored, pairs)
    context.write(PreferenceRow, _rows(context, pairs, pl.concat([left, crowded])))
    if not context.num_rows:
        raise StageError(
            f"`{context.stage.name}`: no question has a right path to choose over another ({dict(context.dropped)})",
            "sample more paths a question, ask more questions, or train the reasoning agent for longer",
        )


def balanced(context: Context, pairs: pl.DataFrame, share: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The pairs of which no kind of question has more than `share`, and `question, reason` of those left out."""
    none = pl.DataFrame(schema={"question": pairs.schema["question"], "reason": pl.String})
    if share == 1 or pairs.is_empty():
        return pairs, none
    kinds = [question.kind for question in read_asked(context.inputs["questions"])]
    named = pairs.with_columns(kind=pl.Series([kinds[place] for place in pairs["question"]], dtype=pl.String))
    most = most_of_a_kind([count for _, count in named.group_by("kind").len().iter_rows()], share)
    ranked = named.with_columns(rank=pl.int_range(pl.len()).over("kind"))
    over = ranked.filter(pl.col("rank") >= most)
    crowded = over.select("question", reason="over its share: " + pl.col("kind"))
    return ranked.filter(pl.col("rank") < most).drop("kind", "rank"), pl.concat([none, crowded])


def most_of_a_kind(counts: list[int], share: float) -> int:
    """The largest number that each kind may keep at most, so that none has more than `share` of what is then kept.

    Fewer kinds than 1/share cannot be balanced so far: each then keeps as many as the rarest.
    """
    fits = (most for most in range(max(counts), min(counts), -1) if most <= share * sum(min(n, most) for n in counts))
    return next(fits, min(counts))


def chosen(context: Context[PairsSettings, Options]) -> None:
    """The chosen paths alone, each once, as a corpus for rejection sampling: inputs as for `preference`."""
    settings = context.settings
    scored = read_scored(context, *ASSESSED)
    pairs, _ = balanced(context, blocks.pairs(scored, settings).made, settings.max_kind_share)
    context.totals["questions"] = selection.paired(scored, pairs)
    context.write(ReasoningRow, _chosen(Store(context, *ASSESSED), pairs, settings.spelling))


def _chosen(store: Store, pairs: pl.DataFrame, spelling: Spelling) -> Iterator[ReasoningRow]:
    best = pairs.select("question", "chosen", "chosen_score").unique(subset=["question", "chosen"], maintain_order=True)
    for part in portions(best, store.portion):
        questions, paths = store.questions.take(part["question"]), store.paths.take(part["chosen"])
        for question, path, score in part.iter_rows():
            yield reasoning_row(questions[question], paths[path], score, spelling)


def _rows(context: Context, pairs: pl.DataFrame, left: pl.DataFrame) -> Iterator[PreferenceRow | Dropped]:
    ids = [question.id for question in read_asked(context.inputs["questions"])]
    for question, reason in left.iter_rows():
        yield Dropped(ids[question], reason)
    store = Store(context, *ASSESSED)
    for part in portions(pairs, store.portion):
        questions = store.questions.take(part["question"])
        paths = store.paths.take([*part["chosen"], *part["rejected"]])
        for place, chosen, rejected, chosen_score, rejected_score in part.iter_rows():
            yield PreferenceRow(
                **training_columns(questions[place]),
                prompt=(user(asked_with(paths[chosen], context.settings.spelling), questions[place]),),
                chosen=(assistant(written_path(paths[chosen], context.settings.spelling)),),
                rejected=(assistant(written_path(paths[rejected], context.settings.spelling)),),
                chosen_score=chosen_score,
                rejected_score=rejected_score,
                round=context.options.round,
            )
