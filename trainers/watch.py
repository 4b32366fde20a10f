"""Sampled accuracy on validation questions while a model trains, measured as an evaluation measures it.

At a step that is watched the model is written to a folder and asked by the engine that evaluates it, through a journal,
with the run's seed: whoever samples that checkpoint again gets the same replies. The training's random numbers are put
back after it, so that a watched training leaves the weights of one that is not. What was measured stands in the
training's log, which a checkpoint keeps: after a kill the curve goes on where the training does.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from insightv_bench.agents import path_text
from insightv_bench.answers import matches, read
from insightv_bench.chat import ask
from insightv_bench.engines import Caller, open_engine
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.protocol import parse_summary
from insightv_bench.records import Path as ReasoningPath
from insightv_bench.records import Question
from insightv_bench.settings import HfEngine, PathsSettings, Sampling, WatchSettings
from insightv_bench.stages import MODEL
from insightv_bench.statistics import wilson
from insightv_bench.storage import read_questions, read_rows, write_text

from .job import Job
from .methods import Panel
from .models import save_processor
from .options import ADAPTER, merge_adapter

FOLDER = "watched"
"""Of what was written at each step: one file a step, among the checkpoints and in the end beside the model."""
ACCURACY, LOW, HIGH = "watch_accuracy", "watch_accuracy_low", "watch_accuracy_high"
PANEL = Panel("Right answers, validation", {ACCURACY: "sampled"})
TOKENS = 256


@dataclass(frozen=True)
class Watched:
    """One reply to one question."""

    question_id: str
    text: str
    answer: str | None
    correct: bool
    path_id: str = ""
    """The path that it was shown, where it is a summary agent's."""
    verdict: str | None = None


def watch_callback(job: Job[Any], processor: Any) -> list[Any]:
    """None or one, for transformers' `Trainer`."""
    watch = job.settings.watch
    if watch is None:
        return []
    from transformers import TrainerCallback

    class WatchCallback(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
            if state.global_step == 0:
                self.measure(state, model)

        def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
            if state.global_step % watch.every == 0 or state.global_step == state.max_steps:
                self.measure(state, model)
                if is_over(watch, state.log_history):
                    control.should_training_stop = True

        def measure(self, state: Any, model: Any) -> None:
            folder = checkpoint_of(job, state.global_step)
            with as_it_was():
                export(job, model, processor, folder)
                rows = asked(job, watch, folder)
            write_rows(job, state.global_step, rows)
            state.log_history.append({"step": state.global_step, **figures(rows)})
            keep_best(job, state.log_history)

    return [WatchCallback()]


def checkpoint_of(job: Job[Any], step: int) -> Path:
    """Called as the stage's own model is, so that an engine knows the two by one name."""
    return job.checkpoints / f"watched-{step}" / job.name / MODEL


@contextmanager
def as_it_was() -> Iterator[None]:
    """The training's random numbers go on as if nothing had been sampled between."""
    import numpy
    import torch

    ours, arrays = random.getstate(), numpy.random.get_state()
    with torch.random.fork_rng(), torch.no_grad():
        try:
            yield
        finally:
            random.setstate(ours)
            numpy.random.set_state(arrays)


def export(job: Job[Any], model: Any, processor: Any, folder: Path) -> None:
    """The model as it is now, whole: as a later stage would load it."""
    shutil.rmtree(folder, ignore_errors=True)
    if job.settings.lora is not None:
        model.save_pretrained(folder / ADAPTER)
        merge_adapter(job.start, folder / ADAPTER, folder)
    else:
        model.save_pretrained(folder)
    save_processor(processor, job.start, job.from_nothing, folder)


def asked(job: Job[Any], watch: WatchSettings, model: Path) -> list[Watched]:
    """The first questions in their order, each asked once."""
    assert job.watched_questions
    questions = list(islice(read_questions(job.watched_questions), watch.questions))
    engine = HfEngine(model=str(model), device=job.settings.device, batch_size=watch.batch_size, dtype=watch.dtype)
    journal = Journal(job.checkpoints / "watched.sqlite")
    with closing(journal), Caller(open_engine(engine), journal, seed=job.seed) as caller:
        if job.watched_paths is None:
            return _paths(caller, questions, watch.sampling or Sampling(max_new_tokens=TOKENS, temperature=1.0))
        paths = {path.question_id: path for path in read_rows(job.watched_paths, ReasoningPath)}
        shown = [paths[question.id] for question in questions]
        return _answers(caller, questions, shown, watch.sampling or Sampling(max_new_tokens=TOKENS))


def _paths(caller: Caller, questions: Sequence[Question], sampling: Sampling) -> list[Watched]:
    prompt = PathsSettings().asking.prompt("reason")
    replies = caller.ask_all([Request(ask(prompt, question), sampling, 0) for question in questions])
    return [_watched(question, reply) for question, reply in zip(questions, replies, strict=True)]


def _answers(
    caller: Caller, questions: Sequence[Question], paths: Sequence[ReasoningPath], sampling: Sampling
) -> list[Watched]:
    # An evaluation shows an empty path too, where a user's summary agent would be asked directly.
    chats = [ask("summary", question, path=path_text(path)) for question, path in zip(questions, paths, strict=True)]
    replies = caller.ask_all([Request(chat, sampling, 0, "verdict") for chat in chats])
    return [
        replace(_watched(question, reply), path_id=path.id, verdict=parse_summary(reply.text, reply.opened).verdict)
        for question, path, reply in zip(questions, paths, replies, strict=True)
    ]


def _watched(question: Question, reply: Reply) -> Watched:
    """Read as an evaluation reads a reply: the answer of a path that cannot be taken apart counts too."""
    kind, options = question.answer_type, question.options
    reading = read(reply.text, kind, options, finish=reply.finish, opened=reply.opened)
    return Watched(question.id, reply.text, reading.answer, is_right(question, reading.answer))


def is_right(question: Question, answer: str | None) -> bool:
    asked = (question.answer_type, question.options, question.tolerance)
    return answer is not None and matches(answer, question.answer, *asked)


def figures(rows: Sequence[Watched]) -> dict[str, float]:
    """For the log: the share of right answers with Wilson's 95 % interval, and of replies without an answer."""
    num = len(rows)
    share = sum(row.correct for row in rows) / num
    low, high = wilson(share, num)
    unread = sum(row.answer is None for row in rows) / num
    return {ACCURACY: share, LOW: low, HIGH: high, "watch_n": num, "watch_unread": unread}


def write_rows(job: Job[Any], step: int, rows: Sequence[Watched]) -> None:
    lines = [json.dumps(asdict(row), ensure_ascii=False) for row in rows]
    folder = job.checkpoints / FOLDER  # of a killed stage the checkpoints alone are kept
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / f"step-{step:06}.jsonl", "\n".join(lines) + "\n")


