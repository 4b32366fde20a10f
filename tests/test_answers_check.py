"""The reader checked against replies that others have scored: what agrees, by kind, and what files are taken."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hostile import COLOURS

from insightv_bench.answers import as_text, check_rows
from insightv_bench.cli.answers import check_file
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
    assert report.as_json()["kinds"] == {
        "math": {"n": 3, "agree": 2, "unread": 0},
        "mcq": {"n": 2, "agree": 1, "unread": 1},
    }
    assert report.kinds["mcq"].differing == ({**ROWS[1], "answer": None, "method": "unread"},)


def test_a_table_tells_the_runs_apart() -> None:
    strict = {"verdicts": {"strict_extraction": "B"}, "run": "first"}
    rows = [{**ROWS[0], **strict}, {**ROWS[1], **strict}, {**ROWS[2], "run": "second"}, {**ROWS[4], "run": "second"}]
    report = check_rows(rows)
    assert [(each.run, each.kind, each.rows, each.common, each.agree) for each in report.runs] == [
        ("first", "mcq", 2, 2, 1),
        ("second", "math", 1, 1, 0),
        ("second", "mcq", 1, 0, 0),
    ]
    assert [each.strict_right for each in report.runs] == [2, None, None]
    assert [each.sure_other for each in report.runs] == [0, 1, 0]
    assert as_text(report).splitlines()[0].split()[:4] == ["run", "kind", "rows", "common"]


def test_replies_are_checked_from_a_file_plain_or_packed(tmp_path: Path) -> None:
    text = "".join(json.dumps(each) + "\n" for each in ROWS)
    (tmp_path / "rows.jsonl").write_text(text, encoding="utf-8")
    with gzip.open(tmp_path / "rows.jsonl.gz", "wt", encoding="utf-8") as packed:
        packed.write(text)
    assert check_file(tmp_path / "rows.jsonl") == check_file(tmp_path / "rows.jsonl.gz") == check_rows(ROWS)


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


MANY = REPLIES.with_name("replies_of_many_models.jsonl.gz")


@pytest.mark.real_data
@pytest.mark.skipif(not MANY.exists(), reason="the shared replies of many models are not beside this checkout")
def test_replies_of_many_models_are_read_as_all_rules_agree_to() -> None:
    with gzip.open(MANY, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    common = [row for row in rows if len(set(map(str, row["verdicts"].values()))) == 1 and row["agreed"] is not None]
    for each in check_rows(common).runs:
        if each.kind == "mcq":
            assert each.agree >= 0.99 * each.common, each
            assert each.sure_other == 0, each
        elif each.kind == "mv_integer":
            assert each.agree >= 0.97 * each.common, each
