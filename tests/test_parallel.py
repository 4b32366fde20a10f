"""A local model in two processes: the same replies as in one, kept by the first process alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from insightv_bench.settings import TinyModel
from insightv_bench.storage import read_frame

pytest.importorskip("trl")
pytest.importorskip("accelerate")
ASK = """
import json, sys
from pathlib import Path
from insightv_bench.chat import ask
from insightv_bench.engines import Caller, open_engine
from insightv_bench.engines.hf import follow, is_first, num_processes, team
from insightv_bench.journal import Journal, Request
from insightv_bench.settings import HfEngine, Sampling
from insightv_bench.world.level import Level
from insightv_bench.world.questions import sample_questions

def main(model, journal):
    sampling = Sampling(max_new_tokens=12, temperature=1.0)
    requests = [Request(ask("reason", q), sampling) for q in sample_questions(Level(), "train", 0, 10)]
    kept = Journal(Path(journal))
    with Caller(open_engine(HfEngine(model=model, batch_size=4)), kept) as caller:
        print(json.dumps([caller.num_hits, [reply.text for reply in caller.ask_all(requests)], caller.num_hits]))

if num_processes() == 1:
    main(*sys.argv[1:])
elif is_first():
    with team():
        main(*sys.argv[1:])
else:
    follow()
"""
LAUNCH = ["accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1"]
LAUNCH += ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    from insightv_bench.trainers.models import make_tiny

    folder = tmp_path_factory.mktemp("tiny")
    make_tiny(TinyModel(), folder, seed=0)
    return str(folder)


def run(*words: str) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, env=environment, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def replies(*words: str) -> Any:
    return json.loads(run(*words).strip().splitlines()[-1])


@pytest.mark.slow
def test_two_processes_give_the_replies_of_one(tiny: str, tmp_path: Path) -> None:
    script = tmp_path / "ask.py"
    script.write_text(ASK, encoding="utf-8")
    alone = replies(str(script), tiny, str(tmp_path / "a.sqlite"))
    both = replies("-m", *LAUNCH, str(script), tiny, str(tmp_path / "b.sqlite"))
    assert both == alone and len(set(alone[1])) > 1
    again = replies("-m", *LAUNCH, str(script), tiny, str(tmp_path / "b.sqlite"))
    assert again == [0, alone[1], 10]  # all were kept


@pytest.mark.slow
def test_an_evaluation_in_two_processes_ends_as_in_one(tiny: str, tmp_path: Path) -> None:
    words = ["insightv_bench", "eval", "--model", tiny, "--tasks", "insightv_tiny", "--limit", "12"]
    words += ["--batch_size", "4", "--set", "eval.arms=[direct, reason, reason+summary]"]
    words += ["--set", "eval.path_sampling.max_new_tokens=12", "--set", "eval.answer_sampling.max_new_tokens=8"]
    run("-m", *words, "--out", str(tmp_path / "a"))
    run("-m", *LAUNCH, "-m", *words, "--out", str(tmp_path / "b"))
    one, two = (next((tmp_path / out).glob("*/stages/eval-*/manifest.json")).parent for out in "ab")
    assert read_frame(two).equals(read_frame(one))


@pytest.mark.slow
def test_what_one_process_raises_is_raised_in_the_first(tmp_path: Path) -> None:
    script = tmp_path / "ask.py"
    script.write_text(ASK, encoding="utf-8")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(AssertionError, match="cannot be loaded as an image-text model"):
        run("-m", *LAUNCH, str(script), str(tmp_path / "broken"), str(tmp_path / "c.sqlite"))
