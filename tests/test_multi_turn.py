"""One model in both seats, turn after turn: its corpus, where its loss is taken, how it is asked, what is planned."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from gpu.families import FAMILIES
from gpu.random_models import make_random
from training_stages import corpus, losses, manifest, placed, sft_settings, train

from insightv_bench.agents import path_text, second_turn, summary_chat
from insightv_bench.builders.corpora.multi_turn import OTHER_PROMPT
from insightv_bench.builders.corpora.summary import plain_row, summary_row
from insightv_bench.chat import assistant, go_on, load_prompt, user
from insightv_bench.engines import Caller
from insightv_bench.engines.hf import load_processor
from insightv_bench.engines.teacher import Teacher
from insightv_bench.errors import StageError
from insightv_bench.evals.arms import Given, docs
from insightv_bench.evals.arms.columns import exact_text
from insightv_bench.evals.harness import eval_record
from insightv_bench.evals.harness.model import Seats
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.plan import plan
from insightv_bench.protocol import parse_path, parse_summary, render_answer
from insightv_bench.records import MultiTurnRow, Question, ReasoningRow, SummaryRow, columns_of
from insightv_bench.records import Path as PathRow
from insightv_bench.runs import run
from insightv_bench.settings import EvalSettings, Section, TeacherEngine, TinyModel, load_recipe
from insightv_bench.stages import Context, Progress, Stage, read_manifest, run_stage
from insightv_bench.storage import read_rows
from insightv_bench.trainers.compute import batch_size
from insightv_bench.trainers.data import AssistantTurns
from insightv_bench.trainers.models import make_tiny
from insightv_bench.trainers.training import prepare
from insightv_bench.world import Level, sample_questions

Made = tuple[Path, list[MultiTurnRow]]


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    return list(sample_questions(Level(side=16), "train", seed=3, num=6))


def taught(question: Question) -> ReasoningRow:
    completion = (assistant(exact_text(question)),)
    prompt = (user("reason", question),)
    return ReasoningRow(**columns_of(question), prompt=prompt, completion=completion, score=100)


def judged(question: Question, path: str, correct: bool = True) -> SummaryRow:
    return summary_row(question, path, "optimal" if correct else "flawed", "high" if correct else "wrong", correct, "")


def flawed(question: Question) -> str:
    return exact_text(question).rpartition("\n")[0] + "\n" + render_answer("8128")


def conversations(run_folder: Path, reasoning: Sequence[Any], summary: Sequence[Any]) -> Made:
    inputs = {
        "reasoning": corpus(run_folder, "corpora-reasoning", list(reasoning)),
        "summary": corpus(run_folder, "corpora-summary", list(summary)),
    }
    names = {role: folder.name for role, folder in inputs.items()}
    stage = Stage("corpora-multi-turn", "multi-turn", Section(), names)
    folder = run_folder / "stages" / "corpora-multi-turn-000000000000"
    with closing(Journal(run_folder / "journal.sqlite")) as journal:
        run_stage(stage, Context(stage, folder, inputs, journal, Progress(), 0, load_recipe("walk")))
    return folder, list(read_rows(folder, MultiTurnRow))


@pytest.fixture(scope="module")
def made(questions: list[Question], tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Two paths are taught and judged, the second of them twice; one is taught alone, one is judged and flawed."""
    first, second, third, fourth, fifth, _ = questions
    summary = [judged(first, exact_text(first)), judged(second, exact_text(second)), judged(second, exact_text(second))]
    summary += [judged(fourth, flawed(fourth), correct=False), plain_row(fifth)]
    return conversations(tmp_path_factory.mktemp("made"), [taught(each) for each in (first, second, third)], summary)


# The corpus


