"""One's own rows from the first line to a release: planted flaws, checks, refusals, and the same bytes twice."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from recording_server import ChatServer, completion

from insightv_bench.builders.corpora.checks import of_flaw, of_path
from insightv_bench.errors import RecipeError
from insightv_bench.flaws import Flawed, make_text_flawed
from insightv_bench.plan import plan
from insightv_bench.protocol import parse_path, parse_summary, render_path
from insightv_bench.records import Assessment, FlawedRow, Question, Step, SummaryRow
from insightv_bench.runs import run
from insightv_bench.settings.recipe import parse_recipe
from insightv_bench.storage import read_rows

pytest.importorskip("aiohttp")
SHARED = {"source": "s", "source_revision": "1", "source_license": "MIT"}
WORDS = (
    "The image shows 7 rows of blue tiles, and 6 tiles in each.",
    "That makes 7 * 6 = 42 tiles.",
    "Another 5 are on the left, so 42 + 5 = 47.",
    "So the answer is 47.",
)
STEPS = [Step(summary="go on", reasoning=words, action="continue") for words in WORDS[:-1]]
TEXT = render_path([*STEPS, Step(summary="conclude", reasoning=WORDS[-1], action="summary")], "47")
QUESTION = Question(id="q", question="How many?", answer="47", answer_type="number", **SHARED)


def flawed_row(flaw: Any, propagate: bool = False, seed: int = 0) -> FlawedRow:
    donor = Step(summary="look", reasoning="The boat has two sails.", action="continue")
    made = make_text_flawed(QUESTION, TEXT, flaw, 0.25, "early", propagate, random.Random(seed), [donor])
    assert isinstance(made, Flawed), made
    return FlawedRow(
        **{name: getattr(QUESTION, name) for name in ("id", "question", "answer", "answer_type")},
        **SHARED,
        kind="",
        **made._asdict(),
    )


def test_a_check_of_a_planted_flaw_says_what_is_wrong_and_what_is_right() -> None:
    row = flawed_row("arithmetic", propagate=True)
    result = parse_path(row.flawed_path).steps[1].reasoning.split("= ")[1].split(" ")[0]
    assert of_flaw(row) == f"step 2 says `{result}` where it is `42`, and what follows from it is wrong too"
    assert of_flaw(flawed_row("irrelevant-step")).endswith("has nothing to do with the question, the other steps hold")
    assert of_flaw(flawed_row("skipped-step")).startswith("before step 1 a step is missing: The image shows 7 rows")
    again = of_flaw(flawed_row("contradiction"))
    assert re.fullmatch(r"step \d contradicts what was said before: not `\w+`, but `\w+`", again)
    wrong = flawed_row("wrong-final")
    assert of_flaw(wrong) == f"the steps lead to 47, not to {wrong.planted_answer}"


def test_a_check_of_a_right_path_says_what_was_verified() -> None:
    judged = {"path_id": "p", "question_id": "q", "judge": "j"}
    right = Assessment(**judged, correct=True, score=90, status="scored")
    assert of_path(TEXT, right, "47", QUESTION) == "7 * 6 = 42, 42 + 5 = 47 holds, the path comes to 47, which is right"
    wrong = Assessment(**judged, correct=False, status="not_scored", correction="7 * 6 = 42", step_labels=(True, False))
    assert of_path(TEXT, wrong, "46", QUESTION) == "step 2 is wrong, it should be: 7 * 6 = 42"
    bare = wrong.model_copy(update={"correction": "", "step_labels": ()})
    assert of_path(TEXT, bare, "46", QUESTION) == "the path comes to 46, and it is 47"


PLAIN = (
    "name: r\nquestions:\n  test: {source: parquet, path: p, name: n, columns: {question: q, answer: a, image: i}}\n"
)
ENGINE = "{kind: openai, model: m, base_url: 'http://127.0.0.1:9/v1'}"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("release: {}", "the oracle judges the drawn world alone"),
        ("assess: {judge: rule}\nrelease: {}", "scores no path, so the reasoning corpus that `release` needs"),
        ("assess: {judge: rule}\nflaws: {maker: exact}", "plants flaws in the drawn world alone"),
        (
            "assess: {judge: rule}\nrelease: {corpora: [flawed], benchmark: test}",
            "`release.benchmark: test` is none of the drawn world",
        ),
    ],
)
def test_a_plan_that_cannot_end_well_is_refused(more: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        plan(parse_recipe(f"{PLAIN}paths: {{engine: {ENGINE}}}\n{more}\n", "r", []))


def answered(body: dict[str, Any]) -> tuple[int, Any]:
    """Right paths, and wrong ones for every third sample."""
    text = TEXT if body.get("seed", 0) % 3 else TEXT.replace("47", "46")
    return 200, completion(text)


def test_rows_of_ones_own_become_a_release_with_flaws_and_both_verdicts_twice_the_same(tmp_path: Path) -> None:
    from reading import png

    rows = [
        {"q": f"How many tiles has wall {n}?", "a": "47", "i": f"{n}.png", "uid": f"u{n}", "topic": "tiles"}
        for n in range(8)
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    for n in range(8):
        (tmp_path / f"{n}.png").write_bytes(png(n))
    server = ChatServer(answered)
    try:
        recipe = parse_recipe(
            f"""
name: own
questions:
  train:
    source: jsonl
    path: {tmp_path / "rows.jsonl"}
    name: me/tiles
    license: CC BY-NC 4.0
    columns: {{question: q, answer: a, image: i, id: uid, kind: topic}}
paths:
  engine: {{kind: openai, model: m, base_url: '{server.url}', check_images: false, extra_body: {{key: s3cret}}}}
  mode: one-call
  num_paths: 3
assess: {{judge: rule}}
corpora: {{summary_num: 24, summary_shares: {{optimal: 0, flawed: 2, plain: 1}}}}
release: {{corpora: [summary, preference, flawed]}}
""",
            "own",
            [],
        )
        for place in ("one", "two"):
            run(recipe, tmp_path / place, "release")
    finally:
        server.close()
    one, two = (next((tmp_path / place).glob("*/stages/release-*/*/SHA256SUMS")).parent for place in ("one", "two"))
    assert one.name == two.name and one.name.startswith("own-")
    for file in ("README.md", "SHA256SUMS", "provenance.json"):
        assert (one / file).read_bytes() == (two / file).read_bytes()
    corpus = list(read_rows(one / "summary/train", SummaryRow))
    assert {row.kind for row in corpus} == {"flawed", "plain"}
    replies = [json.loads(row.completion[0].content) for row in corpus if row.kind == "flawed"]
    assert Counter(reply["verdict"] for reply in replies).keys() == {"right", "wrong"}
    assert all(reply["check"] for reply in replies) and parse_summary(corpus[0].completion[0].content)
    assert {(row.source_id[:1], row.question_kind) for row in corpus} == {("u", "tiles")}
    told = (one / "README.md").read_text() + (one / "provenance.json").read_text()
    assert "license: cc-by-nc-4.0" in told and '"host": "loopback"' in told
    assert not any(secret in told for secret in ("127.0.0.1", "s3cret", "extra_body", "seconds"))
