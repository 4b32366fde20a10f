"""Stages over a cluster, without Ray: an actor's work in this process, the recipe's table, and what is said when."""

from __future__ import annotations

import importlib.util
import json
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from local_coordinator import TEACHER, actor, job_of

from insightv_bench.cluster import session, vllm
from insightv_bench.cluster.blocks import Parked
from insightv_bench.cluster.engine import Batch, ClusterEngine, light, shown
from insightv_bench.cluster.job import Job
from insightv_bench.engines import Caller, Costs, label, open_engine
from insightv_bench.errors import MissingExtra, RecipeError, RunError
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.lazy import load_function
from insightv_bench.plan import plan
from insightv_bench.plan.cluster import HERE, told_apart
from insightv_bench.records import Path as PathRow
from insightv_bench.runs import place, run, run_folder
from insightv_bench.serving import ChatServer
from insightv_bench.settings import HfEngine, OpenAIEngine, RaySettings, Recipe, Sampling, TeacherEngine, load_recipe
from insightv_bench.settings.recipe import parse_recipe
from insightv_bench.storage import ImageStore, StoredImage, read_rows

WRITER, ASSESSOR = "builders.paths:Writer", "builders.assessment.stage:Assessor"


def recipe(*overrides: str) -> Recipe:
    return parse_recipe(TEACHER, "over.yaml", ["questions.train.num=10", "ray.block_size=4", *overrides])


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on one machine."""
    out = tmp_path_factory.mktemp("alone")
    run(recipe(), out)
    return out


def outcomes(out: Path, stage: str, function: str, **more: Any) -> list[dict[str, Any]]:
    job = job_of(recipe(), out, stage, function, **more)
    with actor(job) as (work, _):
        return [work(number) for number in range(len(job.bounds))]


def outcome_of(job: Job, number: int) -> dict[str, Any]:
    with actor(job) as (work, _):
        return work(number)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(("stage", "function"), [("paths-teacher", WRITER), ("assess-teacher", ASSESSOR)])
def test_blocks_are_the_rows_of_one_machine(
    alone: Path, stage: str, function: str, shared: bool, tmp_path: Path
) -> None:
    """Whether an actor reads questions and images itself, or is given them by the coordinator."""
    token = run_folder(recipe(), alone) / ".shared-test" if shared else tmp_path / "nowhere"
    made = outcomes(alone, stage, function, token=token)
    job = job_of(recipe(), alone, stage, function)
    record: Any = PathRow if stage == "paths-teacher" else load_function("records:Assessment")
    there = [row.model_dump_json() for row in read_rows(job.folder, record)]
    assert [row for outcome in made for row in outcome["rows"]] == there
    assert len(made) == 3 and len(there) == 20


def test_each_image_is_asked_for_by_its_hash_when_it_is_shown(alone: Path, tmp_path: Path) -> None:
    job = job_of(recipe(), alone, "paths-teacher", WRITER, token=tmp_path / "nowhere")
    with (
        ChatServer(Answering()) as server,
        actor(replace(job, stage=by_server(job.stage, server.url))) as (work, coordinator),
    ):
        outcome = work(0)
    assert len(outcome["rows"]) == 8
    assert 4 <= coordinator.asked.count("image") <= 8
    assert not any(row.images for row in coordinator.coordinator.rows(0))


class Answering:
    """Says the same to everybody."""

    name, revision, concurrency = "answering", "1", 4

    async def reply(self, request: Request) -> Reply:
        return Reply(text='{"answer": "4"}', num_tokens=4)


def by_server(stage: Any, *urls: str, **more: Any) -> Any:
    engine = {"kind": "openai", "model": "answering", "base_url": urls[0], "max_retries": 0, "concurrency": 4, **more}
    settings = type(stage.settings).model_validate(
        {**stage.settings.model_dump(), "engine": engine, "mode": "one-call"}
    )
    return replace(stage, settings=settings)


def test_a_second_try_of_a_block_asks_nothing_that_the_first_has_kept(alone: Path) -> None:
    for shared in (True, False):
        job = job_of(recipe(), alone, "paths-teacher", WRITER)
        if not shared:
            job = replace(job, token=job.run / "nowhere", folder=job.folder.with_name("paths-unshared"))
        with ChatServer(Answering()) as server:
            job = replace(job, stage=by_server(job.stage, server.url, revision="1"))
            first, again = outcome_of(job, 1), outcome_of(job, 1)
            assert server.num_requests == 8
        assert first["rows"] == again["rows"]
        assert first["costs"]["num_calls"] == again["costs"]["num_calls"] == 8


def test_a_server_of_a_pool_that_is_gone_is_left_for_the_next_one(alone: Path) -> None:
    with socket.socket() as closed, ChatServer(Answering()) as server:
        closed.bind(("127.0.0.1", 0))  # and does not listen
        gone = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        pool = json.dumps({"http://pool/v1": [gone, server.url]})
        job = job_of(recipe(f"ray.servers={pool}"), alone, "paths-teacher", WRITER)
        job = replace(job, stage=by_server(job.stage, "http://pool/v1"), folder=job.folder.with_name("paths-pool"))
        outcome = outcome_of(job, 0)
        assert server.num_requests == 8
    pooled = label(open_engine(OpenAIEngine(model="answering", base_url="http://pool/v1")))
    assert outcome["models"] == [pooled]  # one model, whichever member replied
    assert {json.loads(row)["generator"] for row in outcome["rows"]} == {pooled}


def test_a_pool_that_is_gone_altogether_is_an_error_of_the_run(alone: Path) -> None:
    pool = json.dumps({"http://pool/v1": ["http://127.0.0.1:9/v1", "http://127.0.0.1:19/v1"]})
    job = job_of(recipe(f"ray.servers={pool}"), alone, "paths-teacher", WRITER)
    job = replace(job, stage=by_server(job.stage, "http://pool/v1"), folder=job.folder.with_name("paths-gone"))
    failed = outcome_of(job, 0)["failed"]
    assert failed["kind"] == "EngineUnavailable" and "does not answer" in failed["fact"]


def test_a_budget_is_one_for_all_actors(alone: Path) -> None:
    job = job_of(recipe(), alone, "paths-teacher", WRITER)
    with ChatServer(Answering()) as server:
        limited = by_server(job.stage, server.url, max_tokens_total=20, concurrency=1)
        job = replace(job, stage=limited, folder=job.folder.with_name("paths-budget"))
        with actor(job) as (work, coordinator):
            failed = work(0)["failed"]
            asked = server.num_requests
            with actor(job, coordinator) as (other, _):
                assert other(1)["failed"] == failed
        assert server.num_requests == asked < 8
    assert failed["kind"] == "BudgetSpent"


def test_a_block_that_ends_its_actors_is_given_up_with_what_to_do(alone: Path) -> None:
    job = job_of(recipe("ray.block_tries=2"), alone, "paths-teacher", WRITER)
    with actor(job) as (work, coordinator):
        for _ in range(2):
            coordinator.coordinator.begin(1)  # by actors that died of it
        failed = work(1)["failed"]
        assert failed["kind"] == "StageError" and "ended 2 actors" in failed["fact"] and "memory" in failed["hint"]
        assert work(0)["rows"]
        coordinator.coordinator.stop()
        assert work(2) == {"stopped": True}


def test_a_node_with_another_version_is_told_apart(alone: Path) -> None:
    (failed, *_) = outcomes(alone, "paths-teacher", WRITER, versions={"answers": "answers@0"})
    assert "has `answers`" in failed["failed"]["fact"] and "every node" in failed["failed"]["hint"]


def test_an_error_that_is_none_of_ours_keeps_its_traceback(alone: Path) -> None:
    (failed, *_) = outcomes(alone, "paths-teacher", WRITER, inputs={})
    assert failed["failed"]["kind"] == "" and "Traceback" in failed["failed"]["traceback"]


# The recipe's table.


def test_over_a_cluster_a_stage_has_the_folder_that_it_has_on_one_machine() -> None:
    one, over = recipe(), recipe("engine=ray", "ray.max_actors=3")
    assert place(one, Path("run"), plan(one)) == place(over, Path("run"), plan(over))


def test_a_local_models_batches_hang_on_the_block_so_its_folder_does() -> None:
    words = ["engine=ray", "questions.train.num=5", "eval=null"]
    names = [
        {name: folder.name for name, folder in place(made, Path("run"), plan(made)).items()}
        for made in (load_recipe("method", [*words, f"ray.block_size={size}"]) for size in (HERE, 256))
    ]
    changed = {name for name in names[0] if names[0][name] != names[1][name]}
    assert "paths-sft" in changed and "paths-teacher" not in changed
    assert told_apart(plan(recipe()), RaySettings(block_size=7)) == plan(recipe())
    assert load_function("builders.portions:QUESTIONS_AT_ONCE") == HERE


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("engine=rey", "did you mean `ray`"),
        ("ray.adress=auto", "did you mean `address`"),
        ("ray.address=ray://head:10001", "ray job submit"),
        ("ray.address=head", "must be `auto`, `local` or HOST:PORT"),
        ("ray={min_actors: 4, max_actors: 2}", "`min_actors` (4) is above `max_actors` (2)"),
        ("ray.vllm={max_model_len: 4096}", "options of `hf: vllm`"),
        ("ray.object_store_bytes=1000", "greater than or equal to"),
        ("ray.servers={'http://pool/v1': []}", "names none for `http://pool/v1`"),
    ],
)
def test_a_wrong_setting_is_said_with_its_key(override: str, words: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe(override)
    assert words in str(caught.value)


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"insightv-bench\[ray\]"):
        session.load_ray()


def test_no_cluster_at_the_address_is_said_at_once(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(RunError, match=f"no Ray cluster at `{address}`") as caught:
            run(recipe("engine=ray", f"ray.address={address}"), tmp_path)
    assert "ray start --head" in caught.value.hint
    assert not list(tmp_path.rglob("manifest.json"))  # before any other stage


def test_a_run_that_is_whole_joins_no_cluster(alone: Path) -> None:
    assert run(recipe("engine=ray", "ray.address=127.0.0.1:9"), alone)["num_rows"] == 20


# What comes back.


def test_a_parked_block_is_whole_or_absent_and_comes_back_as_it_was(tmp_path: Path, alone: Path) -> None:
    rows = list(read_rows(job_of(recipe(), alone, "paths-teacher", WRITER).folder, PathRow))
    parked = Parked(tmp_path / "blocks")
    took = Costs(3, 20, 10, 0.5, 0.125)
    parked.put(1, {"costs": took._asdict(), "models": ["m@1"], "rows": [row.model_dump_json() for row in rows]})
    (tmp_path / "blocks" / "block-000002.jsonl.partial").write_text("cut off")
    assert parked.missing(3) == [0, 2]
    costs, models, kept = parked.read(1, PathRow)
    assert (costs, models, list(kept)) == (took, ["m@1"], rows)
    assert (parked.block_size(4), Parked(tmp_path / "blocks").block_size(8)) == (4, 4)


def finished(coroutine: Any) -> Any:
    """What a coroutine that never waits returns."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")


