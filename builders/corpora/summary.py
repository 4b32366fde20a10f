"""The summary corpus: optimal paths, flawed ones of several score ranges, the trained agent's own, and plain questions.

The completion is a check of the path, the verdict on it, and the gold answer. In the drawn world the check is what the
path's readings should have said and what it left out; of other paths what is wrong in them and what is right instead,
or what was found to hold (see `checks`). It is far shorter than a path: there is room to check one, not to write
another. The verdict is on the path's answer: a path that errs and still ends right may be followed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import polars as pl

from insightv_bench.agents import judged_path, summary_chat
from insightv_bench.answers import is_gold, read_path
from insightv_bench.chat import assistant
from insightv_bench.protocol import Verdict, render_summary
from insightv_bench.records import FlawedRow, Question, SummaryKind, SummaryRow, training_columns
from insightv_bench.settings import Spelling, SummaryCorpus
from insightv_bench.stages import Context, Options
from insightv_bench.storage import Rows
from insightv_bench.world import Judgement, program_of, reread

from ..assessment import judge_flawed
from . import selection, several
from .blocks import Block, candidates, draw
from .checks import of_flaw, of_path
from .scored import ASSESSED, Store, order_key, portions, prompt_text, read_asked, read_scored

MakeRows = Callable[[pl.DataFrame], Iterator[SummaryRow]]


class Share(NamedTuple):
    """Candidates of one kind, and how many of them are wanted."""

    kind: SummaryKind
    candidates: Iterable[Block]
    num: int
    rows: MakeRows
    """Of an index: the column `range`, and what `rows` needs."""
    portion: int


def summary(context: Context[SummaryCorpus, Options]) -> None:
    """Inputs: `questions`, `paths`, `verdicts`; `flawed` where there are some; where there is an agent, its three.

    Each kind has its share of `summary_num`, or all there are.
    """
    settings = context.settings
    parts = [(share, draw(share.candidates, share.num)) for share in _shares(context, settings)]
    pieces = ((share, piece) for share, chosen in parts for piece in portions(chosen, share.portion))
    context.write(SummaryRow, (row for share, piece in pieces for row in share.rows(piece)))
    kinds = sum((Counter({share.kind: chosen.height}) for share, chosen in parts), Counter[str]())
    ranges = sum((Counter(chosen["range"].to_list()) for _, chosen in parts), Counter[str]())
    for name, column in {"kinds": kinds, "score_ranges": ranges}.items():
        context.totals[name] = {key: num for key, num in column.items() if num}
    context.totals["wanted"] = {kind: number_of(kind, settings) for kind in settings.summary_shares}


def number_of(kind: SummaryKind, settings: SummaryCorpus) -> int:
    """How many rows of a kind are wanted."""
    shares = settings.summary_shares
    return round(settings.summary_num * shares.get(kind, 0) / sum(shares.values()))


def _shares(context: Context, settings: SummaryCorpus) -> Iterator[Share]:
    scored, store = read_scored(context, *ASSESSED, shuffled=True), Store(context, *ASSESSED)
    wanted = number_of("optimal", settings)
    followed = candidates(scored, lambda block: selection.optimal(block, settings))
    yield Share("optimal", followed, wanted, _of_paths(store, settings.spelling, "optimal"), store.portion)
    yield from _flawed_shares(context, settings, scored, store)
    if "agent-paths" in context.inputs:
        yield from _agent_shares(context, settings, [f"agent-{role}" for role in ASSESSED])
        yield from _several_shares(context, settings, [f"agent-{role}" for role in ASSESSED])
    wanted = number_of("plain", settings)
    yield Share("plain", [_plain(context)], wanted, _of_questions(store), store.portion)


def _flawed_shares(context: Context, settings: SummaryCorpus, scored: pl.LazyFrame, store: Store) -> Iterator[Share]:
    """By score range where the recipe gives shares; injected and sampled ones are drawn from one urn."""
    num, shares = number_of("flawed", settings), settings.flawed_shares
    if not num:
        return
    injected = Injected(context, "questions", "flawed", settings) if "flawed" in context.inputs else None
    from_injected = []
    if injected and "injected" in settings.flawed_from:
        from_injected.append(_from("injected", injected.index(ranged=bool(shares))))
    if not from_injected and "sampled" not in settings.flawed_from:
        return
    sampled = _of_paths(store, settings.spelling, "flawed")

    def rows(index: pl.DataFrame) -> Iterator[SummaryRow]:
        made = {"sampled": sampled(index.filter(source="sampled"))}
        if injected:
            made["injected"] = injected.rows(index.filter(source="injected"))
        for source in index["source"]:
            yield next(made[source])

    def pool(range_: str) -> Iterator[Block]:
        of_range = pl.col("range") == range_ if range_ else pl.lit(True)
        paths = candidates(scored, lambda block: _from("sampled", selection.fallible(block, settings)))
        for block in (*from_injected, *(paths if "sampled" in settings.flawed_from else ())):
            yield block.filter(of_range)

    for range_, share in shares.items() or [("", 1.0)]:
        part = round(num * share / sum(shares.values())) if range_ else num
        yield Share("flawed", pool(range_), part, rows, store.portion)


def _from(source: str, rows: Block) -> Block:
    return rows.with_columns(source=pl.lit(source))


def _agent_shares(context: Context, settings: SummaryCorpus, triple: list[str]) -> Iterator[Share]:
    """The agent's own paths; where balanced, half right and half wrong at most, the verdict that comes first first."""
    scored = read_scored(context, *triple, shuffled=True)
    store, num = Store(context, *triple), number_of("agent", settings)
    if not settings.balance_agent:
        every = candidates(scored, lambda block: selection.agents(block, settings))
        yield Share("agent", every, num, _of_paths(store, settings.spelling, "agent"), store.portion)
        return

    def own(verdict: bool) -> Iterator[Block]:
        for block in candidates(scored, lambda block: selection.agents(block, settings)):
            yield block.unique("order", keep="first", maintain_order=True).filter(pl.col("correct") == verdict)

    verdicts = selection.agents(scored, settings).select(pl.col("correct").unique(maintain_order=True)).collect()
    for place, verdict in enumerate(verdicts["correct"]):
        yield Share(
            "agent", own(verdict), (num + 1 - place) // 2, _of_paths(store, settings.spelling, "agent"), store.portion
        )


