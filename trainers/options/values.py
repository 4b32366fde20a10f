"""Whether a value of TRL's options can be meant: its type, its range, and what TRL's own config says of it.

Left to TRL, most of them would end a training in its optimizer or its loader, once the model is there.
"""

from __future__ import annotations

import difflib
import os
import tempfile
import typing
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from insightv_bench.errors import RecipeError
from insightv_bench.storage import first_line

LEAST: dict[str, float] = {
    "learning_rate": 0,
    "weight_decay": 0,
    "max_grad_norm": 0,
    "warmup_steps": 0,
    "beta": 0,
    "per_device_train_batch_size": 1,
    "per_device_eval_batch_size": 1,
    "gradient_accumulation_steps": 1,
    "precompute_ref_batch_size": 1,
    "dataloader_num_workers": 0,
    "save_total_limit": 1,
}
ABOVE_ZERO = ("num_train_epochs", "save_steps", "logging_steps", "eval_steps")


def check_values(table: str, values: Mapping[str, Any], known: Sequence[str], config_class: type, owner: str) -> None:
    """Raises RecipeError for an option that `owner`'s class does not have, or for a value of another type.

    `table` is the recipe's; `known` are the options that it may hold.
    """
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f"; did you mean `{near[0]}`?" if near else ""
            raise RecipeError(f"`{table}.{name}` is no option of {owner}'s `{config_class.__name__}`{meant}")
    hints = typing.get_type_hints(config_class)
    for name, value in values.items():
        if name in hints:
            _check_type(table, name, value, hints[name])


def _check_type(table: str, name: str, value: Any, hint: Any) -> None:
    """A list may be left out around a single value, as TRL allows it."""
    from pydantic import TypeAdapter, ValidationError

    hints = [hint, *(part for part in typing.get_args(hint) if typing.get_origin(hint) is list)]
    for kind in hints:
        try:
            TypeAdapter(kind).validate_python(value, strict=True)
        except ValidationError:
            continue
        return
    raise RecipeError(f"`{table}.{name}: {value}` is of the wrong type", f"it takes {_in_words(hint)}")


def _in_words(hint: Any) -> str:
    kinds = {int: "a whole number", float: "a number", bool: "`true` or `false`", str: "a text", dict: "a table"}
    parts = [part for part in typing.get_args(hint) if part is not type(None)] or [hint]
    if typing.get_origin(hint) is list:
        return f"a list, each {' or '.join(kinds.get(part, str(part)) for part in parts)}"
    return " or ".join(dict.fromkeys(kinds.get(part, getattr(part, "__name__", str(part))) for part in parts))


def check_range(name: str, value: Any) -> None:
    """Raises RecipeError for a value of TRL's that would end a training in its optimizer or its loader."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return
    if name == "max_steps" and not (value == -1 or value >= 1):
        raise RecipeError(f"`trainer.max_steps: {value}` is out of range", "it is at least 1, or -1 for all epochs")
    if name in LEAST and not value >= LEAST[name]:
        raise RecipeError(f"`trainer.{name}: {value}` is out of range", f"it is at least {LEAST[name]:g}")
    if name in ABOVE_ZERO and not value > 0:
        raise RecipeError(f"`trainer.{name}: {value}` is out of range", "it is above 0")


@contextmanager
def as_recipe_errors(config_class: type) -> Iterator[Path]:
    """A folder to make TRL's config in, once, to hear what it says. Some options make it write into the environment
    (FSDP, DeepSpeed, `torch_compile`): those names alone are put back, and the environment is never emptied."""
    before = dict(os.environ)
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
    except (ValueError, TypeError, ImportError) as error:
        raise RecipeError(f"TRL's `{config_class.__name__}` refuses these options: {first_line(error)}") from error
    finally:
        _put_back(before)


def _put_back(before: Mapping[str, str]) -> None:
    for name in os.environ.keys() | before.keys():
        if name not in before:
            del os.environ[name]
        elif os.environ.get(name) != before[name]:
            os.environ[name] = before[name]
