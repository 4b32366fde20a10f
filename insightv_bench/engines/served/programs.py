"""The command line of each program that serves a model."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

from insightv_bench.errors import MissingExtra, RecipeError
from insightv_bench.settings import ServedEngine

HOST = "127.0.0.1"
INSTALL = {
    "vllm": "pip install vllm",
    "sglang": "pip install sglang",
    "transformers": "pip install 'transformers[serving]'",
}
NEEDS = {"vllm": ("vllm",), "sglang": ("sglang",), "transformers": ("transformers", "fastapi", "uvicorn", "openai")}
"""Packages of each, in this environment."""
COPIES = {"vllm": "--data-parallel-size", "sglang": "--dp-size"}
"""How many copies of the model share the requests, one a device."""
IN_SHARES = (
    *("--data-parallel-size", "-dp", "--dp-size", "--dp"),
    *("--tensor-parallel-size", "-tp", "--tp-size", "--tp"),
    *("--pipeline-parallel-size", "-pp", "--pp-size", "--pp"),
)
"""Arguments with which a recipe itself says how the devices are used."""
AS_ASKED = {"vllm": ("--generation-config", "vllm"), "sglang": ("--sampling-defaults", "openai")}
"""What a request leaves out is left out. By default both take it from the model's own generation config, where a
`top_k: 1` would make all samples of a question one (docs.vllm.ai, `vllm serve`; docs.sglang.io, sampling parameters).
How a turn ends is read from that config all the same."""
CONFIG = "--config"
"""A file of arguments, in which any of them may stand."""


def check_program(settings: ServedEngine) -> None:
    """Raises MissingExtra or RecipeError where the program is not there."""
    if settings.program:
        if not shutil.which(settings.program[0]):
            raise RecipeError(f"`program: {settings.program[0]}` is no command here", "name the program's file")
        return
    missing = [name for name in NEEDS[settings.serve] if importlib.util.find_spec(name) is None]
    if missing:
        fact = f"`serve: {settings.serve}` needs `{missing[0]}`, which is not installed here"
        raise MissingExtra(fact, f"{INSTALL[settings.serve]}; or name another environment's program in `program`")


def command(settings: ServedEngine, name: str, port: int) -> list[str]:
    """What serves the model of a folder or a Hub id. `name`: what requests call it (see `requested`)."""
    listens, model = ["--host", HOST, "--port", str(port)], settings.model
    dtype = [] if settings.dtype == "auto" else ["--dtype", settings.dtype]
    program = list(settings.program)
    if settings.serve == "transformers":
        return [*(program or [*_script("transformers"), "serve"]), model, *listens, *dtype, *settings.args]
    named = ["--served-model-name", name, *_copies(settings), *_as_asked(settings)]
    if settings.serve == "sglang":
        start = program or [sys.executable, "-m", "sglang.launch_server"]
        return [*start, "--model-path", model, *named, *listens, *dtype, *settings.args]
    return [*(program or [*_script("vllm"), "serve"]), model, *named, *listens, *dtype, *settings.args]


def requested(settings: ServedEngine, name: str) -> str:
    """What a request calls the model: `transformers serve` knows it by its place alone."""
    return settings.model if settings.serve == "transformers" else name


def _script(name: str) -> list[str]:
    """Beside this Python, or wherever it is found."""
    beside = Path(sys.executable).with_name(name)
    return [str(beside)] if beside.exists() else [name]


def _copies(settings: ServedEngine) -> list[str]:
    """One on every device, unless the recipe says otherwise."""
    if settings.program or _named(settings) & {*IN_SHARES, CONFIG}:
        return []
    num = num_devices()
    return [COPIES[settings.serve], str(num)] if num > 1 else []


def _as_asked(settings: ServedEngine) -> list[str]:
    """Nothing where the recipe says it itself."""
    words = AS_ASKED[settings.serve]
    return [] if words[0] in _named(settings) else list(words)


def _named(settings: ServedEngine) -> set[str]:
    """The names of the recipe's own arguments, with hyphens: vLLM takes underscores for them."""
    names = (arg.partition("=")[0] for arg in settings.args)
    return {name.replace("_", "-") for name in names if name.startswith("-")}


def num_devices() -> int:
    """CUDA devices that this process may use."""
    if importlib.util.find_spec("torch") is None:
        return 0
    import torch

    return torch.cuda.device_count()
