"""How far long work is, where there is no terminal: lines, and no bars of control characters."""

from __future__ import annotations

import io

from rich.console import Console

from insightv_bench.stages import Progress


def told(seconds_a_line: float, has_lines: bool = True) -> str:
    log = io.StringIO()
    with Progress(Console(file=log, width=100), seconds_a_line) as progress:
        task = progress.start("writing paths", 1200, has_lines)
        for _ in range(3):
            progress.advance(task, 400, "1,000 tokens")
        progress.stop(task)
    return log.getvalue()


def test_long_work_in_a_log_says_a_line_a_while() -> None:
    lines = told(0.0).splitlines()
    assert lines == [f"  writing paths: {done} of 1,200, 1,000 tokens" for done in ("400", "800", "1,200")]
    assert told(60.0) == "", "what is over within the minute says nothing"


def test_work_that_says_its_own_lines_says_no_others() -> None:
    assert told(0.0, has_lines=False) == ""
