"""The local engine through the journal, against bare `generate` on the same prompts. Printed as a ratio of one run."""

from __future__ import annotations

import time
from pathlib import Path

import torch

from insightv_bench.chat import ask
from insightv_bench.engines import Caller
from insightv_bench.engines.hf import LocalModel, encode, load_model
from insightv_bench.journal import Journal, Request
from insightv_bench.settings import HfEngine, Sampling, TinyModel
from insightv_bench.trainers.tiny import make_tiny
from insightv_bench.world.level import Level
from insightv_bench.world.questions import sample_questions

NUM_QUESTIONS, BATCH, TOKENS = 512, 128, 48


def test_the_engine_against_bare_generate(tmp_path: Path) -> None:
    make_tiny(TinyModel(), tmp_path, seed=0)
    sampling = Sampling(max_new_tokens=TOKENS, temperature=1.0)
    requests = [Request(ask("reason", q), sampling) for q in sample_questions(Level(), "train", 0, NUM_QUESTIONS)]
    settings = HfEngine(model=str(tmp_path), batch_size=BATCH)
    bare = time_bare(settings, requests)
    with Caller(LocalModel(settings), Journal(tmp_path / "journal.sqlite")) as caller:
        started = time.perf_counter()
        replies = caller.ask_all(requests)
        engine = time.perf_counter() - started
        started = time.perf_counter()
        again = caller.ask_all(requests)
        kept = time.perf_counter() - started
    assert [reply.text for reply in again] == [reply.text for reply in replies]
    print(f"\nbare generate {bare:.2f} s, engine {engine:.2f} s: {bare / engine:.2f} of its speed")
    print(f"the same again from the journal: {kept:.2f} s")


def time_bare(settings: HfEngine, requests: list[Request]) -> float:
    """Loading included on both sides."""
    started = time.perf_counter()
    model, processor = load_model(settings)
    for start in range(0, len(requests), BATCH):
        inputs = encode(processor, requests[start : start + BATCH])
        with torch.inference_mode():
            model.generate(**inputs, max_new_tokens=TOKENS, do_sample=True, temperature=1.0, top_k=0)
    return time.perf_counter() - started
