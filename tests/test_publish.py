"""Pages, submissions and results to the Hub and back by the real client; formats that others read.

The client is the real `huggingface_hub` in processes of their own, since it reads its endpoint when it is imported.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from board_rows import of, row, run, small, written
from hub_server import READER, WRITER, Hub, Repo, serving
from test_hub import asked, bench, every_file

from insightv_bench.errors import HubError, RunError
from insightv_bench.leaderboard.board import find
from insightv_bench.leaderboard.build import read
from insightv_bench.leaderboard.submissions import eval_result_files, publish, write_every_eval

RESULTS, SPACE, MODEL = "org/results", "org/board", "org/model"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving() as hub:
        yield hub


@pytest.mark.slow
def test_submissions_are_appended_beside_a_faster_writers_read_back_and_verified(hub: Hub, tmp_path: Path) -> None:
    """Two commits of another's land in between; a second submission, sent twice, changes nothing of theirs."""
    written(tmp_path / "eval-sft-a1", small())
    written(tmp_path / "eval-other-b2", small(12, system="other"))
    hub.overtake = 2
    words = ["leaderboard", "submit", "eval-sft-a1", "--title", "One", "--out", "s1", "--to", RESULTS]
    first = bench(hub, tmp_path, WRITER, *words)
    assert first.returncode == 0, first.stderr
    files = hub.files("datasets", RESULTS)
    assert {"theirs.txt", "theirs-1.txt", "README.md"} <= set(files) and hub.num_commits("datasets", RESULTS) == 3
    (name,) = {path.split("/")[1] for path in files if path.startswith("submissions/")}
    assert f"submission {name} in s1: 60 rows" in first.stdout
    words = ["leaderboard", "submit", "eval-other-b2", "--title", "Two", "--out", "s2", "--to", RESULTS]
    second = bench(hub, tmp_path, WRITER, *words)
    assert second.returncode == 0, second.stderr
    after = hub.files("datasets", RESULTS)
    assert files.items() <= after.items() and len({path.split("/")[1] for path in after if "/" in path}) == 2

    again = bench(hub, tmp_path, WRITER, *words[:6], "s3", "--to", RESULTS)
    assert "it is there already" in again.stdout and hub.num_commits("datasets", RESULTS) == 4
    checked = bench(hub, tmp_path, READER, "leaderboard", "verify", RESULTS)
    assert checked.returncode == 0 and checked.stdout.count("accepted") == 2, checked.stderr
    built = bench(hub, tmp_path, READER, "leaderboard", "build", RESULTS, "--out", "page")
    assert built.returncode == 0, built.stderr
    board = json.loads((tmp_path / "page/board.json").read_text())
    assert {found["system"] for found in board["arms"]} == {"sft", "other"}
    assert f"`{RESULTS}` was read from the Hub at " in board["notes"][0]
    assert all(WRITER.encode() not in c and READER.encode() not in c for c in every_file(tmp_path))


@pytest.mark.slow
def test_a_writer_who_is_always_slower_is_told(hub: Hub, tmp_path: Path) -> None:
    written(tmp_path / "eval-sft-a1", small())
    hub.overtake = 99
    code = (
        "from insightv_bench.cli.main import main\nfrom insightv_bench.hub import commits\n"
        "commits.FIRST_WAIT_S = 0\ncommits.TRIES = 3\nmain()"
    )
    (tmp_path / "hurried.py").write_text(code)
    words = ["leaderboard", "submit", "eval-sft-a1", "--title", "One", "--to", RESULTS]
    done = asked(hub, tmp_path, WRITER, [sys.executable, "hurried.py", *words])
    assert done.returncode == 1 and "was changed by another" in done.stderr and "Traceback" not in done.stderr
    assert hub.num_commits("datasets", RESULTS) == 3 and "README.md" not in hub.files("datasets", RESULTS)


@pytest.mark.slow
def test_a_page_is_a_static_space_and_a_second_one_replaces_it(hub: Hub, tmp_path: Path) -> None:
    page = tmp_path / "leaderboard-page"
    (page / "figures").mkdir(parents=True)
    (page / "index.html").write_text("<!doctype html>")
    (page / "board.json").write_text(json.dumps({"title": "My: board"}))
    (page / "figures/old.svg").write_text("<svg/>")
    done = bench(hub, tmp_path, WRITER, "leaderboard", "publish", SPACE)
    assert done.returncode == 0, done.stderr
    assert f"/spaces/{SPACE}" in done.stdout
    files = hub.files("spaces", SPACE)
    front = yaml.safe_load(files["README.md"].decode().split("---")[1])
    assert (front["sdk"], front["app_file"], front["title"]) == ("static", "index.html", "My: board")
    (page / "figures/old.svg").rename(page / "figures/new.svg")
    hub.repos["spaces", SPACE].commits[-1]["README.md"] = hub.put(b"---\nsdk: static\n---\nby hand")
    done = bench(hub, tmp_path, WRITER, "leaderboard", "publish", SPACE)
    assert done.returncode == 0, done.stderr
    files = hub.files("spaces", SPACE)
    assert set(files) == {"README.md", "index.html", "board.json", "figures/new.svg"}
    assert files["README.md"].endswith(b"by hand")
    (page / "notes.txt").write_text(f"my token is {WRITER}")
    done = bench(hub, tmp_path, WRITER, "leaderboard", "publish", SPACE)
    assert done.returncode == 1 and "`notes.txt` holds your Hub token" in done.stderr
    for token, words in [("", "there is no Hub token"), (READER, "no write access")]:
        (page / "notes.txt").write_text("nothing")
        done = bench(hub, tmp_path, token, "leaderboard", "publish", SPACE)
        assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr


