"""A model behind a server that the run starts itself: begun, asked, stopped; killed runs; and what it must not end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from own_recipes import complaint

from insightv_bench.chat import Chat, Message
from insightv_bench.engines import Caller, open_engine
from insightv_bench.engines.served import check_program, end_left_over
from insightv_bench.engines.served.keeper import started_at
from insightv_bench.engines.served.model import client_settings
from insightv_bench.engines.served.programs import command
from insightv_bench.errors import EngineError, MissingExtra, RecipeError
from insightv_bench.journal import Journal, Request
from insightv_bench.plan import plan
from insightv_bench.settings import Sampling, ServedEngine, load_recipe

pytest.importorskip("aiohttp")
STAND_IN = Path(__file__).with_name("stand_in_server.py")
PROGRAM = (sys.executable, str(STAND_IN))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What is hashed of a model."""
    made = tmp_path / "train-dpo-1-abc" / "model"
    made.mkdir(parents=True)
    (made / "config.json").write_text('{"model_type": "none"}', encoding="utf-8")
    return made


def settings(folder: Path, *args: str, **more: Any) -> ServedEngine:
    more = {"place": str(folder.parents[1] / "servers"), **more}
    return ServedEngine(model=str(folder), serve="vllm", args=args, program=PROGRAM, **more)


def requests(num: int) -> list[Request]:
    return [Request(Chat((Message(role="user", content=f"Question {n}?"),), ()), Sampling(), n) for n in range(num)]


def replies(engine: ServedEngine, folder: Path, num: int = 3) -> tuple[list[str], Caller]:
    with (
        closing(Journal(folder.parents[1] / "journal.sqlite")) as journal,
        Caller(open_engine(engine), journal) as caller,
    ):
        return [reply.text for reply in caller.ask_all(requests(num))], caller


def pids(folder: Path) -> dict[str, Any]:
    (file,) = (folder.parents[1] / "servers").glob("*.json")
    known: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return known


