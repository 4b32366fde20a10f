"""The sections of a recipe: typed, with defaults and units, and nothing heavy imported.

What a model, a trainer or a server calls an option keeps that name.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from .records import Arm, FlawType, Position, SummaryKind, content_id
from .world.scene import Split

Control = Literal[
    "longer-sft",
    "continued-sft",
    "optimal-only",
    "single-model",
    "rejection-sampling",
    "continued-sft-dpo",
    "pooled-dpo",
]
NAME = r"^[a-z0-9][a-z0-9-]*$"
Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def fingerprint(self) -> str:
        return content_id(type(self).__name__, self.model_dump(mode="json"), length=12)


class Grown(Section):
    """A section that was given keys since it was first used: at their defaults they change no fingerprint."""

    LATER: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _as_before(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields, content = type(self).model_fields, dump(self)
        unset = [name for name in self.LATER if getattr(self, name) == fields[name].get_default()]
        return {key: value for key, value in content.items() if key not in unset}


class Sampling(Section):
    """How a model samples; temperature 0 is greedy."""

    max_new_tokens: int = Field(1024, ge=1)
    temperature: float = Field(0.0, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    repetition_penalty: float = Field(1.0, gt=0)


class WorldSource(Section):
    """Questions of the drawn world, at the recipe's level."""

    source: Literal["world"] = "world"
    split: Split
    num: int = Field(ge=1)
    seed: int = 0
    """Added to the run's seed, so that two slices of one split differ."""
    fixed: bool = False
    """The same questions whatever the run's seed: `seed` alone tells them."""


Names = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]
"""One column, or several in order."""
Reader = Literal[
    "puzzlevqa",
    "mathvision",
    "chartqa",
    "mmmu",
    "mmmu-pro-vision",
    "mmbench",
    "mme",
    "mmstar",
    "mathvista",
    "scienceqa",
]
READERS: dict[str, Reader] = {
    "declare-lab/PuzzleVQA": "puzzlevqa",
    "MathLLMs/MathVision": "mathvision",
    "HuggingFaceM4/ChartQA": "chartqa",
    "lmms-lab/ChartQA": "chartqa",
    "lmms-lab-encoder/ChartQA": "chartqa",
    "MMMU/MMMU": "mmmu",
    "lmms-lab/MMMU": "mmmu",
    "lmms-lab-encoder/MMMU": "mmmu",
    "lmms-lab/MMBench": "mmbench",
    "lmms-lab-encoder/MMBench": "mmbench",
    "lmms-lab/MME": "mme",
    "lmms-lab-encoder/MME": "mme",
    "Lin-Chen/MMStar": "mmstar",
    "AI4Math/MathVista": "mathvista",
    "derek-thomas/ScienceQA": "scienceqa",
}
"""The reader of a data set by its Hub id, where the recipe names neither `columns` nor `reader`."""


class Columns(Section):
    """Which column of a table holds what."""

    question: str
    answer: str
    """The answer's text; with options also their letter."""
    image: Names
    """Bytes, a struct with `bytes`, a path inside the data's folder, or a list of these; several columns in order."""
    options: Names | None = None
    """A list, a list written as text, or one column an option."""
    id: str | None = None
    kind: str | None = None

    def named(self) -> list[tuple[str, tuple[str, ...]]]:
        """Each field that is mapped, with its columns."""
        given = self.model_dump(exclude_none=True)
        return [(field, (names,) if isinstance(names, str) else tuple(names)) for field, names in given.items()]


class TableSource(Section):
    """What questions of a table have in common, wherever it lies."""

    columns: Columns | None = None
    reader: Reader | None = None
    """Knows a data set's columns, answer forms and several pictures; in place of `columns`."""
    limit: int | None = Field(None, ge=1)
    """At most this many rows are read."""
    max_pixels: int = Field(40_000_000, ge=1)

    @property
    def set_name(self) -> str:
        raise NotImplementedError

    @property
    def known_reader(self) -> Reader | None:
        return self.reader or (None if self.columns else READERS.get(self.set_name))

    @model_validator(mode="after")
    def _told_once(self) -> TableSource:
        if self.columns and self.reader:
            raise ValueError("`columns` and `reader` both say what its columns hold; leave one out")
        if not self.columns and not self.known_reader:
            raise ValueError(f"`columns` is missing: nothing else says what the columns of `{self.set_name}` hold")
        return self


class FileSource(TableSource):
    """Questions of local files."""

    path: str
    """A file, or a folder of them; relative to the current folder."""
    name: str
    """The data set's name, its Hub id where it has one."""
    revision: str | None = None
    """Left out, it is a hash of the files."""
    license: str = "unknown"

    @property
    def set_name(self) -> str:
        return self.name


