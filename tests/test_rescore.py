"""`rescore` on evaluations made by hand: replies read and votes cast as today, and nothing written over."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from board_rows import of, row, written
from typer.testing import CliRunner

from insightv_bench.answers import PARSER
from insightv_bench.cli.main import app
from insightv_bench.engines import Caller
from insightv_bench.errors import RecipeError, RunError
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.judge_replies import place_in
from insightv_bench.judging import AnswerFilter
from insightv_bench.records import EvalRecord
from insightv_bench.results import load, parse_name, rescored
from insightv_bench.results.compare import compare
from insightv_bench.settings import AssessSettings


class Judge:
    """Finds `seven`, or `forty`, which no reply holds. Says right of `seven`, nothing that can be read of `mute`."""

    name, revision, concurrency = "judge", "1", 4

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def reply(self, request: Request) -> Reply:
        asked = request.chat.messages[0].content
        self.asked.append(asked)
        if "Copy the final answer" in asked:
            return Reply(text=json.dumps({"answer": "seven" if "seven" in asked else "forty"}))
        verdict = "right" if '"seven' in asked else "wrong"
        return Reply(text="Well." if "mute" in asked else json.dumps({"verdict": verdict}))


def free(place: int, response: str) -> EvalRecord:
    known = {"gold": "a seven", "answer_type": "text", "response": response, "answer": None, "span": None}
    return row(place, "direct", False, method="unread", sure=False, parser="answers@0", **known)


def test_replies_are_read_again_without_a_model() -> None:
    old = row(
        0, "oracle", True, response='{"verdict": "wrong", "answer": "8"}', parser="answers@0", path_status="complete"
    )
    (change,) = rescored([old])
    assert change.is_other and (change.after.answer, change.after.correct, change.after.parser) == ("8", False, PARSER)
    assert change.after.verdict == "wrong" and change.after.response[slice(*change.after.span or ())] == "8"
    unchanged = row(1, "reason", True)
    assert rescored([unchanged])[0].after == unchanged.model_copy(update={"reading": "sure"})


def test_rows_stay_strict_or_become_so(tmp_path: Path) -> None:
    likely = row(0, "reason", True, response="Adding the three of them up gives 7.")
    (kept,) = rescored([likely])
    assert (kept.after.reading, kept.after.correct, kept.after.parser) == ("likely", True, PARSER)
    (strict,) = rescored([likely], strict=True)
    assert (strict.after.answer, strict.after.correct, strict.after.parser) == ("7", False, f"{PARSER}, strict")
    assert not rescored([strict.after])[0].after.correct and rescored([strict.after], strict=False)[0].after.correct
    place = written(tmp_path / "a", [likely])
    reply = CliRunner().invoke(app, ["rescore", str(place), "--out", str(tmp_path / "b"), "--answers", "strict"])
    assert reply.exit_code == 0, reply.output
    with pytest.raises(RunError, match="parser"):
        compare(load(parse_name(str(place))), load(parse_name(str(tmp_path / "b"))))
    wrong = CliRunner().invoke(app, ["rescore", str(place), "--out", str(tmp_path / "c"), "--answers", "sure"])
    assert isinstance(wrong.exception, RecipeError)


def test_a_reply_that_began_inside_a_thought_is_read_as_such_again() -> None:
    (change,) = rescored([row(0, "reason", True, response="The answer is 7. But", opened=True, finish="length")])
    assert (change.after.answer, change.after.reading) == (None, "cut off")


def test_a_judge_settles_what_the_rule_cannot_and_its_failures_are_kept(tmp_path: Path) -> None:
    texts = [
        '{"answer": "a seven"}',
        '{"answer": "seven dots"}',
        "It is seven, as one sees in the third row of them all.",
        "",
    ]
    texts += ['{"answer": "mute"}', '{"answer": "eight"}', "It is eight, as one sees in the third row of them all."]
    with Caller(Judge(), Journal(tmp_path / "journal.sqlite")) as caller:
        judge = AnswerFilter(AssessSettings(judge="rule"), caller)
        made = [change.after for change in rescored([free(place, text) for place, text in enumerate(texts)], judge)]
    assert [row.correct for row in made] == [True, True, True, False, False, False, False]
    assert [row.answer_judge for row in made] == ["rule", "judge@1", "judge@1", "rule", *["judge@1"] * 3]
    assert [bool(row.judge_failure) for row in made] == [False, False, False, False, True, False, True]
    assert (made[2].answer, made[2].method) == ("seven", "judged")
    assert made[2].response[slice(*made[2].span or ())] == "seven" and made[6].answer is None


def test_a_paid_judge_is_asked_only_what_no_rule_can_tell(tmp_path: Path) -> None:
    judge = Judge()
    texts = ["The answer is 7.", "The answer is 9.", "Adding them up gives 9.", "I cannot tell.", "Answer: 12"]
    rows = [row(place, "reason", False, response=text) for place, text in enumerate(texts)]
    cut = row(5, "reason", False, response="The answer is", finish="length")
    dates = [free(place, "Answer: 4 March 2021").model_copy(update={"gold": "5 March 2021"}) for place in (6, 7)]
    with Caller(judge, Journal(tmp_path / "journal.sqlite")) as caller:
        changes = rescored([*rows, cut, *dates], AnswerFilter(AssessSettings(judge="rule"), caller))
    made = [change.after for change in changes]
    assert [each.answer_judge == "judge@1" for each in made] == [place in (2, 3) for place in range(8)]
    assert len(judge.asked) == 2 and all("Copy the final answer" in asked for asked in judge.asked)
    assert (made[2].answer, made[2].sure, made[3].answer) == ("9", False, None)


@pytest.mark.parametrize(
    ("reply", "copied", "there"),
    [
        ("It is 1.2 or 3", "1.2", True),
        ("It is 1.2 or 3", "2", False),
        ("It is -5", "5", False),
        ("It is 15", "5", False),
        ("A bar is taller", "A", False),
        ("I would say A", "A", True),
        ("New  Zealand it is", "New Zealand", True),
        ("redder", "red", False),
        ("red", "", False),
    ],
)
def test_a_judge_finds_only_what_stands_in_the_reply(reply: str, copied: str, there: bool) -> None:
    assert (place_in(reply, copied) is not None) == there


def test_rescore_writes_rows_that_compare_takes_and_leaves_the_old_ones(tmp_path: Path) -> None:
    a = written(tmp_path / "a", of("reason", "1100", parser="answers@0"))
    before = (a / "data-00000.parquet").read_bytes()
    for _ in range(2):  # the same command again does the same
        reply = CliRunner().invoke(app, ["rescore", str(a), "--out", str(tmp_path / "again")])
        assert reply.exit_code == 0, reply.output
    assert (a / "data-00000.parquet").read_bytes() == before
    b = written(tmp_path / "b", of("reason", "1110"))
    with pytest.raises(RunError, match="parser"):
        compare(load(parse_name(str(a))), load(parse_name(str(b))))
    assert len(compare(load(parse_name(str(tmp_path / "again"))), load(parse_name(str(b)))).pairings) == 1


def thought(answer: str) -> str:
    return f'{{"summary": "look", "reasoning": "so", "action": "summary"}}\n{{"answer": "{answer}"}}'


def sampled(texts: Sequence[str], verdicts: Sequence[str] = ()) -> list[EvalRecord]:
    """The stored paths of question 0, and what the summary agent says of each."""
    rows = [row(0, "reason", False, sample=k, path_id=f"p{k}", response=text) for k, text in enumerate(texts)]
    for k, verdict in enumerate(verdicts):
        said = json.dumps({"verdict": verdict, "answer": "9"})
        known = {"path_id": f"p{k}", "path_status": "complete", "response": said}
        rows.append(row(0, "reason+summary", False, sample=k, **known))
    return rows


def vote(arm: str, texts: Sequence[str], **changes: Any) -> EvalRecord:
    return row(0, arm, False, response='{"answer": "9"}', num_paths=len(texts), **changes)


def test_votes_are_cast_again_from_the_paths_as_they_are_read_today() -> None:
    texts = [thought("9"), thought("7"), "Nothing to say.", thought("7.0")]
    old = vote("majority", texts, parser="answers@0")
    cast = rescored([old, *sampled(texts)])[0].after
    assert (cast.answer, cast.correct, cast.parser) == ("7", True, PARSER)
    (silent, *_) = rescored([vote("majority", ["?"] * 3), *sampled(["?"] * 3)])
    assert (silent.after.response, silent.after.answer, silent.after.method) == ("", None, "unread")


def test_the_best_of_k_is_chosen_again_by_the_verdicts_as_they_are_read_today() -> None:
    texts = [thought("9"), thought("7"), "Nothing to say."]
    old = vote("best-of-k", texts, path_id="p0", path_score=50, path_judge="summary: m@1")
    cast = rescored([old, *sampled(texts, ["wrong", "right", "right"])])[0].after
    assert (cast.path_id, cast.path_score, cast.answer, cast.correct) == ("p1", 100, "7", True)
    unread = rescored([old, *sampled(texts, ["wrong"])])[0].after  # some verdicts are not there: its choice stands
    assert (unread.path_id, unread.answer) == ("p0", "9")
    judged = vote("best-of-k", texts, path_id="p1", path_score=80, path_judge="engine: judge@1")
    stood = rescored([judged, *sampled(texts, ["right", "wrong", "wrong"])])[0].after
    assert (stood.path_id, stood.path_score, stood.answer) == ("p1", 80, "7")


def test_a_vote_whose_paths_are_not_there_stays_and_is_counted(tmp_path: Path) -> None:
    texts = [thought("7")] * 3
    rows = [vote("majority", texts), *sampled(texts)[:2]]
    assert rescored(rows)[0].after.answer == "9"
    reply = CliRunner().invoke(app, ["rescore", str(written(tmp_path / "a", rows)), "--out", str(tmp_path / "b")])
    assert reply.exit_code == 0 and "1 votes stay as they were cast" in " ".join(reply.output.split())


def test_rescore_writes_over_nothing_that_it_did_not_write(tmp_path: Path) -> None:
    a = written(tmp_path / "a", of("reason", "1100"))
    other = written(tmp_path / "other" / "b", of("reason", "1100"))
    for out, words in [
        (other.parent, "which no `rescore` wrote"),
        (a / "again", "lies inside"),
        (tmp_path, "or holds it"),
    ]:
        reply = CliRunner().invoke(app, ["rescore", str(a), "--out", str(out)])
        assert isinstance(reply.exception, RunError) and words in reply.exception.fact
