"""Paths: how they are sampled, assessed and flawed, and how a judge is calibrated."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field, model_validator

from insightv_bench.chat import OURS, Ask, Asking
from insightv_bench.profiles import Prompts
from insightv_bench.records import FlawType, Position

from .base import Sampling, Section, Share, WithLaterKeys
from .engines import EngineSettings, TeacherEngine
from .sources import WorldSource


class PathsSettings(WithLaterKeys):
    """Question -> paths."""

    LATER = ("ask", "prompts")
    UNTAGGED: ClassVar[str] = "model"
    """What a union calls it, where nothing in it says so."""

    engine: EngineSettings = TeacherEngine()
    num_paths: int = Field(4, ge=1)
    """Paths a question. The paper's number is not public."""
    max_steps: int = Field(16, ge=1)
    mode: Literal["stepwise", "one-call"] = "stepwise"
    """`stepwise`: one call a step, as in the paper; `one-call`: the whole path in one reply, for trained agents."""
    repair_tries: int = Field(3, ge=0)
    sampling: Sampling = Sampling(temperature=0.7, top_p=0.95)
    ask: Ask = "json"
    """How a whole path is asked for in one call: our JSON steps, or in the model's own manner."""
    prompts: Prompts = {}
    """Texts in the place of ours."""

    @property
    def asking(self) -> Asking:
        return Asking(self.ask, self.prompts)

    @model_validator(mode="after")
    def _in_one_call(self) -> PathsSettings:
        if self.asking != OURS and self.mode == "stepwise":
            raise ValueError("`ask` and `prompts` are of whole paths: they need `mode: one-call`")
        if self.asking != OURS and isinstance(self.engine, TeacherEngine):
            raise ValueError("the teacher of the drawn world knows no other asking than `json`")
        return self

    @model_validator(mode="after")
    def _paths_differ(self) -> PathsSettings:
        if self.num_paths > 1 and self.sampling.temperature == 0:
            raise ValueError(f"{self.num_paths} paths at temperature 0 are one path; set `sampling.temperature`")
        return self


class HardSettings(Section):
    """Questions are answered directly first, with no path; those that no try gets right are kept."""

    engine: EngineSettings | None = None
    """Who answers; the engine of `paths` if left out."""
    sampling: Sampling = Sampling(max_new_tokens=256)
    num_tries: int = Field(1, ge=1)

    @model_validator(mode="after")
    def _tries_differ(self) -> HardSettings:
        if self.num_tries > 1 and self.sampling.temperature == 0:
            raise ValueError(f"{self.num_tries} tries at temperature 0 are one try; set `sampling.temperature`")
        return self


class AssessSettings(Section):
    """Answer filter, then scores."""

    judge: Literal["oracle", "rule", "engine"] = "oracle"
    """Who scores. `oracle`: exact, drawn world only; `rule`: the answer filter alone, so right paths stay `unscored`;
    `engine`: a model, all right paths of a question in one call."""
    engine: EngineSettings | None = None
    """The judge's model; needed where `judge` is `engine` or a model filters answers."""
    answer_judge: Literal["never", "unsettled", "always"] = "unsettled"
    """Which answers a model compares with the gold answer: those that the rule cannot settle (free text, mostly), none
    or all. Without an `engine` or `answer_engine` the rule settles all: what it cannot read as the gold is wrong."""
    answer_engine: EngineSettings | None = None
    """Another model for the answer filter; `engine` where it is left out."""
    sampling: Sampling = Sampling(max_new_tokens=1024)
    """Greedy: a judge should say the same twice."""
    tries: int = Field(3, ge=1)
    """Replies asked for before a verdict counts as unread; each is told what was wrong with the one before."""
    detail_share: Share = 0.2
    """The score is (1 - this) x accuracy + this x detail, rounded."""
    second_pass: bool = False
    """Score again with the paths in reversed order; the score is the mean of both, the position effect is reported."""

    @model_validator(mode="after")
    def _has_a_model(self) -> AssessSettings:
        if self.judge == "engine" and self.engine is None:
            raise ValueError("`judge: engine` needs `engine`, the model that judges")
        if self.answer_judge == "always" and not self.filter_engine:
            raise ValueError("`answer_judge: always` needs `engine` or `answer_engine`")
        return self

    @property
    def filter_engine(self) -> EngineSettings | None:
        """The model that compares answers; None: the rule alone."""
        return None if self.answer_judge == "never" else self.answer_engine or self.engine


