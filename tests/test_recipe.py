"""A recipe is strict: what it cannot mean is an error that names the place, and the nearest thing that is known."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from insightv_bench.errors import RecipeError
from insightv_bench.plan import plan
from insightv_bench.recipe import Recipe, load_recipe, parse_recipe, recipe_names
from insightv_bench.settings import HfEngine, OpenAIEngine, ParquetSource, TeacherEngine, WorldSource
from insightv_bench.sweep import expand, is_sweep, run_sweep

MINIMAL = """
name: mine
questions:
  train: {source: world, split: train, num: 3}
"""


def complaint(name: str, *overrides: str) -> RecipeError:
    with pytest.raises(RecipeError) as raised:
        plan(load_recipe(name, list(overrides)))
    return raised.value


def parsed(text: str, *overrides: str) -> Recipe:
    return parse_recipe(text, "mine.yaml", list(overrides))


@pytest.mark.parametrize("name", recipe_names())
def test_a_shipped_recipe_parses_and_plans_each_stage_after_its_inputs(name: str) -> None:
    recipe = load_recipe(name)
    stages = plan(recipe)
    assert recipe.name == name
    names = [stage.name for stage in stages]
    assert len(set(names)) == len(names) > 0
    for place, stage in enumerate(stages):
        assert set(stage.inputs) <= set(names[:place])
        assert stage.verb


def test_the_recipes_have_names_and_no_two_the_same() -> None:
    assert {"quickstart", "walk", "eval"} <= set(recipe_names())
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
    for key, text in (("name", MINIMAL.replace("name: mine", "")), ("questions", "name: mine")):
        with pytest.raises(RecipeError) as raised:
            parsed(text)
        assert raised.value.fact == f"missing key in `mine.yaml`: `{key}`"


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
        ("reason=null", "`rounds` needs `reason`"),
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
    content = load_recipe("walk").model_dump(mode="json")
    del content["questions"]["sample"]
    with pytest.raises(RecipeError, match="stage `paths-sft` of recipe `walk` needs `questions.sample`"):
        plan(Recipe.model_validate(content))


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
        assert before in stages[f"paths-round-{number}"].inputs
        assert before in stages[f"train-dpo-{number}"].inputs
        seeds.append(stages[f"questions-round-{number}"].settings.model_dump()["seed"])
    assert len(set(seeds)) == rounds
    assert f"train-dpo-{rounds + 1}" not in stages


def test_a_key_that_stands_twice_is_an_error() -> None:
    with pytest.raises(RecipeError, match="`seed` stands twice"):
        parse_recipe("name: a\nseed: 1\nseed: 2\nquestions: {}\n", "mine.yaml", [])


def files(folder: Path, **texts: str) -> str:
    """Recipe files in `folder`; the first one's place."""
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return str(folder / f"{next(iter(texts))}.yaml")


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
    assert [stage.name for stage in plan(recipe) if stage.verb == "eval"] == ["eval-base", "eval-sft"]


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


SWEEP = """
extends: walk
name: sweep
seeds: [3, 1]
variants:
  plain: {}
  hard: {world: {noise_sd: 30}, questions: {test: {num: 11}}}
"""


def test_a_recipe_of_several_seeds_and_variants_is_several_recipes(tmp_path: Path) -> None:
    mine = files(tmp_path, mine=SWEEP)
    groups = expand(mine)
    names = [[(recipe.name, recipe.seed) for recipe in recipes] for recipes in groups]
    assert names == [[("sweep-plain", 3), ("sweep-plain", 1)], [("sweep-hard", 3), ("sweep-hard", 1)]]
    assert [recipes[0].world.noise_sd for recipes in groups] == [8, 30]
    assert not any(is_sweep(recipe, None) for recipes in groups for recipe in recipes)
    assert [[(r.name, r.seed) for r in recipes] for recipes in expand(mine, seed=7)] == [
        [("sweep-plain", 7)],
        [("sweep-hard", 7)],
    ]
    only = expand(mine, ["seeds=[9]", "variants={}", "world.noise_sd=1"])
    assert [[(r.name, r.seed, r.world.noise_sd) for r in recipes] for recipes in only] == [[("sweep", 9, 1)]]


