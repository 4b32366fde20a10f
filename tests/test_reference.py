"""DPO with a reference computed once: the losses are TRL's own, one model is in memory, a kill changes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from datasets import Dataset
from training_stages import corpus, dpo_settings, history, lessons, losses, manifest, pairs, placed, sft_settings, train

from insightv_bench.errors import StageError
from insightv_bench.settings import TinyModel
from insightv_bench.trainers import dpo
from insightv_bench.trainers import train as one_training
from insightv_bench.trainers.models import make_tiny
from insightv_bench.trainers.training import prepare
from insightv_bench.trainers.trl import KeptLogps, missing_pairs
from insightv_bench.trainers.trl.callbacks import check_loss


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Path]]:
    """A run whose reasoning agent has moved from its base, and its pairs."""
    prepare(threads=1, seed=0)
    folder = tmp_path_factory.mktemp("reference")
    make_tiny(TinyModel(), folder / "tiny", seed=0)
    base = placed(folder / "tiny", folder)
    rows = corpus(folder, "corpora-reasoning", lessons(8))
    reason = train(folder, "sft", sft_settings(), {"train-base": base, "corpora-reasoning": rows})
    rounds = corpus(folder, "corpora-preference-1", pairs(lessons(12)))
    return folder, {"train-reason": reason, "corpora-preference-1": rounds, "train-base": base}


def trained(run: tuple[Path, dict[str, Path]], **settings: Any) -> Path:
    return train(run[0], "dpo", dpo_settings(**settings), run[1], "train-dpo-1")


@pytest.mark.slow
@pytest.mark.parametrize("reference", ["previous", "initial"])
def test_the_losses_are_those_of_a_reference_in_memory(run: tuple[Path, dict[str, Path]], reference: str) -> None:
    options: dict[str, Any] = {
        "reference": reference,
        "trainer": {"loss_type": ["sigmoid", "sft"], "loss_weights": [1, 0.5]},
    }
    ours = trained(run, cache_reference=True, **options)
    theirs = trained(run, cache_reference=False, **options)
    assert losses(ours) == pytest.approx(losses(theirs), abs=1e-5)
    for name in ("rewards/chosen", "rewards/margins", "logps/chosen", "kl"):
        one, other = ([log[name] for log in history(folder) if name in log] for folder in (ours, theirs))
        assert one == pytest.approx(other, abs=1e-3)
    assert manifest(ours)["totals"]["reference"] == reference
    card = (ours / "model" / "README.md").read_text(encoding="utf-8")
    assert f"Reference policy: `{reference}`" in card and "kept" in card


@pytest.mark.slow
def test_what_is_kept_is_not_computed_again(run: tuple[Path, dict[str, Path]], monkeypatch: Any) -> None:
    trained(run, cache_reference=True, trainer={"max_steps": 1})
    monkeypatch.setattr(dpo, "compute_reference", lambda *_: pytest.fail("loaded or computed again"))
    trained(run, cache_reference=True, trainer={"max_steps": 2, "beta": 0.5})


@pytest.mark.slow
def test_two_loads_are_enough_for_a_full_fine_tuning(run: tuple[Path, dict[str, Path]], monkeypatch: Any) -> None:
    """While it trains, no other model than the policy is alive."""
    import gc

    from transformers import PreTrainedModel

    alive: list[int] = []
    theirs = one_training.run_trainer

    def counting(trainer: Any, *rest: Any) -> Any:
        gc.collect()
        roots = [one for one in gc.get_objects() if isinstance(one, PreTrainedModel) and hasattr(one, "lm_head")]
        alive.append(len(roots))
        return theirs(trainer, *rest)

    monkeypatch.setattr(one_training, "run_trainer", counting)
    trained(run, cache_reference=True, trainer={"max_steps": 1, "learning_rate": 2e-4, "beta": 0.3})
    trained(run, cache_reference=False, trainer={"max_steps": 1, "learning_rate": 2e-4, "beta": 0.3})
    assert alive[1] == alive[0] + 1


def test_each_pair_is_computed_once_and_by_one_process() -> None:
    names = ["a", "b", "a", "c", "d"]
    shares = [missing_pairs(names, {"c": (0, 0)}, rank, 2) for rank in (0, 1)]
    assert sorted(shares[0] + shares[1]) == [0, 1, 4] and not set(shares[0]) & set(shares[1])


def test_shares_are_parts_of_what_was_missing_when_all_had_looked(
    run: tuple[Path, dict[str, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of two processes is ahead, and has written its share before this one comes to its own."""
    names, reference = ["a", "b", "c", "d", "e"], run[1]["train-base"] / "model"

    class Second:
        process_index, num_processes = 1, 2

        def wait_for_everyone(self) -> None:
            KeptLogps(tmp_path, reference).add([(names[place], 0.0, 0.0) for place in (0, 2, 4)])

    def computed(
        job: Any, corpus: Any, processor: Any, pairs: list[str], places: list[int], kept: KeptLogps, _: Any
    ) -> None:
        kept.add([(pairs[place], 1.0, 1.0) for place in places])

    monkeypatch.setattr("accelerate.PartialState", Second)
    monkeypatch.setattr(dpo, "pair_ids", lambda *_: names)
    monkeypatch.setattr(dpo, "compute_reference", computed)
    job: Any = SimpleNamespace(reference=reference, kept=tmp_path, settings=dpo_settings())
    made = dpo.with_reference(job, Dataset.from_dict({"n": [*range(5)]}), None, "")
    assert made["ref_chosen_logps"] == [0.0, 1.0, 0.0, 1.0, 0.0]


