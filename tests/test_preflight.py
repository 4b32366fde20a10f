"""What is wrong with a model is said before a run's first stage, in one line with a hint."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_kills import Parrot

from insightv_bench.cli import main
from insightv_bench.engines import Caller, label, open_engine
from insightv_bench.errors import EngineError, EngineUnavailable, ModelError
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.serving import ChatServer, Manners, Refused
from insightv_bench.settings import HfEngine, OpenAIEngine, PathsSettings, Sampling
from insightv_bench.stages.preflight import check_engine, check_local

pytest.importorskip("aiohttp")


def free_url() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.sqlite")


class Unlisted(ChatServer):
    """A server whose list of models is not there."""

    def models(self) -> dict[str, Any]:
        raise Refused(404, "no such page")


def test_a_model_that_is_to_see_no_images_and_is_listed_is_asked_nothing(journal: Journal) -> None:
    with ChatServer(Parrot()) as server:
        settings = OpenAIEngine(model="parrot", base_url=server.url)
        check_engine(settings, journal, sees_images=False)
        assert server.num_requests == 0
        check_engine(settings, journal)
        assert server.num_requests == 2  # with an image and without


class Blind(Parrot):
    """Drops images, and answers all the same."""

    async def reply(self, request: Request) -> Reply:
        return await super().reply(request._replace(chat=request.chat._replace(images=())))


class Textual(Parrot):
    """Turns images away."""

    async def reply(self, request: Request) -> Reply:
        if request.chat.images:
            raise ValueError("image input is not supported")
        return await super().reply(request)


@pytest.mark.parametrize(
    ("model", "words"), [(Blind(), "does not see images"), (Textual(), "cannot be shown an image.*not supported")]
)
def test_a_server_that_is_blind_is_an_error_before_anything_is_paid_for(
    journal: Journal, model: Parrot, words: str
) -> None:
    with ChatServer(model) as server:
        settings = OpenAIEngine(model="parrot", base_url=server.url)
        with pytest.raises(EngineError, match=words) as raised:
            check_engine(settings, journal)
        assert "images: none" in raised.value.hint
        check_engine(settings, journal, sees_images=False)
        check_engine(settings.model_copy(update={"check_images": False}), journal)


def test_a_key_that_a_strict_server_refuses_is_named_with_the_setting_that_sends_it(journal: Journal) -> None:
    class Pedant(ChatServer):
        async def reply(self, body: dict[str, Any]) -> Reply:
            if odd := body.keys() - {"model", "messages", "max_tokens", "temperature", "top_p", "seed"}:
                raise Refused(422, f"Unexpected fields in the request: {odd}")
            return await super().reply(body)

    with Pedant(Parrot()) as server:
        settings = OpenAIEngine(model="parrot", base_url=server.url)
        check_engine(settings, journal, sampling=PathsSettings().sampling)
        with pytest.raises(EngineError, match="422.*repetition_penalty") as raised:
            check_engine(settings, journal, sampling=Sampling(repetition_penalty=1.1))
        assert "`repetition_penalty` is sent by" in raised.value.hint and "of the sampling" in raised.value.hint
        with pytest.raises(EngineError, match="422.*top_k") as raised:
            check_engine(settings.model_copy(update={"extra_body": {"top_k": 5}}), journal)
        assert "`extra_body: {top_k: ...}`" in raised.value.hint


def test_a_server_without_a_list_is_asked_for_one_token(journal: Journal) -> None:
    with Unlisted(Parrot()) as server:
        check_engine(OpenAIEngine(model="parrot", base_url=server.url), journal, sees_images=False)
        assert server.num_requests == 1
        with pytest.raises(EngineError, match="404.*`parot` does not exist"):
            check_engine(OpenAIEngine(model="parot", base_url=server.url), journal)


def test_a_misspelt_model_name_is_an_error_that_knows_the_right_one(journal: Journal) -> None:
    with (
        ChatServer(Parrot()) as server,
        pytest.raises(EngineError, match="`parot` at .* cannot be asked: .*404.*does not exist") as raised,
    ):
        check_engine(OpenAIEngine(model="parot", base_url=server.url), journal)
    assert "did you mean `parrot`?" in raised.value.hint


def test_a_missing_key_is_an_error_that_names_the_variable(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("A_KEY", raising=False)
    with ChatServer(Parrot(), manners=Manners(key="secret")) as server:
        settings = OpenAIEngine(model="parrot", base_url=server.url, api_key_env="A_KEY")
        with pytest.raises(EngineError, match="401") as raised:
            check_engine(settings, journal)
        assert "`A_KEY`" in raised.value.hint
        monkeypatch.setenv("A_KEY", "secret")
        check_engine(settings, journal)


@pytest.mark.parametrize("url", [free_url, lambda: "http://no-such-host.invalid/v1", lambda: "localhost:8000/v1"])
def test_a_dead_url_is_an_error_at_once(journal: Journal, url: Callable[[], str]) -> None:
    started = time.monotonic()
    with pytest.raises(EngineUnavailable, match="does not answer") as raised:
        check_engine(OpenAIEngine(model="m", base_url=url()), journal)
    assert "base_url" in raised.value.hint
    assert time.monotonic() - started < 20


def test_a_model_with_kept_replies_is_not_looked_for_again(journal: Journal) -> None:
    settings = OpenAIEngine(model="m", base_url=free_url())
    with Caller(open_engine(settings), journal):
        journal.put([("key", Reply(text="kept"))], label(open_engine(settings)))
    check_engine(settings, journal)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "its `config.json` is missing"),
        ({"config.json": "{}"}, "its `config.json` is missing or names none"),
        ({"config.json": '{"model_type": "llama"}'}, r"\(llama\) has no `processor_config.json`"),
        ({"config.json": '{"model_type": "llava"}', "processor_config.json": "{}"}, "holds no weights"),
    ],
    ids=["empty", "nameless", "text only", "no weights"],
)
def test_a_folder_that_holds_no_whole_model_is_an_error(tmp_path: Path, files: dict[str, str], words: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=words):
        check_local(HfEngine(model=str(tmp_path)))


def test_a_missing_folder_is_an_error() -> None:
    with pytest.raises(ModelError, match="`./no/such/folder` is neither a folder nor a Hub id"):
        check_local(HfEngine(model="./no/such/folder"))


def test_a_run_says_it_before_its_first_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["eval", "--model", f"openai:{free_url()}#m", "--tasks", "insightv_tiny", "--out", str(tmp_path)]
    monkeypatch.setattr("sys.argv", ["insightv-bench", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert said.startswith("error: `m` at http://127.0.0.1") and "hint: start it, or check `base_url`" in said
    (run,) = tmp_path.iterdir()
    assert not (run / "stages").exists() or not list((run / "stages").iterdir())
    assert json.loads((run / "run.json").read_text(encoding="utf-8"))["seed"] == 0


def test_a_judge_that_sees_no_images_is_refused_before_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with ChatServer(Textual()) as server:
        judge = ["--judge", "parrot", "--base-url", server.url]
        monkeypatch.setattr("sys.argv", ["insightv-bench", "build", "calibrate", *judge, "--out", str(tmp_path)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert server.num_requests < 4
    assert ended.value.code == 1 and "cannot be shown an image" in capsys.readouterr().err
    assert not list(tmp_path.rglob("manifest.json"))


def test_rows_that_are_not_there_are_told_before_a_server_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "mine.yaml"
    source = "{source: parquet, name: mine, path: nowhere.parquet, columns: {question: q, answer: a, image: i}}"
    recipe.write_text(f"name: mine\nquestions: {{test: {source}}}\neval: {{arms: [direct]}}\n", encoding="utf-8")
    server = f"openai:{free_url()}#m"
    words = ["eval", str(recipe), "--model", server, "--out", str(tmp_path / "runs")]
    monkeypatch.setattr("sys.argv", ["insightv-bench", *words])
    with pytest.raises(SystemExit):
        main()
    said = capsys.readouterr().err
    assert "nowhere.parquet" in said and "does not answer" not in said
