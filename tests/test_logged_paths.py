"""Logs of evaluations run before as paths: what each tool's log says, and to which question a reply belongs."""

from __future__ import annotations

import csv
import json
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path as File
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from reading import png
from recording_server import ChatServer, seen
from small_build import left_out, ran
from typer.testing import CliRunner

from insightv_bench.builders.stored.logs import Logged, read_log
from insightv_bench.cli.main import app
from insightv_bench.errors import RecipeError, SourceError, StageError
from insightv_bench.plan import plan
from insightv_bench.records import EvalRecord, Image, Path, Question
from insightv_bench.settings import LogColumns, LogFile, LoggedPaths, load_recipe
from insightv_bench.sources import Part, rationale_of
from insightv_bench.storage import read_rows, write_shards

SAMPLES = File(__file__).parents[2] / "shared" / "data" / "samples"
LM_EVAL = "lm-eval/org__model/samples_insightv_{}_2026-01-01T00-00-00.jsonl"


def question(number: int, **changes: Any) -> Question:
    image = Image(bytes=png(number), path=None)
    known: dict[str, Any] = {
        "id": f"q{number}",
        "images": (image,),
        "image_sha256": (image.sha256,),
        "question": f"How many circles are in row {number}?",
        "options": ("two", "three", "four"),
        "answer": "B",
        "answer_type": "option",
        "source": "org/set",
        "source_revision": "1",
        "source_license": "MIT",
        "source_id": f"s{number}",
        "row": number,
    }
    return Question(**{**known, **changes})


def lines(file: File, rows: Sequence[dict[str, Any]]) -> File:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def replies(place: File, **log: Any) -> list[Logged]:
    return [row for row in read_log(LogFile(path=str(place), **log)) if isinstance(row, Logged)]


def joined(
    tmp_path: File, questions: Sequence[Question], *logs: LogFile, **settings: Any
) -> tuple[list[Path], dict[str, Any], list[Any]]:
    """The paths, what the manifest says, and what was left out."""
    given = LoggedPaths(source="log", logs=logs, **settings)
    asked = tmp_path / "questions"
    asked.mkdir()
    write_shards(asked, questions, Question)
    context = ran(tmp_path / "paths", "logged-paths", given, [asked])
    return list(read_rows(context.folder, Path)), context.totals, left_out(context.folder)


def plain_log(file: File, rows: Sequence[dict[str, Any]], **columns: str) -> LogFile:
    known = {"reply": "reply", "id": "id", "correct": "ok", "model": "model", **columns}
    return LogFile(path=str(lines(file, rows)), format="jsonl", columns=LogColumns(**known))


REPLY = "There are three circles: one red, one blue, one green.\n\nSo the answer is B."


def test_any_old_run_becomes_paths_and_the_logs_own_verdict_is_kept_beside_ours(tmp_path: File) -> None:
    rows = [
        {"id": "s1", "reply": REPLY, "ok": 1, "model": "m1"},
        {"id": "s1", "reply": "I count four.\n\nSo the answer is C.", "ok": 0, "model": "m2"},
        {"id": "s0", "reply": REPLY, "ok": 0, "model": "m1"},
        {"id": "s0", "reply": "", "ok": 0, "model": "m2"},
        {"id": "s9", "reply": REPLY, "ok": 1, "model": "m1"},
    ]
    paths, totals, left = joined(tmp_path, [question(0), question(1)], plain_log(tmp_path / "log.jsonl", rows))
    assert [(path.question_id, path.sample, path.answer, path.recorded_right) for path in paths] == [
        ("q0", 0, "B", False),
        ("q1", 0, "B", True),
        ("q1", 1, "C", False),
    ]
    assert totals["verdicts"] == {
        "right": 2,
        "the log's right": 1,
        "agree": 2,
        "right here, wrong in the log": 1,
        "wrong here, right in the log": 0,
        "no answer read here": 0,
    }
    assert totals["paths_by_model"] == {"m1": 2, "m2": 1}
    assert {row.reason for row in left} == {"no reply in the log", "no question of that id or those words"}


def test_an_id_alone_does_not_join_where_the_words_are_those_of_another_question(tmp_path: File) -> None:
    rows = [{"id": "s0", "q": "Who painted it? two three four", "reply": REPLY, "ok": 1, "model": "m"}]
    rows += [{"id": "s1", "q": "How many circles are in  row 1? two three four", "reply": REPLY, "ok": 1, "model": "m"}]
    log = plain_log(tmp_path / "log.jsonl", rows, question="q")
    paths, _, left = joined(tmp_path, [question(0), question(1)], log)
    assert [path.question_id for path in paths] == ["q1"]
    assert [row.reason for row in left] == ["log and question disagree in the question's words"]


