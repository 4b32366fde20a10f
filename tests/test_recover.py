"""A damaged journal gives back what can be read, says what is lost, and no hint ever deletes a paid reply."""

from __future__ import annotations

import random
import re
import sqlite3
from pathlib import Path

import pytest
from command_line import bench

from insightv_bench.errors import RunError
from insightv_bench.journal import FileJournal, Journal, Reply, recover, run_stats
from insightv_bench.journal.append_only import Appended
from insightv_bench.records import content_id

NUM = 400


def filled(run: Path, num: int = NUM) -> dict[str, Reply]:
    """Short replies, and some that go on over several pages."""
    rows = {
        content_id(number, length=40): Reply(
            text=f"{number} " + "x" * (20_000 if number % 10 == 0 else 200), num_tokens=5
        )
        for number in range(num)
    }
    journal = Journal(run / "journal.sqlite")
    for key, reply in rows.items():
        journal.put([(key, reply)], "m@1", "a plan")
    journal.count_failure("m@1", "429")
    journal.close()
    return rows


def kept(run: Path, keys: list[str]) -> dict[str, Reply]:
    journal = Journal(run / "journal.sqlite")
    found = {key: entry.reply for key, entry in journal.get(keys).items()}
    journal.close()
    return found


def damaged(file: Path, kind: str, seed: int = 0) -> None:
    content = bytearray(file.read_bytes())
    chance = random.Random(seed)
    if kind == "header":
        content[:100] = bytes(100)
    elif kind == "root":
        content[:8192] = bytes(chance.randrange(256) for _ in range(8192))
    elif kind == "cut":
        del content[len(content) * 2 // 3 :]
    else:
        for _ in range(20):
            start = chance.randrange(4096, len(content) - 512)
            content[start : start + 512] = bytes(chance.randrange(256) for _ in range(512))
    file.write_bytes(content)


@pytest.mark.parametrize(("kind", "least"), [("header", 1.0), ("root", 0.9), ("cut", 0.5), ("holes", 0.6)])
def test_what_can_be_read_comes_back_and_the_rest_is_counted(kind: str, least: float, tmp_path: Path) -> None:
    rows = filled(tmp_path)
    damaged(tmp_path / "journal.sqlite", kind)
    found = recover(tmp_path)
    back = kept(tmp_path, list(rows))
    assert all(rows[key] == reply for key, reply in back.items())
    assert len(back) == found.num_replies >= least * NUM
    assert found.num_replies == NUM or found.num_lost + found.num_lost_pages > 0
    assert [file.name for file in found.kept_as] == ["journal.sqlite.damaged"] and found.kept_as[0].exists()
    assert recover(tmp_path).kept_as == ()  # now it is sound


def test_replies_that_are_only_in_the_log_come_back(tmp_path: Path) -> None:
    rows = filled(tmp_path, 50)
    run, more = tmp_path / "run", tmp_path / "run" / "journal.sqlite"
    run.mkdir()
    writing = sqlite3.connect(tmp_path / "journal.sqlite")
    writing.execute("PRAGMA wal_autocheckpoint=0")
    late = content_id("late", length=40)
    writing.execute(
        "INSERT INTO replies VALUES (?, '', 'm@1', ?, 1, 1, 1.0, 0)", (late, Reply(text="late").model_dump_json())
    )
    writing.commit()
    for end in ("", "-wal"):
        (run / f"journal.sqlite{end}").write_bytes((tmp_path / f"journal.sqlite{end}").read_bytes())
    writing.close()
    damaged(more, "header")
    recover(run)
    assert kept(run, [*rows, late]).keys() == {*rows, late}


def test_random_damage_never_raises(tmp_path: Path) -> None:
    rows = filled(tmp_path, 60)
    whole = (tmp_path / "journal.sqlite").read_bytes()
    for seed in range(20):
        run = tmp_path / str(seed)
        run.mkdir()
        (run / "journal.sqlite").write_bytes(whole)
        damaged(run / "journal.sqlite", ("holes", "cut", "root", "header")[seed % 4], seed)
        recover(run)
        assert all(rows[key] == reply for key, reply in kept(run, list(rows)).items())


def test_append_only_files_lose_their_broken_lines_alone(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path / "journal.sqlite", Appended(tmp_path / "journal" / "run"))
    for number in range(3):
        journal.put([(str(number), Reply(text="x"))], "m@1")
    journal.close()
    file = next((tmp_path / "journal").iterdir())
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], '{"model": "m@', lines[2], ""]))
    with pytest.raises(RunError) as raised:
        run_stats(tmp_path)
    assert f"insightv-bench journal recover {tmp_path}" in raised.value.hint
    found = recover(tmp_path)
    assert (found.num_replies, found.num_lost_pages) == (2, 1)
    assert run_stats(tmp_path)[0]["num_calls"] == 2  # type: ignore[index]


@pytest.mark.parametrize("told", [2**53, 2**63 - 1, 2**200, -1, True, 1e300])
def test_a_count_of_tokens_that_cannot_be_is_none(told: object, tmp_path: Path) -> None:
    from insightv_bench.engines.openai.server import as_reply
    from insightv_bench.settings import OpenAIEngine

    usage = {"prompt_tokens": told, "completion_tokens": told}
    answer = {"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "usage": usage}
    reply = as_reply(answer, 0.1, OpenAIEngine(model="m", base_url="x"))
    assert (reply.num_prompt_tokens, reply.num_tokens) in ((0, 0), (1, 1))
    journal = Journal(tmp_path / "journal.sqlite")
    journal.put([(str(number), reply) for number in range(3000)], "m@1")
    assert journal.stats()[0]["num_calls"] == 3000
    journal.close()


def test_a_journal_of_before_whose_counts_are_too_large_can_be_read(tmp_path: Path) -> None:
    filled(tmp_path, 3000)
    with sqlite3.connect(tmp_path / "journal.sqlite") as connection:
        connection.execute("UPDATE replies SET num_tokens = 9007199254740991, num_prompt_tokens = 9007199254740991")
    journal = Journal(tmp_path / "journal.sqlite")
    assert journal.stats()[0]["num_calls"] == journal.spent("m@1").num_calls == 3000
    journal.close()


@pytest.mark.slow
def test_the_command_recovers_and_no_hint_removes_a_journal(tmp_path: Path) -> None:
    filled(tmp_path, 30)
    damaged(tmp_path / "journal.sqlite", "header")
    refused = bench(tmp_path, "journal", "stats", tmp_path)
    assert refused.returncode == 1 and "journal recover" in refused.stderr and not re.search(r"\brm\b", refused.stderr)
    done = bench(tmp_path, "journal", "recover", tmp_path)
    assert "30 replies are back" in done.stdout, done.stderr
    assert bench(tmp_path, "journal", "stats", tmp_path).returncode == 0
