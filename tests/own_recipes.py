"""What the tests of recipes share: recipes of one's own, as files or text, and the error of one that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from insightv_bench.errors import RecipeError
from insightv_bench.plan import plan
from insightv_bench.settings import Recipe, load_recipe
from insightv_bench.settings.recipe import parse_recipe

MINIMAL = """
name: mine
questions:
  train: {source: world, split: train, num: 3}
"""


def complaint(name: str, *overrides: str) -> RecipeError:
    with pytest.raises(RecipeError) as raised:
        plan(load_recipe(name, list(overrides)))
    return raised.value


def parsed(text: str, *overrides: str) -> Recipe:
    return parse_recipe(text, "mine.yaml", list(overrides))


def files(folder: Path, **texts: str) -> str:
    """Recipe files in `folder`; the first one's place."""
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return str(folder / f"{next(iter(texts))}.yaml")
