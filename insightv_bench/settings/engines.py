"""Which model replies, and how it is reached."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from insightv_bench.keys import DEFAULT_VARIABLE, has_private_part

from .base import Section, Share

__all__ = [
    "EngineSection",
    "EngineSettings",
    "HfEngine",
    "ModelEngine",
    "ModelSection",
    "OpenAIEngine",
    "PythonEngine",
    "ServedEngine",
    "ServingProgram",
    "TeacherEngine",
    "TeacherJudge",
]


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


class EngineSection(Section):
    """What is known of any engine without opening it. To add one: its section here, a module in `engines`, a row there
    in `ENGINES`."""

    is_local: ClassVar[bool] = False
    """Whether weights on this machine reply: in batches, whose shape changes replies, and perhaps on a GPU."""

    @property
    def may_use_gpu(self) -> bool:
        return False


class TeacherEngine(EngineSection):
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


class ModelSection(EngineSection):
    """What is said of any named model: its manner. A profile lays these below what a recipe says itself."""

    profile: str = ""
    """The family whose manner it has: a name, a file, or `none`; empty: told by its name, type or chat template."""
    system: str = ""
    """The system prompt."""
    suffix: str = ""
    """The last words of each user's turn."""
    enable_thinking: bool | None = None
    """None: as the model does where nobody says so."""
    thinking_budget: int | None = Field(None, ge=1)
    """Tokens that it may think; then the thought is closed."""
    chat_template_kwargs: dict[str, Any] = {}
    """More arguments of the chat template; at a server they go into `extra_body`."""
    stop: tuple[str, ...] = ()
    """Texts that end a reply."""
    min_pixels: int | None = Field(None, ge=1)
    max_pixels: int | None = Field(None, ge=1)
    """Of an image, as the model's processor scales it."""


class HfEngine(ModelSection):
    """Local transformers."""

    is_local = True
    kind: Literal["hf"] = "hf"
    model: str
    """A folder, a Hub id, or `stage:NAME`, the model that this run's stage makes."""
    revision: str | None = None
    batch_size: int = Field(128, ge=1)
    dtype: Literal["float32", "bfloat16", "float16", "auto"] = "float32"
    device: str = "auto"
    device_map: str = ""
    """`auto` spreads a model over all devices, as accelerate does; it takes the place of `device`."""
    attn_implementation: str = ""
    """The attention kernel, as transformers calls it: `sdpa`, `eager`, `flash_attention_2`."""
    thought_close: str = "</think>"
    """What is written where the budget of thought is spent: the tag that closes it, and words before it."""
    adapter: str = ""
    """A LoRA adapter on top of the model: a folder or a Hub id, as PEFT saves it."""
    num_processes: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(1, exclude=True)
    """Each with the model on a device of its own; `auto`: one for each GPU. The number changes no reply."""
    processor_kwargs: dict[str, Any] = {}
    """Options of the processor in its own words: `size`, `max_soft_tokens`, `do_pan_and_scan`."""
    trust_remote_code: bool = False

    @property
    def may_use_gpu(self) -> bool:
        return self.device != "cpu"


class OpenAIEngine(ModelSection):
    """Any OpenAI-compatible chat server."""

    kind: Literal["openai"] = "openai"
    model: str
    base_url: str
    api_key_env: str = DEFAULT_VARIABLE
    """The environment variable that holds the key, which goes to a host that it was confirmed for (see `keys`); the key
    itself never stands in a recipe."""
    revision: str = ""
    """Which version of the model the server holds; its `base_url` where this is empty."""
    structured: Literal["auto", "always", "never"] = "auto"
    """Whether replies are held to a JSON schema; `auto`: where the server has it."""
    extra_body: dict[str, Any] = {}
    """More keys of each request, as the server spells them; null leaves one out."""
    opens_thought: bool | Literal["if cut"] = False
    """Whether the model's chat template ends in a thought's opening mark, so that its replies begin inside a thought.
    What a server sends apart as its reasoning is told from the reply without it. `if cut`, as profiles say: a whole
    reply without an end of thought is an answer, since some servers keep the thought to themselves."""
    check_images: bool = Field(True, exclude=True)
    """Whether it is asked, before anything is paid for, if it counts the tokens of an image; false for one that sees
    images and leaves them out of its count."""
    # How fast, how patient and how dear, but not what: no part of a fingerprint, so that a change redoes nothing.
    concurrency: int = Field(128, ge=1, exclude=True)
    """The most requests at once."""
    adaptive: bool = Field(True, exclude=True)
    """How many at once is found out: more while they are answered faster, less where the server is overrun."""
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

    @field_validator("base_url")
    @classmethod
    def _public(cls, url: str) -> str:
        if has_private_part(url):
            raise ValueError(
                "a server's URL has no user and no query part here: it stands in run files; "
                "put a key into the variable that `api_key_env` names"
            )
        return url

    @model_validator(mode="after")
    def _priced(self) -> OpenAIEngine:
        if self.max_cost_usd and not (self.usd_per_million_prompt_tokens or self.usd_per_million_tokens):
            raise ValueError("`max_cost_usd` needs `usd_per_million_prompt_tokens` and `usd_per_million_tokens`")
        return self


class PythonEngine(EngineSection):
    """A model of one's own: a class in a file, or one that a package brings."""

    kind: Literal["python"] = "python"
    model: str
    """A file and a class in it, with a colon between, or an entry point in the group `insightv-bench.models`."""
    revision: str = ""
    """Its own, or the hash of its file, where this is empty."""
    options: dict[str, Any] = {}
    """What the class is called with."""
    concurrency: int | None = Field(None, ge=1, exclude=True)


ServingProgram = Literal["vllm", "sglang", "transformers"]
Words = Annotated[tuple[str, ...], BeforeValidator(lambda value: _as_words(value))]


def _as_words(value: Any) -> Any:
    """Of a command line: numbers too are written as they stand."""
    words = value if isinstance(value, list | tuple) else [value]
    return tuple(str(word) if isinstance(word, int | float) and not isinstance(word, bool) else word for word in words)


class ServedEngine(ModelSection):
    """A model that the run serves itself while a stage asks it."""

    kind: Literal["served"] = "served"
    model: str
    """`stage:NAME`, the model that this run's stage makes, or a folder or Hub id."""
    serve: ServingProgram
    args: Words = ()
    """More of the program's own arguments, `[--max-model-len, 8192]` say."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    # How it is reached, but not what it is: no part of a fingerprint.
    program: Words = Field((), exclude=True)
    """The command in place of the program of this environment, `[/opt/vllm/bin/vllm, serve]` say."""
    concurrency: int = Field(128, ge=1, exclude=True)
    """The most requests at once; of `transformers` always one."""
    wait_s: float = Field(1800, gt=0, exclude=True)
    """Until it has loaded the model."""
    timeout_s: float = Field(600, gt=0, exclude=True)
    """For a whole reply."""
    place: str = Field("", exclude=True)
    """The folder of its log and of the file that tells its processes; a run names it."""

    @property
    def may_use_gpu(self) -> bool:
        return True


ModelEngine = HfEngine | OpenAIEngine | PythonEngine
"""Those that a named model replies behind, and that a seat may have."""
EngineSettings = Annotated[TeacherEngine | ModelEngine | ServedEngine, Field(discriminator="kind")]
