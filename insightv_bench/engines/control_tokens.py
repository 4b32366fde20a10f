"""Control tokens in what others wrote are text: no question, path or reply becomes a turn, an image or an end of turn
in the prompt that shows it.

Each is broken up by a space after its first character, so that a reader sees what stood there: `<|im_end|>` becomes
`< |im_end|>`. Nothing undoes it; rows keep what was written, and replies count what was broken up in their prompt. For
a local model the tokens are those of its tokenizer, tried on the text itself; for a server, whose tokenizer nobody
knows, those of the families that are served.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from insightv_bench.chat import Chat
from insightv_bench.records import Message

SERVED = re.compile(
    r"<\|[^<>|\n]{1,48}\|>"  # Qwen, Llama 3, Phi, GLM, gpt-oss, Command
    r"|<[|｜][^<>|｜\n]{1,48}(?:[|｜]>|>)|<[a-z_/]{1,24}\|>"  # DeepSeek's wide bars; Gemma 4's `<|turn>`, `<turn|>`
    r"|</?(?:s|(?:bos|eos|pad|unk|mask|cls|sep)(?:_token)?|img|image|video|audio|patch|box|quad|ref)>"
    r"|<(?:start|end)_of_(?:turn|image|utterance|role|text|audio)>|<(?:image|video|audio)_(?:soft_token|pad|token)>"
    r"|<(?:IMG_CONTEXT|im_start|im_end|im_patch|global-img|fake_token_around_image|row_\d{1,3}_col_\d{1,3})>"
    r"|<image_?\d{1,3}>|<end_of_utterance>|<vision_(?:start|end)>"
    r"|\[/?(?:INST|IMG|IMG_BREAK|IMG_END|SYSTEM_PROMPT|TOOL_CALLS|TOOL_RESULTS|AVAILABLE_TOOLS|gMASK|sop)\]"
    r"|<</?SYS>>",
    re.IGNORECASE,
)
MARKED = re.compile(r"<.+>|\[.+\]|\S*(?:<\||\|>)\S*", re.DOTALL)
"""What an added token looks like that means something: others are runs of blanks, or words."""
THOUGHT = re.compile("think|thought|reason|channel", re.IGNORECASE)
ROUNDS = 4
"""More than a text needs whose tokens come to light one after the other."""


class Cleared(NamedTuple):
    chat: Chat
    num_broken: int
    """Control tokens that were broken up."""


class ControlTokens:
    """Those of one tokenizer."""

    def __init__(self, processor: Any, ends: Sequence[int] = ()) -> None:
        """`processor`: of a local model, with its tokenizer and chat template. `ends`: what ends a reply by the model's
        generation config, of which neither may know."""
        self._tokenizer = tokenizer = processor.tokenizer
        added = {token.content: token.special for token in getattr(tokenizer, "added_tokens_decoder", {}).values()}
        named = [getattr(processor, f"{what}_token", None) for what in ("image", "video", "audio")]
        always = {*tokenizer.all_special_tokens, "<image>", *(str(each) for each in named if each)}
        always |= {token for token, is_special in added.items() if is_special}
        always |= _written_by_template(processor) & added.keys()  # not all of them are told to be special
        always |= {str(tokenizer.convert_ids_to_tokens(number)) for number in ends}
        in_prompts = always | {token for token in added if MARKED.fullmatch(token)}
        self._always, self._in_prompts = _any_of(always), _any_of(in_prompts)
        ids = {token: tokenizer.convert_tokens_to_ids(token) for token in always}
        self._ids = {number for token, number in ids.items() if number is not None and token != tokenizer.unk_token}

    def clear(self, text: str, is_own: bool) -> tuple[str, int]:
        """`is_own`: an assistant's turn keeps its marks of thought, which its template reads."""
        text, num = break_up(text, self._always if is_own else self._in_prompts)
        if not getattr(self._tokenizer, "is_fast", False):
            return text, num
        for _ in range(ROUNDS):  # a tokenizer that folds look-alikes makes a token of what is not spelt as one
            read = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
            places = zip(read["input_ids"], read["offset_mapping"], strict=True)
            starts = [
                start + len(text[start:end]) - len(text[start:end].lstrip())
                for id_, (start, end) in places
                if id_ in self._ids and end > start
            ]
            if not starts:
                break
            for start in reversed(starts):
                text = f"{text[: start + 1]} {text[start + 1 :]}"
            num += len(starts)
        return text, num

    def of_chat(self, chat: Chat) -> Cleared:
        return _of_chat(chat, lambda message: self.clear(message.content, message.role == "assistant"))


def _written_by_template(processor: Any) -> set[str]:
    """Added tokens that the chat template writes around a turn, but for marks of thought, which a turn may hold."""
    from .hf import tokens_around

    return {token for token in tokens_around(processor) if not THOUGHT.search(token)}


def cleared_for_server(chat: Chat) -> Cleared:
    return _of_chat(chat, lambda message: break_up(message.content, SERVED))


def break_up(text: str, tokens: re.Pattern[str]) -> tuple[str, int]:
    """The text with each token broken up, and how many there were."""
    return tokens.subn(lambda found: f"{found[0][0]} {found[0][1:]}", text)


def _any_of(tokens: set[str]) -> re.Pattern[str]:
    longest_first = sorted((token for token in tokens if token.strip()), key=lambda token: (-len(token), token))
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")


def _of_chat(chat: Chat, clear: Any) -> Cleared:
    num, messages = 0, list[Message]()
    for message in chat.messages:
        content, broken = clear(message)
        num += broken
        messages.append(message.model_copy(update={"content": content}) if broken else message)
    return Cleared(chat._replace(messages=tuple(messages)), num)
