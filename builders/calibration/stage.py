"""A judge against what is known exactly: the oracle on the drawn world, and traces whose first wrong step is labelled.

Each question's exact path, flawed versions of it and paths that an erring teacher sampled are judged together, as
right paths are in `assess`; here paths with a wrong answer are rated too, since a judge must tell them apart. The truth
of a path: it is `sound` where the oracle gives it 100 (every step right, none missing) and the answer is the gold one.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path as File
from typing import NamedTuple

from insightv_bench.agents import ReasoningAgent, path_text
from insightv_bench.answers import matches
from insightv_bench.engines import Caller, open_engine
from insightv_bench.errors import StageError
from insightv_bench.flaws import ATTACKS_AND_CONTROLS, MADE, flawed_versions, make_injected, with_text
from insightv_bench.judge_replies import (
    EVERY_STEP,
    HIGHEST,
    STEPS,
    FirstWrong,
    Rating,
    read_every_step,
    read_first_wrong,
    steps_chat,
)
from insightv_bench.judging import Asked, Settled, ask_strictly
from insightv_bench.protocol import parse_path, render_path
from insightv_bench.records import CalibrationRow, Path, Question, Step
from insightv_bench.settings import AssessSettings, CalibrateSettings, PathsSettings, Sampling, TeacherEngine
from insightv_bench.stages import CalibrateOptions, Context
from insightv_bench.storage import write_text
from insightv_bench.world import DETAIL_SHARE, Judgement, exact_path, judge, program_of, rate

from ..assessment import Judges, Scored
from .figures import figures_of
from .plot import plot
from .step_figures import step_figures
from .step_sets import as_visual
from .traces import read_traces

FIGURES, PLOT = "calibration.json", "calibration.png"
STEPS_FILE = "steps.jsonl"
"""The drawn paths with their labels."""
UNREAD = Settled(None, "")


class Case(NamedTuple):
    """One path of known quality."""

    question: Question
    text: str
    steps: tuple[Step, ...]
    answer: str | None
    origin: str
    flaw: str = "none"
    severity: float = 0.0
    attack: str = ""
    """Its name in `insightv_bench.flaws.MADE`: of the one it makes, or whose control it is."""


def calibrate(context: Context[CalibrateSettings, CalibrateOptions]) -> None:
    """Input: questions of the drawn world, unless the settings have none. Raises StageError for a judge that scores
    nothing."""
    settings = context.settings
    how = context.options.assess
    if how.filter_engine:
        how = how.model_copy(update={"answer_judge": "always"})
    if how.judge == "rule":
        raise StageError("the judge `rule` rates nothing", "set `assess.judge: engine`, or name a model with `--judge`")
    if settings.steps and (how.judge == "oracle" or isinstance(how.engine, TeacherEngine)):
        raise StageError("the oracle and the teacher cannot read traces of other worlds", "name a judge with `--judge`")
    questions = list(context.rows("questions", Question)) if "questions" in context.inputs else []
    attacks = [case for question in questions for case in _attacks(question, context.seed)] if settings.attack else []
    with Judges(context, how, [*questions, *(case.question for case in attacks)]) as judges:
        rows = list(_world_rows(context, settings, how, judges, questions, attacks))
        rows += _trace_rows(context, settings, how, judges)
        context.write(CalibrationRow, rows)
        context.totals.update(judges.totals())
    steps_asked = how.judge == "engine" and settings.first_wrong_step
    figures = {"judge": context.totals["judge"], **figures_of(rows, settings.high, steps_asked, context.seed)}
    if settings.step_scores:
        figures["every_step"] = {
            name: step_figures(part, context.seed)
            for name, part in (
                ("drawn", [row for row in rows if row.origin != "trace"]),
                ("traces", [row for row in rows if row.origin == "trace"]),
            )
            if part
        }
    export_steps(context.folder, questions, rows)
    write_text(context.folder / FIGURES, json.dumps(figures, indent=2) + "\n")
    plot(rows, figures, context.folder / PLOT)
    context.totals["figures"] = FIGURES


def _world_rows(
    context: Context,
    settings: CalibrateSettings,
    how: AssessSettings,
    judges: Judges,
    questions: Sequence[Question],
    attacks: Sequence[Case],
) -> Iterator[CalibrationRow]:
    if not questions:
        return
    sampled = _sampled(context, settings, questions)
    groups = [_cases(question, sampled.get(question.id, []), settings, context.seed) for question in questions]
    groups += [[case] for case in attacks]  # each alone: an attack would reach the paths beside it
    verdicts = judges.filter.settle((case.question, case.answer) for group in groups for case in group)
    bar = context.progress.start("judging paths", sum(map(len, groups)))
    if judges.scorer:
        score = judges.scorer.score_texts
        replies = judges.scorer.caller.run([score(group[0].question, [c.text for c in group]) for group in groups])
    else:
        replies = [
            {
                case.text: Scored(
                    0, "oracle", (Rating(*rate(case.question.question, case.question.scene, case.steps)),)
                )
                for case in group
            }
            for group in groups
        ]
    cases = [case for group in groups for case in group]
    steps = _first_wrong(how, judges, cases) if settings.first_wrong_step else {}
    scores = _every_step(how, judges, cases) if settings.step_scores else None
    for group, scored in zip(groups, replies, strict=True):
        for case in group:
            verdict = verdicts.get((case.question.id, case.answer), UNREAD)
            row = _row(case, how, scored[case.text], verdict, steps.get((case.question.id, case.text)))
            yield _with_scores(row, judge(case.question.question, case.question.scene, case.steps).labels, scores)
            context.progress.advance(bar)
    context.progress.stop(bar)


def _sampled(context: Context, settings: CalibrateSettings, questions: Sequence[Question]) -> dict[str, list[Path]]:
    """Paths by the erring teacher, by question id."""
    how = PathsSettings(mode="one-call", sampling=Sampling(temperature=0.7))
    engine = open_engine(settings.teacher, {q.image_sha256[0]: q.scene for q in questions})
    with Caller(engine, context.journal, seed=context.seed) as caller:
        agent, numbers = ReasoningAgent(caller, how), range(settings.num_paths)
        paths = caller.run([agent.write(question, number) for question in questions for number in numbers])
    return {q.id: [path for path in paths if path.question_id == q.id] for q in questions} if paths else {}


def _cases(question: Question, sampled: Sequence[Path], settings: CalibrateSettings, seed: int) -> list[Case]:
    """The paths of one question, each text once."""
    program, scene = program_of(question.question, question.scene)
    steps, answer = exact_path(program, scene.values)
    cases = [Case(question, render_path(steps, answer), steps, answer, "exact")]
    for row in flawed_versions(question, settings.flaws, random.Random(f"{seed}/{question.id}")):
        read = parse_path(row.flawed_path)
        cases.append(Case(question, row.flawed_path, read.steps, read.answer, "flawed", row.flaw, row.severity))
    cases += [Case(question, path_text(path), path.steps, path.answer, "sampled") for path in sampled]
    return list({case.text: case for case in reversed(cases)}.values())[::-1]


def _attacks(question: Question, seed: int) -> Iterator[Case]:
    """Each attack on the reader, and its control, on the same path; in the image where that is a chart."""
    program, scene = program_of(question.question, question.scene)
    for types in ATTACKS_AND_CONTROLS.items():
        for attack in MADE[types[0]].texts:
            for flaw in types:
                made = make_injected(program, scene, flaw, random.Random(f"{seed}/{question.id}/{attack}"), attack)
                if made is None:
                    continue
                text, read = made.flawed.flawed_path, parse_path(made.flawed.flawed_path)
                asked = question
                if made.image_text:
                    image = with_text(question.images[0], made.image_text)
                    asked = question.model_copy(update={"images": (image,), "image_sha256": (image.sha256,)})
                name = f"{types[0]}, {attack}" if MADE[types[0]].on_right else attack
                yield Case(asked, text, read.steps, read.answer, "flawed", flaw, made.flawed.severity, name)


def _first_wrong(
    how: AssessSettings, judges: Judges, cases: Sequence[Case]
) -> dict[tuple[str, str], Asked[FirstWrong]]:
    """By question id and text; empty where no model judges."""
    if not judges.scorer:
        return {}
    caller = judges.scorer.caller
    replies = caller.run([ask_first_wrong(caller, how, case.question, case.steps) for case in cases])
    return {(case.question.id, case.text): asked for case, asked in zip(cases, replies, strict=True)}


Scores = Mapping[tuple[str, str], Asked[tuple[int, ...]]]
"""By question id and the path's text."""


