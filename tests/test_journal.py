"""Every call that was paid for is kept: by content key, all or nothing, through kills and beside other processes."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from insightv_bench.chat import Chat
from insightv_bench.errors import RunError
from insightv_bench.journal import Journal, Reply, Request, plan_id, request_key
from insightv_bench.records import Image, Message
from insightv_bench.settings import Sampling

MODEL = "m@1"
WRITER = """
import sys
from pathlib import Path
from insightv_bench.journal import Journal, Reply

file, name, num, size = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
journal = Journal(file)
for number in range(num):
    keys = [f"{name}/{number}/{place}" for place in range(size)]
    journal.put([(key, Reply(text=f"reply to {key}")) for key in keys], "m@1")
    print(number, flush=True)
"""
"""Writes `num` transactions of `size` replies, and says the number of each once it is kept."""


def request(
    text: str = "What is it?", role: str = "user", image: bytes = b"image", sample: int = 0, **sampling: float
) -> Request:
    chat = Chat((Message(role=role, content=text),), (Image(bytes=image),))  # type: ignore[arg-type]
    return Request(chat, Sampling(**sampling), sample)  # type: ignore[arg-type]


def write(file: Path, name: str, num: int, size: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(file), name, str(num), str(size)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "run" / "journal.sqlite")
    yield opened
    opened.close()


def test_a_kept_reply_is_found_as_it_was(journal: Journal) -> None:
    reply = Reply(text="seven ☃", reasoning="because", finish="length", num_prompt_tokens=5, num_tokens=3, seconds=0.25)
    key = request_key(MODEL, request())
    journal.put([(key, reply)], MODEL, plan="p")
    found = journal.get([key, request_key(MODEL, request("Another?"))])
    assert found.keys() == {key}
    assert found[key].reply == reply
    assert found[key].plan == "p"


def test_a_reply_is_found_by_the_next_process(journal: Journal) -> None:
    key = request_key(MODEL, request())
    journal.put([(key, Reply(text="kept"))], MODEL)
    code = (
        "import sys; from pathlib import Path; from insightv_bench.journal import Journal;"
        "print(Journal(Path(sys.argv[1])).get([sys.argv[2]])[sys.argv[2]].reply.text)"
    )
    command = [sys.executable, "-c", code, str(journal.file), key]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "kept\n"


def test_more_keys_than_one_query_takes_are_all_found(journal: Journal) -> None:
    keys = [f"key-{number}" for number in range(1203)]
    journal.put([(key, Reply(text=key)) for key in keys], MODEL)
    found = journal.get(keys)
    assert {key: entry.reply.text for key, entry in found.items()} == {key: key for key in keys}


def test_any_change_of_a_call_is_another_key_and_the_same_call_the_same() -> None:
    turn = Message(role="assistant", content="more")
    whole = request()
    variants = {
        "name": ("n@1", whole),
        "revision": ("m@2", whole),
        "words": (MODEL, request("What is it ?")),
        "role": (MODEL, request(role="system")),
        "turns": (MODEL, whole._replace(chat=Chat((*whole.chat.messages, turn), whole.chat.images))),
        "image": (MODEL, request(image=b"picturf")),
        "images": (MODEL, whole._replace(chat=Chat(whole.chat.messages, whole.chat.images * 2))),
        "no image": (MODEL, whole._replace(chat=Chat(whole.chat.messages))),
        "sample": (MODEL, request(sample=1)),
        "tokens": (MODEL, request(max_new_tokens=1023)),
        "temperature": (MODEL, request(temperature=0.1)),
        "top p": (MODEL, request(top_p=0.9)),
        "penalty": (MODEL, request(repetition_penalty=1.1)),
        "format": (MODEL, whole._replace(format="step")),
        "other format": (MODEL, whole._replace(format="answer")),
    }
    keys = {name: request_key(*variant) for name, variant in variants.items()} | {"same": request_key(MODEL, whole)}
    assert len(set(keys.values())) == len(variants) + 1
    assert keys["same"] == request_key(MODEL, request())


def test_the_name_of_an_image_is_no_part_of_the_key() -> None:
    named = Chat(request().chat.messages, (Image(bytes=b"image", path="somewhere.png"),))
    assert request_key(MODEL, request()._replace(chat=named)) == request_key(MODEL, request())


def test_a_plan_is_the_same_in_any_order() -> None:
    keys = [f"k{number}" for number in range(9)]
    assert plan_id(keys) == plan_id(keys[::-1]) != plan_id(keys[1:])


def test_replies_are_kept_all_or_none(journal: Journal) -> None:
    other = sqlite3.connect(journal.file)
    other.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON replies WHEN NEW.key = 'bad' BEGIN SELECT RAISE(ABORT, 'refused'); END"
    )
    other.close()
    with pytest.raises(RunError, match="refused") as raised:
        journal.put([("a", Reply(text="1")), ("bad", Reply(text="2")), ("c", Reply(text="3"))], MODEL)
    assert raised.value.hint
    assert journal.get(["a", "bad", "c"]) == {}
    journal.put([("a", Reply(text="1"))], MODEL)
    assert journal.get(["a", "bad"]).keys() == {"a"}


def test_a_reply_that_sqlite_cannot_hold_leaves_nothing_open(journal: Journal) -> None:
    too_large = Reply.model_construct(**{**Reply(text="2").model_dump(), "num_tokens": 2**70})
    with pytest.raises(OverflowError):
        journal.put([("a", Reply(text="1")), ("big", too_large)], MODEL)
    other = Journal(journal.file)
    other.put([("b", Reply(text="3"))], MODEL)  # would wait a minute for a transaction left open
    other.close()
    assert journal.get(["a", "b", "big"]).keys() == {"b"}


@pytest.mark.slow
def test_processes_that_write_one_journal_lose_nothing_though_one_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "journal.sqlite"
    num, size = 150, 3
    writers = [write(file, name, num, size) for name in ("one", "two")]
    killed = write(file, "three", 100_000, size)
    assert killed.stdout is not None
    said = list(islice(killed.stdout, 20))
    killed.kill()
    killed.communicate(timeout=60)
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    keys = [f"{name}/{number}/{place}" for name in ("one", "two") for number in range(num) for place in range(size)]
    keys += [f"three/{int(number)}/{place}" for number in said for place in range(size)]
    journal = Journal(file)
    found = journal.get(keys)
    assert sqlite3.connect(journal.file).execute("PRAGMA integrity_check").fetchone() == ("ok",)
    journal.close()
    assert {key: entry.reply.text for key, entry in found.items()} == {key: f"reply to {key}" for key in keys}


@pytest.mark.slow
def test_a_kill_at_any_moment_loses_no_reply_that_was_kept(tmp_path: Path) -> None:
    file, size, random_ = tmp_path / "journal.sqlite", 7, random.Random(0)
    for attempt in range(5):
        writer = write(file, str(attempt), 100_000, size)
        assert writer.stdout is not None
        said = [int(line) for line in islice(writer.stdout, random_.randint(1, 60))]
        writer.kill()
        said += [int(line) for line in writer.stdout if line.endswith("\n")]
        writer.stdout.close()
        assert writer.wait(timeout=30) == -9
        journal = Journal(file)
        num_whole = 0
        for number in range(said[-1] + 3):
            found = journal.get([f"{attempt}/{number}/{place}" for place in range(size)])
            assert len(found) in (0, size)
            num_whole += len(found) == size
        journal.close()
        assert num_whole >= len(said) == said[-1] + 1


@pytest.mark.parametrize("place", ["file/journal.sqlite", "folder", "text"])
def test_a_journal_that_cannot_be_opened_is_an_error_with_a_hint(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("a file, and no folder", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("no database " * 100, encoding="utf-8")
    with pytest.raises(RunError, match=r"the journal `.*` cannot be opened") as raised:
        Journal(tmp_path / place)
    assert raised.value.hint


def test_a_journal_that_is_damaged_later_is_an_error_with_a_hint(tmp_path: Path) -> None:
    file = tmp_path / "journal.sqlite"
    journal = Journal(file)
    journal.put([(f"key-{number}", Reply(text="x" * 500)) for number in range(200)], MODEL)
    journal.close()
    content = bytearray(file.read_bytes())
    content[8192:] = bytes(len(content) - 8192)
    file.write_bytes(content)
    damaged = Journal(file)
    with pytest.raises(RunError, match="cannot be read") as raised:
        damaged.get([f"key-{number}" for number in range(200)])
    damaged.close()
    assert f"journal recover {tmp_path}" in raised.value.hint


def test_stats_count_calls_hits_tokens_and_failures_by_model(journal: Journal) -> None:
    journal.put([("a", Reply(text="", num_prompt_tokens=10, num_tokens=3, seconds=0.5))], "x@1")
    journal.put([("b", Reply(text="", num_prompt_tokens=20, num_tokens=4, seconds=1.0))], "x@1")
    journal.put([("c", Reply(text="", num_prompt_tokens=1, num_tokens=1, seconds=2.0))], "y@1")
    journal.count_hits(["a", "b"])
    journal.count_hits(["a"])
    journal.count_failure("x@1", "EngineUnavailable")
    journal.count_failure("x@1", "EngineUnavailable")
    journal.count_failure("z@1", "EngineError")
    by_model = {row["model"]: row for row in journal.stats()}
    assert by_model["x@1"] == {
        "model": "x@1",
        "num_calls": 2,
        "num_hits": 3,
        "num_prompt_tokens": 30,
        "num_tokens": 7,
        "seconds": 1.5,
        "cost_usd": 0.0,
        "failures: EngineUnavailable": 2,
    }
    assert (by_model["y@1"]["num_calls"], by_model["y@1"]["num_hits"], by_model["y@1"]["num_tokens"]) == (1, 0, 1)
    assert (by_model["z@1"]["num_calls"], by_model["z@1"]["failures: EngineError"]) == (0, 1)


def test_an_empty_journal_has_no_stats(journal: Journal) -> None:
    assert journal.stats() == []