class ParquetSource(FileSource):
    source: Literal["parquet"]


class JsonlSource(FileSource):
    source: Literal["jsonl"]


class HubSource(TableSource):
    """Questions of a data set on the Hub."""

    source: Literal["hub"]
    id: str = Field(pattern=r"^[\w.-]+(/[\w.-]+)?$")
    config: str | None = None
    """`all`: every config of it, in order."""
    split: str
    revision: str | None = None
    """A branch, tag or commit; left out, the newest. A run asks once, and keeps to the commit that it was told."""
    license: str | None = None
    """Left out, it is the data set card's."""

    @property
    def set_name(self) -> str:
        return self.id


class TaskSource(Section):
    """Questions of an lm-eval task that generates: one of ours, one of lm-eval's own, or one from `include_path`."""

    source: Literal["task"]
    task: str
    include_path: str = ""
    """A folder with more task files."""
    revision: str | None = None
    """Of a task of ours on the Hub; left out, the newest commit."""
    data: str = ""
    """A parquet file or a folder of them, read in place of the Hub's, for a task of ours."""
    limit: int | None = Field(None, ge=1)
    """At most this many rows are read."""
    max_pixels: int = Field(40_000_000, ge=1)


Source = Annotated[WorldSource | ParquetSource | JsonlSource | HubSource | TaskSource, Field(discriminator="source")]


class TeacherJudge(Section):
    """The teacher as a judge: the oracle's verdicts with these errors, so that a calibration can be checked."""

    verdict_error: Share = 0.0
    """Chance that the verdict on an answer is turned round."""
    label_error: Share = 0.0
    """Chance that the label of a step is turned round."""
    score_sd: float = Field(0.0, ge=0)  # points of 100
    """Standard deviation of the noise on each rating."""
    position_bias: float = 0.0  # points of 100
    """Added to both ratings for each place further down in the prompt."""
    unreadable: Share = 0.0
    """Chance that a first reply is no JSON; once told, the teacher mends it."""
    mute: Share = 0.0
    """Share of requests that are never answered in the format asked for."""


class TeacherEngine(Section):
    """Answers for the drawn world; its errors are set here."""

    kind: Literal["teacher"] = "teacher"
    careful: Share = 1.0
    """Share of paths that read every bar they need."""
    partial: Share = 0.0
    """Share of paths that read the first half and guess the rest; what is left over guesses everything."""
    read_error: Share = 0.0
    """Chance that a reading is off by one."""
    state_error: Share = 0.0
    """Chance that a running state is off by one."""
    judge: TeacherJudge = TeacherJudge()


class HfEngine(Section):
    """Local transformers."""

    kind: Literal["hf"] = "hf"
    model: str
    """A folder, a Hub id, or `stage:NAME`, the model that this run's stage makes."""
    revision: str | None = None
    batch_size: int = Field(128, ge=1)
    dtype: Literal["float32", "bfloat16", "float16", "auto"] = "float32"
    device: str = "auto"
    trust_remote_code: bool = False


class OpenAIEngine(Section):
    """Any OpenAI-compatible chat server."""

    kind: Literal["openai"] = "openai"
    model: str
    base_url: str
    api_key_env: str = "OPENAI_API_KEY"
    """The environment variable that holds the key; the key itself never stands in a recipe."""
    revision: str = ""
    """Which version of the model the server holds; its `base_url` where this is empty."""
    structured: Literal["auto", "always", "never"] = "auto"
    """Whether replies are held to a JSON schema; `auto`: where the server has it."""
    extra_body: dict[str, Any] = {}
    """More keys of each request, as the server spells them; null leaves one out."""
    # How fast, how patient and how dear, but not what: no part of a fingerprint, so that a change redoes nothing.
    concurrency: int = Field(32, ge=1, exclude=True)
    timeout_s: float = Field(600, gt=0, exclude=True)
    """For a whole reply."""
    max_retries: int = Field(8, ge=0, exclude=True)
    first_wait_s: float = Field(0.5, ge=0, exclude=True)
    """Before the first retry; doubled each time, up to a minute."""
    max_wait_s: float = Field(600, ge=0, exclude=True)
    """The longest `Retry-After` that is waited for."""
    usd_per_million_prompt_tokens: float = Field(0, ge=0, exclude=True)
    usd_per_million_tokens: float = Field(0, ge=0, exclude=True)
    """Of the tokens that the model writes."""
    max_tokens_total: int | None = Field(None, ge=1, exclude=True)
    """Prompt and reply tokens that a run may spend on this model, reruns included; what is in flight is finished."""
    max_cost_usd: float | None = Field(None, gt=0, exclude=True)

    @model_validator(mode="after")
    def _priced(self) -> OpenAIEngine:
        if self.max_cost_usd and not (self.usd_per_million_prompt_tokens or self.usd_per_million_tokens):
            raise ValueError("`max_cost_usd` needs `usd_per_million_prompt_tokens` and `usd_per_million_tokens`")
        return self