def keep_watched(job: Job[Any], history: Sequence[Mapping[str, Any]]) -> None:
    """Into the stage's folder: what was said at each step of the curve."""
    target = job.model.parent / FOLDER
    for step, _ in measured(history):
        target.mkdir(exist_ok=True)
        name = f"step-{step:06}.jsonl"
        shutil.copyfile(job.checkpoints / FOLDER / name, target / name)


def measured(history: Sequence[Mapping[str, Any]]) -> list[tuple[int, float]]:
    """Steps and accuracies, in the order of the steps."""
    return [(log["step"], log[ACCURACY]) for log in history if ACCURACY in log]


def best_of(history: Sequence[Mapping[str, Any]]) -> tuple[int, float]:
    """The first step of the highest accuracy."""
    return max(measured(history), key=lambda point: point[1])


def waited(history: Sequence[Mapping[str, Any]]) -> int:
    """How many measurements there were since the best."""
    steps = [step for step, _ in measured(history)]
    return len(steps) - 1 - steps.index(best_of(history)[0])


def is_over(watch: WatchSettings | None, history: Sequence[Mapping[str, Any]]) -> bool:
    """Whether patience is at its end."""
    return bool(watch and watch.patience and measured(history) and waited(history) >= watch.patience)


def watched_figures(job: Job[Any], history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """For the manifest: what was measured last, and where it was best; nothing of a training that is not watched."""
    logs = [log for log in history if ACCURACY in log]
    if job.settings.watch is None or not logs:
        return {}
    step, accuracy = best_of(history)
    last = {name.removeprefix("watch_"): logs[-1][name] for name in (ACCURACY, LOW, HIGH, "watch_n", "watch_unread")}
    kept = step if job.settings.watch.patience else logs[-1]["step"]
    return {"watch": {"last": last, "best_step": step, "best_accuracy": accuracy, "kept_step": kept}}


def keep_best(job: Job[Any], history: Sequence[Mapping[str, Any]]) -> None:
    """Kept beside the checkpoints are the weights that may be taken in the end, also where a kill leads back to one."""
    kept = set[Path]()
    if job.settings.watch and job.settings.watch.patience:
        saved = [int(folder.name.rpartition("-")[2]) for folder in job.checkpoints.glob("checkpoint-*")]
        for end in (*saved, history[-1]["step"]):
            known = [log for log in history if log["step"] <= end]
            kept |= {checkpoint_of(job, best_of(known)[0]).parents[1]} if measured(known) else set()
    for folder in job.checkpoints.glob("watched-*"):
        if folder not in kept:
            shutil.rmtree(folder)


def best_weights(job: Job[Any], history: Sequence[Mapping[str, Any]]) -> Path | None:
    """The folder of the weights that patience chose; None where it chooses none."""
    watch = job.settings.watch
    return checkpoint_of(job, best_of(history)[0]) if watch and watch.patience else None