def test_each_row_of_both_corpora_stands_in_it_once(made: Made, questions: list[Question]) -> None:
    folder, rows = made
    assert manifest(folder)["totals"]["learnt"] == {"both turns": 2, "second turn": 2, "no path": 1, "first turn": 1}
    assert [row.id for row in rows] == [questions[place].id for place in (0, 1, 1, 3, 4, 2)]
    assert [len(row.completion) for row in rows] == [3, 3, 1, 1, 1, 1]
    for row, question in zip(rows[:2], questions, strict=False):
        path, turn, answer = row.completion
        assert row.prompt == (user("reason", question),) and turn == go_on()
        assert path.content == exact_text(question) and parse_summary(answer.content).verdict == "right"
    assert rows[4].prompt == summary_chat(questions[4], "").messages
    assert rows[5].completion == taught(questions[2]).completion


def test_a_flawed_path_is_judged_and_never_learnt(made: Made, questions: list[Question]) -> None:
    row = made[1][3]
    assert [message.role for message in row.prompt] == ["user", "assistant", "user"]
    assert row.prompt[1].content == flawed(questions[3])
    assert parse_summary(row.completion[0].content).verdict == "wrong"
    learnt = "".join(message.content for each in made[1] for message in each.completion)
    assert "8128" not in learnt


def test_rows_of_another_versions_prompt_are_left_out_with_the_reason(
    questions: list[Question], tmp_path: Path
) -> None:
    known, other = judged(questions[0], exact_text(questions[0])), judged(questions[1], exact_text(questions[1]))
    old = other.model_copy(update={"prompt": (user("direct", questions[1]),)})
    folder, rows = conversations(tmp_path / "a", [taught(questions[0])], [known, old])
    assert len(rows) == 1 and manifest(folder)["dropped"] == {OTHER_PROMPT: 1}
    assert pl.read_parquet(folder / "exclusions.parquet")["id"].to_list() == [other.id]
    with pytest.raises(StageError, match="no row of the summary corpus shows a path in this version's prompt") as told:
        conversations(tmp_path / "b", [taught(questions[0])], [old])
    assert "build corpora" in told.value.hint


# The loss


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    prepare(threads=1, seed=0)
    folder = tmp_path_factory.mktemp("models")
    make_tiny(TinyModel(), folder / "tiny", seed=0)
    for name in ("qwen2-5-vl-3b", "qwen3-vl-4b", "llava-next-llama3-8b", "smolvlm2-2b"):
        make_random(FAMILIES[name], folder / name)
    return folder


@pytest.mark.parametrize("name", ["tiny", "qwen2-5-vl-3b", "qwen3-vl-4b", "llava-next-llama3-8b", "smolvlm2-2b"])
def test_the_loss_is_on_the_assistants_turns_alone(models: Path, made: Made, name: str) -> None:
    from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

    from insightv_bench.trainers.data import COMPLETIONS, load_corpus

    processor = load_processor(str(models / name))
    rows = load_corpus([made[0]], COMPLETIONS, models / "cache")
    theirs = DataCollatorForVisionLanguageModeling(processor=processor, max_length=None, completion_only_loss=True)
    batch = AssistantTurns(theirs, processor)([dict(row) for row in rows])
    plain = theirs([dict(row) for row in rows])
    for place, row in enumerate(made[1]):
        kept = batch["labels"][place] != -100
        learnt = processor.tokenizer.decode(batch["input_ids"][place][kept])
        for message in row.completion:
            assert (message.content in learnt) == (message.role == "assistant")
        assert "judge the path" not in learnt and "<image>" not in learnt
        if len(row.completion) == 1:
            assert bool((batch["labels"][place] == plain["labels"][place]).all())
    assert all(bool((batch[key] == plain[key]).all()) for key in plain if key != "labels")


