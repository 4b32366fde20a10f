"""Questions of Hub data sets, read by the real clients from a loopback Hub.

The clients take their address at import, so one worker process with its own cache does all the reading.
"""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path as File
from typing import Any

import polars as pl
import pytest
from read_hub import TOKEN, ReadHub, environment
from reading import png

WORKER = """
import json, os, sys
from contextlib import closing
from pathlib import Path
from insightv_bench.errors import InsightvError
from insightv_bench.journal import Journal
from insightv_bench.stages import Progress
from insightv_bench.settings import load_recipe
from insightv_bench.records import Question
from insightv_bench.settings import HubSource
from insightv_bench.stages import WorldOptions, Context, Exclusion, Stage, run_stage
from insightv_bench.storage import read_rows

for line in sys.stdin:
    asked = json.loads(line)
    os.environ.pop("HF_TOKEN", None)
    if asked["token"]:
        os.environ["HF_TOKEN"] = asked["token"]
    folder = Path(asked["folder"])
    stage = Stage("questions-test", "questions", HubSource(source="hub", **asked["source"]), {}, WorldOptions())
    told = {"error": "", "rows": [], "out": []}
    with closing(Journal(folder / "journal.sqlite")) as journal:
        context = Context(stage, folder / asked["stage"], {}, journal, Progress(), 0, load_recipe("walk"))
        try:
            told["totals"] = run_stage(stage, context)["totals"]
            for q in read_rows(context.folder, Question):
                told["rows"].append([q.question, q.source_revision, q.source_license, list(q.image_sha256)])
        except InsightvError as error:
            told["error"] = str(error)
    left_out = context.folder / "exclusions.parquet"
    told["out"] = [one.reason for one in read_rows(left_out, Exclusion)] if left_out.exists() else []
    print(json.dumps(told), file=sys.__stdout__, flush=True)
"""
COLUMNS = {"question": "question", "answer": "answer", "image": "image"}
CARD = b"---\nlicense: cc-by-4.0\n---\n# A set\n"
Read = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def hub() -> Iterator[ReadHub]:
    pytest.importorskip("datasets")
    with ReadHub() as server:
        yield server


@pytest.fixture(scope="module")
def worker(hub: ReadHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    home = tmp_path_factory.mktemp("hf")
    command = [sys.executable, "-c", WORKER]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, env=environment(hub, home), **pipes) as process:  # type: ignore[call-overload]
        yield process
        process.stdin.close()


@pytest.fixture
def read(worker: subprocess.Popen[str], tmp_path: File) -> Read:
    def ask(id_: str, split: str = "test", run: str = "run", stage: str = "stage", token: str = "", **more: Any) -> Any:
        source = {"id": id_, "split": split, "columns": COLUMNS, **more}
        asked = {"folder": str(tmp_path / run), "stage": stage, "token": token, "source": source}
        assert worker.stdin and worker.stdout
        worker.stdin.write(json.dumps(asked) + "\n")
        worker.stdin.flush()
        return json.loads(worker.stdout.readline())

    return ask


def rows(first: int, last: int, word: str = "q") -> list[dict[str, Any]]:
    return [
        {"question": f"{word}{n}?", "answer": "yes", "image": {"bytes": png(n), "path": f"{n}.png"}}
        for n in range(first, last)
    ]


