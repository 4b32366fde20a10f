"""Arms that show a changed path: what each changes, that the same paths give the same changes, and what is left out."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path as File

import pytest
from PIL import Image as PILImage

from insightv_bench.agents import path_text
from insightv_bench.engines import Caller
from insightv_bench.errors import RecipeError
from insightv_bench.evals.arms import Given, best_of, blanks, change, docs
from insightv_bench.evals.arms.best_of import ORACLE
from insightv_bench.evals.arms.changed import CHANGED, Changed
from insightv_bench.evals.arms.columns import exact_text
from insightv_bench.evals.arms.documents import blank_of
from insightv_bench.evals.harness.arm_task import context_with_markers, generation_kwargs
from insightv_bench.evals.harness.model import chat_of, sampling_of
from insightv_bench.journal import Journal, Reply, Request, request_key
from insightv_bench.plan import plan
from insightv_bench.protocol import parse_path
from insightv_bench.records import Image, Path, PathStatus, Question
from insightv_bench.settings import EvalSettings, Sampling, load_recipe
from insightv_bench.world import Level, sample_questions

SETTINGS = EvalSettings(num_paths=3, path_sampling=Sampling(max_new_tokens=64, temperature=1.0))


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    return list(sample_questions(Level(side=16), "test", 0, 30))


def drawn_image(width: int, height: int) -> Image:
    buffer = io.BytesIO()
    PILImage.new("RGB", (width, height), (200, 30, 30)).save(buffer, "PNG")
    return Image(bytes=buffer.getvalue())


def foreign(place: int, kind: str = "dots") -> Question:
    """A question of no drawn world."""
    image = drawn_image(40 + place, 30)
    return Question(
        id=f"f{place}",
        images=(image,),
        image_sha256=(image.sha256,),
        question=f"How many dots are there in image {place}?",
        answer="9",
        answer_type="number",
        kind=kind,
        source="hand",
        source_revision="1",
        source_license="MIT",
    )


def path(question: Question, text: str, sample: int = 0, status: PathStatus | None = None) -> Path:
    parsed = parse_path(text)
    return Path(
        id=f"{question.id}-{sample}",
        question_id=question.id,
        sample=sample,
        generator="agent@1",
        prompt="reason@1",
        steps=parsed.steps,
        answer=parsed.answer,
        status=status or parsed.status,
        dialect=parsed.dialect,
        text=text,
        num_tokens=10 + sample,
    )


def own_text(answer: str) -> str:
    return (
        '{"summary": "count", "reasoning": "The left row has 4 dots.", "action": "continue"}\n'
        '{"summary": "count", "reasoning": "The right row has 5 dots, and 4 + 5 = 9.", "action": "summary"}\n'
        f'{{"answer": "{answer}"}}'
    )


def exact_paths(questions: Sequence[Question]) -> dict[str, list[Path]]:
    return {question.id: [path(question, exact_text(question))] for question in questions}


def changed(questions: Sequence[Question], paths: dict[str, list[Path]], seed: int = 0) -> Changed:
    return change(CHANGED, questions, paths, SETTINGS, seed)


def test_one_flaw_is_planted_in_each_right_path_of_the_agents_own(questions: list[Question]) -> None:
    paths = exact_paths(questions)
    found = changed(questions, paths).shown["self-flawed"]
    flaws = set()
    for question in questions:
        (shown,) = found[question.id]
        (stored,) = paths[question.id]
        assert shown["path"] != path_text(stored) and parse_path(shown["path"]).status == "complete"
        assert (shown["made_from"], shown["path_id"], shown["path_tokens"]) == (stored.id, "", 10)
        assert shown["maker"] == "exact" and 0 < shown["severity"] <= 1
        assert shown["path_correct"] is (shown["planted_answer"] == question.answer)
        flaws.add(shown["flaw"])
    assert len(flaws) > 4 and "all-wrong" not in flaws


def test_wrong_unfinished_and_unreadable_paths_are_given_no_flaw_and_are_counted(questions: list[Question]) -> None:
    wrong, cut, broken = questions[:3]
    paths = {
        wrong.id: [path(wrong, exact_text(wrong)).model_copy(update={"answer": "8128"})],
        cut.id: [path(cut, exact_text(cut), status="max_steps")],
        broken.id: [path(broken, "I cannot tell.")],
    }
    found = change(("self-flawed",), questions[:3], paths, SETTINGS, 0)
    assert not found.shown["self-flawed"] and found.left_out["self-flawed"] == {"the path is not right": 3}


def test_an_own_path_of_a_real_question_is_spoilt_by_rule() -> None:
    question = foreign(0)
    found = change(("self-flawed",), [question], {question.id: [path(question, own_text("9"))]}, SETTINGS, 0)
    (shown,) = found.shown["self-flawed"][question.id]
    assert shown["maker"] == "rule" and shown["path"] != own_text("9")
    assert shown["flaw"] != "none" and shown["planted_answer"]


def test_the_same_paths_and_seed_give_the_same_changes_and_another_seed_others(questions: list[Question]) -> None:
    paths = exact_paths(questions)
    assert changed(questions, paths) == changed(questions, paths)
    flaws = [
        [shown[0]["path"] for shown in changed(questions, paths, seed).shown["self-flawed"].values()] for seed in (0, 1)
    ]
    assert flaws[0] != flaws[1]


def test_controls_change_the_exact_path_where_there_is_one(questions: list[Question]) -> None:
    found = changed(questions, {})
    kinds = {question.id: question.kind for question in questions}
    exact = {question.id: exact_text(question) for question in questions}
    for question in questions:
        (reworded,) = found.shown["paraphrased"][question.id]
        assert reworded["path"] != exact[question.id] and parse_path(reworded["path"]).answer == question.answer
        assert (reworded["path_correct"], reworded["maker"], reworded["made_from"]) == (True, "rule", "")
        (nothing,) = found.shown["irrelevant"][question.id]
        assert nothing["path_correct"] is None and parse_path(nothing["path"]).answer is None
        assert abs(len(nothing["path"].split()) - len(exact[question.id].split())) <= 8
        for other in found.shown["shuffled"].get(question.id, ()):
            givers = {kinds[giver] for giver, text in exact.items() if text == other["path"]}
            assert question.kind in givers and other["path"] != exact[question.id] or len(givers) == 1


def test_of_a_real_question_the_first_complete_stored_path_is_changed() -> None:
    questions = [foreign(place) for place in range(3)] + [foreign(3, "alone")]
    paths = {
        question.id: [path(question, "no path", 0), path(question, own_text(str(7 + place)), 1)]
        for place, question in enumerate(questions)
    }
    del paths[questions[2].id]
    found = changed(questions, paths)
    (shown,) = found.shown["irrelevant"]["f0"]
    assert (shown["made_from"], shown["sample"], shown["path_model"]) == ("f0-1", 1, "agent@1")
    (swapped,) = found.shown["shuffled"]["f0"]
    assert swapped["path"] == own_text("8") and swapped["path_correct"] is False
    assert found.left_out["shuffled"] == {"no complete path": 1, "no other question of its kind": 1}
    assert found.left_out["paraphrased"]["no rule rewords it, and `eval.paraphraser` names no model"] == 3


def test_a_blank_image_is_white_and_as_large_as_the_one_it_stands_for() -> None:
    question = foreign(7)
    (image,) = blanks([question]).values()
    with PILImage.open(io.BytesIO(image.bytes)) as shown:
        assert shown.size == (47, 30) and shown.getextrema() == ((255, 255),) * 3
    assert blank_of(drawn_image(47, 30)) == image


def test_the_blank_arm_differs_from_two_agents_in_the_images_alone(questions: list[Question]) -> None:
    given = Given(exact_paths(questions), {})
    seen, unseen = (docs(arm, questions, given, SETTINGS) for arm in ("reason+summary", "blank-image"))
    for one, other in zip(seen, unseen, strict=True):
        assert one["images"] != other["images"]
        same = {"images": [], "arm": ""}
        assert {**one, **same} == {**other, **same}


def test_the_oracle_finds_the_best_of_k_by_steps_and_not_by_the_answer(questions: list[Question]) -> None:
    """A path that guesses the right answer does not beat one whose every step is true."""
    question = questions[0]
    text = exact_text(question)
    guess = '{"summary": "guess", "reasoning": "it looks so", "action": "summary"}'
    lucky = path(question, f'{guess}\n{{"answer": "{question.answer}"}}')
    sound = path(question, text, 1)
    silent = path(question, text, 2).model_copy(update={"answer": None})
    (vote,) = best_of([question], {question.id: [lucky, silent, sound]}, SETTINGS, None)[question.id]
    assert (vote["path_id"], vote["path_score"], vote["path_judge"]) == (sound.id, 100, ORACLE)
    assert vote["path_tokens"] == 10 + 12 + 11 and vote["num_paths"] == 3
    (vote,) = best_of([question], {question.id: [silent]}, SETTINGS, None)[question.id]
    assert vote["vote"] == ""


def test_real_questions_have_a_benchmark_from_the_first_agents_right_paths() -> None:
    seats = "model_seats={base: a, reason: b, summary: c}"
    arms = "eval.arms=[base, direct, reason, reason+summary, oracle, flawed, self-flawed]"
    more = "eval.summaries={other: d}"
    columns = "questions.test.columns={question: question, answer: answer, options: options, image: image}"
    stages = {stage.name: stage for stage in plan(load_recipe("puzzlevqa", [seats, arms, more, columns]))}
    assert stages["corpora-benchmark"].inputs == {
        "questions": "questions-test",
        "paths": "paths-eval-model",
        "verdicts": "assess-eval-model",
    }
    assert stages["eval-model"].inputs["flawed"] == stages["eval-other"].inputs["flawed"] == "corpora-benchmark"
    assert stages["eval-other"].inputs["paths"] == "paths-eval-model"
    assert "paths-eval-other" not in stages and "reason" not in stages["eval-other"].options.arms


def test_a_default_plan_is_as_it_was() -> None:
    stages = [stage.name for stage in plan(load_recipe("walk"))]
    assert [name for name in stages if "benchmark" in name or "assess-eval" in name] == ["corpora-benchmark"]


def test_best_of_k_needs_paths_to_choose_from_and_a_judge() -> None:
    with pytest.raises(RecipeError, match="at least 2"):
        load_recipe("walk", ["eval.arms=[reason, best-of-k]"])
    with pytest.raises(RecipeError, match="needs `judge`"):
        load_recipe("walk", ["eval.best_of_judge=engine"])


class Says:
    """Says of every path what its number of steps tells: right of two."""

    name, revision, concurrency = "says", "1", 4

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def reply(self, request: Request) -> Reply:
        self.asked.append(request_key("says@1", request))
        verdict = "right" if "5 dots" in request.chat.messages[0].content else "wrong"
        return Reply(text=f'{{"verdict": "{verdict}", "answer": "9"}}', num_tokens=7)


def test_the_summary_agents_verdicts_choose_the_best_of_k_at_no_call_of_their_own(tmp_path: File) -> None:
    question, engine = foreign(0), Says()
    poor = '{"summary": "guess", "reasoning": "many", "action": "summary"}\n{"answer": "12"}'
    paths = {question.id: [path(question, poor), path(question, own_text("9"), 1)]}
    with closing(Journal(tmp_path / "journal.sqlite")) as journal, Caller(engine, journal) as caller:
        (vote,) = best_of([question], paths, SETTINGS, caller)[question.id]
    assert (vote["path_id"], vote["path_score"], vote["path_judge"]) == ("f0-1", 100, "summary: says@1")
    assert vote["path_tokens"] == 10 + 7 + 11 + 7
    sampling = sampling_of(generation_kwargs(SETTINGS.answer_sampling))
    arm = docs("reason+summary", [question], Given(paths, {}), SETTINGS)
    chats = [chat_of(context_with_markers(doc), question.images) for doc in arm]
    keys = [request_key("says@1", Request(chat, sampling, sample)) for sample, chat in enumerate(chats)]
    assert sorted(engine.asked) == sorted(keys)
