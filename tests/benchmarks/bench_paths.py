"""`insightv-bench build paths` against a bare asyncio client that asks as often, and beside it distilabel.

    BENCH_PYTHON=/venv/with/distilabel/bin/python python -m pytest tests/benchmarks/bench_paths.py -s

Four paths a question, a request each, to a loopback server that takes 200 ms and replies with a path of six steps; 64
connections. Images are noise of 2.4 MB, so a question's image is sent four times. Ours reads each reply into steps,
keeps it in the journal and writes rows; distilabel (`OpenAILLM` in a pipeline) keeps the text; the bare client neither.
Of distilabel's processes the peak memory is the first one's alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from asked_rows import Asked, prepare, table
from bench_eval import Run, timed
from figures import Took, Work, keep, scaled, turn_about
from processes import python_with, serving

HERE = Path(__file__).parent
NUM_PATHS = 4
SIZES = {"text": scaled(50, 200, 500), "images": scaled(8, 32, 75)}
RECIPE = f"""
name: bench
questions: {{train: {{source: parquet, path: "FILE", name: bench, revision: v1,
                    columns: {{question: question, answer: answer, image: image}}}}}}
paths: {{mode: one-call, num_paths: {NUM_PATHS}, sampling: {{max_new_tokens: 1024, temperature: 0.7, top_p: 0.95}},
        engine: {{kind: openai, model: m, base_url: "URL/v1", revision: v1, concurrency: 64}}}}
assess: {{judge: rule}}
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving("0.2", "0", "path") as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


def ours(folder: Path, url: str, asked: Asked) -> Run:
    """`build paths`, from the start of the process; its questions were read before."""
    recipe = RECIPE.replace("FILE", str(table(folder, asked))).replace("URL", url)
    file, out = folder / f"{asked.load}-{asked.num}.yaml", folder / f"{asked.load}-{asked.num}"
    file.write_text(recipe, encoding="utf-8")
    prepare(recipe, out, table(folder, asked))
    return timed(url, [sys.executable, "-m", "insightv_bench", "build", "paths", str(file), "--out", str(out)])


def bare(folder: Path, url: str, asked: Asked) -> Run:
    words = [sys.executable, str(HERE / "bare_client.py"), url, str(table(folder, asked)), str(NUM_PATHS)]
    return timed(url, words)


def distilabel(python: str, folder: Path, url: str, asked: Asked) -> Run:
    script = str(HERE / "with_distilabel.py")
    return timed(url, [python, script, url, str(table(folder, asked)), str(folder), str(NUM_PATHS)])


@pytest.mark.parametrize(("load", "num"), [(load, num) for load, sizes in SIZES.items() for num in sizes])
def test_paths_against_a_bare_client_and_distilabel(folder: Path, url: str, load: str, num: int) -> None:
    asked = Asked(load, num)
    runs = turn_about({"ours": lambda: ours(folder, url, asked), "bare client": lambda: bare(folder, url, asked)})
    if num == max(SIZES[load]):  # for the record, once
        if python := python_with("distilabel, openai, pyarrow"):
            runs["distilabel"] = [distilabel(python, folder, url, asked)]
        else:
            print("\ndistilabel: left out, no Python with it here or in what BENCH_PYTHON names", end="")
    mine, unit = runs.pop("ours"), "texts" if load == "text" else "images"
    for area, measure, column in (("requests", "s by the clock", "phase_s"), ("whole command", "s", "processor_s")):
        took = {name: [Took(getattr(run, column), run.peak_mb) for run in found] for name, found in runs.items()}
        work = Work(f"paths: {area}, {unit}", NUM_PATHS * num, f"paths ({unit})", measure)
        keep(work, [Took(getattr(run, column), run.peak_mb) for run in mine], took)
