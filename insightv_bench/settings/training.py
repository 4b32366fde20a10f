"""Models and their trainings: TRL's options under their own names."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from insightv_bench.records import SummaryKind

from .base import Sampling, Section, Share
from .corpora import PairsSettings, SeveralSettings
from .paths import AssessSettings, PathsSettings
from .rounds import SampleSettings
from .sources import Source, WorldSource

__all__ = [
    "FROM_NOTHING",
    "SMALL_MODEL",
    "BaseSettings",
    "CostSettings",
    "DpoSettings",
    "GrpoSettings",
    "LaunchSettings",
    "MuonSettings",
    "Reward",
    "RoundKind",
    "RoundsSettings",
    "ShippedAgent",
    "SummaryOfKSettings",
    "SummarySettings",
    "TinyModel",
    "TrainSettings",
    "WatchSettings",
]


class TinyModel(Section):
    """An Aya Vision of about a million parameters, from nothing."""

    image_side: int = Field(48, ge=8)  # pixels
    patch_side: int = Field(8, ge=1)  # pixels
    downsample_factor: int = Field(2, ge=1)
    """Patches to a side of the square that becomes one image token (pixel shuffle)."""
    vision_width: int = 96
    vision_layers: int = 2
    text_width: int = 128
    text_layers: int = 4
    num_heads: int = 4

    @model_validator(mode="after")
    def _whole_tokens(self) -> TinyModel:
        if self.image_side % self.token_side:
            raise ValueError(f"`image_side` ({self.image_side}) is no multiple of an image token's ({self.token_side})")
        return self

    @property
    def token_side(self) -> int:
        """Of the square that one image token stands for, in pixels."""
        return self.patch_side * self.downsample_factor


SMALL_MODEL = TinyModel(image_side=96, vision_width=192, vision_layers=4, text_width=320, text_layers=8, num_heads=8)
"""Ten times as many parameters, for the drawn world's level `small`."""


class LaunchSettings(Section):
    """Several processes for one training, by `accelerate launch`."""

    config: str = "multi-gpu"
    """`multi-gpu`, `fsdp`, `zero3`, `cpu`, or a file of your own that ends in `.yaml`."""
    num_processes: int = Field(2, ge=1)
    """One a device. Rows a step are so many times those of one process."""

    @property
    def keeps_whole(self) -> bool:
        """Whether each process holds all weights; a file of the user's own may share them out."""
        return self.config in ("multi-gpu", "cpu")


class MuonSettings(Section):
    """torch's Muon for the layers' matrices; all other weights stay with AdamW and the options of `trainer`."""

    learning_rate: float = Field(0.01, gt=0)
    """Scaled by a matrix's shape as in Muon's first publication; it follows `trainer`'s schedule."""
    momentum: float = Field(0.95, ge=0, lt=1)
    weight_decay: float = Field(0.05, ge=0)


class WatchSettings(Section):
    """While a model trains: the accuracy of what it then writes to validation questions, as an evaluation samples it.

    Of the summary agent: of both agents, on paths that the reasoning agent wrote once.
    """

    every: int = Field(ge=1)
    """Steps. It is measured before the first step and after the last one too."""
    questions: int = Field(200, ge=10)
    """The first so many of `questions.validation`; without it, of the drawn world's validation split."""
    sampling: Sampling | None = None
    """Left out: 256 tokens, of a path at temperature 1, of the summary agent's reply at 0."""
    batch_size: int = Field(64, ge=1)
    dtype: Literal["float32", "bfloat16", "float16", "auto"] = "float32"
    """A second copy of the model is in memory while it is measured."""
    patience: int = Field(0, ge=0)
    """Stop after so many measurements in a row without a higher accuracy; the best weights are kept. 0: train on."""


