"""An arm as an lm-eval task, and the drawn world's tasks for lm-eval's own command line.

lm-eval does the plumbing: documents, requests, metrics, result files. A document names its pictures by hash and our
model looks them up, so that no picture is decoded or copied on the way.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from insightv_bench.answers import PARSER, matches, read
from insightv_bench.chat import ask, question_text
from insightv_bench.records import DECODERS, Arm, Question
from insightv_bench.settings import Sampling
from insightv_bench.world.level import Level
from insightv_bench.world.questions import sample_questions

from .arms import exact_text

NUM_TEST = 500
SEED = 20260
"""The public test set's own seed; a fresh set takes another."""


def task_name(task: str, arm: Arm) -> str:
    return f"{task}_{arm.replace('+', '_').replace('-', '_')}"


def arm_task(task: str, version: str, arm: Arm, docs: Sequence[Mapping[str, Any]], sampling: Sampling) -> Any:
    """The arm over these documents, as an lm-eval task object."""
    import datasets
    from lm_eval.api.task import ConfigurableTask

    rows = datasets.Dataset.from_list([dict(doc) for doc in docs])
    config = {
        "task": task_name(task, arm),
        "custom_dataset": lambda **_: {"test": rows},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": context_with_markers,
        "doc_to_image": image_hashes,
        "doc_to_target": "{{gold}}",
        "process_results": score,
        "generation_kwargs": generation_kwargs(sampling),
        "metric_list": [
            {"metric": "acc", "aggregation": "mean", "higher_is_better": True},
            {"metric": "unread", "aggregation": "mean", "higher_is_better": False},
        ],
        "metadata": {"version": version, "prompt": docs[0]["prompt"], "parser": PARSER},
    }
    return ConfigurableTask(config=config)


def generation_kwargs(sampling: Sampling) -> dict[str, Any]:
    return {
        "until": [],
        "max_gen_toks": sampling.max_new_tokens,
        "do_sample": sampling.temperature > 0,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "repetition_penalty": sampling.repetition_penalty,
    }


def context_with_markers(doc: Mapping[str, Any]) -> str:
    """`<image>` once a picture, then the text, as lm-eval's multimodal models take it."""
    return "<image>" * len(doc["images"]) + doc["context"]


def image_hashes(doc: Mapping[str, Any]) -> list[str]:
    return list(doc["images"])


def score(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Accuracy, in which an unread reply is wrong, and the share of unread replies."""
    options = tuple(doc["options"])
    reading = read(results[0], doc["answer_type"], options)
    right = reading.answer is not None and matches(reading.answer, doc["gold"], doc["answer_type"], options)
    return {"acc": float(right), "unread": float(reading.answer is None)}


# The drawn world's fixed test set, for the YAML files in `tasks/`.


def tiny_question(**_: Any) -> dict[str, Any]:
    """The question alone: for `--model insightv` with an arm, which brings its own prompts."""
    return _tiny("")


def tiny_direct(**_: Any) -> dict[str, Any]:
    return _tiny("direct")


def tiny_reason(**_: Any) -> dict[str, Any]:
    return _tiny("reason")


def tiny_oracle(**_: Any) -> dict[str, Any]:
    return _tiny("summary")


def _tiny(prompt: str) -> dict[str, Any]:
    import datasets

    questions = sample_questions(Level(), "test", SEED, NUM_TEST)
    return {"test": datasets.Dataset.from_list([_public_doc(question, prompt) for question in questions])}


def _public_doc(question: Question, prompt: str) -> dict[str, Any]:
    slots = {"path": exact_text(question)} if prompt == "summary" else {}
    context = ask(prompt, question, **slots).messages[0].content if prompt else question_text(question)
    return {
        "question_id": question.id,
        "options": list(question.options),
        "gold": question.answer,
        "answer_type": question.answer_type,
        "images": list(question.image_sha256),
        "picture": question.images[0].bytes,
        "context": context,
    }


def pictures(doc: Mapping[str, Any]) -> list[Any]:
    """Decoded pictures, for lm-eval's own models."""
    from PIL import Image as Picture

    return [Picture.open(io.BytesIO(doc["picture"]), formats=DECODERS).convert("RGB")]