def test_a_folder_without_a_page_is_not_published(tmp_path: Path) -> None:
    with pytest.raises(HubError, match="holds no page"):
        publish(tmp_path, SPACE)


@pytest.mark.slow
def test_eval_results_reach_the_models_repository_and_others_entries_stay(hub: Hub, tmp_path: Path) -> None:
    there = [
        {"dataset": {"id": "org/bench", "task_id": "drawn_reason"}, "value": 1.0},
        {"dataset": {"id": "org/other", "task_id": "x"}, "value": 2.0, "notes": "theirs"},
    ]
    name = ".eval_results/insightv-bench-drawn.yaml"
    repo = hub.repos["models", MODEL] = Repo(False)
    repo.commits.append({name: hub.put(yaml.safe_dump(there).encode())})
    written(tmp_path / "eval-sft-a1", small())
    words = ["leaderboard", "eval-results", "eval-sft-a1", "--benchmark", "org/bench@abc", "--model", MODEL]
    done = bench(hub, tmp_path, WRITER, *words)
    assert done.returncode == 0, done.stderr
    entries = yaml.safe_load(hub.files("models", MODEL)[name])
    assert [(entry["dataset"]["id"], entry["dataset"]["task_id"]) for entry in entries] == [
        ("org/other", "x"),
        *(("org/bench", f"drawn_{arm}") for arm in ("direct", "reason", "reason_summary", "flawed")),
    ]
    assert entries[2]["value"] == 66.67 and entries[2]["dataset"]["revision"] == "abc"
    absent = bench(hub, tmp_path, WRITER, *words[:-1], "org/absent")
    assert absent.returncode == 1 and "there is no model `org/absent`" in absent.stderr


@pytest.mark.slow
def test_results_reach_anothers_model_as_a_pull_request_with_the_benchmarks_own_tasks(hub: Hub, tmp_path: Path) -> None:
    name = ".eval_results/insightv-bench-drawn.yaml"
    repo = hub.repos["models", MODEL] = Repo(False)
    bench_set = hub.repos["datasets", "org/bench"] = Repo(False)
    tasks = {"tasks": [{"id": "flawed"}, {"id": "other"}]}
    bench_set.commits.append({"eval.yaml": hub.put(yaml.safe_dump(tasks).encode())})
    written(tmp_path / "eval-sft-a1", small())
    words = ["leaderboard", "eval-results", "eval-sft-a1", "--benchmark", "org/bench", "--model", MODEL]
    done = bench(hub, tmp_path, WRITER, *words, "--pr", "--source", "https://example.org/board")
    assert done.returncode == 0, done.stderr
    assert "/discussions/1" in done.stdout and len(repo.commits) == 1
    (entry,) = yaml.safe_load(hub.blobs[repo.pull_requests[0][name]])
    assert entry["dataset"] == {"id": "org/bench", "task_id": "flawed"}
    assert entry["source"]["url"] == "https://example.org/board"
    done = bench(hub, tmp_path, WRITER, *words, "--task-id", "reason=MathVista")
    assert done.returncode == 0, done.stderr
    (entry,) = yaml.safe_load(hub.files("models", MODEL)[name])
    assert entry["dataset"]["task_id"] == "MathVista" and "arm reason" in entry["notes"]
    odd = bench(hub, tmp_path, WRITER, *words, "--task-id", "nothing")
    assert odd.returncode == 1 and "write ARM=ID" in odd.stderr


def test_an_entry_an_arm_with_its_interval_in_the_notes(tmp_path: Path) -> None:
    from huggingface_hub import parse_eval_result_entries

    board, _ = read([str(written(tmp_path / "eval", small()))])
    ((name, text),) = eval_result_files(board, "", "org/bench").items()
    entries = parse_eval_result_entries(yaml.safe_load(text))
    assert name == ".eval_results/insightv-bench-drawn.yaml" and len(entries) == 4
    notes = entries[1].notes or ""
    assert (
        "arm reason (the reasoning agent's own answer)" in notes and "95 % interval [39.1, 86.2], 12 replies" in notes
    )
    assert "prompt reason@1, token cap 512" in notes
    both, _ = read([str(written(tmp_path / "both", [*small(), *small(system="other")]))])
    with pytest.raises(RunError, match="of several systems"):
        eval_result_files(both, "", "org/bench")
    with pytest.raises(RunError, match="no system `x`"):
        eval_result_files(both, "x", "org/bench")