def test_questions_of_the_same_words_are_told_apart_by_their_rows_or_left_out(tmp_path: File) -> None:
    same = [question(number, question="How many circles?", source_id="") for number in range(2)]
    prompt = "How many circles?\nA. two\nB. three\nC. four"
    counted = {"doc_id": 1, "target": "B", "input": prompt, "filtered_resps": [REPLY], "acc": 1.0}
    lines(tmp_path / "logs/m/1_samples_t.jsonl", [counted, {**counted, "doc_id": 7}])
    paths, _, left = joined(tmp_path, same, LogFile(path=str(tmp_path / "logs")))
    assert [path.question_id for path in paths] == ["q1"]
    assert [row.reason for row in left] == ["several questions of those words"]


def test_a_log_that_showed_the_options_in_another_order_is_not_read_with_the_wrong_letters(tmp_path: File) -> None:
    rows = [{"id": "s0", "reply": REPLY, "ok": 1, "model": "m", "shown": ["three", "two", "four"]}]
    rows += [{"id": "s1", "reply": REPLY, "ok": 1, "model": "m", "shown": ["two", "three", "four"]}]
    log = plain_log(tmp_path / "log.jsonl", rows, options="shown")
    paths, _, left = joined(tmp_path, [question(0), question(1)], log)
    assert [path.question_id for path in paths] == ["q1"]
    assert [row.reason for row in left] == ["options stand in another order"]


def test_the_same_log_named_twice_counts_once_and_two_equal_samples_of_one_log_count_twice(tmp_path: File) -> None:
    rows = [{"id": "s0", "reply": REPLY, "ok": 1, "model": "m"}] * 2
    log = plain_log(tmp_path / "log.jsonl", rows)
    paths, _, left = joined(tmp_path, [question(0)], log, log)
    assert [path.sample for path in paths] == [0, 1] and len({path.id for path in paths}) == 2
    assert [row.reason for row in left] == ["stands twice in the logs"] * 2


def test_the_authors_own_path_comes_first_and_paths_above_the_most_are_counted(tmp_path: File) -> None:
    solved = question(0, rationale=rationale_of([Part("", "I count them. There are three.")]))
    rows = [{"id": "s0", "reply": f"{REPLY} ", "ok": 1, "model": f"m{n}"} for n in range(3)]
    log = plain_log(tmp_path / "log.jsonl", rows)
    paths, _, left = joined(tmp_path, [solved], log, max_paths=2, gold=True)
    assert [path.generator for path in paths] == ["gold", "m0", "m1"] and [path.sample for path in paths] == [0, 1, 2]
    assert [row.reason for row in left] == ["enough paths of this question"]


def test_an_answer_alone_is_left_out_where_paths_must_have_steps(tmp_path: File) -> None:
    rows = [{"id": "s0", "reply": text, "ok": 1, "model": "m"} for text in (REPLY, "B")]
    log = plain_log(tmp_path / "log.jsonl", rows)
    paths, _, left = joined(tmp_path, [question(0)], log, min_steps=1)
    assert [path.text for path in paths] == [REPLY] and [row.reason for row in left] == ["fewer steps than `min_steps`"]


def test_a_log_that_is_of_other_questions_is_one_line_with_the_reasons(tmp_path: File) -> None:
    log = plain_log(tmp_path / "log.jsonl", [{"id": "x", "reply": REPLY, "ok": 1, "model": "m"}])
    with pytest.raises(StageError, match=r"not one reply .* \(no question of that id or those words: 1\)"):
        joined(tmp_path, [question(0)], log)


