"""The recipe's table `ray`: which cluster, how many actors, and what each of them gets. No part of a fingerprint."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from .base import Section

LOCAL, AUTO = "local", "auto"
CLIENT = "ray://"
LEAST_STORE = 80 * 2**20
"""Ray takes no smaller one."""


class RaySettings(Section):
    address: str = AUTO
    """`auto`: the cluster that this machine is in (or `RAY_ADDRESS`); `HOST:PORT`: its head; `local`: one on this
    machine alone, which ends with the command."""
    min_actors: int = Field(1, ge=1)
    max_actors: int = Field(8, ge=1)
    """The number of actors follows the work between these bounds."""
    num_cpus: float = Field(1, ge=0)
    """Of each actor."""
    num_gpus: float | None = Field(None, ge=0)
    """Of each actor. None: 1 for a model in `hf`, unless its `device` is `cpu`, and 0 for others."""
    block_size: int = Field(256, ge=1)
    """Questions, or requests of an evaluation, that an actor is given at once."""
    block_tries: int = Field(4, ge=1)
    """How often a block may end the actor that works on it, before the run gives up."""
    start_s: float = Field(600, gt=0)
    """For the first actor to begin; a cluster that grows needs time to."""
    object_store_bytes: int = Field(512 * 2**20, ge=LEAST_STORE)
    """Of `address: local`; elsewhere whoever starts a node says how much."""
    servers: dict[str, tuple[str, ...]] = {}
    """The servers behind an `openai` engine's `base_url`, each with the same model: an actor keeps to one of them, so
    that a path's steps find their prefix in its cache, and goes to the next where that one stays away."""
    hf: Literal["transformers", "vllm"] = "transformers"
    """What generates for `hf` engines: an engine of ours in each actor, or Ray Data LLM's vLLM processor."""
    vllm: dict[str, Any] = {}
    """Its `engine_kwargs`: `tensor_parallel_size`, `max_model_len`, ..., as vLLM spells them."""

    @model_validator(mode="after")
    def _can_be(self) -> RaySettings:
        if self.min_actors > self.max_actors:
            raise ValueError(f"`min_actors` ({self.min_actors}) is above `max_actors` ({self.max_actors})")
        if self.address.startswith(CLIENT):
            raise ValueError(
                f"`{self.address}` is an address of Ray's client; run the command on a node of the cluster"
                " (`address: auto`), or hand it in with `ray job submit`"
            )
        if self.address not in (LOCAL, AUTO) and not self.address.rpartition(":")[2].isdigit():
            raise ValueError(f"`address` must be `auto`, `local` or HOST:PORT; it is `{self.address}`")
        if self.vllm and self.hf != "vllm":
            raise ValueError("`vllm` holds options of `hf: vllm`, which is not set")
        if lonely := [url for url, servers in self.servers.items() if not servers]:
            raise ValueError(f"`servers` names none for `{lonely[0]}`")
        return self