AGGREGATE = {
    *("schema_version", "evaluation_id", "retrieved_timestamp", "source_metadata", "model_info", "eval_library"),
    *("evaluation_results", "detailed_evaluation_results"),
}
INSTANCE = {
    *("schema_version", "evaluation_id", "model_id", "evaluation_name", "evaluation_result_id", "sample_id"),
    *("sample_hash", "interaction_type", "input", "output", "messages", "answer_attribution", "evaluation"),
    *("token_usage", "error", "metadata"),
}
PLACE = re.compile(r"data/[^/]+/[^/]+/[^/]+/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def every_eval_files(tmp_path: Path) -> tuple[Path, dict[str, Any], list[dict[str, Any]]]:
    rows = [*small(), row(0, "oracle", True, options=("a", "b"), finish="error", response="", answer=None, span=None)]
    board, sets = read([str(written(tmp_path / "eval", rows))])
    (file,) = write_every_eval(board, sets, tmp_path / "out", "my lab", retrieved=1_700_000_000)
    made = json.loads(file.read_text())
    samples = (tmp_path / "out" / made["detailed_evaluation_results"]["file_path"]).read_text()
    return file, made, [json.loads(line) for line in samples.splitlines()]


def test_every_eval_ever_has_the_schemas_fields_and_intervals(tmp_path: Path) -> None:
    """Fields as in eval.schema.json and instance_level_eval.schema.json, version 0.3.0."""
    file, made, samples = every_eval_files(tmp_path)
    assert set(made) == AGGREGATE and made["schema_version"] == "0.3.0"
    assert PLACE.fullmatch(file.relative_to(tmp_path / "out").with_suffix("").as_posix())
    assert made["model_info"]["additional_details"]["deployment_type"] == "unknown"
    assert all(isinstance(value, str) for value in made["model_info"]["additional_details"].values())
    for result in made["evaluation_results"]:
        details = result["score_details"]
        interval = details["uncertainty"]["confidence_interval"]
        assert interval["lower"] <= details["score"] <= interval["upper"] and interval["confidence_level"] == 0.95
        config = result["metric_config"]
        assert config["score_type"] == "continuous" and config["min_score"] <= details["score"] <= config["max_score"]
        assert all(isinstance(value, str) for value in details["details"].values())
    names = [result["evaluation_name"] for result in made["evaluation_results"]]
    assert {"drawn: reason", "drawn: follow"} <= set(names) and len(set(names)) == len(names)
    assert made["detailed_evaluation_results"]["total_rows"] == len(samples) == 61
    ids = {result["evaluation_result_id"] for result in made["evaluation_results"]}
    for sample in samples:
        assert set(sample) == INSTANCE and sample["evaluation_result_id"] in ids
        assert sample["evaluation_id"] == made["evaluation_id"] and sample["messages"] is None
        assert all(isinstance(value, str) for value in sample["metadata"].values())
    (failed,) = [sample for sample in samples if sample["error"]]
    assert failed["answer_attribution"] == [] and failed["input"]["choices"] == ["a", "b"]


def test_every_eval_ever_passes_the_packages_own_schema(tmp_path: Path) -> None:
    """The package is not imported: it may need a newer Python than this one."""
    package = find_spec("every_eval_ever")
    if package is None or not package.submodule_search_locations or find_spec("jsonschema") is None:
        pytest.skip("pip install jsonschema every-eval-ever")
    import jsonschema

    schemas = Path(package.submodule_search_locations[0]) / "schemas"
    _, made, samples = every_eval_files(tmp_path)
    jsonschema.Draft7Validator(json.loads((schemas / "eval.schema.json").read_text())).validate(made)
    instance = jsonschema.Draft7Validator(json.loads((schemas / "instance_level_eval.schema.json").read_text()))
    for sample in samples:
        instance.validate(sample)


def test_results_are_runs_folders_or_data_sets(tmp_path: Path) -> None:
    folder = run(tmp_path / "mine-seed0")
    found, _ = find([str(folder), str(folder)])
    assert [place.name for place in found] == ["eval-dpo-1-a1", "eval-dpo-2-a1", "eval-sft-a1"]
    for wrong in ("nowhere", "a/b/c", "../x"):
        with pytest.raises(RunError, match="no results at"):
            find([wrong])


@pytest.mark.slow
def test_a_submission_that_does_not_verify_is_not_sent(hub: Hub, tmp_path: Path) -> None:
    rows = of("direct", "10")
    wrong = rows[0].model_copy(update={"answer": "8", "correct": False})
    written(tmp_path / "eval", [wrong, rows[1]])
    done = bench(hub, tmp_path, WRITER, "leaderboard", "submit", "eval", "--title", "One", "--to", RESULTS)
    assert done.returncode == 1 and "does not verify" in done.stderr and not hub.repos