def test_lm_evals_log_says_reply_document_verdict_and_model(tmp_path: File) -> None:
    doc = {"question_id": "s0", "question": "How many circles are in row 0?", "options": ["two", "three", "four"]}
    row = {"doc_id": 0, "doc": doc, "target": "B", "arguments": {"gen_args_0": {"arg_0": "Q", "arg_1": {}}}}
    row |= {"resps": [[REPLY, "C"]], "filtered_resps": ["B"], "filter": "strict", "metrics": ["exact_match"]}
    file = tmp_path / LM_EVAL.format("x")
    lines(file, [{**row, "exact_match": 0.0}, {**row, "filter": "loose", "exact_match": 1.0}])
    (file.parent / "results_2026.json").write_text(json.dumps({"model_name": "org/model"}), encoding="utf-8")
    found = replies(tmp_path)
    assert [(one.reply, one.recorded_right, one.model) for one in found] == [
        (REPLY, True, "org/model"),
        ("C", True, "org/model"),
    ]
    assert found[0].ids == ("s0",) and found[0].number == 0 and found[0].options == ("two", "three", "four")


def test_lmms_evals_log_says_the_reply_with_its_thought_and_a_verdict_inside_an_object(tmp_path: File) -> None:
    row = {"doc_id": 3, "target": "B", "input": "How many?", "filtered_resps": ["B"], "resps": [["<think>x</think>B"]]}
    row |= {"token_counts": [{"output_tokens": 9}], "mmmu_acc": {"question_id": "s3", "score": 0}}
    (one,) = replies(lines(tmp_path / "org__m/20260101_samples_mmmu.jsonl", [row]))
    assert (one.reply, one.ids, one.number) == ("<think>x</think>B", ("s3",), 3)
    assert (one.recorded_right, one.num_tokens, one.model) == (False, 9, "org/m")


FAILED = "Failed to obtain answer via API."


def workbook(file: File, rows: Sequence[dict[str, Any]]) -> File:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(list(rows[0]))
    for row in rows:
        book.active.append(list(row.values()))
    file.parent.mkdir(parents=True, exist_ok=True)
    book.save(file)
    return file


def tsv(file: File, rows: Sequence[dict[str, Any]]) -> File:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as handle:
        table = csv.DictWriter(handle, list(rows[0]), delimiter="\t")
        table.writeheader()
        table.writerows(rows)
    return file


@pytest.mark.parametrize("ending", ["xlsx", "tsv", "json"])
def test_vlmevalkits_table_says_reply_thought_and_the_judges_verdict_beside_it(tmp_path: File, ending: str) -> None:
    rows: list[dict[str, Any]] = [
        {"index": 4, "question": "How many?", "A": "two", "B": "three", "answer": "B", "prediction": REPLY},
        {"index": 5, "question": "How many?", "A": "two", "B": "three", "answer": "B", "prediction": FAILED},
    ]
    rows = [{**row, "thinking": "I count."} for row in rows]
    folder = tmp_path / "outputs" / "GPT4o" / "T2026"
    write = {"xlsx": workbook, "tsv": tsv}.get(ending)
    if write:
        write(folder / f"GPT4o_MMBench.{ending}", rows)
        verdicts = [{"index": row["index"], "hit": number} for number, row in enumerate(rows)]
        write(folder / f"GPT4o_MMBench_exact_result.{ending}", verdicts)
    else:
        folder.mkdir(parents=True)
        (folder / "GPT4o_MMBench.json").write_text(json.dumps(rows), encoding="utf-8")
    first, second = replies(tmp_path)
    assert (first.reply, first.reasoning, first.ids[0], first.options) == (REPLY, "I count.", "4", ("two", "three"))
    assert first.model == "GPT4o" and second.reply == ""
    assert (first.recorded_right, second.recorded_right) == ((False, True) if write else (None, None))


ASKED = [{"type": "text", "text": "attachment://abc"}, {"type": "image", "image": "a"}]
SAID = [{"type": "reasoning", "reasoning": "I count."}, {"type": "text", "text": "ANSWER: B"}]
INSPECT = {
    "id": "s0",
    "epoch": 1,
    "input": [{"role": "user", "content": ASKED}],
    "choices": ["two", "three", "four"],
    "target": "B",
    "attachments": {"abc": "How many circles are in row 0?"},
    "output": {
        "choices": [{"message": {"content": SAID}}],
        "usage": {"output_tokens": 7},
    },
    "scores": {"choice": {"value": "C", "answer": "B"}},
}


def archive(file: File, entries: dict[str, Any], zstd: bool = False) -> File:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED if zstd else zipfile.ZIP_DEFLATED) as opened:
        for name, content in entries.items():
            text = json.dumps(content).encode()
            opened.writestr(name, pa.compress(text, "zstd", asbytes=True) if zstd else text)
    if zstd:  # the standard library writes no such entry: the method's number is set in both of its headers
        raw = bytearray(file.read_bytes())
        for mark, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
            at = raw.find(mark)
            while at >= 0:
                raw[at + place : at + place + 2] = (93).to_bytes(2, "little")
                at = raw.find(mark, at + 4)
        file.write_bytes(raw)
    return file