def test_a_template_that_writes_old_turns_otherwise_is_an_error(models: Path, made: Made) -> None:
    """As those do that take the reasoning out of every turn but the last."""
    from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

    from insightv_bench.trainers.data import COMPLETIONS, load_corpus

    processor = load_processor(str(models / "tiny"))
    cut = "{%- if message['role'] == 'assistant' and not loop.last %}<|assistant|>...<|end|>{%- continue %}{%- endif %}"
    start = "{%- for message in messages %}"
    processor.chat_template = processor.chat_template.replace(start, start + cut)
    rows = load_corpus([made[0]], COMPLETIONS, models / "cache")
    collate = AssistantTurns(DataCollatorForVisionLanguageModeling(processor=processor), processor)
    with pytest.raises(StageError, match="writes a turn otherwise once another follows it"):
        collate([dict(rows[0])])


@pytest.mark.slow
def test_it_is_trained_on_conversations(models: Path, made: Made, tmp_path: Path) -> None:
    inputs = {"train-base": placed(models / "tiny", tmp_path), "corpora-multi-turn": made[0]}
    settings = sft_settings(trainer={"per_device_train_batch_size": 6, "max_steps": 12, "learning_rate": 3e-3})
    folder = train(tmp_path, "sft", settings, inputs, "train-multi-turn")
    assert losses(folder)[-1] < 0.8 * losses(folder)[0]
    totals = manifest(folder)["totals"]
    assert totals["num_rows"] == 6 and {kind: part["rows"] for kind, part in totals["mix"].items()} == {
        "optimal": 4, "flawed": 1, "plain": 1,
    }  # fmt: skip
    assert totals["mix"]["optimal"]["tokens"] > 4 * totals["mix"]["plain"]["tokens"] > 0


# The arm

SETTINGS = EvalSettings(arms=("reason", "multi-turn"))


def written(question: Question, text: str) -> PathRow:
    parsed = parse_path(text)
    return PathRow(
        id=f"p{question.id}", question_id=question.id, sample=0, generator="m@1", prompt="reason@1",
        steps=parsed.steps, answer=parsed.answer, status=parsed.status, dialect=parsed.dialect, text=text, num_tokens=9,
    )  # fmt: skip


class Recorder:
    """A model that keeps what it is asked, and gives the teacher's reply."""

    name, revision, concurrency = "recorder", "1", 4

    def __init__(self, teacher: Teacher) -> None:
        self.asked: list[Request] = []
        self._teacher = teacher

    async def reply(self, request: Request) -> Reply:
        self.asked.append(request)
        return await self._teacher.reply(request)


def test_the_model_is_asked_in_the_conversation_in_which_it_wrote(questions: list[Question], tmp_path: Path) -> None:
    texts = ["Here it is.\n" + exact_text(questions[0]), flawed(questions[1]), "I cannot tell."]
    paths = {q.id: [written(q, text)] for q, text in zip(questions, texts, strict=False)}
    made = docs("multi-turn", questions, Given(paths, {}), SETTINGS)
    assert [doc["question_id"] for doc in made] == [question.id for question in questions[:3]]
    assert {(doc["seat"], doc["prompt"], doc["path_tokens"]) for doc in made} == {
        ("reason", load_prompt("summary").label, 9)
    }
    recorder = Recorder(Teacher(TeacherEngine(), {q.image_sha256[0]: q.scene for q in questions}))
    images = {image.sha256: image for question in questions for image in question.images}
    records = []
    with closing(Journal(tmp_path / "journal.sqlite")) as journal, Caller(recorder, journal) as caller:
        seats = Seats({"reason": caller}, images)
        replies = seats.generate_until([Instance(doc, place) for place, doc in enumerate(made)])
    for doc, reply in zip(made, replies, strict=True):
        system = {"system": "multi-turn", "base": "b", "round": 0, "task": "t", "task_version": "1", "model": "m"}
        records.append(eval_record(doc, Reply(text=reply, num_tokens=4), system))
    asked = {request.chat.images[0].sha256: request.chat.messages for request in recorder.asked}
    for question, text, record in zip(questions, texts, records, strict=False):
        assert asked[question.image_sha256[0]] == second_turn(question, text).messages
        assert asked[question.image_sha256[0]][1].content == text  # as it was written, word for word
        assert record.path == path_text(paths[question.id][0]) and record.total_tokens == 9 + 4
    assert [(record.correct, record.verdict, record.path_correct) for record in records] == [
        (True, "right", True), (True, "wrong", False), (True, "wrong", False),
    ]  # fmt: skip


