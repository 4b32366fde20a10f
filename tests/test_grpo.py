"""GRPO of either seat: rewards by the evaluation's readers, loss and advantages by TRL, resumed to the same weights."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from training_stages import (
    corpus,
    grpo_settings,
    history,
    lessons,
    manifest,
    placed,
    prompts,
    reasoned,
    sft_settings,
    train,
)

from insightv_bench.agents import summary_chat
from insightv_bench.engines.hf import load_model, load_processor
from insightv_bench.errors import RecipeError
from insightv_bench.plan import plan
from insightv_bench.protocol import render_path, render_summary
from insightv_bench.records import ReasoningRow, SummaryRow
from insightv_bench.settings import GrpoSettings, HfEngine, load_recipe
from insightv_bench.stages import Stage
from insightv_bench.trainers.data import PROMPTS, ImagesInPlaces, load_corpus
from insightv_bench.trainers.grpo import steps_of_samples
from insightv_bench.trainers.options import make_options
from insightv_bench.trainers.rewards import (
    Sampled,
    reward_functions,
    right_answer,
    right_steps,
    right_verdict,
    whole_path,
)
from insightv_bench.trainers.training import load_for_training
from insightv_bench.trainers.trl import sampling_seed
from insightv_bench.world import Level, exact_path, program_of, sample_lessons, sample_questions

MINUTES = 60  # seconds
REWARDS: Any = {"answer": 1.0, "format": 0.2}


def short(num: int) -> list[ReasoningRow]:
    """Questions that are answered in a word."""
    return list(sample_lessons(Level(), 0, num, {"direct": 1.0}))


def given(run: Path, model: Path, rows: list[Any]) -> dict[str, Path]:
    stage = placed(model, run, "train-reason")
    return {"train-reason": stage, "corpora-prompts-1": corpus(run, "corpora-prompts-1", rows), "again": stage}


def grpo(run: Path, model: Path, rows: list[Any], seat: str = "reason", **settings: Any) -> Path:
    return train(run, "grpo", grpo_settings(**settings), given(run, model, rows), "train-grpo-1", seat=seat)


@pytest.fixture(scope="module")
def taught(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that answers in a word, and is right now and then."""
    trainer = {"max_steps": 60, "per_device_train_batch_size": 16}
    return reasoned(tmp_path_factory.mktemp("taught"), tiny, short(64), sft_settings(trainer=trainer)) / "model"


# What a sample earns


def test_a_path_earns_what_the_readers_and_the_oracle_say_of_it() -> None:
    question = next(iter(sample_questions(Level(), "train", 0, 1)))
    program, scene = program_of(question.question, question.scene)
    steps, answer = exact_path(program, scene.values)
    row = {**question.model_dump(), "path_correct": None}
    right = Sampled(render_path(steps, answer), "stop", False)
    assert [rule(right, row) for rule in (right_answer, whole_path, right_steps)] == [1.0, 1.0, 1.0]
    assert right_verdict(right, row) is None  # no path was shown
    spoilt = (steps[0].model_copy(update={"reasoning": steps[-1].reasoning}), *steps[1:])
    wrong = Sampled(render_path(spoilt, "none of these"), "stop", False)
    assert right_answer(wrong, row) == 0 and whole_path(wrong, row) == 1
    part = right_steps(wrong, row)
    assert part is not None and 0 < part < 1
    cut = Sampled(render_path(steps, answer)[:-12], "length", False)
    assert right_answer(cut, row) == whole_path(cut, row) == 0
    assert right_steps(right, {**row, "scene": ""}) is None


@pytest.mark.parametrize("is_right", [True, False])
def test_a_verdict_earns_on_right_and_on_flawed_paths(is_right: bool) -> None:
    row = {"answer": "4", "answer_type": "number", "options": [], "tolerance": 0.0, "path_correct": is_right}
    for verdict in ("right", "wrong", "none"):
        said = Sampled(render_summary("4", verdict), "stop", False)  # type: ignore[arg-type]
        assert right_verdict(said, row) == float(verdict == ("right" if is_right else "wrong"))
        assert right_answer(said, row) == 1.0
    assert right_answer(Sampled(render_summary("5", "right"), "stop", False), row) == 0.0


# A round


