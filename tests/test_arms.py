"""The arms of an evaluation: what each shows, that nothing else differs, and how replies are scored and written."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack, closing
from importlib.resources import files
from pathlib import Path as File
from typing import Any, get_args

import pytest

from insightv_bench.agents import ReasoningAgent, path_text
from insightv_bench.answers import PARSER, matches, read
from insightv_bench.chat import load_prompt, question_text
from insightv_bench.engines import Caller
from insightv_bench.engines.teacher import Teacher
from insightv_bench.errors import EngineError, StageError
from insightv_bench.evals.arms import SEATS, Given, docs
from insightv_bench.evals.evaluate import _run, evaluate
from insightv_bench.evals.lm_eval_run import LM_EVAL
from insightv_bench.evals.metrics import score
from insightv_bench.evals.model import Seats, chat_of, sampling_of
from insightv_bench.evals.records import eval_record
from insightv_bench.evals.register import named, register, with_ours
from insightv_bench.evals.tasks import context_with_markers, generation_kwargs, image_hashes, task_name
from insightv_bench.flaws import make_flawed
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.progress import Progress
from insightv_bench.protocol import parse_path, parse_summary, render_path
from insightv_bench.records import Arm, EvalRecord, FlawedRow, Image, Question, QuestionColumns
from insightv_bench.settings import EvalSettings, PathsSettings, Sampling, TeacherEngine
from insightv_bench.stage import Context, Stage
from insightv_bench.statistics import accuracy
from insightv_bench.tables import read_rows, write_shards
from insightv_bench.world.level import Level
from insightv_bench.world.program import parse_question
from insightv_bench.world.questions import sample_questions
from insightv_bench.world.scene import scene_from_json
from insightv_bench.world.telling import exact_path

ARMS: tuple[Arm, ...] = ("base", "direct", "reason", "reason+summary", "oracle", "flawed")
SETTINGS = EvalSettings(
    path_sampling=Sampling(max_new_tokens=96, temperature=0.6, top_p=0.9, repetition_penalty=1.1),
    answer_sampling=Sampling(max_new_tokens=24),
)
UNREADABLE, WRONG = "I cannot tell.", '{"answer": "8128"}'


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


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    return list(sample_questions(Level(side=16), "test", 0, 24))


@pytest.fixture(scope="module")
def foreign() -> list[Question]:
    """Questions with options and no scene."""
    return [
        Question(
            id=f"f{place}",
            images=(Image(bytes=bytes([place])),),
            image_sha256=(Image(bytes=bytes([place])).sha256,),
            question=f"Which <image> is it, {{path}} or {place}?",
            options=("red", "blue", "{question}"),
            answer="B",
            answer_type="option",
            source="hand",
            source_revision="1",
            source_license="MIT",
        )
        for place in range(3)
    ]


def teacher(questions: Sequence[Question], settings: TeacherEngine | None = None) -> Teacher:
    return Teacher(settings or TeacherEngine(), {q.image_sha256[0]: q.scene for q in questions})


@pytest.fixture(scope="module")
def given(questions: list[Question], foreign: list[Question], tmp_path_factory: pytest.TempPathFactory) -> Given:
    """Stored paths, one of them malformed and one unfinished, and two flawed ones for each drawn question."""
    settings = PathsSettings(num_paths=1, mode="one-call", sampling=SETTINGS.path_sampling)
    engine = teacher(questions, TeacherEngine(careful=0.6, read_error=0.2))
    journal = Journal(tmp_path_factory.mktemp("paths") / "journal.sqlite")
    with closing(journal), Caller(engine, journal) as caller:
        agent = ReasoningAgent(caller, settings)
        paths = caller.run([agent.write(question, 0) for question in questions])
    broken = {"steps": (), "answer": None, "status": "malformed", "text": "The bars are {tall} </s> <image>"}
    paths[0] = paths[0].model_copy(update=broken)
    paths[1] = paths[1].model_copy(update={"answer": None, "status": "max_steps"})
    own = [paths[2].model_copy(update={"id": q.id, "question_id": q.id, "answer": "blue"}) for q in foreign]
    flawed = {q.id: [flawed_row(q, "perception"), flawed_row(q, "contradiction")] for q in questions}
    return Given({path.question_id: [path] for path in [*paths, *own]}, flawed)


def flawed_row(question: Question, flaw: Any) -> FlawedRow:
    scene = scene_from_json(question.scene)
    program = parse_question(question.question, scene)
    assert program is not None
    made = make_flawed(program, scene, flaw, 0.5, "early", random.Random(0))
    assert made is not None
    shared = {name: getattr(question, name) for name in QuestionColumns.model_fields}
    return FlawedRow(**shared, kind=question.kind, **made._asdict())


@pytest.fixture(scope="module")
def made(questions: list[Question], foreign: list[Question], given: Given) -> dict[Arm, list[dict[str, Any]]]:
    return {arm: docs(arm, [*questions, *foreign], given, SETTINGS) for arm in ARMS}


# What each arm asks


def test_every_arm_has_a_seat_and_is_known(made: dict[Arm, list[dict[str, Any]]]) -> None:
    assert set(ARMS) < set(SEATS) == set(get_args(Arm))
    for arm, rows in made.items():
        assert rows and {(row["arm"], row["seat"]) for row in rows} == {(arm, SEATS[arm])}


def test_question_text_options_and_pictures_are_the_same_in_every_arm(
    made: dict[Arm, list[dict[str, Any]]], questions: list[Question], foreign: list[Question]
) -> None:
    by_id = {question.id: question for question in [*questions, *foreign]}
    for rows in made.values():
        for row in rows:
            question = by_id[row["question_id"]]
            assert row["context"].startswith(question_text(question) + "\n")
            assert row["images"] == list(question.image_sha256)
            assert (row["question"], row["options"], row["gold"], row["answer_type"], row["kind"]) == (
                question.question,
                list(question.options),
                question.answer,
                question.answer_type,
                question.kind,
            )


def test_an_arm_shows_its_path_and_nothing_else(
    made: dict[Arm, list[dict[str, Any]]], questions: list[Question], foreign: list[Question]
) -> None:
    by_id = {question.id: question for question in [*questions, *foreign]}
    names = {"base": "direct", "direct": "direct", "reason": "reason"}
    for arm, rows in made.items():
        prompt = load_prompt(names.get(arm, "summary"))
        for row in rows:
            slots = {"path": row["path"]} if prompt.name == "summary" else {}
            text = question_text(by_id[row["question_id"]])
            assert row["context"] == prompt.render(question=text, **slots) and row["prompt"] == prompt.label


def test_the_summary_agent_sees_exactly_the_stored_path(made: dict[Arm, list[dict[str, Any]]], given: Given) -> None:
    assert [row["question_id"] for row in made["reason"]] == [row["question_id"] for row in made["reason+summary"]]
    for row in made["reason+summary"]:
        path = given.paths[row["question_id"]][0]
        assert row["path"] == path_text(path) and row["path_id"] == path.id and row["path_status"] == path.status
        assert row["context"].count(path_text(path)) == 1
        assert row["path_tokens"] == path.num_tokens


def test_an_unreadable_path_is_shown_as_it_came_and_is_wrong(
    made: dict[Arm, list[dict[str, Any]]], questions: list[Question]
) -> None:
    rows = {row["question_id"]: row for row in made["reason+summary"]}
    broken, cut = rows[questions[0].id], rows[questions[1].id]
    assert broken["path"] == "The bars are {tall} </s> <image>" and broken["path_status"] == "malformed"
    assert cut["path_status"] == "max_steps" and "answer" not in cut["path"].splitlines()[-1].split(":")[0]
    assert (broken["path_correct"], cut["path_correct"]) == (False, False)


def test_whether_a_path_is_right_is_told_by_its_answer(made: dict[Arm, list[dict[str, Any]]], given: Given) -> None:
    for row in made["reason+summary"]:
        answer = given.paths[row["question_id"]][0].answer
        right = answer is not None and matches(answer, row["gold"], row["answer_type"], row["options"])
        assert row["path_correct"] is right
    assert {row["path_correct"] for row in made["reason+summary"]} == {True, False}
    assert {row["path_correct"] for row in made["oracle"]} == {True}
    assert {row["path_correct"] for row in made["direct"] + made["base"]} == {None}


def test_the_oracle_arm_shows_the_exact_path(made: dict[Arm, list[dict[str, Any]]], questions: list[Question]) -> None:
    assert [row["question_id"] for row in made["oracle"]] == [question.id for question in questions]
    for row, question in zip(made["oracle"], questions, strict=True):
        scene = scene_from_json(question.scene)
        program = parse_question(question.question, scene)
        assert program and row["path"] == render_path(*exact_path(program, scene.values))
        assert parse_path(row["path"]).answer == row["gold"]


def test_the_flawed_arm_shows_every_flawed_path_with_its_labels(
    made: dict[Arm, list[dict[str, Any]]], given: Given
) -> None:
    rows = [row for versions in given.flawed.values() for row in versions]
    assert len(made["flawed"]) == len(rows) == 48
    for doc, row in zip(made["flawed"], rows, strict=True):
        assert doc["path"] == row.flawed_path and doc["path_id"] == ""
        for column in ("flaw", "severity", "position", "propagated", "planted_answer"):
            assert doc[column] == getattr(row, column)
        assert doc["path_correct"] is matches(row.planted_answer, row.answer, row.answer_type)
    assert {doc["path_correct"] for doc in made["flawed"]} == {True, False}


def test_other_arms_say_that_there_is_no_flaw(made: dict[Arm, list[dict[str, Any]]]) -> None:
    for arm in set(ARMS) - {"flawed"}:
        flaws = {(row["flaw"], row["severity"], row["position"], row["planted_answer"]) for row in made[arm]}
        assert flaws == {("none", 0.0, "none", "")}


def test_the_token_cap_is_equal_in_all_arms(made: dict[Arm, list[dict[str, Any]]]) -> None:
    assert {row["token_cap"] for rows in made.values() for row in rows} == {96 + 24}


def test_questions_without_a_scene_have_no_oracle_and_no_flawed_path(foreign: list[Question], given: Given) -> None:
    assert docs("oracle", foreign, given, SETTINGS) == docs("flawed", foreign, given, SETTINGS) == []
    assert len(docs("direct", foreign, given, SETTINGS)) == len(docs("reason", foreign, given, SETTINGS)) == 3


def test_a_question_without_a_stored_path_is_left_out_of_the_arms_that_show_it(
    questions: list[Question], given: Given
) -> None:
    without = given._replace(paths={})
    assert docs("reason", questions, without, SETTINGS) == docs("reason+summary", questions, without, SETTINGS) == []


def test_the_gold_answer_and_the_scene_are_in_no_prompt(
    made: dict[Arm, list[dict[str, Any]]], questions: list[Question], foreign: list[Question], given: Given
) -> None:
    changed = [question.model_copy(update={"answer": "8128"}) for question in [*questions, *foreign]]
    for arm, rows in made.items():
        again = docs(arm, changed, given, SETTINGS)
        assert [row["context"] for row in again] == [row["context"] for row in rows]
        assert not any("noise_seed" in str(row) for row in rows)


# What lm-eval is given


def test_a_document_goes_to_a_model_as_our_own_chat(
    made: dict[Arm, list[dict[str, Any]]], questions: list[Question], foreign: list[Question]
) -> None:
    """`<image>` once a picture in front; one that stands in a question's own words stays."""
    images = {image.sha256: image for question in [*questions, *foreign] for image in question.images}
    for rows in made.values():
        for row in rows:
            shown = [images[sha256] for sha256 in image_hashes(row)]
            chat = chat_of(context_with_markers(row), shown)
            assert (chat.messages[0].content, chat.images) == (row["context"], tuple(shown))