def _every_step(how: AssessSettings, judges: Judges, cases: Sequence[Case]) -> Scores:
    """The oracle, where no model judges, is sure."""
    if not judges.scorer:
        sure = [judge(case.question.question, case.question.scene, case.steps).labels for case in cases]
        return {
            (case.question.id, case.text): Asked(tuple(100 if label else 0 for label in labels), "", 0)
            for case, labels in zip(cases, sure, strict=True)
        }
    caller = judges.scorer.caller
    replies = caller.run([ask_every_step(caller, how, case.question, case.steps) for case in cases])
    return {(case.question.id, case.text): asked for case, asked in zip(cases, replies, strict=True)}


async def ask_every_step(
    caller: Caller, how: AssessSettings, question: Question, steps: Sequence[Step]
) -> Asked[tuple[int, ...]]:
    chat = steps_chat(question, steps, EVERY_STEP)
    return await ask_strictly(
        caller, chat, how.sampling, how.tries, lambda text: read_every_step(text, num_steps=len(steps))
    )


def _with_scores(row: CalibrationRow, labels: Sequence[bool | None], scores: Scores | None) -> CalibrationRow:
    if scores is None:
        return row
    truth = tuple(-1 if label is None else int(label) for label in labels)
    told = scores.get((row.question_id, row.path))
    found = told.value if told and told.value else ()
    return row.model_copy(update={"step_truth": truth, "step_scores": found})