@pytest.mark.slow
def test_loss_advantages_and_weights_are_those_of_stock_trl_on_the_same_samples(taught: Path, tmp_path: Path) -> None:
    import transformers
    import trl

    trainer = {"beta": 0.1, "max_steps": 4, "num_iterations": 2, "steps_per_generation": 2, "learning_rate": 1e-3}
    folder = grpo(tmp_path, taught, prompts(short(16)), rewards=REWARDS, trainer=trainer)

    class Seeded(transformers.TrainerCallback):
        """TRL samples once a step; ours seeds each sampling by its step."""

        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            transformers.set_seed(sampling_seed(args.seed, 0, state.global_step, 0))

    settings = grpo_settings(trainer=trainer)
    arguments = make_options(
        trl.GRPOConfig, {**settings.trainer, "reward_weights": list(REWARDS.values())}, tmp_path / "stock", seed=0
    )
    model, processor = load_for_training(taught)
    columns = {"tolerance": 0.0, "scene": "", "path_correct": None}
    rows = load_corpus([next(tmp_path.glob("stages/corpora-prompts-1-*"))], PROMPTS, tmp_path / "cache", columns)
    stock = trl.GRPOTrainer(
        model=model, args=arguments, train_dataset=rows, processing_class=load_processor(str(taught)),
        reward_funcs=reward_functions(list(REWARDS), processor, [processor.tokenizer.eos_token_id]),
        callbacks=[Seeded()],
    )  # fmt: skip
    stock.data_collator = ImagesInPlaces(stock.data_collator)
    stock.train()
    told = ("loss", "grad_norm", "reward", "reward_std", "kl", "clip_ratio/region_mean", "completions/mean_length")
    ours = [{name: log.get(name) for name in told} for log in history(folder) if "loss" in log]
    theirs = [{name: log.get(name) for name in told} for log in stock.state.log_history if "loss" in log]
    assert ours == theirs and len(ours) == 4
    assert any((log["reward_std"] or 0) > 0 for log in ours) and any(log["loss"] for log in ours)
    kept = dict(load_model(HfEngine(model=str(folder / "model"), device="cpu"))[0].state_dict())
    assert all(bool((kept[name] == weight).all()) for name, weight in stock.model.state_dict().items())


@pytest.mark.slow
def test_a_round_of_the_summary_agent_is_rewarded_for_answer_and_verdict(tiny: Path, tmp_path: Path) -> None:
    rows = []
    for place, row in enumerate(lessons(6)):
        shared = {k: v for k, v in row.model_dump().items() if k not in ("completion", "score", "prompt")}
        rows.append(
            SummaryRow(
                **shared, prompt=summary_chat(row, "A path." if place else "").messages, completion=row.completion,
                kind="agent" if place else "plain", score_range="none", path_correct=bool(place % 2) if place else None,
            )
        )  # fmt: skip
    folder = grpo(tmp_path, tiny, rows, seat="summary", validation_share=0.3, trainer={"save_steps": 1})
    totals = manifest(folder)["totals"]
    assert totals["rewards"] == {"answer": 1.0, "verdict": 0.5} and "best_validation_reward" in totals
    logs = [log for log in history(folder) if "loss" in log]
    assert all({"rewards/answer/mean", "rewards/verdict/mean", "reward"} <= log.keys() for log in logs)
    assert "answer 1, verdict 0.5" in (folder / "model" / "README.md").read_text(encoding="utf-8")