def test_half_a_file_of_log_probabilities_is_none(run: tuple[Path, dict[str, Path]], tmp_path: Path) -> None:
    kept = KeptLogps(tmp_path, run[1]["train-base"] / "model")
    assert kept.read() == {}
    kept.add([("a", -1.0, -2.0)])
    (kept.folder / ".other.partial").write_bytes(b"half")
    assert KeptLogps(tmp_path, run[1]["train-base"] / "model").read() == {"a": (-1.0, -2.0)}
    assert KeptLogps(tmp_path, run[1]["train-reason"] / "model").read() == {}


def test_a_round_that_runs_away_is_stopped_with_its_figures(run: tuple[Path, dict[str, Path]]) -> None:
    with pytest.raises(StageError, match=r"ran away: at step \d+ its chosen paths have .* under the reference") as told:
        trained(run, max_fall=0.02, trainer={"max_steps": 30, "learning_rate": 3e-3, "loss_type": "sigmoid"})
    assert "learning_rate" in told.value.hint
    dpo.check_fall("round", {"rewards/chosen": -0.5, "logps/chosen": -25.0, "rewards/margins": 1}, 1, 0.1, 1.0)
    with pytest.raises(StageError, match="its loss is nan at step 7"):
        check_loss("round", {"loss": float("nan")}, 7)


def test_equal_and_empty_pairs_are_left_out_and_counted(run: tuple[Path, dict[str, Path]], tmp_path: Path) -> None:
    rows = pairs(lessons(6))
    rows[1] = rows[1].model_copy(update={"rejected": rows[1].chosen})
    rows[2] = rows[2].model_copy(update={"rejected": (rows[2].rejected[0].model_copy(update={"content": " "}),)})
    inputs = {**run[1], "corpora-preference-1": corpus(tmp_path, "corpora-preference-1", rows)}
    folder = train(tmp_path, "dpo", dpo_settings(max_tokens=400), inputs, "train-dpo-1")
    assert manifest(folder)["dropped"] == {"chosen equals rejected": 1, "nothing to learn": 1}
    kept = pl.read_parquet(folder / "exclusions.parquet")
    assert set(kept["id"]) == {rows[1].id, rows[2].id}
    assert manifest(folder)["totals"]["num_rows"] == 4


KILLED = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from training_stages import dpo_settings, train
places = {places!r}
settings = dpo_settings(cache_reference=True, trainer=dict(max_steps=12, save_strategy="steps", save_steps=2))
inputs = {{name: Path(place) for name, place in places.items()}}
train(Path({run!r}), "dpo", settings, inputs, "train-dpo-1")
"""


@pytest.mark.slow
def test_a_round_that_is_killed_ends_with_the_same_weights(run: tuple[Path, dict[str, Path]], tmp_path: Path) -> None:
    def code(folder: Path) -> list[str]:
        folder.mkdir(exist_ok=True)
        places = {name: str(place) for name, place in run[1].items()}
        text = KILLED.format(tests=str(Path(__file__).parent), places=places, run=str(folder))
        return [sys.executable, "-c", text]

    subprocess.run(code(tmp_path / "a"), check=True, capture_output=True)
    process = subprocess.Popen(code(tmp_path / "b"), start_new_session=True, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not list((tmp_path / "b").rglob("checkpoint-4/whole")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not list((tmp_path / "b").rglob("manifest.json"))
    subprocess.run(code(tmp_path / "b"), check=True, capture_output=True)
    weights = [next((tmp_path / name).rglob("model/model.safetensors")).read_bytes() for name in "ab"]
    assert weights[0] == weights[1]
    one, other = (losses(next((tmp_path / name).rglob("training.jsonl")).parent) for name in "ab")
    assert one[-8:] == other[-8:]
