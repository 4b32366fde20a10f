"""Local transformers: any image-text model by folder or Hub id."""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from insightv_bench.chat import to_blocks
from insightv_bench.errors import ModelError, require
from insightv_bench.journal import Reply, Request
from insightv_bench.protocol import opens_thought
from insightv_bench.records import DECODERS, Image
from insightv_bench.settings import HfEngine, Sampling, folder_name
from insightv_bench.storage import first_line

from ..control_tokens import ControlTokens
from .processors import load_processor

MAX_MARK_TOKENS = 64
"""Of a thought's opening mark at the end of a prompt."""
PLACEHOLDERS = ("image_token_id", "image_token_index", "video_token_id")
HASHED = ("*.safetensors", "*.json", "*.jinja")


class LocalModel:
    """Loaded on first use, so that a rerun whose replies are all kept loads nothing."""

    def __init__(self, settings: HfEngine) -> None:
        self._settings = settings
        self._loaded: tuple[Any, Any] | None = None
        self._tokens: ControlTokens | None = None
        self.batch_size = settings.batch_size
        self.name, self.revision = identity(settings)

    def generate(self, requests: Sequence[Request], seed: int) -> list[Reply]:
        """Replies by one batched `generate`; all requests must share their sampling."""
        import torch

        if len({request.sampling for request in requests}) > 1:
            return [reply for request in requests for reply in self.generate([request], seed)]
        model, processor = self.load()
        self._tokens = self._tokens or ControlTokens(processor)
        cleared = [self._tokens.of_chat(request.chat) for request in requests]
        shown = [request._replace(chat=each.chat) for request, each in zip(requests, cleared, strict=True)]
        inputs = encode(processor, shown).to(model.device)
        torch.manual_seed(seed)
        started = time.monotonic()
        with torch.inference_mode():
            tokens = model.generate(**inputs, **generation_options(model, requests[0].sampling))
        completions = tokens[:, inputs["input_ids"].shape[1] :]
        seconds = (time.monotonic() - started) / len(requests)
        replies = [_reply(processor, inputs["attention_mask"][i], row, seconds) for i, row in enumerate(completions)]
        ends = [processor.tokenizer.decode(row[-MAX_MARK_TOKENS:]) for row in inputs["input_ids"]]
        return [
            reply.model_copy(update={"opened": opens_thought(end), "num_broken": each.num_broken})
            for reply, end, each in zip(replies, ends, cleared, strict=True)
        ]

    def load(self) -> tuple[Any, Any]:
        """Model and processor, once. Raises ModelError."""
        if self._loaded is None:
            self._loaded = load_model(self._settings)
        return self._loaded


def identity(settings: HfEngine) -> tuple[str, str]:
    """Name and revision: a content hash for a folder, the commit for a Hub id; and the type that it computes in where
    that is not float32, since its replies are then others."""
    folder = Path(settings.model)
    if folder.is_dir():
        if not (folder / "config.json").exists():
            raise ModelError(f"`{settings.model}` is not a model: it holds no `config.json`", "name a folder that does")
        return folder_name(folder), hash_folder(folder) + _type_suffix(_dtype_of(settings, folder))
    if settings.model.startswith((".", "/")) or settings.model.count("/") != 1:
        raise ModelError(f"`{settings.model}` is neither a folder nor a Hub id", "name a folder, or `ORG/NAME`")
    commit = settings.revision or _resolve_revision(settings.model)
    return settings.model, commit + _type_suffix(settings.dtype)


def _type_suffix(dtype: str) -> str:
    return "" if dtype == "float32" else f"-{dtype}"


def _dtype_of(settings: HfEngine, folder: Path) -> str:
    """What `auto` means for this folder: the type that its config names."""
    if settings.dtype != "auto":
        return settings.dtype
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"`{settings.model}` has a `config.json` that cannot be read: {first_line(error)}") from error
    named = (config.get("dtype") or config.get("torch_dtype")) if isinstance(config, dict) else None
    return str(named or "auto")  # transformers then looks at the weights


