"""Flawed versions of paths that a model sampled: by rule, by a model, and as they come (`natural`).

Of each question the best right path is spoilt, the flaws in an order by chance, until there are `per_question`. A flaw
that cannot be planted leaves a dropped row with its reason. Questions of the drawn world keep their exact flaws (see
`corpora`) unless the recipe names another maker.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

from insightv_bench.agents import written_path
from insightv_bench.chat import load_prompt
from insightv_bench.engines import Caller, open_engine, public
from insightv_bench.flaws import (
    FLAW,
    Flawed,
    drawn_flaws,
    flaw_chat,
    flawed_versions,
    in_our_form,
    make_text_flawed,
    others_steps,
    position_of,
    read_flawed,
    spreads,
)
from insightv_bench.judging import REPAIR, ask_strictly
from insightv_bench.records import FlawedRow, FlawType, Position, Step, columns_of
from insightv_bench.settings import FlawsSettings, ScoreRanges
from insightv_bench.stages import Context, Dropped, FlawOptions
from insightv_bench.storage import read_frame

from ..assessment import Assessed, assessed_by_question, range_of, right_ones
from ..portions import QUESTIONS_AT_ONCE
from .scored import ASSESSED

Made = FlawedRow | Dropped


def flawed(context: Context[FlawsSettings, FlawOptions]) -> None:
    """Inputs: `questions`, `paths`, `verdicts`."""
    settings = context.settings
    scenes: dict[str, str] = {}
    with ExitStack() as stack:
        caller = _open(context, settings, scenes, stack)
        context.write(FlawedRow, counted(context, _all(context, settings, caller, scenes)))
        if caller:
            context.totals.update(maker=caller.model, num_calls=caller.num_calls + caller.num_hits)
            context.totals.update(num_tokens=caller.num_tokens)
            context.totals.update(prompts=[load_prompt(name).label for name in (FLAW, REPAIR)])


def _open(context: Context, settings: FlawsSettings, scenes: dict[str, str], stack: ExitStack) -> Caller | None:
    if settings.maker != "engine" or settings.engine is None:
        return None
    engine = open_engine(context.resolve(settings.engine), scenes)
    return stack.enter_context(Caller(engine, context.journal, seed=context.seed))


def counted(context: Context, rows: Iterable[Made]) -> Iterator[Made]:
    """The rows, and how many of each type for the manifest."""
    flaws: Counter[str] = Counter()
    for row in rows:
        if isinstance(row, FlawedRow):
            flaws[row.flaw] += 1
        yield row
    context.totals["flaws"] = dict(flaws)


def _all(context: Context, settings: FlawsSettings, caller: Caller | None, scenes: dict[str, str]) -> Iterator[Made]:
    """`scenes`: by image, of the portion at hand, for an engine that knows them."""
    num = read_frame(context.inputs["paths"], ["question_id"])["question_id"].n_unique()
    bar = context.progress.start("planting flaws", num)
    naturals = Naturals(context.options.ranges) if context.options.ranges else None
    for portion in assessed_by_question(context, QUESTIONS_AT_ONCE, *ASSESSED):
        scenes.clear()
        scenes.update({g[0].question.image_sha256[0]: g[0].question.scene for g in portion if g[0].question.scene})
        seed = 0 if context.options.fixed else context.seed
        right = {
            group[0].question.id: written_path(best[0].path, "json") for group in portion if (best := right_ones(group))
        }
        chains = (_versions(settings, group, caller, seed, right) for group in portion)
        versions = caller.run(list(chains)) if caller else [_without_asking(chain) for chain in chains]
        for group, rows in zip(portion, versions, strict=True):
            yield from rows
            if naturals:
                yield naturals.of(group)
            context.progress.advance(bar)
    context.progress.stop(bar)


def _without_asking(chain: object) -> list[Made]:
    """The result of a chain that asks nobody."""
    try:
        chain.send(None)  # type: ignore[attr-defined]
    except StopIteration as end:
        rows: list[Made] = end.value
        return rows
    raise AssertionError("a rule has nobody to wait for")


async def _versions(
    settings: FlawsSettings,
    group: Sequence[Assessed],
    caller: Caller | None,
    seed: int,
    right_paths: Mapping[str, str],
) -> list[Made]:
    """Up to `per_question` flawed versions of the question's best right path, and what could not be planted.
    `right_paths`: of the questions at hand, which lend a step that is beside the point."""
    question = group[0].question
    random_ = random.Random(f"{seed}/{question.id}")
    if question.scene and settings.maker in ("auto", "exact"):
        return list(flawed_versions(question, settings, random_))
    if settings.maker == "exact":
        return [Dropped(question.id, "not of the drawn world")]
    right = right_ones(group)
    if not right:
        return [Dropped(question.id, "no right path to spoil")]
    able = [row for row in right if not why_not(row)]
    if not able:
        return [Dropped(right[0].path.id, why_not(right[0]))]
    rows: list[Made] = []
    texts: set[str] = set()
    donors = others_steps(right_paths, question.id, random.Random(f"{seed}/{question.id}/others"))
    for flaw in drawn_flaws(settings, "model" if caller else "rule", random_):
        if len(texts) == settings.per_question:
            break
        planted = await _plant(settings, able[0], flaw, caller, random_, donors)
        if isinstance(planted, str):
            rows.append(Dropped(able[0].path.id, f"{flaw}: {planted}"))
        elif planted.flawed_path not in texts:
            texts.add(planted.flawed_path)
            rows.append(FlawedRow(**columns_of(question), kind=question.kind, **planted._asdict()))
    return rows


def why_not(row: Assessed) -> str:
    """Why a path cannot be spoilt; empty where it can. A judge may have found an answer right that no rule can read."""
    opened = in_our_form(row.question, written_path(row.path, "json"))
    return opened if isinstance(opened, str) else ""


async def _plant(
    settings: FlawsSettings,
    row: Assessed,
    flaw: FlawType,
    caller: Caller | None,
    random_: random.Random,
    donors: Sequence[Step],
) -> Flawed | str:
    """One flaw in one path, propagated or not as drawn, the other way where that cannot be; or why there is none."""
    severity, position = random_.choice(settings.severities), random_.choice(settings.positions)
    wanted = random_.choice(settings.propagated)
    if caller:
        return await _ask(settings, row, flaw, position, wanted, caller)
    text = written_path(row.path, "json")
    problem = ""
    for propagate in dict.fromkeys((wanted, *settings.propagated)):
        planted = make_text_flawed(row.question, text, flaw, severity, position, propagate, random_, donors)
        if isinstance(planted, Flawed):
            return planted
        problem = planted
    return problem


async def _ask(
    settings: FlawsSettings, row: Assessed, flaw: FlawType, position: Position, wanted: bool, caller: Caller
) -> Flawed | str:
    opened = in_our_form(row.question, written_path(row.path, "json"))
    if isinstance(opened, str):
        return opened
    path, text = opened
    spread = spreads(flaw, wanted)
    chat = flaw_chat(row.question, text, flaw, position, spread)
    read = partial(read_flawed, row.question, path, text, flaw, spread, public(caller.model))
    asked = await ask_strictly(caller, chat, settings.sampling, settings.tries, read)
    return asked.reason if asked.value is None else asked.value


class Naturals:
    """Flawed paths as they were sampled, in like numbers of each score range: `mid`, `low` and `wrong`."""

    RANGES = ("mid", "low", "wrong")

    def __init__(self, settings: ScoreRanges) -> None:
        self._settings = settings
        self._counts: Counter[str] = Counter()

    def of(self, group: Sequence[Assessed]) -> Made:
        """One of the question's paths, of the range that has the fewest so far."""
        whole = [(row, row.assessment) for row in group if row.path.status == "complete"]
        by_range = {range_of(judged.correct, judged.score, self._settings): row for row, judged in whole}
        ranges = sorted((self._counts[name], name) for name in self.RANGES if name in by_range)
        if not ranges:
            return Dropped(group[0].question.id, "natural: no path of a low score or with a wrong answer")
        self._counts[ranges[0][1]] += 1
        best = [written_path(row.path, "json") for row in right_ones(group)]
        return natural_row(by_range[ranges[0][1]], ranges[0][1], best[0] if best else "")


def natural_row(row: Assessed, range_: str, right: str) -> FlawedRow:
    """Where a judge labelled the steps, which are wrong is known; else severity is 0 and the position `none`."""
    labels, num = row.assessment.step_labels, len(row.path.steps)
    wrong = tuple(place for place, label in enumerate(labels) if not label)
    answer = row.path.answer or ""
    return FlawedRow(
        **columns_of(row.question),
        kind=row.question.kind,
        path=right,
        flawed_path=written_path(row.path, "json"),
        flaw="natural",
        severity=round(len(wrong) / num, 4) if labels else 0.0,
        position=position_of(wrong, num) if wrong else "none",
        propagated=True,
        error_steps=(*wrong, num) if range_ == "wrong" else wrong,
        planted_answer=answer,
        reason=f"sampled; score range {range_}",
        correction=row.assessment.correction,
        maker="sampled",
    )