@pytest.mark.parametrize("sampling", [SETTINGS.path_sampling, SETTINGS.answer_sampling, Sampling(top_p=0.5)])
def test_sampling_comes_through_lm_eval_unchanged(sampling: Sampling) -> None:
    """Else the reasoning agent would be sampled once more, and answer for a path that nobody stored."""
    assert sampling_of(generation_kwargs(sampling)) == sampling


def test_our_models_give_no_log_likelihoods() -> None:
    with pytest.raises(EngineError, match="gives no log-likelihoods"):
        Seats({}, {}).loglikelihood([])


def test_an_unread_reply_is_wrong_and_counted(foreign: list[Question], given: Given) -> None:
    (doc, *_) = docs("direct", foreign, given, SETTINGS)
    assert score(doc, [UNREADABLE]) == {"acc": 0.0, "unread": 1.0}
    assert score(doc, ['{"answer": "A"}']) == {"acc": 0.0, "unread": 0.0}
    assert score(doc, ['{"answer": "B"}']) == score(doc, ["The answer is blue."]) == {"acc": 1.0, "unread": 0.0}
    system = {"system": "s", "base": "b", "round": 0, "task": "t", "task_version": "1"}
    record = eval_record(doc, UNREADABLE, Reply(text=UNREADABLE, finish="length", num_tokens=4), system)
    assert (record.answer, record.span, record.method, record.correct) == (None, None, "unread", False)
    assert (record.finish, record.total_tokens, record.parser) == ("length", 4, PARSER)


