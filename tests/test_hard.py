"""Hard questions: those that the generator gets wrong when it answers directly, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path as File
from typing import Any

import pytest

from insightv_bench.builders import hard as room
from insightv_bench.chat import load_prompt
from insightv_bench.cli.summary import print_plan
from insightv_bench.errors import EngineUnavailable, RecipeError, StageError
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.plan import plan
from insightv_bench.plan.stages import questions_of
from insightv_bench.records import Question
from insightv_bench.settings import HardSettings, OpenAIEngine, Sampling, TeacherEngine, load_recipe
from insightv_bench.settings.recipe import parse_recipe
from insightv_bench.stages import MANIFEST, Context, Exclusion, Progress, Stage, run_stage
from insightv_bench.storage import read_rows, write_shards
from insightv_bench.world import Level, sample_questions

QUESTIONS = list(sample_questions(Level(side=16), "train", 3, 40))
WARM = Sampling(temperature=1.0, max_new_tokens=64)


class Generator:
    """Answers by the place of the question: right, wrong, unreadable, right at the second try."""

    name, revision, concurrency = "generator", "1", 4

    def __init__(self, fail_after: int = 10_000) -> None:
        self.requests: list[Request] = []
        self._fail_after = fail_after
        self._gold = {q.image_sha256 + (q.question,): (place, q.answer) for place, q in enumerate(QUESTIONS)}

    async def reply(self, request: Request) -> Reply:
        if len(self.requests) == self._fail_after:
            raise EngineUnavailable("the server is down")
        self.requests.append(request)
        text = (load_prompt("direct").match(request.chat.messages[0].content) or {})["question"]
        place, gold = self._gold[(request.chat.images[0].sha256, text)]
        right = place % 4 == 0 or (place % 4 == 3 and request.sample == 1)
        words = f'{{"answer": "{gold}"}}' if right else "hm." if place % 4 == 2 else '{"answer": "8128"}'
        return Reply(text=words, num_tokens=2)


@pytest.fixture
def mine(tmp_path: File, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Context]]:
    """Runs the stage over the questions with this generator; the journal stays."""
    questions = tmp_path / "questions"
    questions.mkdir()
    write_shards(questions, QUESTIONS, Question)
    (questions / MANIFEST).write_text('{"num_rows": 40}')
    with closing(Journal(tmp_path / "journal.sqlite")) as journal:

        def run(generator: Any, **settings: Any) -> Context:
            monkeypatch.setattr(room, "open_engine", lambda *_: generator)
            stage = Stage("hard", "hard", HardSettings(engine=TeacherEngine(), **settings), {"questions": "questions"})
            inputs = {"questions": questions}
            context = Context(stage, tmp_path / "hard", inputs, journal, Progress(), 0, load_recipe("walk"))
            run_stage(stage, context)
            return context

        yield run


def kept(context: Context) -> list[Question]:
    return list(read_rows(context.folder, Question))


def test_only_what_is_answered_wrong_is_kept_and_the_rest_is_kept_apart(mine: Callable[..., Context]) -> None:
    context = mine(Generator())
    assert kept(context) == [q for place, q in enumerate(QUESTIONS) if place % 4]
    out = list(read_rows(context.folder / "exclusions.parquet", Exclusion))
    assert [one.id for one in out] == [q.id for q in QUESTIONS[::4]]
    assert {one.reason for one in out} == {room.EASY} and all('"bytes"' not in one.row for one in out)
    assert context.totals["replies"] == {"right": 10, "wrong": 20, "unread": 10}
    assert context.totals["model"] == "generator@1" and context.totals["num_calls"] == 40


def test_a_question_is_easy_where_any_try_is_right(mine: Callable[..., Context]) -> None:
    generator = Generator()
    context = mine(generator, num_tries=3, sampling=WARM)
    assert kept(context) == [q for place, q in enumerate(QUESTIONS) if place % 4 in (1, 2)]
    assert Counter(request.sample for request in generator.requests) == {0: 40, 1: 40, 2: 40}
    assert context.totals["replies"] == {"right": 40, "wrong": 50, "unread": 30}


def test_the_generator_sees_the_direct_prompt_and_no_gold_answer(mine: Callable[..., Context]) -> None:
    generator = Generator()
    mine(generator)
    for request, question in zip(generator.requests, QUESTIONS, strict=True):
        assert [message.content for message in request.chat.messages] == [
            load_prompt("direct").render(question=question.question)
        ]
        assert request.chat.images == question.images and request.sampling == HardSettings().sampling


def test_an_answer_is_paid_once_though_the_server_went_down_between(mine: Callable[..., Context]) -> None:
    with pytest.raises(EngineUnavailable):
        mine(Generator(fail_after=17))
    second = Generator()
    context = mine(second)
    assert len(second.requests) <= 40 - 17 and len(kept(context)) == 30
    third = Generator()
    assert kept(mine(third)) == kept(context) and not third.requests


def test_no_hard_question_at_all_is_said_at_once(tmp_path: File) -> None:
    questions = tmp_path / "questions"
    questions.mkdir()
    write_shards(questions, QUESTIONS, Question)
    (questions / MANIFEST).write_text('{"num_rows": 40}')
    stage = Stage("hard", "hard", HardSettings(engine=TeacherEngine()), {"questions": "questions"})
    with closing(Journal(tmp_path / "journal.sqlite")) as journal:
        context = Context(
            stage, tmp_path / "hard", {"questions": questions}, journal, Progress(), 0, load_recipe("walk")
        )
        with pytest.raises(StageError, match="answers all 40 questions right") as found:
            run_stage(stage, context)
    assert "leave `hard` out" in found.value.hint


def test_the_switch_puts_the_stage_between_questions_and_paths() -> None:
    stages = {
        stage.name: stage for stage in plan(load_recipe("method", ["hard={num_tries: 2, sampling: {temperature: 1}}"]))
    }
    hard = stages["hard-questions"]
    assert hard.inputs == {"questions": "questions-train"} and hard.command == "build hard"
    for name in ("paths-teacher", "assess-teacher", "corpora-reasoning", "corpora-flawed", "corpora-summary"):
        assert stages[name].inputs["questions"] == "hard-questions"
    assert stages["eval-sft"].inputs["questions"] == "questions-test"
    assert "hard-questions" not in {stage.name for stage in plan(load_recipe("method"))}


def test_the_generator_is_the_engine_of_the_paths_unless_another_is_named() -> None:
    recipe = load_recipe("full", ["hard={}"])
    hard = next(stage.settings for stage in plan(recipe) if stage.name == questions_of(recipe))
    assert recipe.paths and isinstance(hard, HardSettings) and hard.engine == recipe.paths.engine
    assert [stage.name for stage in plan(recipe)].count(questions_of(recipe)) == 1
    recipe = load_recipe("full", ["hard.engine={kind: openai, model: other, base_url: 'http://h/v1'}"])
    hard = next(stage.settings for stage in plan(recipe) if stage.name == questions_of(recipe))
    assert isinstance(hard, HardSettings) and isinstance(hard.engine, OpenAIEngine) and hard.engine.model == "other"


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("hard={num_tries: 2}", "temperature"),
        ("hard={num_try: 2}", "did you mean `num_tries`"),
        ("hard={num_tries: 0}", "hard"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(override: str, words: str) -> None:
    with pytest.raises(RecipeError) as found:
        load_recipe("walk", [override])
    assert words in str(found.value)
    with pytest.raises(RecipeError, match="`hard` needs `paths`"):
        parse_recipe("name: x\nquestions: {a: {source: world, split: test, num: 1}}\nhard: {}\n", "x", [])


def test_a_dry_run_says_what_is_read_and_asked(capsys: pytest.CaptureFixture[str], tmp_path: File) -> None:
    text = (
        "name: mine\nquestions: {test: {source: hub, id: MMMU/MMMU, split: dev}}\nhard: {}\n"
        "paths: {engine: {kind: openai, model: m, base_url: 'http://h/v1'}}\n"
    )
    recipe = parse_recipe(text, "mine", [])
    print_plan(recipe, plan(recipe), tmp_path)
    told = capsys.readouterr().out
    assert "`dev` of MMMU/MMMU at its newest commit" in told and "1 direct tries a question, by openai" in told
