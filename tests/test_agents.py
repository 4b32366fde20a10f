"""The two seats: paths step by step or in one reply, repairs, limits, and the gold answer in no prompt."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path as Place

import pytest

from insightv_bench.agents import ReasoningAgent, judged_path, path_text, summary_chat, written_path
from insightv_bench.answers import matches, read_path
from insightv_bench.chat import load_prompt
from insightv_bench.engines import Caller, OneByOneEngine
from insightv_bench.engines.teacher import Teacher
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.protocol import parse_answer, parse_path, parse_step, parse_summary, render_answer, render_step
from insightv_bench.records import Message, Path, Question, Step
from insightv_bench.settings import PathsSettings, Sampling, TeacherEngine
from insightv_bench.world import Level, judge, sample_questions
from insightv_bench.world.program import KINDS

QUESTIONS = list(sample_questions(Level(), "train", seed=3, num=24))
PROSE = "I would say that the red bar is tall."
GOOD = render_step(Step(summary="look", reasoning="red is 3", action="continue"))
LAST = render_step(Step(summary="conclude", reasoning="the answer is 3", action="summary"))


class Recorder:
    """Passes each request on, and keeps it."""

    def __init__(self, engine: OneByOneEngine) -> None:
        self.name, self.revision, self.concurrency = engine.name, engine.revision, engine.concurrency
        self.requests: list[Request] = []
        self._engine = engine

    async def reply(self, request: Request) -> Reply:
        self.requests.append(request)
        return await self._engine.reply(request)


class Script:
    """Gives these replies in turn, the last one over and over."""

    name, revision, concurrency = "script", "1", 1

    def __init__(self, *texts: str) -> None:
        self._texts = list(texts)

    async def reply(self, request: Request) -> Reply:
        text = self._texts.pop(0) if len(self._texts) > 1 else self._texts[0]
        return Reply(text=text, num_tokens=7)


def teacher(questions: Sequence[Question], **errors: float) -> Recorder:
    scenes = {question.image_sha256[0]: question.scene for question in questions}
    return Recorder(Teacher(TeacherEngine(**errors), scenes))  # type: ignore[arg-type]


def write(
    engine: OneByOneEngine, journal: Journal, settings: PathsSettings, questions: Sequence[Question] = QUESTIONS
) -> list[Path]:
    with Caller(engine, journal) as caller:
        agent = ReasoningAgent(caller, settings)
        return caller.run([agent.write(each, sample) for each in questions for sample in range(settings.num_paths)])


def is_right(question: Question, path: Path) -> bool:
    return path.answer is not None and matches(path.answer, question.answer, question.answer_type, question.options)


def contents(request: Request) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in request.chat.messages]


def test_paths_of_a_careful_teacher_are_right_and_whole(journal: Journal) -> None:
    engine = teacher(QUESTIONS)
    paths = write(engine, journal, PathsSettings(num_paths=1))
    assert {question.kind for question in QUESTIONS} == set(KINDS)
    for question, path in zip(QUESTIONS, paths, strict=True):
        assert (path.question_id, path.status, path.generator) == (
            question.id,
            "complete",
            f"teacher@{engine.revision}",
        )
        assert is_right(question, path)
        assert all(judge(question.question, question.scene, path.steps).labels)
        assert path.steps[-1].action == "summary"
        assert not path.repaired


def test_a_path_takes_one_call_a_step_and_one_for_the_answer(journal: Journal) -> None:
    engine = teacher(QUESTIONS)
    paths = write(engine, journal, PathsSettings(num_paths=1))
    assert [path.num_calls for path in paths] == [len(path.steps) + 1 for path in paths]
    assert len(engine.requests) == sum(path.num_calls for path in paths)
    assert [path.prompt for path in paths] == [load_prompt("step").label] * len(paths)


def test_each_call_shows_the_steps_before_it(journal: Journal) -> None:
    engine = teacher(QUESTIONS)
    for question in QUESTIONS[:4]:
        engine.requests.clear()
        (path,) = write(engine, journal, PathsSettings(num_paths=1), [question])
        for place, request in enumerate(engine.requests):
            shown = [content for role, content in contents(request) if role == "assistant"]
            assert shown == [render_step(step) for step in path.steps[:place]]
            assert request.chat.images == question.images
        last = [content for _, content in contents(engine.requests[-1])]
        assert last[-1] == load_prompt("answer").template
        assert last[0].startswith(question.question)


def test_a_path_keeps_its_replies_as_they_came_and_their_tokens(journal: Journal) -> None:
    (path,) = write(teacher(QUESTIONS), journal, PathsSettings(num_paths=1), QUESTIONS[:1])
    assert path.text == path_text(path)
    assert path.num_tokens == len(path.text.split())


@pytest.mark.parametrize("mode", ["stepwise", "one-call"])
def test_the_gold_answer_is_in_no_prompt(tmp_path: Place, mode: str) -> None:
    """Every gold answer, and all else that a model must not see, is replaced; no prompt changes by a byte."""
    settings = PathsSettings(num_paths=2, mode=mode)  # type: ignore[arg-type]
    markers = {name: f"MARKER-{secrets.token_hex(8)}" for name in ("answer", "kind", "source", "source_revision")}
    marked = [question.model_copy(update=markers) for question in QUESTIONS]
    asked: list[list[Request]] = []
    for name, questions in (("plain", QUESTIONS), ("marked", marked)):
        journal, engine = Journal(tmp_path / f"{name}.sqlite"), teacher(QUESTIONS, read_error=0.2)
        paths = write(engine, journal, settings, questions)
        with Caller(engine, journal) as caller:
            chats = [summary_chat(question, path_text(path)) for question in questions for path in paths[:2]]
            chats += [summary_chat(question, "") for question in questions]
            caller.ask_all([Request(chat, Sampling()) for chat in chats])
        asked.append(engine.requests)
        journal.close()
    assert asked[0] == asked[1]
    assert len(asked[0]) > 3 * len(QUESTIONS)
    for request in asked[1]:
        assert not [content for _, content in contents(request) if "MARKER" in content]


def test_a_reply_that_does_not_parse_is_repaired_with_the_problem_told(journal: Journal) -> None:
    engine = Recorder(Script(PROSE, GOOD.replace("reasoning", "thought"), GOOD, LAST, render_answer("3")))
    (path,) = write(engine, journal, PathsSettings(num_paths=1), QUESTIONS[:1])
    assert (path.status, path.answer, len(path.steps), path.num_calls) == ("complete", "3", 2, 5)
    first, second, third = (contents(request) for request in engine.requests[:3])
    problems = [parse_step(text).problem for text in (PROSE, GOOD.replace("reasoning", "thought"))]
    assert all(problems)
    assert second == [*first, ("assistant", PROSE), ("user", load_prompt("repair").render(problem=problems[0]))]
    assert third[-1] == ("user", load_prompt("repair").render(problem=problems[1]))
    assert PROSE in path.text


def test_failed_tries_are_forgotten_once_the_step_is_read(journal: Journal) -> None:
    engine = Recorder(Script(PROSE, GOOD, PROSE, LAST, render_answer("3")))
    write(engine, journal, PathsSettings(num_paths=1), QUESTIONS[:1])
    question = contents(engine.requests[0])
    next_, answer = (("user", load_prompt(name).template) for name in ("next", "answer"))
    assert contents(engine.requests[2]) == [*question, ("assistant", GOOD), next_]
    assert contents(engine.requests[4]) == [*question, ("assistant", GOOD), next_, ("assistant", LAST), answer]


@pytest.mark.parametrize("tries", [0, 1, 3])
def test_after_the_last_repair_the_path_is_malformed_and_kept(journal: Journal, tries: int) -> None:
    engine = Recorder(Script(GOOD, PROSE))
    (path,) = write(engine, journal, PathsSettings(num_paths=1, repair_tries=tries), QUESTIONS[:1])
    assert (path.status, path.answer) == ("malformed", None)
    assert path.num_calls == len(engine.requests) == 1 + 1 + tries
    assert path.num_tokens == 7 * path.num_calls
    assert path.text == "\n".join([GOOD, *[PROSE] * (1 + tries)])
    assert path_text(path) == path.text


SAID = "It is 3, I think."


@pytest.mark.parametrize("tries", [0, 2])
def test_an_answer_that_cannot_be_read_makes_the_path_malformed_and_is_not_guessed(
    journal: Journal, tries: int
) -> None:
    engine = Recorder(Script(GOOD, LAST, SAID))
    (path,) = write(engine, journal, PathsSettings(num_paths=1, repair_tries=tries), QUESTIONS[:1])
    assert (path.status, path.answer, path.num_calls) == ("malformed", None, 3 + tries)
    assert path.text.endswith("\n".join([LAST, *[SAID] * (1 + tries)]))


@pytest.mark.parametrize("bad", [SAID, '{"answer": ""}', '{"answer": "3"}\n{"answer": "4"}', '{"answer": "3'])
def test_an_answer_that_does_not_parse_is_repaired_with_the_problem_told(journal: Journal, bad: str) -> None:
    engine = Recorder(Script(GOOD, LAST, bad, render_answer("3")))
    (path,) = write(engine, journal, PathsSettings(num_paths=1), QUESTIONS[:1])
    assert (path.status, path.answer, path.num_calls) == ("complete", "3", 4)
    told = load_prompt("judge_repair").render(problem=parse_answer(bad).problem)
    assert contents(engine.requests[3]) == [*contents(engine.requests[2]), ("assistant", bad), ("user", told)]


def test_a_teacher_whose_answer_was_not_read_gives_it_again(journal: Journal) -> None:
    class Stumbling(Recorder):
        async def reply(self, request: Request) -> Reply:
            reply = await super().reply(request)
            return reply.model_copy(update={"text": SAID}) if request.chat.messages[-1] == asked else reply

    asked = Message(role="user", content=load_prompt("answer").template)
    engine = Stumbling(Teacher(TeacherEngine(), {q.image_sha256[0]: q.scene for q in QUESTIONS}))
    paths = write(engine, journal, PathsSettings(num_paths=1))
    assert all(is_right(question, path) for question, path in zip(QUESTIONS, paths, strict=True))


def test_a_broken_step_that_could_be_mended_marks_the_path_as_repaired(journal: Journal) -> None:
    engine = Script(GOOD.replace('"continue"', '"continue",'), LAST, render_answer("3"))
    (path,) = write(engine, journal, PathsSettings(num_paths=1), QUESTIONS[:1])
    assert (path.status, path.repaired) == ("complete", True)


@pytest.mark.parametrize("max_steps", [1, 4])
def test_a_path_that_does_not_end_stops_at_max_steps_with_no_answer(journal: Journal, max_steps: int) -> None:
    engine = Recorder(Script(GOOD))
    (path,) = write(engine, journal, PathsSettings(num_paths=1, max_steps=max_steps), QUESTIONS[:1])
    assert (path.status, path.answer) == ("max_steps", None)
    assert len(path.steps) == path.num_calls == len(engine.requests) == max_steps
    assert path_text(path) == "\n".join([GOOD] * max_steps)


def test_a_path_may_end_at_its_last_step(journal: Journal) -> None:
    engine = Script(GOOD, LAST, render_answer("3"))
    (path,) = write(engine, journal, PathsSettings(num_paths=1, max_steps=2), QUESTIONS[:1])
    assert (path.status, path.answer, path.num_calls) == ("complete", "3", 3)


def test_one_call_writes_the_whole_path(journal: Journal) -> None:
    engine = teacher(QUESTIONS)
    settings = PathsSettings(num_paths=1, mode="one-call")
    paths = write(engine, journal, settings)
    assert len(engine.requests) == len(QUESTIONS)
    for question, path in zip(QUESTIONS, paths, strict=True):
        assert (path.status, path.num_calls, path.prompt) == ("complete", 1, load_prompt("reason").label)
        assert is_right(question, path)
        assert all(judge(question.question, question.scene, path.steps).labels)
    stepwise = write(engine, journal, PathsSettings(num_paths=1))
    assert [(path.steps, path.answer) for path in stepwise] == [(path.steps, path.answer) for path in paths]


def test_a_whole_reply_that_cannot_be_read_is_kept_as_malformed(journal: Journal) -> None:
    settings = PathsSettings(num_paths=1, mode="one-call")
    (path,) = write(Script(PROSE), journal, settings, QUESTIONS[:1])
    assert (path.status, path.steps, path.answer, path.text, path.num_calls) == ("malformed", (), None, PROSE, 1)


def test_samples_of_one_question_differ_and_come_back_the_same(journal: Journal) -> None:
    settings = PathsSettings(num_paths=6)
    engine = teacher(QUESTIONS, read_error=0.5)
    paths = write(engine, journal, settings, QUESTIONS[:4])
    assert len({path.id for path in paths}) == 24
    assert [path.sample for path in paths] == list(range(6)) * 4
    assert len({path.text for path in paths[-6:]}) > 1
    again = teacher(QUESTIONS, read_error=0.5)
    assert write(again, journal, settings, QUESTIONS[:4]) == paths
    assert again.requests == []


def test_the_summary_chat_holds_the_question_its_image_and_the_path(journal: Journal) -> None:
    question = QUESTIONS[0]
    (path,) = write(teacher(QUESTIONS), journal, PathsSettings(num_paths=1), [question])
    chat = summary_chat(question, path_text(path))
    slots = load_prompt("summary").match(chat.messages[0].content)
    assert slots == {"question": question.question, "path": path_text(path)}
    assert (len(chat.messages), chat.messages[0].role, chat.images) == (1, "user", question.images)


def test_with_no_path_the_summary_agent_is_asked_directly() -> None:
    chat = summary_chat(QUESTIONS[0], "")
    assert load_prompt("direct").match(chat.messages[0].content) == {"question": QUESTIONS[0].question}
    assert chat.images == QUESTIONS[0].images


def test_words_in_a_path_that_look_like_a_slot_stay_words() -> None:
    chat = summary_chat(QUESTIONS[0], "the {question} and the {path}")
    assert "the {question} and the {path}" in chat.messages[0].content


def test_the_teacher_in_the_summary_seat_tells_right_paths_from_wrong_ones(journal: Journal) -> None:
    paths = write(teacher(QUESTIONS, read_error=0.5), journal, PathsSettings(num_paths=1))
    asked = list(zip(QUESTIONS, paths, strict=True))
    with Caller(teacher(QUESTIONS), journal) as caller:
        replies = caller.ask_all([Request(summary_chat(each, path_text(path)), Sampling()) for each, path in asked])
    summaries = [parse_summary(reply.text) for reply in replies]
    assert [summary.answer for summary in summaries] == [question.answer for question in QUESTIONS]
    verdicts = ["right" if is_right(question, path) else "wrong" for question, path in asked]
    assert set(verdicts) == {"right", "wrong"}
    assert [summary.verdict for summary in summaries] == verdicts


def test_a_path_as_text_reads_back_as_the_same_path(journal: Journal) -> None:
    for path in write(teacher(QUESTIONS, read_error=0.3), journal, PathsSettings(num_paths=1)):
        parsed = parse_path(path_text(path))
        assert (parsed.steps, parsed.answer, parsed.status) == (path.steps, path.answer, path.status)


def test_a_path_in_words_is_shown_as_written_and_learnt_as_the_recipe_says() -> None:
    words = "Red is 3.\n\nBlue is 5.\n\nThe answer is 8."
    tagged = "<think>Red is 3.\n\nBlue is 5.</think>\n8"
    prose, think = (path_of(text) for text in (words, tagged))
    assert path_text(prose) == judged_path(prose, "own") == words and path_text(think) == written_path(think, "json")
    assert [written_path(path, "own") for path in (prose, think)] == [words, tagged]
    assert parse_path(written_path(prose, "json")).steps == prose.steps == think.steps
    assert path_text(path_of(f"<think>\n\n</think>\n\n{words}")) == words, "the marks of no thought are not shown"


def path_of(text: str) -> Path:
    read = read_path(text, "number")
    return Path(
        id="p",
        question_id="q",
        sample=0,
        generator="m@1",
        prompt="reason@1",
        **{name: getattr(read, name) for name in ("steps", "answer", "status", "dialect", "repaired", "split")},
        text=text,
    )