KILLED = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from training_stages import grpo_settings, train
inputs = {{name: Path(place) for name, place in {inputs!r}.items()}}
settings = grpo_settings(rewards={rewards!r}, trainer={trainer!r}, **{options!r})
train(Path({run!r}), "grpo", settings, inputs, "train-grpo-1")
"""


@pytest.mark.slow
@pytest.mark.parametrize("lora", [None, {"r": 4}], ids=["all", "lora"])
def test_a_killed_round_ends_with_the_same_weights(taught: Path, tmp_path: Path, lora: dict[str, Any] | None) -> None:
    """Killed in the second epoch too, whose rows come in an order of their own."""
    trainer = {"max_steps": 12, "save_strategy": "steps", "save_steps": 2, "beta": 0.1}
    inputs = {name: str(place) for name, place in given(tmp_path, taught, prompts(short(10))).items()}

    def start(run: Path) -> subprocess.Popen[bytes]:
        run.mkdir(exist_ok=True)
        code = KILLED.format(tests=str(Path(__file__).parent), inputs=inputs, rewards=REWARDS, trainer=trainer,
                             options={"lora": lora}, run=str(run))  # fmt: skip
        return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)

    for step in (4, 8):
        process, deadline = start(tmp_path / "killed"), time.monotonic() + 20 * MINUTES
        while not list((tmp_path / "killed").glob(f"stages/*/checkpoints/checkpoint-{step}/whole")):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    ends = []
    for run in (tmp_path / "killed", tmp_path / "unbroken"):
        process = start(run)
        _, told = process.communicate(timeout=20 * MINUTES)
        assert process.returncode == 0, told.decode()[-2000:]
        ends.append(next(run.rglob("manifest.json")).parent)
    logs = [[log["loss"] for log in history(folder) if "loss" in log] for folder in ends]
    assert logs[0] == logs[1] and len(logs[0]) == 12 and any(logs[0])
    weights = [(folder / "model" / "model.safetensors").read_bytes() for folder in ends]
    assert weights[0] == weights[1]


# What a recipe may say


@pytest.mark.parametrize(
    ("trainer", "steps"),
    [({}, 1), ({"num_iterations": 2}, 2), ({"gradient_accumulation_steps": 4}, 1), ({"steps_per_generation": 3}, 3),
     ({"generation_batch_size": 32, "per_device_train_batch_size": 8, "gradient_accumulation_steps": 2}, 2)],
)  # fmt: skip
def test_how_many_steps_use_the_samples_that_were_drawn_at_once(trainer: dict[str, Any], steps: int) -> None:
    assert steps_of_samples(trainer) == steps


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"trainer": {"reward_weights": [1.0]}}, "is set by `rewards`"),
        ({"trainer": {"num_iterations": 3, "save_steps": 100}}, "a checkpoint every 100 would fall between"),
        ({"trainer": {"beta": 0.1}, "lora": {}, "reference": "initial"}, "with its adapter off"),
        ({"trainer": {"num_generations": 1}}, "at least 2 generations per prompt"),
        ({"trainer": {"num_generation": 4}}, "did you mean `num_generations`"),
    ],
)
def test_what_cannot_be_trained_so_is_said_before_a_model_is_loaded(settings: dict[str, Any], said: str) -> None:
    from insightv_bench.trainers.options.trl import check_stages

    with pytest.raises(RecipeError, match=said):
        check_stages([Stage("train-grpo-1", "grpo", GrpoSettings(**settings))])


def test_rounds_of_each_kind_go_on_from_their_own_last_model() -> None:
    for kind in ("dpo", "grpo", "rejection"):
        recipe = load_recipe("method", [f"rounds.kind={kind}", "controls=[]"])
        stages = {stage.name: stage for stage in plan(recipe)}
        assert stages[f"train-{kind}-1"].inputs["model"] == "train-reason"
        assert stages[f"train-{kind}-2"].inputs["model"] == f"train-{kind}-1"
        assert f"eval-{kind}-2" in stages and stages[f"eval-{kind}-2"].options.role == "round"
        others = {"dpo", "grpo", "rejection"} - {kind}
        assert not [name for name in stages if name.startswith(tuple(f"train-{other}" for other in others))]
    assert stages["train-rejection-2"].inputs["chosen"] == "corpora-chosen-2"


def test_both_seats_may_be_trained_by_grpo() -> None:
    changes = ["rounds.kind=grpo", "controls=[]", "rounds.summary={trainer: {max_steps: 5}}"]
    stages = {stage.name: stage for stage in plan(load_recipe("method", changes))}
    assert stages["train-grpo-summary-1"].inputs == {
        "model": "train-summary", "summary": "corpora-summary", "initial": "train-summary"
    }  # fmt: skip
    assert stages["train-grpo-summary-2"].inputs["model"] == "train-grpo-summary-1"
    assert stages["eval-grpo-2"].inputs["summary"] == "train-grpo-summary-2"
    assert stages["eval-sft"].inputs["summary"] == "train-summary"


def test_rounds_that_sample_while_they_train_need_no_paths() -> None:
    stages = plan(load_recipe("method", ["rounds.kind=grpo", "rounds.paths=null", "controls=[]"]))
    assert "train-grpo-1" in {stage.name for stage in stages}
    with pytest.raises(RecipeError, match="`rounds.paths` is missing: rounds of `kind: rejection`"):
        load_recipe("method", ["rounds.kind=rejection", "rounds.paths=null", "controls=[]"])


def test_grpo_as_a_control_has_the_compute_of_the_dpo_round() -> None:
    stages = {stage.name: stage for stage in plan(load_recipe("grpo"))}
    control, dpo = stages["train-grpo-1"], stages["train-dpo-1"]
    assert control.options.equal_compute == {"pairs": dpo.settings.trainer}  # type: ignore[attr-defined]
    assert control.inputs["pairs"] == dpo.inputs["pairs"] and control.inputs["paths"] == "paths-round-1"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["rounds.kind=grpo", "controls=[rejection-sampling]"], "stands beside DPO rounds, and `rounds.kind` is grpo"),
        (["rounds.summary={}"], "is trained beside rounds of `kind: grpo`, and these are `dpo`"),
        (["rounds.kind=grpo", "controls=[]", "rounds.summary={}", "summary=null"], "`rounds.summary` needs `summary`"),
    ],
)
def test_rounds_that_do_not_go_together_are_said(changes: list[str], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        load_recipe("method", changes)
