"""What a level of the drawn world looks like.

`tiny` and `small` are coloured bars on a small canvas, for models that are trained from nothing; `full` is charts as
they are published (see `charts`), for models that have seen the world.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

COLOURS = {
    "red": (214, 39, 40),
    "blue": (31, 86, 200),
    "green": (44, 150, 44),
    "yellow": (235, 205, 40),
    "purple": (135, 60, 180),
    "orange": (245, 130, 20),
    "cyan": (60, 200, 215),
    "gray": (120, 120, 120),
}
Chart = Literal["bars", "bars-horizontal", "lines", "pie", "table"]
LevelName = Literal["tiny", "small", "full"]
LEVELS: dict[LevelName, dict[str, Any]] = {
    "tiny": {},
    "small": {
        "name": "small",
        "side": 96,
        "num_slots": 8,
        "min_bars": 4,
        "max_bars": 8,
        "max_value": 20,
        "noise_sd": 15.0,
        "colour_sd": 15.0,
        "max_terms": 8,
    },
    "full": {
        "name": "full",
        "side": 448,
        "num_slots": 8,
        "min_bars": 3,
        "max_bars": 8,
        "max_value": 99,
        "noise_sd": 0.0,
        "colour_sd": 0.0,
        "max_terms": 6,
        "charts": get_args(Chart),
    },
}
"""What a level sets; a recipe's own keys go before."""


class Level(BaseModel):
    """One level: `level` fills in what is not set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: LevelName = "tiny"
    name: str = "tiny"
    """Part of the questions' source; two levels that differ should not share it."""
    side: int = Field(48, ge=16, le=4096)  # pixels
    """Of the square canvas; of charts the least width and height."""
    num_slots: int = Field(6, ge=2, le=8)
    """Places where a bar may stand, from left to right."""
    min_bars: int = Field(3, ge=2, le=8)
    """Bars; of other charts points, slices or rows."""
    max_bars: int = Field(5, ge=2, le=8)
    max_value: int = Field(9, ge=2, le=99)
    """Bars have the values 1 to this."""
    noise_sd: float = Field(20.0, ge=0, le=400)  # of 255
    """Standard deviation of the pixel noise: with enough of it reading fails."""
    height_sd: float = Field(0.0, ge=0, le=64)  # pixels
    """Standard deviation of a bar's height: with enough of it no eye can tell some values from the next. Unlike noise,
    which a longer training sees through, it bounds what any model can reach. Refused for charts, which have none."""
    colour_sd: float = Field(18.0, ge=0, le=128)  # of 255
    """Standard deviation of a bar's colour, drawn once a bar and channel; charts have none."""
    max_terms: int = Field(4, ge=2, le=8)
    """Most bars that a sum names."""
    unordered_splits: bool = False
    """Charts that differ in the order of their bars alone are in one split; sets of before hold each order apart, and
    about a quarter of their test charts stand in training in another order."""
    charts: tuple[Chart, ...] = ()
    """Kinds of charts to draw; none: plain coloured bars."""

    def told(self) -> dict[str, Any]:
        """As it stands in a stage's fingerprint: a key that came later, only where it changes something."""
        later = {"unordered_splits"} if not self.unordered_splits else set()
        return self.model_dump(exclude=later)

    @model_validator(mode="before")
    @classmethod
    def _filled_in(cls, given: Any) -> Any:
        level = given.get("level") if isinstance(given, dict) else None
        return {**LEVELS[level], **given} if isinstance(level, str) and level in LEVELS else given

    @model_validator(mode="after")
    def _room(self) -> Level:
        most = min(self.max_bars, self.num_slots)
        if self.min_bars > most:
            raise ValueError(f"`min_bars` ({self.min_bars}) is more than `max_bars` and `num_slots` allow ({most})")
        if self.charts and self.side < LEVELS["full"]["side"]:
            raise ValueError(f"`side` ({self.side}) is too small for charts: the least is {LEVELS['full']['side']}")
        if self.charts and self.height_sd:
            raise ValueError(f"`height_sd` ({self.height_sd}) is for plain bars: with `charts` set it to 0")
        return self
