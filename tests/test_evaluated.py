"""A tiny evaluation through lm-eval: its records agree with lm-eval's own figures, and hold all that scoring needs."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from contextlib import ExitStack, closing
from pathlib import Path as File
from typing import Any

import numpy as np
import pytest
from arms_asked import ARMS, SETTINGS, UNREADABLE, WRONG, teacher
from task_rows import without_cut

from insightv_bench.answers import PARSER, matches, read
from insightv_bench.chat import load_prompt
from insightv_bench.engines import Caller
from insightv_bench.engines.teacher import Teacher
from insightv_bench.errors import StageError
from insightv_bench.evals.arms import Given
from insightv_bench.evals.evaluate import ask_arms, evaluate
from insightv_bench.evals.harness import task_name
from insightv_bench.evals.harness.run import LM_EVAL
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.protocol import parse_summary
from insightv_bench.records import Arm, EvalRecord, Question
from insightv_bench.stages import Context, EvalOptions, Progress, Stage
from insightv_bench.statistics import accuracy
from insightv_bench.storage import read_rows, write_shards


class Pupil:
    """The teacher, but for every third of its replies, which nobody can read, and the one after, which is wrong."""

    name, revision, concurrency = "pupil", "1", 8

    def __init__(self, teacher: Teacher) -> None:
        self.requests: list[Request] = []
        self._teacher = teacher

    async def reply(self, request: Request) -> Reply:
        self.requests.append(request)
        turn = random.Random(f"{request.chat.messages[0].content}/{request.chat.images[0].sha256}").randrange(5)
        if turn < 2:
            return Reply(text=(UNREADABLE, WRONG)[turn], num_tokens=3, num_prompt_tokens=20)
        return await self._teacher.reply(request)


class Evaluated:
    def __init__(self, context: Context, records: list[EvalRecord], pupil: Pupil, num_calls: int) -> None:
        self.context, self.records, self.pupil, self.num_calls = context, records, pupil, num_calls

    def of(self, arm: str) -> list[EvalRecord]:
        return [record for record in self.records if record.arm == arm]

    def results(self) -> dict[str, Any]:
        (file,) = (self.context.folder / LM_EVAL).rglob("results_*.json")
        return dict(json.loads(file.read_text()))


def options(**changes: Any) -> EvalOptions:
    system = {"system": "sft", "base": "tiny", "round": 0, "task": "drawn_tiny", "task_version": "1", "arms": ARMS}
    system |= {"role": "agent", "twin_of": "shown"}
    return EvalOptions(**{**system, **changes})


@pytest.fixture(scope="module")
def evaluated(
    drawn: list[Question], arm_docs: dict[Arm, list[dict[str, Any]]], tmp_path_factory: pytest.TempPathFactory
) -> Evaluated:
    """Every arm over the drawn questions, all seats held by one model that errs."""
    folder = tmp_path_factory.mktemp("evaluated")
    ids = {question.id for question in drawn}
    tasks = {arm: [row for row in rows if row["question_id"] in ids] for arm, rows in arm_docs.items()}
    pupil = Pupil(teacher(drawn))
    stage = Stage("eval-sft", "evaluate", SETTINGS, {}, options())
    with closing(Journal(folder / "journal.sqlite")) as journal, ExitStack() as stack:
        context = Context(stage, folder, {}, journal, Progress(), 0, None)
        callers = {seat: stack.enter_context(Caller(pupil, journal)) for seat in ("base", "reason", "summary")}
        context.write(EvalRecord, ask_arms(context, callers, tasks, drawn))
        num_calls = sum(caller.num_calls for caller in callers.values())
    return Evaluated(context, list(read_rows(folder, EvalRecord)), pupil, num_calls)


@pytest.mark.slow
def test_every_document_has_one_record(evaluated: Evaluated, drawn: list[Question]) -> None:
    counts = {arm: len(evaluated.of(arm)) for arm in ARMS}
    assert counts == {**dict.fromkeys(ARMS, len(drawn)), "flawed": 2 * len(drawn)}
    assert [record.question_id for record in evaluated.of("direct")] == [question.id for question in drawn]


def test_records_agree_with_lm_evals_own_accuracy(evaluated: Evaluated) -> None:
    results = evaluated.results()["results"]
    for arm in ARMS:
        rows, found = evaluated.of(arm), results[task_name("drawn_tiny", arm)]
        ours = accuracy([record.correct for record in rows])
        assert found["acc,none"] == pytest.approx(ours.value)
        without = found["unread,none"] + found["cut_off,none"]
        assert without == pytest.approx(sum(record.answer is None for record in rows) / len(rows))
        parts: dict[str, float] = {}
        for record in rows:
            parts[record.question_id] = parts.get(record.question_id, 0) + record.correct - ours.value
        variance = np.var(list(parts.values()), ddof=1) * len(parts) / len(rows) ** 2  # a question is one cluster
        assert found["acc_stderr,none"] == pytest.approx(variance**0.5)
        assert 0 < ours.value < 1 and without > 0


def test_result_files_hold_the_number_of_samples_and_how_each_arm_was_run(evaluated: Evaluated) -> None:
    results = evaluated.results()
    for arm in ARMS:
        name, num = task_name("drawn_tiny", arm), len(evaluated.of(arm))
        assert results["n-samples"][name] == {"original": num, "effective": num}
        assert results["versions"][name] == "1"
        better = {"acc": True, "sure_acc": True, "likely": False, "unread": False, "cut_off": False}
        assert without_cut(results["higher_is_better"][name]) == better
        metadata = results["configs"][name]["metadata"]
        assert metadata["parser"] == PARSER and metadata["prompt"] == evaluated.of(arm)[0].prompt
        (file,) = (evaluated.context.folder / LM_EVAL).rglob(f"samples_{name}_2*.jsonl")
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        assert len(lines) == num
        assert [line["acc"] for line in lines] == [float(record.correct) for record in evaluated.of(arm)]


def test_result_files_name_no_place_on_this_machine(evaluated: Evaluated) -> None:
    home = str(File.cwd())
    for file in (evaluated.context.folder / LM_EVAL).rglob("*.json*"):
        assert home not in file.read_text()


def test_a_record_holds_all_that_scoring_it_again_needs(evaluated: Evaluated) -> None:
    for record in evaluated.records:
        again = read(record.response, record.answer_type, record.options)
        assert (record.answer, record.span, record.method, record.sure) == (
            again.answer,
            again.span,
            again.method,
            again.sure,
        )
        if record.answer is None:
            assert record.response in (UNREADABLE, WRONG) and not record.correct
        else:
            assert record.correct is matches(record.answer, record.gold, record.answer_type, record.options)
            assert record.span and record.response[slice(*record.span)] == record.answer
        judged = record.arm in ("reason+summary", "oracle", "flawed")
        assert record.verdict == (parse_summary(record.response).verdict if judged else "none")


def test_a_record_says_what_the_stage_was_told_of_its_system(evaluated: Evaluated) -> None:
    assert {(record.system, record.role, record.twin_of) for record in evaluated.records} == {("sft", "agent", "shown")}


def test_replies_stand_at_their_own_question(evaluated: Evaluated, drawn: list[Question]) -> None:
    """The right replies are the teacher's, and the teacher knows no other question's answer."""
    by_id = {question.id: question for question in drawn}
    for record in evaluated.of("direct") + evaluated.of("oracle"):
        assert record.correct == (record.response not in (UNREADABLE, WRONG))
        assert record.gold == by_id[record.question_id].answer


def test_tokens_count_both_seats_where_both_worked(evaluated: Evaluated, stored: Given) -> None:
    for record in evaluated.records:
        path = stored.paths[record.question_id][0].num_tokens if record.arm == "reason+summary" else 0
        assert record.total_tokens == record.num_tokens + path > 0
        assert record.token_cap == 120


def test_no_prompt_is_paid_for_twice(evaluated: Evaluated) -> None:
    """One model holds every seat, so arms `base` and `direct` ask it the same, and its replies are the same."""
    assert evaluated.num_calls == len(evaluated.pupil.requests)
    asked = {(request.chat.messages[0].content, request.chat.images[0].sha256) for request in evaluated.pupil.requests}
    assert len(asked) == evaluated.num_calls < len(evaluated.records)
    base, direct = evaluated.of("base"), evaluated.of("direct")
    assert [record.response for record in base] == [record.response for record in direct]


def test_the_reason_arm_is_sampled_as_its_paths_were(evaluated: Evaluated) -> None:
    samplings = defaultdict(set)
    for request in evaluated.pupil.requests:
        is_path = load_prompt("reason").match(request.chat.messages[0].content) is not None
        samplings[is_path].add(request.sampling)
    assert samplings == {True: {SETTINGS.path_sampling}, False: {SETTINGS.answer_sampling}}


def test_an_evaluation_with_nothing_to_ask_says_so(sceneless: list[Question], tmp_path: File) -> None:
    (tmp_path / "questions").mkdir()
    write_shards(tmp_path / "questions", sceneless, Question)
    stage = Stage("eval-x", "evaluate", SETTINGS, {"questions": "questions"}, options(arms=("oracle", "flawed")))
    with closing(Journal(tmp_path / "journal.sqlite")) as journal:
        context = Context(stage, tmp_path, {"questions": tmp_path / "questions"}, journal, Progress(), 0, None)
        with pytest.raises(StageError, match="has nothing to ask"):
            evaluate(context)
        assert context.totals["arms_left_out"] == ["oracle", "flawed"]
