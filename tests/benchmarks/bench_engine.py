"""The local engine through the journal, against bare `generate` on the same prompts. Printed as a ratio of one run.

In seconds of the processor, so that a busy machine changes little: everything here runs in one process.
"""

from __future__ import annotations

import time
from pathlib import Path

import torch
from figures import Took, Work, keep, scaled

from insightv_bench.chat import ask
from insightv_bench.engines import Caller
from insightv_bench.engines.hf import LocalModel, load_model
from insightv_bench.engines.hf.model import encode
from insightv_bench.journal import Journal, Request
from insightv_bench.settings import HfEngine, Sampling, TinyModel
from insightv_bench.trainers.models import make_tiny
from insightv_bench.world import Level, sample_questions

NUM_QUESTIONS, NUM_ALONE = scaled(512, 24)
NUM_PATHS, BATCH, TOKENS = 8, 128, 48


def test_the_engine_against_bare_generate(tmp_path: Path) -> None:
    make_tiny(TinyModel(), tmp_path, seed=0)
    sampling = Sampling(max_new_tokens=TOKENS, temperature=1.0)
    requests = [Request(ask("reason", q), sampling) for q in sample_questions(Level(), "train", 0, NUM_QUESTIONS)]
    settings = HfEngine(model=str(tmp_path), batch_size=BATCH)
    bare = time_bare(settings, requests)
    with Caller(LocalModel(settings), Journal(tmp_path / "journal.sqlite")) as caller:
        started = time.process_time()
        replies = caller.ask_all(requests)
        engine = time.process_time() - started
        started = time.process_time()
        again = caller.ask_all(requests)
        kept = time.process_time() - started
    assert [reply.text for reply in again] == [reply.text for reply in replies]
    keep(Work("hf engine", NUM_QUESTIONS, "replies", "s"), [Took(engine)], {"bare generate": [Took(bare)]}, aim=1.1)
    print(f"the same again from the journal: {kept:.2f} s")


def test_paths_sampled_together_against_one_request_at_a_time(tmp_path: Path) -> None:
    """K paths a question: the official loop asks for one at a time, and waits for it."""
    make_tiny(TinyModel(), tmp_path, seed=0)
    settings = HfEngine(model=str(tmp_path), batch_size=BATCH)
    sampling = Sampling(max_new_tokens=TOKENS, temperature=1.0)
    questions = list(sample_questions(Level(), "train", 0, NUM_QUESTIONS // NUM_PATHS))
    requests = [Request(ask("reason", q), sampling, k) for q in questions for k in range(NUM_PATHS)]
    alone = time_bare(settings, requests[: NUM_ALONE + 1], batch=1, warm_up=1) / NUM_ALONE
    together = time_bare(settings, requests, batch=BATCH) / len(requests)
    with Caller(LocalModel(settings), Journal(tmp_path / "journal.sqlite")) as caller:
        started = time.process_time()
        caller.ask_all(requests)
        engine = (time.process_time() - started) / len(requests)
    others = {"bare batches": [Took(1000 * together)], "one at a time": [Took(1000 * alone)]}
    work = Work("hf engine: paths together", len(requests), "paths", "ms a path")
    keep(work, [Took(1000 * engine)], others, aim=1.1)


def time_bare(settings: HfEngine, requests: list[Request], batch: int = BATCH, warm_up: int = 0) -> float:
    """Loading included, as in the engine's time; not with `warm_up` requests, which are then left out."""
    started = time.process_time()
    model, processor = load_model(settings)
    for start in range(0, len(requests), batch):
        if warm_up and start == warm_up:
            started = time.process_time()
        inputs = encode(processor, requests[start : start + batch])
        with torch.inference_mode():
            model.generate(**inputs, max_new_tokens=TOKENS, do_sample=True, temperature=1.0, top_k=0)
    return time.process_time() - started
