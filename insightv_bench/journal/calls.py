"""What a model is asked and what came back, and the key that a kept reply is found by."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, field_validator

from insightv_bench.chat import Chat, layout_of
from insightv_bench.protocol import SCHEMAS
from insightv_bench.records import content_id
from insightv_bench.settings import Sampling


class Request(NamedTuple):
    """One question to a model."""

    chat: Chat
    sampling: Sampling
    sample: int = 0
    """0-based; tells apart the samples of one chat, each with a seed of its own."""
    format: str = ""
    """Which of `protocol.SCHEMAS` the reply is held to by an engine that can; empty: none."""


MAX_TOKENS = 10_000_000
"""Of one prompt or one reply; a server that says more counts as one that says nothing."""


class Reply(BaseModel):
    """What came back."""

    model_config = ConfigDict(frozen=True)

    text: str
    reasoning: str = ""
    """A server's `reasoning_content`; never read as the answer."""
    finish: str = "stop"
    """`stop`, `length` (the token limit cut it), `refusal` (the model would not) or `error`."""
    error: str = ""
    """Of `error`: what the server said; never kept in a journal."""
    served: str = ""
    """What the server says that it is: the model's name and its `system_fingerprint`; empty where it says neither."""
    failure: str = ""
    """Why there is no reply, in the server's words."""
    opened: bool = False
    """Whether the prompt ended in a thought's opening mark, so that the text begins inside the thought."""
    num_broken: int = 0
    """Control tokens in what was asked that were broken up (see `engines.control_tokens`)."""
    num_prompt_tokens: int = 0
    num_tokens: int = 0
    logprob: float | None = None
    """Mean log-probability of its tokens before sampling; None: the engine does not say."""
    certainty: float | None = None
    """Mean over its tokens of KL(uniform || next token)."""
    seconds: float = 0.0
    cost_usd: float = 0.0
    """At the prices of its time; 0 where none were given."""

    @field_validator("num_prompt_tokens", "num_tokens", mode="before")
    @classmethod
    def _bounded(cls, num: object) -> object:
        return num if not isinstance(num, int) or 0 <= num <= MAX_TOKENS else 0


class Spent(NamedTuple):
    """What a model's kept replies took."""

    num_calls: int
    num_tokens: int
    """Of prompts and replies."""
    cost_usd: float

    def plus(self, other: Spent) -> Spent:
        calls, tokens, cost = (one + more for one, more in zip(self, other, strict=True))
        return Spent(int(calls), int(tokens), cost)


class Entry(NamedTuple):
    """A kept reply, and the plan (set of requests) that it was made in."""

    plan: str
    reply: Reply


def request_key(model: str, request: Request) -> str:
    """`model` is `name@revision`."""
    messages = [message.model_dump() for message in request.chat.messages]
    images = [image.sha256 for image in request.chat.images]
    schema = [SCHEMAS[request.format]] if request.format else []
    # Replies of before were asked with all images first.
    placed = ["images in their places"] if images and layout_of(request.chat).is_placed else []
    parts = [model, messages, images, request.sampling.model_dump(), request.sample, *schema, *placed]
    return content_id(*parts, length=40)


def plan_id(keys: Sequence[str]) -> str:
    """A set of requests, whatever their order."""
    return content_id(json.dumps(sorted(keys)), length=24)