@pytest.mark.parametrize("kind", ["json", "eval", "eval zstd"])
def test_inspects_log_says_reply_thought_question_and_verdict(tmp_path: File, kind: str) -> None:
    header = {"version": 2, "status": "success", "eval": {"model": "openai/m", "task": "t"}}
    if kind == "json":
        file = tmp_path / "log.json"
        file.write_text(json.dumps({**header, "samples": [INSPECT]}), encoding="utf-8")
    else:
        entries = {"header.json": header, "samples/s0_epoch_1.json": INSPECT, "summaries.json": []}
        file = archive(tmp_path / "log.eval", entries, zstd=kind.endswith("zstd"))
    (one,) = replies(file)
    assert (one.reply, one.reasoning, one.ids, one.model) == ("ANSWER: B", "I count.", ("s0",), "openai/m")
    assert (one.recorded_right, one.num_tokens, one.options) == (True, 7, ("two", "three", "four"))
    assert "How many circles are in row 0?" in one.text


def test_every_eval_evers_log_says_reply_and_verdict(tmp_path: File) -> None:
    row = {"schema_version": "0.3.0", "evaluation_id": "e", "model_id": "org/m", "sample_id": "s0"}
    row |= {"interaction_type": "single_turn", "input": {"raw": "How many?", "reference": ["B"], "choices": ["a", "b"]}}
    row |= {"output": {"raw": [REPLY], "reasoning_trace": ["I count."]}}
    row |= {"evaluation": {"score": 0.4, "is_correct": False}}
    (one,) = replies(lines(tmp_path / "u_samples.jsonl", [row]))
    assert (one.reply, one.reasoning, one.ids, one.recorded_right) == (REPLY, "I count.", ("s0",), False)


def test_a_log_of_no_known_tool_is_an_error_that_says_what_to_name(tmp_path: File) -> None:
    file = lines(tmp_path / "log.jsonl", [{"prompt": "a", "output": "b"}])
    with pytest.raises(SourceError, match="no tool that is known") as raised:
        replies(file)
    assert "`columns`" in str(raised.value)
    columns = LogColumns(reply="outptu", id="prompt")
    with pytest.raises(SourceError, match="no column `outptu` for `reply`"):
        replies(file, format="jsonl", columns=columns)
    with pytest.raises(SourceError, match="no log at"):
        replies(tmp_path / "absent")


@pytest.mark.parametrize("broken", ["{", '{"version": 2}', "[1, 2]"])
def test_a_broken_log_of_inspect_is_one_line(tmp_path: File, broken: str) -> None:
    (tmp_path / "log.json").write_text(broken, encoding="utf-8")
    with pytest.raises(SourceError):
        replies(tmp_path / "log.json", format="inspect")
    (tmp_path / "log.eval").write_bytes(b"PK\x03\x04 no zip")
    with pytest.raises(SourceError, match="cannot be read as a log of inspect"):
        replies(tmp_path / "log.eval")


def test_another_content_of_a_log_is_another_stage(tmp_path: File) -> None:
    file = lines(tmp_path / "log.jsonl", [{"id": "s0", "reply": REPLY}])
    log = f"{{source: log, logs: {{path: {file}, columns: {{id: id, reply: reply}}}}}}"
    chosen = [f"paths={log}", "reason=null", "summary=null", "rounds=null", "controls=[]", "eval=null", "corpora={}"]

    def content() -> Any:
        return next(stage.options for stage in plan(load_recipe("walk", chosen)) if stage.name == "paths-teacher")

    before = content()
    lines(file, [{"id": "s0", "reply": "B."}])
    assert content() != before
    file.unlink()
    with pytest.raises(RecipeError, match="cannot be read"):
        content()


