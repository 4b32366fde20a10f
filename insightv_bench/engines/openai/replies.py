"""What a server's body says: a completion as a Reply, in every vendor's habits, and the words of an error.

Content is text or a list of parts (Mistral, Anthropic's and Gemini's compatible ends); thought stands apart under one
of several names; finish reasons are spelt as the model's own API does. Facts: vLLM and SGLang `reasoning` and
`reasoning_content`; OpenRouter `reasoning_details`; LiteLLM `thinking_blocks`; Ollama `thinking`; TGI `eos_token`;
Gemini `STOP`, `MAX_TOKENS`; Anthropic `end_turn`, `max_tokens`; Mistral `model_length`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from insightv_bench.journal import MAX_TOKENS, Reply
from insightv_bench.keys import Mask
from insightv_bench.settings import OpenAIEngine

from ..costs import spent_tokens
from .retries import Trouble, status_trouble

NO_MASK = Mask(())
MAX_CHARS = 1_000_000
"""Of one reply; what is longer is a server gone astray, and is cut as at a token limit."""
MAX_ERROR_CHARS = 500
"""Of what a server says of an error."""
MAX_SERVED_CHARS = 200
REASONING = ("reasoning_details", "reasoning_content", "reasoning", "thinking", "thinking_blocks")
"""How servers name it; the first that holds text counts, since some send the same twice."""
THOUGHTS = ("thinking", "reasoning", "reasoning.text", "reasoning.summary", "summary_text", "redacted_thinking")
"""Types of parts that are thought and no reply."""
MAX_DEPTH = 3
"""Of parts within parts; Mistral's thinking is a list of text parts itself."""
KEYS_OF_TEXT = ("text", "thinking", "reasoning", "summary", "content")
CUT = ("length", "max_tokens", "max_output_tokens", "model_length", "max_length", "model_context_window_exceeded")
REFUSED = (
    "content_filter",
    "refusal",
    "safety",
    "recitation",
    "blocklist",
    "prohibited_content",
    "spii",
    "image_safety",
    "guardrail_intervened",
)
FAILED = ("error", "abort", "aborted", "cancelled", "malformed_function_call", "other")
TOOLS = ("tool_calls", "function_call", "tool_use")


def as_reply(answer: Mapping[str, Any], seconds: float, settings: OpenAIEngine, mask: Mask = NO_MASK) -> Reply:
    """The first choice; what a server leaves out or sends as another type is empty or 0. `mask`: what
    it must not say again.

    Raises Trouble where it holds none, one that the server itself calls failed, or a tool call in the place of text.
    """
    choice = _choice(answer, mask)
    message, finish = choice["message"], finish_of(choice)
    text, refusal = mask(_joined(message.get("content"), thought=False)), mask(_joined(message.get("refusal")))
    reasoning = next(filter(None, (_joined(message.get(name)) for name in REASONING)), "")
    reasoning = mask(reasoning or _joined(message.get("content"), thought=True))
    if finish == "error":
        raise Trouble("no reply", f"the server ended its reply with an error: {_failure(answer, choice, mask)}", True)
    if not text and (tools := [name for name in TOOLS if message.get(name)]):
        raise Trouble(
            "tool call", f"the model called a tool and wrote no text: {mask(_text(str(message[tools[0]]))):.200}", False
        )
    usage = answer.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    num_prompt_tokens, num_tokens = (_number(usage.get(f"{part}_tokens")) for part in ("prompt", "completion"))
    paid = spent_tokens(num_tokens, text, reasoning)
    cost = num_prompt_tokens * settings.usd_per_million_prompt_tokens + paid * settings.usd_per_million_tokens
    named = [answer.get(key) for key in ("model", "system_fingerprint")]
    served = mask(_text(" ".join(part for part in named if isinstance(part, str))))[:MAX_SERVED_CHARS]
    if refusal and not text:
        finish = "refusal"
    return Reply(
        text=(text or refusal)[:MAX_CHARS],
        reasoning=reasoning[:MAX_CHARS],
        served=served,
        finish="length" if len(text) > MAX_CHARS and finish != "refusal" else finish,
        num_prompt_tokens=num_prompt_tokens,
        num_tokens=num_tokens,
        seconds=seconds,
        cost_usd=cost / 1e6,
    )


