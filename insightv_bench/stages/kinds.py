"""Every kind of stage, in the order of the walk: what it makes, where it runs, and which command runs one alone.

A kind is what a stage *is*: it stands in fingerprints and manifests and never changes. The function is only where it
runs today, imported when it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from insightv_bench.errors import StageError
from insightv_bench.settings import (
    AssessSettings,
    BaseSettings,
    CalibrateSettings,
    DpoSettings,
    EvalSettings,
    FileSource,
    FlawsSettings,
    GivenSettings,
    GoldPaths,
    GrpoSettings,
    HardSettings,
    HubSource,
    LessonsSettings,
    LoggedPaths,
    PairsSettings,
    PathsSettings,
    ReasoningCorpus,
    ReleaseSettings,
    RoundQuestions,
    Section,
    ShippedAgent,
    SummaryCorpus,
    TaskSource,
    TrainSettings,
    WorldSource,
)

from .options import (
    AskingOptions,
    CalibrateOptions,
    EvalOptions,
    FlawOptions,
    ImportedOptions,
    Options,
    ReleaseOptions,
    RoundOptions,
    StoredOptions,
    TrainOptions,
    WorldOptions,
)

Makes = Literal["questions", "paths", "verdicts", "corpus", "model", "evaluation", "board", "calibration", "release"]
Depends = Literal["prompts", "answers", "world", "flaws"]
ON_ALL: tuple[Depends, ...] = ("prompts", "answers", "world")
ON_FLAWS: tuple[Depends, ...] = (*ON_ALL, "flaws")


@dataclass(frozen=True)
class Kind:
    name: str
    makes: Makes
    function: str
    """`room.module:function`."""
    command: str
    """`{seat}` is filled in from the stage's options."""
    settings: type[Section] | tuple[type[Section], ...]
    options: type[Options] = Options
    over_cluster: Literal["", "whole", "blocks"] = ""
    """Whether its models may be asked over a cluster: with its rows here, or in blocks that go over."""
    depends_on: tuple[Depends, ...] = ON_ALL
    """Whose versions change its rows though no recipe changed."""
    about: Mapping[str, str] = field(default_factory=dict)
    """The verbs of its command that run a recipe's first stage of it, and what `--help` says of each."""
    method: str = ""
    """`room.module:class` of how it trains, for its settings and those derived from them."""


