"""Charts as they are drawn: every value can be read, no text covers another, and each looks different."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from chart_scenes import FULL, scenes
from PIL import Image as PILImage

from insightv_bench.errors import MissingExtra
from insightv_bench.records import Question
from insightv_bench.world import sample_questions, scene_from_json
from insightv_bench.world.charts import draw_chart
from insightv_bench.world.charts.sheet import Sheet
from insightv_bench.world.charts.style import MAX_UNPRINTED, sample_style
from insightv_bench.world.topics import TOPICS

pytest.importorskip("matplotlib")


def test_labels_are_single_words_that_stand_in_one_topic() -> None:
    labels = [label for topic in TOPICS.values() for label in topic.labels]
    assert len(labels) == len(set(labels)) and all(label.isalpha() and label.istitle() for label in labels)
    assert all(len(topic.labels) >= FULL.min_bars for topic in TOPICS.values())


def test_values_can_be_read_exactly_in_every_kind_of_chart() -> None:
    for scene in scenes(600):
        values = [bar.value for bar in scene.bars]
        assert min(values) >= 1 and max(values) <= 99
        if scene.chart == "pie":
            assert min(values) >= 0.04 * sum(values)
        elif scene.chart != "table" and not sample_style(scene, 448).printed:
            assert max(values) <= MAX_UNPRINTED
        if scene.chart == "lines":
            order = [TOPICS[scene.topic].labels.index(bar.colour) for bar in scene.bars]
            assert order == list(range(order[0], order[0] + len(order)))


def test_an_exact_reader_reads_bars_from_their_axis() -> None:
    """Heights are in proportion to values, and a unit is at least three pixels, where no number is printed."""
    read = 0
    for scene in scenes(150, level=FULL.model_copy(update={"charts": ("bars", "bars-horizontal")})):
        style = sample_style(scene, 448)
        if style.printed or style.colouring != "one" or style.edged:
            continue
        pixels = draw_chart(scene, 448)
        colour = [int(style.palette[0][at : at + 2], 16) for at in (1, 3, 5)]
        lengths = (pixels == colour).all(axis=2).sum(axis=0 if scene.chart == "bars" else 1)
        starts = np.flatnonzero(np.diff(np.concatenate([[0], (lengths > 0).astype(int), [0]])))
        found = [lengths[first:last].max() for first, last in zip(starts[::2], starts[1::2], strict=True)]
        assert len(found) == len(scene.bars)
        unit = sum(found) / sum(bar.value for bar in scene.bars)
        assert unit >= 3
        assert [round(length / unit) for length in found] == [bar.value for bar in scene.bars]
        read += 1
    assert read > 10


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, float, Any]]]:
    """What would be drawn: text (empty for a box), how far it is turned, and the pixels that it takes.

    Artists are placed as they are for drawing, and not drawn: the layout is asked about, at a third of the time.
    """
    from matplotlib.patches import Rectangle
    from matplotlib.text import Text

    found: list[tuple[str, float, Any]] = []

    def recorded(sheet: Sheet, artist: Any) -> None:
        artist.set_figure(sheet._figure)
        artist.set_transform(sheet._plain)
        if isinstance(artist, Text):
            found.append((artist.get_text(), artist.get_rotation(), artist.get_window_extent(sheet._renderer)))
        elif isinstance(artist, Rectangle):
            found.append(("", 0.0, artist.get_window_extent(sheet._renderer)))

    monkeypatch.setattr(Sheet, "_draw", recorded)
    yield found


def overlap(one: Any, other: Any) -> bool:
    return bool(
        one.x0 < other.x1 - 0.5 and other.x0 < one.x1 - 0.5 and one.y0 < other.y1 - 0.5 and other.y0 < one.y1 - 0.5
    )


@pytest.mark.parametrize("num", [40, pytest.param(600, marks=pytest.mark.slow)])
def test_no_text_leaves_the_sheet_or_covers_another_or_a_bar(drawn: list[tuple[str, float, Any]], num: int) -> None:
    pies = scenes(num // 2, seed=1, level=FULL.model_copy(update={"charts": ("pie",)}))  # the labels lie closest there
    for scene in scenes(num, seed=5) + pies:
        drawn.clear()
        height, width = draw_chart(scene, 448).shape[:2]
        texts = [row for row in drawn if row[0]]
        bars = [row[2] for row in drawn[1:] if not row[0]] if scene.chart.startswith("bars") else []
        for place, (text, turn, box) in enumerate(texts):
            assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, (text, scene)
            assert not any(overlap(box, bar) for bar in bars), (text, scene)
            for other, other_turn, other_box in texts[:place]:
                if not (0 < turn < 90 and 0 < other_turn < 90):  # boxes of slanted neighbours overlap, letters do not
                    assert not overlap(box, other_box), (text, other, scene)


def test_every_label_stands_in_its_chart_and_every_printed_value(drawn: list[tuple[str, float, Any]]) -> None:
    for scene in scenes(30, seed=6):
        drawn.clear()
        draw_chart(scene, 448)
        words = [word.strip(":%") for text, _, _ in drawn for word in text.split()]
        assert all(words.count(bar.colour) == 1 for bar in scene.bars)
        if scene.chart in ("pie", "table"):
            assert Counter(str(bar.value) for bar in scene.bars) <= Counter(words)


@pytest.mark.slow
def test_a_chart_is_448_pixels_or_more_and_looks_different_each_time(charts: list[Question]) -> None:
    sizes = Counter(PILImage.open(io.BytesIO(q.images[0].bytes)).size for q in charts)
    assert min(min(size) for size in sizes) >= 448 and len(sizes) > 10
    assert len({q.image_sha256 for q in charts}) == len(charts)
    styles = [sample_style(scene_from_json(q.scene), 448) for q in charts]
    for field in ("font", "size", "ground", "colouring", "printed", "boxed", "titled", "palette"):
        assert len({getattr(style, field) for style in styles}) > 1


def test_the_png_of_a_chart_holds_no_chunk_but_pixels(charts: list[Question]) -> None:
    for question in charts[:20]:
        content, chunks, place = question.images[0].bytes, set(), 8
        while place < len(content):
            (length,) = struct.unpack(">I", content[place : place + 4])
            chunks.add(content[place + 4 : place + 8])
            place += 12 + length
        assert chunks == {b"IHDR", b"IDAT", b"IEND"}


@pytest.mark.slow
def test_the_same_scene_gives_the_same_bytes_in_another_process_whatever_its_settings(charts: list[Question]) -> None:
    """Also where somebody set a style or fonts, and with no state of pyplot."""
    code = (
        "import hashlib, sys, matplotlib; matplotlib.rcParams.update({'text.color': 'red', 'font.size': 30,"
        " 'lines.linewidth': 9, 'text.antialiased': False, 'patch.linewidth': 5, 'path.sketch': (1, 2, 3)});"
        "from insightv_bench.world.level import Level; from insightv_bench.world.questions import sample_questions;"
        "print(*(q.image_sha256[0] for q in sample_questions(Level(level='full'), 'train', 0, 24)));"
        "assert 'matplotlib.pyplot' not in sys.modules and matplotlib.rcParams['font.size'] == 30"
    )
    reply = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert reply.returncode == 0, reply.stderr
    assert reply.stdout.split() == [q.image_sha256[0] for q in charts[:24]]


def test_noise_can_be_put_on_charts() -> None:
    noisy = FULL.model_copy(update={"noise_sd": 20.0})
    (question,) = sample_questions(noisy, "train", 0, 1)
    pixels = np.asarray(PILImage.open(io.BytesIO(question.images[0].bytes)))
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 10_000


def test_charts_without_matplotlib_say_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra) as found:
        draw_chart(scenes(1)[0], 448)
    assert "insightv-bench[plots]" in found.value.hint