def _choice(answer: Mapping[str, Any], mask: Mask) -> dict[str, Any]:
    choices = answer.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    if isinstance(first, dict) and isinstance(first.get("message"), dict):
        return first
    if "error" not in answer:
        raise Trouble("no reply", "its reply holds no choice", True)
    words, status = _masked(answer, mask), error_status(answer["error"])
    if status:
        raise status_trouble(status, {}, f"Error code: {status}, in a reply of 200 - {words}")
    raise Trouble("no reply", f"it replies with an error: {words}", True)


def finish_of(choice: Mapping[str, Any]) -> str:
    """`stop`, `length`, `refusal` or `error`, of a reason in any vendor's words; unknown words end a reply as usual."""
    reason = choice.get("finish_reason")
    word = reason.casefold().removeprefix("finish_reason_") if isinstance(reason, str) else ""
    kinds = {"length": CUT, "refusal": REFUSED, "error": FAILED}
    return next((kind for kind, words in kinds.items() if word in words), "stop")


def _failure(answer: Mapping[str, Any], choice: Mapping[str, Any], mask: Mask) -> str:
    """What the server says of it, wherever it says it; its finish reason where it says nothing."""
    error = choice.get("error") or answer.get("error")
    return _masked({"error": error}, mask) if error else str(choice.get("finish_reason"))


def _masked(error: Mapping[str, Any], mask: Mask) -> str:
    return mask(error_words(json.dumps(error).encode()))[:MAX_ERROR_CHARS]


def texts(content: object, depth: int = 0) -> Iterator[tuple[bool, str]]:
    """The texts of a content (a text, a part, or a list of both), each with whether it is thought."""
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            yield False, _text(part)
        elif isinstance(part, dict) and depth < MAX_DEPTH:
            is_thought = part.get("type") in THOUGHTS
            inner = next((part[key] for key in KEYS_OF_TEXT if part.get(key)), "")
            yield from ((is_thought or thought, text) for thought, text in texts(inner, depth + 1))


def _joined(content: object, thought: bool | None = None) -> str:
    return "".join(text for is_thought, text in texts(content) if thought in (None, is_thought))


def error_words(content: bytes) -> str:
    """A server's words on what was wrong: its JSON's message, or its page. Not cut: who shows them masks keys first."""
    try:
        error = json.loads(content)
        error = error[0] if isinstance(error, list) and error else error  # Gemini's
        error = error.get("error", error) if isinstance(error, dict) else error
        words = error.get("message") or error.get("detail") if isinstance(error, dict) else error
    except (ValueError, RecursionError):
        words = content.decode("utf-8", "replace")
    return " ".join(_text(str(words)).split())


def error_status(error: object) -> int:
    """The status that an error names in its body (OpenRouter, LiteLLM); 0 where it names none."""
    code = error.get("code") or error.get("status_code") if isinstance(error, dict) else None
    code = int(code) if isinstance(code, str) and code.isdigit() else code
    return code if isinstance(code, int) and 400 <= code < 600 else 0


def listed(content: bytes) -> list[str]:
    """The names in a list of models; empty for what is no such list."""
    try:
        rows = json.loads(content)["data"]
        return [str(row["id"]) for row in rows]
    except (ValueError, RecursionError, KeyError, TypeError):
        return []


def _number(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value <= MAX_TOKENS else 0


def _text(value: str) -> str:
    """Text that can be stored: half a surrogate pair, which JSON can carry, becomes `?`."""
    return value.encode("utf-8", "replace").decode("utf-8")
