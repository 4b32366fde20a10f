"""Replies of evaluations run before, as paths of the questions that they answer. Nothing is generated again.

A reply is joined to its question by the log's id, by the number of its row or by the question's words; where the log
has the question's words, they must agree. What fits no question, or several, is left out with its reason. Answers are
read by our reader; the log's own verdict is kept beside them, and how often the two disagree is counted.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from insightv_bench.answers import is_gold, read_path
from insightv_bench.errors import StageError
from insightv_bench.records import Dropped, Path, Question, content_id
from insightv_bench.settings import LoggedPaths
from insightv_bench.sources import gold_path
from insightv_bench.stages import Context, StoredOptions
from insightv_bench.storage import read_rows

from .gold import as_gold
from .logs import Logged, read_log

DIFFERENT = "log and question disagree in the question's words"
ELSE_ORDER = "options stand in another order"
NO_QUESTION, SEVERAL = "no question of that id or those words", "several questions of those words"
NO_REPLY, TWICE, ENOUGH = "no reply in the log", "stands twice in the logs", "enough paths of this question"
TOO_FEW = "fewer steps than `min_steps`"
_MARKERS = re.compile(r"<image(?:[_ ]?\d+)?>")


def logged_paths(context: Context[LoggedPaths, StoredOptions]) -> None:
    """Input: `questions`. Raises StageError where not one reply could be joined."""
    settings = context.settings
    joined = Joined(read_rows(context.inputs["questions"], Question, ["images"]))
    rows = list(joined.paths(settings))
    if not any(isinstance(row, Path) for row in rows):
        reasons = Counter(row.reason for row in rows if isinstance(row, Dropped))
        told = ", ".join(f"{reason}: {num:,}" for reason, num in reasons.most_common()) or "they hold none"
        raise StageError(
            f"`{context.stage.name}`: not one reply of the logs answers a question of this recipe ({told})",
            "name the data set that the logs are of, and its split; `columns.id` joins by ids",
        )
    context.write(Path, rows)
    kept = [row for row in rows if isinstance(row, Path)]
    by_model = Counter(path.generator for path in kept)
    context.totals.update(
        num_calls=0,
        num_tokens=sum(path.num_tokens for path in kept),
        model=", ".join(sorted(by_model)),
        paths_by_model=dict(by_model),
        statuses=dict(Counter(path.status for path in kept)),
        verdicts=joined.verdicts(kept),
    )


class Kept(NamedTuple):
    """What joining needs of a question."""

    question: Question
    words: str
    options: tuple[str, ...]


class Joined:
    """The questions, and where the replies of logs belong. Their images are not read."""

    def __init__(self, questions: Iterator[Question]) -> None:
        self._kept = [Kept(one, plain(one.question), tuple(map(plain, one.options))) for one in questions]
        self._by_id: dict[str, list[Kept]] = defaultdict(list)
        self._by_row: dict[int, Kept] = {}
        self._by_words: dict[str, list[Kept]] = defaultdict(list)
        for kept in self._kept:
            for name in {kept.question.id, kept.question.source_id} - {""}:
                self._by_id[name].append(kept)
            if kept.question.row is not None:
                self._by_row[kept.question.row] = kept
            self._by_words[kept.words].append(kept)
        self._held_by: dict[str, list[Kept]] = {}

    def paths(self, settings: LoggedPaths) -> Iterator[Path | Dropped]:
        """Question by question, and what was left out last."""
        by_question: dict[str, list[Path]] = defaultdict(list)
        left: list[Dropped] = []
        seen: set[tuple[str, str, str, str]] = set()
        for logged in (each for log in settings.logs for each in read_log(log)):
            if isinstance(logged, Dropped):
                left.append(logged)
                continue
            made = self._path(logged)
            if isinstance(made, Dropped):
                left.append(made)
                continue
            key = (logged.place, made.question_id, made.generator, made.text)
            if key in seen:  # the same log named twice, or a file and the folder that holds it
                left.append(Dropped(made.id, TWICE))
                continue
            seen.add(key)
            if len(made.steps) < settings.min_steps:
                left.append(self._left(logged, TOO_FEW))
                continue
            by_question[made.question_id].append(made)
        for kept in self._kept:
            own = by_question.get(kept.question.id, [])
            steps = gold_path(kept.question) if settings.gold else ""
            first = [] if isinstance(steps, str) else [as_gold(kept.question, steps)]
            for place, path in enumerate([*first, *own]):
                if settings.max_paths is not None and place >= settings.max_paths + len(first):
                    left.append(Dropped(path.id, ENOUGH))
                    continue
                yield path.model_copy(update={"sample": place, "id": content_id(path.id, place)})
        yield from left

    def _path(self, logged: Logged) -> Path | Dropped:
        if not logged.reply.strip() and not logged.reasoning.strip():
            return self._left(logged, NO_REPLY)
        found = self.question_of(logged)
        return self._left(logged, found) if isinstance(found, str) else as_path(found, logged)

    def _left(self, logged: Logged, reason: str) -> Dropped:
        row = {"place": logged.place, "ids": logged.ids, "number": logged.number, "reply": logged.reply[:2000]}
        return Dropped(next(iter(logged.ids), logged.place), reason, json.dumps(row, ensure_ascii=False))

    def question_of(self, logged: Logged) -> Question | str:
        """The one question that a reply answers, or why there is none."""
        words = plain(logged.text)
        named = [kept for name in logged.ids for kept in self._by_id.get(name, ())]
        if named and not words:
            return self._one(named, logged)
        agreeing = [kept for kept in named if agrees(kept, words)]
        if agreeing:
            return self._one(agreeing, logged)
        counted = self._by_row.get(logged.number) if logged.number is not None and words else None
        if counted and agrees(counted, words):
            return self._one([counted], logged)
        said = [kept for kept in self._holding(words) if agrees(kept, words)] if words else []
        if said:
            return self._one(said, logged)
        return DIFFERENT if named else NO_QUESTION

    def _holding(self, words: str) -> list[Kept]:
        """The questions whose words stand in the log's; of two of which one holds the other, the longer."""
        if words not in self._held_by:
            held = [text for text in self._by_words if text and text in words]
            longest = [text for text in held if not any(text != other and text in other for other in held)]
            self._held_by[words] = [kept for text in longest for kept in self._by_words[text]]
        return self._held_by[words]

    def _one(self, found: Sequence[Kept], logged: Logged) -> Question | str:
        distinct = {kept.question.id: kept for kept in found}
        if len(distinct) > 1:
            return SEVERAL
        (kept,) = distinct.values()
        shown = None if logged.options is None else tuple(map(plain, logged.options))
        if shown is not None and sorted(shown) == sorted(kept.options) and shown != kept.options:
            return ELSE_ORDER
        return kept.question

    def verdicts(self, paths: Sequence[Path]) -> dict[str, int]:
        """How our reader's verdicts stand to those of the logs."""
        questions = {kept.question.id: kept.question for kept in self._kept}
        counts: Counter[str] = Counter()
        for path in paths:
            ours = path.answer is not None and is_gold(path.answer, questions[path.question_id])
            counts["right"] += ours
            if path.recorded_right is None:
                counts["the log says nothing"] += 1
                continue
            counts["the log's right"] += path.recorded_right
            counts["agree"] += ours is path.recorded_right
            counts["right here, wrong in the log"] += ours and not path.recorded_right
            counts["wrong here, right in the log"] += path.recorded_right and not ours
            counts["no answer read here"] += path.answer is None
        return dict(counts)


def plain(text: str) -> str:
    """Words as they are compared: without the places of images, and whatever the blanks and the case."""
    return " ".join(_MARKERS.sub(" ", text).split()).casefold()


def agrees(kept: Kept, words: str) -> bool:
    """Whether a log's words hold the question's, and those of its options unless they stand in the image."""
    return kept.words in words and all(option in words for option in kept.options if len(option) > 1)


def as_path(question: Question, logged: Logged) -> Path:
    """The reply as a path, its answer read by our reader."""
    parsed = read_path(logged.reply, question.answer_type, question.options, reasoning=logged.reasoning)
    thought = f"<think>\n{logged.reasoning}\n</think>\n" if logged.reasoning.strip() else ""
    text, generator = thought + logged.reply, logged.model or "unknown"
    return Path(
        id=content_id(question.id, generator, text),
        question_id=question.id,
        sample=0,
        generator=generator,
        prompt="",
        steps=parsed.steps,
        answer=parsed.answer,
        status=parsed.status,
        dialect=parsed.dialect,
        repaired=parsed.repaired,
        split=parsed.split,
        text=text,
        num_tokens=logged.num_tokens,
        recorded_right=logged.recorded_right,
    )
