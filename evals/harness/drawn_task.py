"""The drawn world's fixed test sets as lm-eval tasks: each level, each arm of a single model, and its flawed paths.

`metadata`: `level`, `shows` (one of `SHOWS`), and where asked for `num`, the first so many, and `fresh_seed`, for a set
that no one has seen.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

from insightv_bench.chat import ask, question_text
from insightv_bench.flaws import flawed_versions
from insightv_bench.records import Question
from insightv_bench.settings import FlawsSettings
from insightv_bench.world import NUM_TEST, fixed_questions, fixed_version

from ..arms import asked_columns, exact_text
from .question_task import Doc, QuestionTask

SHOWS = {
    "question": "",
    "direct": "direct",
    "reason": "reason",
    "oracle": "summary",
    "flawed": "summary",
}
"""What a document shows, and in which prompt; the bare question is for `--model insightv`, which has its own."""
FLAWS = FlawsSettings(per_question=3)


class DrawnTask(QuestionTask):
    def docs(self) -> Iterator[Doc]:
        metadata = self.config.metadata
        fresh = int(metadata["fresh_seed"]) if "fresh_seed" in metadata else None
        num = int(metadata.get("num", NUM_TEST))
        self.VERSION = metadata["version"] = fixed_version(fresh, num)
        self._images: dict[str, bytes] = {}
        for question in fixed_questions(metadata["level"], fresh, num):
            self._images.update((image.sha256, image.bytes) for image in question.images)
            yield from drawn_docs(question, metadata["shows"])

    def image_bytes(self, doc: Mapping[str, Any]) -> list[bytes]:
        return [self._images[sha256] for sha256 in doc["images"]]


def drawn_docs(question: Question, shows: str) -> Iterator[Doc]:
    """One document; of flawed paths as many as the benchmark has of this question."""
    if shows != "flawed":
        path = exact_text(question) if shows == "oracle" else ""
        yield drawn_doc(question, shows, path)
        return
    for row in flawed_versions(question, FLAWS, random.Random(f"0/{question.id}")):
        names = ("flaw", "severity", "position", "propagated", "planted_answer")
        yield drawn_doc(question, shows, row.flawed_path) | {name: getattr(row, name) for name in names}


def drawn_doc(question: Question, shows: str, path: str) -> Doc:
    prompt = SHOWS[shows]
    slots = {"path": path} if prompt == "summary" else {}
    return {
        **asked_columns(question),
        "images": list(question.image_sha256),
        "context": ask(prompt, question, **slots).messages[0].content if prompt else question_text(question),
    }
