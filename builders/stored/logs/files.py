"""Which files of a place are logs, and of which tool."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from insightv_bench.errors import SourceError
from insightv_bench.settings import LogFile, LogFormat
from insightv_bench.stages import Dropped

from ...sources import jsonl_rows
from .every_eval import read_every_eval
from .inspect_ai import read_inspect
from .lm_eval import read_lm_eval
from .lmms_eval import read_lmms_eval
from .plain import read_plain
from .shared import Logged
from .vlmevalkit import ENDINGS, RESULTS, read_vlmevalkit

READERS: Mapping[LogFormat, Callable[[Path], Iterator[Logged | Dropped]]] = {
    "lm-eval": read_lm_eval,
    "lmms-eval": read_lmms_eval,
    "vlmevalkit": read_vlmevalkit,
    "inspect": read_inspect,
    "every-eval-ever": read_every_eval,
}
PATTERNS: Mapping[LogFormat, tuple[str, ...]] = {
    "lm-eval": ("samples_*.jsonl",),
    "lmms-eval": ("*_samples_*.jsonl",),
    "vlmevalkit": tuple(f"*{ending}" for ending in ENDINGS),
    "inspect": ("*.eval", "*.json"),
    "every-eval-ever": ("*_samples.jsonl",),
    "jsonl": ("*.jsonl", "*.jsonl.gz"),
    "auto": ("*.jsonl", "*.jsonl.gz", "*.eval", "*.json", "*.xlsx", "*.tsv"),
}
"""Of the logs in a folder."""
HEAD_BYTES = 4096
HINT = "name its tool with `format`, or its columns with `columns`"


def read_log(log: LogFile) -> Iterator[Logged | Dropped]:
    """Every reply of a file, or of all logs in a folder. Raises SourceError where there are none."""
    files = files_of(log)
    for file in files:
        for logged in _of_file(file, log):
            yield logged._replace(model=log.model) if isinstance(logged, Logged) and log.model else logged


def files_of(log: LogFile) -> list[Path]:
    place = Path(log.path)
    if place.is_file():
        return [place]
    found = sorted({file for pattern in PATTERNS[log.format] for file in place.rglob(pattern) if file.is_file()})
    if log.format == "auto":
        found = [file for file in found if format_of(file)]
    elif log.format == "vlmevalkit":
        found = [file for file in found if not _is_verdicts(file)]
    if not found:
        raise SourceError(f"no log at `{log.path}`", HINT if place.is_dir() else "name a file or a folder")
    return found


def _of_file(file: Path, log: LogFile) -> Iterator[Logged | Dropped]:
    if log.columns:
        return read_plain(file, log.columns)
    named = log.format if log.format != "auto" else format_of(file)
    if not named:
        raise SourceError(f"`{file}` is the log of no tool that is known", HINT)
    return READERS[named](file)


def format_of(file: Path) -> LogFormat | None:
    """By its ending and by what its first row holds; None for a file that is no log."""
    if file.suffix == ".eval":
        return "inspect"
    if file.suffix in (".xlsx", ".tsv"):
        return None if _is_verdicts(file) else "vlmevalkit"
    if file.suffix == ".json":
        return _of_json(file)
    row = next((row for row in jsonl_rows(file) if isinstance(row, dict)), {})
    if "doc" in row and "resps" in row:
        return "lm-eval"
    if "interaction_type" in row and "evaluation_id" in row:
        return "every-eval-ever"
    return "lmms-eval" if "filtered_resps" in row or ("resps" in row and "doc_id" in row) else None


def _of_json(file: Path) -> LogFormat | None:
    """Read from its beginning alone: a log may be large."""
    with file.open("rb") as handle:
        head = handle.read(HEAD_BYTES).decode("utf-8", "replace").lstrip("\ufeff \r\n\t")
    if head.startswith("["):
        return "vlmevalkit" if '"prediction"' in head and not _is_verdicts(file) else None
    return "inspect" if '"eval"' in head and '"status"' in head else None


def _is_verdicts(file: Path) -> bool:
    """A judge's table beside the replies, or scores over them."""
    return file.stem.endswith((RESULTS, "_acc", "_score")) or "_openai_result" in file.stem
