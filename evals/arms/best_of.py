"""Best of K: the answer of the stored path that a judge finds best, and what the judging cost.

The judge never sees the gold answer, else the arm would only count how often one of K paths is right.

    summary   the summary agent's own verdict on each path: right 100, none 50, wrong 1
    engine    a model's first wrong step: the share of steps before it, 1-100
    oracle    the drawn world's truth, step by step: what a perfect judge would choose, so an upper bound

A path without an answer is never chosen while another has one; of equal scores the earliest wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from insightv_bench.agents import held_to, path_text
from insightv_bench.answers import VERDICTS
from insightv_bench.chat import ask
from insightv_bench.engines import Caller
from insightv_bench.journal import Request
from insightv_bench.judge_replies import STEPS, FirstWrong, read_first_wrong, steps_chat
from insightv_bench.judging import Asked, ask_strictly
from insightv_bench.protocol import parse_summary, render_answer
from insightv_bench.records import Path, Question
from insightv_bench.settings import EvalSettings, Sampling
from insightv_bench.world import judge

from .columns import NO_PATH

TRIES = 3
ORACLE = "oracle (knows the scene)"


class Score(NamedTuple):
    """What a judge says of one path."""

    score: int | None  # 1-100
    """None: the judge failed, or there is nothing to judge."""
    num_tokens: int = 0
    failure: str = ""


Pair = tuple[Question, Path]


def best_of(
    questions: Sequence[Question],
    paths: Mapping[str, Sequence[Path]],
    settings: EvalSettings,
    caller: Caller | None,
) -> dict[str, list[dict[str, Any]]]:
    """By question id, the vote of each question that has paths. `caller`: the judge; None: the oracle."""
    pairs = [(question, path) for question in questions for path in paths.get(question.id, ())]
    scores = dict(zip([path.id for _, path in pairs], _scores(pairs, settings, caller), strict=True))
    name = ORACLE if caller is None else f"{settings.best_of_judge}: {caller.model}"
    return {question.id: [_vote(paths[question.id], scores, name)] for question in questions if paths.get(question.id)}


def _scores(pairs: Sequence[Pair], settings: EvalSettings, caller: Caller | None) -> list[Score]:
    if caller is None:
        return [_by_oracle(*pair) for pair in pairs]
    if settings.best_of_judge == "summary":
        prompt = settings.asking.prompt("summary")
        format = held_to(prompt.label)
        requests = [
            Request(
                ask(prompt, question, path=path_text(path)),
                settings.answer_sampling,
                path.sample,
                format,
            )
            for question, path in pairs
        ]
        replies = caller.ask_all(requests)
        return [Score(VERDICTS[parse_summary(reply.text, reply.opened).verdict], reply.num_tokens) for reply in replies]
    return _by_engine(pairs, caller)


def _by_oracle(question: Question, path: Path) -> Score:
    if not question.scene or not path.steps:
        return Score(None, failure="" if question.scene else "not of the drawn world")
    return Score(judge(question.question, question.scene, path.steps).score)


def _by_engine(pairs: Sequence[Pair], caller: Caller) -> list[Score]:
    judged = [pair for pair in pairs if pair[1].steps]
    before = caller.num_tokens
    asked = caller.run([_first_wrong(caller, *pair) for pair in judged])
    share = round((caller.num_tokens - before) / len(judged)) if judged else 0
    by_id = {path.id: _of_step(path, reply, share) for (_, path), reply in zip(judged, asked, strict=True)}
    return [by_id.get(path.id, Score(None)) for _, path in pairs]


async def _first_wrong(caller: Caller, question: Question, path: Path) -> Asked[FirstWrong]:
    sampling = Sampling(max_new_tokens=1024)
    read = partial(read_first_wrong, num_steps=len(path.steps))
    return await ask_strictly(caller, steps_chat(question, path.steps), sampling, TRIES, read, STEPS)


def _of_step(path: Path, asked: Asked[FirstWrong], num_tokens: int) -> Score:
    if asked.value is None:
        return Score(None, num_tokens, asked.reason)
    right = len(path.steps) if asked.value.step is None else asked.value.step
    return Score(round(1 + 99 * right / len(path.steps)), num_tokens)


def _vote(paths: Sequence[Path], scores: Mapping[str, Score], judge_name: str) -> dict[str, Any]:
    best = max(paths, key=lambda path: (path.answer is not None, scores[path.id].score or 0))  # the first of equals
    failures = [scores[path.id].failure for path in paths if scores[path.id].failure]
    return {
        **NO_PATH,
        "vote": "" if best.answer is None else render_answer(best.answer),
        "path_id": best.id,
        "path_model": best.generator,
        "path_score": scores[best.id].score,
        "path_judge": judge_name,
        "judge_failure": failures[0] if failures else "",
        "path_tokens": sum(path.num_tokens + scores[path.id].num_tokens for path in paths),
        "num_paths": len(paths),
    }
