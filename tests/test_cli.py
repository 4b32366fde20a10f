"""The command line: a user's mistake is one message with a hint and no traceback."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from command_line import SMALL, bench, bench_here, the_error
from filelock import FileLock
from typer.testing import CliRunner

from insightv_bench import __version__
from insightv_bench.cli.main import COMMANDS, app
from insightv_bench.cli.run import first_stage
from insightv_bench.errors import EngineUnavailable, ModelError, RecipeError, RunError
from insightv_bench.plan import plan
from insightv_bench.records import Question
from insightv_bench.runs import find_seats, needed, run
from insightv_bench.settings import load_recipe, recipe_names
from insightv_bench.stages import SUMMARY
from insightv_bench.storage import write_file
from insightv_bench.world import Level, sample_questions


def test_an_unknown_recipe(tmp_path: Path) -> None:
    fact, hint = the_error(bench_here(tmp_path, "run", "wlak"))
    assert fact == "unknown recipe: `wlak`; did you mean `walk`?"
    assert "`quickstart`" in hint


def test_an_unknown_key(tmp_path: Path) -> None:
    fact, hint = the_error(bench_here(tmp_path, "run", "walk", "--set", "paths.engine.read_eror=0.1"))
    assert fact == "unknown key in `walk`: `paths.engine.read_eror`; did you mean `read_error`?"
    assert "`careful`" in hint


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    fact, hint = the_error(bench_here(tmp_path, "run", "walk", "--out", "file/runs"))
    assert fact == "`file/runs/walk-seed0` cannot be written: Not a directory"
    assert "--out" in hint


def test_a_run_folder_of_another_recipe(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "walk-seed0"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text('{"recipe": "quickstart", "seed": 0}', encoding="utf-8")
    fact, hint = the_error(bench_here(tmp_path, "run", "walk"))
    assert fact == "`runs/walk-seed0` is a run of recipe `quickstart`, seed 0"
    assert "--out" in hint


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"recipe": "walk", "seed": 1}', "is a run of recipe `walk`, seed 1"),
        ('["what is this"]', "is a run of something else"),
        ('{"recipe": ', "cannot be read"),
    ],
)
def test_a_run_folder_that_says_something_else(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "walk-seed0" / "run.json"
    file.parent.mkdir()
    file.write_text(content, encoding="utf-8")
    with pytest.raises(RunError, match=said) as raised:
        run(load_recipe("walk"), tmp_path)
    assert "--out" in raised.value.hint or "rm -r" in raised.value.hint
    assert file.read_text(encoding="utf-8") == content


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "walk-seed0"
    folder.mkdir(parents=True)
    (folder / "thesis.txt").write_text("years of work", encoding="utf-8")
    fact, hint = the_error(bench_here(tmp_path, "run", "walk"))
    assert fact == "`runs/walk-seed0` holds `thesis.txt` and is no run folder"
    assert "--out" in hint
    assert [item.name for item in folder.iterdir() if not item.name.startswith(".")] == ["thesis.txt"]


def test_what_a_kill_at_the_very_start_leaves_is_still_a_run_folder(tmp_path: Path) -> None:
    (tmp_path / "walk-seed0").mkdir()
    (tmp_path / "walk-seed0" / "run.json.partial").write_text('{"rec', encoding="utf-8")
    manifest = run(load_recipe("walk", ["questions.test.num=3"]), tmp_path, "questions-test")
    assert manifest["num_rows"] == 3


def test_a_second_process_in_one_run_folder(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "walk-seed0"
    folder.mkdir(parents=True)
    with FileLock(folder / ".lock"):
        fact, hint = the_error(bench_here(tmp_path, "run", "walk"))
    assert fact == "another process works in `runs/walk-seed0`"
    assert "wait for it" in hint


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    fact, hint = the_error(bench_here(tmp_path, "eval", "--model", "empty"))
    assert fact == "`empty` is no model: it holds no `config.json`"
    assert "from_pretrained" in hint


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("run.json", "{}", "is an unfinished run"),
        ("summary.json", '{"models": 3}', "is no run's summary"),
        ("summary.json", "{", "is no run's summary"),
    ],
)
def test_a_folder_that_is_no_finished_run(tmp_path: Path, file: str, content: str, said: str) -> None:
    (tmp_path / file).write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=said) as raised:
        find_seats(str(tmp_path), "", "")
    assert raised.value.hint


def test_a_truncated_parquet_file(tmp_path: Path) -> None:
    whole = tmp_path / "whole.parquet"
    write_file(whole, list(sample_questions(Level(), "test", 0, 5)), Question)
    (tmp_path / "cut.parquet").write_bytes(whole.read_bytes()[:-100])
    fact, hint = the_error(bench_here(tmp_path, "build", "questions", "puzzlevqa", "--data", "cut.parquet"))
    assert fact.startswith("`cut.parquet` cannot be read as parquet: ")
    assert "truncated" in hint


def test_a_parquet_file_with_other_columns(tmp_path: Path) -> None:
    write_file(tmp_path / "other.parquet", list(sample_questions(Level(), "test", 0, 5)), Question)
    fact, hint = the_error(bench_here(tmp_path, "build", "questions", "puzzlevqa", "--data", "other.parquet"))
    assert fact.startswith("`other.parquet` has no column `image`")
    assert "`image_sha256`" in hint


def test_a_data_file_that_is_not_there(tmp_path: Path) -> None:
    """The name is taken as it is, whatever it would mean in YAML."""
    fact, hint = the_error(
        bench_here(tmp_path, "build", "questions", "puzzlevqa", "--data", "my #1: {a, b} file.parquet")
    )
    assert fact == "no parquet file at `my #1: {a, b} file.parquet`"
    assert "--data FILE" in hint


def test_a_verb_and_a_stage_that_the_recipe_does_not_have() -> None:
    with pytest.raises(RecipeError, match="recipe `puzzlevqa` has nothing to `train dpo`") as raised:
        first_stage(load_recipe("puzzlevqa"), "train dpo")
    assert "`build paths`" in raised.value.hint
    with pytest.raises(RecipeError, match="no stage `training`") as raised:
        needed(plan(load_recipe("walk")), "training")
    assert "`train-base`" in raised.value.hint


def test_a_server_that_is_down_is_one_message(tmp_path: Path) -> None:
    """Not one for each of the many calls that were under way."""
    engine = "paths.engine={kind: openai, model: m, base_url: 'http://127.0.0.1:9/v1', max_retries: 0}"
    with pytest.raises(EngineUnavailable, match="`m` at http://127.0.0.1:9/v1 does not answer") as raised:
        run(load_recipe("walk", ["questions.train.num=8", engine]), tmp_path, "paths-teacher")
    assert "the same command goes on" in raised.value.hint


def test_a_dry_run_names_every_stage_in_order_and_writes_nothing(tmp_path: Path) -> None:
    done = bench(tmp_path, "run", "walk", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "runs/walk-seed0" in done.stdout
    assert "600 questions" in done.stdout
    shown = re.findall(r"^  (\S+)", done.stdout, re.MULTILINE)
    assert shown == [stage.name for stage in plan(load_recipe("walk"))]
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_of_one_stage_names_what_it_needs(tmp_path: Path) -> None:
    done = bench(tmp_path, "build", "paths", "walk", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^  (\S+)", done.stdout, re.MULTILINE) == ["questions-train", "paths-teacher"]
    assert "2 paths a question" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_help_lists_the_commands_in_the_order_of_the_walk() -> None:
    shown = re.findall(r"^  ([a-z][\w-]+) ", CliRunner().invoke(app, ["--help"]).stdout.partition("Commands:")[2], re.M)
    walk = ["run", "build", "train", "eval", "compare", "leaderboard", "push", "env"]
    assert [name for name in shown if name in walk] == walk
    assert shown == list(COMMANDS)


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"insightv-bench {__version__}\n"


def test_env_tells_what_a_bug_report_needs_and_nothing_else_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    told = CliRunner().invoke(app, ["env", "--json"])
    assert told.exit_code == 0, told.output
    facts = json.loads(told.stdout)
    assert facts["insightv-bench"] == __version__
    assert facts["packages"]["pydantic"] == version("pydantic")
    assert not {"pytest", "ruff", "insightv-bench"} & set(facts["packages"])
    assert {"python", "platform", "devices", "cores", "torch threads", "memory", "disk"} <= set(facts)
    text = CliRunner().invoke(app, ["env"]).stdout
    for secret in ("hf_secret", str(Path.home()), str(Path.cwd())):
        assert secret not in told.stdout + text
    assert f"pydantic         {version('pydantic')}" in text


def test_env_needs_no_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from insightv_bench.cli.env import environment\n"
        "print(environment()['devices'])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert told.stdout.strip() == "[]", told.stderr


def test_the_recipes_are_listed(tmp_path: Path) -> None:
    assert bench(tmp_path, "recipes").stdout.split() == recipe_names()


def test_a_wrong_option_is_a_usage_error(tmp_path: Path) -> None:
    done = bench(tmp_path, "run", "walk", "--untli", "lessons")
    assert done.returncode == 2
    assert "--untli" in done.stderr
    assert "Traceback" not in done.stderr


def test_one_stage_runs_alone_with_what_it_needs_and_says_what_it_left(tmp_path: Path) -> None:
    done = bench(tmp_path, "build", "assess", "walk", *SMALL, "--set", "questions.train.num=8")
    assert done.returncode == 0, done.stderr
    assert "assess-teacher: 16 rows, 0 dropped" in done.stdout
    stages = sorted(folder.name.rpartition("-")[0] for folder in (tmp_path / "runs/walk-seed0/stages").iterdir())
    assert stages == ["assess-teacher", "paths-teacher", "questions-train"]
    stats = bench(tmp_path, "journal", "stats", "runs/walk-seed0")
    assert stats.returncode == 0, stats.stderr
    assert "teacher@" in stats.stdout


def test_the_agents_of_a_run_are_those_after_its_last_round(tmp_path: Path) -> None:
    stages = ["train-base", "train-reason", "train-summary", "train-grpo-1", "train-grpo-summary-1"]
    for stage in stages:
        (tmp_path / "stages" / stage / "model").mkdir(parents=True)
        (tmp_path / "stages" / stage / "model" / "config.json").write_text("{}")
    models = {stage: f"stages/{stage}/model" for stage in stages}
    (tmp_path / SUMMARY).write_text(json.dumps({"models": models}))  # of before summaries named the seats
    seats = find_seats(str(tmp_path), "", "")
    assert {seat: Path(place).parts[-2] for seat, place in seats.items()} == {
        "base": "train-base",
        "reason": "train-grpo-1",
        "summary": "train-grpo-summary-1",
    }
    named = {"base": "train-base", "reason": "train-reason", "summary": "train-summary"}
    (tmp_path / SUMMARY).write_text(json.dumps({"models": models, "seats": named}))
    seats = find_seats(str(tmp_path), "", "")
    assert {seat: Path(place).parts[-2] for seat, place in seats.items()} == named
