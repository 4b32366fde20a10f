"""Reading answers: microseconds a short reply, how the time grows with a reply's length, and what lm-eval's rules take.

In time of the processor, the best of several rounds, so that a busy machine changes little.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from figures import Took, Work, keep, scaled, turn_about

from insightv_bench.answers import read

sys.path.insert(0, str(Path(__file__).parents[1]))
from fuzzed import check, fuzzed

REPLIES = Path(__file__).resolve().parents[3] / "shared" / "data" / "scored_replies.jsonl.gz"
OPTIONS = ("red", "blue", "green", "gray")
SHORT = (
    "B",
    "Answer: B",
    "C. green",
    "The answer is (C) because the bar is tall.",
    "I cannot tell from the image.",
    '{"verdict": "right", "answer": "B"}',
    "The value of red is 3 and of blue 4, so the answer is B.",
)
UNITS = ("Answer: B. ", '{"answer": "B"}\n', "{", "<think>", "\\boxed{", "a ", "**(", "\n- A. red\n", '{"a":')
(MILLION,) = scaled(1_000_000)
(SPOILT,) = scaled(int(os.environ.get("BENCH_SPOILT", MILLION)))
PATTERN = r"answer is \(?([A-D])\)?"
FILTER = "lm-eval: multi_choice_regex"
AT_ONCE = 1_000
"""Replies given to lm-eval's filter in one call, as a task has it: it goes through all of Unicode first."""
MOST_S = 0.5
"""Of the processor, for one way in one turn; one call at least."""


def microseconds(read_once: Callable[[], object], rounds: int = 30, calls: int = 50) -> float:
    best, began = float("inf"), time.process_time()
    for number in range(rounds):
        started = time.process_time()
        if number and started - began > MOST_S:
            break
        calls = max(1, min(calls, int(MOST_S / best))) if number else 1
        for _ in range(calls):
            read_once()
        best = min(best, (time.process_time() - started) / calls)
    return best * 1e6


def reply(num_characters: int) -> str:
    """Words that name colours, then the answer."""
    words = "The red bar stands at 3 and the blue one at 5, as its label says. "
    return (words * (num_characters // len(words) + 1))[:num_characters] + "\nThe answer is (B)."


def lm_eval_ways(text: str) -> dict[str, Callable[[], object]]:
    from lm_eval.filters.extraction import MultiChoiceRegexFilter
    from lm_eval.tasks.mmmu.utils import parse_multi_choice_response

    rule = MultiChoiceRegexFilter(PATTERN)
    letters = "ABCD"
    named = dict(zip(letters, OPTIONS, strict=True))
    return {
        FILTER: lambda: list(rule.apply([[text]] * AT_ONCE, [{"choices": list(OPTIONS)}] * AT_ONCE)),
        "lm-eval: MMMU's rules": lambda: parse_multi_choice_response(text, list(letters), named),
    }


@pytest.mark.parametrize("num", [100, 2_000, 40_000])
def test_beside_a_regular_expression_and_lm_evals_rules(num: int) -> None:
    text, pattern = reply(num), re.compile(PATTERN)
    ways: dict[str, Callable[[], object]] = {
        "ours": lambda: read(text, "option", OPTIONS),
        "bare re.findall": lambda: pattern.findall(text)[-1],
        **lm_eval_ways(text),
    }
    found = read(text, "option", OPTIONS)
    assert found.answer == "B"
    rounds, calls = (10, 50) if num < 10_000 else (5, 5)

    def took(name: str) -> Took:
        return Took(microseconds(ways[name], rounds, calls) / (AT_ONCE if name == FILTER else 1))

    turns = turn_about({name: lambda name=name: took(name) for name in ways})
    keep(Work("answer parsing", num, "characters", "us a reply"), turns.pop("ours"), turns)


def test_a_short_reply() -> None:
    print()
    for text in SHORT:
        print(f"{microseconds(lambda: read(text, 'option', OPTIONS)):6.1f} us  {text}")  # noqa: B023


@pytest.mark.skipif(not REPLIES.exists(), reason="the shared replies of real models are not beside this checkout")
def test_real_replies() -> None:
    with gzip.open(REPLIES, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    short = [(row["response"], tuple(row["options"])) for row in rows if len(row["response"]) <= 200]
    started = time.process_time()
    for response, options in short:
        read(response, "option", options)
    print(f"\n{(time.process_time() - started) / len(short) * 1e6:.1f} us each of {len(short):,} real short replies")


@pytest.mark.parametrize("unit", UNITS)
def test_ten_times_as_long(unit: str) -> None:
    seconds = []
    for size in (MILLION, 10 * MILLION):
        text = unit * (size // len(unit))
        started = time.process_time()
        read(text, "option", OPTIONS)
        seconds.append(time.process_time() - started)
    print(f"\n{unit!r}: 1 MB {seconds[0]:.3f} s, 10 MB {seconds[1]:.3f} s, ratio {seconds[1] / seconds[0]:.1f}")


def test_spoilt_replies() -> None:
    started = time.process_time()
    num_read = sum(check(*reply).answer is not None for reply in fuzzed(1, SPOILT))
    seconds = time.process_time() - started
    print(
        f"\n{SPOILT:,} spoilt replies in {seconds:.0f} s, {num_read:,} of them read, "
        "no crash, no answer without a place"
    )
