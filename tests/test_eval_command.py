"""`eval`: what a command asks of which models, and what is wrong with it, said before anything is asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any

import pytest

from insightv_bench.agents import ReasoningAgent, path_text, whole_text
from insightv_bench.chat import Chat
from insightv_bench.cli_eval import eval_command, pairs
from insightv_bench.engines import Caller
from insightv_bench.errors import EngineError, ModelError, RecipeError, SourceError
from insightv_bench.eval_command import BOARD, Asked, _recipes, copy_results, text_options
from insightv_bench.evals.metrics import UNSCORED, circular_accuracy, mme_score, score_extracted, score_flawed, scored
from insightv_bench.evals.rotations import rotated
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.plan import plan
from insightv_bench.protocol import parse_path
from insightv_bench.recipe import load_recipe
from insightv_bench.records import Message, Question
from insightv_bench.run import needed, place
from insightv_bench.seats import engine_of, seat_name
from insightv_bench.settings import OpenAIEngine, PathsSettings, Sampling, TaskSource, WorldSource
from insightv_bench.sources.drafts import Draft
from insightv_bench.world.fixed import fixed_questions, fixed_version
from insightv_bench.world.level import Level
from insightv_bench.world.questions import sample_questions

from .reading import png

SERVER = "openai:http://127.0.0.1:1/v1#org/model"
NOTHING: dict[str, Any] = {
    "recipe": "",
    "tasks": (),
    "models": (SERVER, "", ""),
    "summaries": (),
    "model_args": {},
    "gen_kwargs": {},
    "limit": None,
    "seed": None,
    "fresh_seed": None,
    "batch_size": None,
    "include_path": "",
    "data": None,
    "overrides": (),
}


def recipes(**asked: Any) -> list[Any]:
    return list(_recipes(Asked(**{**NOTHING, **asked})))


def test_with_no_tasks_it_is_the_drawn_world_at_full_and_its_flawed_paths_in_every_arm() -> None:
    (recipe,) = recipes()
    assert recipe.world == Level(level="full") and recipe.questions["test"].num == 500
    stages = {stage.name: stage for stage in plan(recipe)}
    assert stages["corpora-benchmark"].options == {"fixed": True}
    assert stages["eval-org-model"].options["arms"] == list(recipe.eval.arms)
    assert {"reason", "reason+summary", "oracle", "flawed", "direct", "base"} <= set(recipe.eval.arms)


def test_the_fixed_set_is_the_same_whatever_the_seed_and_a_fresh_one_is_another() -> None:
    from insightv_bench.builders.sources.world import read_world

    (recipe,) = recipes(tasks=("insightv_tiny",), limit=4, seed=9)
    source = recipe.questions["test"]
    assert isinstance(source, WorldSource) and recipe.seed == 9
    drawn = [q.id for q in read_world(source, recipe.world, recipe.seed)]
    assert drawn == [q.id for q in fixed_questions("tiny", num=4)] == [q.id for q in fixed_questions("tiny", num=5)][:4]
    (fresh,) = recipes(tasks=("insightv_tiny",), limit=4, fresh_seed=7)
    assert fresh.name != recipe.name and fresh.world.name == "tiny-fresh-7"
    assert not set(drawn) & {q.id for q in fixed_questions("tiny", 7, num=4)}
    assert len({fixed_version(), fixed_version(7), fixed_version(num=4)}) == 3


def test_each_task_is_a_run_of_its_own(tmp_path: File) -> None:
    pytest.importorskip("lm_eval")
    drawn, puzzles = recipes(tasks=("insightv_small", "insightv_puzzlevqa"), data=None, limit=5)
    assert (drawn.task, puzzles.task) == ("insightv_small", "insightv_puzzlevqa")
    assert isinstance(puzzles.questions["test"], TaskSource) and puzzles.questions["test"].limit == 5
    stage = plan(puzzles)[0]
    assert stage.function == "evals.task_questions:questions"


def test_a_server_fills_seats_and_its_speed_is_no_part_of_what_is_asked() -> None:
    (slow,) = recipes(model_args={"concurrency": 2, "extra_body": {"top_k": 1}})
    (fast,) = recipes(model_args={"concurrency": 64, "extra_body": {"top_k": 1}})
    assert isinstance(slow.model_seats["reason"], OpenAIEngine) and slow.model_seats["reason"].concurrency == 2
    one, other = ([stage.options for stage in plan(recipe)] for recipe in (slow, fast))
    assert one == other
    assert slow.base_name == "org/model" and slow.system == "org-model"


def test_a_seat_can_have_another_model() -> None:
    (recipe,) = recipes(models=("org/all", "org/thinker", ""))
    assert recipe.model_seats == {"base": "org/all", "reason": "org/thinker", "summary": "org/all"}
    assert recipe.system == "org-all-org-thinker"


def test_more_summary_agents_are_systems_of_their_own_on_the_same_paths() -> None:
    more = ("org/b", "openai:http://127.0.0.1:1/v1#c", "org/b")
    (recipe,) = recipes(models=("", "org/thinker", "org/a"), summaries=more, tasks=("insightv_tiny",))
    stages = {stage.name: stage for stage in plan(recipe)}
    named = {name: stage.options["seats"] for name, stage in stages.items() if name.startswith("eval-")}
    assert list(named) == [f"eval-org-thinker-{name}" for name in ("org-a", "org-b", "c", "org-b-2")]
    assert [seats["summary"] for seats in named.values()][:2] == ["org/a", "org/b"]
    assert named["eval-org-thinker-c"]["summary"]["model"] == "c"
    assert [name for name in stages if name.startswith("paths-")] == ["paths-eval-org-thinker-org-a"]
    paths = {stage.options["paths"] for name, stage in stages.items() if name in named}
    assert paths == {"paths-eval-org-thinker-org-a"}


def test_new_weights_in_a_folder_of_the_same_name_are_asked_anew(tmp_path: File) -> None:
    (tmp_path / "agent").mkdir()
    for name in ("config.json", "model.safetensors"):
        (tmp_path / "agent" / name).write_text("{}")

    def folders() -> dict[str, str]:
        (recipe,) = recipes(models=(str(tmp_path / "agent"), "", ""), tasks=("insightv_tiny",))
        return {name: folder.name for name, folder in place(recipe, tmp_path, plan(recipe)).items()}

    before = folders()
    assert folders() == before
    (tmp_path / "agent" / "model.safetensors").write_text("{ }")
    changed = {name for name, folder in folders().items() if folder != before[name]}
    assert changed == {"paths-eval-agent", "eval-agent", "leaderboard"}


def test_a_recipe_that_makes_corpora_is_evaluated_without_making_them() -> None:
    (recipe,) = recipes(recipe="puzzlevqa", models=("org/model", "", ""))
    names = [stage.name for stage in needed(plan(recipe), BOARD)]
    assert "paths-teacher" not in names and names[-1] == BOARD and "eval-org-model" in names


def test_gen_kwargs_are_of_every_arm() -> None:
    (recipe,) = recipes(gen_kwargs=pairs("temperature=0.5,top_p=0.9,max_gen_toks=77", "--gen_kwargs"))
    for sampling in (recipe.eval.path_sampling, recipe.eval.answer_sampling):
        assert (sampling.temperature, sampling.top_p, sampling.max_new_tokens) == (0.5, 0.9, 77)
    (greedy,) = recipes(gen_kwargs=pairs('{"do_sample": false}', "--gen_kwargs"))
    assert greedy.eval.path_sampling.temperature == 0


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"gen_kwargs": {"temprature": 1}}, "`temprature` is no key of `--gen_kwargs`"),
        ({"model_args": {"concurency": 1}}, "`concurency`"),
        ({"models": ("openai:host#name", "", "")}, "names no model at a server"),
        ({"models": ("", "", "")}, "makes no model to evaluate"),
        ({"models": ("", "", ""), "model_args": {"batch_size": 1}}, "options of the models that are named"),
        ({"tasks": ("insightv_tiny",), "data": File("x.parquet")}, "are drawn"),
        ({"recipe": "puzzlevqa", "fresh_seed": 1}, "makes questions of its own"),
        ({"tasks": ("insightv_mme",), "fresh_seed": 1}, "is a fixed set"),
        ({"tasks": ("insightv_paper",)}, "is a group of tasks"),
        ({"overrides": ("eval.summaries={org-model: x}",)}, "two systems are called `org-model`"),
        ({"overrides": ("eval.summaries={Other Model: x}",)}, "eval.summaries"),
    ],
)
def test_what_is_wrong_with_a_command_is_said_at_once(asked: dict[str, Any], said: str) -> None:
    if any(task not in ("insightv_tiny",) for task in asked.get("tasks", ())):
        pytest.importorskip("lm_eval")
    with pytest.raises((RecipeError, ModelError), match=said):
        recipes(**asked)


def test_samples_need_a_folder_to_be_written_to() -> None:
    with pytest.raises(RecipeError, match="`--log_samples` needs a folder"):
        eval_command(model=SERVER, log_samples=True, dry_run=True)


def test_pairs_are_lm_evals() -> None:
    assert pairs("a=1,b=x=y,c=True,d=0.5", "--x") == {"a": 1, "b": "x=y", "c": True, "d": 0.5}
    for wrong in ("a", "=1", "{1}", "[1]"):
        with pytest.raises(RecipeError):
            pairs(wrong, "--x")


@pytest.mark.parametrize("model", [SERVER, "org/local"])
def test_a_revision_may_look_like_a_number(model: str) -> None:
    given = pairs("revision=1", "--model_args", text_options())
    (recipe,) = recipes(models=(model, "", ""), model_args=given)
    assert recipe.model_seats["reason"].revision == "1"
    assert pairs("revision=1e5,concurrency=2", "--model_args", text_options()) == {"revision": "1e5", "concurrency": 2}


def test_a_places_parts_are_told_apart() -> None:
    engine = engine_of(SERVER, concurrency=3)
    assert isinstance(engine, OpenAIEngine) and (engine.model, engine.concurrency) == ("org/model", 3)
    assert engine.base_url == "http://127.0.0.1:1/v1"
    assert [seat_name(SERVER), seat_name("org/x"), seat_name(engine)] == ["org/model", "org/x", "org/model"]


def test_a_local_models_name_holds_no_path(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "train-base-1" / "model"
    folder.mkdir(parents=True)
    assert seat_name(str(folder)) == "train-base-1" and seat_name(str(folder.parent)) == "train-base-1"


def test_local_models_compute_as_they_are_saved_unless_the_recipe_or_the_command_says_else() -> None:
    def engines(recipe: Any) -> dict[str, str]:
        stages = {stage.name: stage for stage in plan(recipe)}
        return {stage.settings.engine.dtype for name, stage in stages.items() if name.startswith("paths-eval")}

    assert engines(load_recipe("walk")) == {"auto"}
    assert engines(load_recipe("qwen2-5-vl-7b")) == {"bfloat16"}
    for args, dtype in [("device=cpu", "auto"), ("dtype=float16", "float16")]:
        (recipe,) = recipes(models=("org/local", "", ""), model_args=pairs(args, "--model_args"))
        assert engines(recipe) == {dtype}
    (before,) = [stage for stage in plan(load_recipe("walk")) if stage.name == "eval-base"]
    assert "dtype" not in before.settings.model_dump()  # what was evaluated before is not evaluated again


def test_result_files_are_laid_out_as_lm_eval_does(tmp_path: File) -> None:
    inner = tmp_path / "run" / "model"
    inner.mkdir(parents=True)
    for name in ("results_1.json", "samples_a_1.jsonl"):
        (inner / name).write_text("{}")
    copy_results(tmp_path / "run", tmp_path / "out", log_samples=False)
    assert [file.name for file in (tmp_path / "out" / "model").iterdir()] == ["results_1.json"]
    copy_results(tmp_path / "run", tmp_path / "out", log_samples=True)
    assert len(list((tmp_path / "out" / "model").iterdir())) == 2


# Thinking aloud is the path


@dataclass
class Thinker:
    """Says the same to everything."""

    reply_: Reply
    name: str = "thinker"
    revision: str = "1"
    concurrency: int = 4
    requests: list[Request] = field(default_factory=list)

    async def reply(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.reply_


@pytest.mark.parametrize(
    "reply",
    [
        Reply(text="8", reasoning="Red is 3.\n\nSo the answer is 9."),
        Reply(text="<think>\nRed is 3.\n\nSo the answer is 9.\n</think>\n8"),
    ],
)
def test_what_a_model_thinks_aloud_is_its_path_and_never_its_answer(tmp_path: File, reply: Reply) -> None:
    (question,) = sample_questions(Level(side=16), "test", 0, 1)
    settings = PathsSettings(mode="one-call", num_paths=1, sampling=Sampling())
    with Caller(Thinker(reply), Journal(tmp_path / "journal.sqlite")) as caller:
        (path,) = caller.run([ReasoningAgent(caller, settings).write(question, 0)])
    assert path.answer == "8" and [step.reasoning for step in path.steps] == ["Red is 3.", "So the answer is 9."]
    assert "So the answer is 9." in path_text(path) and "Red is 3." in path.text
    assert parse_path(whole_text(reply)).steps == path.steps
    doc = {"options": [], "answer_type": "number", "gold": "9"}
    assert not scored(doc, reply.text).right


def test_a_path_thought_aloud_reaches_the_summary_agent_on_lm_evals_command_line() -> None:
    pytest.importorskip("lm_eval")
    from insightv_bench.evals.model import bare_question, shown_path

    shown = shown_path(Reply(text="8", reasoning="Red is 3.\n\nIt is 8."))
    assert "Red is 3." in shown and '{"answer": "8"}' in shown
    unread = shown_path(Reply(text="no structure", reasoning=""))
    assert unread == "no structure"
    assert bare_question({"question": "Which?", "options": ["red", "blue"]}) == "Which?\nA. red\nB. blue"


# Figures


def test_figures_over_several_questions() -> None:
    assert circular_accuracy([("1", 1.0), ("1", 1.0), ("2", 1.0), ("2", 0.0)]) == 0.5
    both, one, cut = ("count", "1", 1.0), ("count", "2", 1.0), ("count", "3", 1.0)
    assert mme_score([both, both, one, ("count", "2", 0.0), cut]) == 100 * (2 + 0.5) / 2
    assert mme_score([cut]) == 0.0


def test_following_a_flaw_is_counted_where_it_reaches_the_answer() -> None:
    doc = {"options": [], "answer_type": "number", "gold": "8", "planted_answer": "9"}
    assert score_flawed(doc, ["Answer: 9"]) == {"acc": 0.0, "unread": 0.0, "followed": 1.0}
    assert score_flawed(doc, ["Answer: 8"]) == {"acc": 1.0, "unread": 0.0, "followed": 0.0}
    assert "followed" not in score_flawed({**doc, "planted_answer": "8"}, ["Answer: 8"])


def test_rotations_move_the_answers_letter_with_its_option() -> None:
    draft = Draft("Which?", "C", (b"",), ("red", "blue", "green"), group="1")
    made = [each for _, each in rotated([(0, draft)])]
    assert [each.options["ABC".index(each.answer)] for each in made] == ["green"] * 3
    assert len({each.options for each in made}) == 3
    held = [(0, draft), (1, draft._replace(options=("blue", "green", "red"), answer="B"))]
    assert list(rotated(held)) == held  # the data set's own rotations


# MathVista's judge


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
    from insightv_bench.evals import extraction

    monkeypatch.chdir(folder)
    monkeypatch.setenv(extraction.JUDGE, SERVER)
    monkeypatch.setattr(extraction, "open_engine", lambda settings: Judge(answers))
    doc = {"question": "How long?", "options": [], "answer_type": "number", "gold": "1.2"}
    texts = extraction.extract([[reply] for reply in replies], [doc] * len(replies))
    return [score_extracted(doc, [text]) for text in texts]


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
    assert right == clear == {"acc": 1.0, "unread": 0.0, "unscored": 0.0}
    assert made == none == {"acc": 0.0, "unread": 1.0, "unscored": 0.0}
    assert unscored == {"unscored": 1.0}


def test_a_judge_that_cannot_be_asked_leaves_replies_unscored(monkeypatch: pytest.MonkeyPatch, tmp_path: File) -> None:
    assert extracted(monkeypatch, tmp_path, {"gone": None}, ["gone: 1 or 2"]) == [{"unscored": 1.0}]
    assert score_extracted({}, [UNSCORED]) == {"unscored": 1.0}


# Any task that generates


def test_a_task_of_ones_own_is_asked_by_its_text_choices_and_target(tmp_path: File) -> None:
    pytest.importorskip("lm_eval")
    import datasets

    from insightv_bench.evals.task_questions import check_tasks, load_task, task_rows

    rows = [
        {"q": "Which?", "choices": ["red", "blue"], "gold": 1, "image": {"bytes": png(1), "path": None}},
        {"q": "Which now?", "choices": ["red", "blue"], "gold": 0, "image": {"bytes": png(2), "path": None}},
    ]
    made = datasets.Dataset.from_list(rows).cast_column("image", datasets.Image())
    made.to_parquet(tmp_path / "rows.parquet")
    (tmp_path / "own.yaml").write_text(
        f"""task: own
