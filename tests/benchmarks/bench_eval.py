"""`insightv-bench eval` against a bare asyncio client on the same payload, and beside it other harnesses.

    python -m pytest tests/benchmarks/bench_eval.py -s                both loads, three times each; others once
    BENCH_PYTHON=/other/venv/bin/python python -m pytest ...          a venv that has inspect_ai, openai and pyarrow

A loopback server takes 200 ms, over 64 connections, and says when the first request came and when the last reply left:
that is the request phase, measured by one clock for all. Runs alternate; the figures are medians with their range.
"""

from __future__ import annotations

import io
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
from PIL import Image as Picture

from insightv_bench.journal import Journal
from insightv_bench.plan import plan
from insightv_bench.progress import Progress
from insightv_bench.recipe import parse_recipe
from insightv_bench.records import Image, Question, content_id
from insightv_bench.run import JOURNAL, RUN, place, run_folder
from insightv_bench.stage import MANIFEST, Context, make_manifest
from insightv_bench.tables import write_shards

HERE = Path(__file__).parent
NUM = {"images": int(os.environ.get("BENCH_IMAGES", "300")), "text": int(os.environ.get("BENCH_TEXTS", "2000"))}
TIMES = int(os.environ.get("BENCH_TIMES", "3"))
OTHER = os.environ.get("BENCH_PYTHON", "")
RECIPE = """
name: bench
questions: {test: {source: parquet, path: "FILE", name: bench, revision: v1,
                   columns: {question: question, answer: answer, image: image}}}
eval: {arms: [direct]}
model_seats: {summary: {kind: openai, model: m, base_url: "URL/v1", revision: v1, concurrency: 64}}
"""