def test_a_verdict_counts_only_where_a_path_was_shown(foreign: list[Question], given: Given) -> None:
    system = {"system": "s", "base": "b", "round": 0, "task": "t", "task_version": "1"}
    text = '{"verdict": "wrong", "correction": "it is blue"}\n{"answer": "B"}'
    verdicts = {}
    arms: tuple[Arm, ...] = ("direct", "reason", "reason+summary")
    for arm in arms:
        (doc, *_) = docs(arm, foreign, given, SETTINGS)
        record = eval_record(doc, text, Reply(text=text, num_tokens=9), system)
        verdicts[arm] = (record.verdict, record.total_tokens)
    tokens = given.paths[foreign[0].id][0].num_tokens
    assert verdicts == {"direct": ("none", 9), "reason": ("none", 9), "reason+summary": ("wrong", 9 + tokens)}


# A tiny evaluation, through lm-eval


class Evaluated:
    def __init__(self, context: Context, records: list[EvalRecord], pupil: Pupil, num_calls: int) -> None:
        self.context, self.records, self.pupil, self.num_calls = context, records, pupil, num_calls

    def of(self, arm: str) -> list[EvalRecord]:
        return [record for record in self.records if record.arm == arm]

    def results(self) -> dict[str, Any]:
        (file,) = (self.context.folder / LM_EVAL).rglob("results_*.json")
        return dict(json.loads(file.read_text()))


