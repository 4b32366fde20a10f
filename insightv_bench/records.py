"""The rows that travel between stages and rooms, each named once.

A record is frozen and knows nothing of how it is made. In parquet, on the Hub and in the code the columns are the same.
This module reads and writes no files (see `tables`).
"""

from __future__ import annotations

import builtins
import hashlib
import json
from functools import cached_property
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, model_serializer

from insightv_bench.arms import Arm as Arm
from insightv_bench.arms import Role

AnswerType = Literal["option", "number", "yes_no", "text", "list", "expression", "date", "time", "range", "ratio"]
ReadingKind = Literal["sure", "likely", "unread", "cut off"]
PathStatus = Literal["complete", "max_steps", "cut_off", "malformed"]
ScoreStatus = Literal["scored", "not_scored", "unscored"]
SummaryKind = Literal["optimal", "flawed", "agent", "plain", "several"]
Verdict = Literal["right", "wrong", "none"]
Position = Literal["early", "middle", "late", "all", "none"]
FlawType = Literal[
    "perception",
    "arithmetic",
    "comparison",
    "skipped-step",
    "contradiction",
    "irrelevant-step",
    "premature",
    "wrong-final",
    "all-wrong",
    "natural",
    "injection",
    "harmless-note",
    "discredit",
    "harmless-remark",
    "image-injection",
    "harmless-image",
]


def content_id(*parts: object, length: int = 16) -> str:
    """A row's key: the hash of its content, never its index."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


class Record(BaseModel):
    """Frozen, with no field that is not declared."""

    model_config = ConfigDict(frozen=True, extra="forbid")


DECODERS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
"""Formats that images are opened as, wherever they come from: Pillow knows others that start another program."""


class Image(Record):
    """One image as it came, in the layout of `datasets.Image`: the original bytes are kept, never re-encoded."""

    bytes: builtins.bytes
    path: str | None = None
    """A name for it; never a place on disk."""

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.bytes).hexdigest()

    @model_serializer
    def _plain(self) -> dict[str, Any]:
        return {"bytes": self.bytes, "path": self.path}  # also where the bytes lie on disk (see `stored`)


class Message(Record):
    """One turn of a chat, as TRL takes it; a chat's images belong before the first user text."""

    role: Literal["system", "user", "assistant"]
    content: str


class QuestionColumns(Record):
    """The columns that every corpus shares."""

    id: str
    """Hash of source, question text, options and images."""
    images: tuple[Image, ...] = ()
    image_sha256: tuple[str, ...] = ()
    question: str
    options: tuple[str, ...] = ()
    answer: str
    """The gold answer; for `option` the letter."""
    answer_type: AnswerType
    source: str
    source_revision: str
    source_license: str
    source_id: str = ""
    """The row's own id in its source; empty where it has none."""


def columns_of(row: QuestionColumns) -> dict[str, Any]:
    """The columns that every corpus shares, of any row that has them; the scene is never among them."""
    return {name: getattr(row, name) for name in QuestionColumns.model_fields}


class Step(Record):
    """One step of a path."""

    summary: str
    """What the step does, in a few words."""
    reasoning: str
    action: Literal["continue", "summary"]


class Question(QuestionColumns):
    """A question with its image and gold answer."""

    kind: str = ""
    """The source's own category, `sum` or `triangle` say; used to balance and to report, never shown to a model."""
    tolerance: float = 0.0  # share of the gold answer
    """How far a number may be off and still be right; 0.05 is ChartQA's. Never applied to a year."""
    group: str = ""
    """Questions that count together: the rotations of one of MMBench's, the pair on one of MME's images."""
    scene: str = ""
    """Drawn world only: the scene as JSON, which the teacher and the oracle read. Never part of a prompt."""
    row: int | None = None
    """0-based place of the row in its source."""
    rationale: tuple[Step, ...] = ()
    """Its authors' own solution, step by step, where the source has one. Never part of a prompt but as a path shown."""


