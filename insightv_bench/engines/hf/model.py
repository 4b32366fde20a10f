"""Local transformers: any image-text model by folder or Hub id."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from insightv_bench.chat import layout_of
from insightv_bench.errors import ModelError, require
from insightv_bench.journal import Reply, Request
from insightv_bench.protocol import cut_in, opens_thought
from insightv_bench.records import DECODERS, Image, content_id
from insightv_bench.settings import HfEngine, Sampling, folder_name
from insightv_bench.sources import TimedBytes
from insightv_bench.storage import first_line

from ..base import Sent
from ..control_tokens import Cleared, ControlTokens
from .decoding import decode, decodes_plainly
from .processors import load_processor
from .template import check_arguments, end_ids, prompt_text, template_arguments
from .watch import Watch

PLACEHOLDERS = ("image_token_id", "image_token_index", "video_token_id")
HASHED = ("*.safetensors", "*.json", "*.jinja")
ADAPTER = "adapter_model.safetensors"
REFUSALS = (ValueError, ZeroDivisionError, OSError)
"""What a processor raises on an image that it does not take."""
IN_REVISION = (
    *("enable_thinking", "chat_template_kwargs", "thinking_budget", "thought_close", "stop"),
    *("min_pixels", "max_pixels", "processor_kwargs", "attn_implementation"),
)
"""Options that change replies and stand in no request."""


class LocalModel:
    """Loaded on first use, so that a rerun whose replies are all kept loads nothing."""

    def __init__(self, settings: HfEngine) -> None:
        self._settings = settings = computed_here(settings)
        self._loaded: tuple[Any, Any] | None = None
        self._tokens: ControlTokens | None = None
        self.batch_size = settings.batch_size
        self.name, self.revision = identity(settings)
        self.system, self.suffix = settings.system, settings.suffix

    def generate(self, requests: Sequence[Request], seed: int) -> list[Reply]:
        """Replies by one batched `generate`, or two where thought has a budget, where requests share their sampling."""
        if len({request.sampling for request in requests}) > 1:
            return [reply for request in requests for reply in self.generate([request], seed)]
        cleared = [self.cleared(request) for request in requests]
        shown = [request._replace(chat=each.chat) for request, each in zip(requests, cleared, strict=True)]
        prompts = self.prompts(shown)
        sampling, budget = requests[0].sampling, self._settings.thinking_budget or 0
        first = min(budget or sampling.max_new_tokens, sampling.max_new_tokens)
        try:
            replies = self._run(shown, prompts, sampling.model_copy(update={"max_new_tokens": first}), seed)
        except REFUSALS as error:
            if len(requests) == 1:  # its own fault: an image that the processor does not take
                return [Reply(text="", finish="error", failure=first_line(error))]
            return self._without_refused(requests, seed)
        if first < sampling.max_new_tokens:
            rest = sampling.model_copy(update={"max_new_tokens": sampling.max_new_tokens - first})
            replies = self._gone_on(shown, prompts, replies, rest, seed)
        told = zip(replies, cleared, strict=True)
        return [reply.model_copy(update={"num_broken": each.num_broken}) for reply, each in told]

    def _run(self, requests: Sequence[Request], prompts: Sequence[str], sampling: Sampling, seed: int) -> list[Reply]:
        """Raises what a processor raises on an image that it does not take."""
        import torch

        model, processor = self.load()
        ends, stop = end_ids(model, processor), self._settings.stop
        options = generation_options(model, processor, sampling, stop)
        plainly = bool(ends) and decodes_plainly(model, sampling, stop)
        every = list(range(len(requests)))
        kept, places = distinct(requests, prompts) if plainly else (every, every)
        inputs = encode(processor, [requests[i] for i in kept], [prompts[i] for i in kept]).to(model.device)
        torch.manual_seed(seed)
        started = time.monotonic()
        watch = Watch()
        with torch.inference_mode():
            if plainly:
                suppressed = options["suppress_tokens"] or ()
                completions = decode(model, inputs, places, sampling, ends, suppressed, watch)
            else:
                tokens = model.generate(**inputs, **options, logits_processor=[watch])
                completions = tokens[:, inputs["input_ids"].shape[1] :]
        seconds = (time.monotonic() - started) / len(requests)
        rows = zip(inputs["attention_mask"][places], completions, strict=True)
        replies = [stopped(_reply(processor, mask, row, seconds, ends), stop) for mask, row in rows]
        own = watch.of(completions, [reply.num_tokens for reply in replies])
        replies = [reply.model_copy(update=figures) for reply, figures in zip(replies, own, strict=True)]
        opened = zip(replies, map(opens_thought, prompts), strict=True)
        return [reply.model_copy(update={"opened": is_opened}) for reply, is_opened in opened]

    def _gone_on(
        self,
        requests: Sequence[Request],
        prompts: Sequence[str],
        replies: Sequence[Reply],
        sampling: Sampling,
        seed: int,
    ) -> list[Reply]:
        """The replies, those that are not at their end gone on with; a thought that has used its budget is closed."""
        cut = [place for place, reply in enumerate(replies) if reply.finish == "length"]
        if not cut:
            return list(replies)
        close = {place: self._settings.thought_close for place in cut if _is_in_thought(replies[place])}
        begun = [prompts[place] + replies[place].text + close.get(place, "") for place in cut]
        more = dict(zip(cut, self._run([requests[place] for place in cut], begun, sampling, seed), strict=True))
        return [
            _joined(reply, close.get(place, ""), more[place]) if place in more else reply
            for place, reply in enumerate(replies)
        ]

    def _without_refused(self, requests: Sequence[Request], seed: int) -> list[Reply]:
        """The replies, those to what the processor takes in one batch."""
        taken = [request for request in requests if self._is_taken(request)]
        replies = iter(self.generate(taken, seed) if taken else [])
        return [next(replies) if r in taken else self.generate([r], seed)[0] for r in requests]

    def _is_taken(self, request: Request) -> bool:
        try:
            self.sent(request)
        except REFUSALS:
            return False
        return True

    def prompts(self, requests: Sequence[Request]) -> list[str]:
        """The text that the model reads of each request, with a place for each image."""
        arguments = template_arguments(self._settings)
        return [prompt_text(self.load()[1], request.chat, arguments) for request in requests]

    def cleared(self, request: Request) -> Cleared:
        """Its chat with control tokens in its words broken up."""
        self._tokens = self._tokens or ControlTokens(self.load()[1], end_ids(*self.load()))
        return self._tokens.of_chat(request.chat)

    def sent(self, request: Request) -> Sent:
        """The prompt as the tokens say it. Raises ModelError."""
        model, processor = self.load()
        request = request._replace(chat=self.cleared(request).chat)
        prompts = self.prompts([request])
        ids = encode(processor, [request], prompts)["input_ids"][0].tolist()
        image_ids = {getattr(model.config, name, None) for name in PLACEHOLDERS}
        return Sent(prompts[0], sum(token in image_ids for token in ids))

    def load(self) -> tuple[Any, Any]:
        """Model and processor, once. Raises ModelError."""
        if self._loaded is None:
            model, processor = load_model(self._settings)
            if str(model.dtype) == "torch.bfloat16" and model.device.type == "cpu" and not multiplies_bfloat16():
                model = model.float()  # `auto`, of a model of the Hub whose config was not known before
            self._loaded = model, processor
        return self._loaded


def identity(settings: HfEngine) -> tuple[str, str]:
    """Name and revision: a content hash for a folder, the commit for a Hub id; and the type that it computes in where
    that is not float32, since its replies are then others."""
    settings = computed_here(settings)
    folder = Path(settings.model)
    if folder.is_dir():
        if not (folder / "config.json").exists():
            raise ModelError(f"`{settings.model}` is not a model: it holds no `config.json`", "name a folder that does")
        suffix = _type_suffix(_dtype_of(settings, folder)) + _options_suffix(settings)
        return folder_name(folder), hash_folder(folder) + suffix
    if settings.model.startswith((".", "/")) or settings.model.count("/") != 1:
        raise ModelError(f"`{settings.model}` is neither a folder nor a Hub id", "name a folder, or `ORG/NAME`")
    commit = settings.revision or _resolve_revision(settings.model)
    return settings.model, commit + _type_suffix(settings.dtype) + _options_suffix(settings)


def _options_suffix(settings: HfEngine) -> str:
    changed = {name: value for name, value in settings.changes().items() if name in IN_REVISION}
    if settings.adapter:
        folder = Path(settings.adapter)
        changed["adapter"] = hash_folder(folder) if folder.is_dir() else settings.adapter
    return f"+{content_id(changed, length=8)}" if changed else ""


def computed_here(settings: HfEngine) -> HfEngine:
    """The same model, in float32 where it is asked for in bfloat16 on a processor that would need far longer for it."""
    folder = Path(settings.model)
    asked = _dtype_of(settings, folder) if (folder / "config.json").exists() else settings.dtype
    on_cpu = settings.device != "cuda" and _device(settings.device) == "cpu"
    if asked == "bfloat16" and on_cpu and not multiplies_bfloat16():
        return settings.model_copy(update={"dtype": "float32"})
    return settings


def multiplies_bfloat16() -> bool:
    """Whether this processor has instructions for products of bfloat16; without them float32 is the faster. A training
    step in bfloat16 takes 1.6 times float32's with AVX-512 alone (Intel Xeon, torch 2.13, one thread), a product of
    1,024 x 1,024 with AVX2 alone 84 times (AMD EPYC)."""
    import torch

    has_instructions = any(is_there for name, is_there in torch.cpu.get_capabilities().items() if "bf16" in name)
    return has_instructions and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


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


def load_model(settings: HfEngine, quantization: Any = None) -> tuple[Any, Any]:
    """Model (in evaluation mode, on its device) and processor. Raises ModelError.

    `quantization`: transformers' config of how weights are held in fewer bits.
    """
    require("torch", "train", "a local model")
    transformers = require("transformers", "train", "a local model")
    import torch
    from safetensors import SafetensorError

    transformers.utils.logging.disable_progress_bar()
    source = {"revision": settings.revision, "trust_remote_code": settings.trust_remote_code}
    dtype = settings.dtype if settings.dtype == "auto" else getattr(torch, settings.dtype)
    try:
        processor = load_processor(settings.model, image_options(settings), **source)
        options = {
            "attn_implementation": settings.attn_implementation,
            "device_map": settings.device_map,
            "quantization_config": quantization,
        }
        model = transformers.AutoModelForImageTextToText.from_pretrained(
            settings.model,
            dtype=dtype,
            use_safetensors=True,
            **{name: value for name, value in options.items() if value},
            **source,
        )
    except (OSError, ValueError, KeyError, ImportError, SafetensorError) as error:
        raise ModelError(
            f"`{settings.model}` cannot be loaded as an image-text model: {first_line(error)}",
            "it must load with `AutoModelForImageTextToText` and `AutoProcessor`, from safetensors",
        ) from error
    if getattr(processor, "tokenizer", None) is None:
        raise ModelError(f"`{settings.model}` has no processor for images and text")
    check_arguments(settings, processor)
    if settings.adapter:
        model = _with_adapter(model, settings.adapter)
    return (model if settings.device_map else model.to(_device(settings.device))).eval(), processor


def image_options(settings: HfEngine) -> dict[str, Any]:
    """Of the processor's part for images."""
    bounds = {"min_pixels": settings.min_pixels, "max_pixels": settings.max_pixels}
    return {**{name: value for name, value in bounds.items() if value}, **settings.processor_kwargs}


