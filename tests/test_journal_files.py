"""The append-only journal: whole lines alone count, every try of a block is read, SQLite takes it all in afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from insightv_bench.errors import RunError
from insightv_bench.journal import (
    JOURNALS,
    Appended,
    FileJournal,
    Journal,
    Line,
    Reply,
    Spent,
    block_lines,
    open_journal,
    read_lines,
    run_stats,
    to_line,
    to_text,
)

YES = Reply(text="yes", num_prompt_tokens=3, num_tokens=1, seconds=0.5, cost_usd=0.25)
NO = Reply(text='no\u2028\n"', reasoning="because", finish="length", num_tokens=2)


def opened(run: Path) -> FileJournal:
    journal = open_journal(run, as_files=True)
    assert isinstance(journal, FileJournal)
    return journal


def test_a_line_comes_back_as_it_was() -> None:
    for line in (
        Line("m@1", "plan", [("a", YES), ("b", NO)]),
        Line("m@1", "", [("c", NO)]),
        Line("m@1", "", [], "429"),
    ):
        text = to_text(line)
        assert text.count("\n") == 1 and text.endswith("\n")
        assert to_line(text) == line


def test_what_one_process_keeps_the_next_one_finds(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.put([("a", YES), ("b", NO)], "m@1", "plan")
    journal.count_failure("m@1", "timeout")  # no close: a kill has none
    after = opened(tmp_path)
    assert after.get(["a", "b", "c"]) == journal.get(["a", "b"])
    assert after.get(["b"])["b"].reply == NO and after.get(["b"])["b"].plan == "plan"
    assert after.has_replies("m@1") and not after.has_replies("m@2")
    assert after.spent("m@1") == Spent(2, 6, 0.25)
    assert [row["failures: timeout"] for row in after.stats()] == [1]


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_batch_that_was_cut_off_by_a_kill_was_never_kept(tmp_path: Path, cut: int) -> None:
    journal = opened(tmp_path)
    journal.put([("a", YES)], "m@1")
    journal.put([("b", YES), ("c", NO)], "m@1", "plan")
    (file,) = (tmp_path / JOURNALS).glob("*.jsonl")
    file.write_bytes(file.read_bytes()[:-cut])
    assert set(opened(tmp_path).get(["a", "b", "c"])) == {"a"}


def test_a_broken_line_in_the_middle_is_an_error_and_no_silent_loss(tmp_path: Path) -> None:
    file = tmp_path / JOURNALS / "run-x.jsonl"
    file.parent.mkdir()
    file.write_text('{"model": "m@1", "repl\n' + to_text(Line("m@1", "", [("a", YES)])), encoding="utf-8")
    with pytest.raises(RunError, match="run-x.jsonl` cannot be read") as caught:
        opened(tmp_path)
    assert f"journal recover {tmp_path}" in caught.value.hint


def test_nobody_appends_to_anothers_file(tmp_path: Path) -> None:
    for reply in (YES, NO):
        out = Appended(tmp_path / "block-000003")
        out.append(to_text(Line("m@1", "", [("a", reply)])))
        out.close()
    assert len(list(tmp_path.glob("block-000003-*.jsonl"))) == 2
    assert len(list(block_lines(tmp_path, "block-000003"))) == 2
    assert not list(block_lines(tmp_path, "block-000004"))


def test_a_writer_that_keeps_nothing_leaves_no_file(tmp_path: Path) -> None:
    opened(tmp_path).close()
    assert not (tmp_path / JOURNALS).exists()


def test_a_full_disk_is_said_with_the_file(tmp_path: Path) -> None:
    (tmp_path / JOURNALS).write_text("in the way")
    with pytest.raises(RunError, match="cannot be written"):
        opened(tmp_path).put([("a", YES)], "m@1")


def test_what_was_kept_on_one_machine_is_found_on_the_cluster_and_the_other_way_round(tmp_path: Path) -> None:
    alone = open_journal(tmp_path, as_files=False)
    alone.put([("a", YES)], "m@1")
    alone.close()
    over = opened(tmp_path)
    assert over.get(["a"])["a"].reply == YES
    assert over.has_replies("m@1")
    over.put([("b", NO)], "m@1", "plan")
    over.count_failure("m@1", "429")
    over.close()
    assert over.spent("m@1") == Spent(2, 6, 0.25)
    stats = run_stats(tmp_path)
    assert stats and (stats[0]["num_calls"], stats[0]["failures: 429"]) == (2, 1)
    again = open_journal(tmp_path, as_files=False)
    assert again.get(["a", "b"])["b"].plan == "plan"
    assert (again.spent("m@1"), run_stats(tmp_path)) == (Spent(2, 6, 0.25), again.stats())
    again.close()
    assert opened(tmp_path).spent("m@1") == Spent(2, 6, 0.25)  # nothing counts twice


def test_taking_in_a_file_twice_changes_nothing(tmp_path: Path) -> None:
    over = opened(tmp_path)
    over.put([("a", YES)], "m@1")
    over.close()
    (file,) = (tmp_path / JOURNALS).glob("*.jsonl")
    text = file.read_bytes()
    open_journal(tmp_path, as_files=False).close()
    file.write_bytes(text)  # as if the kill had come before the file was renamed
    journal = open_journal(tmp_path, as_files=False)
    assert journal.spent("m@1").num_calls == 1
    assert isinstance(journal, Journal) and not file.exists()


def test_an_append_only_file_is_json_that_anything_can_read(tmp_path: Path) -> None:
    opened(tmp_path).put([("a", YES)], "m@1")
    (file,) = (tmp_path / JOURNALS).glob("*.jsonl")
    assert json.loads(file.read_text(encoding="utf-8"))["replies"][0][1]["text"] == "yes"
    assert len(list(read_lines(file))) == 1
