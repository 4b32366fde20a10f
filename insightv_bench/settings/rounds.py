"""What rounds of training start from and ask, beside the trainings themselves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from .base import Section
from .engines import HfEngine, ServedEngine, ServingProgram, Words


class GivenInputs(Section):
    """What takes the place of what a run would make."""

    release: str = ""
    """A pulled release, or one on the Hub as `ORG/NAME@REVISION`: its corpora take the place of the run's own."""
    model: str = ""
    """A folder or a Hub id: it takes the place of the reasoning agent that `reason` would train."""
    revision: str | None = None
    """Of `model` on the Hub; left out, the newest, which the run then keeps to."""
    processor: dict[str, Any] = {}
    """Options of the model's processor, as under `base`."""

    @model_validator(mode="after")
    def _of_a_model(self) -> GivenInputs:
        if not self.model and (self.revision or self.processor):
            raise ValueError("`revision` and `processor` are of `model`, which is not named; a release has `@REVISION`")
        return self


Given = Annotated[GivenInputs, BeforeValidator(lambda value: {"release": value} if isinstance(value, str) else value)]
"""A text is a release."""


class SampleSettings(Section):
    """How the model just made is run while it is sampled."""

    serve: ServingProgram | None = None
    """The run starts this server for it, stops it before it trains, and ends one that a killed run left behind."""
    args: Words = ()
    """More of the server's own arguments, `[--max-model-len, 8192]` say."""
    program: Words = ()
    """The command that serves, in place of that of this environment: `[/opt/vllm/bin/vllm, serve]`."""
    wait_s: float = Field(1800, gt=0)
    """Until the server has loaded a model."""
    num_processes: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    """Without a server: processes of transformers, each on a device of its own; `auto`: one for each GPU."""

    @model_validator(mode="after")
    def _of_a_server(self) -> SampleSettings:
        if not self.serve and (self.args or self.program):
            raise ValueError("`args` and `program` are of a server: name it in `serve`")
        return self

    def served(self, engine: HfEngine) -> ServedEngine:
        """The same model, with the same options, behind a server. Raises ValueError for those that it has not."""
        assert self.serve
        named = engine.model_fields_set - {"kind", "batch_size", "num_processes"}
        given = {name: getattr(engine, name) for name in named}
        if unknown := sorted(given.keys() - ServedEngine.model_fields.keys()):
            raise ValueError(f"`{unknown[0]}` is of local transformers; a server's own options stand in `sample.args`")
        at_once = {"concurrency": engine.batch_size} if "batch_size" in engine.model_fields_set else {}
        how = {"args": self.args, "program": self.program, "wait_s": self.wait_s}
        return ServedEngine.model_validate({**given, **at_once, "kind": "served", "serve": self.serve, **how})


class RoundQuestions(Section):
    """Which questions of a table a round asks."""

    num: int | None = Field(None, ge=1)
    """None: all of them."""