class TrainSettings(Section):
    """One training: TRL's options under their own names."""

    trainer: dict[str, Any] = {}
    """Options of TRL's `SFTConfig`, `DPOConfig` or `GRPOConfig`, passed through."""
    lora: dict[str, Any] | None = None
    """Options of PEFT's `LoraConfig`, passed through; `{}` takes them all at their defaults. None: all weights."""
    freeze_vision: bool | None = None
    """Keep the vision tower as it is, but not its projector. None: in a real model, not in one made from nothing."""
    max_tokens: int | None = Field(None, ge=16)
    """Longer rows, images included, are left out and counted. None: what the model can hold, for a real one."""
    validation_share: Share = 0.0
    """Share of the questions that are kept for validation."""
    patience: int = Field(0, ge=0)
    """Stop after so many validations in a row without a better loss; the best weights are kept. 0: train to the end."""
    device: Literal["auto", "cuda", "cpu"] = "auto"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the weights that are held. `auto`: bfloat16 under LoRA on a GPU, else float32; bf16 is then autocast."""
    launch: LaunchSettings | None = None
    muon: MuonSettings | None = None
    """Train the layers' matrices with Muon. `{}` takes its options at their defaults."""

    watch: WatchSettings | None = None

    new_phrases: bool = False
    """Give the phrases of several paths a token each before training, where the model's vocabulary has none for them:
    a model from nothing has one for every other phrase of the drawn world."""

    @property
    def launch_on_cpu(self) -> bool:
        return self.launch is not None and (self.launch.config == "cpu" or self.device == "cpu")

    @model_validator(mode="after")
    def _has_what_to_wait_for(self) -> TrainSettings:
        if self.patience and not self.validation_share:
            raise ValueError("`patience` needs `validation_share`, the questions that it is measured on")
        return self

    @model_validator(mode="after")
    def _watched_here(self) -> TrainSettings:
        if self.watch and self.launch:
            raise ValueError("`watch` needs a training in one process: leave out `launch`, or `watch`")
        if self.watch and self.watch.patience and self.patience:
            raise ValueError("`patience` and `watch.patience` choose the weights by two figures: leave one out")
        return self

    @model_validator(mode="after")
    def _has_whole_matrices(self) -> TrainSettings:
        """Muon orthogonalises whole matrices: not an adapter's factors, nor what several processes share out."""
        if self.muon and (self.lora is not None or (self.launch and not self.launch.keeps_whole)):
            raise ValueError(
                "`muon` needs whole matrices: leave out `lora`, and `launch` other than `multi-gpu`, `cpu`"
            )
        return self


FROM_NOTHING = ("tiny", "small")


class BaseSettings(TrainSettings):
    """The model that both agents start from: one from nothing, taught by `lessons`, or one that is there."""

    model: str = "tiny"
    """`tiny` or `small` (from nothing), a folder, or a Hub id."""
    revision: str | None = None
    """Of a Hub id: a branch, tag or commit. Left out, the newest, which the run then keeps to."""
    processor: dict[str, Any] = {}
    """Options of the model's processor, kept with it: `size` bounds the pixels, and so the tokens, of an image."""

    @property
    def from_nothing(self) -> bool:
        return self.model in FROM_NOTHING

    @model_validator(mode="after")
    def _writes_no_paths(self) -> BaseSettings:
        if self.watch:
            raise ValueError(
                "`watch` is of agents, and a base writes no paths yet: watch `reason`, `summary` or rounds"
            )
        return self


class SummarySettings(TrainSettings):
    init: Literal["base", "reason"] = "base"
    """Which model the summary agent starts from. The paper starts both agents from the base."""


class SummaryOfKSettings(TrainSettings):
    shares: dict[SummaryKind, float] = {}
    """Of its corpus; empty: `several` 0.8 and `plain` 0.2."""
    several: SeveralSettings = SeveralSettings()


class DpoSettings(TrainSettings):
    reference: Literal["previous", "initial"] = "previous"
    """The reference policy: the model that wrote the pairs, or the first of all rounds. Published recipes differ."""
    cache_reference: bool | None = None
    """Compute its log-probabilities once, before the training, so that one model is in memory. None: for a real model,
    unless LoRA has the reference under its adapter anyway."""
    max_fall: float = Field(1.0, gt=0)
    """A round whose chosen paths have lost this share of their log-probability under the reference is stopped."""