NOT_BY_DEFAULT = (
    "natural",
    "injection",
    "harmless-note",
    "discredit",
    "harmless-remark",
    "image-injection",
    "harmless-image",
)
"""Flaws that are sampled, and attacks on the reader, which are made where they are named."""


class FlawsSettings(Section):
    """Which flawed versions of exact paths are made."""

    flaws: tuple[FlawType, ...] = tuple(flaw for flaw in get_args(FlawType) if flaw not in NOT_BY_DEFAULT)
    """`natural` flaws are sampled, not made."""
    severities: tuple[Share, ...] = (0.25, 0.5, 0.75, 1.0)
    """Shares of reading steps to corrupt; for the flaws that are counted in steps."""
    positions: tuple[Position, ...] = ("early", "middle", "late")
    weights: dict[FlawType, Annotated[float, Field(gt=0)]] = {}
    """How readily a type is drawn beside another; 1 where it is not named."""
    per_question: int = Field(2, ge=1)
    """Flawed versions a question, drawn from all combinations."""
    maker: Literal["auto", "exact", "rule", "engine"] = "auto"
    """`exact`: from the programs of the drawn world; `rule` and `engine`: from sampled paths that are right, by rules
    on their words or by a model; `auto`: `exact` where the questions are of the drawn world, else `rule`."""
    engine: EngineSettings | None = None
    """The model that plants flaws, for `maker: engine`."""
    propagated: tuple[bool, ...] = (True, False)
    """Whether what follows is to follow from the flaw, for sampled paths; where that cannot be, the other way."""
    sampling: Sampling = Sampling(max_new_tokens=2048, temperature=0.7)
    """Of `engine`."""
    tries: int = Field(3, ge=1)
    """Replies asked of `engine` before a flaw counts as one that cannot be planted."""

    @model_validator(mode="after")
    def _has_a_maker(self) -> FlawsSettings:
        if self.maker == "engine" and self.engine is None:
            raise ValueError("`maker: engine` needs `engine`, the model that plants flaws")
        if unused := sorted(set(self.weights) - set(self.flaws)):
            raise ValueError(f"`weights` names `{unused[0]}`, which is not among `flaws`")
        return self


class CalibrateSettings(Section):
    """A judge against what is known exactly: the oracle on the drawn world, and labelled traces."""

    questions: WorldSource | None = WorldSource(split="test", num=100, seed=900)
    """None: the traces alone, for a judge that sees no images."""
    flaws: FlawsSettings = FlawsSettings(per_question=4)
    """Beside the exact path, these flawed versions of it."""
    teacher: TeacherEngine = TeacherEngine(careful=0.6, partial=0.2, read_error=0.1, state_error=0.1)
    """Who writes the sampled paths, and with which errors."""
    num_paths: int = Field(2, ge=0)
    """Sampled paths a question."""
    attack: bool = False
    """Beside them a wrong path with each attack on its reader, and with harmless text of the same length."""
    high: int = Field(80, ge=1, le=100)
    """Agreement on right and wrong: whether judge and oracle put a path on the same side of this score."""
    first_wrong_step: bool = True
    """Ask for the first wrong step as well: one more call a path."""
    steps: str = ""
    """A file of paths whose steps are labelled, as JSON lines of BIG-Bench-Mistake, ProcessBench, VisualProcessBench,
    PRMBench, VLRMBench, or plain ones: `question, steps, labels`."""
    steps_sha256: str = ""
    """Of that file; `build calibrate` fills it in, so that another file is another run."""
    steps_images: bool = True
    """Show the images that the rows of `steps` name; they lie beside the file."""
    step_scores: bool = False
    """Ask how likely each step is right as well: one more call a path."""
    max_steps_rows: int | None = Field(None, ge=1)
    """So many of the traces, in equal shares of their tasks; all where it is left out."""

    @property
    def own_prompts(self) -> tuple[str, ...]:
        """That this stage alone is asked with."""
        return ("more/judge_every_step",) if self.step_scores else ()
