"""Trainings that are killed in mid-training and run again: with LoRA, and of several processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from training_stages import corpus, history, lessons, losses, pairs, placed

from insightv_bench.settings import TinyModel
from insightv_bench.trainers.launch import JOBS, LOCKS, announce
from insightv_bench.trainers.models import make_tiny
from insightv_bench.trainers.training import last_checkpoint, prepare
from insightv_bench.world import Level, sample_questions

MINUTES = 60  # seconds
TRAINING = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from training_stages import dpo_settings, sft_settings, train
inputs = {{name: Path(place) for name, place in {inputs!r}.items()}}
watched = {{role: Path(place) for role, place in {watched!r}.items()}}
settings = {settings}(trainer=dict(max_steps=12, save_strategy="steps", save_steps=2, **{trainer!r}), **{options!r})
train(Path({run!r}), {function!r}, settings, inputs, base={base!r}, watched=watched)
"""
FUNCTIONS = {"sft_settings": "sft", "dpo_settings": "dpo"}


class Training:
    """One training stage, in processes that can be killed."""

    def __init__(self, shared: Path, kind: str, trainer: dict[str, Any], **options: Any) -> None:
        names = ["train-base", "corpora-reasoning"]
        if kind == "dpo_settings":
            names = ["train-base", "corpora-preference-1", "train-base-again"]
        inputs = {name: str(shared / "stages" / f"{name.removesuffix('-again')}-0123456789ab") for name in names}
        self.parts = {
            "tests": str(Path(__file__).parent), "inputs": inputs, "settings": kind, "trainer": trainer,
            "options": options, "function": FUNCTIONS[kind], "base": str(shared / "tiny"), "watched": {},
        }  # fmt: skip

    def start(self, run: Path) -> subprocess.Popen[bytes]:
        run.mkdir(exist_ok=True)
        code = TRAINING.format(**self.parts, run=str(run))
        return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)

    def finish(self, run: Path) -> Path:
        """To its end; the stage's folder."""
        process = self.start(run)
        _, told = process.communicate(timeout=20 * MINUTES)
        assert process.returncode == 0, told.decode()[-2000:]
        return next(run.rglob("manifest.json")).parent

    def kill_after(self, run: Path, step: int) -> None:
        """SIGKILL to the run alone, as soon as this step's checkpoint is whole."""
        process, deadline = self.start(run), time.monotonic() + 20 * MINUTES
        while not list(run.glob(f"stages/*/checkpoints/checkpoint-{step}/whole")):  # rglob trips over folders that go
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert not list(run.rglob("manifest.json")) and not list(run.glob("stages/train-*/model/model.safetensors"))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    prepare(threads=1, seed=0)
    folder = tmp_path_factory.mktemp("shared")
    make_tiny(TinyModel(), folder / "tiny", seed=0)
    placed(folder / "tiny", folder)
    corpus(folder, "corpora-reasoning", lessons(24))
    corpus(folder, "corpora-preference-1", pairs(lessons(24)))
    corpus(folder, "questions-validation", list(sample_questions(Level(), "validation", 0, 10)))
    return folder


def same_end(training: Training, tmp_path: Path, *kills: int) -> tuple[Path, Path]:
    """Of a training that nothing disturbed and of one that was killed after these steps: losses and tokens seen are the
    same."""
    unbroken = training.finish(tmp_path / "unbroken")
    for step in kills:
        training.kill_after(tmp_path / "killed", step)
    resumed = training.finish(tmp_path / "killed")
    assert losses(resumed) == losses(unbroken) and len(losses(resumed)) == 12
    assert losses(resumed)[-1] != losses(resumed)[0]
    tokens = [[log.get("num_tokens") for log in history(folder) if "loss" in log] for folder in (unbroken, resumed)]
    assert tokens[0] == tokens[1] and tokens[0] == sorted(set(tokens[0]))
    return unbroken, resumed


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sft_settings", "dpo_settings"])
def test_a_killed_lora_training_ends_with_the_same_adapter(shared: Path, tmp_path: Path, kind: str) -> None:
    folders = same_end(Training(shared, kind, {}, lora={"r": 4, "lora_dropout": 0.1}), tmp_path, 4, 8)
    for file in ("adapter/adapter_model.safetensors", "model.safetensors"):
        assert (folders[0] / "model" / file).read_bytes() == (folders[1] / "model" / file).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("lora", [None, {"r": 4, "lora_dropout": 0.1}], ids=["all", "lora"])
def test_a_killed_training_that_is_watched_ends_with_the_same_curve(
    shared: Path, tmp_path: Path, lora: dict[str, Any] | None
) -> None:
    watch = {"every": 3, "questions": 10, "sampling": {"max_new_tokens": 8, "temperature": 1.0}, "patience": 9}
    training = Training(shared, "sft_settings", {}, watch=watch, lora=lora)
    training.parts["watched"] = {"watched-questions": str(shared / "stages" / "questions-validation-0123456789ab")}
    folders = same_end(training, tmp_path, 4, 8)
    names = [f"step-{step:06}.jsonl" for step in (0, 3, 6, 9, 12)]
    for folder in folders:
        assert sorted(file.name for file in (folder / "watched").iterdir()) == names
    for file in [*(f"watched/{name}" for name in names), "model/model.safetensors"]:
        assert (folders[0] / file).read_bytes() == (folders[1] / file).read_bytes()
    curves = [[log for log in history(folder) if "watch_accuracy" in log] for folder in folders]
    assert curves[0] == curves[1] and len(curves[0]) == len(names)


@pytest.mark.slow
@pytest.mark.parametrize("lora", [None, {"r": 4, "lora_dropout": 0.1}], ids=["all", "lora"])
def test_a_killed_training_of_two_processes_ends_with_the_same_weights(
    shared: Path, tmp_path: Path, lora: dict[str, Any] | None
) -> None:
    """The same command, at once: it waits until the processes of the killed run have ended. Killed in the midst of the
    second epoch too, whose rows come in an order of their own."""
    launch = {"config": "cpu", "num_processes": 2}
    training = Training(shared, "sft_settings", {"per_device_train_batch_size": 2}, launch=launch, lora=lora)
    folders = same_end(training, tmp_path, 6, 8)
    weights = [(folder / "model" / "model.safetensors").read_bytes() for folder in folders]
    assert weights[0] == weights[1]


HELD = """
import sys, time
from filelock import FileLock
FileLock(sys.argv[1]).acquire()
print("held", flush=True)
time.sleep(1.5)
"""


def test_a_launch_waits_for_the_processes_of_an_earlier_one_and_takes_their_job_away(tmp_path: Path) -> None:
    from training_stages import sft_settings

    from insightv_bench.trainers.job import Job

    job = Job("train-x", tmp_path, (), tmp_path / "model", tmp_path, sft_settings(), 0, 1, from_nothing=True)
    first = announce(job)
    lock = tmp_path / LOCKS.replace("*", "0")
    with subprocess.Popen([sys.executable, "-c", HELD, str(lock)], stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"held\n"
        second = announce(job)
        assert process.wait(timeout=10) == 0  # it had let go before the second launch went on
    assert list(tmp_path.glob(JOBS)) == [second] and first != second


def test_only_a_whole_checkpoint_is_gone_on_from_whoever_takes_the_others_away(tmp_path: Path) -> None:
    for step, whole in ((2, True), (10, False)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if whole:
            (tmp_path / f"checkpoint-{step}" / "whole").touch()
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-2"
    assert not (tmp_path / "checkpoint-10").exists()
