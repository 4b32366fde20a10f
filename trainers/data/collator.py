"""No loss on what the user says between two turns of a completion.

TRL trains on all of a completion. In one of several turns (assistant, user, assistant) the user's words are no more to
be learnt than a prompt's. TRL's own `assistant_only_loss` is for whole conversations: with it a path that is only to be
judged could not stand there without being learnt, and it needs a template with generation marks.
"""

from __future__ import annotations

from typing import Any

from insightv_bench.errors import StageError

from .lengths import chat_text, placed

NO_LOSS = -100


class AssistantTurns:
    """TRL's collator for prompts and completions; the labels of a user's turn inside a completion are taken away."""

    def __init__(self, collator: Any, processor: Any) -> None:
        self._collator, self._processor = collator, processor

    def __call__(self, rows: list[dict[str, Any]]) -> Any:
        """Raises StageError where a completion's tokens cannot be told."""
        import torch

        several = {place: row for place, row in enumerate(rows) if len(row["completion"]) > 1}
        completions = {place: completion_tokens(row, self._processor) for place, row in several.items()}
        batch = self._collator(rows)  # it changes the rows
        for place, (ids, spoken) in completions.items():
            end = int(batch["attention_mask"][place].sum())  # the completion's tokens are the last before the padding
            if batch["input_ids"][place, end - len(ids) : end].tolist() != ids:
                fact = "the tokens of a completion are not those of its text"
                raise StageError(fact, "train on completions of one turn")
            labels = batch["labels"][place, end - len(ids) : end]
            labels[torch.tensor(spoken)] = NO_LOSS
        return batch


class ImagesInPlaces:
    """TRL's collator for rows whose prompt says where its images stand: TRL alone puts all of them first."""

    def __init__(self, collator: Any) -> None:
        self._collator = collator

    def __call__(self, rows: list[dict[str, Any]]) -> Any:
        return self._collator([in_places(row) for row in rows])


def in_places(row: dict[str, Any]) -> dict[str, Any]:
    prompt, order = placed(row["prompt"], len(row["images"] or ()))
    return {**row, "prompt": prompt, "images": [row["images"][place] for place in order]} if order else row


def completion_tokens(row: dict[str, Any], processor: Any) -> tuple[list[int], list[bool]]:
    """Token ids of the row's completion as TRL writes it, and which of them the user speaks."""
    chat, images = [*row["prompt"], *row["completion"]], row["images"]
    whole = chat_text(processor, chat, images)
    start = _within(chat_text(processor, row["prompt"], images, is_open=True), whole)
    spans = []
    for place in range(len(row["prompt"]), len(chat)):
        if chat[place]["role"] != "assistant":
            before = chat_text(processor, chat[:place], images)
            after = chat_text(processor, chat[: place + 1], images, is_open=True)
            spans.append((_within(before, whole) - start, _within(after, whole) - start))
    tokens = processor.tokenizer(whole[start:], add_special_tokens=False, return_offsets_mapping=True)
    spoken = [any(low <= begin < high for low, high in spans) for begin, _ in tokens["offset_mapping"]]
    return tokens["input_ids"], spoken


def _within(part: str, whole: str) -> int:
    if not whole.startswith(part):
        raise StageError(
            "this model's chat template writes a turn otherwise once another follows it",
            "leave out the control `multi-turn`, or give the model a template that does not",
        )
    return len(part)
