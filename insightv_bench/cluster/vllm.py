"""`hf` models by Ray Data LLM's vLLM processor (`ray.hf: vllm`), where vLLM is installed.

The processor takes requests, not questions, and starts vLLM each time it is set to work; so it is for stages that ask
everything at once: evaluations, paths in one call, judges. A path that is written step by step wants a server of vLLM
(`kind: openai`), whose prefix cache outlives a call. The processor gives no reason why a reply ended: one of
`max_new_tokens` tokens counts as cut off.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from typing import Any

from insightv_bench.chat import to_openai
from insightv_bench.engines import cleared_for_server
from insightv_bench.engines.hf import identity
from insightv_bench.engines.openai import encode
from insightv_bench.errors import MissingExtra, RecipeError
from insightv_bench.journal import Reply, Request
from insightv_bench.records import content_id
from insightv_bench.settings import HfEngine, PathsSettings
from insightv_bench.stages import Stage

from .blocks import Blocks
from .engine import Batch, shown
from .job import Job, questions_folder
from .remote import RemoteCoordinator, RemoteImages

REVISION = "+vllm"
"""Added to a model's: another program gives other replies."""
NOT_CARRIED = (
    *("enable_thinking", "thinking_budget", "chat_template_kwargs", "stop", "adapter", "device_map"),
    *("min_pixels", "max_pixels", "processor_kwargs", "attn_implementation"),
)
"""Options of a local model that are transformers' alone."""


class Named:
    """A model by name alone."""

    def __init__(self, settings: HfEngine) -> None:
        name, revision = identity(settings)
        self.name, self.revision = name, revision + REVISION
        self.system, self.suffix = settings.system, settings.suffix


def check(stage: Stage) -> None:
    """Raises MissingExtra where there is no vLLM, and RecipeError for what it is no use for."""
    if isinstance(stage.settings, PathsSettings) and stage.settings.mode == "stepwise":
        raise RecipeError(
            f"`ray.hf: vllm` would start vLLM once a step of `{stage.name}`",
            "serve the model and name it as `kind: openai`, or set the stage's `mode: one-call`",
        )
    engines = (engine for engine in stage.engines if isinstance(engine, HfEngine))
    for name in (name for engine in engines for name in engine.changes() if name in NOT_CARRIED):
        raise RecipeError(
            f"`ray.hf: vllm` knows no `{name}`, which `{stage.name}` asks with",
            "serve the model and name it as `kind: openai`, or leave it out: `profile: none` and its own options",
        )
    if importlib.util.find_spec("vllm") is None:
        raise MissingExtra("`vllm` is not installed; `ray.hf: vllm` needs it on every node", "pip install vllm")


class VllmBlocks(Blocks):
    """A request is a block."""

    def _dataset(self, numbers: list[int]) -> Any:
        from ray.data import llm

        config = llm.vLLMEngineProcessorConfig(**processor_options(self._job))
        far = RemoteCoordinator(self._coordinator)
        rows = self._ray.data.from_items([{"number": number} for number in numbers])
        return llm.build_processor(config, preprocess=Shown(self._job, far), postprocess=as_outcome)(rows)


def processor_options(job: Job) -> dict[str, Any]:
    """What `vLLMEngineProcessorConfig` is given."""
    engine, settings = job.engine, job.recipe.ray
    assert isinstance(engine, HfEngine)
    own = {"revision": engine.revision, "dtype": engine.dtype, "trust_remote_code": engine.trust_remote_code}
    return {
        "model_source": engine.model,
        "engine_kwargs": {**own, "enable_prefix_caching": True, "seed": job.seed, **settings.vllm},
        "concurrency": (settings.min_actors, settings.max_actors),
        "batch_size": settings.block_size,
        "prepare_multimodal_stage": True,
    }


class Shown:
    """A number -> its request, the images in it as data URLs: fetched when the row is due, and not kept."""

    def __init__(self, job: Job, coordinator: RemoteCoordinator) -> None:
        self._job, self._coordinator = job, coordinator

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        number = int(row["number"])
        self._coordinator.ask("begin", number)
        batch: Batch = self._coordinator.ask("work", number)
        folder = questions_folder(self._job)
        request = shown(batch.requests[0], RemoteImages(self._coordinator, folder) if folder else None)
        return {"number": number, **as_row(request, self._job.seed)}


def as_row(request: Request, seed: int) -> dict[str, Any]:
    urls = [encode(image).decode() for image in request.chat.images]
    sampling = request.sampling
    return {
        "max_new_tokens": sampling.max_new_tokens,
        "messages": to_openai(cleared_for_server(request.chat).chat, urls),
        "sampling_params": {
            "max_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "repetition_penalty": sampling.repetition_penalty,
            **({"top_k": sampling.top_k} if sampling.top_k else {}),
            **({"presence_penalty": sampling.presence_penalty} if sampling.presence_penalty else {}),
            "seed": int(content_id(seed, request.sample, length=7), 16),
        },
    }


def as_outcome(row: Mapping[str, Any]) -> dict[str, Any]:
    num_tokens = int(row["num_generated_tokens"])
    reply = Reply(
        text=str(row["generated_text"]),
        finish="length" if num_tokens >= int(row["max_new_tokens"]) else "stop",
        num_prompt_tokens=int(row["num_input_tokens"]),
        num_tokens=num_tokens,
        seconds=float(row.get("time_taken_llm", 0.0)),
    )
    return {"number": int(row["number"]), "outcome": json.dumps({"rows": [reply.model_dump_json()]})}
