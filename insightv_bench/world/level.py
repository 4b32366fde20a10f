"""What a level of the drawn world looks like."""

from __future__ import annotations

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


class Level(BaseModel):
    """Coloured bars on a small canvas, for a model that is trained from nothing on a CPU."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "tiny"
    side: int = Field(48, ge=16, le=4096)  # pixels
    num_slots: int = Field(6, ge=2, le=8)
    """Places where a bar may stand, from left to right."""
    min_bars: int = Field(3, ge=2, le=8)
    max_bars: int = Field(5, ge=2, le=8)
    max_value: int = Field(9, ge=2, le=99)
    """Bars have the values 1 to this."""
    noise_sd: float = Field(20.0, ge=0, le=400)  # of 255
    """Standard deviation of the pixel noise: with enough of it reading fails."""
    colour_sd: float = Field(18.0, ge=0, le=128)  # of 255
    """Standard deviation of a bar's colour, drawn once a bar and channel."""

    @model_validator(mode="after")
    def _room(self) -> Level:
        most = min(self.max_bars, self.num_slots)
        if self.min_bars > most:
            raise ValueError(f"`min_bars` ({self.min_bars}) is more than `max_bars` and `num_slots` allow ({most})")
        return self
