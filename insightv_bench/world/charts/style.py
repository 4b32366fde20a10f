"""How one chart looks: size, fonts, colours and layout, all drawn from the scene's seed."""

from __future__ import annotations

import random
from typing import Literal, NamedTuple

from ..scene import Scene

Colouring = Literal["one", "each", "groups", "legend"]
"""One colour for all; another for each beside its label; two groups with a legend; or names in the legend alone."""
PALETTES = (
    ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#17becf"),
    ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#7f7f7f", "#b8a800"),
    ("#1b9e77", "#d95f02", "#7570b3", "#e7298a", "#66a61e", "#e6ab02", "#a6761d", "#4c78a8"),
    ("#4c72b0", "#dd8452", "#55a868", "#c44e52", "#8172b3", "#937860", "#da8bc3", "#64b5cd"),
    ("#3366cc", "#dc3912", "#f2a100", "#109618", "#990099", "#0099c6", "#dd4477", "#7a5230"),
)
LIGHT = (("#ffffff", "#222222", "#c9c9c9"), ("#fbfaf5", "#2b2b2b", "#d5d0c0"), ("#f3f6fa", "#1d2733", "#c3ccd8"))
DARK = (("#20242b", "#ececec", "#4a505a"), ("#12263a", "#f2f2f2", "#3d5066"))
"""Ground, ink and grid."""
FONTS = ("DejaVuSans", "DejaVuSans", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral")
"""Files that come with matplotlib: the same letters on every machine."""
WIDTHS, HEIGHTS = (1.0, 1.15, 1.3, 1.5), (1.0, 1.0, 1.12, 1.25)
MAX_UNPRINTED = 50
"""Values above are printed beside their marks: an axis that long has too few pixels a unit to be read exactly."""
GROUPS = (("North", "South"), ("Public", "Private"), ("Group A", "Group B"), ("Old", "New"))
MARKERS = ("o", "s", "D")


class Style(NamedTuple):
    width: int  # pixels
    height: int  # pixels
    scale: float
    """Of fonts and lines."""
    font: str
    size: float  # pixels
    ground: str
    ink: str
    grid: str
    palette: tuple[str, ...]
    colouring: Colouring
    group_names: tuple[str, str]
    group_of: tuple[int, ...]
    """For each mark, where `colouring` is `groups`."""
    printed: bool
    """Each value stands beside its mark."""
    gridded: bool
    boxed: bool
    """Axis lines on all four sides."""
    edged: bool
    titled: bool
    title: int
    """Which of the topic's."""
    named_axes: bool
    centred: bool
    bar_share: float
    """Width of a bar, of the room that it has."""
    marker: str
    dashed: bool
    filled: bool
    """The area under a line."""
    turned: bool
    """A table with its rows as columns, where there is room."""
    legend_below: bool
    start: float  # degrees
    """Where a pie begins."""


def sample_style(scene: Scene, side: int) -> Style:
    """The same style for the same seed. `side`: least width and height."""
    random_ = random.Random(f"style/{scene.noise_seed}")
    scale = random_.choice((1.0, 1.0, 1.0, 1.25))
    ground, ink, grid = random_.choice(DARK if random_.random() < 0.12 else LIGHT)
    palette = list(random_.choice(PALETTES))
    random_.shuffle(palette)
    highest = max(bar.value for bar in scene.bars)
    printed = random_.random() < 0.45 or highest > MAX_UNPRINTED
    return Style(
        width=round(side * scale * random_.choice(WIDTHS)),
        height=round(side * scale * random_.choice(HEIGHTS)),
        scale=scale,
        font=random_.choice(FONTS),
        size=random_.choice((13.0, 14.0, 15.0, 17.0)) * scale,
        ground=ground,
        ink=ink,
        grid=grid,
        palette=tuple(palette),
        colouring=random_.choice(("one", "one", "each", "groups", "legend")),
        group_names=random_.choice(GROUPS),
        group_of=tuple(random_.randint(0, 1) for _ in scene.bars),
        printed=printed,
        gridded=not printed or random_.random() < 0.6,
        boxed=random_.random() < 0.35,
        edged=random_.random() < 0.35,
        titled=random_.random() < 0.9,
        title=random_.randrange(60),
        named_axes=random_.random() < 0.75,
        centred=random_.random() < 0.7,
        bar_share=random_.choice((0.5, 0.6, 0.7, 0.8)),
        marker=random_.choice(MARKERS),
        dashed=random_.random() < 0.25,
        filled=random_.random() < 0.2,
        turned=random_.random() < 0.3,
        legend_below=random_.random() < 0.35,
        start=random_.choice((0.0, 90.0, 90.0, 45.0, 180.0)),
    )