class Instance:
    """A request as lm-eval makes it of a document."""

    def __init__(self, doc: dict[str, Any], place: int) -> None:
        markers = "<image>" * len(doc["images"])
        options = {"do_sample": False, "max_gen_toks": 24}
        self.args = (markers + doc["context"], options, {"visual": doc["images"]})
        self.doc, self.doc_id, self.task_name = doc, place, "t_multi_turn"


# The plan


def test_the_recipe_trains_it_beside_the_single_model_and_evaluates_its_second_turn() -> None:
    stages = {stage.name: stage for stage in plan(load_recipe("multi-turn"))}
    assert stages["corpora-multi-turn"].inputs == {"reasoning": "corpora-reasoning", "summary": "corpora-summary"}
    trained = stages["train-multi-turn"]
    assert trained.inputs["model"] == "train-base" and trained.options.seat == "both"
    assert [trained.inputs[role] for role in trained.options.corpora] == ["corpora-multi-turn"]
    assert trained.options.equal_compute == stages["train-single-model"].options.equal_compute
    assert stages["eval-multi-turn"].options.arms == ("reason", "multi-turn")
    twins = {stage.name: stage for stage in plan(load_recipe("multi-turn", ["eval.greedy=true"]))}
    assert twins["eval-multi-turn-greedy"].inputs["paths"] == "paths-eval-multi-turn-greedy"
    assert "train-multi-turn" in stages["eval-multi-turn"].inputs.values()


def test_a_real_models_controls_are_trained_as_its_agents_are() -> None:
    options = [
        "reason.lora={r: 8}",
        "reason.launch={config: fsdp, num_processes: 4}",
        "summary.launch={num_processes: 8}",
    ]
    stages = {stage.name: stage for stage in plan(load_recipe("paper-ablations", options))}
    for name in ("train-multi-turn", "train-single-model"):
        settings: Any = stages[name].settings
        assert (settings.lora, settings.device, settings.launch.num_processes) == ({"r": 8}, "cuda", 4)
        assert settings.max_tokens == 6144  # the longer of the two agents' rows
        matched = stages[name].options.equal_compute
        assert batch_size(matched["reasoning"]) == 32 * 4 and batch_size(matched["summary"]) == 32 * 8
    rejection: Any = stages["train-rejection-1"].settings
    assert (rejection.device, rejection.max_tokens) == ("cuda", 4096)


def test_any_model_can_be_asked_so() -> None:
    options = ["model_seats={reason: ORG/NAME, summary: ORG/NAME}", "eval.arms=[reason, multi-turn, reason+summary]"]
    (stage,) = [stage for stage in plan(load_recipe("eval", options)) if stage.makes == "evaluation"]
    assert stage.options.arms == ("reason", "multi-turn", "reason+summary")


@pytest.mark.slow
def test_from_nothing_to_the_board(tmp_path: Path) -> None:
    from test_walk import SMALL

    recipe = load_recipe("walk", [*SMALL, "rounds.num=0", "controls=[single-model, multi-turn]", "eval.greedy=true"])
    summary = run(recipe, tmp_path)
    arms = {(row["system"], row["arm"]): row for row in summary["arms"]}
    for system in ("multi-turn", "multi-turn-greedy"):
        assert arms[system, "multi-turn"]["n"] == arms[system, "reason"]["n"] == 40
    assert ("multi-turn: multi-turn", "sft: reason+summary") in {(row["a"], row["b"]) for row in summary["comparisons"]}
    (folder,) = (tmp_path / "walk-seed0" / "stages").glob("train-multi-turn-*")
    assert read_manifest(folder)["totals"]["equal_compute"]["num_steps"] > 15
