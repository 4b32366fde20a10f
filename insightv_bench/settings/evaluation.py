"""Evaluation: the arms, and the controls beside them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from insightv_bench.arms import ARMS, Arm
from insightv_bench.chat import Ask, Asking
from insightv_bench.controls import Control as Control
from insightv_bench.profiles import Prompts

from .base import NAME, Sampling, Section
from .engines import EngineSettings
from .paths import FlawsSettings
from .seats import Seat
from .stored_paths import LoggedPaths, StoredPaths


def listed(value: object) -> object:
    """`json,native` as its parts."""
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


class EvalSettings(Section):
    """Every arm over the same questions, with the same paths."""

    questions: str = "test"
    """Which entry of `questions`."""
    arms: tuple[Arm, ...] = tuple(arm for arm, spec in ARMS.items() if spec.usual)
    control_arms: tuple[Literal["reason", "reason+summary"], ...] = ("reason", "reason+summary")
    """What a control of the reasoning agent's training is evaluated in."""
    path_sampling: Sampling = Sampling(max_new_tokens=1024)
    paths: LoggedPaths | None = None
    """Replies of an evaluation run before in the place of paths that the reasoning agent writes: arms `reason`,
    `majority`, `best-of-k` and `reason+summary` then rest on them, and nobody sits in the seat `reason`."""
    num_paths: int = Field(1, ge=1)
    """Paths a question. Each is answered in every arm that shows it, and counts as a row of its question."""
    summary_k: int = Field(3, ge=2)
    """Paths that arm `reason+summary-of-k` shows at once: a question's first, all where there are fewer."""
    orders: int = Field(2, ge=1)
    """Orders in which that arm shows the same paths, each a row of its question: each shuffled order, turned by one
    place. What the order changes is a figure of its own."""
    greedy: bool = False
    """Evaluate every system again on greedy paths, beside those of `path_sampling`."""
    answer_sampling: Sampling = Sampling(max_new_tokens=256)
    """For the arms that answer without writing a path. The total cap of every arm is the sum of both."""
    token_caps: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Caps under which the arms `base`, `direct` and `reason` are asked again, for accuracy against tokens."""
    repeat_check: int = Field(0, ge=0)
    """So many greedy requests are asked twice: how often a model that should say the same again does not."""
    answers: Literal["likely", "strict"] = "likely"
    """The weakest reading that may be right: `strict` counts sure ones alone, so that a likely one is wrong."""
    flaws: FlawsSettings = FlawsSettings()
    flawed_paths: StoredPaths | None = None
    """Stored paths that the flawed benchmark is made of: flaws are planted in the best right path of a question, and
    wrong replies of a log are natural ones (`natural` among `flaws.flaws`). Left out, the authors' own solutions where
    the questions have some, else the right paths of the first system that reasons."""
    best_of_judge: Literal["summary", "engine", "oracle"] = "summary"
    """Who chooses the path of arm `best-of-k`, not knowing the gold answer: the summary agent by its verdicts, `judge`
    by the first wrong step that it finds, or, in the drawn world, the oracle: what a perfect judge would choose."""
    judge: EngineSettings | None = None
    """The model of `best_of_judge: engine`."""
    paraphraser: EngineSettings | None = None
    """Words the paths of arm `paraphrased` that no rule can; without it those are left out, and counted."""
    summaries: dict[Annotated[str, Field(pattern=NAME)], Seat] = {}
    """More summary agents under test, by their name on the board: each is given the same stored paths. A folder, a Hub
    id, `openai:URL#NAME`, or an engine."""
    ask: Annotated[tuple[Ask, ...], BeforeValidator(listed)] = ("json",)
    """How a path is asked for, in every arm that shows one: our JSON steps, or the model's own manner. Of several each
    is evaluated, on the same questions, and compared with the first."""
    prompts: Prompts = {}
    """Texts in the place of ours, the same in all arms; `native/reason` is for that asking alone."""
    batch_size: int = Field(128, ge=1)
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """What local models compute in, unless their engine says it. `auto`: as their weights are saved."""

    @property
    def asking(self) -> Asking:
        """The first, which is the only one of what a stage is told."""
        return Asking(self.ask[0], self.prompts)

    @model_validator(mode="after")
    def _asks_differ(self) -> EvalSettings:
        if not self.ask or len(set(self.ask)) < len(self.ask):
            raise ValueError("`ask` needs one asking, or several that differ")
        return self

    @model_validator(mode="after")
    def _enough_paths(self) -> EvalSettings:
        for arm in self.arms:
            if self.num_paths < ARMS[arm].min_paths and self.paths is None:
                raise ValueError(f"arm `{arm}` needs `num_paths` of at least {ARMS[arm].min_paths}")
        if self.orders > self.summary_k:
            raise ValueError(f"`orders` ({self.orders}) must not be above `summary_k` ({self.summary_k})")
        if self.best_of_judge == "engine" and self.judge is None:
            raise ValueError("`best_of_judge: engine` needs `judge`, the model that judges")
        if list(self.token_caps) != sorted(set(self.token_caps)):
            raise ValueError("`token_caps` must rise: [512, 2048, 8192]")
        if self.num_paths > 1 and self.path_sampling.temperature == 0:
            raise ValueError(
                "`num_paths` above 1 needs `path_sampling.temperature` above 0: greedy paths are all the same"
            )
        return self
