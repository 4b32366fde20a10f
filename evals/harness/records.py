"""lm-eval's samples -> EvalRecord rows: one reply of one system in one arm, and all that scoring it again needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from insightv_bench.answers import PARSER
from insightv_bench.journal import Reply
from insightv_bench.protocol import parse_summary
from insightv_bench.records import EvalRecord
from insightv_bench.results import NO_VERDICT

from .metrics import scored

DOC_COLUMNS = (
    "arm",
    "question_id",
    "kind",
    "question",
    "gold",
    "answer_type",
    "tolerance",
    "group",
    "path_id",
    "path",
    "path_correct",
    "path_status",
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
)


def eval_record(doc: Mapping[str, Any], response: str, reply: Reply, system: Mapping[str, Any]) -> EvalRecord:
    reading, right = scored(doc, response, reply.finish)
    judges = doc["arm"] not in NO_VERDICT and doc["path_status"] != "none"
    return EvalRecord(
        **{name: doc[name] for name in DOC_COLUMNS},
        **system,
        options=tuple(doc["options"]),
        response=response,
        answer=reading.answer,
        span=reading.span,
        method=reading.method,
        sure=reading.sure,
        reading=reading.kind(reply.finish),
        correct=right,
        verdict=parse_summary(response).verdict if judges else "none",
        num_prompt_tokens=reply.num_prompt_tokens,
        num_tokens=reply.num_tokens,
        # In arm `reason` the reply is the stored path itself.
        total_tokens=reply.num_tokens + (0 if doc["arm"] == "reason" else doc["path_tokens"]),
        finish=reply.finish,
        parser=PARSER,
        reasoning=reply.reasoning,
    )
