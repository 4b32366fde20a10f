"""The keys of a request: which setting sends each, and how another server spells the same.

What a server turns away by name is spelt as it wants it, where that means the same; for anything else the error says
which setting sends the key. Facts: OpenAI's reasoning models want `max_completion_tokens`; Mistral calls the seed
`random_seed`; `transformers serve` and other strict servers answer 422 to a key that they do not know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .retries import OF_REQUEST, Trouble

FORMAT = "response_format"
OTHERWISE = {"max_tokens": "max_completion_tokens", "seed": "random_seed"}
"""Keys that some servers know by another name."""
SENT_BY = {
    "model": "model",
    "max_tokens": "max_new_tokens (of the sampling)",
    "temperature": "temperature (of the sampling)",
    "top_p": "top_p (of the sampling)",
    "repetition_penalty": "repetition_penalty (of the sampling; no key of OpenAI's)",
    "top_k": "top_k (of the sampling; no key of OpenAI's)",
    "presence_penalty": "presence_penalty (of the sampling)",
    "stop": "stop",
    "chat_template_kwargs": "enable_thinking or chat_template_kwargs",
    "mm_processor_kwargs": "min_pixels or max_pixels",
    FORMAT: "structured",
}
"""A request's key, and the setting that it comes from."""
STANDARD = ("model", "messages", "max_tokens", "temperature", "top_p", "seed", FORMAT)
"""Keys that every server of OpenAI's kind should know."""


def respelt(body: Mapping[str, Any], spelling: Mapping[str, str]) -> dict[str, Any]:
    """The body with its keys in a server's spelling; an empty one leaves the key out."""
    return {spelling.get(key, key): value for key, value in body.items() if spelling.get(key, key)}


def other_spelling(trouble: Trouble, body: Mapping[str, Any], may_drop_format: bool) -> dict[str, str]:
    """What to spell otherwise where a server turned this body away; nothing where no other spelling means the same."""
    if trouble.status not in (*OF_REQUEST, 501):
        return {}
    for key, other in OTHERWISE.items():
        if key in body and (is_named(other, trouble.words) or (key == "seed" and is_named(key, trouble.words))):
            return {key: other}
    return {FORMAT: ""} if may_drop_format and FORMAT in body else {}


def hint_for(trouble: Trouble, body: Mapping[str, Any], extra: Mapping[str, Any]) -> str:
    """Which setting sends the key that a server does not take; where it names none, which keys not all servers know."""
    sent = {key: f"`extra_body: {{{key}: ...}}`" if key in extra else f"`{SENT_BY.get(key, key)}`" for key in body}
    named = [key for key in sent if key not in ("model", "messages") and is_named(key, trouble.words)]
    if named:
        key = named[0]
        return (
            f"the key `{key}` is sent by {sent[key]}; leave that out, or the key alone: `extra_body: {{{key}: null}}`"
        )
    if odd := [key for key in sent if key not in STANDARD]:
        listed = ", ".join(f"`{key}` (sent by {sent[key]})" for key in odd)
        return f"it may not know {listed}; else check `model` and `base_url`"
    return "check `model` and `base_url`"


def is_named(key: str, words: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(key)}(?!\w)", words) is not None