def test_replies_from_actors_are_kept_in_order_and_asked_for_once(alone: Path, tmp_path: Path) -> None:
    job = job_of(recipe(), alone, "paths-teacher", WRITER)
    questions = list(load_function("storage:read_questions")(job.inputs["questions"]))
    scenes = {question.image_sha256[0]: question.scene for question in questions}
    ask = load_function("chat:ask")
    requests = [Request(ask("direct", question), job.stage.settings.sampling) for question in questions]
    seen: list[str] = []

    def far(work: Mapping[int, Any], names: Mapping[int, str]) -> Iterator[tuple[int, list[str]]]:
        seen.extend(names.values())
        teacher: Any = open_engine(TeacherEngine(), scenes)
        for number in sorted(work, reverse=True):  # the last block is finished first
            replies = [teacher.reply(request) for request in work[number].requests]
            yield number, [finished(reply).model_dump_json() for reply in replies]

    engine = ClusterEngine(open_engine(TeacherEngine(), scenes), 4, far)
    journal = Journal(tmp_path / "here.sqlite")
    with Caller(engine, journal) as caller:
        replies = caller.ask_all(requests)
        assert caller.ask_all(requests[:3]) == replies[:3]
    with Caller(open_engine(TeacherEngine(), scenes), Journal(tmp_path / "alone.sqlite")) as caller:
        assert caller.ask_all(requests) == replies
    assert len(seen) == 3 == len(set(seen))


