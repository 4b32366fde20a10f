"""A training watched in trackio's local store: loss and rewards arrive there, and nothing is sent anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from training_stages import corpus, dpo_settings, history, lessons, pairs, placed, sft_settings

from insightv_bench.errors import MissingExtra, RecipeError
from insightv_bench.settings import TinyModel
from insightv_bench.stages import Stage
from insightv_bench.trainers.models import make_tiny
from insightv_bench.trainers.options import trl as options
from insightv_bench.trainers.options.trl import PROJECT, check_stages
from insightv_bench.trainers.training import prepare

WATCHED = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from training_stages import dpo_settings, sft_settings, train
run, trainer = Path({run!r}), dict(report_to="trackio")
inputs = {{name: run / "stages" / f"{{name}}-0123456789ab" for name in ("train-base", "corpora-reasoning")}}
train(run, "sft", sft_settings(trainer=trainer), inputs)
inputs = {{name: run / "stages" / f"{{name}}-0123456789ab" for name in ("train-base", "corpora-preference-1")}}
inputs["train-first"] = inputs["train-base"]
train(run, "dpo", dpo_settings(trainer=trainer), inputs, "train-dpo-1")
"""


ASKED = """
import contextlib, json, sys
from trackio.cli import main
for words in json.loads(sys.argv[1]):
    sys.argv = ["trackio", *words, "--json"]
    with contextlib.suppress(SystemExit):
        main()
    print("END")
"""


def asked(questions: list[list[str]], environment: dict[str, str]) -> list[Any]:
    """What trackio's own command line says of its store."""
    command = [sys.executable, "-c", ASKED, json.dumps(questions)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(reply) for reply in done.stdout.split("END")[:-1]]


@pytest.mark.slow
def test_loss_and_rewards_arrive_in_the_local_store(tmp_path: Path) -> None:
    pytest.importorskip("trackio")
    prepare(threads=1, seed=0)
    run = tmp_path / "walk-seed0"
    make_tiny(TinyModel(), tmp_path / "tiny", seed=0)
    placed(tmp_path / "tiny", run)
    corpus(run, "corpora-reasoning", lessons(8))
    corpus(run, "corpora-preference-1", pairs(lessons(8)))
    nowhere = {"HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "hf")}
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("TRACKIO", "HF_"))}
    environment = {**kept, **nowhere, "TRACKIO_DIR": str(tmp_path / "trackio")}
    code = WATCHED.format(tests=str(Path(__file__).parent), run=str(run))
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]

    logged = {
        "train-reason": (sft_settings, ["loss", "mean_token_accuracy"]),
        "train-dpo-1": (dpo_settings, ["loss", "rewards/chosen", "rewards/margins", "kl"]),
    }
    questions, expected = [["list", "runs", "--project", PROJECT]], []
    for stage, (settings, names) in logged.items():
        folder = run / "stages" / f"{stage}-{settings(trainer={'report_to': 'trackio'}).fingerprint()}"
        name = f"walk-seed0-{folder.name}"
        for metric in names:
            questions.append(["get", "metric", "--project", PROJECT, "--run", name, "--metric", f"train/{metric}"])
            expected.append((name, [log[metric] for log in history(folder) if metric in log]))
    runs, *replies = asked(questions, environment)
    for (name, values), reply in zip(expected, replies, strict=True):
        assert name in str(runs["runs"])
        assert [point["value"] for point in reply["values"]] == pytest.approx(values) and len(values) == 3


def test_a_tracker_that_is_not_installed_is_named_with_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(name: str) -> None:
        check_stages([Stage("train-reason", "sft", sft_settings(trainer={"report_to": name}))])

    def missing(module: str, extra: str, purpose: str) -> Any:
        if module == "trackio":
            raise MissingExtra(f"`{module}` is not installed; {purpose} needs it", f"'insightv-bench[{extra}]'")
        return require(module, extra, purpose)

    require = options.require
    monkeypatch.setattr(options, "require", missing)
    with pytest.raises(
        MissingExtra, match=r"`trackio` is not installed; `trainer.report_to: trackio` needs it"
    ) as told:
        check("trackio")
    assert "insightv-bench[trackio]" in told.value.hint
    with pytest.raises(RecipeError, match="`trainer.report_to: wundb` names a tracker that is not installed"):
        check("wundb")
    check("none")