_SOURCES: tuple[type[Section], ...] = (WorldSource, FileSource, HubSource)
_QUESTIONS: tuple[Depends, ...] = ("answers", "world")
_ROWS: Any = {"makes": "corpus", "command": "build corpora"}

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "questions", "questions", "builders.questions:questions", "build questions", _SOURCES, WorldOptions,
            depends_on=_QUESTIONS, about={"questions": "A source of questions -> Question rows."},
        ),
        Kind(
            "task-questions", "questions", "evals.harness.task_questions:questions", "build questions", TaskSource,
            depends_on=_QUESTIONS,
        ),
        Kind(
            "lessons", "corpus", "builders.questions:lessons", "build lessons", LessonsSettings, WorldOptions,
            depends_on=("prompts", "world"), about={"lessons": "What a model from nothing learns to see with."},
        ),
        Kind(
            "hard", "questions", "builders.hard:hard", "build hard", HardSettings,
            about={"hard": "Questions -> those that the generator gets wrong without a path."},
        ),
        Kind(
            "round-questions", "questions", "builders.rounds:round_questions", "build questions", RoundQuestions,
            RoundOptions, depends_on=_QUESTIONS,
        ),
        Kind(
            "paths", "paths", "builders.paths:paths", "build paths", PathsSettings, AskingOptions, "blocks",
            about={"paths": "Question -> K paths, step by step."},
        ),
        Kind(
            "gold-paths", "paths", "builders.stored.gold:gold_paths", "build paths", GoldPaths, StoredOptions,
            depends_on=_QUESTIONS,
        ),
        Kind(
            "logged-paths", "paths", "builders.stored.logged:logged_paths", "build paths", LoggedPaths, StoredOptions,
            depends_on=_QUESTIONS,
        ),
        Kind(
            "assess", "verdicts", "builders.assessment.stage:assess", "build assess", AssessSettings, AskingOptions,
            "blocks", about={"assess": "Answer filter, then scores 1-100."},
        ),
        Kind(
            "reasoning", function="builders.corpora.reasoning:reasoning", settings=ReasoningCorpus,
            about={"corpora": "Scored paths -> the corpora."}, **_ROWS,
        ),
        Kind(
            "exact-flaws", function="builders.corpora.reasoning:flawed", settings=FlawsSettings, options=FlawOptions,
            depends_on=ON_FLAWS, **_ROWS,
        ),
        Kind(
            "sampled-flaws", function="builders.corpora.flawed:flawed", settings=FlawsSettings, options=FlawOptions,
            depends_on=ON_FLAWS, **_ROWS,
        ),
        Kind("summary", function="builders.corpora.summary:summary", settings=SummaryCorpus, **_ROWS),
        Kind(
            "preference", function="builders.corpora.preference:preference", settings=PairsSettings,
            options=RoundOptions, **_ROWS,
        ),
        Kind("chosen", function="builders.corpora.preference:chosen", settings=PairsSettings, **_ROWS),
        Kind("prompts", function="builders.corpora.prompts:prompts", settings=Section, **_ROWS),
        Kind("multi-turn", function="builders.corpora.multi_turn:multi_turn", settings=Section, **_ROWS),
        Kind(
            "imported", function="builders.corpora.imported:given", settings=GivenSettings, options=ImportedOptions,
            **_ROWS,
        ),
        Kind(
            "pulled", function="builders.corpora.imported:pulled", settings=GivenSettings, options=ImportedOptions,
            **_ROWS,
        ),
        Kind(
            "calibrate", "calibration", "builders.calibration.stage:calibrate", "build calibrate", CalibrateSettings,
            CalibrateOptions,
        ),
        Kind(
            "pretrained", "model", "trainers.models.pretrained:pretrained", "train base", BaseSettings, TrainOptions,
            depends_on=(),
        ),
        Kind(
            "shipped", "model", "trainers.models.shipped:shipped", "run", ShippedAgent, TrainOptions, depends_on=(),
        ),
        Kind(
            "base", "model", "trainers.sft:base", "train base", BaseSettings, TrainOptions, depends_on=(),
            about={"base": "The model that both agents start from: made from nothing, or fetched and checked."},
        ),
        Kind(
            "sft", "model", "trainers.sft:sft", "train {seat}", TrainSettings, TrainOptions, depends_on=(),
            about={
                "reason": "The reasoning agent: the base after SFT on paths.",
                "summary": "The summary agent: SFT on paths to judge, and on plain questions.",
            },
            method="trainers.sft:Sft",
        ),
        Kind(
            "dpo", "model", "trainers.dpo:dpo", "train dpo", DpoSettings, TrainOptions, depends_on=(),
            about={"dpo": "One DPO round of the reasoning agent, on pairs that it sampled."},
            method="trainers.dpo:Dpo",
        ),
        Kind(
            "grpo", "model", "trainers.grpo:grpo", "train grpo", GrpoSettings, TrainOptions,
            depends_on=("answers", "world"),
            about={"grpo": "One GRPO round: an agent samples, is rewarded and learns, in one training."},
            method="trainers.grpo:Grpo",
        ),
        Kind("evaluate", "evaluation", "evals.evaluate:evaluate", "eval", EvalSettings, EvalOptions, "whole"),
        Kind("leaderboard", "board", "leaderboard.build:leaderboard", "leaderboard build", EvalSettings),
        Kind(
            "release", "release", "builders.release.stage:release", "build release", ReleaseSettings, ReleaseOptions,
            about={"release": "The corpora as a folder ready to push: gate, shards, card."},
        ),
    )
}  # fmt: skip


def kind_named(name: str) -> Kind:
    """Raises StageError for a name that is none."""
    if name not in KINDS:
        raise StageError(f"`{name}` is no kind of stage", f"there are {', '.join(f'`{known}`' for known in KINDS)}")
    return KINDS[name]
