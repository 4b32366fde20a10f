"""Habits of vendors' OpenAI-compatible ends, as data: what each refuses, and how it replies.

From their documentation and the public reports that the harness's issues rest on; a loopback server takes one row and
answers as that vendor would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Body = dict[str, Any]
Answer = tuple[int, Any]
STANDARD = {"model", "messages", "max_tokens", "temperature", "top_p", "seed", "response_format"}


class Vendor(NamedTuple):
    message: Mapping[str, Any]
    """Of a reply whose text is `Four.` and whose thought, where the vendor shows one, is `Two and two.`"""
    finish: Mapping[str, str | None]
    """Its words for `stop`, `length` and `refusal`."""
    thought: str = ""
    refuses: Callable[[Body], Answer | None] = lambda body: None
    """Status and error of a request that it turns away for one of its keys."""
    sent_otherwise: Mapping[str, str] = {}
    """Keys that it is sent in the end under another name; empty: left out."""


OPENAI_FINISH = {"stop": "stop", "length": "length", "refusal": "content_filter"}


def unknown_keys(status: int, *more: str, as_fastapi: bool = False) -> Callable[[Body], Answer | None]:
    """A strict server: keys beyond the standard's, but for `more`, are an error that names the first."""

    def refuse(body: Body) -> Answer | None:
        if not (odd := sorted(body.keys() - STANDARD - set(more))):
            return None
        if as_fastapi:
            detail = [{"type": "extra_forbidden", "loc": ["body", odd[0]], "msg": "Extra inputs are not permitted"}]
            return status, {"detail": detail}
        return status, {"error": {"message": f"Unrecognized request argument supplied: {odd[0]}"}}

    return refuse


def openai_reasoning(body: Body) -> Answer | None:
    if "max_tokens" in body:
        words = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens'."
        return 400, {"error": {"message": words, "param": "max_tokens", "code": "unsupported_parameter"}}
    return unknown_keys(400, "max_completion_tokens")(body)


def mistral(body: Body) -> Answer | None:
    if "seed" in body:
        return 422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs"}]}
    return unknown_keys(422, "random_seed", as_fastapi=True)(body)


def no_schema(body: Body) -> Answer | None:
    if "response_format" in body:
        return 400, {"error": {"message": "This response_format type is unavailable now"}}
    return None


def part(kind: str, text: object, key: str = "text") -> dict[str, Any]:
    return {"type": kind, key: text}


GEMINI_FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "refusal": "SAFETY"}
ANTHROPIC_FINISH = {"stop": "end_turn", "length": "max_tokens", "refusal": "refusal"}
VENDORS: dict[str, Vendor] = {
    "openai": Vendor({"content": "Four.", "refusal": None}, OPENAI_FINISH, refuses=unknown_keys(400)),
    "openai reasoning": Vendor(
        {"content": "Four."},
        OPENAI_FINISH,
        refuses=openai_reasoning,
        sent_otherwise={"max_tokens": "max_completion_tokens"},
    ),
    "azure": Vendor({"content": "Four."}, OPENAI_FINISH, refuses=unknown_keys(400)),
    "vllm": Vendor({"content": "Four.", "reasoning": "Two and two."}, {**OPENAI_FINISH}, "Two and two."),
    "vllm before": Vendor({"content": "Four.", "reasoning_content": "Two and two."}, OPENAI_FINISH, "Two and two."),
    "sglang": Vendor({"content": "Four.", "reasoning_content": "Two and two."}, OPENAI_FINISH, "Two and two."),
    "tgi": Vendor({"content": "Four."}, {"stop": "eos_token", "length": "length", "refusal": "content_filter"}),
    "llama.cpp": Vendor({"content": "Four.", "reasoning_content": "Two and two."}, OPENAI_FINISH, "Two and two."),
    "ollama": Vendor({"content": "Four.", "thinking": "Two and two."}, OPENAI_FINISH, "Two and two."),
    "lm studio": Vendor({"content": "Four."}, {**OPENAI_FINISH, "stop": None}, refuses=no_schema),
    "litellm": Vendor(
        {"content": "Four.", "thinking_blocks": [part("thinking", "Two and two.", "thinking")]},
        OPENAI_FINISH,
        "Two and two.",
    ),
    "openrouter": Vendor(
        {"content": "Four.", "reasoning_details": [part("reasoning.text", "Two "), part("reasoning.text", "and two.")]},
        OPENAI_FINISH,
        "Two and two.",
    ),
    "gemini": Vendor({"content": [part("text", "Fo"), part("text", "ur.")]}, GEMINI_FINISH),
    "anthropic": Vendor(
        {"content": [part("thinking", "Two and two.", "thinking"), part("text", "Four.")]},
        ANTHROPIC_FINISH,
        "Two and two.",
    ),
    "mistral": Vendor(
        {"content": [part("thinking", [part("text", "Two and two.")], "thinking"), part("text", "Four.")]},
        {"stop": "stop", "length": "model_length", "refusal": "content_filter"},
        "Two and two.",
        mistral,
        {"seed": "random_seed"},
    ),
    "transformers serve": Vendor({"content": "Four."}, OPENAI_FINISH, refuses=unknown_keys(422, as_fastapi=True)),
}


def vendor_answer(vendor: Vendor, body: Body, finish: str = "stop") -> Answer:
    if refused := vendor.refuses(body):
        return refused
    choice = {"index": 0, "finish_reason": vendor.finish[finish], "message": {"role": "assistant", **vendor.message}}
    num = 11 + sum(block["type"] == "image_url" for block in body["messages"][-1]["content"])
    return 200, {"id": "1", "choices": [choice], "usage": {"prompt_tokens": num, "completion_tokens": 5}}
