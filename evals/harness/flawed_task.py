"""Flawed paths on real questions as lm-eval tasks: the authors' own solutions, spoilt by rule, with their controls.

Every question whose solution is a path is asked without a path (`direct`), with its right path (`oracle`), with up to
three flawed ones (`flawed`), with as many words about nothing (`irrelevant`) and with another question's path
(`shuffled`), all in the summary agent's prompt. Flaws are drawn by the question's content alone, so that the set is the
same for everyone; its version is a hash of what it shows. `metadata`: as of a task of the Hub, and `rows`, a folder of
flawed rows that a run made (`corpora-benchmark`), natural flaws among them, to be asked in the place of these.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from insightv_bench.chat import ask
from insightv_bench.errors import SourceError
from insightv_bench.flaws import Shown, irrelevant, others_steps, shuffled, versions_by_rule
from insightv_bench.protocol import render_path
from insightv_bench.records import FlawedRow, Question, QuestionColumns, content_id
from insightv_bench.settings import FlawsSettings
from insightv_bench.sources import gold_path
from insightv_bench.storage import read_rows

from .hub_task import MAX_PIXELS, HubTask
from .question_task import Doc

FLAWS = FlawsSettings(per_question=3)
SEED = 0


class FlawedTask(HubTask):
    def docs(self) -> Iterator[Doc]:
        metadata = self.config.metadata
        self._bytes: dict[str, bytes] = {}
        docs = list(self._built() if metadata.get("rows") else self._drawn())
        flawed = [doc for doc in docs if doc["shows"] == "flawed"]
        if not flawed:
            raise SourceError(f"no question of `{self.config.dataset_path}` has a path that a flaw can be planted in")
        content = content_id([(doc["question_id"], doc["shows"], doc["context"]) for doc in docs], length=8)
        self.VERSION = metadata["version"] = f"{metadata['version']}-{content}"
        metadata["num_by_shows"] = dict(Counter(doc["shows"] for doc in docs))
        for name in ("flaw", "position", "propagated"):
            metadata[f"num_by_{name}"] = dict(sorted(Counter(str(doc[name]) for doc in flawed).items()))
        quarters = Counter(f"to {math.ceil(doc['severity'] * 4) / 4}" for doc in flawed)
        metadata["num_by_severity"] = dict(sorted(quarters.items()))
        yield from docs

    def _drawn(self) -> Iterator[Doc]:
        """From the benchmark's rows, whose solutions end in the gold answer."""
        self._open()
        left_out: Counter[str] = Counter()
        chosen: list[tuple[Question, str]] = []
        for row in self.questions(None, MAX_PIXELS):
            steps = gold_path(row) if isinstance(row, Question) else row.reason
            if isinstance(steps, str) or not isinstance(row, Question):
                left_out[str(steps)] += 1
            else:
                chosen.append((row, render_path(steps, row.answer)))
        self.config.metadata["left_out"] = dict(left_out)
        paths = dict(sorted((question.id, path) for question, path in chosen))
        for question, path in chosen:
            random_ = random.Random(f"{SEED}/{question.id}")
            donors = others_steps(paths, question.id, random.Random(f"{SEED}/{question.id}/others"))
            yield from self._of_question(question, path, list(versions_by_rule(question, path, FLAWS, random_, donors)))
        yield from self._controls([(question, question.kind, path) for question, path in chosen])

    def _built(self) -> Iterator[Doc]:
        """From rows that a run made; a question's rows stand together."""
        folder = Path(self.config.metadata["rows"])
        groups: dict[str, list[FlawedRow]] = {}
        for row in read_rows(folder, FlawedRow):
            groups.setdefault(row.id, []).append(row)
        self.config.metadata.update(rows=folder.name)  # results name no place on this machine
        clean = [(rows[0], rows[0].kind, path) for rows in groups.values() if (path := rows[0].path)]
        for rows in groups.values():
            yield from self._of_question(rows[0], rows[0].path, rows)
        yield from self._controls(clean)

    def _of_question(self, question: QuestionColumns, path: str, rows: Iterable[FlawedRow]) -> Iterator[Doc]:
        self._bytes.update((image.sha256, image.bytes) for image in question.images)
        yield _doc(question, "direct")
        if path:
            yield _doc(question, "oracle", path)
        for row in rows:
            names = ("flaw", "severity", "position", "propagated", "planted_answer", "maker")
            yield _doc(question, "flawed", row.flawed_path) | {name: getattr(row, name) for name in names}

    def _controls(self, clean: Iterable[tuple[QuestionColumns, str, str]]) -> Iterator[Doc]:
        kept = list(clean)
        given = shuffled((Shown(one.id, kind, path) for one, kind, path in kept), random.Random(f"{SEED}/shuffled"))
        for question, _, path in kept:
            yield _doc(question, "irrelevant", irrelevant(path, random.Random(f"{SEED}/{question.id}")))
            if question.id in given:
                yield _doc(question, "shuffled", given[question.id])

    def image_bytes(self, doc: Mapping[str, Any]) -> list[bytes]:
        return [self._bytes[sha256] for sha256 in doc["images"]]


def _doc(question: QuestionColumns, shows: str, path: str = "") -> Doc:
    chat = ask("summary", question, path=path) if path else ask("direct", question)
    return {
        "question_id": question.id,
        "kind": getattr(question, "kind", ""),
        "question": question.question,
        "options": list(question.options),
        "gold": question.answer,
        "answer_type": question.answer_type,
        "tolerance": getattr(question, "tolerance", 0.0),
        "images": list(question.image_sha256),
        "context": chat.messages[0].content,
        "shows": shows,
        "flaw": "none",
        "severity": 0.0,
        "position": "none",
        "propagated": False,
        "planted_answer": "",
        "maker": "",
    }