@pytest.mark.slow
def test_a_summary_agent_is_evaluated_on_an_old_runs_replies_with_no_reasoning_agent(tmp_path: File) -> None:
    pytest.importorskip("lm_eval")
    columns = {"question": pl.String, "answer": pl.String, "id": pl.String, "options": pl.List(pl.String)}
    rows = [{"id": f"s{n}", "question": f"How many circles are in row {n}?", "answer": "three"} for n in range(3)]
    shown = {"options": ["two", "three", "four"], "image": {"bytes": png(0), "path": "a.png"}}
    pl.DataFrame([{**row, **shown} for row in rows], schema_overrides=columns).write_parquet(tmp_path / "rows.parquet")
    wrong = REPLY.replace("B", "C")
    log = [{"id": f"s{n}", "reply": text, "m": "old/m"} for n in range(3) for text in (REPLY, REPLY, wrong)]
    columns_ = {"id": "id", "reply": "reply", "model": "m"}
    paths = {"source": "log", "logs": {"path": str(lines(tmp_path / "log.jsonl", log)), "columns": columns_}}
    server = ChatServer(lambda body: (200, seen(body, '{"check": "", "verdict": "right", "answer": "C"}')))
    arms = ["direct", "reason", "majority", "best-of-k", "reason+summary"]
    words = ["eval", "puzzlevqa", "--data", str(tmp_path / "rows.parquet")]
    words += ["--set", f"model_seats={json.dumps({'summary': f'openai:{server.url}#m'})}"]
    mapped = "{id: id, question: question, answer: answer, options: options, image: image}"
    words += ["--set", f"questions.test.columns={mapped}", "--set", f"eval.paths={json.dumps(paths)}"]
    try:
        done = CliRunner().invoke(
            app, [*words, "--set", f"eval.arms={json.dumps(arms)}", "--out", str(tmp_path / "runs")]
        )
    finally:
        server.close()
    assert done.exit_code == 0, (done.output, done.exception)
    (manifest,) = (tmp_path / "runs").glob("*/stages/eval-*/manifest.json")
    records = list(read_rows(manifest.parent, EvalRecord))
    num_right = Counter(record.arm for record in records if record.correct)
    assert Counter(record.arm for record in records) == Counter(
        {"direct": 3, "reason": 9, "majority": 3, "best-of-k": 3, "reason+summary": 9}
    )
    assert (num_right["reason"], num_right["majority"], num_right["reason+summary"]) == (6, 3, 0)
    assert not any("Reason step by step" in json.dumps(body) for body in server.bodies)  # nothing is generated again
    assert {record.path_model for record in records if record.arm == "reason"} == {"old/m"}


@pytest.mark.real_data
def test_real_logs_of_other_tools_are_read(tmp_path: File) -> None:
    if not SAMPLES.is_dir():
        pytest.skip("../shared/data/samples is absent")
    (plain, choices, images) = (
        replies(SAMPLES / "logs_inspect" / name)
        for name in ("log_formats.eval", "mmlu-summary-choices.eval", "log_images.json")
    )
    assert plain[0].reply == "No" and plain[0].recorded_right is False and "own posts" not in plain[0].text
    assert choices[0].options and choices[0].reply
    assert images[0].text == "What is this a picture of?" and images[0].reply == "[Abstract]"
    assert replies(SAMPLES / "logs_eee")[0].recorded_right is True
    lm_eval = replies(SAMPLES / "logs_lm_eval")
    assert lm_eval and all(one.recorded_right is not None for one in lm_eval)


@pytest.mark.real_data
def test_real_replies_of_many_models_become_paths_of_their_questions(tmp_path: File) -> None:
    data = SAMPLES.parent
    if not (data / "mathvision_replies.jsonl.gz").exists():
        pytest.skip("../shared/data is absent")
    import gzip

    text = gzip.decompress((data / "mathvision_replies.jsonl.gz").read_bytes())
    (tmp_path / "replies.jsonl").write_bytes(text)
    questions = pl.read_parquet(data / "mathvision_testmini.parquet", columns=["id", "question", "options", "answer"])
    asked = [
        question(
            number,
            id=f"h{row['id']}",
            source_id=row["id"],
            question=row["question"],
            options=tuple(row["options"] or ()),
            answer=row["answer"],
            answer_type="option" if row["options"] else "number",
        )
        for number, row in enumerate(questions.iter_rows(named=True))
    ]
    columns = LogColumns(reply="response", id="id", model="model", correct="recorded_correct")
    paths, totals, _ = joined(tmp_path, asked, LogFile(path=str(tmp_path / "replies.jsonl"), columns=columns))
    verdicts = totals["verdicts"]
    told = len(paths) - verdicts.get("the log says nothing", 0)
    assert len(paths) > 200 and verdicts["agree"] / told > 0.9, verdicts
