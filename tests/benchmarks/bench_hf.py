"""A local model through the whole of `eval`, against bare `generate` on the very same batches. The aim: at most 1.1.

The batches are those that the evaluation makes, noted while it runs and then generated again by themselves: chat
template, images, `generate` with the same options, and the texts. In seconds of the processor, so that a busy machine
changes little; one process, all libraries imported before, questions drawn before. What is counted beside the model's
own work: journal, documents, lm-eval, answers, rows, result files and the board. Turn about: whichever comes first pays
for memory that the other finds.

    BENCH_QUESTIONS=64,1000 python -m pytest tests/benchmarks/bench_hf.py -s
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from figures import Took, Work, keep, scaled, turn_about

from insightv_bench.engines.hf import LocalModel, generation_options, load_model
from insightv_bench.engines.hf.model import encode
from insightv_bench.journal import Reply, Request
from insightv_bench.lazy import load_function
from insightv_bench.runs import run
from insightv_bench.settings import HfEngine, Recipe, TinyModel
from insightv_bench.settings.recipe import parse_recipe

SIZES = scaled(*map(int, os.environ.get("BENCH_QUESTIONS", "64,192,512").split(",")))
RECIPE = """
name: bench
threads: 1
questions: {test: {source: world, split: test, num: NUM}}
eval:
  arms: [direct, reason, reason+summary]
  path_sampling: {max_new_tokens: 96}
  answer_sampling: {max_new_tokens: 32}
model_seats: {reason: MODEL, summary: MODEL}
"""
Batches = list[Sequence[Request]]


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> Batches:
    """Every batch that a local model is asked, as it is asked."""
    seen: Batches = []
    generate = LocalModel.generate

    def noted(model: LocalModel, requests: Sequence[Request], seed: int) -> list[Reply]:
        seen.append(requests)
        return generate(model, requests, seed)

    monkeypatch.setattr(LocalModel, "generate", noted)
    return seen


@pytest.mark.parametrize("num", SIZES)
def test_the_whole_evaluation_against_bare_generate_on_its_batches(tmp_path: Path, batches: Batches, num: int) -> None:
    tiny = tmp_path / "tiny"
    load_function("trainers.models.tiny:make_tiny")(TinyModel(), tiny, seed=0)
    for stage in ("evals.evaluate:evaluate", "evals.harness.model:Seats", "leaderboard.build:leaderboard"):
        load_function(stage)
    time_run(recipe_of(tiny, num), tmp_path / "warm-up", batches)  # what libraries do once, neither pays for
    asked, turns = list(batches), itertools.count()
    took = turn_about(
        {
            "whole": lambda: time_run(recipe_of(tiny, num), tmp_path / str(next(turns)), batches),
            "bare generate": lambda: time_bare(tiny, asked),
        }
    )
    print(f"\n{len(asked)} batches, {sum(map(len, asked)):,} replies")
    keep(Work("hf: the whole eval", num, "questions", "s"), took.pop("whole"), took, aim=1.1)


def recipe_of(model: Path, num: int) -> Recipe:
    return parse_recipe(RECIPE.replace("NUM", str(num)).replace("MODEL", str(model)), "bench", [])


def time_run(recipe: Recipe, out: Path, batches: Batches) -> Took:
    """Of the run without its questions; leaves its batches in `batches`."""
    run(recipe, out, "questions-test")
    batches.clear()
    started = time.process_time()
    run(recipe, out)
    return Took(time.process_time() - started)


def time_bare(folder: Path, batches: Batches) -> Took:
    started = time.process_time()
    model, processor = load_model(HfEngine(model=str(folder)))
    for requests in batches:
        inputs = encode(processor, requests)
        with torch.inference_mode():
            tokens = model.generate(**inputs, **generation_options(model, processor, requests[0].sampling))
        processor.tokenizer.batch_decode(tokens[:, inputs["input_ids"].shape[1] :])
    return Took(time.process_time() - started)
