"""The teacher in the judge's seat: the oracle's verdicts over the same text protocol, with set error rates.

So a judge's whole way, prompt to parquet, can be tried without weights, and a calibration must find the errors that
were put in. Every slip comes from a seed made of the request, so the same request gets the same reply.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence

from insightv_bench.answers import matches
from insightv_bench.chat import Chat
from insightv_bench.judge_replies import ANSWER, EVERY_STEP, HIGHEST, LOWEST, SCORE, STEPS, Rating, render_ratings
from insightv_bench.protocol import parse_path
from insightv_bench.records import AnswerType, Step
from insightv_bench.settings import TeacherJudge
from insightv_bench.world import judge, rate

TASKS = (ANSWER, SCORE, STEPS, EVERY_STEP)
HEADING = re.compile(r"^Path \d+\n", re.MULTILINE)
MUMBLE = "I would rather not say."


def reply_as_judge(
    settings: TeacherJudge, task: str, slots: Mapping[str, str], scene: str, chat: Chat, seed: str
) -> str:
    """The reply to one of `TASKS`; `scene` is not needed for `judge_answer`."""
    random_ = random.Random(f"{seed}/judge")
    if random_.random() < settings.mute:
        return MUMBLE
    if random_.random() < settings.unreadable and len(chat.messages) == 1:
        return MUMBLE
    if task == ANSWER:
        return _verdict(settings, slots, random_)
    if task in (STEPS, EVERY_STEP):
        labels = _labels(settings, slots["question"], scene, _shown_steps(slots["path"]), random_)
        if task == STEPS:
            return json.dumps({"first_wrong_step": labels.index(False) if False in labels else None})
        sure = [90 if label else 10 for label in labels]
        return "\n".join(json.dumps({"step": place, "right": right}) for place, right in enumerate(sure))
    paths = [parse_path(text).steps for text in HEADING.split(slots["paths"])[1:]]
    return render_ratings([_rating(settings, slots, scene, steps, place) for place, steps in enumerate(paths)])


def _verdict(settings: TeacherJudge, slots: Mapping[str, str], random_: random.Random) -> str:
    gold, answer = json.loads(slots["gold"]), json.loads(slots["answer"])
    kind: AnswerType = "yes_no" if gold in ("yes", "no") else "number" if gold.isdigit() else "text"
    right = matches(answer, gold, kind)
    slip = random_.random() < settings.verdict_error
    return json.dumps({"verdict": "right" if right != slip else "wrong"})


def _rating(settings: TeacherJudge, slots: Mapping[str, str], scene: str, steps: Sequence[Step], place: int) -> Rating:
    """Exact but for the label slips, the noise and the place in the prompt; both passes slip alike on one path."""
    random_ = random.Random(f"{slots['question']}/{[step.reasoning for step in steps]}")
    detail = rate(slots["question"], scene, steps)[1]
    labels = _labels(settings, slots["question"], scene, steps, random_)
    accuracy = 1 + 99 * sum(labels) / len(labels) if labels else LOWEST
    shift = settings.position_bias * place
    noisy = (value + shift + random_.gauss(0, settings.score_sd) for value in (accuracy, detail))
    return Rating(*(min(HIGHEST, max(LOWEST, round(value))) for value in noisy))


def _labels(
    settings: TeacherJudge, question: str, scene: str, steps: Sequence[Step], random_: random.Random
) -> list[bool]:
    return [label != (random_.random() < settings.label_error) for label in judge(question, scene, steps).labels]


def _shown_steps(path: str) -> list[Step]:
    lines = [json.loads(line)["reasoning"] for line in path.splitlines()]
    steps = [Step(summary="", reasoning=line, action="continue") for line in lines]
    steps[-1:] = [step.model_copy(update={"action": "summary"}) for step in steps[-1:]]
    return steps
