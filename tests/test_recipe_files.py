"""What is read of a recipe: one of the project's or a file, the layers below it, and the overrides above them."""

from __future__ import annotations

from pathlib import Path

import pytest
from own_recipes import MINIMAL, complaint, files

from insightv_bench.errors import RecipeError
from insightv_bench.plan import plan
from insightv_bench.settings import HfEngine, OpenAIEngine, ParquetSource, WorldSource, load_recipe, recipe_names
from insightv_bench.settings.recipe import parse_recipe


def test_an_unknown_recipe_is_answered_with_the_nearest_and_with_all() -> None:
    error = complaint("quikstart")
    assert error.fact == "unknown recipe: `quikstart`; did you mean `quickstart`?"
    assert all(f"`{name}`" in error.hint for name in recipe_names())


def test_a_recipe_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    for place in (tmp_path / "none.yaml", tmp_path / "folder.yaml"):
        (tmp_path / "folder.yaml").mkdir(exist_ok=True)
        assert f"`{place}` cannot be read" in complaint(str(place)).fact


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"name: [unclosed\nquestions: 3", "is no YAML"),
        (b"name: a\n\tquestions: 3", "is no YAML"),
        (b"", "holds no keys"),
        (b"# nothing but a remark\n", "holds no keys"),
        (b"- a\n- list\n", "holds no keys"),
        (b"just words", "holds no keys"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"!!python/object/apply:os.system ['true']", "is no YAML"),
    ],
    ids=["unclosed", "tab", "empty", "remark", "list", "words", "bytes", "object"],
)
def test_a_file_that_is_no_recipe_is_a_message_on_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(content)
    fact = complaint(str(file)).fact
    assert said in fact
    assert str(file) in fact
    assert "\n" not in fact


def test_a_recipe_file_of_ones_own_is_read(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(MINIMAL, encoding="utf-8")
    recipe = load_recipe(str(file), ["seed=4"])
    assert (recipe.name, recipe.seed) == ("mine", 4)
    assert [stage.name for stage in plan(recipe)] == ["questions-train"]


def test_overrides_are_yaml_values_at_any_depth() -> None:
    recipe = load_recipe(
        "walk",
        [
            "seed=7",
            "questions.train.num=12",
            "questions.extra={source: world, split: validation, num: 2}",
            "eval.arms=[base, direct]",
            "paths.engine={kind: hf, model: 'org/name', batch_size: 8}",
            "reason.trainer.learning_rate=2.0e-3",
        ],
    )
    assert (recipe.seed, recipe.questions["train"].model_dump()["num"]) == (7, 12)
    assert isinstance(recipe.questions["extra"], WorldSource)
    assert recipe.eval and recipe.eval.arms == ("base", "direct")
    assert recipe.paths and recipe.paths.engine == HfEngine(model="org/name", batch_size=8)
    assert recipe.reason and recipe.reason.trainer["learning_rate"] == 0.002
    assert recipe.reason.trainer["max_steps"] == load_recipe("walk").reason.trainer["max_steps"]  # type: ignore[union-attr]


def test_the_last_override_of_a_key_counts() -> None:
    assert load_recipe("walk", ["seed=1", "seed=2"]).seed == 2


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("seed", "`seed` sets nothing"),
        ("name.more=3", "`name.more` cannot be set: `name` holds no keys"),
        ("seed=[1", "`[1` is no YAML value for `seed`"),
    ],
)
def test_an_override_that_sets_nothing_is_an_error(override: str, said: str) -> None:
    assert complaint("walk", override).fact == said


def test_a_key_that_stands_twice_is_an_error() -> None:
    with pytest.raises(RecipeError, match="`seed` stands twice"):
        parse_recipe("name: a\nseed: 1\nseed: 2\nquestions: {}\n", "mine.yaml", [])


def test_a_recipe_extends_a_shipped_one(tmp_path: Path) -> None:
    text = "extends: walk\nname: mine\nbase: {trainer: {max_steps: 7}}\neval: {arms: [base]}\n"
    mine = files(tmp_path, mine=text + "rounds: null\nsummary: null\n")
    recipe, below = load_recipe(mine), load_recipe("walk")
    assert recipe.name == "mine"
    assert recipe.base and below.base
    assert recipe.base.trainer == {**below.base.trainer, "max_steps": 7}  # tables are merged
    assert recipe.eval and recipe.eval.arms == ("base",)  # lists are replaced
    assert recipe.rounds is None
    assert recipe.questions == below.questions
    assert [stage.name for stage in plan(recipe) if stage.makes == "evaluation"] == ["eval-base"]


def test_a_recipe_that_extends_plans_the_same_stages_as_one_that_says_all(tmp_path: Path) -> None:
    mine = files(tmp_path, mine="extends: walk\nname: walk\nquestions: {test: {num: 9}}\n")
    assert plan(load_recipe(mine)) == plan(load_recipe("walk", ["questions.test.num=9"]))


