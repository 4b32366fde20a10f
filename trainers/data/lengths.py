"""The rows that a training sees: measured, those that cannot be trained on left out with a reason, the rest by length.

A row is measured as the model will see it: chat template, images and all. TRL would cut a row that is too long, and
train on nothing without a word where the cut takes the completion.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from insightv_bench.chat import block_of, lay_out
from insightv_bench.engines import ControlTokens
from insightv_bench.engines.hf import named_ends
from insightv_bench.records import DECODERS
from insightv_bench.sources import BROKEN, TimedBytes

from ..trl import told_image_tokens
from .corpus import without_bytes

PORTION = 256
"""Rows measured at once."""
PROBES = ((60, 90), (333, 500))
ENDS, TAIL_BYTES = {"PNG": b"IEND", "JPEG": b"\xff\xd9"}, 64
"""What stands in the last bytes of a whole image: one that was cut off has a header like any other."""
UNREADABLE, SAME, EMPTY = "image cannot be read", "chosen equals rejected", "nothing to learn"


def measure(corpus: Any, processor: Any, max_tokens: int) -> tuple[list[int], list[int], list[tuple[int, str]]]:
    """Places of the rows that are kept, their lengths in tokens, and the places left out with the reason.

    Raises StageError where an image's bytes are not in the corpus.
    """
    places, lengths, dropped = [], [], []
    for start in range(0, len(corpus), PORTION):
        rows = _rows(corpus, start, min(start + PORTION, len(corpus)))
        sizes = [_image_tokens(processor, row["images"], start + place) for place, row in enumerate(rows)]
        texts = _text_tokens(processor, rows)
        for place, (row, images, text) in enumerate(zip(rows, sizes, texts, strict=True), start):
            length = text + (images or 0)
            reason = UNREADABLE if images is None else _problem(row, length, max_tokens)
            if reason:
                dropped.append((place, reason))
            else:
                places.append(place)
                lengths.append(length)
    return places, lengths, dropped


def _rows(corpus: Any, start: int, end: int) -> list[dict[str, Any]]:
    """With images as bytes: only their headers are read."""
    from datasets import Image, List

    raw = corpus.cast_column("images", List(Image(decode=False)))
    columns = raw[start:end]
    return [{name: values[place] for name, values in columns.items()} for place in range(end - start)]


def _problem(row: dict[str, Any], length: int, max_tokens: int) -> str:
    answers = [content(row[name]) for name in ("completion", "chosen", "rejected") if name in row]
    if not all(answer.strip() for answer in answers):
        return EMPTY
    if len(answers) == 2 and answers[0] == answers[1]:
        return SAME
    return f"over {max_tokens:,} tokens" if length > max_tokens else ""


def content(messages: Sequence[dict[str, Any]]) -> str:
    return "".join(message["content"] for message in messages)


def chat_text(processor: Any, chat: Sequence[dict[str, Any]], images: Sequence[Any], is_open: bool = False) -> str:
    """As the model's template writes it, and TRL with it. `is_open`: up to where the assistant's turn begins."""
    from trl.data_utils import prepare_multimodal_messages

    chat, order = placed(chat, len(images))
    blocks = prepare_multimodal_messages(list(chat), images=[images[place] for place in order])
    return str(processor.apply_chat_template(blocks, tokenize=False, add_generation_prompt=is_open))


def placed(chat: Sequence[dict[str, Any]], num_images: int) -> tuple[list[dict[str, Any]], list[int]]:
    """The chat with a block for each image where the words name it, and the images in the order in which they stand.

    As it is where all stand before the first user text, or have blocks already: TRL lays it out so itself."""
    as_it_is = list(chat), list(range(num_images))
    if not num_images or not all(isinstance(turn["content"], str) for turn in chat):
        return as_it_is
    layout = lay_out([(turn["role"], turn["content"]) for turn in chat], num_images)
    if not layout.is_placed:
        return as_it_is
    blocks = [{"type": "image"}] * num_images
    pieces = zip(chat, layout.pieces, strict=True)
    turns = [{**turn, "content": [block_of(piece, blocks) for piece in parts]} for turn, parts in pieces]
    return turns, layout.order


def _text_tokens(processor: Any, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Of the longer answer, where there are two, or of the prompt alone, where there is none; each image counts as the
    one token that stands for it."""
    num = [0] * len(rows)
    answers: list[str] = [name for name in ("completion", "chosen", "rejected") if name in rows[0]]
    for name in answers or [""]:
        texts = [chat_text(processor, [*row["prompt"], *row.get(name, ())], row["images"], not name) for row in rows]
        ids = processor.tokenizer(texts, add_special_tokens=False)["input_ids"]
        num = [max(before, len(tokens)) for before, tokens in zip(num, ids, strict=True)]
    return num


