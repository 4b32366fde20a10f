"""No loss on what the user says between two turns of a completion.

TRL trains on all of a completion. In one of several turns (assistant, user, assistant) the user's words are no more to
be learnt than a prompt's. TRL's own `assistant_only_loss` is for whole conversations: with it a path that is only to be
judged could not stand there without being learnt, and it needs a template with generation marks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from insightv_bench.errors import StageError

NO_LOSS = -100
Turns = Sequence[dict[str, Any]]


class AssistantTurns:
    """TRL's collator for prompts and completions; the labels of a user's turn inside a completion are taken away."""

    def __init__(self, collator: Any, processor: Any) -> None:
        self._collator, self._processor = collator, processor

    def __call__(self, rows: list[dict[str, Any]]) -> Any:
        several = {place: row for place, row in enumerate(rows) if len(row["completion"]) > 1}
        completions = {place: completion_tokens(row, self._processor) for place, row in several.items()}
        batch = self._collator(rows)  # it changes the rows
        for place, (ids, spoken) in completions.items():
            _take_away(batch, place, ids, spoken)
        return batch


def _take_away(batch: Any, place: int, ids: list[int], spoken: list[bool]) -> None:
    """The completion's tokens are the last ones of a row before its padding. Raises StageError where they are not."""
    import torch

    end = int(batch["attention_mask"][place].sum())
    if batch["input_ids"][place, end - len(ids) : end].tolist() != ids:
        raise StageError("the tokens of a completion are not those of its text", "train on completions of one turn")
    labels = batch["labels"][place, end - len(ids) : end]
    labels[torch.tensor(spoken)] = NO_LOSS


def completion_tokens(row: dict[str, Any], processor: Any) -> tuple[list[int], list[bool]]:
    """Token ids of the row's completion as TRL writes it, and which of them the user speaks."""
    chat = [*row["prompt"], *row["completion"]]
    whole, start = _text(chat, row["images"], processor), _begin(row, processor)
    spans = []
    for place in range(len(row["prompt"]), len(chat)):
        if chat[place]["role"] != "assistant":
            before = _text(chat[:place], row["images"], processor)
            after = _text(chat[: place + 1], row["images"], processor, add_generation_prompt=True)
            spans.append((_within(before, whole) - start, _within(after, whole) - start))
    tokens = processor.tokenizer(whole[start:], add_special_tokens=False, return_offsets_mapping=True)
    spoken = [any(low <= begin < high for low, high in spans) for begin, _ in tokens["offset_mapping"]]
    return tokens["input_ids"], spoken


def _begin(row: dict[str, Any], processor: Any) -> int:
    """Where the completion begins in the text of the whole chat."""
    prompt = _text(row["prompt"], row["images"], processor, add_generation_prompt=True)
    return _within(prompt, _text([*row["prompt"], *row["completion"]], row["images"], processor))


def _within(part: str, whole: str) -> int:
    if not whole.startswith(part):
        raise StageError(
            "this model's chat template writes a turn otherwise once another follows it",
            "leave out the control `multi-turn`, or give the model a template that does not",
        )
    return len(part)


def _text(chat: Turns, images: Sequence[Any], processor: Any, add_generation_prompt: bool = False) -> str:
    from trl.data_utils import prepare_multimodal_messages

    blocks = prepare_multimodal_messages(list(chat), images=images)
    return str(processor.apply_chat_template(blocks, tokenize=False, add_generation_prompt=add_generation_prompt))
