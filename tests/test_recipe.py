"""A recipe is strict: what it cannot mean is an error that names the place, and the nearest thing that is known."""

from __future__ import annotations

import pytest
from own_recipes import MINIMAL, complaint, parsed

from insightv_bench.errors import RecipeError
from insightv_bench.plan import plan
from insightv_bench.settings import (
    HfEngine,
    OpenAIEngine,
    ParquetSource,
    Recipe,
    TeacherEngine,
    load_recipe,
    recipe_names,
)


@pytest.mark.parametrize("name", recipe_names())
def test_a_shipped_recipe_parses_and_plans_each_stage_after_its_inputs(name: str) -> None:
    recipe = load_recipe(name)
    stages = plan(recipe)
    assert recipe.name == name
    names = [stage.name for stage in stages]
    assert len(set(names)) == len(names) > 0
    for place, stage in enumerate(stages):
        assert set(stage.inputs.values()) <= set(names[:place])
        assert stage.command


def test_the_recipes_have_names_and_no_two_the_same() -> None:
    assert {"quickstart", "method", "walk", "eval"} <= set(recipe_names())
    assert recipe_names() == sorted(set(recipe_names()))


@pytest.mark.parametrize(
    ("name", "override", "key", "near"),
    [
        ("walk", "rouns.num=1", "rouns", "rounds"),
        ("walk", "world.max_bar=3", "world.max_bar", "max_bars"),
        ("walk", "eval.path_sampling.temprature=1", "eval.path_sampling.temprature", "temperature"),
        ("walk", "rounds.dpo.refrence=initial", "rounds.dpo.refrence", "reference"),
        ("walk", "rounds.questions.spli=train", "rounds.questions.spli", "split"),
        ("walk", "paths.engine.read_eror=0.1", "paths.engine.read_eror", "read_error"),
        ("walk", "questions.train.nm=3", "questions.train.nm", "num"),
        ("walk", "corpora.summary_shares.optmal=0.3", "corpora.summary_shares.optmal", "optimal"),
        ("walk", "lessons.mix.lst=1", "lessons.mix.lst", "list"),
        ("walk", "model_seats.sumary=x", "model_seats.sumary", "summary"),
        ("puzzlevqa", "questions.test.pth=x", "questions.test.pth", "path"),
        ("puzzlevqa", "questions.test.columns.qestion=x", "questions.test.columns.qestion", "question"),
        ("puzzlevqa", "paths.engine.bas_url=x", "paths.engine.bas_url", "base_url"),
        (
            "walk",
            "rounds.paths.engine={kind: hf, model: x, batchsize: 1}",
            "rounds.paths.engine.batchsize",
            "batch_size",
        ),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_known_one(name: str, override: str, key: str, near: str) -> None:
    error = complaint(name, override)
    assert error.fact == f"unknown key in `{name}`: `{key}`; did you mean `{near}`?"
    assert f"`{near}`" in error.hint


def test_a_key_that_is_near_none_is_answered_with_those_there_are() -> None:
    error = complaint("walk", "paths.zzz=1")
    assert error.fact == "unknown key in `walk`: `paths.zzz`"
    assert "`engine`, `num_paths`, `max_steps`" in error.hint


def test_the_members_of_a_union_do_not_stand_in_a_message() -> None:
    for name, override in [
        ("walk", "questions.train.num=0"),
        ("walk", "paths.engine.read_error=2"),
        ("puzzlevqa", "questions.test.limit=0"),
        ("puzzlevqa", "paths.engine.concurrency=0"),
    ]:
        assert f"`{override.partition('=')[0]}` in" in complaint(name, override).fact


def test_questions_may_have_the_name_of_a_source() -> None:
    recipe = parsed(MINIMAL.replace("train:", "world:"))
    assert list(recipe.questions) == ["world"]
    with pytest.raises(RecipeError, match="`questions.world.nm`; did you mean `num`"):
        parsed(MINIMAL.replace("train:", "world:"), "questions.world.nm=1")


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("questions.train={source: world, split: train}", "questions.train.num"),
        ("questions.train={split: train, num: 3}", "questions.train.source"),
        ("paths.engine={kind: openai, model: x}", "paths.engine.base_url"),
        ("paths.engine={model: x}", "paths.engine.kind"),
        ("rounds={num: 1}", "rounds.questions"),
    ],
)
def test_a_missing_key_is_named(override: str, key: str) -> None:
    error = complaint("walk", override)
    assert error.fact == f"missing key in `walk`: `{key}`"
    assert error.hint


