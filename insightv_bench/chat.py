"""Messages and images; the only place that knows how a chat is laid out.

The layout is TRL's: message contents are strings, and a chat's images stand before the first user text. So a model
sees the same tokens in training, in sampling and in evaluation.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from insightv_bench.records import Image, Message, QuestionColumns

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SLOT = re.compile(r"\{(question|path|problem|gold|answer|paths|flaw|place|ending)\}")


class Chat(NamedTuple):
    messages: tuple[Message, ...]
    images: tuple[Image, ...] = ()


class Prompt(NamedTuple):
    """A prompt file: its first line is `version N`, the rest the text with slots such as `{question}`."""

    name: str
    version: str
    template: str

    @property
    def label(self) -> str:
        return f"{self.name}@{self.version}"

    def render(self, **slots: str) -> str:
        return SLOT.sub(lambda slot: slots[slot[1]], self.template)

    def match(self, text: str) -> dict[str, str] | None:
        """The slots' contents where `text` was made from this prompt; else None."""
        pieces = SLOT.split(self.template)
        pattern = "".join(f"(?P<{p}>.*)" if index % 2 else re.escape(p) for index, p in enumerate(pieces))
        whole = re.fullmatch(pattern, text, re.DOTALL)
        return whole.groupdict() if whole else None


@cache
def load_prompt(name: str) -> Prompt:
    text = files("insightv_bench").joinpath(f"prompts/{name}.txt").read_text(encoding="utf-8")
    first, _, template = text.partition("\n")
    return Prompt(name, first.removeprefix("version "), template.rstrip("\n"))


def prompt_names() -> list[str]:
    folder = files("insightv_bench").joinpath("prompts")
    return sorted(item.name.removesuffix(".txt") for item in folder.iterdir() if item.name.endswith(".txt"))


def question_text(question: QuestionColumns) -> str:
    """The question with its options lettered, the same in every arm."""
    options = [f"{letter}. {option}" for letter, option in zip(LETTERS, question.options, strict=False)]
    return "\n".join([question.question, *options])


def user(prompt: str, question: QuestionColumns, **slots: str) -> Message:
    content = load_prompt(prompt).render(question=question_text(question), **slots)
    return Message(role="user", content=content)


def ask(prompt: str, question: QuestionColumns, **slots: str) -> Chat:
    """A chat of one turn: the question's images and the prompt's text. The gold answer is never among the slots."""
    return Chat((user(prompt, question, **slots),), question.images)


def assistant(content: str) -> Message:
    return Message(role="assistant", content=content)


def go_on() -> Message:
    """The turn after a model's own path: what the summary agent's prompt says after the path that it shows."""
    return Message(role="user", content=SLOT.split(load_prompt("summary").template)[-1].strip("\n"))


def to_blocks(chat: Chat, image_blocks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Messages with content blocks; `image_blocks`, one an image, go before the first user text."""
    messages: list[dict[str, Any]] = []
    pending = list(image_blocks)
    for message in chat.messages:
        images, pending = (pending, []) if message.role == "user" else ([], pending)
        messages.append({"role": message.role, "content": [*images, {"type": "text", "text": message.content}]})
    return messages


def media_type(image: Image) -> str:
    """Of the formats that chat servers take; empty for another. Told from the first bytes, never from the name."""
    signatures = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
    webp = image.bytes[:4] == b"RIFF" and image.bytes[8:12] == b"WEBP"
    known = (kind for start, kind in signatures.items() if image.bytes.startswith(start))
    return "image/webp" if webp else next(known, "")


def to_openai(chat: Chat, urls: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Messages of a chat completion. `urls`: the images' data URLs, where they are made already."""
    if urls is None:  # the original bytes
        urls = [f"data:{media_type(each)};base64,{base64.b64encode(each.bytes).decode()}" for each in chat.images]
    return to_blocks(chat, [{"type": "image_url", "image_url": {"url": url}} for url in urls])


def from_openai(messages: object) -> Chat:
    """The chat behind the messages of a chat completion, as `to_openai` lays it out or with contents as text.

    Raises ValueError for what is not a chat, and for an image that is not a data URL.
    """
    if not isinstance(messages, list) or not messages:
        raise ValueError("`messages` must be a list of at least one message")
    turns: list[Message] = []
    images: list[Image] = []
    for message in messages:
        if not isinstance(message, dict) or message.get("role") not in ("system", "user", "assistant"):
            raise ValueError("a message needs a `role`: system, user or assistant")
        text, shown = _read_content(message.get("content"))
        turns.append(Message(role=message["role"], content=text))
        images += shown
    return Chat(tuple(turns), tuple(images))


def _read_content(content: object) -> tuple[str, list[Image]]:
    if isinstance(content, str):
        return content, []
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise ValueError("a message's `content` must be text or a list of blocks")
    texts = [block.get("text") for block in content if block.get("type") == "text"]
    places = [block.get("image_url") for block in content if block.get("type") == "image_url"]
    if len(texts) + len(places) < len(content) or not all(isinstance(text, str) for text in texts):
        raise ValueError("a content block must be of type `text` or `image_url`")
    return "\n".join(map(str, texts)), [_read_url(place) for place in places]


def _read_url(place: object) -> Image:
    url = place.get("url") if isinstance(place, dict) else place
    if not isinstance(url, str) or not url.startswith("data:") or ";base64," not in url[:100]:
        raise ValueError("an image must be a data URL in base64")
    return Image(bytes=base64.b64decode(url.partition(";base64,")[2], validate=True))
