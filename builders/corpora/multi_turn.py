"""The corpora of both agents as conversations of one model: it writes a path, is asked to go on, judges it and answers.

Every row of both stands in it once. A path that the reasoning corpus teaches and the summary corpus judges is one
conversation, and both of its turns are learnt. Of any other path that is judged the second turn alone is: nobody should
learn to write a flawed path. The rest stay as they are: a path that nobody judges, a question that is answered at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from insightv_bench.agents import second_turn
from insightv_bench.chat import load_prompt
from insightv_bench.errors import StageError
from insightv_bench.records import (
    Message,
    MultiTurnRow,
    QuestionColumns,
    ReasoningRow,
    SummaryRow,
    columns_of,
    content_id,
)
from insightv_bench.settings import Section
from insightv_bench.stages import Context, Dropped, Options, drop

BOTH, SECOND, FIRST, PLAIN, SEVERAL = "both turns", "second turn", "first turn", "no path", "several paths"
OTHER_PROMPT = "its prompt is none of this version's"


def multi_turn(context: Context[Section, Options]) -> None:
    """Inputs: the reasoning corpus, the summary corpus."""
    learnt: Counter[str] = Counter()
    context.write(MultiTurnRow, _rows(context, learnt))
    if not learnt[BOTH] + learnt[SECOND]:
        raise StageError(
            f"`{context.stage.name}`: no row of the summary corpus shows a path in this version's prompt "
            f"({load_prompt('summary').label})",
            "build the summary corpus anew: insightv-bench build corpora",
        )
    context.totals["learnt"] = dict(learnt)


def _rows(context: Context, learnt: Counter[str]) -> Iterator[MultiTurnRow | Dropped]:
    """The corpora are read row by row: of the reasoning corpus only hashes of its paths are held."""
    taught = {_key(row, row.completion[0].content) for row in context.rows("reasoning", ReasoningRow)}
    judged: set[str] = set()
    for row in context.rows("summary", SummaryRow):
        conversation = _of_summary(row, taught, judged, learnt)
        yield drop(row, OTHER_PROMPT) if conversation is None else conversation
    for path in context.rows("reasoning", ReasoningRow):
        if _key(path, path.completion[0].content) not in judged:
            learnt[FIRST] += 1
            yield _of_reasoning(path)


def _key(row: QuestionColumns, path: str) -> str:
    return content_id(row.id, path)


def _of_summary(row: SummaryRow, taught: set[str], judged: set[str], learnt: Counter[str]) -> MultiTurnRow | None:
    """None where the path cannot be told from the prompt. A path is learnt once, however often it is judged."""
    if row.kind in ("plain", "several"):
        learnt[PLAIN if row.kind == "plain" else SEVERAL] += 1
        return _as_row(row, row.prompt, row.completion)
    slots = load_prompt("summary").match(row.prompt[0].content)
    if slots is None:
        return None
    chat, key = second_turn(row, slots["path"]).messages, _key(row, slots["path"])
    both = key in taught and key not in judged
    learnt[BOTH if both else SECOND] += 1
    if both:
        judged.add(key)
    begin = 1 if both else len(chat)
    return _as_row(row, chat[:begin], (*chat[begin:], *row.completion))


def _as_row(row: SummaryRow, prompt: tuple[Message, ...], completion: tuple[Message, ...]) -> MultiTurnRow:
    columns = {name: getattr(row, name) for name in SummaryRow.model_fields}
    return MultiTurnRow(**{**columns, "prompt": prompt, "completion": completion})


def _of_reasoning(row: ReasoningRow) -> MultiTurnRow:
    return MultiTurnRow(
        **columns_of(row),
        question_kind=row.question_kind,
        prompt=row.prompt,
        completion=row.completion,
        kind="optimal",
        score_range="high",
        path_correct=True,
    )
