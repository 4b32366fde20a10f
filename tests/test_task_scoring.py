"""Scores that are a benchmark's own: figures over several questions, rotations, and the judge of MathVista."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

import pytest
from task_rows import without_cut

from insightv_bench.errors import EngineError
from insightv_bench.evals.harness.hub_task import rotated
from insightv_bench.evals.harness.metrics import UNSCORED, circular_accuracy, mme_score, score_extracted, score_flawed
from insightv_bench.journal import Reply, Request
from insightv_bench.sources import Draft


def test_figures_over_several_questions() -> None:
    assert circular_accuracy([("1", 1.0), ("1", 1.0), ("2", 1.0), ("2", 0.0)]) == 0.5
    both, one, cut = ("count", "1", 1.0), ("count", "2", 1.0), ("count", "3", 1.0)
    assert mme_score([both, both, one, ("count", "2", 0.0), cut]) == 100 * (2 + 0.5) / 2
    assert mme_score([cut]) == 0.0


def test_following_a_flaw_is_counted_where_it_reaches_the_answer() -> None:
    doc = {"options": [], "answer_type": "number", "gold": "8", "planted_answer": "9"}
    none = {"acc": 0.0, "sure_acc": 0.0, "likely": 0.0, "unread": 0.0, "cut_off": 0.0}
    assert without_cut(score_flawed(doc, ["Answer: 9"])) == {**none, "followed": 1.0}
    assert without_cut(score_flawed(doc, ["Answer: 8"])) == {**none, "acc": 1.0, "sure_acc": 1.0, "followed": 0.0}
    assert "followed" not in score_flawed({**doc, "planted_answer": "8"}, ["Answer: 8"])


def test_rotations_move_the_answers_letter_with_its_option() -> None:
    draft = Draft("Which?", "C", (b"",), ("red", "blue", "green"), group="1")
    made = [each for _, each in rotated([(0, draft)])]
    assert [each.options["ABC".index(each.answer)] for each in made] == ["green"] * 3
    assert len({each.options for each in made}) == 3
    held = [(0, draft), (1, draft._replace(options=("blue", "green", "red"), answer="B"))]
    assert list(rotated(held)) == held  # the data set's own rotations


@dataclass
class Judge:
    """Answers by a word in its prompt; None: it cannot be asked."""

    answers: dict[str, str | None]
    name: str = "judge"
    revision: str = "1"
    concurrency: int = 4

    async def reply(self, request: Request) -> Reply:
        prompt = request.chat.messages[0].content
        for word, answer in self.answers.items():
            if word in prompt:
                if answer is None:
                    raise EngineError("gone")
                return Reply(text=answer)
        raise AssertionError(prompt)


def extracted(
    monkeypatch: pytest.MonkeyPatch, folder: File, answers: dict[str, str | None], replies: Sequence[str]
) -> list[dict[str, Any]]:
    from insightv_bench.evals.harness import extraction

    monkeypatch.chdir(folder)
    monkeypatch.setenv(extraction.JUDGE, "openai:http://127.0.0.1:1/v1#org/model")
    monkeypatch.setattr(extraction, "open_engine", lambda settings: Judge(answers))
    doc = {"question": "How long?", "options": [], "answer_type": "number", "gold": "1.2"}
    texts = extraction.extract([[reply] for reply in replies], [doc] * len(replies))
    return [without_cut(score_extracted(doc, [text])) for text in texts]


def test_a_judge_finds_an_answer_and_never_makes_one(monkeypatch: pytest.MonkeyPatch, tmp_path: File) -> None:
    answers: dict[str, str | None] = {
        "first": '{"answer": "1.2"}',
        "second": '{"answer": "1.2"}',
        "third": '{"answer": null}',
        "fourth": "It is 1.2, I think.",
    }
    replies = (
        "first 3.4 and then 1.2 of it",
        "second, about 5 or 6",
        "third: 7 or 8",
        "fourth 1.2 or 9",
        "Answer: 1.2",
    )
    right, made, none, unscored, clear = extracted(monkeypatch, tmp_path, answers, replies)
    nothing = {"acc": 0.0, "sure_acc": 0.0, "likely": 0.0, "unread": 0.0, "cut_off": 0.0, "unscored": 0.0}
    assert right == clear == {**nothing, "acc": 1.0, "sure_acc": 1.0}
    assert made == none == {**nothing, "unread": 1.0}
    assert unscored == {"unscored": 1.0}


def test_a_judge_that_cannot_be_asked_leaves_replies_unscored(monkeypatch: pytest.MonkeyPatch, tmp_path: File) -> None:
    assert extracted(monkeypatch, tmp_path, {"gone": None}, ["gone: 1 or 2"]) == [{"unscored": 1.0}]
    assert score_extracted({}, [UNSCORED]) == {"unscored": 1.0}
