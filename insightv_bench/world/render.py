"""Scene -> PNG bytes, the same bytes for the same scene and level."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image as PILImage

from .charts import draw_chart
from .level import COLOURS, Level
from .scene import Scene

BACKGROUND = 235.0


def draw_pixels(scene: Scene, level: Level) -> np.ndarray:
    """The chart as uint8 [side, side, 3]: one bar a slot, its height in proportion to its value, then noise."""
    random_ = np.random.default_rng(scene.noise_seed)
    pixels = np.full((level.side, level.side, 3), BACKGROUND)
    slot_width = level.side / level.num_slots
    for bar in scene.bars:
        left, right = round(bar.slot * slot_width + 1), round((bar.slot + 1) * slot_width - 1)
        height = bar.value * (level.side - 2) / level.max_value
        if level.height_sd:  # drawn only then: levels without it keep their images
            height += random_.normal(0, level.height_sd)
        top = level.side - round(min(max(height, 1), level.side))
        pixels[top:, left:right] = np.array(COLOURS[bar.colour]) + random_.normal(0, level.colour_sd, 3)
    pixels += random_.normal(0, level.noise_sd, pixels.shape)
    return pixels.clip(0, 255).astype(np.uint8)


def chart_pixels(scene: Scene, level: Level) -> np.ndarray:
    """The chart as uint8 [height, width, 3], with the level's noise."""
    pixels = draw_chart(scene, level.side)
    if not level.noise_sd:
        return pixels
    noise = np.random.default_rng(scene.noise_seed).normal(0, level.noise_sd, pixels.shape)
    return (pixels + noise).clip(0, 255).astype(np.uint8)


def draw(scene: Scene, level: Level) -> bytes:
    """The chart as PNG bytes. Compression is the fastest: noise hardly shrinks."""
    pixels = chart_pixels(scene, level) if scene.chart else draw_pixels(scene, level)
    buffer = io.BytesIO()
    PILImage.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