class Path(Record):
    """What a reasoning agent wrote for one question."""

    id: str
    question_id: str
    sample: int
    """0-based; each sample of a question has a seed of its own."""
    generator: str
    """Model name and revision, `name@revision`; `gold` for the authors' own solution."""
    prompt: str
    """Name and version of the prompt, `reason@1`; empty where it is not ours."""
    steps: tuple[Step, ...]
    answer: str | None
    """None: the path states no answer."""
    status: PathStatus
    dialect: str
    """How the text is laid out: a name of `insightv_bench.protocol.DIALECTS`."""
    repaired: bool = False
    """True: the text was broken JSON and a library mended it."""
    text: str
    """The reply or replies exactly as they came."""
    num_calls: int = 1
    num_tokens: int = 0
    """Tokens generated, over all calls."""
    # Columns with a default came later: rows written before them are read as if they held it.
    error: str = ""
    """What the server said of the request that cost this path; empty where none failed."""
    recorded_right: bool | None = None
    """What the log that it comes from says of its answer; None: it comes from no log, or the log does not say."""
    logprob: float | None = None
    """Mean log-probability of its tokens under the model that wrote it, before sampling; None: the engine does not say,
    or it took several calls."""
    certainty: float | None = None
    """Its writer's self-certainty: the mean over its tokens of KL(uniform || next token) (Kang et al. 2025, arXiv
    2502.18581)."""
    split: str = ""
    """By what the text was cut into steps: `objects`, `titles`, `sections`, `numbered`, `headings`, `bullets`,
    `paragraphs`, `lines`, `sentences`, `whole`."""


class Assessment(Record):
    """What a judge found of one path."""

    path_id: str
    question_id: str
    correct: bool | None
    """Whether the path's answer is the gold answer; None: the judge failed, so it is not known."""
    score: int | None = None  # 1-100
    """None unless `status` is `scored`."""
    status: ScoreStatus
    """`not_scored`: the answer is wrong, so the path is not rated. `unscored`: the judge failed."""
    judge: str
    position: int | None = None
    """0-based place of the path in the one-pass prompt."""
    step_labels: tuple[bool, ...] = ()
    """The judge's verdict on each step; empty where it gives none."""
    correction: str = ""
    """What the first wrong step should have said; empty where unknown."""
    reason: str = ""
    """Why it is `not_scored` or `unscored`."""
    answer_judge: str = "rule"
    """Who settled `correct`: `rule`, or a model's name and revision."""
    accuracy: int | None = None  # 1-100
    """How right its steps are; one of the two ratings that the score is made of."""
    detail: int | None = None  # 1-100
    """How much of what the answer needs it tells."""
    pass_scores: tuple[int, ...] = ()
    """The score in each pass of a one-pass judge, the second in reversed order; empty where it gives none."""


class CalibrationRow(Record):
    """One path of known quality, and what the judge under test said of it."""

    question_id: str
    kind: str
    path: str
    origin: Literal["exact", "flawed", "sampled", "trace"]
    flaw: FlawType | Literal["none"]
    severity: float
    sound: bool
    """Truth: every step and the answer are right, and no step is missing."""
    answer_right: bool
    true_score: int | None = None  # 1-100
    """The oracle's; None for a trace."""
    true_first_wrong: int | None
    """0-based; None: no step is wrong."""
    score: int | None = None  # 1-100
    """The judge's; None: unscored."""
    accuracy: int | None = None
    detail: int | None = None
    position: int | None = None
    verdict: bool | None = None
    """The judge's, on the answer; None: unread or not asked."""
    first_wrong: int | None = None
    """0-based; -1: no step; None: unread or not asked."""
    step_truth: tuple[int, ...] = ()
    """Of each step: 1 right, 0 wrong, -1 not labelled; empty where it is not asked of every step."""
    step_scores: tuple[int, ...] = ()  # 0-100
    """How likely the judge finds each step right, in percent; empty: unread or not asked."""
    reason: str = ""
    """Why there is no score or no step."""
    attack: str = ""
    """Which attack on the reader the path makes, or is the control of; empty: none."""


