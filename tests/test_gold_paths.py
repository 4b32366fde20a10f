"""The authors' own solutions as paths: how they fall into steps, which end in the gold answer, what is made of them."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path as File
from typing import Any

import polars as pl
import pytest
from PIL import Image as PILImage
from recording_server import ChatServer, seen
from typer.testing import CliRunner

from insightv_bench.cli.main import app
from insightv_bench.records import EvalRecord, FlawedRow, Path, Question, ReasoningRow, Step, SummaryRow
from insightv_bench.settings import load_recipe
from insightv_bench.sources import Part, gold_path, rationale_of
from insightv_bench.storage import read_rows

DATA = File(__file__).parents[2] / "shared" / "data"
COLOURS = ("red", "blue", "dark blue", "green")


def steps(*texts: str) -> tuple[Step, ...]:
    return rationale_of(Part("", text) for text in texts)


def question(*texts: str, answer: str = "C", options: tuple[str, ...] = COLOURS) -> Question:
    kind: Any = "option" if options else "number"
    known = {"source": "s", "source_revision": "", "source_license": "", "question": "Which?", "id": "q"}
    return Question(**known, answer=answer, options=options, answer_type=kind, rationale=steps(*texts))


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("It is 2.5 cm long. So 2 x 2.5 = 5. Done.", ["It is 2.5 cm long.", "So 2 x 2.5 = 5.", "Done."]),
        (
            "Let $x. y$ be it. Dr. Lee (see p. 2. there) agrees.",
            ["Let $x. y$ be it.", "Dr. Lee (see p. 2. there) agrees."],
        ),
        ("The row [3, 2, '?'] should be 6. So it is.", ["The row [3, 2, '?'] should be 6.", "So it is."]),
        ("It lies in region B. Note the rest.", ["It lies in region B.", "Note the rest."]),
        ("由图可知 AB=3。所以面积是 6。", ["由图可知 AB=3。", "所以面积是 6。"]),
        ("Look. ![](https://x.org/a.jpg?h=1) Then [asy]draw((0,0)); [/asy] add.", ["Look.", "Then add."]),
    ],
)
def test_a_solution_is_cut_at_its_sentences(text: str, pieces: list[str]) -> None:
    assert [step.reasoning for step in steps(text)] == pieces


def test_lines_and_numbered_steps_are_cut_where_they_begin() -> None:
    lines = rationale_of([Part("", "Find 3.\n\nAdd: 3 + 4 = 7.")], "lines")
    assert [step.reasoning for step in lines] == ["Find 3.", "Add: 3 + 4 = 7."]
    numbered = rationale_of([Part("do", "Step 1: look\nStep 2: add 2. and 3\nStep 3: end")], "steps")
    assert [step.reasoning for step in numbered] == ["look", "add 2. and 3", "end"]
    assert [step.action for step in numbered] == ["continue", "continue", "summary"]
    assert {step.summary for step in numbered} == {"do"}


@pytest.mark.parametrize(
    ("texts", "answer", "options"),
    [
        (("The ring is red.", "So the missing colour should be dark blue."), "C", COLOURS),
        (
            ("The first angle is $20^{\\circ}$.", "So it is $60^{\\circ}-20^{\\circ}=40^{\\circ}$."),
            "B",
            ("$20^{\\circ}$", "$40^{\\circ}$"),
        ),
        (("It turns.", "This gives the locus in diagram $\\mathrm{E}$."), "E", tuple("ABCDE")),
        (("Angles add to 180.", "Hence \\[180 - 126 = \\boxed{54^\\circ}.\\]"), "54", ()),
        (
            ("20 roads count twice.", "Therefore there are three roads missing, that is 3.", "Note: roads cross."),
            "3",
            (),
        ),
    ],
)
def test_a_solution_that_ends_in_the_gold_answer_is_a_path(
    texts: tuple[str, ...], answer: str, options: tuple[str, ...]
) -> None:
    found = gold_path(question(*texts, answer=answer, options=options))
    assert not isinstance(found, str), found
    assert [step.reasoning for step in found] == list(texts)


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ((), "no rationale"),
        (("So it is dark blue.",), "rationale is a single step"),
        (("The ring is dark blue.", "So the missing colour is blue."), "rationale ends in another answer"),
        (("The ring turns.", "It can be checked."), "rationale states no answer"),
    ],
)
def test_a_solution_that_is_no_path_is_left_out_with_its_reason(texts: tuple[str, ...], reason: str) -> None:
    assert gold_path(question(*texts)) == reason


def image(number: int) -> dict[str, Any]:
    buffer = io.BytesIO()
    PILImage.new("RGB", (40 + number, 30), (20 * number, 90, 10)).save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": f"{number}.png"}


def puzzle(number: int, **changes: Any) -> dict[str, Any]:
    three = {
        "caption": f"There are {number + 2} circles, and the colours are ['red', '?', 'red', 'blue'] in order.",
        "explanation": "We observe that red circles are next to each other. Thus, the pattern is that they alternate.",
        "deduction": "Based on the pattern that they alternate, the missing colour should be blue.",
    }
    known = {"question": "Which colour is missing?", "options": ["red", "blue", "green", "gray"], "category": "ring"}
    return {"id": f"p{number}", **known, "image": image(number), "answer": "blue", **three, **changes}


ARMS = ["direct", "oracle", "flawed", "irrelevant", "shuffled", "paraphrased"]


def evaluated(data: File, out: File, recipe: str = "puzzlevqa", *more: str) -> tuple[File, list[EvalRecord]]:
    """By a model that always replies the same; no reasoning agent is there."""
    reply = json.dumps({"check": "", "verdict": "wrong", "answer": "A"})
    server = ChatServer(lambda body: (200, seen(body, reply)))
    words = ["eval", recipe, "--data", str(data), "--model", f"openai:{server.url}#m", "--out", str(out)]
    words += ["--model_args", "check_images=false", "--set", f"eval.arms={json.dumps(ARMS)}", *more]
    try:
        done = CliRunner().invoke(app, words)
    finally:
        server.close()
    assert done.exit_code == 0, done.output
    (manifest,) = out.glob("*/stages/eval-*/manifest.json")
    return manifest.parents[1], list(read_rows(manifest.parent, EvalRecord))


@pytest.mark.slow
def test_questions_with_solutions_are_asked_in_the_arms_of_exact_paths(tmp_path: File) -> None:
    data = tmp_path / "rows.parquet"
    without = puzzle(9, deduction="So the pattern is clear.", explanation="It alternates.")
    pl.DataFrame([*map(puzzle, range(4)), without]).write_parquet(data)
    stages, records = evaluated(data, tmp_path / "runs")
    by_arm = Counter(record.arm for record in records)
    assert by_arm["direct"] == 5 and by_arm["oracle"] == by_arm["irrelevant"] == by_arm["shuffled"] == 4
    assert by_arm["flawed"] >= 4
    oracle = [record for record in records if record.arm == "oracle"]
    assert {record.maker for record in oracle} == {"gold"} and all(record.path_correct for record in oracle)
    assert '"summary": "find the pattern"' in oracle[0].path and '{"answer": "B"}' in oracle[0].path
    (evaluation,) = stages.glob("eval-*")
    totals = json.loads((evaluation / "manifest.json").read_text(encoding="utf-8"))["totals"]
    assert totals["left_out"]["oracle"] == {"rationale states no answer": 1}
    assert totals["left_out"]["paraphrased"]  # no rule rewords them, and no model was named
    (gold,) = stages.glob("paths-gold-*")
    paths = list(read_rows(gold, Path))
    assert {path.generator for path in paths} == {"gold"} and len(paths) == 4
    flawed = [list(read_rows(folder, FlawedRow)) for folder in stages.glob("corpora-benchmark-*")][0]
    assert {row.maker for row in flawed} == {"rule"}


@pytest.mark.slow
def test_the_flawed_benchmark_of_gold_paths_is_the_same_for_any_seed(tmp_path: File) -> None:
    data = tmp_path / "rows.parquet"
    pl.DataFrame([*map(puzzle, range(4))]).write_parquet(data)
    texts = []
    for seed in ("0", "7"):
        stages, _ = evaluated(data, tmp_path / seed, "puzzlevqa", "--set", f"seed={seed}")
        (folder,) = stages.glob("corpora-benchmark-*")
        texts.append([row.flawed_path for row in read_rows(folder, FlawedRow)])
    assert texts[0] == texts[1]


RECIPE = """
name: gold
questions:
  train:
    source: parquet
    path: FILE
    name: org/set
    license: MIT
    columns:
      {id: id, question: question, answer: answer, options: options, image: image, kind: category,
       path: {columns: [caption, explanation, deduction]}}