def _with_adapter(model: Any, adapter: str) -> Any:
    """The model with a LoRA adapter in its weights. Raises ModelError where there is none, or none in safetensors."""
    peft = require("peft", "train", "an adapter")
    from transformers.utils import cached_file

    try:
        cached_file(adapter, ADAPTER)  # PEFT would fall back to a pickle
        return peft.PeftModel.from_pretrained(model, adapter).merge_and_unload()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        hint = f"name a folder or a Hub id that holds `adapter_config.json` and `{ADAPTER}` of this model"
        raise ModelError(f"the adapter `{adapter}` cannot be loaded: {first_line(error)}", hint) from error


def _device(name: str) -> str:
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise ModelError("`device: cuda` is asked for, and no CUDA device is here", "set `device: cpu`")
    if name != "auto":
        return name
    return "cuda" if torch.cuda.is_available() else "cpu"


def encode(processor: Any, requests: Sequence[Request], prompts: Sequence[str] = ()) -> Any:
    """Token ids and pixels of the chats, padded on the left. `prompts`: their texts, where they are made already."""
    prompts = prompts or [prompt_text(processor, request.chat, {}) for request in requests]
    images = [[open_image(r.chat.images[place]) for place in layout_of(r.chat).order] for r in requests]
    return processor(
        text=list(prompts),
        images=images if any(images) else None,
        padding=True,
        padding_side="left",
        add_special_tokens=False,
        return_tensors="pt",
    )