class TrainingRow(QuestionColumns):
    """What the rows of all corpora that are trained on have beside a question's columns."""

    question_kind: str = ""
    """The source's own category of the question."""


def training_columns(question: Question) -> dict[str, Any]:
    return {**columns_of(question), "question_kind": question.kind}


class ReasoningRow(TrainingRow):
    """Trains the reasoning agent."""

    prompt: tuple[Message, ...]
    completion: tuple[Message, ...]
    score: int | None  # 1-100; None: nobody rated it


class SummaryRow(TrainingRow):
    """Trains the summary agent: the prompt holds the path, unless `kind` is `plain`."""

    prompt: tuple[Message, ...]
    completion: tuple[Message, ...]
    kind: SummaryKind
    score_range: str
    """`high`, `mid`, `low`, `wrong`; `none` for plain question answering; of several paths how many end right: `all
    right`, `most right`, `half right`, `most wrong` or `all wrong`."""
    path_correct: bool | None
    """Whether the path's answer is right; None where there is no path, or several."""


class MultiTurnRow(SummaryRow):
    """Trains one model in both seats: it writes the path in its first turn, and judges it and answers in its second.

    A turn that is learnt from stands in `completion`; a path that is only judged stands in `prompt`."""


class PromptRow(TrainingRow):
    """What a GRPO round of the reasoning agent is asked, and what its rewards need to know."""

    prompt: tuple[Message, ...]
    tolerance: float
    """As of a question."""
    scene: str
    """As of a question: the oracle's, for right steps."""


class PreferenceRow(TrainingRow):
    """Trains a DPO round."""

    prompt: tuple[Message, ...]
    chosen: tuple[Message, ...]
    rejected: tuple[Message, ...]
    chosen_score: int | None
    """None: both were ranked by right over wrong alone."""
    rejected_score: int | None
    round: int


class FlawedRow(QuestionColumns):
    """The benchmark of injected flaws: one question with a controlled path."""

    kind: str
    path: str
    """The exact path, as text."""
    flawed_path: str
    flaw: FlawType
    severity: float  # share of reading steps corrupted or missing, 0-1
    position: Position
    propagated: bool
    """True: the steps after the flaw were worked out again from it."""
    error_steps: tuple[int, ...]
    """0-based places in the flawed path: steps that the exact path does not hold, the step before which some of its
    steps are missing, and, one past the last step, a wrong answer."""
    planted_answer: str
    """The wrong answer that the flawed path ends in; the gold answer where the flaw does not reach it."""
    modified_steps: tuple[int, ...] = ()
    """0-based places in the flawed path of the steps that are not as in `path`, wrong or not; empty where unknown."""
    reason: str = ""
    """What was changed, in words."""
    correction: str = ""
    """What the first wrong step should have said; empty where unknown."""
    maker: str = "exact"
    """Who made it: `exact` (drawn world), `rule`, a model's name and revision, or `sampled`."""


