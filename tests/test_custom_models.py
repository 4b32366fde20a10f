"""A model of the user's own, in a file or a package: asked as any other, kept and resumed."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

import pytest

from insightv_bench.chat import Chat
from insightv_bench.cli import main
from insightv_bench.engines import Caller, open_engine
from insightv_bench.errors import ModelError
from insightv_bench.journal import Journal, Request
from insightv_bench.records import EvalRecord, Message
from insightv_bench.settings import PythonEngine, Sampling, engine_of
from insightv_bench.storage import read_rows

ONE = """
import helper
from insightv_bench.journal import Reply

class Mine:
    name, revision, concurrency = "mine", "3", 4

    def __init__(self, word="four"):
        self.word = word

    async def reply(self, request):
        with open(COUNT, "a") as file:
            file.write("x")
        return Reply(text=helper.said(self.word), num_tokens=1)

class Batched:
    def generate(self, requests, seed):
        return [Reply(text=request.chat.messages[-1].content[::-1]) for request in requests]

class Neither:
    pass

class Broken:
    def __init__(self):
        raise OSError("no weights here")
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "helper.py").write_text("def said(word):\n    return '{\"answer\": \"' + word + '\"}'\n")
    place = tmp_path / "model.py"
    place.write_text(ONE.replace("COUNT", repr(str(tmp_path / "count"))))
    return place


def ask(engine: PythonEngine, journal: Journal, *texts: str) -> list[str]:
    with Caller(open_engine(engine), journal) as caller:
        chats = [Chat((Message(role="user", content=text),)) for text in texts]
        return [reply.text for reply in caller.ask_all([Request(chat, Sampling()) for chat in chats])]


def test_a_class_in_a_file_is_asked_with_its_options_and_its_replies_are_kept(file: Path, journal: Journal) -> None:
    engine = engine_of(f"python:{file}:Mine", options={"word": "seven"})
    assert ask(engine, journal, "one", "two") == ['{"answer": "seven"}'] * 2
    assert ask(engine, journal, "one", "two") == ['{"answer": "seven"}'] * 2
    assert len((file.parent / "count").read_text()) == 2
    assert open_engine(engine).revision.startswith("3+") and open_engine(engine).name == "mine"


def test_a_class_that_takes_batches_is_known_by_its_file(file: Path, journal: Journal) -> None:
    engine = engine_of(f"python:{file}:Batched")
    assert ask(engine, journal, "abc", "de") == ["cba", "ed"]
    before = open_engine(engine).revision
    file.write_text(file.read_text() + "\n# otherwise\n")
    assert open_engine(engine).revision != before  # another file is another model


@pytest.mark.parametrize(
    ("name", "words", "hint"),
    [
        ("Nobody", "has no class `Nobody`", "`Mine`, `Batched`"),
        ("Neither", "neither `async reply` nor `generate`", "docs/extending.md"),
        ("Broken", "cannot be made: OSError: no weights here", "options"),
    ],
)
def test_what_is_no_model_is_one_clear_line(file: Path, name: str, words: str, hint: str) -> None:
    with pytest.raises(ModelError, match=words) as raised:
        open_engine(engine_of(f"python:{file}:{name}"))
    assert hint in raised.value.hint
    with pytest.raises(ModelError, match="cannot be read"):
        open_engine(engine_of(f"python:{file.parent}/nowhere.py:Mine"))


def test_a_package_brings_a_model_by_its_entry_point(monkeypatch: pytest.MonkeyPatch, journal: Journal) -> None:
    point = importlib.metadata.EntryPoint("echo", "faulty_server:Echo", "insightv-bench.models")
    monkeypatch.setattr("insightv_bench.engines.custom.entry_points", lambda group: [point])
    assert ask(engine_of("python:echo"), journal, "hello") == ["you said hello"]
    with pytest.raises(ModelError, match="no package brings a model `other`") as raised:
        open_engine(engine_of("python:other"))
    assert "`echo`" in raised.value.hint


@pytest.mark.slow
def test_it_is_evaluated_in_every_arm_and_paid_for_once(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    words = ["insightv-bench", "eval", "--model", f"python:{file}:Mine", "--tasks", "insightv_tiny", "--limit", "4"]
    words += ["--set", "eval.arms=[direct, reason, reason+summary]", "--out", str(tmp_path / "runs")]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit, match="0"):
        main()
    num_asked = len((tmp_path / "count").read_text())
    (folder,) = (tmp_path / "runs").glob("*/stages/eval-*")
    rows = list(read_rows(folder, EvalRecord))
    assert {row.arm for row in rows} == {"direct", "reason", "reason+summary"} and {row.model for row in rows} == {
        "mine@3"
    }
    for stage in (tmp_path / "runs").glob("*/stages/eval-*"):
        (stage / "manifest.json").unlink()
    with pytest.raises(SystemExit, match="0"):
        main()
    assert len((tmp_path / "count").read_text()) == num_asked
    assert json.loads((folder / "manifest.json").read_text())["num_rows"] == 12
