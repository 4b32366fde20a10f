"""Messages and images; the only place that knows how a chat is laid out.

The layout is TRL's: message contents are strings, and a chat's images stand before the first user text. So a model
sees the same tokens in training, in sampling and in evaluation.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple

from insightv_bench.records import Image, Message, QuestionColumns, content_id

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SLOT = re.compile(r"\{(question|path|problem|gold|answer|paths|flaw|place|ending)\}")


Ask = Literal["json", "native", "prose", "think", "sections", "rationale", "insightv"]
"""How a path is asked for: our steps as JSON (`json`), the bare question, so that the model reasons as it was trained
to (`native`), numbered steps (`prose`), think and answer tags (`think`), LLaVA-CoT's sections (`sections`), Mulberry's
headings (`rationale`), or the prompts of Insight-V's own code (`insightv`)."""
SLOTS: dict[str, tuple[str, ...]] = {
    "reason": ("question",),
    "summary": ("question", "path"),
    "direct": ("question",),
}
"""The prompts in whose place a recipe or a profile may put its own, and what each must hold."""


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


class Asking(NamedTuple):
    """The prompts that the seats are asked with."""

    ask: Ask = "json"
    own: Mapping[str, str] = {}
    """Texts in the place of ours, by the prompt's name; `native/reason` is for that asking alone."""

    def prompt(self, name: str) -> Prompt:
        """Its own text, else the asking's file, else the one that all askings share."""
        for key in (f"{self.ask}/{name}", name):
            if key in self.own:
                return Prompt(key, content_id(self.own[key], length=8), self.own[key])
        return load_prompt(f"{self.ask}/{name}" if name in asked_otherwise(self.ask) else name)

    def versions(self) -> dict[str, str]:
        """Content by label of the prompts that are others than all askings share."""
        others = (each for each in map(self.prompt, SLOTS) if each.name not in SLOTS or each.name in self.own)
        return {each.label: content_id(each.template) for each in others}


OURS = Asking()


@cache
def asked_otherwise(ask: Ask) -> frozenset[str]:
    """Names of the prompts that this asking has of its own."""
    folder = files("insightv_bench").joinpath(f"prompts/{ask}")
    found = folder.iterdir() if folder.is_dir() else ()
    return frozenset(item.name.removesuffix(".txt") for item in found if item.name.endswith(".txt"))


def prompt_names() -> list[str]:
    folder = files("insightv_bench").joinpath("prompts")
    return sorted(item.name.removesuffix(".txt") for item in folder.iterdir() if item.name.endswith(".txt"))


def question_text(question: QuestionColumns) -> str:
    """The question with its options lettered, the same in every arm."""
    options = [f"{letter}. {option}" for letter, option in zip(LETTERS, question.options, strict=False)]
    return "\n".join([question.question, *options])


def user(prompt: str | Prompt, question: QuestionColumns, **slots: str) -> Message:
    prompt = load_prompt(prompt) if isinstance(prompt, str) else prompt
    return Message(role="user", content=prompt.render(question=question_text(question), **slots))


def ask(prompt: str | Prompt, question: QuestionColumns, **slots: str) -> Chat:
    """A chat of one turn: the question's images and the prompt's text. The gold answer is never among the slots.

    `prompt`: one of ours by its name, or any.
    """
    return Chat((user(prompt, question, **slots),), question.images)


def assistant(content: str) -> Message:
    return Message(role="assistant", content=content)


def go_on(asking: Asking = OURS) -> Message:
    """The turn after a model's own path: what the summary agent's prompt says after the path that it shows; where that
    says nothing there, what ours says."""
    said = SLOT.split(asking.prompt("summary").template)[-1].strip("\n")
    return Message(role="user", content=said or SLOT.split(load_prompt("summary").template)[-1].strip("\n"))


def in_manner(chat: Chat, system: str, suffix: str = "") -> Chat:
    """The chat as a model wants it: with its system prompt before it, unless the chat brings one, and with what must be
    the last words of each user's turn. Done twice it is as done once."""
    messages = list(chat.messages)
    if suffix:
        messages = [_ending(message, suffix) if message.role == "user" else message for message in messages]
    if system and not (messages and messages[0].role == "system"):
        messages.insert(0, Message(role="system", content=system))
    return chat._replace(messages=tuple(messages))


def _ending(message: Message, suffix: str) -> Message:
    is_there = message.content.endswith(suffix)
    return message if is_there else message.model_copy(update={"content": message.content + suffix})


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
