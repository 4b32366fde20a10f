"""One reply as Every Eval Ever has it (schema 0.3.0, instance level)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

VERSION = "0.3.0"


def sample(
    row: Mapping[str, Any], evaluation_id: str, model: str, name: str, result_ids: Mapping[str, str]
) -> dict[str, Any]:
    """`row`: an EvalRecord's columns. `result_ids`: name of an evaluation -> the aggregate's result it counts in."""
    answer = row["answer"]
    return {
        "schema_version": VERSION,
        "evaluation_id": evaluation_id,
        "model_id": model,
        "evaluation_name": name,
        "evaluation_result_id": result_ids[name],
        "sample_id": row["question_id"],
        "sample_hash": hashlib.sha256((row["question"] + row["gold"]).encode("utf-8", "surrogatepass")).hexdigest(),
        "interaction_type": "single_turn",
        "input": {
            "raw": row["question"],
            "reference": [row["gold"]],
            "choices": list(row["options"]) or None,
        },
        "output": {"raw": [row["response"]], "reasoning_trace": [row["path"]] if row["path"] else None},
        "messages": None,
        "answer_attribution": [] if answer is None else [_attribution(answer, row["method"])],
        "evaluation": {"score": float(row["correct"]), "is_correct": row["correct"]},
        "token_usage": {
            "input_tokens": row["num_prompt_tokens"],
            "output_tokens": row["num_tokens"],
            "total_tokens": row["num_prompt_tokens"] + row["num_tokens"],
        },
        "error": "no reply came" if row["finish"] == "error" else None,
        "metadata": _metadata(row),
    }


def _attribution(answer: str, method: str) -> dict[str, Any]:
    return {
        "turn_idx": 0,
        "source": "output.raw",
        "extracted_value": answer,
        "extraction_method": method,
        "is_terminal": True,
    }


def _metadata(row: Mapping[str, Any]) -> dict[str, str]:
    told = {"arm": row["arm"], "kind": row["kind"], "sample": str(row["sample"]), "finish": row["finish"]}
    if row["flaw"] != "none":
        told |= {"flaw": row["flaw"], "severity": f"{row['severity']:g}", "position": row["position"]}
        told |= {"planted_answer": row["planted_answer"] or ""}
    if row["verdict"] != "none":
        told["verdict"] = row["verdict"]
    return told