def _resolve_revision(model: str) -> str:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return HfApi().model_info(model).sha or "main"
    except (HfHubHTTPError, OSError) as error:
        raise ModelError(
            f"`{model}` is not a folder here, and the Hub does not give it: {first_line(error)}",
            "check the spelling, or pin `revision` to use a copy that is already cached",
        ) from error


def hash_folder(folder: Path) -> str:
    """Of weights, configs and templates: two folders with the same content are the same model."""
    digest = hashlib.sha256()
    for pattern in HASHED:
        for file in sorted(folder.glob(pattern)):
            digest.update(file.name.encode())
            with file.open("rb") as handle:
                digest.update(hashlib.file_digest(handle, "sha256").digest())
    return digest.hexdigest()[:16]


def load_model(settings: HfEngine) -> tuple[Any, Any]:
    """Model (in evaluation mode, on its device) and processor. Raises ModelError."""
    require("torch", "train", "a local model")
    transformers = require("transformers", "train", "a local model")
    import torch
    from safetensors import SafetensorError

    transformers.utils.logging.disable_progress_bar()
    source = {"revision": settings.revision, "trust_remote_code": settings.trust_remote_code}
    dtype = settings.dtype if settings.dtype == "auto" else getattr(torch, settings.dtype)
    try:
        processor = load_processor(settings.model, **source)
        model = transformers.AutoModelForImageTextToText.from_pretrained(
            settings.model, dtype=dtype, use_safetensors=True, **source
        )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise ModelError(
            f"`{settings.model}` cannot be loaded as an image-text model: {first_line(error)}",
            "it must load with `AutoModelForImageTextToText` and `AutoProcessor`, from safetensors",
        ) from error
    if getattr(processor, "tokenizer", None) is None:
        raise ModelError(f"`{settings.model}` has no processor for images and text")
    return model.to(_device(settings.device)).eval(), processor


def _device(name: str) -> str:
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise ModelError("`device: cuda` is asked for, and no CUDA device is here", "set `device: cpu`")
    if name != "auto":
        return name
    return "cuda" if torch.cuda.is_available() else "cpu"


def encode(processor: Any, requests: Sequence[Request]) -> Any:
    """Token ids and pixels of the chats, padded on the left."""
    chats = [request.chat for request in requests]
    blocks = [to_blocks(chat, [{"type": "image"}] * len(chat.images)) for chat in chats]
    texts = [processor.apply_chat_template(each, add_generation_prompt=True, tokenize=False) for each in blocks]
    images = [[open_image(image) for image in chat.images] for chat in chats]
    return processor(
        text=texts,
        images=images if any(images) else None,
        padding=True,
        padding_side="left",
        add_special_tokens=False,
        return_tensors="pt",
    )


def open_image(image: Image) -> Any:
    """As RGB; the size was bounded when the question was read."""
    from PIL import Image as PILImage

    return PILImage.open(io.BytesIO(image.bytes), formats=DECODERS).convert("RGB")


def generation_options(model: Any, sampling: Sampling) -> dict[str, Any]:
    """Every sampling option is named, so that a model's own generation config changes nothing."""
    greedy = sampling.temperature == 0
    placeholders = {getattr(model.config, name, None) for name in PLACEHOLDERS}
    options: dict[str, Any] = {
        "max_new_tokens": sampling.max_new_tokens,
        "do_sample": not greedy,
        "repetition_penalty": sampling.repetition_penalty,
        # A sampled placeholder would be read as an image that is not there.
        "suppress_tokens": sorted(token for token in placeholders if token is not None) or None,
        "num_beams": 1,
    }
    if not greedy:
        options |= {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
    return options


def _reply(processor: Any, prompt_mask: Any, tokens: Any, seconds: float) -> Reply:
    special = set(processor.tokenizer.all_special_ids)
    ends = [index for index, token in enumerate(tokens.tolist()) if token in special]
    length = ends[0] if ends else len(tokens)
    return Reply(
        text=processor.tokenizer.decode(tokens[:length]),
        finish="stop" if ends else "length",
        num_prompt_tokens=int(prompt_mask.sum()),
        num_tokens=length + bool(ends),
        seconds=seconds,
    )
