"""What the tests of the builders share: stages run one by one, or written by hand, and the folders that they leave."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path as File
from typing import Any

from insightv_bench.journal import Journal
from insightv_bench.records import Assessment, Path, Question, Record, Step
from insightv_bench.settings import (
    AssessSettings,
    CorporaSettings,
    FlawsSettings,
    PairsSettings,
    PathsSettings,
    Sampling,
    Section,
    TeacherEngine,
    WorldSource,
    load_recipe,
)
from insightv_bench.stages import KINDS, MANIFEST, Context, Exclusion, Progress, Stage, run_stage
from insightv_bench.storage import read_rows, write_shards, write_text

PATHS = PathsSettings(
    engine=TeacherEngine(careful=0.5, partial=0.3, read_error=0.1, state_error=0.1),
    num_paths=4,
    mode="one-call",
    sampling=Sampling(temperature=0.7),
)


ROLES = ("questions", "paths", "verdicts", "flawed", "agent-questions", "agent-paths", "agent-verdicts")


def ran(out: File, kind: str, settings: Section, inputs: Sequence[File], **options: Any) -> Context:
    """A stage with a context by hand, run. `inputs`: in the order of `ROLES`."""
    given = dict(zip(ROLES, inputs, strict=False))
    names = {role: folder.name for role, folder in given.items()}
    stage = Stage(out.name, kind, settings, names, KINDS[kind].options(**options))
    with closing(Journal(out.parent / "journal.sqlite")) as journal:
        context = Context(stage, out, given, journal, Progress(), 0, load_recipe("walk"))
        run_stage(stage, context)
    return context


def left_out(folder: File) -> list[Exclusion]:
    file = folder / "exclusions.parquet"
    return list(read_rows(file, Exclusion)) if file.exists() else []


def reasons(folder: File) -> Counter[str]:
    return Counter(exclusion.reason for exclusion in left_out(folder))


class Built:
    """The stages' folders of one small build, as a run would leave them."""

    def __init__(self, root: File) -> None:
        self.root = root
        self.folders: dict[str, File] = {}
        self.totals: dict[str, dict[str, Any]] = {}

    def run(self, name: str, kind: str, settings: Section, inputs: Sequence[str] = (), **options: Any) -> Context:
        context = ran(self.root / name, kind, settings, [self.folders[x] for x in inputs], **options)
        self.folders[name], self.totals[name] = context.folder, context.totals
        return context

    def rows(self, name: str, record: type[Any]) -> list[Any]:
        return list(read_rows(self.folders[name], record))

    def assessed(self, name: str) -> dict[str, Assessment]:
        return {row.path_id: row for row in self.rows(f"assess-{name}", Assessment)}


REASONING = CorporaSettings(max_paths_per_question=2)
SUMMARY = CorporaSettings(summary_num=200, summary_shares={"optimal": 0.2, "flawed": 0.4, "agent": 0.2, "plain": 0.2})
TRIPLE, AGENT = ("questions", "paths", "assess-teacher"), ("sample", "agent-paths", "assess-agent")


def build_corpora(root: File) -> Built:
    """Every builder over 160 drawn questions, and an agent's own paths over 80 others."""
    made = Built(root)
    made.run("questions", "questions", WorldSource(split="train", num=160))
    made.run("sample", "questions", WorldSource(split="train", num=80, seed=1))
    made.run("paths", "paths", PATHS, ["questions"])
    made.run("agent-paths", "paths", PATHS, ["sample"])
    made.run("assess-teacher", "assess", AssessSettings(), ["questions", "paths"])
    made.run("assess-agent", "assess", AssessSettings(), ["sample", "agent-paths"])
    made.run("reasoning", "reasoning", REASONING, TRIPLE)
    made.run("flawed", "exact-flaws", FlawsSettings(per_question=3), ["questions"])
    made.run("summary", "summary", SUMMARY, [*TRIPLE, "flawed", *AGENT])
    made.run("preference", "preference", PairsSettings(per_question=3), AGENT, round=2)
    return made


def text_of(messages: Sequence[Any]) -> str:
    (message,) = messages
    return str(message.content)


def path_of(question: Question, sample: int, text: str, answer: str | None = None) -> Path:
    steps = (Step(summary="a", reasoning=text, action="summary"),)
    return Path(
        id=f"{question.id}-{sample}",
        question_id=question.id,
        sample=sample,
        generator="hand@1",
        prompt="reason@1",
        steps=steps,
        answer=question.answer if answer is None else answer,
        status="complete",
        dialect="json",
        text=text,
    )


def assessment(path: Path, correct: bool, score: int | None = None) -> Assessment:
    status = "scored" if score else "unscored" if correct else "not_scored"
    return Assessment.model_validate(
        {"path_id": path.id, "question_id": path.question_id, "correct": correct, "score": score, "status": status}
        | {"judge": "hand"}
    )


def given(built: Built, questions_: list[Question], paths_: list[Path], assessments: list[Assessment]) -> None:
    """Stages by hand: `questions`, `paths` and `assess`."""
    rows: dict[str, tuple[type[Record], Sequence[Record]]] = {
        "questions": (Question, questions_),
        "paths": (Path, paths_),
        "assess": (Assessment, assessments),
    }
    for name, (record, content) in rows.items():
        built.folders[name] = built.root / name
        built.folders[name].mkdir(parents=True)
        num = write_shards(built.folders[name], content, record)
        write_text(built.folders[name] / MANIFEST, json.dumps({"num_rows": num}))
