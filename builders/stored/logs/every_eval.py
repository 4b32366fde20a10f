"""Every Eval Ever (0.3): `<uuid>_samples.jsonl`, of one turn or several."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from insightv_bench.sources import cell
from insightv_bench.stages import Dropped

from .shared import Logged, Row, first_text, ids_in, lines_of, listed, unlike, verdict_of, words_of


def read_every_eval(file: Path) -> Iterator[Logged | Dropped]:
    for place, row in lines_of(file):
        if isinstance(row, Dropped):
            yield row
            continue
        missing = next((name for name in ("sample_id", "input", "evaluation") if not row.get(name)), "")
        if missing:
            raise unlike(place, "Every Eval Ever", missing)
        yield _logged(place, row)


def _logged(place: str, row: Row) -> Logged:
    asked = _object(row["input"])
    output = _object(row.get("output"))
    last = _last_turn(row.get("messages"))
    usage = _object(row.get("token_usage"))
    tokens = usage.get("output_tokens")
    return Logged(
        place,
        first_text(output.get("raw")) or cell(last.get("content")),
        "\n".join(words_of(output.get("reasoning_trace") or last.get("reasoning_trace"))),
        ids=tuple(dict.fromkeys([cell(row["sample_id"]), *ids_in(_object(row.get("metadata")))])),
        text="\n".join(words_of([asked.get("raw"), asked.get("formatted"), asked.get("choices"), row.get("messages")])),
        options=listed(asked.get("choices")),
        recorded_right=verdict_of(_object(row["evaluation"]).get("is_correct")),
        model=cell(row.get("model_id")),
        num_tokens=tokens if isinstance(tokens, int) else 0,
    )


def _object(value: Any) -> Row:
    return value if isinstance(value, dict) else {}


def _last_turn(messages: Any) -> Row:
    turns = [turn for turn in messages or () if isinstance(turn, dict) and turn.get("role") == "assistant"]
    return turns[-1] if turns else {}
