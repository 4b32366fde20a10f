"""What a local model says of its own reply: the likelihood of its tokens and its certainty, against a forward pass."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from reading import png

from insightv_bench.chat import Chat
from insightv_bench.engines.hf import LocalModel
from insightv_bench.engines.hf.model import encode
from insightv_bench.journal import Request
from insightv_bench.records import Image, Message
from insightv_bench.settings import HfEngine, Sampling


@pytest.mark.parametrize("temperature", [0.0, 2.0])
def test_likelihood_and_certainty_are_those_of_a_forward_pass_before_temperature(
    tiny: Path, temperature: float
) -> None:
    import torch

    engine = LocalModel(HfEngine(model=str(tiny), device="cpu", dtype="float32"))
    chats = [Chat((Message(role="user", content=text),), (Image(bytes=png()),)) for text in ("red?", "How many bars?")]
    sampling = Sampling(max_new_tokens=9, temperature=temperature, top_p=0.9)
    requests = [Request(chat, sampling) for chat in chats]
    replies = engine.generate(requests, 3)
    model, processor = engine.load()
    inputs = encode(processor, requests, engine.prompts(requests))
    torch.manual_seed(3)
    drawn = {} if temperature == 0 else {"temperature": temperature, "top_p": 0.9, "top_k": 0}
    kept: dict = model.generate(
        **inputs, max_new_tokens=9, do_sample=temperature > 0, output_logits=True, return_dict_in_generate=True, **drawn
    )
    tokens = kept["sequences"][:, inputs["input_ids"].shape[1] :]
    logits = torch.stack(kept["logits"], 1).float()
    for place, reply in enumerate(replies):
        logprobs = logits[place, : reply.num_tokens].log_softmax(-1)
        chosen = logprobs.gather(-1, tokens[place, : reply.num_tokens, None]).mean()
        certainty = (-logprobs.mean(-1) - math.log(logprobs.shape[-1])).mean()
        assert reply.logprob == pytest.approx(float(chosen), abs=0.02)
        assert reply.certainty == pytest.approx(float(certainty), abs=0.02)
        assert reply.certainty >= 0 >= reply.logprob
