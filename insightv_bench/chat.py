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

from .records import Image, Message, QuestionColumns

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
        return SLOT.sub(lambda found: slots[found[1]], self.template)

    def match(self, text: str) -> dict[str, str] | None:
        """The slots' contents where `text` was made from this prompt; else None."""
        pieces = SLOT.split(self.template)
        pattern = "".join(f"(?P<{p}>.*)" if index % 2 else re.escape(p) for index, p in enumerate(pieces))
        found = re.fullmatch(pattern, text, re.DOTALL)
        return found.groupdict() if found else None


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


def to_blocks(chat: Chat, image_blocks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Messages with content blocks; `image_blocks`, one an image, go before the first user text."""
    messages: list[dict[str, Any]] = []
    pending = list(image_blocks)
    for message in chat.messages:
        images, pending = (pending, []) if message.role == "user" else ([], pending)
        messages.append({"role": message.role, "content": [*images, {"type": "text", "text": message.content}]})
    return messages


def media_type(image: Image) -> str:
    """Told from the first bytes, never from the name."""
    signatures = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"RIFF": "image/webp"}
    return next((kind for start, kind in signatures.items() if image.bytes.startswith(start)), "image/png")


def data_url(image: Image) -> str:
    """The original bytes, as an OpenAI-compatible server takes them."""
    return f"data:{media_type(image)};base64,{base64.b64encode(image.bytes).decode()}"


def to_openai(chat: Chat) -> list[dict[str, Any]]:
    return to_blocks(chat, [{"type": "image_url", "image_url": {"url": data_url(image)}} for image in chat.images])
