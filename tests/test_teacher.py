"""The teacher: it speaks the protocol as any model does, and errs exactly as often as it is told to."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path as File

import pytest

from insightv_bench.agents import ReasoningAgent, summary_chat
from insightv_bench.chat import Chat, ask, user
from insightv_bench.engines import Caller
from insightv_bench.engines.teacher import Teacher
from insightv_bench.errors import EngineError
from insightv_bench.flaws import make_flawed, planted_by
from insightv_bench.journal import Journal, Request
from insightv_bench.protocol import parse_path, parse_summary, render_path
from insightv_bench.records import Image, Message, Path, Question
from insightv_bench.settings import PathsSettings, Sampling, TeacherEngine
from insightv_bench.world import (
    Level,
    Program,
    exact_path,
    judge,
    parse_question,
    replay,
    reread,
    sample_questions,
    scene_from_json,
    tell,
    tell_conclusion,
    trace,
    update,
)
from insightv_bench.world.exact_paths import read_claim

LEVEL = Level(side=16)
SAMPLING = Sampling(temperature=0.7)


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    return list(sample_questions(LEVEL, "train", 0, 160))


def teacher(questions: Sequence[Question], settings: TeacherEngine | None = None) -> Teacher:
    return Teacher(settings or TeacherEngine(), {q.image_sha256[0]: q.scene for q in questions})


def written(
    questions: Sequence[Question], settings: TeacherEngine, folder: File, num_paths: int = 1, mode: str = "one-call"
) -> list[Path]:
    """The teacher's paths, through the agent and the journal as a stage asks for them."""
    how = PathsSettings.model_validate({"mode": mode, "num_paths": num_paths, "sampling": SAMPLING})
    journal = Journal(folder / "journal.sqlite")
    with closing(journal), Caller(teacher(questions, settings), journal) as caller:
        agent = ReasoningAgent(caller, how)
        return caller.run([agent.write(question, sample) for question in questions for sample in range(num_paths)])


def reply(engine: Teacher, chat: Chat, sample: int = 0, sampling: Sampling = SAMPLING) -> str:
    return asyncio.run(engine.reply(Request(chat, sampling, sample))).text


def program_of(question: Question) -> Program:
    program = parse_question(question.question, scene_from_json(question.scene))
    assert program is not None
    return program


def num_read(question: Question, path: Path) -> int:
    return sum(read_claim(program_of(question), step).colour is not None for step in path.steps)


@pytest.mark.parametrize("mode", ["stepwise", "one-call"])
def test_without_errors_its_paths_are_exact(questions: list[Question], tmp_path: File, mode: str) -> None:
    for question, path in zip(questions, written(questions, TeacherEngine(), tmp_path, mode=mode), strict=True):
        exact = exact_path(program_of(question), scene_from_json(question.scene).values)
        assert (path.steps, path.answer, path.status) == (*exact, "complete")
        assert path.answer == question.answer and not path.repaired and path.dialect == "json"
        assert path.num_calls == (len(path.steps) + 1 if mode == "stepwise" else 1)


def test_with_every_reading_off_every_path_is_wrong_from_its_first_step(
    questions: list[Question], tmp_path: File
) -> None:
    for question, path in zip(questions, written(questions, TeacherEngine(read_error=1), tmp_path), strict=True):
        found = judge(question.question, question.scene, path.steps)
        assert found.first_error == 0 and not any(found.labels[: num_read(question, path)])