def export_steps(folder: File, questions: Sequence[Question], rows: Sequence[CalibrationRow]) -> None:
    """The drawn paths in VisualProcessBench's schema: an exact reference for whoever judges steps."""
    by_id = {question.id: question for question in questions}
    lines: dict[str, None] = {}
    for row in rows:
        steps = parse_path(row.path).steps
        if row.origin == "trace" or not steps or not (question := by_id[row.question_id]).images:
            continue
        image = question.images[0]
        (folder / "images").mkdir(exist_ok=True)
        (folder / "images" / f"{image.sha256}.png").write_bytes(image.bytes)
        labels = judge(question.question, question.scene, steps).labels
        told = as_visual(question, steps, labels, f"images/{image.sha256}.png", row.origin)
        lines[json.dumps(told, ensure_ascii=False)] = None
    if lines:
        write_text(folder / STEPS_FILE, "\n".join(lines) + "\n")


async def ask_first_wrong(
    caller: Caller, how: AssessSettings, question: Question, steps: Sequence[Step]
) -> Asked[FirstWrong]:
    chat = steps_chat(question, steps)
    read = partial(read_first_wrong, num_steps=len(steps))
    return await ask_strictly(caller, chat, how.sampling, how.tries, read, STEPS)


def _row(
    case: Case, how: AssessSettings, scored: Scored, verdict: Settled, first: Asked[FirstWrong] | None
) -> CalibrationRow:
    question = case.question
    truth: Judgement = judge(question.question, question.scene, case.steps)
    right = case.answer is not None and matches(case.answer, question.answer, question.answer_type, question.options)
    rated = {"position": scored.position}
    if scored.passes:
        share = how.detail_share if how.judge == "engine" else DETAIL_SHARE
        rated |= {"score": scored.score(share), **{part: scored.mean(part) for part in ("accuracy", "detail")}}
    return CalibrationRow(
        question_id=question.id,
        kind=question.kind,
        path=case.text,
        origin=case.origin,
        flaw=case.flaw,
        severity=case.severity,
        attack=case.attack,
        sound=right and truth.score == HIGHEST,
        answer_right=right,
        true_score=truth.score,
        true_first_wrong=truth.first_error,
        verdict=verdict.correct,
        first_wrong=told_step(first),
        reason=scored.reason or (first.reason if first else ""),
        **rated,
    )


def told_step(asked: Asked[FirstWrong] | None) -> int | None:
    """-1: the judge says that no step is wrong; None: it was not asked, or not understood."""
    if asked is None or asked.value is None:
        return None
    return -1 if asked.value.step is None else asked.value.step


def _trace_rows(
    context: Context,
    settings: CalibrateSettings,
    how: AssessSettings,
    judges: Judges,
) -> list[CalibrationRow]:
    """The labelled traces, each judged by its first wrong step."""
    if not settings.steps:
        return []
    assert judges.scorer is not None  # `calibrate` has refused the others
    traces = read_traces(File(settings.steps), settings.max_steps_rows, context.seed, settings.steps_images)
    bar = context.progress.start("judging traces", len(traces))
    caller = judges.scorer.caller
    replies = caller.run([ask_first_wrong(caller, how, trace.question, trace.steps) for trace in traces])
    texts = [render_path(trace.steps, None) for trace in traces]
    scores: Scores | None = None
    if settings.step_scores:
        every = caller.run([ask_every_step(caller, how, trace.question, trace.steps) for trace in traces])
        asked_of = zip(traces, texts, every, strict=True)
        scores = {(trace.question.id, text): told for trace, text, told in asked_of}
    context.progress.stop(bar)
    rows = [
        CalibrationRow(
            question_id=trace.question.id,
            kind=trace.question.kind,
            path=render_path(trace.steps, None),
            origin="trace",
            flaw="none",
            severity=0.0,
            sound=trace.first_wrong is None,
            answer_right=trace.answer_right,
            true_first_wrong=trace.first_wrong,
            first_wrong=told_step(asked),
            reason=asked.reason,
        )
        for trace, asked in zip(traces, replies, strict=True)
    ]
    return [_with_scores(row, trace.labels, scores) for row, trace in zip(rows, traces, strict=True)]
