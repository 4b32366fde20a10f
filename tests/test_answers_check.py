"""The reader checked against replies that others have scored: what agrees, by kind, and what files are taken."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hostile import COLOURS

from insightv_bench.answers import check_file, check_rows
from insightv_bench.errors import SourceError

REPLIES = Path(__file__).resolve().parents[2] / "shared" / "data" / "scored_replies.jsonl.gz"


def row(kind: str, response: str, gold: str, agreed: object, options: tuple[str, ...] = ()) -> dict[str, object]:
    return {"kind": kind, "response": response, "gold": gold, "agreed": agreed, "options": list(options)}


ROWS = (
    row("mcq", "Answer: B", "B", "B", COLOURS),
    row("mcq", "I cannot tell.", "B", "A", COLOURS),
    row("mcq", "Answer: B", "B", None, COLOURS),
    row("math", "\\boxed{8}", "8", True),
    row("math", "\\boxed{9}", "8", True),
    row("math", "(B) blue", "A", False, COLOURS),
)


def test_agreement_is_counted_by_kind_and_the_differing_rows_are_kept() -> None:
    report = check_rows(ROWS)
    assert report.as_json() == {
        "kinds": {"math": {"n": 3, "agree": 2, "unread": 0}, "mcq": {"n": 2, "agree": 1, "unread": 1}}
    }
    assert report.kinds["mcq"].differing == ({**ROWS[1], "answer": None, "method": "unread"},)


def test_replies_are_checked_from_a_file_plain_or_packed(tmp_path: Path) -> None:
    text = "".join(json.dumps(each) + "\n" for each in ROWS)
    (tmp_path / "rows.jsonl").write_text(text, encoding="utf-8")
    with gzip.open(tmp_path / "rows.jsonl.gz", "wt", encoding="utf-8") as packed:
        packed.write(text)
    assert check_file(tmp_path / "rows.jsonl") == check_file(str(tmp_path / "rows.jsonl.gz")) == check_rows(ROWS)


@pytest.mark.parametrize("content", [b"{", b"[1]\n", b'{"kind": "mcq"}\n', b"\xff\n"])
def test_a_file_that_holds_no_replies_is_refused_with_the_mend(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="hint: give a .jsonl"):
        check_file(path)
    with pytest.raises(SourceError):
        check_file(tmp_path / "absent.jsonl.gz")


@pytest.mark.real_data
@pytest.mark.skipif(not REPLIES.exists(), reason="the shared replies of real models are not beside this checkout")
def test_real_replies_are_read_as_the_public_scorers_agree_to() -> None:
    report = check_file(REPLIES)
    mcq, math = report.kinds["mcq"], report.kinds["math"]
    # The eight others are looked at in docs/answers.md: their common reading is no answer of the reply.
    assert mcq.n == 1020
    assert mcq.agree >= 1012
    right = [each for each in math.differing if each["agreed"]]
    assert math.n == 405
    assert right == []
    assert len(math.differing) <= 3
