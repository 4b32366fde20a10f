"""`eval`: what a command asks of which models, and what is wrong with it, said before anything is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from insightv_bench.cli.eval import eval_command, pairs
from insightv_bench.cli.eval_recipes import BOARD, Asked, copy_results, recipes_of, text_options
from insightv_bench.errors import ModelError, RecipeError
from insightv_bench.plan import plan
from insightv_bench.runs import needed, place, told_apart
from insightv_bench.settings import OpenAIEngine, TaskSource, WorldSource, engine_of, load_recipe, seat_name
from insightv_bench.world import Level, fixed_questions, fixed_version

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
    return list(recipes_of(Asked(**{**NOTHING, **asked})))


def test_with_no_tasks_it_is_the_drawn_world_at_full_and_its_flawed_paths_in_every_arm() -> None:
    (recipe,) = recipes()
    assert recipe.world == Level(level="full") and recipe.questions["test"].num == 500
    stages = {stage.name: stage for stage in plan(recipe)}
    assert stages["corpora-benchmark"].options.changes() == {"fixed": True}
    assert stages["eval-org-model"].options.arms == recipe.eval.arms
    assert {"reason", "reason+summary", "oracle", "flawed", "direct", "base"} <= set(recipe.eval.arms)


def test_the_fixed_set_is_the_same_whatever_the_seed_and_a_fresh_one_is_another() -> None:
    from insightv_bench.builders.questions import read_world

    (recipe,) = recipes(tasks=("insightv_tiny",), limit=4, seed=9)
    source = recipe.questions["test"]
    assert isinstance(source, WorldSource) and recipe.seed == 9
    drawn = [q.id for q in read_world(source, recipe.world, recipe.seed)]
    assert drawn == [q.id for q in fixed_questions("tiny", num=4)] == [q.id for q in fixed_questions("tiny", num=5)][:4]
    (fresh,) = recipes(tasks=("insightv_tiny",), limit=4, fresh_seed=7)
    assert fresh.name != recipe.name and fresh.world.name == "tiny-fresh-7"
    assert not set(drawn) & {q.id for q in fixed_questions("tiny", 7, num=4)}
    assert len({fixed_version(), fixed_version(7), fixed_version(num=4)}) == 3


def test_each_task_is_a_run_of_its_own(tmp_path: Path) -> None:
    pytest.importorskip("lm_eval")
    drawn, puzzles = recipes(tasks=("insightv_small", "insightv_puzzlevqa"), data=None, limit=5)
    assert (drawn.task, puzzles.task) == ("insightv_small", "insightv_puzzlevqa")
    assert isinstance(puzzles.questions["test"], TaskSource) and puzzles.questions["test"].limit == 5
    stage = plan(puzzles)[0]
    assert stage.kind == "task-questions"


def test_a_server_fills_seats_and_its_speed_is_no_part_of_what_is_asked() -> None:
    (slow,) = recipes(model_args={"concurrency": 2, "extra_body": {"top_k": 1}})
    (fast,) = recipes(model_args={"concurrency": 64, "extra_body": {"top_k": 1}})
    assert isinstance(slow.model_seats["reason"], OpenAIEngine) and slow.model_seats["reason"].concurrency == 2
    one, other = ([stage.options.changes() for stage in plan(recipe)] for recipe in (slow, fast))
    assert one == other
    assert slow.base_name == "org/model" and slow.system == "org-model"


def test_a_seat_can_have_another_model() -> None:
    (recipe,) = recipes(models=("org/all", "org/thinker", ""))
    seats = {seat: engine.model for seat, engine in recipe.model_seats.items()}
    assert seats == {"base": "org/all", "reason": "org/thinker", "summary": "org/all"}
    assert recipe.system == "org-all-org-thinker"


def test_more_summary_agents_are_systems_of_their_own_on_the_same_paths() -> None:
    more = ("org/b", "openai:http://127.0.0.1:1/v1#c", "org/b")
    (recipe,) = recipes(models=("", "org/thinker", "org/a"), summaries=more, tasks=("insightv_tiny",))
    stages = {stage.name: stage for stage in plan(recipe)}
    named = {name: stage.options.seats for name, stage in stages.items() if stage.makes == "evaluation"}
    assert list(named) == [f"eval-org-thinker-{name}" for name in ("org-a", "org-b", "c", "org-b-2")]
    assert [seats["summary"].model for seats in named.values()][:2] == ["org/a", "org/b"]
    assert named["eval-org-thinker-c"]["summary"].model == "c"
    assert [name for name in stages if name.startswith("paths-")] == ["paths-eval-org-thinker-org-a"]
    paths = {stages[name].inputs["paths"] for name in named}
    assert paths == {"paths-eval-org-thinker-org-a"}


def test_new_weights_in_a_folder_of_the_same_name_are_asked_anew(tmp_path: Path) -> None:
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
        ({"gen_kwargs": {"temprature": 1}}, "`--gen_kwargs` has no key `temprature`"),
        ({"model_args": {"concurency": 1}}, "`concurency`"),
        ({"models": ("openai:host#name", "", "")}, "names no model at a server"),
        ({"models": ("", "", "")}, "makes no model to evaluate"),
        ({"models": ("", "", ""), "model_args": {"batch_size": 1}}, "options of the models that are named"),
        ({"tasks": ("insightv_tiny",), "data": Path("x.parquet")}, "are drawn"),
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
    assert "dtype" not in before.settings.changes()  # what was evaluated before is not evaluated again


def test_result_files_are_laid_out_as_lm_eval_does(tmp_path: Path) -> None:
    inner = tmp_path / "run" / "model"
    inner.mkdir(parents=True)
    for name in ("results_1.json", "samples_a_1.jsonl"):
        (inner / name).write_text("{}")
    copy_results(tmp_path / "run", tmp_path / "out", log_samples=False)
    assert [file.name for file in (tmp_path / "out" / "model").iterdir()] == ["results_1.json"]
    copy_results(tmp_path / "run", tmp_path / "out", log_samples=True)
    assert len(list((tmp_path / "out" / "model").iterdir())) == 2


def test_two_models_whose_names_make_one_folders_name_have_a_run_each(tmp_path: Path) -> None:
    def told(model: str) -> str:
        (recipe,) = recipes(models=(f"openai:http://127.0.0.1:1/v1#{model}", "", ""), tasks=("insightv_tiny",))
        return told_apart(recipe, tmp_path).name

    def begin(name: str, **more: Any) -> None:
        (tmp_path / f"{name}-seed0").mkdir()
        file = tmp_path / f"{name}-seed0" / "run.json"
        file.write_text(json.dumps({"recipe": name, "seed": 0} | more), encoding="utf-8")

    assert told("a/b") == told("a-b") == "drawn-tiny-a-b"
    begin("drawn-tiny-a-b", models=dict.fromkeys(("base", "reason", "summary"), "a/b"))
    assert told("a/b") == "drawn-tiny-a-b"
    other = told("a-b")
    assert other.startswith("drawn-tiny-a-b-") and told("a.b") != other
    begin(other)
    (tmp_path / "drawn-tiny-a-b-seed0" / "run.json").unlink()
    assert told("a-b") == other, "a run that was begun goes on, whatever became of the other"


def test_a_run_of_before_is_its_models_as_its_evaluations_say(tmp_path: Path) -> None:
    (recipe,) = recipes(models=("openai:http://127.0.0.1:1/v1#a/b", "", ""), tasks=("insightv_tiny",))
    folder = tmp_path / f"{recipe.name}-seed0"
    evaluated = folder / "stages" / "eval-a-b-0123456789ab"
    evaluated.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"recipe": recipe.name, "seed": 0}), encoding="utf-8")
    for name, is_same in (("a/b", True), ("a-b", False)):
        seats = {"reason": {"kind": "openai", "model": name}}
        (evaluated / "manifest.json").write_text(json.dumps({"options": {"seats": seats}}), encoding="utf-8")
        assert (told_apart(recipe, tmp_path) == recipe) is is_same