dataset_path: parquet
dataset_kwargs: {{data_files: {json.dumps(str(tmp_path / "rows.parquet"))}}}
test_split: train
output_type: generate_until
doc_to_text: "<image>{{{{q}}}}"
doc_to_image: [image]
doc_to_choice: "{{{{choices}}}}"
doc_to_target: gold
metric_list: [{{metric: exact_match}}]
"""
    )
    check_tasks(["own", "insightv_mme"], str(tmp_path))
    source = TaskSource(source="task", task="own", include_path=str(tmp_path), limit=1)
    (question,) = task_rows(load_task(source), source)
    assert isinstance(question, Question)
    assert (question.question, question.options, question.answer) == ("Which?", ("red", "blue"), "B")
    assert question.source == "own" and len(question.images) == 1
    with pytest.raises(RecipeError, match="no folder of task files"):
        check_tasks(["own"], str(tmp_path / "absent"))


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("task", "file", "num"), [("puzzlevqa", "puzzlevqa", 500), ("mathvision", "mathvision_testmini", 304)]
)
def test_real_rows_are_questions_whose_gold_answers_are_right(task: str, file: str, num: int) -> None:
    pytest.importorskip("lm_eval")
    from insightv_bench.evals.task_questions import load_task

    place = File(__file__).parents[2] / "shared" / "data" / f"{file}.parquet"
    if not place.exists():
        pytest.skip("the shared rows are not beside this checkout")
    made = load_task(TaskSource(source="task", task=f"insightv_{task}", data=str(place)))
    docs = list(made.eval_docs)
    assert len(docs) + sum(made.config.metadata["left_out"].values()) == num and len(docs) >= num - 4
    assert made.config.metadata["revision"].startswith("sha256-")
    assert all(made.process_results(doc, [json.dumps({"answer": doc["gold"]})])["acc"] == 1.0 for doc in docs[::7])
    with pytest.raises(SourceError, match="no parquet file"):
        load_task(TaskSource(source="task", task=f"insightv_{task}", data="absent.parquet"))


def test_a_chat_at_a_summary_seat_keeps_its_picture() -> None:
    pytest.importorskip("lm_eval")
    from io import BytesIO

    from PIL import Image as Picture

    from insightv_bench.evals.model import as_image, chat_of

    opened = Picture.open(BytesIO(png(3)))
    opened.original = png(3)  # type: ignore[attr-defined]
    assert as_image(opened).bytes == png(3)
    chat = chat_of("<image>Which?", [as_image(opened)])
    assert chat == Chat((Message(role="user", content="Which?"),), (as_image(opened),))
