"""Accuracy against the token cap: the arms whose reply is a model's own, asked again under other caps.

At temperature 0 a reply that ended by itself is the same under every cap that leaves it room, so it is not paid for
twice; one that was cut off, and any sampled reply, is asked anew: batch and seed would change it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from insightv_bench.arms import ARMS, Arm
from insightv_bench.engines import Caller
from insightv_bench.journal import Reply, Request
from insightv_bench.protocol import cut_in
from insightv_bench.records import Image
from insightv_bench.settings import Sampling
from insightv_bench.statistics import Interval, accuracy

from .harness import Said, context_with_markers, generation_kwargs, scored

OWN: tuple[Arm, ...] = tuple(
    arm
    for arm, spec in ARMS.items()
    if arm == "reason" or (spec.seat != "vote" and spec.shows == "nothing" and not spec.blank_images)
)
"""Arms whose reply rests on no path that was written before, under a cap of its own."""
FIGURE = "token-caps.svg"


class CapRow(NamedTuple):
    """One arm under one cap."""

    arm: Arm
    cap: int
    n: int
    accuracy: float
    low: float
    high: float
    cut_in_thought: float
    """Share of replies."""
    cut_in_answer: float
    finished_accuracy: float | None
    """Among the replies that were not cut off; None: all were."""
    if_cut_right: float
    tokens: float
    """Generated, a reply."""
    num_reused: int
    """Replies that ended by themselves under another cap."""


def sweep(
    caps: Sequence[int],
    tasks: Mapping[Arm, Sequence[Mapping[str, Any]]],
    callers: Mapping[str, Caller],
    samplings: Mapping[Arm, Sampling],
    images: Mapping[str, Image],
    strict: bool,
) -> list[CapRow]:
    """One row an arm and cap; the replies under the arm's own cap are there already, and are looked at first."""
    rows: list[CapRow] = []
    for arm in (arm for arm in tasks if arm in OWN):
        docs, caller, sampling = tasks[arm], callers[tasks[arm][0]["seat"]], samplings[arm]
        own = caller.ask_all([request_of(doc, sampling, images) for doc in docs])
        known = dict(enumerate(own)) if sampling.temperature == 0 else {}
        for cap in caps:
            under = sampling.model_copy(update={"max_new_tokens": cap})
            same = {place: reply for place, reply in known.items() if _fits(reply, cap)}
            asked = [place for place in range(len(docs)) if place not in same]
            replies = caller.ask_all([request_of(docs[place], under, images) for place in asked])
            fresh = dict(zip(asked, replies, strict=True))
            if sampling.temperature == 0:
                known |= {place: reply for place, reply in fresh.items() if reply.finish == "stop"}
            rows.append(_row(arm, cap, docs, [(same | fresh)[place] for place in range(len(docs))], len(same), strict))
    return rows


def _fits(reply: Reply, cap: int) -> bool:
    """Whether a reply that ended by itself would have ended so under this cap."""
    return reply.finish == "stop" and 0 < reply.num_tokens < cap


def request_of(doc: Mapping[str, Any], sampling: Sampling, images: Mapping[str, Image]) -> Request:
    from .harness.model import chat_of, sampling_of

    chat = chat_of(context_with_markers(doc), tuple(images[sha256] for sha256 in doc["images"]))
    return Request(chat, sampling_of(generation_kwargs(sampling)), doc["sample"])  # as the arm itself is asked


def _row(
    arm: Arm, cap: int, docs: Sequence[Mapping[str, Any]], replies: Sequence[Reply], num_reused: int, strict: bool
) -> CapRow:
    rights = [scored(doc, Said.of(reply, strict)).right for doc, reply in zip(docs, replies, strict=True)]
    cuts = [cut_in(reply.text, reply.finish, reply.opened) for reply in replies]
    finished = [right for right, cut in zip(rights, cuts, strict=True) if not cut]
    found: Interval = accuracy(rights, [doc["question_id"] for doc in docs])
    return CapRow(
        arm,
        cap,
        found.n,
        found.value,
        found.low,
        found.high,
        cuts.count("thought") / len(cuts),
        cuts.count("answer") / len(cuts),
        sum(finished) / len(finished) if finished else None,
        sum(right or bool(cut) for right, cut in zip(rights, cuts, strict=True)) / len(rights),
        sum(reply.num_tokens for reply in replies) / len(replies),
        num_reused,
    )


def draw(rows: Sequence[CapRow], file: Path) -> None:
    """The curves as SVG, a line an arm with its 95 % intervals over tokens a reply; needs seaborn."""
    import matplotlib
    import seaborn
    from matplotlib.figure import Figure

    arms = list(dict.fromkeys(row.arm for row in rows))
    style = {**seaborn.axes_style("ticks"), "font.size": 9, "svg.fonttype": "none", "svg.hashsalt": "insightv-bench"}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(5.2, 3.2), layout="constrained")
        panel = figure.subplots()
        for arm, colour in zip(arms, seaborn.color_palette("colorblind", len(arms)), strict=True):
            of = [row for row in rows if row.arm == arm]
            values = [100 * row.accuracy for row in of]
            errors = [
                [100 * max(0.0, row.accuracy - row.low) for row in of],
                [100 * max(0.0, row.high - row.accuracy) for row in of],
            ]
            panel.errorbar(
                [row.cap for row in of], values, yerr=errors, color=colour, marker="o", ms=4, capsize=2, label=arm
            )
        panel.set(xlabel="token cap of a reply", ylabel="accuracy, %", xscale="log")
        panel.set_xticks(caps := sorted({row.cap for row in rows}), [f"{cap:,}" for cap in caps])
        panel.minorticks_off()
        panel.legend(frameon=False)
        seaborn.despine(ax=panel)
        figure.savefig(file, metadata={"Date": None})
