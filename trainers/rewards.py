"""What a sampled reply earns in GRPO, each part from 0 to 1, by the readers that evaluate it too.

These rewards are this suite's own: those of Insight-V++ are not public.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from insightv_bench.answers import matches, read, read_path
from insightv_bench.protocol import opens_thought, parse_summary
from insightv_bench.settings import Reward
from insightv_bench.world import judge

Row = Mapping[str, Any]
"""The columns of the row that was asked."""
RewardFunction = Callable[..., list[float | None]]
"""As TRL calls it; None where a part cannot be told of a row."""
BY_SEAT: Mapping[str, Mapping[Reward, float]] = {
    "reason": {"answer": 1.0, "format": 0.2, "steps": 0.5},
    "summary": {"answer": 1.0, "verdict": 0.5},
}
"""Seat -> its rewards and their weights where the recipe names none."""


class Sampled(NamedTuple):
    """One reply, as an engine would have given it."""

    text: str
    finish: str
    """`length` where it ended at its token limit, else `stop`."""
    opened: bool
    """Whether the prompt ended in a thought's opening mark."""


def right_answer(sampled: Sampled, row: Row) -> float:
    """Whether it is the gold answer, read and compared as in every arm."""
    text, finish, opened = sampled
    asked = (row["answer_type"], row["options"])
    reading = read(text, *asked, finish=finish, opened=opened)
    return float(reading.answer is not None and matches(reading.answer, row["answer"], *asked, row["tolerance"]))


def whole_path(sampled: Sampled, row: Row) -> float:
    """Whether it is a path with an end, written so that nothing needs mending."""
    path = _path(sampled, row)
    return float(path.status == "complete" and not path.repaired)


def right_steps(sampled: Sampled, row: Row) -> float | None:
    """The share of its steps that the drawn world's oracle finds right; None where there is no scene to ask."""
    if not row["scene"]:
        return None
    labels = judge(row["question"], row["scene"], _path(sampled, row).steps).labels
    return sum(labels) / len(labels) if labels else 0.0


def right_verdict(sampled: Sampled, row: Row) -> float | None:
    """Whether it says of the path that it was shown what is true of it; None where it was shown none."""
    if row["path_correct"] is None:
        return None
    verdict = parse_summary(sampled.text, sampled.opened).verdict
    return float(verdict == ("right" if row["path_correct"] else "wrong"))


def _path(sampled: Sampled, row: Row) -> Any:
    text, finish, opened = sampled
    return read_path(text, row["answer_type"], row["options"], finish=finish, opened=opened)


RULES: Mapping[Reward, Callable[[Sampled, Row], float | None]] = {
    "answer": right_answer,
    "format": whole_path,
    "steps": right_steps,
    "verdict": right_verdict,
}


def reward_functions(names: Sequence[Reward], processor: Any, ends: Sequence[int]) -> list[RewardFunction]:
    """As TRL takes them, in this order. `ends`: the tokens that end a reply."""
    return [_as_trl_calls_it(name, processor, ends) for name in names]


def _as_trl_calls_it(name: Reward, processor: Any, ends: Sequence[int]) -> RewardFunction:
    def reward(prompts: Any, completions: Any, completion_ids: Any, **columns: Any) -> list[float | None]:
        told = ("answer", "answer_type", "options", "tolerance", "question", "scene", "path_correct")
        rows = [dict(zip(told, values, strict=True)) for values in zip(*(columns[key] for key in told), strict=True)]
        opened = [_opens(processor, prompt) for prompt in prompts]
        replies = [_sampled(ids, processor, ends, begun) for ids, begun in zip(completion_ids, opened, strict=True)]
        return [RULES[name](sampled, row) for sampled, row in zip(replies, rows, strict=True)]

    reward.__name__ = name  # TRL logs it by this name
    return reward


def _sampled(ids: Sequence[int], processor: Any, ends: Sequence[int], opened: bool) -> Sampled:
    """As the engine reads its model's tokens: control tokens stay in the text."""
    found = next((place for place, token in enumerate(ids) if token in ends), None)
    text = processor.tokenizer.decode(list(ids)[:found])
    return Sampled(text, "length" if found is None else "stop", opened)


def _opens(processor: Any, prompt: Sequence[Mapping[str, Any]]) -> bool:
    return opens_thought(str(processor.apply_chat_template(list(prompt), tokenize=False, add_generation_prompt=True)))