def test_files_are_found_beside_the_one_that_extends_them_whatever_their_number(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    files(tmp_path, low="extends: deep/lower.yaml\nname: low\nthreads: 2\n")
    files(tmp_path / "deep", lower="extends: walk\nname: lower\nthreads: 3\nseed: 5\n")
    recipe = load_recipe(files(tmp_path, mine="extends: low.yaml\nname: mine\n"))
    assert (recipe.name, recipe.threads, recipe.seed) == ("mine", 2, 5)


def test_null_takes_an_entry_away_and_one_that_takes_nothing_away_is_still_read(tmp_path: Path) -> None:
    text = "extends: walk\nname: mine\nquestions: {sample: null}\nsummary: null\nagent_paths: null\n"
    recipe = load_recipe(files(tmp_path, mine=text))
    assert list(recipe.questions) == ["train", "test"]
    with pytest.raises(RecipeError, match="unknown key in `.*typo.yaml`: `ronds`; did you mean `rounds`"):
        load_recipe(files(tmp_path, typo="extends: walk\nname: mine\nronds: null\n"))


def test_a_table_of_another_kind_takes_the_place_of_the_one_below(tmp_path: Path) -> None:
    text = "extends: corpora\nname: mine\npaths: {engine: {kind: openai, model: m, base_url: u}}\n"
    recipe = load_recipe(files(tmp_path, mine=text))
    assert recipe.paths and recipe.paths.engine == OpenAIEngine(model="m", base_url="u")
    assert recipe.paths.num_paths == 4
    text = "extends: puzzlevqa\nname: mine\nquestions: {test: {columns: {kind: other}}}\n"
    source = load_recipe(files(tmp_path, mine=text)).questions["test"]
    assert isinstance(source, ParquetSource)
    assert (source.columns.kind, source.columns.question) == ("other", "question")


def test_overrides_stand_over_all_layers(tmp_path: Path) -> None:
    mine = files(tmp_path, mine="extends: walk\nname: mine\nthreads: 2\n")
    assert load_recipe(mine, ["threads=4", "questions.test.num=3"]).threads == 4
    assert "`extends` cannot be set" in complaint(mine, "extends=quickstart").fact


def test_an_error_names_the_file_that_holds_it(tmp_path: Path) -> None:
    low = "name: low\nextends: walk\npaths: {num_pahts: 3}\nquestions: {train: {num: 3}}\n"
    mine = files(tmp_path, mine="extends: low.yaml\nname: mine\nthreads: 2\n", low=low)
    low_file = str(tmp_path / "low.yaml")
    assert complaint(mine).fact == f"unknown key in `{low_file}`: `paths.num_pahts`; did you mean `num_paths`?"
    files(tmp_path, low=low.replace("paths: {num_pahts: 3}\n", "").replace("num: 3", "num: 0"))
    assert complaint(mine).fact.startswith(f"`questions.train.num` in `{low_file}`")
    assert complaint(mine, "questions.train.num=-1").fact.startswith(f"`questions.train.num` in `{mine}`")
    files(tmp_path, low="extends: walk\nname: low\neval: {arms: [base, reson]}\n")
    assert complaint(mine).fact == f"`eval.arms.1` in `{low_file}` cannot be `reson`; did you mean `reason`?"
    files(tmp_path, low="extends: walk\nname: low\nquestions: {train: {source: parquet, path: p}}\n")
    assert complaint(mine).fact == f"missing key in `{low_file}`: `questions.train.name`"


def test_a_recipe_that_extends_has_a_name_of_its_own(tmp_path: Path) -> None:
    mine = files(tmp_path, mine="extends: walk\nthreads: 2\n")
    assert complaint(mine).fact == f"missing key in `{mine}`: `name`"


def test_recipes_that_extend_each_other_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    one = files(tmp_path, one="extends: two.yaml\nname: one\n", two="extends: x/../one.yaml\nname: two\n")
    fact = complaint(one).fact
    assert fact.startswith(f"`{one}` extends itself: `{one}` -> `{tmp_path / 'two.yaml'}` -> `")
    itself = files(tmp_path, itself="extends: itself.yaml\nname: itself\n")
    assert "extends itself" in complaint(itself).fact


@pytest.mark.parametrize(
    ("below", "said"),
    [
        ("quikstart", "extends `quikstart`: unknown recipe: `quikstart`; did you mean `quickstart`?"),
        ("none.yaml", "none.yaml` cannot be read"),
        ("[walk]", "`extends` in `{}` must be one recipe's name or file; it is `['walk']`"),
    ],
)
def test_a_recipe_that_extends_none_says_so(tmp_path: Path, below: str, said: str) -> None:
    mine = files(tmp_path, mine=f"extends: {below}\nname: mine\n")
    assert said.format(mine) in complaint(mine).fact
