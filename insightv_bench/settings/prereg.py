"""Claims that are written down before a run: what is compared, by which figure, with which margin, over how many
questions and seeds, and when it ends. The evaluation keeps them in its manifest, so that a table can tell them from
what was thought of once figures were there.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from yaml import YAMLError

from insightv_bench.arms import ARMS
from insightv_bench.errors import RecipeError
from insightv_bench.records import content_id

from .base import NAME, Section
from .inheritance import FILES, Layer

Shows = Literal["higher", "level", "no worse"]


class Claim(Section):
    """b against a, in accuracy on shared questions."""

    says: str = Field(min_length=1, max_length=300)
    """The sentence that is to be written if it is shown."""
    a: str
    """`SYSTEM:ARM`."""
    b: str
    flaw: str = ""
    """Of arm `flawed`: the one kind of flaw that both sides are compared on."""
    statistic: Literal["accuracy"] = "accuracy"
    shows: Shows = "higher"
    """`higher`: b less a is above 0; `level`: within `margin` on both sides of 0; `no worse`: above -`margin`."""
    margin: float | None = Field(None, gt=0, lt=1)
    """Share of 1: 0.02 are two points."""

    @model_validator(mode="after")
    def _whole(self) -> Claim:
        for side in (self.a, self.b):
            system, colon, arm = side.partition(":")
            if not colon or not system.strip() or arm.strip() not in ARMS:
                raise ValueError(f"`{side}` is no `SYSTEM:ARM`; the arms are {', '.join(ARMS)}")
        if (self.shows != "higher") != (self.margin is not None):
            raise ValueError("`margin` belongs to `shows: level` and `shows: no worse`, which need it")
        return self

    def side(self, which: Literal["a", "b"]) -> tuple[str, str]:
        """System and arm."""
        system, _, arm = getattr(self, which).partition(":")
        return system.strip(), arm.strip()


class Preregistration(Section):
    """Of one recipe, before its figures."""

    version: str
    date: date
    recipe_version: str
    """The recipe's `version`: another one trains otherwise, and asks other questions."""
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(min_length=1)
    """All are run, and none beside them."""
    num: int = Field(ge=1)
    """Test questions a seed."""
    stopping: str = Field(min_length=1)
    """When it ends, in words: that all seeds are done, say, whatever they show."""
    seen: str = ""
    """What was looked at before, in words."""
    claims: dict[Annotated[str, Field(pattern=NAME)], Claim] = Field(min_length=1)

    @property
    def hash(self) -> str:
        """Of its content, whatever its layout."""
        return content_id(self.model_dump(mode="json"), length=40)

    def kept(self) -> dict[str, Any]:
        """As a manifest keeps it."""
        return {"hash": self.hash, **self.model_dump(mode="json")}


def read_preregistration(file: Path, load: Callable[[str], Any]) -> dict[str, Any]:
    """`load`: text -> content. Raises RecipeError where the file cannot be read."""
    try:
        content = load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, YAMLError) as error:  # a name that no file can have is a ValueError
        told = " ".join(str(error).split())
        raise RecipeError(f"the preregistration `{file}` cannot be read: {told}") from error
    if not isinstance(content, dict):
        raise RecipeError(f"`{file}` holds no preregistration", "see docs/prereg/ in the repository for one")
    return content


def with_claims_read(layer: Layer, load: Callable[[str], Any]) -> Layer:
    """The layer with its preregistration's file read, which is named as seen from the recipe."""
    named = layer.content.get("prereg")
    if not isinstance(named, str) or not named:
        return layer
    folder = Path(layer.origin).parent if layer.origin.endswith(FILES) else Path()
    return layer._replace(content={**layer.content, "prereg": read_preregistration(folder / named, load)})
