"""The decoding loop of the models made here writes what `generate` writes, with the same draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from insightv_bench.chat import ask
from insightv_bench.engines.hf import LocalModel, generation_options
from insightv_bench.engines.hf.decoding import decode, decodes_plainly
from insightv_bench.engines.hf.model import distinct, encode
from insightv_bench.engines.hf.watch import Watch
from insightv_bench.journal import Request
from insightv_bench.settings import HfEngine, Sampling
from insightv_bench.world import Level, sample_questions

QUESTIONS = list(sample_questions(Level(), "train", 0, 6))
SAMPLED = Sampling(max_new_tokens=24, temperature=1.0)
MANY_ENDS = list(range(5, 441, 9))
"""Of a model that knows nothing every ninth word ends its reply, so that rows end at different steps."""


def replies(completions: torch.Tensor) -> list[list[int]]:
    """Up to the token that ends each."""
    rows = completions.tolist()
    lengths = [next((place for place, token in enumerate(row) if token in MANY_ENDS), len(row)) for row in rows]
    return [row[:length] for row, length in zip(rows, lengths, strict=True)]


@pytest.mark.parametrize(
    "sampling",
    [
        SAMPLED,
        SAMPLED.model_copy(update={"temperature": 0.0}),
        SAMPLED.model_copy(update={"temperature": 0.7, "top_p": 0.9, "top_k": 30}),
    ],
    ids=["sampled", "greedy", "warped"],
)
def test_rows_are_those_of_generate_though_prompts_are_read_once_and_ended_rows_leave(
    tiny: Path, sampling: Sampling
) -> None:
    local = LocalModel(HfEngine(model=str(tiny)))
    model, processor = local.load()
    requests = [Request(ask("reason", question), sampling) for question in QUESTIONS for _ in range(3)]
    prompts = local.prompts(requests)
    kept, places = distinct(requests, prompts)
    assert len(kept) == len(QUESTIONS) and places[:4] == [0, 0, 0, 1]
    options = {**generation_options(model, processor, sampling), "eos_token_id": MANY_ENDS}

    def written(plainly: bool) -> tuple[list[list[int]], list[dict[str, float | None]]]:
        torch.manual_seed(3)
        watch = Watch()
        with torch.inference_mode():
            if plainly:
                inputs = encode(processor, [requests[place] for place in kept], [prompts[place] for place in kept])
                tokens = decode(model, inputs, places, sampling, MANY_ENDS, options["suppress_tokens"], watch)
            else:
                inputs = encode(processor, requests, prompts)
                whole = model.generate(**inputs, **options, logits_processor=[watch])
                tokens = whole[:, inputs["input_ids"].shape[1] :]
        rows = replies(tokens)
        return rows, watch.of(tokens, [len(row) for row in rows])

    (plain, seen), (generated, watched) = written(True), written(False)
    assert plain == generated
    assert len({len(row) for row in plain}) > 1
    for mine, theirs in zip(seen, watched, strict=True):
        assert mine == pytest.approx(theirs, abs=1e-4)


@pytest.mark.parametrize(
    ("change", "stop"), [({"repetition_penalty": 1.1}, ()), ({}, ("so",))], ids=["repetition penalty", "stop text"]
)
def test_what_the_loop_does_not_know_is_left_to_generate(tiny: Path, change: dict[str, Any], stop: tuple[str]) -> None:
    model = LocalModel(HfEngine(model=str(tiny))).load()[0]
    assert decodes_plainly(model, SAMPLED, ())
    assert not decodes_plainly(model, SAMPLED.model_copy(update=change), stop)