def options(**changes: Any) -> dict[str, Any]:
    system = {"system": "sft", "base": "tiny", "round": 0, "task": "drawn_tiny", "task_version": "1"}
    return {**system, "questions": "questions", "arms": ARMS, "seats": {}, **changes}


@pytest.fixture(scope="module")
def evaluated(
    questions: list[Question], made: dict[Arm, list[dict[str, Any]]], tmp_path_factory: pytest.TempPathFactory
) -> Evaluated:
    """Every arm over the drawn questions, all seats held by one model that errs."""
    folder = tmp_path_factory.mktemp("evaluated")
    drawn = {question.id for question in questions}
    tasks = {arm: [row for row in rows if row["question_id"] in drawn] for arm, rows in made.items()}
    pupil = Pupil(teacher(questions))
    stage = Stage("eval-sft", "", SETTINGS, (), "eval", options())
    with closing(Journal(folder / "journal.sqlite")) as journal, ExitStack() as stack:
        context = Context(stage, folder, {}, journal, Progress(), 0, None)
        callers = {seat: stack.enter_context(Caller(pupil, journal)) for seat in ("base", "reason", "summary")}
        context.write(EvalRecord, _run(context, callers, tasks, questions))
        num_calls = sum(caller.num_calls for caller in callers.values())
    return Evaluated(context, list(read_rows(folder, EvalRecord)), pupil, num_calls)


def test_every_document_has_one_record(evaluated: Evaluated, questions: list[Question]) -> None:
    counts = {arm: len(evaluated.of(arm)) for arm in ARMS}
    assert counts == {**dict.fromkeys(ARMS, len(questions)), "flawed": 2 * len(questions)}
    assert [record.question_id for record in evaluated.of("direct")] == [question.id for question in questions]


def test_records_agree_with_lm_evals_own_accuracy(evaluated: Evaluated) -> None:
    results = evaluated.results()["results"]
    for arm in ARMS:
        rows, found = evaluated.of(arm), results[task_name("drawn_tiny", arm)]
        ours = accuracy([record.correct for record in rows])
        assert found["acc,none"] == pytest.approx(ours.value)
        assert found["unread,none"] == pytest.approx(sum(record.answer is None for record in rows) / len(rows))
        variance = ours.value * (1 - ours.value) / (len(rows) - 1)
        assert found["acc_stderr,none"] == pytest.approx(variance**0.5)
        assert 0 < ours.value < 1 and found["unread,none"] > 0


def test_result_files_hold_the_number_of_samples_and_how_each_arm_was_run(evaluated: Evaluated) -> None:
    results = evaluated.results()
    for arm in ARMS:
        name, num = task_name("drawn_tiny", arm), len(evaluated.of(arm))
        assert results["n-samples"][name] == {"original": num, "effective": num}
        assert results["versions"][name] == "1" and results["higher_is_better"][name] == {"acc": True, "unread": False}
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