def distinct(requests: Sequence[Request], prompts: Sequence[str]) -> tuple[list[int], list[int]]:
    """Places of the first request of each prompt and images, and for every request which of those it is like."""
    first: dict[Any, int] = {}
    kept: list[int] = []
    places: list[int] = []
    for place, (request, prompt) in enumerate(zip(requests, prompts, strict=True)):
        key = (prompt, *(request.chat.images[each].sha256 for each in layout_of(request.chat).order))
        if key not in first:
            first[key] = len(kept)
            kept.append(place)
        places.append(first[key])
    return kept, places


def open_image(image: Image) -> Any:
    """As RGB; the size was bounded when the question was read."""
    from PIL import Image as PILImage

    return PILImage.open(TimedBytes(image.bytes), formats=DECODERS).convert("RGB")


def generation_options(model: Any, processor: Any, sampling: Sampling, stop: Sequence[str] = ()) -> dict[str, Any]:
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
        "eos_token_id": end_ids(model, processor) or None,
    }
    if stop:
        options |= {"stop_strings": list(stop), "tokenizer": processor.tokenizer}
    if not greedy:
        options |= {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": sampling.top_k}
    return options


def _reply(processor: Any, prompt_mask: Any, tokens: Any, seconds: float, ends: Sequence[int]) -> Reply:
    found = [index for index, token in enumerate(tokens.tolist()) if token in ends]
    length = found[0] if found else len(tokens)
    return Reply(
        text=processor.tokenizer.decode(tokens[:length]),
        finish="stop" if found else "length",
        num_prompt_tokens=int(prompt_mask.sum()),
        num_tokens=length + bool(found),
        seconds=seconds,
    )


def _is_in_thought(reply: Reply) -> bool:
    return cut_in(reply.text, reply.finish, reply.opened) == "thought"


def _joined(begin: Reply, close: str, rest: Reply) -> Reply:
    sums = {name: getattr(begin, name) + getattr(rest, name) for name in ("num_tokens", "seconds")}
    both = begin.num_tokens + rest.num_tokens
    for name in ("logprob", "certainty"):
        one, other = getattr(begin, name), getattr(rest, name)
        known = both and one is not None and other is not None
        sums[name] = (one * begin.num_tokens + other * rest.num_tokens) / both if known else None
    return begin.model_copy(update={"text": begin.text + close + rest.text, "finish": rest.finish, **sums})


def stopped(reply: Reply, stop: Sequence[str]) -> Reply:
    """The reply up to the first text that ends it."""
    places = [place for text in stop if (place := reply.text.find(text)) >= 0]
    return reply.model_copy(update={"text": reply.text[: min(places)], "finish": "stop"}) if places else reply