paths: {source: gold}
assess: {judge: rule}
corpora: {}
"""


def test_gold_paths_make_a_reasoning_corpus_with_no_model_at_all(tmp_path: File) -> None:
    data, recipe = tmp_path / "rows.parquet", tmp_path / "gold.yaml"
    pl.DataFrame([*map(puzzle, range(3)), puzzle(7, deduction="So red.")]).write_parquet(data)
    recipe.write_text(RECIPE.replace("FILE", str(data)), encoding="utf-8")
    done = CliRunner().invoke(app, ["build", "corpora", str(recipe), "--out", str(tmp_path / "runs")])
    assert done.exit_code == 0, done.output
    (folder,) = (tmp_path / "runs").glob("*/stages/corpora-reasoning-*")
    rows = list(read_rows(folder, ReasoningRow))
    assert len(rows) == 3 and {row.score for row in rows} == {100}
    assert "alternate" in rows[0].completion[0].content and "alternate" not in rows[0].prompt[0].content
    (paths,) = (tmp_path / "runs").glob("*/stages/paths-teacher-*")
    left = pl.read_parquet(paths / "exclusions.parquet")
    assert left["reason"].to_list() == ["rationale ends in another answer"]


def test_gold_paths_and_a_log_make_a_summary_corpus_of_four_kinds_and_both_verdicts_with_no_model(
    tmp_path: File,
) -> None:
    data, recipe, log = tmp_path / "rows.parquet", tmp_path / "gold.yaml", tmp_path / "log.jsonl"
    pl.DataFrame([*map(puzzle, range(8))]).write_parquet(data)
    replies = [f"I see a ring. The red circles lie together.\n\nSo the answer is {letter}." for letter in "BC"]
    rows = [{"id": f"p{n}", "reply": reply} for n in range(8) for reply in replies]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    agent = f"agent_paths: {{source: log, logs: {{path: {log}, columns: {{id: id, reply: reply}}}}}}"
    text = RECIPE.replace("FILE", str(data)).replace("corpora: {}", f"corpora: {{summary_num: 40}}\n{agent}")
    recipe.write_text(text, encoding="utf-8")
    words = ["build", "corpora", str(recipe), "--stage", "corpora-summary", "--out", str(tmp_path / "runs")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, (done.output, done.exception)
    (folder,) = (tmp_path / "runs").glob("*/stages/corpora-summary-*")
    kinds = Counter((row.kind, row.path_correct) for row in read_rows(folder, SummaryRow))
    assert kinds["optimal", True] and kinds["plain", None] and kinds["flawed", False]
    assert kinds["agent", True] == kinds["agent", False] == 4


def test_questions_without_any_solution_are_one_line_of_error(tmp_path: File) -> None:
    data, recipe = tmp_path / "rows.parquet", tmp_path / "gold.yaml"
    pl.DataFrame([puzzle(0, caption="", explanation="", deduction="")]).write_parquet(data)
    recipe.write_text(RECIPE.replace("FILE", str(data)), encoding="utf-8")
    done = CliRunner().invoke(app, ["build", "corpora", str(recipe), "--out", str(tmp_path / "runs")])
    assert done.exit_code != 0
    assert "not one question has a solution that is a path (no rationale: 1)" in str(done.exception)


def test_a_column_of_a_solution_that_is_not_there_is_an_error_that_names_it(tmp_path: File) -> None:
    data, recipe = tmp_path / "rows.parquet", tmp_path / "gold.yaml"
    pl.DataFrame([{key: value for key, value in puzzle(0).items() if key != "caption"}]).write_parquet(data)
    recipe.write_text(RECIPE.replace("FILE", str(data)), encoding="utf-8")
    done = CliRunner().invoke(app, ["build", "corpora", str(recipe), "--out", str(tmp_path / "runs")])
    assert "no column `caption` for `path`" in str(done.exception)


def test_a_misspelt_key_of_stored_paths_is_named_with_the_nearest(tmp_path: File) -> None:
    recipe = tmp_path / "gold.yaml"
    recipe.write_text(RECIPE.replace("{source: gold}", "{source: log, logs: a.jsonl, max_path: 3}"), encoding="utf-8")
    with pytest.raises(Exception, match="`paths.max_path`; did you mean `max_paths`"):
        load_recipe(str(recipe))
    recipe.write_text(RECIPE.replace("{source: gold}", "{num_path: 3}"), encoding="utf-8")
    with pytest.raises(Exception, match="`paths.num_path`; did you mean `num_paths`"):
        load_recipe(str(recipe))
    recipe.write_text(RECIPE.replace("{source: gold}", "{source: golden}"), encoding="utf-8")
    with pytest.raises(Exception, match="cannot be `golden`; did you mean `gold`"):
        load_recipe(str(recipe))


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize(
    ("recipe", "file", "num", "rows"),
    [("puzzlevqa", "puzzlevqa", 500, 40), ("mathvision", "mathvision_testmini", 17, 304)],
)
def test_real_solutions_go_through_every_arm(tmp_path: File, recipe: str, file: str, num: int, rows: int) -> None:
    data = DATA / f"{file}.parquet"
    if not data.exists():
        pytest.skip("the shared rows are not beside this checkout")
    _, records = evaluated(data, tmp_path / "runs", recipe, "--limit", str(rows))
    by_arm = Counter(record.arm for record in records)
    assert by_arm["direct"] == rows and by_arm["oracle"] == min(num, rows) and by_arm["flawed"] > min(num, rows)
