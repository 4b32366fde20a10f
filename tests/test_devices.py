"""One local model in several processes that a run begins: the replies of one, and what is told where one ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from training_stages import tiny_model

from insightv_bench.chat import ask
from insightv_bench.engines import Caller, open_engine
from insightv_bench.engines.hf import OnDevices
from insightv_bench.errors import EngineError
from insightv_bench.journal import Journal, Request
from insightv_bench.plan import plan
from insightv_bench.settings import HfEngine, Sampling, load_recipe
from insightv_bench.world import Level, sample_questions


def requests(num: int) -> Sequence[Request]:
    questions = sample_questions(Level(side=48), "train", seed=3, num=num)
    return [Request(ask("reason", question), Sampling(max_new_tokens=6, temperature=1.0), 0) for question in questions]


def settings(folder: Path, num: int) -> HfEngine:
    return HfEngine(model=str(folder), device="cpu", batch_size=2, num_processes=num)


@pytest.mark.slow
def test_two_processes_reply_as_one_does_and_one_that_ends_is_told(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "model")
    replies = []
    for num in (1, 2):
        with (
            closing(Journal(tmp_path / f"{num}.sqlite")) as journal,
            Caller(open_engine(settings(folder, num)), journal) as caller,
        ):
            replies.append([(reply.text, reply.finish) for reply in caller.ask_all(requests(7))])
            engine: Any = caller.engine
            if num == 2:
                assert isinstance(engine, OnDevices)
                (child, *_) = engine.pids()
                os.kill(child, signal.SIGKILL)
                with pytest.raises(EngineError, match="has ended"):
                    caller.ask_all(requests(9))
    assert replies[0] == replies[1] and len({text for text, _ in replies[0]}) > 1


def test_a_round_is_sampled_on_every_device_unless_said_otherwise() -> None:
    def engine(*overrides: str) -> Any:
        stages: dict[str, Any] = {stage.name: stage for stage in plan(load_recipe("tiny", list(overrides)))}
        return stages["paths-round-1"].settings.engine

    assert engine().num_processes == "auto" and engine("rounds.sample.num_processes=3").num_processes == 3
    assert engine().changes() == engine("rounds.sample.num_processes=3").changes()
