"""lmms-eval (0.7): `<date>_samples_<task>.jsonl`. No document is kept: a question is told by its prompt and number.

`resps` is there only where it differs from what was scored: it holds the thought.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from insightv_bench.stages import Dropped

from .shared import VERDICTS, Logged, Row, first_text, ids_in, lines_of, recorded, unlike, words_of

OWN = ("doc_id", "target", "input", "resps", "filtered_resps", "token_counts", "doc_hash", "input_media", "arguments")
"""Keys of its own; the others are metrics."""


def read_lmms_eval(file: Path) -> Iterator[Logged | Dropped]:
    for place, row in lines_of(file):
        if isinstance(row, Dropped):
            yield row
            continue
        if "filtered_resps" not in row and "resps" not in row:
            raise unlike(place, "lmms-eval", "filtered_resps")
        yield _logged(place, row, file.parent.name.replace("__", "/"))


def _logged(place: str, row: Row, model: str) -> Logged:
    metrics = {name: value for name, value in row.items() if name not in OWN}
    objects = [value for value in metrics.values() if isinstance(value, dict)]
    ids = [name for value in (metrics, *objects) for name in ids_in(value)]
    verdicts = [recorded(value, [*VERDICTS, *value]) for value in (*objects, metrics)]
    counts = row.get("token_counts")
    number = row.get("doc_id")
    return Logged(
        place,
        first_text(row.get("resps")) or first_text(row.get("filtered_resps")),
        ids=tuple(dict.fromkeys(ids)),
        number=number if isinstance(number, int) else None,
        text="\n".join(words_of(row.get("input"))),
        recorded_right=next((verdict for verdict in verdicts if verdict is not None), None),
        model=model,
        num_tokens=_tokens(counts),
    )


def _tokens(counts: object) -> int:
    first = counts[0] if isinstance(counts, list) and counts else counts
    if isinstance(first, dict):
        first = first.get("output_tokens", first.get("total_tokens"))
    return first if isinstance(first, int) else 0