def _several_shares(context: Context, settings: SummaryCorpus, triple: list[str]) -> Iterator[Share]:
    """Several of the agent's own paths at once: those in which one errs, and a share of those in which none does."""
    num = number_of("several", settings)
    if not num:
        return
    scored = read_scored(context, *triple, shuffled=True)
    store, easy = Store(context, *triple), pl.col("range") == several.ALL_RIGHT
    num_easy = round(num * settings.several.all_right)
    for part, is_part in ((num - num_easy, ~easy), (num_easy, easy)):
        every = (
            sets.filter(is_part) for sets in candidates(scored, lambda block: several.sets(block, settings.several))
        )
        yield Share("several", every, part, several.rows_of(store, settings.spelling), store.portion)


def _of_paths(store: Store, spelling: Spelling, kind: SummaryKind) -> MakeRows:
    """Rows of sampled paths; an optimal one is followed as it is."""

    def rows(index: pl.DataFrame) -> Iterator[SummaryRow]:
        questions, paths = store.questions.take(index["question"]), store.paths.take(index["path"])
        assessments = store.assessments.take(index["assessment"])
        for row in index.iter_rows(named=True):
            question, path = questions[row["question"]], paths[row["path"]]
            text = judged_path(path, spelling)
            check = of_path(text, assessments[row["assessment"]], path.answer, question)
            yield summary_row(question, text, kind, row["range"], row["correct"], check)

    return rows


def _plain(context: Context) -> pl.LazyFrame:
    asked = read_asked(context.inputs["questions"])
    orders = [int(order_key(context.seed, row.id, prompt_text(row, "")), 16) for row in asked]
    frame = pl.LazyFrame({"order": orders}, schema={"order": pl.UInt64}).with_row_index("question")
    return frame.with_columns(range=pl.lit("none"))


def _of_questions(store: Store) -> MakeRows:
    def rows(index: pl.DataFrame) -> Iterator[SummaryRow]:
        questions = store.questions.take(index["question"])
        for place in index["question"]:
            yield plain_row(questions[place])

    return rows


def summary_row(question: Question, path: str, kind: SummaryKind, range_: str, correct: bool, check: str) -> SummaryRow:
    """`check` stands in where no scene says what the steps should have read."""
    verdict: Verdict = "right" if correct else "wrong"
    if question.scene:
        program, scene = program_of(question.question, question.scene)
        steps = read_path(path, question.answer_type, question.options).steps
        check = reread(scene, steps, program)
    completion = render_summary(question.answer, verdict, check)
    return SummaryRow(
        **training_columns(question),
        prompt=summary_chat(question, path).messages,
        completion=(assistant(completion),),
        kind=kind,
        score_range=range_,
        path_correct=correct,
    )


def plain_row(question: Question) -> SummaryRow:
    return SummaryRow(
        **training_columns(question),
        prompt=summary_chat(question, "").messages,
        completion=(assistant(render_summary(question.answer)),),
        kind="plain",
        score_range="none",
        path_correct=None,
    )


class Injected:
    """The rows of the flawed corpus."""

    def __init__(self, context: Context, questions: str, flawed: str, settings: SummaryCorpus) -> None:
        self._context, self._questions, self._flawed = context, questions, flawed
        self._mid, self._without = settings.mid, settings.without
        self._rows = Rows(context.inputs[flawed], FlawedRow)
        self._asked = Rows(context.inputs[questions], Question)

    def index(self, ranged: bool) -> pl.LazyFrame:
        """`flaw` (place), `question`, `range`, `order`. Without `ranged` no path is judged before it is chosen."""
        asked = {row.id: (place, row) for place, row in enumerate(read_asked(self._context.inputs[self._questions]))}
        rows = []
        for number, row in enumerate(self._context.rows(self._flawed, FlawedRow)):
            if row.flaw in self._without:
                continue
            place, question = asked[row.id]
            range_ = self._range(question, row, judge_flawed(question, row)) if ranged else ""
            order = order_key(self._context.seed, row.id, prompt_text(question, row.flawed_path))
            rows.append((number, place, range_, int(order, 16)))
        schema: dict[str, Any] = {"flaw": pl.UInt32, "question": pl.UInt32, "range": pl.String, "order": pl.UInt64}
        return pl.LazyFrame(rows, schema, orient="row")

    def _range(self, question: Question, row: FlawedRow, judgement: Judgement) -> str:
        return "wrong" if not ends_right(question, row) else "mid" if judgement.score >= self._mid else "low"

    def rows(self, index: pl.DataFrame) -> Iterator[SummaryRow]:
        flaws, questions = self._rows.take(index["flaw"]), self._asked.take(index["question"])
        for row in index.iter_rows(named=True):
            flaw, question = flaws[row["flaw"]], questions[row["question"]]
            judgement = judge_flawed(question, flaw)
            range_, right = row["range"] or self._range(question, flaw, judgement), ends_right(question, flaw)
            yield summary_row(question, flaw.flawed_path, "flawed", range_, right, of_flaw(flaw))


def ends_right(question: Question, row: FlawedRow) -> bool:
    return is_gold(row.planted_answer, question)