def test_an_override_stands_over_a_variant(tmp_path: Path) -> None:
    groups = expand(files(tmp_path, mine=SWEEP), ["world.noise_sd=2", "variants.hard.questions.test.num=12"])
    assert [recipes[0].world.noise_sd for recipes in groups] == [2, 2]
    assert [recipes[0].questions["test"].model_dump()["num"] for recipes in groups] == [200, 12]


def test_one_stage_alone_works_on_the_first_seed(tmp_path: Path) -> None:
    mine = files(tmp_path, mine=SWEEP)
    assert load_recipe(mine).seed == 3
    assert load_recipe(mine, ["seed=8"]).seed == 8
    assert is_sweep(load_recipe(mine), None)
    assert not is_sweep(load_recipe(mine, ["variants={}", "seed=8"]), 8)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("seeds=[1, 1]", "a seed stands twice among `seeds`"),
        ("seeds=[-1]", "`seeds.0` in"),
        ("seeds=3", "`seeds` in"),
        ("variants.hard.name=x", "`variants.hard` cannot change `name`"),
        ("variants.Hard.seed=1", "`variants.Hard` in"),
        ("variants.hard=3", "`variants.hard` in"),
        ("variants.hard.world.nois=1", "mine.yaml: variants.hard`: `world.nois`; did you mean `noise_sd`?"),
        ("variants.hard.world.noise_sd=x", "`world.noise_sd` in `"),
    ],
)
def test_a_sweep_that_cannot_be_meant_is_an_error(tmp_path: Path, override: str, said: str) -> None:
    with pytest.raises(RecipeError) as raised:
        expand(files(tmp_path, mine=SWEEP), [override])
    assert said in raised.value.fact


def test_a_sweep_runs_each_once_and_ends_with_a_table_of_each_variant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[list[str], Path]] = []

    def write(runs: list[Path], out: Path) -> Path:
        calls.append(([run.name for run in runs], out))
        return out / "table.md"

    room = ModuleType("insightv_bench.leaderboard.ablations")
    room.write = write  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, room.__name__, room)
    monkeypatch.setattr("insightv_bench.sweep.run", lambda recipe, out, until: {"page": f"{recipe.name}.html"})
    said: list[str] = []
    groups = expand(files(tmp_path, mine=SWEEP))
    run_sweep(groups, tmp_path, "", True, said.append)
    assert calls == [
        (["sweep-plain-seed3", "sweep-plain-seed1"], tmp_path / "sweep-plain"),
        (["sweep-hard-seed3", "sweep-hard-seed1"], tmp_path / "sweep-hard"),
    ]
    assert said[0] == f"{tmp_path / 'sweep-plain-seed3'}: page sweep-plain.html"
    assert said[2] == f"Table    {tmp_path / 'sweep-plain' / 'table.md'}"
    calls.clear()
    run_sweep(groups, tmp_path, "questions-test", True, said.append)
    run_sweep(groups, tmp_path, "", False, said.append)
    assert not calls


def test_the_command_runs_every_seed_and_passes_over_what_is_finished(tmp_path: Path) -> None:
    mine = files(tmp_path, mine=SWEEP)
    command = [sys.executable, "-m", "insightv_bench", "run", mine, "--until", "questions-test", "--out", str(tmp_path)]
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        assert done.stdout.splitlines() == [
            f"{tmp_path}/sweep-{name}-seed{seed}: questions-test is done"
            for name in ("plain", "hard")
            for seed in (3, 1)
        ]
    assert done.stderr == ""
    only = subprocess.run(
        [*command, "--seed", "2", "--dry-run"], capture_output=True, text=True, timeout=60, check=True
    )
    assert [line for line in only.stdout.splitlines() if "seed" in line] == [
        f"1 stages in {tmp_path}/sweep-{name}-seed2" for name in ("plain", "hard")
    ]