def test_a_recipe_needs_a_name_and_questions() -> None:
    for fact, text in (
        ("missing key in `mine.yaml`: `name`", MINIMAL.replace("name: mine", "")),
        ("`mine.yaml`: `questions` is missing: at least one entry, each with its `source`", "name: mine"),
    ):
        with pytest.raises(RecipeError) as raised:
            parsed(text)
        assert raised.value.fact == fact


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("threads=ten", "threads", "'ten'"),
        ("seed=-1", "seed", "-1"),
        ("seed=1.5", "seed", "1.5"),
        ("questions.test.num=many", "questions.test.num", "'many'"),
        ("paths.sampling.top_p=2", "paths.sampling.top_p", "2"),
        ("corpora.summary_shares.optimal=half", "corpora.summary_shares.optimal", "'half'"),
        ("eval.flaws.severities=[0.5, 3]", "eval.flaws.severities.1", "3"),
        ("name=Not A Name", "name", "'Not A Name'"),
        ("questions.a/b={source: world, split: train, num: 3}", "questions.a/b", "'a/b'"),
        ("questions.train=3", "questions.train", "3"),
        ("paths=all", "paths", "'all'"),
        ("questions={}", "questions", "{}"),
    ],
)
def test_a_mistyped_value_is_shown_with_its_key(override: str, key: str, value: str) -> None:
    fact = complaint("walk", override).fact
    assert fact.startswith(f"`{key}` in `walk`")
    assert fact.endswith(f"; it is `{value}`")


@pytest.mark.parametrize(
    ("override", "key", "given", "near"),
    [
        ("paths.engine.kind=teachr", "paths.engine.kind", "teachr", "teacher"),
        ("questions.train.source=wrld", "questions.train.source", "wrld", "world"),
        ("eval.arms=[base, reson]", "eval.arms.1", "reson", "reason"),
        ("paths.mode=onecall", "paths.mode", "onecall", "one-call"),
        ("questions.train.split=trian", "questions.train.split", "trian", "train"),
        ("assess.judge=oracel", "assess.judge", "oracel", "oracle"),
    ],
)
def test_a_choice_that_is_none_is_answered_with_the_nearest(override: str, key: str, given: str, near: str) -> None:
    error = complaint("walk", override)
    assert error.fact == f"`{key}` in `walk` cannot be `{given}`; did you mean `{near}`?"
    assert f"`{near}`" in error.hint


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("paths=null", "`reason` needs `paths`"),
        ("agent_paths=null", "`summary` needs `agent_paths`"),
        ("lessons=null", "`base` needs `lessons`"),
        ("eval.questions=tset", "`eval.questions` names `tset`, which is not among `questions`"),
        ("base=null", "stage `train-reason` of recipe `walk` needs stage `train-base`, which it does not have"),
        ("corpora.mid=90", "`mid` (90) must be below `high` (80)"),
        ("world.min_bars=7", "`min_bars` (7) is more than"),
    ],
)
def test_a_part_that_lacks_what_it_needs_says_what(override: str, said: str) -> None:
    fact = complaint("walk", override).fact
    assert said in fact
    assert "walk" in fact
    assert "Value error" not in fact


def test_a_part_that_lacks_its_questions_says_which() -> None:
    content = load_recipe("walk").model_dump(mode="json", exclude_unset=True)
    del content["questions"]["sample"]
    with pytest.raises(RecipeError, match="stage `paths-sft` of recipe `walk` needs `questions.sample`"):
        plan(Recipe.model_validate(content))


def test_each_kind_of_engine_and_source_is_told_by_its_key() -> None:
    engines = {
        "{kind: teacher, read_error: 0.1}": TeacherEngine(read_error=0.1),
        "{kind: hf, model: m}": HfEngine(model="m"),
        "{kind: openai, model: m, base_url: u}": OpenAIEngine(model="m", base_url="u"),
    }
    for text, engine in engines.items():
        recipe = parsed(MINIMAL, f"paths.engine={text}")
        assert recipe.paths and recipe.paths.engine == engine
    assert isinstance(load_recipe("puzzlevqa").questions["test"], ParquetSource)


def test_what_a_recipe_leaves_out_is_not_planned() -> None:
    names = [stage.name for stage in plan(load_recipe("walk", ["rounds=null", "summary=null", "eval=null"]))]
    assert "train-reason" in names
    assert not [name for name in names if name.startswith(("train-dpo", "train-summary", "eval", "leaderboard"))]


@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_every_round_samples_from_the_round_before_and_draws_fresh_questions(rounds: int) -> None:
    stages = {stage.name: stage for stage in plan(load_recipe("walk", [f"rounds.num={rounds}"]))}
    seeds = []
    for number in range(1, rounds + 1):
        before = f"train-dpo-{number - 1}" if number > 1 else "train-reason"
        assert before in stages[f"paths-round-{number}"].inputs.values()
        assert before in stages[f"train-dpo-{number}"].inputs.values()
        seeds.append(stages[f"questions-round-{number}"].settings.model_dump()["seed"])
    assert len(set(seeds)) == rounds
    assert f"train-dpo-{rounds + 1}" not in stages