class Run(NamedTuple):
    phase_s: float
    """First request to last reply."""
    before_s: float
    """From the start of the process to the first request."""
    peak_mb: float
    processor_s: float


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = subprocess.Popen([sys.executable, HERE / "fast_server.py"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    yield server.stdout.readline().strip()
    server.kill()
    server.wait()
    server.stdout.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


def noise(random: np.random.Generator) -> bytes:
    buffer = io.BytesIO()
    pixels = random.integers(0, 255, (768, 1024, 3), dtype=np.uint8)
    Picture.fromarray(pixels).save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


def table(folder: Path, load: str) -> Path:
    """The rows as any user has them; noise, so about 2.4 MB a picture."""
    file = folder / f"{load}.parquet"
    if not file.exists():
        random, columns = np.random.default_rng(0), [("question", pl.String), ("answer", pl.String)]
        rows: list[dict[str, Any]] = [{"question": f"Which is number {n}?", "answer": "A"} for n in range(NUM[load])]
        if load == "images":
            rows = [row | {"image": noise(random)} for row in rows]
            columns.append(("image", pl.Binary))
        pl.DataFrame(rows, schema=columns).write_parquet(file)
    return file


def timed(url: str, words: list[str]) -> Run:
    """One process; its peak memory and processor time are the kernel's."""
    stats(url)
    started = time.time()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=said, text=True)
        peak, (_, status, used) = watched(process.pid)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        assert process.returncode == 0, said.read()[-2000:]
    seen = stats(url)
    return Run(seen["last"] - seen["first"], seen["first"] - started, peak, used.ru_utime + used.ru_stime)


def watched(pid: int) -> tuple[float, tuple[int, int, resource.struct_rusage]]:
    """Peak memory in MB, looked at 20 times a second, and how the process ended.

    The kernel's `ru_maxrss` would not do: a process starts with the peak of the one that started it.
    """
    peak = 0.0
    while not (ended := os.wait4(pid, os.WNOHANG))[0]:
        told = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        peak = max(peak, int(told[1]) / 1024) if told else peak
        time.sleep(0.05)
    return peak, ended


def stats(url: str) -> dict[str, float]:
    with urllib.request.urlopen(f"{url}/stats") as reply:
        return json.load(reply)


def bare(folder: Path, url: str, load: str) -> Run:
    return timed(url, [sys.executable, str(HERE / "bare_client.py"), url, str(table(folder, load))])


def ours(folder: Path, url: str, load: str) -> Run:
    """`eval` of one arm, from the start of the process; its questions were read before, as after any first run."""
    recipe = RECIPE.replace("FILE", str(table(folder, load))).replace("URL", url)
    file, out = folder / f"{load}.yaml", folder / load
    file.write_text(recipe, encoding="utf-8")
    prepare(recipe, out, table(folder, load))
    return timed(url, [sys.executable, "-m", "insightv_bench", "eval", str(file), "--out", str(out)])


def prepare(text: str, out: Path, file: Path) -> None:
    """The stage of questions as finished, and nothing else."""
    recipe = parse_recipe(text, "bench", [])
    run, stages = run_folder(recipe, out), plan(recipe)
    folders = place(recipe, run, stages)
    questions = folders[stages[0].name]
    shutil.rmtree(run / "stages" / "kept", ignore_errors=True)
    for other in (run / "stages").glob("*") if run.exists() else ():
        if other != questions:
            shutil.rmtree(other)
    for kept in run.glob(f"{JOURNAL}*"):
        kept.unlink()
    if (questions / MANIFEST).exists():
        return
    questions.mkdir(parents=True)
    (run / RUN).write_text(json.dumps({"recipe": recipe.name, "seed": recipe.seed}), encoding="utf-8")
    num = write_shards(questions, as_questions(file), Question)
    journal = Journal(run / JOURNAL)
    context = Context(stages[0], questions, {}, journal, Progress(), 0, recipe, num_rows=num)
    (questions / MANIFEST).write_text(json.dumps(make_manifest(stages[0], context, 0.0)), encoding="utf-8")
    journal.close()


def as_questions(file: Path) -> Iterator[Question]:
    for row in pl.read_parquet(file).iter_rows(named=True):
        images = (Image(bytes=row["image"]),) if row.get("image") else ()
        hashes = tuple(image.sha256 for image in images)
        yield Question(
            id=content_id(row["question"], hashes),
            images=images,
            image_sha256=hashes,
            question=row["question"],
            answer="A",
            answer_type="text",
            source="bench",
            source_revision="v1",
            source_license="none",
        )


def other(name: str, python: str) -> Callable[[Path, str, str], Run]:
    """Another harness, by its script in this folder."""

    def run(folder: Path, url: str, load: str) -> Run:
        return timed(url, [python, str(HERE / f"with_{name}.py"), url, str(table(folder, load)), str(folder)])

    return run


def show(load: str, name: str, runs: list[Run], floor: float) -> None:
    phases = [run.phase_s for run in runs]
    middle = statistics.median(phases)
    before, peak, spent = (statistics.median(column) for column in list(zip(*runs, strict=True))[1:])
    print(
        f"\n{NUM[load]:,} {load}, {name}: phase {middle:.2f} s ({min(phases):.2f}-{max(phases):.2f}), "
        f"{middle / floor:.2f} of bare; first request after {before:.1f} s; peak {peak:,.0f} MB; "
        f"{spent:.1f} s of the processor",
        end="",
    )


OTHERS = {"lm_eval": "lm_eval, tenacity", "inspect": "inspect_ai, openai"}
"""Other harnesses, and what each needs."""


def python_with(modules: str) -> str:
    """Of this environment and the other one that is named, the first that has these modules; empty for neither."""
    words = ["-c", f"import {modules}"]
    tried = filter(None, (sys.executable, OTHER))
    return next((each for each in tried if not subprocess.run([each, *words], capture_output=True).returncode), "")


@pytest.mark.parametrize("load", ["text", "images"])
def test_eval_against_a_bare_client_and_other_harnesses(folder: Path, url: str, load: str) -> None:
    floor, mine = [], []
    for _ in range(TIMES):
        floor.append(bare(folder, url, load))
        mine.append(ours(folder, url, load))
    median = statistics.median(run.phase_s for run in floor)
    show(load, "bare client", floor, median)
    show(load, "insightv-bench eval", mine, median)
    for harness, modules in OTHERS.items():  # for the record, once
        if python := python_with(modules):
            show(load, harness, [other(harness, python)(folder, url, load)], median)
        else:
            print(f"\n{load}, {harness}: left out, no `{modules}` here or in what BENCH_PYTHON names", end="")
    print(f"\n(this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB)")
