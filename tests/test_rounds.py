"""What a round trains on: balanced pairs, pooled pairs of the first agent, corpora from the Hub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import WRITER, Hub, commit_id, serving
from training_stages import lessons

from insightv_bench.builders.corpora.preference import most_of_a_kind
from insightv_bench.errors import RecipeError
from insightv_bench.plan import plan
from insightv_bench.records import ReasoningRow
from insightv_bench.settings import load_recipe
from insightv_bench.storage import write_shards


@pytest.mark.parametrize(
    "counts, share, most",
    [
        ([100, 100], 0.5, 100),
        ([100, 50], 0.5, 50),
        ([100, 10, 10, 10], 0.4, 20),
        ([100, 10], 0.3, 10),  # two kinds cannot each have less than a half
        ([7], 0.5, 7),
        ([100, 30, 30, 30, 10], 0.25, 33),
    ],
)
def test_the_most_that_a_kind_may_keep(counts: list[int], share: float, most: int) -> None:
    found = most_of_a_kind(counts, share)
    assert found == most
    more = [min(count, found + 1) for count in counts]
    assert found == max(counts) or max(more) > share * sum(more)


def test_pooled_pairs_are_all_of_the_agent_before_any_round() -> None:
    stages = {stage.name: stage for stage in plan(load_recipe("paper-ablations"))}
    pooled = stages["train-pooled-dpo"]
    assert pooled.inputs["model"] == pooled.inputs["initial"] == "train-reason"
    assert len(pooled.options.corpora) == 3 and set(pooled.inputs) == {"model", "initial", *pooled.options.corpora}
    for role in pooled.options.corpora:
        paths = stages[pooled.inputs[role]].inputs["paths"]
        assert stages[paths].inputs["model"] == "train-reason"
    assert "eval-pooled-dpo" in stages


def test_a_release_on_the_hub_is_named_with_its_revision() -> None:
    stages = {stage.name: stage for stage in plan(load_recipe("walk", ["given=org/corpora@v1"]))}
    for name in ("corpora-reasoning", "corpora-summary"):
        assert stages[name].kind == "pulled" and not stages[name].inputs
    with pytest.raises(RecipeError, match="holds no corpus") as told:
        plan(load_recipe("walk", ["given=org/corpora"]))
    assert "ORG/NAME@REVISION" in told.value.hint


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving() as started:
        yield started


def bench(hub: Hub, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    own = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(home / "hf"), "HF_TOKEN": WRITER}
    environment = {**{key: value for key, value in os.environ.items() if not key.startswith("HF_")}, **own}
    command = [sys.executable, "-m", "insightv_bench", *words]
    return subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, timeout=240, check=False)


@pytest.mark.slow
def test_a_corpus_is_pulled_from_the_hub_and_kept_at_its_commit(hub: Hub, tmp_path: Path) -> None:
    corpus = tmp_path / "mine" / "reasoning" / "train"
    corpus.mkdir(parents=True)
    write_shards(corpus, lessons(5), ReasoningRow)
    pushed = bench(hub, tmp_path, "push", "mine", "org/corpora")
    assert pushed.returncode == 0, pushed.stderr
    words = ["build", "corpora", "walk", "--set", f"given=org/corpora@{commit_id(1)}", "--stage"]
    built = bench(hub, tmp_path, *words, "corpora-reasoning")
    assert built.returncode == 0, built.stderr
    (folder,) = (tmp_path / "runs" / "walk-seed0" / "stages").glob("corpora-reasoning-*")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["num_rows"] == 5 and manifest["totals"]["content"] == f"org/corpora@{commit_id(1)}"
    lacking = bench(hub, tmp_path, *words, "corpora-summary")
    assert lacking.returncode == 1 and "`summary`" in lacking.stderr and "Traceback" not in lacking.stderr