def test_readings_err_as_often_as_they_are_told_to(questions: list[Question], tmp_path: File) -> None:
    paths = written(questions, TeacherEngine(read_error=0.3), tmp_path, num_paths=4)
    num = num_wrong = 0
    for place, path in enumerate(paths):
        question = questions[place // 4]
        values = scene_from_json(question.scene).values
        claims = [read_claim(program_of(question), step) for step in path.steps[:-1]]
        num += len(claims)
        wrong = [claim for claim in claims if values[claim.colour or ""] != claim.value]
        num_wrong += len(wrong)
        assert all(abs(values[claim.colour or ""] - claim.value) == 1 and claim.value >= 0 for claim in wrong)
    assert num > 1500 and num_wrong / num == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize("shares", [(1.0, 0.0), (0.5, 0.3), (0.0, 1.0), (0.2, 0.2), (0.0, 0.0)])
def test_styles_have_their_shares(questions: list[Question], tmp_path: File, shares: tuple[float, float]) -> None:
    """Careful reads every bar, partial the first half, and what is left over guesses everything."""
    several = [question for question in questions if question.kind != "read"]
    paths = written(several, TeacherEngine(careful=shares[0], partial=shares[1]), tmp_path, num_paths=4)
    counts = {"careful": 0, "partial": 0, "hasty": 0}
    for place, path in enumerate(paths):
        question = several[place // 4]
        needed, read = len(program_of(question).colours), num_read(question, path)
        counts[{needed: "careful", needed // 2: "partial", 0: "hasty"}[read]] += 1
        assert path.status == "complete"
    found = [counts[style] / len(paths) for style in counts]
    assert found == pytest.approx([*shares, 1 - sum(shares)], abs=0.07)


def test_what_a_partial_path_reads_is_right_and_its_guess_is_not_always(
    questions: list[Question], tmp_path: File
) -> None:
    several = [question for question in questions if question.kind != "read"]
    paths = written(several, TeacherEngine(careful=0, partial=1), tmp_path)
    labels = [
        judge(question.question, question.scene, path.steps).labels
        for question, path in zip(several, paths, strict=True)
    ]
    assert all(all(one[:-1]) for one in labels)
    assert 0.05 < sum(one[-1] for one in labels) / len(labels) < 0.7


def test_a_misreading_propagates_to_the_answer(questions: list[Question], tmp_path: File) -> None:
    """Told again from the values that it read, each path is the same."""
    for question, path in zip(questions, written(questions, TeacherEngine(read_error=0.5), tmp_path), strict=True):
        program = program_of(question)
        claims = [read_claim(program, step) for step in path.steps[:-1]]
        readings = {claim.colour: claim.value for claim in claims if claim.colour}
        assert tell(program, trace(program, readings)) == (path.steps, path.answer)


@pytest.mark.parametrize("mode", ["stepwise", "one-call"])
def test_a_slip_of_the_state_propagates_to_the_answer(questions: list[Question], tmp_path: File, mode: str) -> None:
    """Each state is at most one off what follows from the state before, and the conclusion follows from the last."""
    several = [question for question in questions if question.kind in ("sum", "count")]
    num_slips = 0
    for question, path in zip(
        several, written(several, TeacherEngine(state_error=0.5), tmp_path, mode=mode), strict=True
    ):
        program, before = program_of(question), None
        for step in path.steps[:-1]:
            claim = read_claim(program, step)
            follows = update(program, before, claim.colour or "", claim.value)
            assert abs(claim.state - follows) <= 1 and claim.state >= 0
            num_slips += claim.state != follows
            before = claim.state
        assert tell_conclusion(program, before) == (path.steps[-1], path.answer)
    assert num_slips > 20


def test_the_same_request_gets_the_same_reply(questions: list[Question]) -> None:
    settings = TeacherEngine(careful=0.4, partial=0.3, read_error=0.5, state_error=0.5)
    one, other = teacher(questions, settings), teacher(questions[::-1], settings)
    chats = [ask(prompt, question) for question in questions[:40] for prompt in ("reason", "step", "direct")]
    first = [reply(one, chat) for chat in chats]
    assert first == [reply(other, chat) for chat in reversed(chats)][::-1]


def test_another_sample_is_another_path(questions: list[Question], tmp_path: File) -> None:
    settings = TeacherEngine(careful=0.5, partial=0.3, read_error=0.5)
    paths = written(questions[:40], settings, tmp_path, num_paths=8)
    texts = [{path.text for path in paths[start : start + 8]} for start in range(0, len(paths), 8)]
    assert sum(len(group) for group in texts) / len(texts) > 3
    assert len({path.id for path in paths}) == len(paths)


def test_steps_asked_for_one_by_one_keep_one_style_and_one_set_of_errors(
    questions: list[Question], tmp_path: File
) -> None:
    """The seed holds through the calls of a path, so asking again for its end does not change its beginning."""
    settings = TeacherEngine(careful=0.4, partial=0.3, read_error=0.5)
    paths = written(questions, settings, tmp_path / "one", mode="stepwise")
    again = written(questions[::-1], settings, tmp_path / "two", mode="stepwise")
    assert paths == again[::-1]
    for question, path in zip(questions, paths, strict=True):
        needed = len(program_of(question).colours)
        assert num_read(question, path) in (needed, needed // 2, 0) and path.status == "complete"
        colours, _ = replay(program_of(question), path.steps)
        assert tuple(colours) == program_of(question).colours[: len(colours)]


def test_other_settings_are_another_revision(questions: list[Question]) -> None:
    assert teacher(questions).revision == teacher(questions).revision
    assert teacher(questions).revision != teacher(questions, TeacherEngine(read_error=0.1)).revision


def test_asked_directly_it_says_the_gold_answer(questions: list[Question]) -> None:
    engine = teacher(questions)
    for question in questions[:80]:
        assert parse_summary(reply(engine, ask("direct", question))).answer == question.answer


def test_as_summary_agent_it_reads_again_what_the_path_reads_and_judges_its_answer(
    questions: list[Question],
) -> None:
    engine, num_seen = teacher(questions), 0
    for question in questions[:48]:
        scene = scene_from_json(question.scene)
        program = program_of(question)
        exact = reply(engine, summary_chat(question, render_path(*exact_path(program, scene.values))))
        assert (parse_summary(exact).verdict, parse_summary(exact).answer) == ("right", question.answer)
        for flaw in planted_by("exact"):
            made = make_flawed(program, scene, flaw, 0.5, "early", random.Random(0))
            if made is None:
                continue
            num_seen += 1
            said = parse_summary(reply(engine, summary_chat(question, made.flawed_path)))
            wrong = made.planted_answer != question.answer
            assert said.answer == question.answer and said.verdict == ("wrong" if wrong else "right")
            assert said.check == reread(scene, parse_path(made.flawed_path).steps, program)
    assert num_seen > 200


def test_an_image_of_another_world_is_an_error(questions: list[Question]) -> None:
    engine = teacher(questions[:80])
    with pytest.raises(EngineError, match="this image is not of it"):
        reply(engine, ask("reason", questions[100]))
    foreign = questions[0].model_copy(update={"images": (Image(bytes=b"no image"),)})
    with pytest.raises(EngineError, match="this image is not of it"):
        reply(engine, ask("reason", foreign))
    with pytest.raises(EngineError, match="this image is not of it"):
        reply(engine, Chat((user("reason", questions[0]),)))


def test_a_question_or_prompt_of_another_world_is_an_error(questions: list[Question]) -> None:
    engine, images = teacher(questions), questions[0].images
    with pytest.raises(EngineError, match="not a question of the drawn world: `What is love"):
        reply(engine, ask("reason", questions[0].model_copy(update={"question": "What is love?"})))
    with pytest.raises(EngineError, match="knows the prompts of this package alone"):
        reply(engine, Chat((Message(role="user", content="Say hello."),), images))


def test_replies_count_their_words_as_tokens(questions: list[Question]) -> None:
    answer = asyncio.run(teacher(questions).reply(Request(ask("reason", questions[0]), SAMPLING)))
    assert answer.num_tokens == len(answer.text.split()) > 0
    assert answer.num_prompt_tokens > 0 and answer.finish == "stop"
