"""An arm as an lm-eval task, and its samples as our records.

lm-eval does the plumbing: documents, requests, metrics, result files. A document names its images by hash and our
model looks them up, so that no image is decoded or copied on the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from insightv_bench.answers import PARSER, parser_label
from insightv_bench.arms import ARMS, Arm
from insightv_bench.journal import Reply
from insightv_bench.protocol import cut_in, parse_summary, parse_verdicts
from insightv_bench.records import EvalRecord
from insightv_bench.settings import Sampling

from .metrics import Said, metric_list, scored, scores_of

DOC_COLUMNS = (
    "arm",
    "question_id",
    "kind",
    "question",
    "gold",
    "answer_type",
    "tolerance",
    "group",
    "image",
    "path_id",
    "path",
    "path_correct",
    "path_status",
    "path_dialect",
    "flaw",
    "severity",
    "position",
    "propagated",
    "planted_answer",
    "sample",
    "token_cap",
    "prompt",
    "path_model",
    "maker",
    "made_from",
    "num_paths",
    "path_score",
    "path_judge",
    "judge_failure",
    "share",
    "logprob",
    "certainty",
    "shown",
    "shown_right",
)


def task_name(task: str, arm: Arm) -> str:
    return f"{task}_{arm.replace('+', '_').replace('-', '_')}"


def arm_task(task: str, version: str, arm: Arm, docs: Sequence[Mapping[str, Any]], sampling: Sampling) -> Any:
    """The arm over these documents, as an lm-eval task object."""
    import datasets
    from lm_eval.api.task import ConfigurableTask

    scores = scores_of(task)
    rows = datasets.Dataset.from_list([dict(doc) for doc in docs])
    config = {
        "task": task_name(task, arm),
        "custom_dataset": lambda **_: {"test": rows},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": context_with_markers,
        "doc_to_image": image_hashes,
        "doc_to_target": "gold",
        "process_results": scores.process,
        "generation_kwargs": generation_kwargs(sampling),
        "metric_list": metric_list(scores),
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
    """`<image>` once an image, then the text, as lm-eval's multimodal models take it."""
    return "<image>" * len(doc["images"]) + doc["context"]


def image_hashes(doc: Mapping[str, Any]) -> list[str]:
    return list(doc["images"])


def eval_record(doc: Mapping[str, Any], reply: Reply, system: Mapping[str, Any], strict: bool = False) -> EvalRecord:
    """One reply of one system in one arm, and all that scoring it again needs; `strict`: a likely answer is wrong."""
    reading, kind, right = scored(doc, Said.of(reply, strict))
    judges = ARMS[doc["arm"]].verdict != "none" and doc["path_status"] != "none"
    return EvalRecord(
        **{name: doc[name] for name in DOC_COLUMNS},
        **system,
        options=tuple(doc["options"]),
        response=reply.text,
        answer=reading.answer,
        span=reading.span,
        method=reading.method,
        sure=reading.sure,
        reading=kind,
        correct=right,
        verdict=parse_summary(reply.text, reply.opened).verdict if judges else "none",
        verdicts=parse_verdicts(reply.text, len(doc["shown"]), reply.opened),
        num_prompt_tokens=reply.num_prompt_tokens,
        num_tokens=reply.num_tokens,
        # In arm `reason` the reply is the stored path itself.
        total_tokens=reply.num_tokens + (0 if doc["arm"] == "reason" else doc["path_tokens"]),
        finish=reply.finish,
        parser=parser_label(strict),
        reasoning=reply.reasoning,
        cut_in=cut_in(reply.text, reply.finish, reply.opened),
        opened=reply.opened,
        error=reply.error,
    )
