"""inspect (log version 2): `.json`, and `.eval`, a zip with one file a sample.

A text may stand among a sample's `attachments`, under the hash that is written in its place. Newer archives are packed
with zstd, which the standard library reads from Python 3.14 on: the bytes of an entry are unpacked with pyarrow.
"""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from insightv_bench.errors import SourceError
from insightv_bench.sources import cell
from insightv_bench.stages import Dropped
from insightv_bench.storage import first_line

from .shared import MAX_BYTES, Logged, Row, ids_in, listed, unlike, verdict_of, words_of

ATTACHMENT = "attachment://"
ZSTD = 93
"""A zip's number for it."""
MAX_SAMPLES = 1_000_000
MAX_SAMPLE_BYTES = 256 * 1024 * 1024
LOCAL = struct.Struct("<4s5H3I2H")
"""The header before an entry's bytes."""


def read_inspect(file: Path) -> Iterator[Logged | Dropped]:
    """Raises SourceError where it is no log of inspect."""
    try:
        if file.suffix == ".eval":
            yield from _archive(file)
        else:
            yield from _whole(file)
    except (OSError, ValueError, RecursionError, zipfile.BadZipFile, struct.error) as error:
        raise SourceError(f"`{file}` cannot be read as a log of inspect: {first_line(error)}") from error


def _whole(file: Path) -> Iterator[Logged]:
    if file.stat().st_size > MAX_BYTES:
        raise SourceError(f"`{file}` is larger than {MAX_BYTES:,} bytes", "write it as `.eval`: inspect log convert")
    log = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(log, dict) or "eval" not in log:
        raise unlike(f"`{file.name}`", "inspect", "eval")
    for number, sample in enumerate(log.get("samples") or (), 1):
        yield logged(f"{file.name}, sample {number}", sample, _model(log))


def _archive(file: Path) -> Iterator[Logged]:
    with zipfile.ZipFile(file) as archive:
        names = {entry.filename: entry for entry in archive.infolist()}
        start = names.get("header.json") or names.get(
            "_journal/start.json"
        )  # a log that was not finished has no header
        if start is None:
            raise unlike(f"`{file.name}`", "inspect", "header.json")
        model = _model(json.loads(content(archive, start)))
        samples = [name for name in names if _is_sample(name)]
        if len(samples) > MAX_SAMPLES:
            raise SourceError(f"`{file}` holds more than {MAX_SAMPLES:,} samples")
        for name in samples:
            sample = json.loads(content(archive, names[name]))
            if name.endswith("/sample.json"):
                beside = f"{name.removesuffix('sample.json')}attachments/"
                sample["attachments"] = {
                    Path(other).stem: content(archive, names[other]).decode("utf-8", "replace")
                    for other in names
                    if other.startswith(beside) and not other.endswith("/")
                } | (sample.get("attachments") or {})
            yield logged(f"{file.name}, {name}", sample, model)


def _is_sample(name: str) -> bool:
    parts = name.split("/")
    return parts[0] == "samples" and (
        (len(parts) == 2 and name.endswith(".json")) or (len(parts) == 3 and parts[2] == "sample.json")
    )


def content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """An entry's bytes, at most `MAX_SAMPLE_BYTES` of them."""
    if entry.compress_type != ZSTD:
        with archive.open(entry) as opened:
            return _bounded(opened.read(MAX_SAMPLE_BYTES + 1), entry)
    import pyarrow as pa

    handle = archive.fp
    assert handle is not None
    handle.seek(entry.header_offset)
    header = LOCAL.unpack(handle.read(LOCAL.size))
    handle.seek(header[-2] + header[-1], 1)  # the name and the extra field
    packed = handle.read(entry.compress_size)
    try:
        with pa.CompressedInputStream(pa.BufferReader(packed), "zstd") as opened:
            return _bounded(opened.read(MAX_SAMPLE_BYTES + 1), entry)
    except pa.ArrowException as error:
        raise ValueError(first_line(error)) from error


def _bounded(read: bytes, entry: zipfile.ZipInfo) -> bytes:
    if len(read) > MAX_SAMPLE_BYTES:
        raise SourceError(f"`{entry.filename}` is larger than {MAX_SAMPLE_BYTES:,} bytes")
    return read


def _model(log: Any) -> str:
    run = log.get("eval") if isinstance(log, dict) else None
    return cell(run.get("model")) if isinstance(run, dict) else ""


def logged(place: str, sample: Row, model: str) -> Logged:
    attachments = sample.get("attachments") or {}
    choices = (sample.get("output") or {}).get("choices") or [{}]
    said, thought = parts_of((choices[0].get("message") or {}).get("content"), attachments)
    usage = (sample.get("output") or {}).get("usage") or {}
    asked = sample.get("input")
    turns = asked if isinstance(asked, list) else [{"content": asked}]
    texts = [parts_of(turn.get("content"), attachments)[0] for turn in turns if isinstance(turn, dict)]
    tokens = usage.get("output_tokens")
    return Logged(
        place,
        "" if sample.get("error") else said,
        thought,
        ids=tuple(dict.fromkeys([cell(sample.get("id")), *ids_in(sample.get("metadata") or {})])),
        text="\n".join([*texts, *words_of(sample.get("choices"))]),
        options=listed(sample.get("choices")),
        recorded_right=_verdict(sample.get("scores")),
        model=model,
        num_tokens=tokens if isinstance(tokens, int) else 0,
    )


def parts_of(content: Any, attachments: Row) -> tuple[str, str]:
    """What a message says and what it thinks."""
    if isinstance(content, str):
        return _resolved(content, attachments), ""
    said, thought = [], []
    for part in content if isinstance(content, list) else ():
        if not isinstance(part, dict):
            continue
        if part.get("type") == "text":
            said.append(_resolved(cell(part.get("text")), attachments))
        elif part.get("type") == "reasoning" and not part.get("redacted"):
            thought.append(_resolved(cell(part.get("reasoning")) or cell(part.get("summary")), attachments))
    return "\n".join(filter(None, said)), "\n".join(filter(None, thought))


def _resolved(text: str, attachments: Row) -> str:
    key = text.removeprefix(ATTACHMENT)
    return cell(attachments.get(key, text)) if text.startswith(ATTACHMENT) else text


def _verdict(scores: Any) -> bool | None:
    """Of the first scorer that says right or wrong."""
    found = (verdict_of(score.get("value")) for score in (scores or {}).values() if isinstance(score, dict))
    return next((verdict for verdict in found if verdict is not None), None)