def test_replies_stand_at_their_own_question(evaluated: Evaluated, questions: list[Question]) -> None:
    """The right replies are the teacher's, and the teacher knows no other question's answer."""
    by_id = {question.id: question for question in questions}
    for record in evaluated.of("direct") + evaluated.of("oracle"):
        assert record.correct == (record.response not in (UNREADABLE, WRONG))
        assert record.gold == by_id[record.question_id].answer


def test_tokens_count_both_seats_where_both_worked(evaluated: Evaluated, given: Given) -> None:
    for record in evaluated.records:
        path = given.paths[record.question_id][0].num_tokens if record.arm == "reason+summary" else 0
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


def test_an_evaluation_with_nothing_to_ask_says_so(foreign: list[Question], tmp_path: File) -> None:
    (tmp_path / "questions").mkdir()
    write_shards(tmp_path / "questions", foreign, Question)
    stage = Stage("eval-x", "", SETTINGS, ("questions",), "eval", options(arms=("oracle", "flawed")))
    with closing(Journal(tmp_path / "journal.sqlite")) as journal:
        context = Context(stage, tmp_path, {"questions": tmp_path / "questions"}, journal, Progress(), 0, None)
        with pytest.raises(StageError, match="has nothing to ask"):
            evaluate(context)
        assert context.totals["arms_left_out"] == ["oracle", "flawed"]


# lm-eval's own command line


@pytest.fixture(scope="module")
def tasks() -> dict[str, Any]:
    from lm_eval.tasks import TaskManager

    folder = str(files("insightv_bench.evals").joinpath("tasks"))
    manager = TaskManager(include_path=folder, include_defaults=False)
    found = manager.load(["insightv_tiny"])["tasks"]
    assert set(found) == {f"insightv_tiny_{shows}" for shows in ("question", "direct", "reason", "oracle", "flawed")}
    return dict(found)


def test_our_task_files_load_in_stock_lm_eval(tasks: dict[str, Any]) -> None:
    assert {"insightv_tiny_direct", "insightv_tiny_reason", "insightv_tiny_oracle"} <= set(tasks)
    for name, task in tasks.items():
        rows = list(task.test_docs())
        assert len(rows) == (1500 if name.endswith("flawed") else 500)
        assert len({row["question_id"] for row in rows}) == 500
        assert "noise_seed" not in str(rows[0])
        assert task.doc_to_text(rows[0]).startswith("<image>") and task.doc_to_target(rows[0]) == rows[0]["gold"]
        (picture,) = task.doc_to_image(rows[0])
        assert picture.mode == "RGB" and picture.size == (48, 48)


def test_task_files_score_as_our_own_evaluation_does(tasks: dict[str, Any]) -> None:
    for task in tasks.values():
        row = next(iter(task.test_docs()))
        right, unread = {"acc": 1.0, "unread": 0.0}, {"acc": 0.0, "unread": 1.0}
        assert right.items() <= task.process_results(row, [json.dumps({"answer": row["gold"]})]).items()
        assert unread.items() <= task.process_results(row, [UNREADABLE]).items()
        assert task.process_results(row, [WRONG])["acc"] == 0.0


def test_the_task_files_ask_the_same_questions(tasks: dict[str, Any]) -> None:
    ids = [list(dict.fromkeys(row["question_id"] for row in task.test_docs())) for task in tasks.values()]
    assert all(one == ids[0] for one in ids)


def test_our_model_is_registered_beside_the_built_in_ones() -> None:
    from lm_eval.api.registry import get_model, model_registry

    from insightv_bench.evals.model import InsightvLM

    register()
    register()  # twice is once
    assert {"hf", "hf-multimodal", "insightv"} <= set(model_registry)
    assert get_model("insightv") is InsightvLM


def test_our_tasks_stand_beside_those_of_a_folder_and_lm_evals_own_are_read_only_where_they_are_asked(
    tmp_path: File,
) -> None:
    from lm_eval.tasks import TaskManager

    (tmp_path / "own.yaml").write_text("task: own\ndataset_path: json\n")
    asked = named(["run", "--tasks", "own,insightv_mme", "--limit", "3"])
    assert asked == named(["--tasks=own,insightv_mme"]) == {"own", "insightv_mme"}
    assert asked == named(["--tasks", "own", "insightv_mme", "--model", "x"])
    made = with_ours(TaskManager, asked)(include_path=str(tmp_path))
    assert asked <= set(made.all_subtasks) and "hellaswag" not in made.all_subtasks
