"""Scores by a model: all right paths of a question in one call, so that their scores compare.

The paths' order is a shuffle by seed, recorded as each one's position. A text that stands twice is shown once, and both
get its score. With a second pass the same paths are shown in reversed order and the score is the mean of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from insightv_bench.agents import path_text
from insightv_bench.engines import Caller
from insightv_bench.judging import Asked, ask_strictly
from insightv_bench.protocol import Rating, combine, read_ratings, score_chat
from insightv_bench.records import Path, Question, content_id
from insightv_bench.settings import AssessSettings


class Scored(NamedTuple):
    """What the judge gave one path."""

    position: int
    """0-based place in the first pass."""
    judge: str
    """The model's name and revision."""
    passes: tuple[Rating, ...] = ()
    """One a pass; empty where the judge failed."""
    reason: str = ""

    def mean(self, part: str) -> int:
        return round(sum(getattr(rating, part) for rating in self.passes) / len(self.passes))

    def scores(self, detail_share: float) -> tuple[int, ...]:
        return tuple(combine(rating, detail_share) for rating in self.passes)

    def score(self, detail_share: float) -> int:
        scores = self.scores(detail_share)
        return round(sum(scores) / len(scores))


def shown_order(question: Question, texts: Sequence[str], seed: int) -> list[str]:
    """The distinct texts, shuffled by seed, the same whatever order they come in."""
    return sorted(set(texts), key=lambda text: content_id(seed, question.id, text))


class Scorer:
    """Rates the paths of one question at a time."""

    def __init__(self, settings: AssessSettings, caller: Caller, seed: int) -> None:
        self._settings, self.caller, self._seed = settings, caller, seed

    async def score(self, question: Question, paths: Sequence[Path]) -> dict[str, Scored]:
        """By path id. A pass that could not be read leaves all of the question's paths without a score."""
        by_text = await self.score_texts(question, [path_text(path) for path in paths])
        return {path.id: by_text[path_text(path)] for path in paths}

    async def score_texts(self, question: Question, texts: Sequence[str]) -> dict[str, Scored]:
        """By text."""
        shown = shown_order(question, texts, self._seed)
        first = await self._one_pass(question, shown)
        passes, reason = [first.value], first.reason
        if self._settings.second_pass and first.value:
            second = await self._one_pass(question, shown[::-1])
            passes.append(second.value[::-1] if second.value else None)
            reason = f"second pass: {second.reason}" if second.reason else ""
        ratings = [each for each in passes if each]
        whole = len(ratings) == len(passes)
        return {
            text: Scored(place, self.caller.model, tuple(each[place] for each in ratings) if whole else (), reason)
            for place, text in enumerate(shown)
        }

    async def _one_pass(self, question: Question, shown: Sequence[str]) -> Asked[list[Rating]]:
        read = partial(read_ratings, num_paths=len(shown))
        chat = score_chat(question, shown)
        return await ask_strictly(self.caller, chat, self._settings.sampling, self._settings.tries, read)
