"""A model from nothing whose vocabulary lacks some of the drawn world's phrases, as one that has them."""

from __future__ import annotations

from pathlib import Path

from insightv_bench.engines.hf import load_processor
from insightv_bench.world import several_phrases


def with_new_phrases(start: Path, folder: Path) -> Path:
    """Write into `folder` the model of `start` with one token for each phrase of several paths that it has none for.

    A new token begins as the mean of those that it stands in for; all other weights stay as they are.
    """
    import torch
    from tokenizers import AddedToken
    from transformers import AutoModelForImageTextToText

    processor = load_processor(str(start))
    model = AutoModelForImageTextToText.from_pretrained(start, dtype="auto")
    tokenizer = processor.tokenizer
    pieces = {phrase: tokenizer(phrase, add_special_tokens=False)["input_ids"] for phrase in several_phrases()}
    new = [phrase for phrase, ids in pieces.items() if len(ids) > 1]
    tokenizer.add_tokens([AddedToken(phrase, normalized=False) for phrase in new])
    weights = model.resize_token_embeddings(len(tokenizer), mean_resizing=False).weight
    with torch.no_grad():
        for phrase in new:
            weights[tokenizer.convert_tokens_to_ids(phrase)] = weights[pieces[phrase]].mean(0)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
