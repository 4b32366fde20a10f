"""Drawing level `full`, against the same bars on matplotlib's own axes. In processor time."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Callable

from figures import Took, Work, keep, scaled, turn_about
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from insightv_bench.world import Level, Scene
from insightv_bench.world.render import draw
from insightv_bench.world.scene import sample_scene

LEVEL = Level(level="full", charts=("bars",))  # type: ignore[call-arg]
(NUM,) = scaled(60)


def on_axes(scene: Scene) -> None:
    figure = Figure((5.6, 5.0), 100)
    axes = FigureCanvasAgg(figure).figure.add_subplot()
    axes.bar([bar.colour for bar in scene.bars], [bar.value for bar in scene.bars])
    axes.set_title("Fruit sold at the market")
    axes.grid(axis="y")
    figure.savefig(io.BytesIO(), format="png")


def seconds(work: Callable[[Scene], object], scenes: list[Scene]) -> float:
    work(scenes[0])
    started = time.process_time()
    for scene in scenes:
        work(scene)
    return (time.process_time() - started) / len(scenes)


def test_a_chart_against_matplotlibs_axes() -> None:
    random_ = random.Random(0)
    scenes = [sample_scene(random_, LEVEL, "train") for _ in range(NUM)]
    ways: dict[str, Callable[[Scene], object]] = {
        "ours": lambda scene: draw(scene, LEVEL),
        "matplotlib's axes": on_axes,
    }
    turns = turn_about({name: lambda way=way: Took(1000 * seconds(way, scenes)) for name, way in ways.items()})
    keep(Work("drawn charts", NUM, "charts", "ms a chart"), turns.pop("ours"), turns)
