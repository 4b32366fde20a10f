"""What is seen while a training runs: loss, tokens a second and the time left, in a terminal and in a log."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from training_stages import corpus, lessons, placed, sft_settings, train

from insightv_bench.stages import Progress
from insightv_bench.trainers import launch

SEEN = r"loss \d+\.\d{3}, (\d+\.\dk|\d+) tok/s"


def seen(run: Path, tiny: Path, is_terminal: bool, **settings: Any) -> str:
    """What a training of six steps shows on standard error."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=is_terminal, width=140)
    inputs = {"train-base": placed(tiny, run), "corpora-reasoning": corpus(run, "corpora-reasoning", lessons(8))}
    with Progress(console) as progress:
        train(run, "sft", sft_settings(trainer={"max_steps": 6}, **settings), inputs, progress=progress)
    return file.getvalue()


def test_in_a_terminal_the_bar_shows_loss_tokens_a_second_and_time_left(tiny: Path, tmp_path: Path) -> None:
    frames = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen(tmp_path, tiny, is_terminal=True))
    assert re.search(rf"train-reason +\S+ +\d/6 {SEEN} 0:00:\d\d left \d:\d\d:\d\d", frames), frames[-400:]


@pytest.mark.slow
def test_in_a_log_there_is_a_line_every_minute(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert seen(tmp_path / "quick", tiny, is_terminal=False) == ""
    monkeypatch.setattr(launch, "SECONDS_BETWEEN_LINES", 0.0)
    lines = seen(tmp_path / "long", tiny, is_terminal=False).splitlines()
    assert len(lines) >= 4
    told = [re.fullmatch(rf"train-reason: step (\d) of 6, {SEEN}, \d:\d\d:\d\d left", line) for line in lines]
    assert all(told), lines
    assert [match[1] for match in told if match] == sorted({match[1] for match in told if match})
    assert "0:00:00 left" in lines[-1]


def test_the_time_left_is_that_of_the_steps_of_this_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that went on from step 90 of 100 and took ten seconds for the next five has ten seconds left."""
    now, said = [1000.0], list[str]()
    monkeypatch.setattr(launch.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(launch, "SECONDS_BETWEEN_LINES", 5.0)

    class Log:
        shows_bars = False
        stage = type("Stage", (), {"name": "train-reason"})
        start = advance = lambda self, *_: 0

        def say(self, text: str) -> None:
            said.append(text)

    log: Any = Log()
    log.progress = log
    shown = launch.StepBar(log)
    shown(90, 100, "")
    now[0] += 10
    shown(95, 100, "loss 0.500, 1.0k tok/s")
    assert said == ["train-reason: step 95 of 100, loss 0.500, 1.0k tok/s, 0:00:10 left"]
