"""A model's processor for images and text, with torchvision or without.

Some families' processors bring a part for videos that cannot be made without torchvision. Nothing here has videos, so
where the package is absent their processor is made without that part. It tokenises and reads images as theirs does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from insightv_bench.errors import MissingExtra, ModelError

FILES = ("processor_config.json", "preprocessor_config.json", "tokenizer_config.json")
"""Where a model names its processor's class."""


def load_processor(model: str, image_options: Mapping[str, Any] | None = None, **source: Any) -> Any:
    """`AutoProcessor.from_pretrained` on the PIL backend, which gives the same pixels with and without torchvision.

    `image_options`: of its part for images, in its own words. Raises ModelError for one that it does not have; OSError
    or ValueError as `AutoProcessor` does, and MissingExtra where a package is missing that nothing can stand in for.
    """
    import transformers

    with_video = None if find_spec("torchvision") else class_with_video(model, source.get("revision"))
    try:
        if with_video is None:
            processor = transformers.AutoProcessor.from_pretrained(model, backend="pil", **source)
        else:
            processor = _without_video(with_video, model, source)
        if image_options:
            _check_options(model, processor.image_processor, image_options)
            options = {"backend": "pil", **source, **image_options}
            processor.image_processor = transformers.AutoImageProcessor.from_pretrained(model, **options)
    except ImportError as error:
        reason = " ".join(str(error).split())[:160]
        raise MissingExtra(f"the processor of `{model}` cannot be made: {reason}", "install what it names") from error
    return processor


def _check_options(model: str, image_processor: Any, options: Mapping[str, Any]) -> None:
    known = sorted(getattr(getattr(image_processor, "valid_kwargs", None), "__annotations__", ()))
    for name in options:
        if known and name not in known:
            hint = f"it takes {', '.join(known)}: set them by `processor_kwargs`"
            raise ModelError(f"the image processor of `{model}` has no option `{name}`", hint)


def _without_video(processor_class: Any, model: str, source: dict[str, Any]) -> Any:
    import transformers

    revision = source.get("revision")
    tokenizer = transformers.AutoTokenizer.from_pretrained(model, **source)
    image_processor = transformers.AutoImageProcessor.from_pretrained(model, backend="pil", **source)
    own = {key: value for key, value in _json(model, FILES[0], revision).items() if key == "image_seq_len"}
    template = _text(model, "chat_template.jinja", revision) or tokenizer.chat_template
    template = template or _json(model, "chat_template.json", revision).get("chat_template")
    return image_only(processor_class)(image_processor, tokenizer, video_processor=None, chat_template=template, **own)


def class_with_video(model: str, revision: str | None) -> Any:
    """The processor's class of this folder or Hub id if it has a part for videos; else None."""
    import transformers

    names = (_json(model, file, revision).get("processor_class") for file in FILES)
    known: Any = getattr(transformers, next((name for name in names if name), ""), None)
    return known if hasattr(known, "get_attributes") and "video_processor" in known.get_attributes() else None


def image_only(processor_class: Any) -> Any:
    """A subclass without the part for videos; it goes by the same name, so that what it saves loads as the class."""
    from transformers import ProcessorMixin

    class WithoutVideo(ProcessorMixin):
        """Stands between the class and `ProcessorMixin`, and keeps the video processor from it."""

        video_processor = SimpleNamespace(num_frames=None, fps=None)  # asked for even where there is no video

        def __init__(self, image_processor: Any, tokenizer: Any, video_processor: Any = None, **own: Any) -> None:
            super().__init__(image_processor, tokenizer, **own)

        @classmethod
        def get_attributes(cls) -> list[str]:
            return ["image_processor", "tokenizer"]

    class ImageOnly(processor_class, WithoutVideo):
        get_attributes = WithoutVideo.get_attributes

    ImageOnly.__name__ = ImageOnly.__qualname__ = processor_class.__name__
    return ImageOnly


def _json(model: str, file: str, revision: str | None) -> dict[str, Any]:
    text = _text(model, file, revision)
    return json.loads(text) if text else {}


def _text(model: str, file: str, revision: str | None) -> str:
    from transformers.utils import cached_file

    place = cached_file(model, file, revision=revision, _raise_exceptions_for_missing_entries=False)
    return Path(place).read_text(encoding="utf-8") if place else ""