def _image_tokens(processor: Any, images: Sequence[dict[str, Any]], place: int) -> int | None:
    """What the images of a row take beyond the one token that stands for each; None where one cannot be read."""
    if not images:
        return 0
    if any(not image or not image.get("bytes") for image in images):
        raise without_bytes(place, (images[0] or {}).get("path"))
    try:
        sizes = [_size(image["bytes"]) for image in images]
    except ValueError:
        return None
    return sum(tokens_of(processor, sizes)) - len(sizes)


def _size(data: bytes) -> tuple[int, int]:
    """Height and width. Raises ValueError for what is no image, or one of more pixels than are ever decoded."""
    from PIL import Image

    try:
        with warnings.catch_warnings(action="ignore"), Image.open(TimedBytes(data), formats=DECODERS) as image:
            end = ENDS.get(str(image.format))
            if end is None or end not in data[-TAIL_BYTES:]:
                image.load()  # the header alone is read of all others
            return image.height, image.width
    except (*BROKEN, Image.DecompressionBombError) as error:
        raise ValueError(f"no image: {error}") from error


def tokens_of(processor: Any, sizes: Sequence[tuple[int, int]]) -> list[int]:
    """Tokens of images of these heights and widths.

    The processor tells them where it can be believed: LLaVA's with a SigLIP tower, for one, cannot.
    """
    if _is_to_be_believed(processor):
        return told_image_tokens(processor, sizes)
    return [_tokens_by_trying(processor, size) for size in sizes]


@lru_cache(maxsize=8)
def _is_to_be_believed(processor: Any) -> bool:
    """Whether what it tells of two images is what it makes of them."""
    try:
        return told_image_tokens(processor, PROBES) == [_tokens_by_trying(processor, size) for size in PROBES]
    except (AttributeError, TypeError, KeyError, ValueError):
        return False


@lru_cache(maxsize=100_000)
def _tokens_by_trying(processor: Any, size: tuple[int, int]) -> int:
    from PIL import Image

    token = getattr(processor, "image_token", "<image>")
    image = Image.new("RGB", (size[1], size[0]))
    return len(processor(text=token, images=[image], add_special_tokens=False)["input_ids"][0])


def without_control_tokens(corpus: Any, processor: Any) -> Any:
    """The corpus with the words for images, turns and ends, which must not stand in a text as if they were written
    there, broken up by a space, as the engine does when it asks the model."""
    tokens = ControlTokens(processor, named_ends(str(processor.tokenizer.name_or_path)))
    columns = [name for name in ("prompt", "completion", "chosen", "rejected") if name in corpus.column_names]
    cleared: dict[int, dict[str, Any]] = {}
    for place, texts in enumerate(zip(*(corpus[name] for name in columns), strict=True)):
        row = dict(zip(columns, texts, strict=True))
        clean = {name: [_cleared(turn, tokens) for turn in turns] for name, turns in row.items()}
        if clean != row:
            cleared[place] = clean
    if not cleared:
        return corpus
    return corpus.map(lambda row, place: cleared.get(place, {}), with_indices=True, load_from_cache_file=False)


def _cleared(turn: dict[str, Any], tokens: ControlTokens) -> dict[str, Any]:
    return {**turn, "content": tokens.clear(turn["content"], turn["role"] == "assistant")[0]}
