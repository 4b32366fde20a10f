"""A model that is asked the same twice, servers that change, and paths that should differ and do not."""

from __future__ import annotations

import io
from collections import Counter
from contextlib import closing
from pathlib import Path as File
from typing import Any

import pytest
from arms_asked import SETTINGS, teacher
from board_rows import of, written
from rich.console import Console

from insightv_bench.agents import written_path
from insightv_bench.builders.corpora.reasoning import asked_with
from insightv_bench.chat import Asking
from insightv_bench.engines import Caller
from insightv_bench.evals.repeats import Repeated, ask_twice
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.protocol import parse_path
from insightv_bench.records import Arm, Path, Question
from insightv_bench.results import compare, load, parse_name
from insightv_bench.settings import Sampling


class Fickle:
    """The teacher, but for every other request, which it answers otherwise when it is asked again."""

    name, revision, concurrency = "fickle", "1", 4

    def __init__(self, questions: list[Question], flips: bool) -> None:
        self._teacher, self._flips = teacher(questions), flips
        self.asked: Counter[str] = Counter()

    async def reply(self, request: Request) -> Reply:
        said = await self._teacher.reply(request._replace(sample=0))
        self.asked[request.chat.messages[0].content + request.chat.images[0].sha256] += 1
        return Reply(text='{"answer": "none of it"}') if self._flips and request.sample else said


@pytest.mark.parametrize(("flips", "share"), [(False, 1.0), (True, 0.0)])
def test_requests_that_are_asked_twice_tell_how_often_the_same_is_said(
    flips: bool, share: float, drawn: list[Question], arm_docs: dict[Arm, list[dict[str, Any]]], tmp_path: File
) -> None:
    ids = {question.id for question in drawn}
    tasks: dict[Arm, Any] = {"direct": [row for row in arm_docs["direct"] if row["question_id"] in ids]}
    images = {image.sha256: image for question in drawn for image in question.images}
    engine, seat = Fickle(drawn, flips), tasks["direct"][0]["seat"]
    with closing(Journal(tmp_path / "journal.sqlite")) as journal, Caller(engine, journal) as caller:
        found = ask_twice(8, tasks, {seat: caller}, {"direct": SETTINGS.answer_sampling}, images, False)
        assert found is not None and (found.n, found.same_answer, found.same_text) == (8, share, share)
        assert 0 <= found.low <= share <= found.high <= 1 and set(engine.asked.values()) == {2}
        assert ask_twice(8, tasks, {seat: caller}, {"direct": SETTINGS.answer_sampling}, images, False) == found
        assert set(engine.asked.values()) == {2}, "what was asked is not paid for again"
        sampled = {"direct": Sampling(temperature=0.7)}
        assert ask_twice(8, tasks, {seat: caller}, sampled, images, False) is None  # type: ignore[arg-type]


def test_the_share_is_told_with_its_interval() -> None:
    words = str(Repeated(40, 0.95, 0.835, 0.986, 0.9, 0.77, 0.96))
    assert words == (
        "asked twice at temperature 0: 95.0 % [83.5, 98.6] the same answer, 90.0 % [77.0, 96.0] the same words, n = 40"
    )


def side(folder: File, label: str, served: dict[str, int]) -> Any:
    totals = {"models": {"summary": label}, "served": {"summary": served}}
    rows = [one.model_copy(update={"path_dialect": "prose"}) for one in of("direct", "1100" * 5)]
    written(folder, rows, {"options": {"system": "sft"}, "totals": totals})
    return load(parse_name(str(folder)))


def test_a_model_that_changed_between_two_runs_is_told(tmp_path: File) -> None:
    first = side(tmp_path / "a", "m@server-0123456789", {"m fp_1": 20})
    same = side(tmp_path / "b", "m@server-9876543210", {"m fp_1": 20})
    other = side(tmp_path / "c", "m@server-0123456789", {"m fp_1": 3, "m fp_2": 17})
    assert not [note for note in compare(first, same).notes if "not the same" in note], "an address is no version"
    (note,) = [note for note in compare(first, other).notes if "not the same" in note]
    assert note.startswith("warning: model `m`") and "served as m fp_1 against" in note and "fp_2" in note
    local = [side(tmp_path / name, f"agent@{name}", {}) for name in ("d", "e")]
    assert any("revision d against revision e" in note for note in compare(*local).notes)


def test_compare_says_which_form_the_paths_had(tmp_path: File) -> None:
    from insightv_bench.cli.compare_table import as_json, print_comparison

    sides = [side(tmp_path / name, "m@1", {}) for name in ("a", "b")]
    console = Console(width=200, record=True, file=io.StringIO())
    print_comparison(*sides, console)
    printed = console.export_text()
    assert "form of the paths" in printed and "prose 20" in printed
    assert '"prose": 20' in as_json(*sides)


def own_path(prompt: str, text: str, dialect: str) -> Path:
    read = parse_path(text)
    return Path(
        id="p",
        question_id="q",
        sample=0,
        generator="m@1",
        prompt=prompt,
        steps=read.steps,
        answer=read.answer,
        status="complete",
        dialect=dialect,
        text=text,
    )


def test_rows_in_a_models_own_words_have_the_prompt_that_these_answer() -> None:
    think = Asking("think").prompt("reason")
    path = own_path(think.label, "<think>First. Second.</think> The answer is 4.", "think")
    assert asked_with(path, "own").label == think.label and written_path(path, "own") == path.text
    assert asked_with(path, "json").name == "reason", "written as our steps it answers our prompt"
    logged = own_path("", "First. Second. The answer is 4.", "prose")
    assert asked_with(logged, "own").name == "native/reason"