def wait_until(happened: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_server_lives_while_it_is_asked_and_what_it_said_needs_none_again(folder: Path) -> None:
    first, caller = replies(settings(folder), folder)
    assert caller.num_calls == 3 and len(set(first)) == 3
    assert caller.model.startswith("train-dpo-1-abc@") and "vllm" in caller.model
    servers = folder.parents[1] / "servers"
    assert not list(servers.glob("*.json")) and list(servers.glob("*.log"))
    again, caller = replies(settings(folder, place=str(servers / "none")), folder)
    assert again == first and caller.num_calls == 0 and not (servers / "none").exists()


def test_sglang_is_begun_with_arguments_that_it_knows(folder: Path) -> None:
    how = settings(folder, dtype="bfloat16").model_copy(update={"serve": "sglang"})
    said, caller = replies(how, folder)
    assert len(set(said)) == 3 and "sglang" in caller.model


@pytest.mark.parametrize(
    ("serve", "args", "there", "absent"),
    [
        ("vllm", (), ["--data-parallel-size 4", "--generation-config vllm"], []),
        ("vllm", ("--tensor_parallel_size=2",), ["--generation-config vllm"], ["--data-parallel-size"]),
        ("vllm", ("-pp", "2"), [], ["--data-parallel-size"]),
        ("vllm", ("--config", "x.yaml"), [], ["--data-parallel-size"]),
        ("vllm", ("--generation-config", "auto"), ["--generation-config auto"], ["--generation-config vllm"]),
        ("sglang", (), ["--dp-size 4", "--sampling-defaults openai", "--model-path"], []),
        ("sglang", ("--sampling-defaults=model", "--tp", "4"), [], ["--dp-size", "openai"]),
    ],
)
def test_a_server_samples_as_it_is_asked_on_every_device(
    serve: str, args: tuple[str, ...], there: list[str], absent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a request leaves out is not the model's own: with its `top_k: 1` all samples of a question were one."""
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    how = ServedEngine.model_validate({"kind": "served", "model": "m", "serve": serve, "args": args})
    words = " ".join(command(how, "m", 1))
    assert all(word in words for word in there) and not any(word in words for word in absent)


def test_other_arguments_and_other_weights_are_another_model(folder: Path) -> None:
    def label() -> str:
        return open_engine(settings(folder)).revision

    before = label()
    assert open_engine(settings(folder, "--quantization", "fp8")).revision != before
    assert open_engine(settings(folder, wait_s=5)).revision == before
    (folder / "model.safetensors").write_bytes(b"new")
    assert label() != before


@pytest.mark.parametrize(
    ("args", "more", "words"),
    [
        (("--no-such-option",), {}, "ended before it could be asked"),
        (("--never",), {"wait_s": 3}, "was not ready after 3 s (`wait_s`)"),
        (("--ends-after", "4"), {"concurrency": 1}, "ended while it was asked: out of everything"),
    ],
)
def test_a_server_that_does_not_come_up_or_ends_says_its_last_words(
    folder: Path, args: tuple[str, ...], more: dict[str, Any], words: str
) -> None:
    with pytest.raises(EngineError) as told:
        replies(settings(folder, *args, **more), folder, 9)
    assert words in told.value.fact and "whole log" in told.value.hint
    assert not list((folder.parents[1] / "servers").glob("*.json"))


RUN = """
import sys
from pathlib import Path
from insightv_bench.chat import Chat, Message
from insightv_bench.engines import Caller, open_engine
from insightv_bench.journal import Journal, Request
from insightv_bench.settings import Sampling, ServedEngine
engine = ServedEngine.model_validate_json(sys.argv[1])
with Caller(open_engine(engine), Journal(Path(sys.argv[2]))) as caller:
    caller.ask_all([Request(Chat((Message(role="user", content="Q?"),), ()), Sampling(), 0)])
    print("answered", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def killed_run(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has a server up."""
    engine = settings(folder)
    told = {name: getattr(engine, name) for name in ServedEngine.model_fields}
    words = [sys.executable, "-c", RUN, json.dumps(told), str(folder.parents[1] / "journal.sqlite")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "answered\n"
        yield process
        process.kill()


@pytest.mark.slow
def test_a_server_ends_with_the_run_that_is_killed(folder: Path, killed_run: subprocess.Popen[str]) -> None:
    known = pids(folder)
    assert all(started_at(known[role]) == known[f"{role}_started"] for role in ("keeper", "server"))
    killed_run.kill()
    wait_until(lambda: not started_at(known["server"]) and not started_at(known["keeper"]))
    assert end_left_over(folder.parents[1] / "servers") == 0
    assert not list((folder.parents[1] / "servers").glob("*.json"))


@pytest.mark.slow
def test_a_server_that_outlives_its_keeper_is_found_and_ended(folder: Path, killed_run: subprocess.Popen[str]) -> None:
    known = pids(folder)
    os.kill(known["keeper"], signal.SIGKILL)
    killed_run.kill()
    assert started_at(known["server"])
    assert end_left_over(folder.parents[1] / "servers") == 1
    assert not started_at(known["server"])


def test_transformers_serve_is_told_to_sample(folder: Path) -> None:
    """It would stay greedy, whatever the temperature, and K paths would be one."""
    (folder / "generation_config.json").write_text('{"eos_token_id": [3, 4], "do_sample": false, "top_k": 50}')
    engine = ServedEngine(model=str(folder), serve="transformers")
    told = json.loads(client_settings(engine, "m", "http://127.0.0.1:9/v1", "1").extra_body["generation_config"])
    assert told == {"eos_token_id": [3, 4], "do_sample": True, "top_k": 0}
    assert not client_settings(settings(folder), "m", "http://127.0.0.1:9/v1", "1").extra_body


def test_nobody_elses_process_is_ended(tmp_path: Path) -> None:
    """A pid that another process has by now: the time that it began is another."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, process_group=0) as other:
        began = started_at(other.pid)
        pid = {"keeper": other.pid, "server": other.pid}
        known = [
            {**pid, "keeper_started": "then", "server_started": "then"},
            {**pid, "keeper": 1, "keeper_started": began, "server_started": began},
            {"keeper": "x"},
            {**pid, "server_started": ""},
        ]
        for number, content in enumerate([*map(json.dumps, known), "{", "[1]"]):
            (tmp_path / f"{number}.json").write_text(content, encoding="utf-8")
        assert end_left_over(tmp_path) == 0 and other.poll() is None
        assert not list(tmp_path.glob("*.json"))
        other.kill()


def test_the_model_just_made_is_planned_behind_the_server() -> None:
    how = ["workers=1", "rounds.sample={serve: vllm, args: [--max-model-len, 4096], program: [sh]}"]
    stages: dict[str, Any] = {stage.name: stage for stage in plan(load_recipe("tiny", how))}
    engine = stages["paths-round-1"].settings.engine
    assert isinstance(engine, ServedEngine) and engine.model == "stage:train-reason"
    assert engine.args == ("--max-model-len", "4096")
    assert engine.concurrency == 256 and engine.dtype == "bfloat16"  # the recipe's `batch_size` and `dtype`
    assert stages["paths-sft"].settings.engine.kind == "hf"


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["workers=2", "rounds.sample={serve: vllm}"], "`workers: 2` may train there"),
        (["engine=ray", "rounds.sample={serve: vllm}"], "`engine: ray` may train there"),
        (["workers=1", "rounds.sample={args: [-x]}"], "`args` and `program` are of a server"),
        (
            ["workers=1", "rounds.sample={serve: vllm}", "rounds.paths.engine.device_map=auto"],
            "`device_map` is of local transformers",
        ),
        (["rounds.sample={serve: vlm}"], "did you mean `vllm`"),
        (["workers=1", "rounds.sample={serve: vllm}", "rounds.kind=grpo"], "samples while it trains"),
    ],
)
def test_what_a_server_cannot_honour_is_refused(overrides: list[str], words: str) -> None:
    assert words in complaint("tiny", *overrides).fact


def test_a_program_that_is_not_there_is_told_before_anything_is_paid_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RecipeError, match="no command here"):
        check_program(ServedEngine(model=str(folder), serve="vllm", program=("no-such-program",)))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for program in ("vllm", "sglang", "transformers"):
        with pytest.raises(MissingExtra, match="which is not installed here") as told:
            check_program(ServedEngine.model_validate({"kind": "served", "model": str(folder), "serve": program}))
        assert "pip install" in told.value.hint