EngineSettings = Annotated[TeacherEngine | HfEngine | OpenAIEngine, Field(discriminator="kind")]


class PathsSettings(Section):
    """Question -> paths."""

    engine: EngineSettings = TeacherEngine()
    num_paths: int = Field(4, ge=1)
    """Paths a question. The paper's number is not public."""
    max_steps: int = Field(16, ge=1)
    mode: Literal["stepwise", "one-call"] = "stepwise"
    """`stepwise`: one call a step, as in the paper; `one-call`: the whole path in one reply, for trained agents."""
    repair_tries: int = Field(3, ge=0)
    sampling: Sampling = Sampling(temperature=0.7, top_p=0.95, repetition_penalty=1.05)


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


class FlawsSettings(Section):
    """Which flawed versions of exact paths are made."""

    flaws: tuple[FlawType, ...] = tuple(flaw for flaw in get_args(FlawType) if flaw != "natural")
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
    """None: the traces alone, for a judge that sees no pictures."""
    flaws: FlawsSettings = FlawsSettings(per_question=4)
    """Beside the exact path, these flawed versions of it."""
    teacher: TeacherEngine = TeacherEngine(careful=0.6, partial=0.2, read_error=0.1, state_error=0.1)
    """Who writes the sampled paths, and with which errors."""
    num_paths: int = Field(2, ge=0)
    """Sampled paths a question."""
    high: int = Field(80, ge=1, le=100)
    """Agreement on right and wrong: whether judge and oracle put a path on the same side of this score."""
    first_wrong_step: bool = True
    """Ask for the first wrong step as well: one more call a path."""
    steps: str = ""
    """A file of traces with their first wrong step labelled: JSON lines `id, task, input, steps, mistake_index`."""
    steps_sha256: str = ""
    """Of that file; `build calibrate` fills it in, so that another file is another run."""
    max_steps_rows: int | None = Field(None, ge=1)
    """So many of the traces, in equal shares of their tasks; all where it is left out."""


class CorporaSettings(Section):
    """Scored paths -> corpora. The paper's thresholds are not public."""

    high: int = Field(80, ge=1, le=100)
    """Paths with at least this score are High: they train the reasoning agent, and are the optimal ones."""
    mid: int = Field(50, ge=1, le=100)
    """Right paths between this and `high` are Mid, the rest Low."""
    max_paths_per_question: int = Field(1, ge=1)
    summary_num: int = Field(6000, ge=1)
    summary_shares: dict[SummaryKind, float] = {"optimal": 0.3, "flawed": 0.3, "agent": 0.2, "plain": 0.2}
    flawed_from: tuple[Literal["injected", "sampled"], ...] = Field(("injected",), min_length=1)
    """Where the summary corpus has its flawed paths from: flaws put into exact paths, or sampled paths below High."""
    flawed_shares: dict[Literal["mid", "low", "wrong"], float] = {}
    """Share of each score range among the flawed ones; empty: as they come."""

    @model_validator(mode="after")
    def _ordered(self) -> CorporaSettings:
        if self.mid >= self.high:
            raise ValueError(f"`mid` ({self.mid}) must be below `high` ({self.high})")
        for name in ("summary_shares", "flawed_shares"):
            shares = getattr(self, name)
            if min(shares.values(), default=1) < 0 or (shares and not sum(shares.values())):
                raise ValueError(f"the shares of `{name}` must not be negative and not all 0")
        return self


class TinyModel(Section):
    """A LLaVA of about a million parameters, from nothing."""

    image_side: int = Field(48, ge=8)  # pixels
    patch_side: int = Field(8, ge=1)  # pixels
    vision_width: int = 96
    vision_layers: int = 2
    text_width: int = 128
    text_layers: int = 4
    num_heads: int = 4


SMALL_MODEL = TinyModel(image_side=96, vision_width=192, vision_layers=4, text_width=320, text_layers=8, num_heads=8)
"""Ten times as many parameters, for the drawn world's level `small`."""


