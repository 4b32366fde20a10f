"""Rows of every record that stands by itself in a file, those included that are hard to keep. Tests alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from insightv_bench.records import (
    Assessment,
    CalibrationRow,
    EvalRecord,
    FlawedRow,
    Image,
    Message,
    MultiTurnRow,
    Path,
    PreferenceRow,
    PromptRow,
    Question,
    ReasoningRow,
    Record,
    Step,
    SummaryRow,
)
from insightv_bench.stages import Exclusion
from insightv_bench.world import Level, sample_questions

QUESTIONS = list(sample_questions(Level(), "train", seed=11, num=6))


SHARED: dict[str, Any] = {
    "id": "0123456789abcdef",
    "images": (Image(bytes=QUESTIONS[0].images[0].bytes), Image(bytes=b"\x00\xff", path="two.png")),
    "image_sha256": ("a", "b"),
    "question": 'What is "x"?\n☃ \U0001f600 \x00 end',
    "options": ("1", "2"),
    "answer": "B",
    "answer_type": "option",
    "source": "org/name",
    "source_revision": "1",
    "source_license": "MIT",
}
BARE = {**SHARED, "images": (), "image_sha256": (), "options": (), "question": "", "answer": ""}
TURNS = (Message(role="system", content=""), Message(role="user", content="a\nb"))
STEPS = (Step(summary="look", reasoning="so", action="continue"), Step(summary="end", reasoning="", action="summary"))
PATH: dict[str, Any] = {"id": "p", "question_id": "q", "sample": 3, "generator": "m@1", "prompt": "step@1"}
EVAL: dict[str, Any] = {
    "system": "sft",
    "base": "b",
    "round": 2,
    "arm": "reason+summary",
    "task": "t",
    "task_version": "1",
    "question_id": "q",
    "kind": "sum",
    "question": "?",
    "options": ("a",),
    "gold": "1",
    "answer_type": "number",
    "sample": 0,
    "path_id": "p",
    "path": "text",
    "path_correct": True,
    "path_status": "none",
    "flaw": "none",
    "severity": 0.25,
    "position": "early",
    "propagated": True,
    "planted_answer": "2",
    "response": "r",
    "answer": "1",
    "span": (3, 4),
    "method": "protocol",
    "sure": True,
    "correct": True,
    "verdict": "right",
    "num_prompt_tokens": 9,
    "num_tokens": 2,
    "total_tokens": 5,
    "token_cap": 10,
    "finish": "stop",
    "prompt": "summary@1",
    "parser": "1",
}
ROWS: list[Sequence[Record]] = [
    [*QUESTIONS[:2], Question(**SHARED, kind="k", scene="{}"), Question(**BARE)],
    [
        Path(**PATH, steps=STEPS, answer="3", status="complete", dialect="json", text="t", num_calls=3, num_tokens=9),
        Path(**PATH, steps=(), answer=None, status="malformed", dialect="prose", repaired=True, text="?"),
    ],
    [
        Assessment(
            path_id="p",
            question_id="q",
            correct=True,
            score=80,
            status="scored",
            judge="oracle",
            position=1,
            step_labels=(True, False),
            correction="c",
            reason="r",
        ),
        Assessment(path_id="p", question_id="q", correct=None, status="unscored", judge="rule"),
    ],
    [ReasoningRow(**SHARED, prompt=TURNS, completion=TURNS[1:], score=100)],
    [
        SummaryRow(**SHARED, prompt=TURNS, completion=TURNS, kind="agent", score_range="wrong", path_correct=False),
        SummaryRow(**BARE, prompt=(), completion=(), kind="plain", score_range="none", path_correct=None),
    ],
    [
        MultiTurnRow(**SHARED, prompt=TURNS, completion=TURNS, kind="agent", score_range="wrong", path_correct=False),
        MultiTurnRow(**BARE, prompt=(), completion=(), kind="plain", score_range="none", path_correct=None),
    ],
    [PromptRow(**SHARED, prompt=TURNS, tolerance=0.05, scene="{}")],
    [
        PreferenceRow(
            **SHARED, prompt=TURNS, chosen=TURNS, rejected=TURNS, chosen_score=None, rejected_score=7, round=1
        ),
    ],
    [
        FlawedRow(
            **{**SHARED, "kind": "sum", "path": "p", "flawed_path": "f", "flaw": "wrong-final", "severity": 0.5},
            position="late",
            propagated=False,
            error_steps=(0, 4),
            planted_answer="9",
        ),
    ],
    [
        EvalRecord(**EVAL),
        EvalRecord(**{**EVAL, "path_correct": None, "span": None, "answer": None, "path_status": "max_steps"}),
    ],
    [
        CalibrationRow(
            question_id="q",
            kind="sum",
            path="p",
            origin="flawed",
            flaw="perception",
            severity=0.5,
            sound=False,
            answer_right=False,
            true_score=40,
            true_first_wrong=1,
            score=70,
            verdict=False,
        ),
        CalibrationRow(
            question_id="q",
            kind="",
            path="",
            origin="trace",
            flaw="none",
            severity=0,
            sound=True,
            answer_right=True,
            true_first_wrong=None,
        ),
    ],
    [Exclusion(id="x", reason="duplicate", row="{}")],
]
