"""Boards of evaluation rows made by hand, what the terminal prints of them, and names that attack what shows them."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from board_rows import row, written
from rich.console import Console

from insightv_bench.leaderboard.board import Board, MeasureRow, load_rows, split_sets
from insightv_bench.leaderboard.build import compute
from insightv_bench.leaderboard.page import server
from insightv_bench.leaderboard.tables import print_board
from insightv_bench.records import EvalRecord

FAMILIES = ("agents", "rounds")
ARMS = ("reason", "reason+summary")
HOSTILE = "</script><script>alert(1)</script>\u202e\x1b[31m[bold]$x_1$ & \"quoted\" 'single' https://example.org"


def record(place: int, arm: str, correct: bool, **changes: Any) -> EvalRecord:
    """A row of system `sft`: gold 7, and 9 where it is wrong."""
    return row(place, arm, correct, **{"parser": "1", **changes})


def flawed(place: int, correct: bool, **changes: Any) -> EvalRecord:
    """A reply to a path with a perception flaw that ends in 9."""
    planted = {"flaw": "perception", "severity": 0.5, "planted_answer": "9", "path_correct": False, "position": "early"}
    return record(place, "flawed", correct, **{**planted, **changes})


def arm_of(arm: str, right: str, **changes: Any) -> list[EvalRecord]:
    """One row a question: `right` is a string of 1 and 0."""
    return [record(place, arm, mark == "1", **changes) for place, mark in enumerate(right)]


def board_of(folder: Path, *evaluations: Sequence[EvalRecord]) -> Board:
    """The board alone, without drawing it."""
    folders = [written(folder / f"eval-{place}", records) for place, records in enumerate(evaluations)]
    frame, notes = load_rows(folders)
    found, apart = split_sets(frame)
    return compute(found, [*notes, *apart], "A board")


def measures(board: Board) -> dict[str, MeasureRow]:
    return {row.measure: row for row in board.measures}


def walk(num_questions: int = 24) -> list[EvalRecord]:
    """A base model, supervised fine-tuning and two rounds, in the arms that matter."""
    made = arm_of("base", "10" * (num_questions // 2), system="base")
    for number, system in enumerate(["sft", "dpo-1", "dpo-2"]):
        own = {"system": system, "round": number}
        marks = "".join("1" if place % (number + 2) else "0" for place in range(num_questions))
        path = "\n".join(
            [
                json.dumps({"summary": "Add", "reasoning": "3 + 4 = 7", "action": "summary"}),
                json.dumps({"answer": "7"}),
            ]
        )
        made += arm_of("reason", marks, path=path, path_id=system, path_correct=True, path_status="complete", **own)
        made += arm_of("reason+summary", "1" * num_questions, path=path, path_id=system, path_correct=True, **own)
        made += arm_of("direct", marks[::-1], **own) + arm_of("oracle", "1" * num_questions, path_correct=True, **own)
        levels = (0.25, 0.5, 1.0)
        made += [
            flawed(q, q % 3 > place, severity=s, **own) for q in range(num_questions) for place, s in enumerate(levels)
        ]
    return made


def choice(place: int, right: bool, num_options: int = 4, arm: str = "reason", **changes: Any) -> EvalRecord:
    """A reply to a question with options; none where `num_options` is 0."""
    columns: dict[str, Any] = {"options": tuple("abcdefgh"[:num_options])}
    if num_options:
        columns |= {"answer_type": "option", "gold": "A", "answer": "A" if right else "B"}
    return record(place, arm, right, **{**columns, **changes})


def printed(board: Board) -> str:
    output = io.StringIO()
    print_board(board, Console(file=output, width=80))
    assert max(map(len, output.getvalue().splitlines())) <= 80
    return output.getvalue()


@contextmanager
def serving_page(folder: Path) -> Iterator[int]:
    """A server of a page's folder, on the port that it gives."""
    running = server(folder, 0)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield running.server_port
    running.shutdown()
    running.server_close()
    thread.join()


def controls(num_questions: int = 24) -> list[EvalRecord]:
    """The walk with its controls, two systems of them greedy too, and two sampled paths a question."""
    made = walk(num_questions)
    right = "10" * (num_questions // 2)
    both = [("reason", right), ("reason+summary", right)]
    made += [row.model_copy(update={"sample": 1}) for row in made if row.arm in ARMS and row.system == "sft"]
    made += arm_of("majority", "1" * (num_questions - 1) + "0")
    for system, number in [("continued-sft", 0), ("rejection-1", 1), ("rejection-2", 2), ("continued-sft-dpo", 0)]:
        made += [row for arm, marks in both for row in arm_of(arm, marks, system=system, round=number)]
    for system, number in [("sft-greedy", 0), ("dpo-2-greedy", 2), ("rejection-2-greedy", 2)]:
        made += [row for arm, marks in both for row in arm_of(arm, marks, system=system, round=number)]
    levels = (0.25, 0.5, 1.0)
    return made + [flawed(q, False, severity=s, system="optimal-only") for q in range(num_questions) for s in levels]
