"""How much of a request's prompt a server has seen before, as paths are written step by step.

    python -m pytest tests/benchmarks/bench_prefix.py -s

The drawn world at level `full`, the teacher, 8 paths a question. Counted are the characters of whole messages that an
earlier request about the same image began with: what a server's prefix cache can keep. The image stands first.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from insightv_bench.agents import ReasoningAgent
from insightv_bench.engines import Caller
from insightv_bench.engines.teacher import Teacher
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.settings import PathsSettings, TeacherEngine
from insightv_bench.world import Level, sample_questions

NUM_QUESTIONS, NUM_PATHS = 40, 8


class Recorder:
    """An engine, and what it was asked."""

    def __init__(self, engine: Any) -> None:
        self._engine, self.asked = engine, list[Request]()
        self.name, self.revision, self.concurrency = engine.name, engine.revision, engine.concurrency

    async def reply(self, request: Request) -> Reply:
        self.asked.append(request)
        reply: Reply = await self._engine.reply(request)
        return reply


class Count(NamedTuple):
    num: int
    """Characters of all prompts."""
    seen: int
    """Of these, how many an earlier prompt began with."""


def count(asked: Iterable[Request]) -> Count:
    known: dict[str, Any] = {}
    num = seen = 0
    for request in asked:
        place, is_known = known.setdefault(request.chat.images[0].sha256, {}), True
        for message in request.chat.messages:
            is_known = is_known and message in place
            num, seen = num + len(message.content), seen + is_known * len(message.content)
            place = place.setdefault(message, {})
    return Count(num, seen)


def test_what_a_prefix_cache_can_keep(tmp_path: Path) -> None:
    questions = list(sample_questions(Level.model_validate({"level": "full"}), "train", 0, NUM_QUESTIONS))
    settings = TeacherEngine(read_error=0.15)
    recorder = Recorder(Teacher(settings, {question.image_sha256[0]: question.scene for question in questions}))
    with Caller(recorder, Journal(tmp_path / "journal.sqlite")) as caller:
        agent = ReasoningAgent(caller, PathsSettings(engine=settings, num_paths=NUM_PATHS))
        caller.run([agent.write(question, sample) for question in questions for sample in range(NUM_PATHS)])
    num, seen = count(recorder.asked)
    steps = len(recorder.asked) / NUM_QUESTIONS / NUM_PATHS
    print(
        f"\n{len(recorder.asked):,} requests, {steps:.2f} a path; {seen / num:.1%} of {num:,} prompt characters were "
        f"seen before; each image is sent {len(recorder.asked) / NUM_QUESTIONS:.0f} times",
        end="",
    )