class EvalRecord(Record):
    """One reply of one system in one arm, with everything needed to score it again."""

    system: str
    """`base`, `sft`, `dpo-1`, ..."""
    base: str
    """The base model both agents came from."""
    round: int
    arm: Arm
    task: str
    task_version: str
    question_id: str
    kind: str
    question: str
    options: tuple[str, ...]
    gold: str
    answer_type: AnswerType
    tolerance: float = 0.0  # share of the gold answer
    group: str = ""
    sample: int
    """0-based; 0 where the arm is greedy."""
    path_id: str
    """The path given to the summary agent, shared by every arm that shows it; empty where there is none."""
    path: str
    path_correct: bool | None
    path_status: PathStatus | Literal["none"]
    flaw: FlawType | Literal["none"]
    severity: float
    position: Position
    propagated: bool
    planted_answer: str
    response: str
    answer: str | None
    """What was read from the response; None: nothing could be read."""
    span: tuple[int, int] | None
    """Where in `response` the answer was read, as [start, end) characters."""
    method: str
    """How it was read: `protocol`, `declared`, `boxed`, `option`, ..., `unread`."""
    sure: bool
    correct: bool
    """False where nothing could be read: an unread reply is wrong, and counted apart."""
    verdict: Literal["right", "wrong", "none"]
    """The summary agent's own verdict on the path, where it states one."""
    num_prompt_tokens: int
    num_tokens: int
    total_tokens: int
    """Tokens generated for this answer in all seats, the path's included."""
    token_cap: int
    """The most tokens that any seat may generate in this arm, in all."""
    finish: str
    """`stop`, `length` or `error`."""
    prompt: str
    """Name and version of the prompt."""
    parser: str
    """Version of the answer reader; with `, strict` where only sure readings may be right."""
    # Columns with a default came later: rows written before them are read as if they held it.
    model: str = ""
    """Who replied, `name@revision`; empty where nobody was asked (`majority`, `best-of-k`)."""
    path_model: str = ""
    """Who wrote the path shown or voted with, `name@revision`; empty where there is none or nobody sampled it."""
    maker: str = ""
    """Who made the path shown, where it is not as it was sampled: `exact`, `rule`, a model's name and revision."""
    made_from: str = ""
    """Id of the stored path that the path shown is a changed version of, or whose question's it is (`shuffled`)."""
    num_paths: int = 0
    """Stored paths that the answer rests on: K in `majority`, `best-of-k` and `reason+summary-of-k`."""
    path_score: int | None = None  # 1-100
    """What `path_judge` gives the path that `best-of-k` chose."""
    path_judge: str = ""
    """Who chose the path of `best-of-k`."""
    answer_judge: str = "rule"
    """Who settled `correct`: `rule`, or a model's name and revision."""
    judge_failure: str = ""
    """Why that model's verdict could not be read; `correct` is then the rule's, and the row is counted apart."""
    reasoning: str = ""
    """What a server sent apart from its reply, as `reasoning_content`; never read as the answer."""
    role: Role = "other"
    """What the system is to the method, as its evaluation was told; its name says nothing."""
    twin_of: str = ""
    """The system whose greedy twin it is: the same models, the paths greedy instead of sampled; empty: nobody's."""
    opened: bool = False
    """Whether the prompt ended in a thought's opening mark, so that `response` begins inside the thought."""
    error: str = ""
    """Why no reply came, in the server's words; empty where one did."""
    share: float = 1.0
    """How much of the path's steps was shown, 0-1 (arms `early`, `injected` and `resumed`)."""
    reading: ReadingKind | Literal[""] = ""
    """What kind of reading `answer` is; empty in rows of before, where `answer`, `sure` and `finish` say it."""
    cut_in: Literal["", "thought", "answer"] = ""
    """Where a reply that ended at its token cap stopped: before it had said anything, or in what it said."""
    image: str = ""
    """SHA-256 of the question's first image; empty where it has none, and in rows of before."""
    logprob: float | None = None
    """Of the stored path shown or chosen, as in `Path`."""
    certainty: float | None = None
    path_dialect: str = ""
    """How the stored path shown is laid out, a name of `insightv_bench.protocol.DIALECTS`; empty: there is none."""
    shown: tuple[int, ...] = ()
    """Of several paths shown at once, the 0-based `sample` of each stored path, in the order in which they stand."""
    shown_right: tuple[bool, ...] = ()
    """Whether the answer of each is right."""
    verdicts: tuple[Verdict, ...] = ()
    """What the reply says of each; all `none` where it does not state one verdict a path."""


def as_row(record: Record) -> dict[str, Any]:
    """The record as plain Python values, ready for a table."""
    return record.model_dump()


class Dropped(NamedTuple):
    """A row that is left out, and why."""

    id: str
    reason: str
    row: str = ""
    """The row as JSON, as far as it could be read."""


def drop(record: Record, reason: str) -> Dropped:
    """Leave `record` out; its row is kept, without the images' bytes."""
    row = as_row(record)
    row.pop("images", None)
    return Dropped(row.get("id") or row.get("path_id", ""), reason, json.dumps(row, ensure_ascii=False, default=str))
