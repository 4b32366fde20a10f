"""lm-eval (0.4): `samples_<task>_<date>.jsonl`, one line a document and filter, beside `results_<date>.json`.

Images are lost in it. With several filters the first line of a document is read, and the verdict is right where any
filter found it so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from insightv_bench.stages import Dropped

from .shared import VERDICTS, Logged, Row, first_text, ids_in, lines_of, listed, recorded, unlike, words_of

PLACEHOLDERS = ("[invalid]", "[deleted]")


def read_lm_eval(file: Path) -> Iterator[Logged | Dropped]:
    model = model_of(file)
    held: dict[tuple[int, int], Logged] = {}
    for place, row in lines_of(file):
        if isinstance(row, Dropped):
            yield row
            continue
        if "resps" not in row or "doc" not in row:
            raise unlike(place, "lm-eval", "doc" if "resps" in row else "resps")
        for number, reply in enumerate(_replies(row["resps"])):
            logged = _logged(place, row, reply, model)
            key = (int(row.get("doc_id", len(held))), number)
            before = held.get(key)
            if before is None:
                held[key] = logged
            elif logged.recorded_right and not before.recorded_right:
                held[key] = before._replace(recorded_right=True)
    yield from held.values()


def _replies(resps: Any) -> list[str]:
    """Of each request all repeats; a log-likelihood is no reply."""
    requests = resps if isinstance(resps, list) else []
    texts = [reply for request in requests for reply in (request if isinstance(request, list) else [request])]
    return [reply if isinstance(reply, str) else first_text(reply) for reply in texts]


def _logged(place: str, row: Row, reply: str, model: str) -> Logged:
    doc = row["doc"] if isinstance(row["doc"], dict) else {}
    prompt = row.get("arguments")
    shown = listed(doc.get("options")) or listed(doc.get("choices"))
    names = [name for name in row.get("metrics") or () if isinstance(name, str)]
    number = row.get("doc_id")
    return Logged(
        place,
        "" if reply in PLACEHOLDERS else reply,
        ids=ids_in(doc),
        number=number if isinstance(number, int) else None,
        text="\n".join([*words_of(doc), *words_of(prompt)]),
        options=shown,
        recorded_right=recorded(row, [*(name for name in VERDICTS if name in names), *names]),
        model=model,
    )


def model_of(file: Path) -> str:
    """As the results beside it say; else its folder's name, in which lm-eval writes `/` as `__`."""
    for results in sorted(file.parent.glob("results_*.json"), reverse=True):
        try:
            content = json.loads(results.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        name = content.get("model_name") if isinstance(content, dict) else None
        if isinstance(name, str) and name:
            return name
    return file.parent.name.replace("__", "/")
