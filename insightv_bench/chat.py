"""Messages and images; the only place that knows how a chat is laid out.

Message contents are strings, as TRL takes them. An image stands where the question's words name it (`<image 2>`), the
others before the first user text. So a model sees the same tokens in training, in sampling and in evaluation.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple, get_args

from insightv_bench.records import Image, Message, QuestionColumns, content_id

MARK = re.compile(r"<\|?image[ _]?(\d{1,2})\|?>")
"""Where an image stands, as benchmarks write it: `<image 2>`, `<image2>`, `<|image_2|>`; counted from 1."""
PLACE = re.compile(r"<image (\d{1,2})>")
"""As our prompts write it: no tokenizer takes it for a token of its own."""
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SLOT = re.compile(r"\{(question|path|problem|gold|answer|paths|flaw|place|ending)\}")


Ask = Literal["json", "native", "prose", "think", "sections", "rationale", "insightv"]
ASKS: tuple[Ask, ...] = get_args(Ask)
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
        """With the slots filled. Only a question's words say where images stand: in what a model wrote before, such a
        mark is a word."""
        words = {name: text if name == "question" else MARK.sub(r"image \1", text) for name, text in slots.items()}
        return SLOT.sub(lambda slot: words[slot[1]], self.template)

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
    text = named_alike(question_text(question), len(question.images))
    return Message(role="user", content=prompt.render(question=text, **slots))


def named_alike(text: str, num_images: int) -> str:
    """The text with its images named as our prompts name them; a mark of an image that is not there stays."""

    def as_ours(mark: re.Match[str]) -> str:
        return f"<image {int(mark[1])}>" if 1 <= int(mark[1]) <= num_images else mark[0]

    return MARK.sub(as_ours, text)


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


class Layout(NamedTuple):
    """A chat's texts with its images among them."""

    pieces: list[list[str | int]]
    """Of each message: text, or the 0-based place of an image."""
    order: list[int]
    """The images in the order in which they stand."""

    is_placed: bool
    """Whether the words name one: else all stand before the first user text, in order."""


def lay_out(turns: Sequence[tuple[str, str]], num_images: int) -> Layout:
    """`turns`: role and text of each message.

    An image stands where a user's words first name it; one that is not named stands before the first user text. Of
    several images, and where it is named again, the name stays in the text beside its image: some chat templates show
    all images first, and what is named must be found.
    """
    pieces: list[list[str | int]] = []
    placed: list[int] = []
    for role, text in turns:
        found: list[str | int] = []
        begin = 0
        for mark in PLACE.finditer(text) if role == "user" else ():
            image = int(mark[1]) - 1
            if not 0 <= image < num_images or image in placed:
                continue
            placed.append(image)
            again = sum(int(each[1]) - 1 == image for each in PLACE.finditer(text)) > 1
            found += [text[begin : mark.end() if num_images > 1 or again else mark.start()], image]
            begin = mark.end()
        pieces.append([piece for piece in [*found, text[begin:]] if piece != ""] or [""])
    first = next((place for place, (role, _) in enumerate(turns) if role == "user"), None)
    unnamed = [image for image in range(num_images) if image not in placed]
    if first is not None:
        pieces[first] = [*unnamed, *pieces[first]]
    return Layout(pieces, [*unnamed, *placed], bool(placed))


def layout_of(chat: Chat) -> Layout:
    return lay_out([(message.role, message.content) for message in chat.messages], len(chat.images))


def to_blocks(chat: Chat, image_blocks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Messages with content blocks; `image_blocks`, one an image, stand in their places."""
    return [
        {"role": message.role, "content": [block_of(piece, image_blocks) for piece in pieces]}
        for message, pieces in zip(chat.messages, layout_of(chat).pieces, strict=True)
    ]


def block_of(piece: str | int, image_blocks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "text", "text": piece} if isinstance(piece, str) else image_blocks[piece]


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
    turns: list[tuple[Any, list[str | Image]]] = []
    for message in messages:
        if not isinstance(message, dict) or message.get("role") not in ("system", "user", "assistant"):
            raise ValueError("a message needs a `role`: system, user or assistant")
        turns.append((message["role"], _read_content(message.get("content"))))
    numbers = _numbers([piece for _, pieces in turns for piece in pieces])
    shown = [piece for _, pieces in turns for piece in pieces if isinstance(piece, Image)]
    images = [image for _, image in sorted(zip(numbers, shown, strict=True), key=lambda each: each[0])]
    left = iter(numbers)
    read = [Message(role=role, content=_as_text(pieces, left)) for role, pieces in turns]
    return Chat(tuple(read), tuple(images))


def _read_content(content: object) -> list[str | Image]:
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise ValueError("a message's `content` must be text or a list of blocks")
    texts = [block.get("text") for block in content if block.get("type") == "text"]
    places = [block for block in content if block.get("type") == "image_url"]
    if len(texts) + len(places) < len(content) or not all(isinstance(text, str) for text in texts):
        raise ValueError("a content block must be of type `text` or `image_url`")
    return [block["text"] if block["type"] == "text" else _read_url(block.get("image_url")) for block in content]


def _numbers(pieces: Sequence[str | Image]) -> list[int]:
    """Of each image, from 1: the name that stands right before it, where those names can be meant; else its place."""
    names = [_name_before(pieces, place) for place, piece in enumerate(pieces) if isinstance(piece, Image)]
    given = [name for name in names if name]
    if len(set(given)) < len(given) or any(not 1 <= name <= len(names) for name in given):
        names, given = [0] * len(names), []
    free = iter(number for number in range(1, len(names) + 1) if number not in given)
    return [name or next(free) for name in names]


def _name_before(pieces: Sequence[str | Image], place: int) -> int:
    before = pieces[place - 1] if place else ""
    name = re.search(PLACE.pattern + r"\Z", before) if isinstance(before, str) else None
    return int(name[1]) if name else 0


def _as_text(pieces: Sequence[str | Image], numbers: Iterator[int]) -> str:
    """A message's text; an image behind a text leaves its name there. `numbers`: of this image and those after it."""
    kinds = [isinstance(piece, Image) for piece in pieces]
    if True not in kinds[kinds.index(False) :] if False in kinds else True:
        for _ in range(sum(kinds)):
            next(numbers)
        return "\n".join(piece for piece in pieces if isinstance(piece, str))
    text = ""
    for place, piece in enumerate(pieces):
        if isinstance(piece, str):
            text += piece
        else:
            number = next(numbers)
            text += f"<image {number}>" if text and _name_before(pieces, place) != number else ""
    return text


def _read_url(place: object) -> Image:
    url = place.get("url") if isinstance(place, dict) else place
    if not isinstance(url, str) or not url.startswith("data:") or ";base64," not in url[:100]:
        raise ValueError("an image must be a data URL in base64")
    return Image(bytes=base64.b64decode(url.partition(";base64,")[2], validate=True))