def test_no_image_travels_with_a_request(alone: Path) -> None:
    job = job_of(recipe(), alone, "paths-teacher", WRITER)
    folder = job.inputs["questions"]
    question = next(load_function("storage:read_questions")(folder))
    request = Request(load_function("chat:ask")("direct", question), job.stage.settings.sampling)
    sent = light(request)
    assert isinstance(request.chat.images[0], StoredImage)
    assert sent.chat.images[0].bytes == b"" and sent.chat.images[0].sha256 == question.image_sha256[0]
    assert shown(sent, ImageStore(folder)).chat.images[0].bytes == request.chat.images[0].bytes


# vLLM's processor, as far as it can be looked at without vLLM.


def test_vllms_processor_is_given_the_model_and_the_requests_with_their_images(
    alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = recipe("ray={hf: vllm, vllm: {tensor_parallel_size: 2}, max_actors: 3}")
    engine = HfEngine(model="ORG/NAME", revision="abc", dtype="bfloat16")
    job = replace(job_of(over, alone, "paths-teacher", WRITER), engine=engine)
    options = vllm.processor_options(job)
    assert options["engine_kwargs"] == {
        "revision": "abc", "dtype": "bfloat16", "trust_remote_code": False, "enable_prefix_caching": True, "seed": 0,
        "tensor_parallel_size": 2,
    }  # fmt: skip
    assert (options["model_source"], options["concurrency"]) == ("ORG/NAME", (1, 3))
    question = next(load_function("storage:read_questions")(job.inputs["questions"]))
    sampling = Sampling(max_new_tokens=7, temperature=0.5)
    request = Request(load_function("chat:ask")("direct", question), sampling, sample=3)
    with actor(job) as (_, coordinator):
        coordinator.coordinator._work = {4: Batch((light(request),), 0)}
        row = vllm.Shown(job, coordinator)({"number": 4})
        assert coordinator.coordinator.num_begun() == 1
    (message,) = row["messages"]
    assert message["content"][0]["image_url"]["url"].startswith("data:image/png;base64,")
    assert row["sampling_params"] == {
        "max_tokens": 7, "temperature": 0.5, "top_p": 1.0, "repetition_penalty": 1.0,
        "seed": row["sampling_params"]["seed"],
    }  # fmt: skip
    made = {**row, "generated_text": "five", "num_input_tokens": 80, "num_generated_tokens": 7}
    (reply,) = json.loads(vllm.as_outcome(made)["outcome"])["rows"]
    assert Reply.model_validate_json(reply) == Reply(text="five", finish="length", num_prompt_tokens=80, num_tokens=7)


def test_vllm_takes_what_ray_s_own_settings_take(alone: Path) -> None:
    llm = pytest.importorskip("ray.data.llm")
    over = recipe("ray={hf: vllm}")
    job = replace(job_of(over, alone, "paths-teacher", WRITER), engine=HfEngine(model="ORG/NAME"))
    config = llm.vLLMEngineProcessorConfig(**vllm.processor_options(job))
    assert config.model_source == "ORG/NAME" and config.engine_kwargs["enable_prefix_caching"]


def test_vllm_step_by_step_is_refused_and_a_missing_vllm_is_said() -> None:
    stage = next(stage for stage in plan(recipe()) if stage.name == "paths-teacher")
    with pytest.raises(RecipeError, match="once a step") as caught:
        vllm.check(stage)
    assert "kind: openai" in caught.value.hint
    if importlib.util.find_spec("vllm") is None:
        with pytest.raises(MissingExtra, match="on every node"):
            vllm.check(by_server(stage, "http://pool/v1"))
