"""Results as Every Eval Ever has them: an aggregate JSON and its samples, one pair a system and comparable set.

Fields after the schema 0.3.0 of the package `every-eval-ever` (evalevalai.com); the package itself is not needed. Each
figure has its interval under `score_details.uncertainty`. Paths are `data/<collection>/<developer>/<model>/<uuid4>`.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from insightv_bench import __version__, arms
from insightv_bench.statistics import CONFIDENCE
from insightv_bench.storage import write_text

from ..board import ARMS, MEANINGS, ArmRow, Board, ComparableSet, MeasureRow, counted

VERSION = "0.3.0"
COLLECTION = "insightv-bench"
UNSAFE = re.compile(r"[^\w.-]+")
RESERVED = {"data", "con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
ATTRIBUTION = {"turn_idx": 0, "source": "output.raw", "is_terminal": True}
WITHOUT_PATH = [arm for arm, spec in arms.ARMS.items() if spec.shows == "nothing"]


def write_every_eval(
    board: Board,
    sets: Sequence[tuple[ComparableSet, pl.DataFrame]],
    out: Path,
    developer: str,
    retrieved: float | None = None,
) -> list[Path]:
    """Write every pair under `out`, and return the aggregates. `developer` stands before names that are no Hub id."""
    moment = f"{time.time() if retrieved is None else retrieved:.0f}"
    return [
        _write(board, comparable, rows.filter(pl.col("label") == system), system, out, developer, moment)
        for comparable, rows in sets
        for system in comparable.systems
    ]


def _write(
    board: Board, comparable: ComparableSet, rows: pl.DataFrame, system: str, out: Path, developer: str, moment: str
) -> Path:
    is_hub_id = system.count("/") == 1 and all(system.split("/"))
    model = system if is_hub_id else f"{developer}/{system}"
    record = aggregate(board, comparable, system, model, moment)
    digest = hashlib.sha256("\x1f".join([comparable.name, system, model]).encode()).digest()
    same_again = str(uuid.UUID(bytes=digest[:16], version=4))  # for the same system and set
    place = Path("data", _safe(COLLECTION), *map(_safe, model.split("/", 1)), same_again)
    by_arm = {row["evaluation_name"]: row["evaluation_result_id"] for row in record["evaluation_results"]}
    lines = [
        json.dumps(
            _sample(row, record["evaluation_id"], model, task(comparable, row["arm"]), by_arm), ensure_ascii=False
        )
        for row in counted(rows).iter_rows(named=True)
    ]
    text = "\n".join(lines) + "\n"
    record["detailed_evaluation_results"] = {
        "format": "jsonl",
        "file_path": f"{place.as_posix()}_samples.jsonl",
        "hash_algorithm": "sha256",
        "checksum": hashlib.sha256(text.encode()).hexdigest(),
        "total_rows": len(lines),
    }
    file = out / place.with_name(f"{place.name}.json")
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file.with_name(f"{place.name}_samples.jsonl"), text)
    write_text(file, json.dumps(record, ensure_ascii=False, indent=1, allow_nan=False) + "\n")
    return file


def _safe(name: str) -> str:
    """A name of a folder on any system."""
    safe = UNSAFE.sub("-", name).strip("-. ") or "model"
    return f"{safe}-" if safe.split(".")[0].lower() in RESERVED else safe


def task(comparable: ComparableSet, arm: str) -> str:
    return f"{comparable.task}: {arm}"


def aggregate(board: Board, comparable: ComparableSet, system: str, model: str, moment: str) -> dict[str, Any]:
    """The aggregate record of one system in one comparable set."""
    arms = [row for row in board.arms if row.set == comparable.name and row.system == system]
    measures = [row for row in board.measures if row.set == comparable.name and row.system == system]
    results = [
        *(_accuracy(row, comparable) for row in arms),
        *(
            _result(
                f"{comparable.task}: {row.measure.replace('_', ' ')}",
                comparable,
                f"insightv-bench.{row.measure}",
                MEANINGS[row.measure],
                row,
                row.value,
                {},
            )
            for row in measures
        ),
    ]
    return {
        "schema_version": VERSION,
        "evaluation_id": f"{comparable.task}/{model}/{moment}",
        "retrieved_timestamp": moment,
        "source_metadata": {
            "source_name": board.title,
            "source_type": "evaluation_run",
            "source_organization_name": model.split("/")[0],
            "evaluator_relationship": "other",
        },
        "eval_library": {
            "name": "insightv-bench",
            "version": __version__,
            "additional_details": {"parser": comparable.parser, "task_version": comparable.task_version},
        },
        "model_info": _model(board, system, model),
        "evaluation_results": results,
    }


def _model(board: Board, system: str, model: str) -> dict[str, Any]:
    first = next(row for row in board.arms if row.system == system)
    models = [row for row in board.lineage if row.system == system and row.kind == "model"]
    details = {"deployment_type": "unknown", "model_availability": "unknown", "base": first.base}
    details |= {"dpo_round": str(first.round), "agents": "reasoning agent and summary agent"}
    return {
        "name": system,
        "id": model,
        "additional_details": {
            **details,
            **{f"stage {row.name}": row.fingerprint for row in models if row.fingerprint},
        },
    }


def _accuracy(row: ArmRow, comparable: ComparableSet) -> dict[str, Any]:
    details = {"arm": row.arm, "questions": str(row.num_questions), "unread": str(row.unread)}
    details |= {"malformed_paths": str(row.malformed), "failed": str(row.failed)}
    if row.rank_best is not None and row.rank_worst is not None:
        details |= {"rank_best": str(row.rank_best), "rank_worst": str(row.rank_worst)}
    result = _result(task(comparable, row.arm), comparable, "accuracy", ARMS[row.arm], row, row.accuracy, details)
    result["generation_config"] = {
        "generation_args": {
            "max_tokens": comparable.token_caps[row.arm],
            "reasoning": row.arm not in WITHOUT_PATH,
        },
        "additional_details": {"prompt": comparable.prompts[row.arm]},
    }
    return result


def _result(
    name: str,
    comparable: ComparableSet,
    metric: str,
    words: str,
    row: ArmRow | MeasureRow,
    value: float,
    details: dict[str, str],
) -> dict[str, Any]:
    method = "Wilson score interval of the effective number of replies, clustered by question"
    return {
        "evaluation_result_id": f"{comparable.task}/{name}/{metric}",
        "evaluation_name": name,
        "source_data": {
            "dataset_name": comparable.task,
            "source_type": "other",
            "additional_details": {"task_version": comparable.task_version, "questions": str(comparable.num_questions)},
        },
        "metric_config": {
            "evaluation_description": words,
            "metric_id": metric,
            "metric_name": metric.rpartition(".")[2].replace("_", " "),
            "metric_kind": "accuracy" if metric == "accuracy" else "rate",
            "metric_unit": "proportion",
            "lower_is_better": metric.endswith(("follow", "over_rejection", "order_effect")),
            "score_type": "continuous",
            "min_score": -1.0 if metric.endswith("excess_follow") else 0.0,
            "max_score": 1.0,
        },
        "score_details": {
            "score": value,
            "details": details,
            "uncertainty": {
                "confidence_interval": {
                    "lower": row.low,
                    "upper": row.high,
                    "confidence_level": CONFIDENCE,
                    "method": method,
                },
                "num_samples": row.n,
            },
        },
    }


def _sample(
    row: Mapping[str, Any], evaluation_id: str, model: str, name: str, result_ids: Mapping[str, str]
) -> dict[str, Any]:
    """One reply. `row`: an EvalRecord's columns. `result_ids`: name of an evaluation -> result that it counts in."""
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
        "answer_attribution": []
        if answer is None
        else [{**ATTRIBUTION, "extracted_value": answer, "extraction_method": row["method"]}],
        "evaluation": {"score": float(row["correct"]), "is_correct": row["correct"]},
        "token_usage": {
            "input_tokens": row["num_prompt_tokens"],
            "output_tokens": row["num_tokens"],
            "total_tokens": row["num_prompt_tokens"] + row["num_tokens"],
        },
        "error": "no reply came" if row["finish"] == "error" else None,
        "metadata": _metadata(row),
    }


def _metadata(row: Mapping[str, Any]) -> dict[str, str]:
    metadata = {"arm": row["arm"], "kind": row["kind"], "sample": str(row["sample"]), "finish": row["finish"]}
    if row["flaw"] != "none":
        metadata |= {"flaw": row["flaw"], "severity": f"{row['severity']:g}", "position": row["position"]}
        metadata |= {"planted_answer": row["planted_answer"] or ""}
    if row["verdict"] != "none":
        metadata["verdict"] = row["verdict"]
    return metadata
