"""A plain decoding loop for the models that this suite makes itself, where `generate` spends most of its time on rows
that are done.

A prompt that several requests share is read once, and rows that have ended are taken out of the batch and its key-value
cache. Draws are those of `generate`: torch draws a token by dividing the probabilities by exponential noise, and here
that is drawn for all rows of the batch, whether they are still in it or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from insightv_bench.settings import Sampling

from .watch import Watch

if TYPE_CHECKING:
    import torch

OURS = ("aya_vision", "llama")
"""Model and text model of those that are made here: one position a token, and a cache of full attention alone."""
MOST_DONE = 0.25
"""Rows are taken out when more than this share of them has ended."""


def decodes_plainly(model: Any, sampling: Sampling, stop: Sequence[str]) -> bool:
    """Whether the loop does for this model and sampling what `generate` does."""
    config = model.config
    kind = (config.model_type, getattr(getattr(config, "text_config", None), "model_type", ""))
    return kind == OURS and sampling.repetition_penalty == 1 and not stop and model.device.type == "cpu"


def decode(
    model: Any,
    inputs: Any,
    rows: Sequence[int],
    sampling: Sampling,
    ends: Sequence[int],
    suppressed: Sequence[int],
    watch: Watch,
) -> torch.Tensor:
    """Completions, one a row, padded with the first of `ends`: integers of shape (rows, tokens).

    inputs: of distinct prompts, padded on the left; rows: for each completion the place of its prompt among them;
    ends: tokens that end a reply; suppressed: tokens that are never drawn; watch: is shown each step.
    Draws are torch's own, from its seed.
    """
    import torch
    from transformers import DynamicCache

    choose = _chooser(sampling)
    cache, mask = DynamicCache(config=model.config.get_text_config()), inputs["attention_mask"]
    prompt = {name: value for name, value in inputs.items() if name != "attention_mask"}
    logits = _step(model, cache, mask, prompt, mask.cumsum(-1) - 1)
    alive = torch.tensor(list(rows))
    if list(rows) != list(range(len(mask))):
        cache.batch_select_indices(alive)
        mask, logits = mask[alive], logits[alive]
    num_rows, end = len(rows), torch.tensor(list(ends))
    alive = torch.arange(num_rows)
    done = torch.zeros(num_rows, dtype=torch.bool)
    out = torch.full((num_rows, sampling.max_new_tokens), ends[0])
    for place in range(sampling.max_new_tokens):
        logits[:, list(suppressed)] = -torch.inf
        tokens = choose(logits, alive, num_rows)
        watch.note(logits, tokens, alive, num_rows)
        tokens = torch.where(done, ends[0], tokens)
        out[alive, place] = tokens
        done |= torch.isin(tokens, end)
        if done.all():
            return out[:, : place + 1]
        if done.float().mean() > MOST_DONE:
            kept = (~done).nonzero()[:, 0]
            cache.batch_select_indices(kept)
            alive, mask, tokens, done = alive[kept], mask[kept], tokens[kept], done[kept]
        if place + 1 < sampling.max_new_tokens:
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
            logits = _step(model, cache, mask, {"input_ids": tokens[:, None]}, mask.sum(-1, keepdim=True) - 1)
    return out


def _step(model: Any, cache: Any, mask: torch.Tensor, shown: Any, positions: torch.Tensor) -> torch.Tensor:
    """Logits of the next token in float32, one row a prompt; what was shown goes into the cache."""
    positions = positions.clamp(min=0)
    reply = model(**shown, attention_mask=mask, position_ids=positions, cache=cache, use_cache=True, logits_to_keep=1)
    return reply.logits[:, -1].float()


def _chooser(sampling: Sampling) -> Any:
    """Logits of the rows that are there, their places among all, how many those are -> a token each."""
    import torch
    from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    warpers = LogitsProcessorList()
    if sampling.temperature not in (0, 1):
        warpers.append(TemperatureLogitsWarper(sampling.temperature))
    if sampling.temperature and sampling.top_k:
        warpers.append(TopKLogitsWarper(sampling.top_k))
    if sampling.temperature and sampling.top_p < 1:
        warpers.append(TopPLogitsWarper(sampling.top_p))

    def choose(logits: torch.Tensor, alive: torch.Tensor, num_rows: int) -> torch.Tensor:
        if sampling.temperature == 0:
            return logits.argmax(-1)
        shares = warpers(None, logits).softmax(-1)
        noise = torch.empty(num_rows, shares.shape[1]).exponential_(1)
        return (shares / noise[alive]).argmax(-1)

    return choose
