"""A model of one's own: a class in a file, or one that a package names as an entry point, see `GROUP`.

The class has `name`, `revision` and `async reply(request)`, or, for batches, `generate(requests, seed)`; it is called
with the options of its engine. Its code is the user's own and is run as such.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from insightv_bench.errors import ModelError
from insightv_bench.records import content_id
from insightv_bench.settings import PythonEngine

from .base import BatchEngine, Engine, OneByOneEngine

GROUP = "insightv-bench.models"
CONCURRENCY, BATCH_SIZE = 8, 32
"""Where the class says neither."""


def custom_model(settings: PythonEngine, scenes: Mapping[str, str] | None = None) -> Engine:
    """Raises ModelError for a file or a class that is not there, that cannot be made, or that is no model."""
    made, source = find_class(settings.model)
    try:
        model: Any = made(**settings.options)
    except Exception as error:  # the user's own code: whatever it raises is told in one line
        raise ModelError(
            f"`{settings.model}` cannot be made: {type(error).__name__}: {error}", "its options stand in `options`"
        ) from error
    if inspect.iscoroutinefunction(getattr(model, "reply", None)):
        _give(model, "concurrency", settings.concurrency or getattr(model, "concurrency", CONCURRENCY))
    elif callable(getattr(model, "generate", None)):
        _give(model, "batch_size", getattr(model, "batch_size", BATCH_SIZE))
    else:
        hint = "see docs/extending.md: a name, a revision and one method"
        raise ModelError(f"`{settings.model}` has neither `async reply` nor `generate`", hint)
    name = str(getattr(model, "name", "") or made.__name__)
    revision = settings.revision or str(getattr(model, "revision", "") or source)
    if settings.options:
        revision = f"{revision}+{content_id(settings.options, length=8)}"
    _give(model, "name", name)
    _give(model, "revision", revision)
    assert isinstance(model, OneByOneEngine | BatchEngine)
    return model


def _give(model: Any, name: str, value: object) -> None:
    if getattr(model, name, None) != value:
        setattr(model, name, value)


def find_class(place: str) -> tuple[Any, str]:
    """The class, and a hash of its file's content (of a package: its version). Raises ModelError."""
    file, colon, name = place.rpartition(":")
    if not colon:
        return _of_package(place)
    path = Path(file)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"`{file}` cannot be read: {error.strerror}", "write python:FILE.py:Class") from error
    module = _load(path, content)
    made = getattr(module, name, None)
    if not isinstance(made, type):
        known = [
            key
            for key, value in vars(module).items()
            if isinstance(value, type) and value.__module__ == module.__name__
        ]
        raise ModelError(
            f"`{file}` has no class `{name}`", f"it has {', '.join(f'`{each}`' for each in known) or 'none'}"
        )
    return made, hashlib.sha256(content).hexdigest()[:12]


def _load(path: Path, content: bytes) -> ModuleType:
    name = f"insightv_model_{content_id(str(path.resolve()), hashlib.sha256(content).hexdigest(), length=12)}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ModelError(f"`{path}` is no Python file", "its name must end in `.py`")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))  # for what lies beside it
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # as above
        del sys.modules[name]
        raise ModelError(f"`{path}` cannot be loaded: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(str(path.resolve().parent))
    return module


def _of_package(name: str) -> tuple[Any, str]:
    known = {point.name: point for point in entry_points(group=GROUP)}
    if name not in known:
        there = ", ".join(f"`{each}`" for each in sorted(known)) or "none"
        raise ModelError(
            f"no package brings a model `{name}`", f"there are {there}; of a file write python:FILE.py:Class"
        )
    point = known[name]
    return point.load(), point.dist.version if point.dist else "0"
