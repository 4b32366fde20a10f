"""What a model's chat template says: the prompt as it is sent, and what ends a turn.

The end is told by the generation config, the tokenizer and the chat template together, since each of them is silent in
some family: Llama 3's tokenizer does not say that `<|eot_id|>` ends a turn, Gemma's not `<end_of_turn>`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from insightv_bench.chat import Chat, to_blocks
from insightv_bench.errors import ModelError
from insightv_bench.settings import HfEngine

SAID = "QXQ"
"""A reply of no model, to see what a template writes after one."""


def template_arguments(settings: HfEngine) -> dict[str, Any]:
    """What is handed to the chat template beside the messages."""
    thinking = {} if settings.enable_thinking is None else {"enable_thinking": settings.enable_thinking}
    return {**thinking, **settings.chat_template_kwargs}


def check_arguments(settings: HfEngine, processor: Any) -> None:
    """Raises ModelError for an argument that the template does not read: it would change nothing, silently."""
    template = processor.chat_template
    text = "\n".join(template.values()) if isinstance(template, Mapping) else str(template or "")
    for name in template_arguments(settings):
        if not re.search(rf"\b{re.escape(name)}\b", text):
            raise ModelError(f"the chat template of `{settings.model}` has no argument `{name}`", "leave it out")


def prompt_text(processor: Any, chat: Chat, arguments: Mapping[str, Any]) -> str:
    """The chat as the model reads it, with a place for each image and the reply begun.

    Raises ModelError where the template refuses the chat.
    """
    import jinja2

    if processor.chat_template is None:
        raise ModelError("the model has no chat template", "put a `chat_template.jinja` into its folder")
    try:
        turns = turns_for(processor, chat)
        text: str = processor.apply_chat_template(turns, add_generation_prompt=True, tokenize=False, **arguments)
    except jinja2.TemplateError as error:
        raise ModelError(f"the model's chat template refuses the chat: {error}", "see its system prompt") from error
    return text


def turns_for(processor: Any, chat: Chat) -> list[dict[str, Any]]:
    """The chat as the template takes it: contents as blocks, or as text with the image's token in its places."""
    turns = to_blocks(chat, [{"type": "image"}] * len(chat.images))
    return turns if takes_blocks(processor) else [as_text(turn, processor) for turn in turns]


def as_text(turn: dict[str, Any], processor: Any) -> dict[str, Any]:
    image = str(getattr(processor, "image_token", "<image>"))
    return {**turn, "content": "".join(block.get("text", image) for block in turn["content"])}


def takes_blocks(processor: Any) -> bool:
    """Whether the template writes a block's text and no more: those of text models write the list itself, or fail."""
    kept: bool | None = getattr(processor, "_takes_blocks_told", None)
    if kept is None:
        text = _rendered(processor, [{"role": "user", "content": [{"type": "text", "text": SAID}]}])
        kept = SAID in text and "'type'" not in text and '"type"' not in text
        processor._takes_blocks_told = kept
    return kept


def _rendered(processor: Any, turns: list[dict[str, Any]]) -> str:
    """Empty where the template fails."""
    import jinja2

    try:
        return str(processor.apply_chat_template(turns, tokenize=False))
    except (jinja2.TemplateError, ValueError, TypeError):
        return ""


def turn_end(processor: Any) -> str:
    """The token that the chat template writes after a reply; empty where what it writes there is no token."""
    kept: str | None = getattr(processor, "_turn_end_told", None)
    if kept is None:
        kept = _turn_end(processor)
        processor._turn_end_told = kept
    return kept


def _turn_end(processor: Any) -> str:
    turns = [{"role": role, "content": [{"type": "text", "text": SAID}]} for role in ("user", "assistant")]
    turns = turns if takes_blocks(processor) else [as_text(turn, processor) for turn in turns]
    after = _rendered(processor, turns).rpartition(SAID)[2].lstrip()
    added = (str(token.content) for token in processor.tokenizer.added_tokens_decoder.values())
    return max((token for token in added if token and after.startswith(token)), key=len, default="")


def tokens_around(processor: Any) -> set[str]:
    """The added tokens in what the chat template writes around the words of a user, of an assistant, of a user."""
    if getattr(processor, "chat_template", None) is None:
        return set()
    turns = [{"role": role, "content": [{"type": "text", "text": SAID}]} for role in ("user", "assistant", "user")]
    turns = turns if takes_blocks(processor) else [as_text(turn, processor) for turn in turns]
    written = _rendered(processor, turns).replace(SAID, "")
    added = (str(token.content) for token in processor.tokenizer.added_tokens_decoder.values())
    return {token for token in added if token.strip() and token in written}


def named_ends(folder: str) -> list[int]:
    """The tokens that end a reply by the generation config in a model's folder; none where it has none."""
    try:
        content = json.loads((Path(folder) / "generation_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    named = content.get("eos_token_id") if isinstance(content, dict) else None
    return [named] if isinstance(named, int) else [each for each in named or () if isinstance(each, int)]


def end_ids(model: Any, processor: Any) -> list[int]:
    """The tokens that end a reply: those of the generation config, or where it has none the tokenizer's, and the one
    that the chat template writes after a reply. Any other special token inside a reply is text."""
    tokenizer = processor.tokenizer
    named = model.generation_config.eos_token_id
    named = tokenizer.eos_token_id if named is None else named
    ends = {named} if isinstance(named, int) else set(named or ())
    end = turn_end(processor)
    return sorted(ends | ({int(tokenizer.convert_tokens_to_ids(end))} if end else set()))
