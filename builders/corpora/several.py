"""Several of the trained agent's own paths of one question, to be judged at once: sets of K, in several orders.

A set is a question's first K paths in an order that their content decides; its other orders are that one, turned. So
each path stands in each place equally often. Sets in which a path errs are what there is to learn from, above all those
in which most do: of the rest there is a share (`all_right`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import polars as pl

from insightv_bench.agents import judged_path, several_chat
from insightv_bench.answers import read_path
from insightv_bench.chat import assistant
from insightv_bench.protocol import render_verdicts
from insightv_bench.records import Question, SummaryRow, training_columns
from insightv_bench.settings import SeveralSettings, Spelling
from insightv_bench.world import program_of, reread

from .blocks import Block
from .checks import of_path
from .scored import Store

ALL_RIGHT = "all right"
LISTS = ("path", "assessment", "correct")


def sets(block: Block, settings: SeveralSettings) -> Block:
    """`question`, `order`, `range`, and as lists of K the `path`, `assessment` and verdict of each. `block`: scored
    paths of whole questions. A question with fewer than K paths that say something has none."""
    said = block.filter(pl.col("correct").is_not_null() & ~pl.col("silent")).sort("order", "path")
    first = pl.col(*LISTS, "order").head(settings.k)
    whole = said.group_by("question", maintain_order=True).agg(first).filter(pl.col("path").list.len() == settings.k)
    turned = [_turned(whole, place) for place in range(settings.orders)]
    num_right = pl.col("correct").list.sum()
    how = (
        pl.when(num_right == settings.k)
        .then(pl.lit(ALL_RIGHT))
        .when(num_right == 0)
        .then(pl.lit("all wrong"))
        .when(2 * num_right > settings.k)
        .then(pl.lit("most right"))
        .when(2 * num_right == settings.k)
        .then(pl.lit("half right"))
        .otherwise(pl.lit("most wrong"))
    )
    return pl.concat(turned).with_columns(range=how)


def _turned(rows: Block, place: int) -> Block:
    """Each set from this place on, what stood before it last; its `order` is that of the path that is now first."""
    lists = [pl.concat_list(pl.col(name).list.slice(place), pl.col(name).list.head(place)) for name in LISTS]
    return rows.with_columns(*lists, order=pl.col("order").list.get(place))


def rows_of(store: Store, spelling: Spelling) -> Callable[[pl.DataFrame], Iterator[SummaryRow]]:
    """Rows of an index that `sets` gave."""

    def rows(index: pl.DataFrame) -> Iterator[SummaryRow]:
        questions = store.questions.take(index["question"])
        paths = store.paths.take(index["path"].explode())
        assessments = store.assessments.take(index["assessment"].explode())
        for row in index.iter_rows(named=True):
            question = questions[row["question"]]
            shown = [paths[place] for place in row["path"]]
            texts = [judged_path(path, spelling) for path in shown]
            if question.scene:
                check = _reread(question, texts)
            else:
                said = (
                    of_path(text, assessments[place], path.answer, question)
                    for text, place, path in zip(texts, row["assessment"], shown, strict=True)
                )
                check = "; ".join(f"path {number}: {each}" for number, each in enumerate(said, 1) if each)
            yield several_row(question, texts, row["correct"], row["range"], check)

    return rows


def _reread(question: Question, texts: Sequence[str]) -> str:
    """What all that the paths read, and what they left out, really says: once, not once a path."""
    program, scene = program_of(question.question, question.scene)
    steps = [step for text in texts for step in read_path(text, question.answer_type, question.options).steps]
    return reread(scene, steps, program)


def several_row(
    question: Question, paths: Sequence[str], correct: Sequence[bool], range_: str, check: str
) -> SummaryRow:
    completion = render_verdicts(question.answer, ["right" if each else "wrong" for each in correct], check)
    return SummaryRow(
        **training_columns(question),
        prompt=several_chat(question, paths).messages,
        completion=(assistant(completion),),
        kind="several",
        score_range=range_,
        path_correct=None,
    )