class LessonsSettings(Section):
    """The corpus that the base model learns from: seeing before reasoning."""

    num: int = Field(20_000, ge=1)
    mix: dict[Literal["list", "list-any-order", "read-by-name", "direct", "recall", "check"], float] = {
        "list": 0.2,
        "list-any-order": 0.2,
        "read-by-name": 0.3,
        "direct": 0.3,
    }


class LaunchSettings(Section):
    """Several processes for one training, by `accelerate launch`."""

    config: str = "multi-gpu"
    """`multi-gpu`, `fsdp`, `zero3`, `cpu`, or a file of your own that ends in `.yaml`."""
    num_processes: int = Field(2, ge=1)
    """One a device. Rows a step are so many times those of one process."""


class TrainSettings(Grown):
    """One training: TRL's options under their own names."""

    LATER: ClassVar[tuple[str, ...]] = (
        "lora", "freeze_vision", "max_tokens", "validation_share", "patience", "device", "dtype", "launch"
    )  # fmt: skip
    trainer: dict[str, Any] = {}
    """Options of TRL's `SFTConfig` or `DPOConfig`, passed through."""
    lora: dict[str, Any] | None = None
    """Options of PEFT's `LoraConfig`, passed through; `{}` takes them all at their defaults. None: all weights."""
    freeze_vision: bool | None = None
    """Keep the vision tower as it is, but not its projector. None: in a real model, not in one made from nothing."""
    max_tokens: int | None = Field(None, ge=16)
    """Longer rows, pictures included, are left out and counted. None: what the model can hold, for a real one."""
    validation_share: Share = 0.0
    """Share of the questions that are kept for validation."""
    patience: int = Field(0, ge=0)
    """Stop after so many validations in a row without a better loss; the best weights are kept. 0: train to the end."""
    device: Literal["auto", "cuda", "cpu"] = "auto"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the weights that are held. `auto`: bfloat16 under LoRA on a GPU, else float32; bf16 is then autocast."""
    launch: LaunchSettings | None = None

    @property
    def launch_on_cpu(self) -> bool:
        return self.launch is not None and (self.launch.config == "cpu" or self.device == "cpu")

    @model_validator(mode="after")
    def _has_what_to_wait_for(self) -> TrainSettings:
        if self.patience and not self.validation_share:
            raise ValueError("`patience` needs `validation_share`, the questions that it is measured on")
        return self


FROM_NOTHING = ("tiny", "small")


class BaseSettings(TrainSettings):
    """The model that both agents start from: one from nothing, taught by `lessons`, or one that is there."""

    LATER: ClassVar[tuple[str, ...]] = (*TrainSettings.LATER, "model", "revision", "processor")
    model: str = "tiny"
    """`tiny` or `small` (from nothing), a folder, or a Hub id."""
    revision: str | None = None
    """Of a Hub id: a branch, tag or commit. Left out, the newest, which the run then keeps to."""
    processor: dict[str, Any] = {}
    """Options of the model's processor, kept with it: `size` bounds the pixels, and so the tokens, of a picture."""

    @property
    def from_nothing(self) -> bool:
        return self.model in FROM_NOTHING


class PairsSettings(Grown):
    """Which paths of a question make a pair (chosen, rejected)."""

    LATER: ClassVar[tuple[str, ...]] = ("max_kind_share",)
    per_question: int = Field(1, ge=1)
    min_chosen: int = Field(1, ge=1, le=100)
    """A scored path is chosen only from this score on: an answer may be right by luck."""
    min_margin: int = Field(10, ge=1, le=99)
    """Two right paths make a pair only where their scores differ by this much."""
    max_kind_share: float = Field(1.0, gt=0, le=1)
    """No kind of question has more than this share of the pairs; those over it are left out, and counted."""


class SummarySettings(TrainSettings):
    init: Literal["base", "reason"] = "base"
    """Which model the summary agent starts from. The paper starts both agents from the base."""


class DpoSettings(TrainSettings):
    LATER: ClassVar[tuple[str, ...]] = (*TrainSettings.LATER, "cache_reference", "max_fall")
    reference: Literal["previous", "initial"] = "previous"
    """The reference policy: the model that wrote the pairs, or the first of all rounds. Published recipes differ."""
    cache_reference: bool | None = None
    """Compute its log-probabilities once, before the training, so that one model is in memory. None: for a real model,
    unless LoRA has the reference under its adapter anyway."""
    max_fall: float = Field(1.0, gt=0)
    """A round whose chosen paths have lost this share of their log-probability under the reference is stopped."""


