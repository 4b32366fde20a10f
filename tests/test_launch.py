"""Several processes for one training: what they say reaches the run whole, and each shipped config fits its models."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from gpu.families import FAMILIES
from gpu.random_models import make_config, make_tokenizer
from training_stages import corpus, lessons, placed, sft_settings, train

from insightv_bench.errors import StageError
from insightv_bench.settings import TinyModel, load_recipe, recipe_names
from insightv_bench.stages import as_message, read_message
from insightv_bench.stages.processes import WHOLE_BYTES
from insightv_bench.trainers import launch
from insightv_bench.trainers.machine import launch_config
from insightv_bench.trainers.models import make_tiny
from insightv_bench.trainers.trl import share_out_by_layers

CONFIGS = ["cpu", "fsdp", "multi-gpu", "zero3"]
TYPES = {"cpu": "MULTI_GPU", "fsdp": "FSDP", "multi-gpu": "MULTI_GPU", "zero3": "DEEPSPEED"}


@pytest.mark.parametrize("name", CONFIGS)
def test_accelerate_takes_a_shipped_config_as_it_is(name: str) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(launch_config(name)))
    assert config.distributed_type.value == TYPES[name]
    # Whatever a recipe's `bf16` says would else be overruled by the config, without a word.
    assert config.mixed_precision == "no"


def test_the_options_of_shares_are_ones_that_accelerate_knows() -> None:
    from accelerate.commands.config.config_args import load_config_from_file
    from accelerate.commands.launch import launch_command_parser

    known = {action.dest for action in launch_command_parser()._actions}
    shared, zero = (load_config_from_file(str(launch_config(name))) for name in ("fsdp", "zero3"))
    assert not [key for key in [*shared.fsdp_config, *zero.deepspeed_config] if key not in known]


def launches(recipe: Any) -> set[str]:
    parts = [recipe.reason, recipe.summary, *([recipe.rounds.dpo, recipe.rounds.rejection] if recipe.rounds else [])]
    return {part.launch.config for part in parts if part is not None and part.launch is not None}


def test_every_launch_that_a_recipe_names_is_shipped() -> None:
    named = {name: launches(load_recipe(name)) for name in recipe_names()}
    assert named["llava-next-llama3-8b"] == {"fsdp"}
    assert set().union(*named.values()) <= set(CONFIGS)


@pytest.mark.parametrize("name", list(FAMILIES))
def test_fsdp_shares_out_layers_that_a_family_has(name: str) -> None:
    """accelerate takes the classes that transformers names, and stops at one that is not there: LLaVA's is not."""
    import torch
    from accelerate.utils.dataclasses import FullyShardedDataParallelPlugin
    from transformers import AutoModelForImageTextToText

    family = FAMILIES[name]
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(make_config(family, make_tokenizer(family), small=True))
    share_out_by_layers(model)
    plugin = FullyShardedDataParallelPlugin(fsdp_version=2, auto_wrap_policy="transformer_based_wrap")
    plugin.set_auto_wrap_policy(model)
    shared = [module for module in model.modules() if type(module).__name__ in model._no_split_modules]
    layers = {id(weight) for module in shared for weight in module.parameters()}
    text = [weight for key, weight in model.named_parameters() if ".layers." in key and "vis" not in key]
    assert text and all(id(weight) in layers for weight in text)


# What the processes say


def test_an_error_is_told_in_fewer_bytes_than_a_pipe_takes_at_once() -> None:
    """Several processes write to one pipe: longer lines would be torn, and the run would not know what happened."""
    for error in (ValueError("ü" * 9000), StageError("fact " * 2000, "hint"), RuntimeError("short")):
        assert len(json.dumps({"failed": as_message(error)}).encode()) < WHOLE_BYTES + 90
    try:
        raise_deep(80)
    except ValueError as error:
        told = as_message(error)
    assert told["fact"] == "ValueError: at the bottom" and told["traceback"].rstrip().endswith("at the bottom")
    assert as_message(StageError("fact", "hint")) == {"kind": "StageError", "fact": "fact", "hint": "hint"}


def raise_deep(depth: int) -> None:
    if not depth:
        raise ValueError("at the bottom")
    raise_deep(depth - 1)


TELLING = """
import sys
from insightv_bench.stages import MessageWriter
print("a bar without an end", end="", flush=True)
MessageWriter(sys.stdout.fileno())(step=[int(sys.argv[1]), 9, "x" * 3000])
"""


@pytest.mark.slow
def test_messages_of_two_processes_are_lines_of_their_own(tmp_path: Path) -> None:
    source, target = os.pipe()
    processes = [
        subprocess.Popen([sys.executable, "-c", TELLING, str(number)], stdout=target, env=dict(os.environ))
        for number in range(2)
    ]
    os.close(target)
    with os.fdopen(source, encoding="utf-8") as stream:
        messages = [message for line in stream if (message := read_message(line))]
    assert all(process.wait() == 0 for process in processes)
    assert sorted(message["step"][0] for message in messages) == [0, 1]


ENDED = """
print("Loading the model")
print("RuntimeError: the reason")
print("E1126 torch/distributed/elastic/multiprocessing/api.py:1010] failed (exitcode: EXIT) local_rank: 0")
print("Traceback of the launcher\\n" * 40)
print("Signal 9 (SIGKILL) received" if KILLED else "")
raise SystemExit(1)
"""


@pytest.mark.parametrize("killed", [False, True])
def test_processes_that_end_without_a_word_are_told_by_their_last_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    """Not by torchrun's page about it; and one that the system killed had no memory left."""
    make_tiny(TinyModel(), tmp_path / "tiny", seed=0)
    code = ENDED.replace("KILLED", str(killed))
    monkeypatch.setattr(launch, "command", lambda *_: [sys.executable, "-c", code])
    inputs = {
        "train-base": placed(tmp_path / "tiny", tmp_path),
        "corpora-reasoning": corpus(tmp_path, "corpora-reasoning", lessons(4)),
    }
    settings = sft_settings(launch={"config": "cpu", "num_processes": 2})
    with pytest.raises(StageError) as told:
        train(tmp_path, "sft", settings, inputs)
    assert told.value.fact.endswith("ended with code 1: Loading the model | RuntimeError: the reason")
    assert ("per_device_train_batch_size" in told.value.hint) == killed
    assert not list(tmp_path.glob("stages/train-reason*/manifest.json"))
