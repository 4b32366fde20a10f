"""Keys: where one may be sent, what is kept masked, what never travels. A table of attacks, each with what is right."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import ENVIRONMENT, bench
from pydantic import ValidationError
from recording_server import Answer, ChatServer, completion

from insightv_bench.chat import Chat
from insightv_bench.engines import Caller, label, open_engine
from insightv_bench.errors import EngineError, HubError, RecipeError
from insightv_bench.hub import guard_secrets
from insightv_bench.journal import Journal, Reply, Request, request_key
from insightv_bench.keys import Mask, has_private_part, may_send, note_typed, remember
from insightv_bench.records import Message
from insightv_bench.settings import OpenAIEngine, Sampling, load_recipe

CANARY = "sk-CANARY-7f3a9c2e51b84d06"
QUESTION = Request(Chat((Message(role="user", content="What is it?"),)), Sampling())


@pytest.fixture(autouse=True)
def a_user_of_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("INSIGHTV_ALLOW_KEY", "INSIGHTV_TYPED", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "")


def served(url: str, **changes: Any) -> OpenAIEngine:
    return OpenAIEngine(**{"model": "m", "base_url": url, "max_retries": 0, "first_wait_s": 0.001, **changes})


def asked(folder: Path, answer: Answer, **changes: Any) -> Reply:
    server, journal = ChatServer(lambda body: answer), Journal(folder / "journal.sqlite")
    try:
        with Caller(open_engine(served(server.url, **changes)), journal) as caller:
            return caller.ask_all([QUESTION])[0]
    finally:
        server.close()
        journal.close()


@pytest.mark.parametrize(
    ("variable", "url", "typed", "right"),
    [
        ("AWS_SECRET_ACCESS_KEY", "https://evil.example/v1", "", False),
        ("OPENAI_API_KEY", "https://evil.example/v1", "", False),
        ("OPENAI_API_KEY", "https://api.openai.com/v1", "", True),
        ("OPENAI_API_KEY", "https://api.openai.com.evil.example/v1", "", False),
        ("OPENAI_API_KEY", "https://api.openai.com@evil.example/v1", "", False),
        ("OPENAI_API_KEY", "http://127.0.0.1:8000/v1", "", True),
        ("OPENAI_API_KEY", "http://127.0.0.1.evil.example/v1", "", False),
        ("OPENAI_API_KEY", "http://mine.example/v1", "openai:http://mine.example/v1#m", True),
        ("AWS_SECRET_ACCESS_KEY", "http://mine.example/v1", "openai:http://mine.example/v1#m", False),
        ("MINE_KEY", "http://mine.example/v1", "http://mine.example/v1 api_key_env=MINE_KEY", True),
        ("OPENAI_API_KEY", "http://other.example/v1", "openai:http://mine.example/v1#m", False),
    ],
)
def test_a_key_goes_only_where_it_was_confirmed_for(variable: str, url: str, typed: str, right: bool) -> None:
    note_typed([typed])
    assert may_send(variable, url) == right


def test_a_recipe_cannot_send_a_key_abroad_until_the_user_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARY)
    engine = served("https://evil.example/v1", api_key_env="AWS_SECRET_ACCESS_KEY")
    with pytest.raises(EngineError, match="nobody has confirmed") as refused:
        open_engine(engine)
    assert "--allow-key AWS_SECRET_ACCESS_KEY=evil.example" in refused.value.hint
    assert CANARY not in str(refused.value)
    remember(["AWS_SECRET_ACCESS_KEY=evil.example"])
    assert open_engine(engine).name == "m"
    with pytest.raises(EngineError):
        open_engine(served("https://other.example/v1", api_key_env="AWS_SECRET_ACCESS_KEY"))
    with pytest.raises(RecipeError, match="is no VAR=HOST"):
        remember(["AWS_SECRET_ACCESS_KEY"])


@pytest.mark.parametrize(
    "url", ["http://h/v1?k=SECRET", "http://me:SECRET@h/v1", "http://SECRET@h/v1", "http://h?SECRET"]
)
def test_a_url_that_holds_a_key_is_refused_and_not_repeated(url: str) -> None:
    assert has_private_part(f"m@{url}")
    with pytest.raises(RecipeError, match="no user and no query part") as refused:
        load_recipe("calibrate", [f"assess.engine={{kind: openai, model: m, base_url: '{url}'}}"])
    assert "SECRET" not in str(refused.value)
    with pytest.raises(RecipeError) as refused:
        load_recipe("eval", [f"model_seats.base='openai:{url}#m'"])
    assert "SECRET" not in str(refused.value)


def test_a_server_is_named_by_its_revision_or_by_a_hash_of_its_place() -> None:
    names = {url: label(open_engine(served(url))) for url in ("http://127.0.0.1/v1", "http://127.0.0.2/v1")}
    assert all("127" not in name for name in names.values()) and len({*names.values()}) == 2
    assert label(open_engine(served("http://127.0.0.1/v1/"))) == names["http://127.0.0.1/v1"]
    assert label(open_engine(served("http://127.0.0.1/v1", revision="2"))) == "m@2"


def test_a_reply_that_was_kept_under_a_servers_address_is_not_paid_for_again(tmp_path: Path) -> None:
    url, journal = "http://127.0.0.1:9/v1", Journal(tmp_path / "journal.sqlite")  # nobody answers there
    journal.put([(request_key(f"m@{url}", QUESTION), Reply(text="kept", num_tokens=3))], f"m@{url}")
    with Caller(open_engine(served(url, max_tokens_total=10)), journal) as caller:
        assert caller.ask_all([QUESTION])[0].text == "kept"
        assert caller.budget.spent.num_tokens == 3
    journal.close()


@pytest.mark.parametrize("said", [CANARY, CANARY.lower(), CANARY.upper(), f"x{'y' * 480} {CANARY}", f"k%3D{CANARY}"])
def test_what_a_server_says_again_is_masked_before_it_is_cut(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SERVERS_KEY", CANARY)
    monkeypatch.setenv("ANOTHER_API_KEY", CANARY[::-1])
    reply = asked(tmp_path, (200, completion(f"It is {said}.", reasoning_content=said)), api_key_env="A_SERVERS_KEY")
    assert "canary" not in reply.model_dump_json().lower() and "[masked]" in reply.text
    other = asked(tmp_path / "2", (200, completion(f"{CANARY[::-1]}!")), api_key_env="A_SERVERS_KEY")
    assert other.text == "[masked]!"
    for status, body in ((400, {"error": {"message": f"bad key {said}"}}), (500, f"<b>{said}"), (200, [said])):
        with pytest.raises(EngineError) as failed:
            asked(tmp_path / "3", (status, body), api_key_env="A_SERVERS_KEY")
        assert "sk-can" not in str(failed.value).lower()


def test_a_placeholder_is_no_secret() -> None:
    assert Mask(["none", "EMPTY"])("An empty list, none") == "An empty list, none"


def test_a_request_does_not_follow_to_another_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from test_wire import serving, url_of

    monkeypatch.setenv("A_SERVERS_KEY", CANARY)
    with serving("good") as behind:
        abroad = url_of(behind).replace("127.0.0.1", "127.0.0.2")
        with serving(f"{abroad}/?k={CANARY}") as before, pytest.raises(EngineError, match="to another host") as refused:
            journal = Journal(tmp_path / "journal.sqlite")
            with Caller(open_engine(served(f"{url_of(before)}/v1", api_key_env="A_SERVERS_KEY")), journal) as caller:
                caller.ask_all([QUESTION])
        assert not behind.seen and CANARY not in str(refused.value)


def test_a_recipe_file_cannot_ask_for_a_models_code_and_a_command_can(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("extends: eval\nname: mine\nmodel_seats: {base: {kind: hf, model: a/b, trust_remote_code: true}}\n")
    with pytest.raises(RecipeError, match="only the command line may") as refused:
        load_recipe(str(file))
    assert "--set model_seats.base.trust_remote_code=true" in refused.value.hint
    seat = load_recipe("eval", ["model_seats.base={kind: hf, model: a/b, trust_remote_code: true}"]).model_seats["base"]
    assert seat.trust_remote_code  # type: ignore[union-attr]


def parquet(folder: Path, content: Any) -> Path:
    pq.write_table(pa.table({"rows": [content]}), folder / "data.parquet", compression="zstd")
    return folder / "data.parquet"


def test_no_file_that_holds_a_key_travels_whatever_its_size_and_packing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SERVERS_KEY", CANARY)
    large = tmp_path / "large.safetensors"
    with large.open("wb") as opened:
        opened.seek(2**23 - 10)  # across two slices
        opened.write(CANARY.encode())
    packed = tmp_path / "samples.jsonl.gz"
    packed.write_bytes(gzip.compress(b" " * 10_000 + CANARY.encode()))
    nested = [{"role": "user", "content": "x" * 10_000 + CANARY}] * 3
    for content in (large, packed, parquet(tmp_path, nested), f"a {CANARY}".encode()):
        with pytest.raises(HubError, match="holds the value of `A_SERVERS_KEY`") as refused:
            guard_secrets({"file": content})
        assert CANARY not in str(refused.value)
    guard_secrets({"file": parquet(tmp_path, nested[:0] or [{"role": "user", "content": "x"}])})


@pytest.mark.slow
def test_a_canary_in_every_variable_and_header_is_in_no_file_of_an_evaluation_a_page_and_a_submission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server says every header again: in its replies, in its errors."""
    names = ("OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "OPENAI_ORG_ID_TOKEN")
    canaries = {name: f"{CANARY}-{number}" for number, name in enumerate(names)}
    for name, value in canaries.items():
        monkeypatch.setitem(ENVIRONMENT, name, value)
    monkeypatch.setitem(ENVIRONMENT, "XDG_CONFIG_HOME", os.environ["XDG_CONFIG_HOME"])

    def echo(body: dict[str, Any]) -> Answer:
        said = f"{server.keys[-1]} {' '.join(canaries.values())}"
        if len(server.bodies) % 7 == 3:
            return 503, {"error": {"message": said}}
        return 200, completion(f'{{"answer": "1"}} {said}', reasoning_content=said.upper())

    server = ChatServer(echo)
    try:
        words = [
            "--model",
            f"openai:{server.url}#m",
            "--model_args",
            "first_wait_s=0.001,check_images=false",
            "--tasks",
            "insightv_tiny",
        ]
        done = bench(tmp_path, "eval", *words, "--limit", "2", "--set", "eval.arms=[direct]")
    finally:
        server.close()
    assert done.returncode == 0, done.stderr
    assert server.keys[0] == f"Bearer {canaries['OPENAI_API_KEY']}"
    run = next((tmp_path / "runs").iterdir())
    made = bench(tmp_path, "leaderboard", "submit", run, "--out", "submission", "--title", "mine")
    assert made.returncode == 0, made.stderr
    said = done.stdout + done.stderr + made.stdout + made.stderr
    files = {str(file): file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    rows = [json.dumps(pq.read_table(file).to_pylist(), default=str) for file in tmp_path.rglob("*.parquet")]
    assert [name for name, content in files.items() if b"canary" in content.lower()] == []
    assert "canary" not in "".join([said, *rows]).lower()
    place = server.url.removeprefix("http://").removesuffix("/v1")
    assert place not in "".join(row for row in rows) and "[masked]" in "".join(rows)


def test_a_setting_with_a_private_url_is_refused_in_python_too() -> None:
    with pytest.raises(ValidationError):
        OpenAIEngine(model="m", base_url="http://h/v1?k=SECRET")