def parquet(made: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame(made).write_parquet(buffer)
    return buffer.getvalue()


def questions(told: dict[str, Any]) -> list[str]:
    assert told["error"] == ""
    return [row[0] for row in told["rows"]]


def test_a_split_is_read_in_order_at_a_commit_with_the_cards_licence(hub: ReadHub, read: Read) -> None:
    files = {f"data/test-0000{n}-of-00002.parquet": parquet(rows(3 * n, 3 * n + 3)) for n in range(2)}
    commit = hub.commit("org/plain", {"README.md": CARD, "data/train-0.parquet": parquet(rows(50, 60)), **files})
    told = read("org/plain")
    assert questions(told) == [f"q{n}?" for n in range(6)]
    assert {(row[1], row[2]) for row in told["rows"]} == {(commit, "cc-by-4.0")}
    totals = {"source": "org/plain", "source_revision": commit, "source_license": "cc-by-4.0", "images_mended": {}}
    assert told["totals"] == totals
    assert not [line for line in hub.asked if "train-0" in line]


def test_a_limit_downloads_no_file_that_it_does_not_need(hub: ReadHub, read: Read) -> None:
    hub.commit("org/long", {f"data/test-0000{n}-of-00003.parquet": parquet(rows(3 * n, 3 * n + 3)) for n in range(3)})
    assert questions(read("org/long", limit=4)) == ["q0?", "q1?", "q2?", "q3?"]
    assert not [line for line in hub.asked if "test-00002" in line]


def test_a_run_keeps_to_the_commit_that_it_was_told_first(hub: ReadHub, read: Read, tmp_path: File) -> None:
    """A stage that is done again after a kill, and another split of the set, though the branch has moved on."""
    old = {"data/test-0.parquet": parquet(rows(0, 3, "old")), "data/train-0.parquet": parquet(rows(3, 5, "old"))}
    first = hub.commit("org/moving", old)
    assert questions(read("org/moving")) == ["old0?", "old1?", "old2?"]
    new = {"data/test-0.parquet": parquet(rows(0, 3, "new")), "data/train-0.parquet": parquet(rows(3, 5, "new"))}
    second = hub.commit("org/moving", new)
    assert questions(read("org/moving")) == ["old0?", "old1?", "old2?"]
    assert questions(read("org/moving", "train", stage="other")) == ["old3?", "old4?"]
    assert json.loads((tmp_path / "run" / "revisions.json").read_text()) == {"org/moving@main": first}
    again = read("org/moving", run="a new run")
    assert questions(again) == ["new0?", "new1?", "new2?"] and again["rows"][0][1] == second


def test_a_revision_can_be_pinned_to_a_branch_or_a_commit(hub: ReadHub, read: Read) -> None:
    first = hub.commit("org/pinned", {"data/test-0.parquet": parquet(rows(0, 1, "first"))})
    hub.commit("org/pinned", {"data/test-0.parquet": parquet(rows(0, 1, "second"))})
    hub.commit("org/pinned", {"default/test/0000.parquet": parquet(rows(0, 1, "copy"))}, "refs/convert/parquet")
    assert questions(read("org/pinned", revision=first)) == ["first0?"]
    assert questions(read("org/pinned")) == ["second0?"]
    assert questions(read("org/pinned", revision="refs/convert/parquet")) == ["copy0?"]
    assert "`org/pinned` at `v9`" in read("org/pinned", revision="v9")["error"]


def test_a_revisions_file_that_is_not_ours_is_refused(hub: ReadHub, read: Read, tmp_path: File) -> None:
    hub.commit("org/spoilt", {"data/test-0.parquet": parquet(rows(0, 1))})
    for content in ("{", "[]", '{"org/spoilt@main": "main"}'):
        (tmp_path / "run").mkdir(exist_ok=True)
        (tmp_path / "run" / "revisions.json").write_text(content)
        assert "does not hold the commits of data sets" in read("org/spoilt")["error"]


def test_configs_are_read_one_or_all_and_named_where_none_is(hub: ReadHub, read: Read) -> None:
    names = ("art", "music")
    configs = [{"config_name": name, "data_files": [{"split": "test", "path": f"{name}/*.parquet"}]} for name in names]
    card = f"---\nconfigs: {json.dumps(configs)}\n---\n".encode()
    files = {f"{name}/test-0.parquet": parquet(rows(at, at + 1, name)) for at, name in enumerate(names)}
    hub.commit("org/configs", {"README.md": card, **files})
    assert questions(read("org/configs", config="music")) == ["music1?"]
    assert questions(read("org/configs", config="all")) == ["art0?", "music1?"]
    for config, words in ((None, "has several configs"), ("maths", "has no config `maths`")):
        error = read("org/configs", config=config)["error"]
        assert words in error and "`all` or one of `art`, `music`" in error
    assert "no split `dev`" in read("org/configs", "dev", config="art")["error"]


def test_json_lines_of_a_data_set_name_images_inside_it(hub: ReadHub, read: Read) -> None:
    paths = ["images/1.png", "near.png", "images/../images/1.png", "/etc/passwd", "../org/other/x.png", "gone.png"]
    lines = [json.dumps({"question": f"q{n}?", "answer": "no", "image": path}) for n, path in enumerate(paths)]
    lines.append(json.dumps({"question": "two?", "answer": "no", "image": ["images/1.png", "near.png"]}))
    files = {"data/test.jsonl": "\n".join(lines).encode(), "images/1.png": png(1), "data/near.png": png(2)}
    hub.commit("org/lines", files)
    told = read("org/lines")
    assert questions(told) == ["q0?", "q1?", "two?"] and len(told["rows"][2][3]) == 2
    outside = "image file lies outside the data's folder"
    assert told["out"] == [outside, outside, outside, "image file is missing"]


def test_files_of_another_kind_are_named_with_the_way_out(hub: ReadHub, read: Read) -> None:
    hub.commit("org/csv", {"data/test.csv": b"question,answer\na,b\n"})
    error = read("org/csv")["error"]
    assert "parquet and JSON lines are read" in error and "refs/convert/parquet" in error


def test_what_the_hub_does_not_give_is_one_clear_error_without_the_token(hub: ReadHub, read: Read) -> None:
    files = {"data/test-0.parquet": parquet(rows(0, 2))}
    for name, closed in (("org/secret", "private"), ("org/terms", "gated")):
        hub.closed[name] = closed
        hub.commit(name, files)
        error = read(name, run=name)["error"]
        assert f"`{name}`" in error and "HF_TOKEN" in error
        error = read(name, run=name, token="hf_wrong")["error"]
        assert f"`{name}`" in error and "hf_wrong" not in error
        assert len(questions(read(name, run=name, token=TOKEN))) == 2
    assert "terms" in read("org/terms", run="again")["error"]
    assert "no data set `org/nowhere`" in read("org/nowhere")["error"]
    assert "not one row" in read("org/secret", token=TOKEN, max_pixels=1)["error"]


@pytest.mark.slow
def test_a_broken_file_of_a_data_set_is_an_error(hub: ReadHub, read: Read) -> None:
    hub.commit("org/broken", {"data/test-0.parquet": parquet(rows(0, 20))[:-30]})
    assert "cannot be read" in read("org/broken")["error"]


@pytest.mark.slow
def test_a_killed_run_goes_on_at_the_same_commit(hub: ReadHub, tmp_path: File) -> None:
    """By the command line, killed as soon as it was told the commit; then the branch moves on."""
    first = hub.commit("org/killed", {"data/test-0.parquet": parquet(rows(0, 40, "old"))})
    recipe = tmp_path / "mine.yaml"
    columns = json.dumps(COLUMNS)
    recipe.write_text(
        f"name: mine\nquestions: {{test: {{source: hub, id: org/killed, split: test, columns: {columns}}}}}\n"
    )
    command = [
        sys.executable,
        "-m",
        "insightv_bench",
        "build",
        "questions",
        str(recipe),
        "--out",
        str(tmp_path / "runs"),
    ]
    run, settings = tmp_path / "runs" / "mine-seed0", environment(hub, tmp_path / "hf")
    process = subprocess.Popen(command, env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while not (run / "revisions.json").exists():
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.005)
    process.kill()
    assert process.wait(timeout=30) == -signal.SIGKILL
    hub.commit("org/killed", {"data/test-0.parquet": parquet(rows(0, 40, "new"))})
    done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and f"source_revision: {first}" in done.stdout and "40 rows" in done.stdout
    hub.broken = True
    try:
        again = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=300)
    finally:
        hub.broken = False
    assert again.returncode == 0 and again.stdout == done.stdout, "a finished stage asks the Hub for nothing"