class CostSettings(Section):
    """What a dry run counts with; it changes no stage. Left out, what can be read from a base in a folder."""

    parameters: float | None = Field(None, gt=0)
    """Of the base model, all of them."""
    vision_parameters: float = Field(0, ge=0)
    """Of its vision tower, without the projector."""
    tokens_a_row: int | None = Field(None, ge=1)
    """Of a row on average, images and template included. None: `max_tokens`, the most that there may be."""
    tokens_per_second: float | None = Field(None, gt=0)
    """Trained on a device. None: 8 operations a parameter and token, at 35 % of an A100's 312 trillion a second."""


Reward = Literal["answer", "format", "steps", "verdict"]


class ShippedAgent(Section):
    """An agent that comes with the package, in the place of one that the run would train."""

    agent: str
    """As the stage that trains it is called, without its `train-`."""
    content: str
    """Tells one content of its weights from another."""

    """Iterative DPO: sample from the current model, assess, pair, train, once a round."""


class GrpoSettings(TrainSettings):
    """Sampled, rewarded and trained in one: K samples a question are `trainer.num_generations`."""

    rewards: dict[Reward, Annotated[float, Field(ge=0)]] = {}
    """What a sample earns -> its weight: the right answer, a path that can be read, right steps (drawn world alone),
    the right verdict. Empty: for the reasoning agent the first three, for the summary agent answer and verdict."""
    reference: Literal["previous", "initial"] = "previous"
    """The reference policy, where `trainer.beta` is not 0: the model before this round, or the first of all rounds."""


RoundKind = Literal["dpo", "grpo", "rejection"]


class RoundsSettings(Section):
    """Rounds of the reasoning agent, each from the last one's model.

    `dpo`: sample, assess, pair, train. `rejection`: sample, assess, SFT on the right paths. `grpo`: all in one.
    """

    kind: RoundKind = "dpo"
    num: int = Field(0, ge=0)
    questions: Source
    """Of the drawn world each round takes a fresh slice: the round's number is added to its seed. Of a table each round
    asks all that the evaluation does not, or `num_questions` that no round has asked before, as long as there are."""
    num_questions: int | None = Field(None, ge=1)
    """Questions a round, of a table; how many of the drawn world stands in `questions.num`."""
    paths: PathsSettings | None = None
    """How the model of the round is sampled; none is needed where `kind: grpo` samples as `grpo.trainer` says.
    `engine` says with which options; its model is the one just made."""
    sample: SampleSettings = SampleSettings()
    """On which program and devices."""
    assess: AssessSettings | None = None
    """Who judges the rounds' paths; as the other ones if left out."""
    pairs: PairsSettings = PairsSettings()
    dpo: DpoSettings = DpoSettings()
    grpo: GrpoSettings = GrpoSettings()
    """How a round of kind `grpo` is trained, and the control `grpo`, whose steps follow from a DPO round's compute."""
    summary: GrpoSettings | None = None
    """Train the summary agent by GRPO too, beside each round of kind `grpo`, on the paths of the summary corpus."""
    rejection: TrainSettings | None = None
    """How a round of kind `rejection` is trained, and the control `rejection-sampling`, whose steps follow from the
    compute of a DPO round. Left out: as the reasoning agent is."""

    @model_validator(mode="after")
    def _counted_once(self) -> RoundsSettings:
        if self.num_questions and isinstance(self.questions, WorldSource):
            raise ValueError("`num_questions` is of a table; of the drawn world `questions.num` says how many")
        return self

    @model_validator(mode="after")
    def _sampled(self) -> RoundsSettings:
        if self.paths is None and self.kind != "grpo":
            raise ValueError(f"`rounds.paths` is missing: rounds of `kind: {self.kind}` sample the model as it says")
        return self

    @model_validator(mode="after")
    def _summary_of_grpo(self) -> RoundsSettings:
        if self.summary is not None and self.kind != "grpo":
            raise ValueError(f"`rounds.summary` is trained beside rounds of `kind: grpo`, and these are `{self.kind}`")
        return self