class RoundsSettings(Section):
    """Iterative DPO: sample from the current model, assess, pair, train, once a round."""

    num: int = Field(0, ge=0)
    questions: WorldSource
    """Each round takes a fresh slice: the round's number is added to its seed."""
    paths: PathsSettings
    pairs: PairsSettings = PairsSettings()
    dpo: DpoSettings = DpoSettings()
    rejection: TrainSettings | None = None
    """How the control `rejection-sampling` is trained; its steps follow from the compute of a DPO round."""


class EvalSettings(Section):
    """Every arm over the same questions, with the same paths."""

    questions: str = "test"
    """Which entry of `questions`."""
    arms: tuple[Arm, ...] = ("base", "direct", "reason", "reason+summary", "oracle", "flawed")
    path_sampling: Sampling = Sampling(max_new_tokens=1024)
    num_paths: int = Field(1, ge=1)
    """Paths a question. Each is answered in every arm that shows it, and counts as a row of its question."""
    greedy: bool = False
    """Evaluate every system again on greedy paths, beside those of `path_sampling`."""
    answer_sampling: Sampling = Sampling(max_new_tokens=256)
    """For the arms that answer without writing a path. The total cap of every arm is the sum of both."""
    flaws: FlawsSettings = FlawsSettings()
    best_of_judge: Literal["summary", "engine", "oracle"] = "summary"
    """Who chooses the path of arm `best-of-k`, not knowing the gold answer: the summary agent by its verdicts, `judge`
    by the first wrong step that it finds, or, in the drawn world, the oracle: what a perfect judge would choose."""
    judge: EngineSettings | None = None
    """The model of `best_of_judge: engine`."""
    paraphraser: EngineSettings | None = None
    """Words the paths of arm `paraphrased` that no rule can; without it those are left out, and counted."""
    summaries: dict[
        Annotated[str, Field(pattern=NAME)],
        str | Annotated[HfEngine | OpenAIEngine, Field(discriminator="kind")],
    ] = {}
    """More summary agents under test, by their name on the board: each is given the same stored paths. A folder, a Hub
    id, `openai:URL#NAME`, or an engine."""
    batch_size: int = Field(128, ge=1)

    @model_validator(mode="after")
    def _enough_paths(self) -> EvalSettings:
        if "majority" in self.arms and self.num_paths < 3:
            raise ValueError("arm `majority` needs `num_paths` of at least 3")
        if "best-of-k" in self.arms and self.num_paths < 2:
            raise ValueError("arm `best-of-k` needs `num_paths` of at least 2")
        if self.best_of_judge == "engine" and self.judge is None:
            raise ValueError("`best_of_judge: engine` needs `judge`, the model that judges")
        if self.num_paths > 1 and self.path_sampling.temperature == 0:
            raise ValueError(
                "`num_paths` above 1 needs `path_sampling.temperature` above 0: greedy paths are all the same"
            )
        return self


Corpus = Literal["reasoning", "summary", "preference", "flawed"]


class GateSettings(Section):
    """When a question counts as one of an evaluation set. The same picture, byte for byte, always does."""

    max_distance: int = Field(32, ge=0, le=256)  # bits of 256
    """Two pictures are near where their perceptual hashes differ in at most this many bits."""
    words: int = Field(8, ge=1)
    """Length of the word n-grams of a question and its options; a shorter text is one n-gram."""
    overlap: float = Field(0.5, gt=0, le=1)
    """Two texts are the same from this share of the shorter one's n-grams on."""


class ReleaseSettings(Section):
    """The corpora as a folder ready to push."""

    title: str = ""
    """The card's; the recipe's name if left out."""
    license: str = ""
    """An identifier of the Hub's list; that of the sources if left out and they agree, else `other`."""
    corpora: tuple[Corpus, ...] = Field(("reasoning", "summary", "preference", "flawed"), min_length=1)
    against: tuple[str, ...] = ()
    """Entries of `questions` that are evaluation sets: what collides with them is left out."""
    benchmark: str = ""
    """Entry of `questions` whose flawed versions make the benchmark, the split `test` of `flawed`."""
    pairs: PairsSettings = PairsSettings()
    """For the preference corpus where the recipe has no rounds."""
    gate: GateSettings = GateSettings()
    shard_bytes: int = Field(400_000_000, ge=1)
    """A parquet file is closed from this size on."""


class GivenSettings(Section):
    """A corpus from elsewhere, a pulled release say, in the place of one that the run would make."""

    path: str
    """Its folder, relative to the current one."""
    content: str
    """Tells one content of the folder from another."""
