"""No key travels: every file of a push or a submission is read through for the values that the environment holds.

Files are read in slices, whatever their size. What is compressed is read unpacked: parquet column by column, gzip piece
by piece; a number of bytes is never held that depends on what a file says of itself.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from insightv_bench.errors import HubError
from insightv_bench.keys import secrets_of_environment
from insightv_bench.storage import pieces_of

SLICE = 4 * 2**20


def guard_secrets(files: Mapping[str, bytes | Path], token: str = "") -> None:
    """Raises HubError where what would be sent holds the Hub token, or a key of this environment."""
    secrets = {"your Hub token": token.encode()} if token else {}
    secrets |= {f"the value of `{name}`": value.encode() for name, value in secrets_of_environment().items()}
    for name, content in files.items() if secrets else ():
        for found in holds(content, secrets):
            raise HubError(f"`{name}` holds {found}", "take it out, and make a new one: this one may be known")


def holds(content: bytes | Path, secrets: Mapping[str, bytes]) -> Iterator[str]:
    """Which of the secrets stand in it, as they are written there or unpacked."""
    for piece in _pieces(content, max(map(len, secrets.values()))):
        yield from (name for name, secret in secrets.items() if secret in piece)


def _pieces(content: bytes | Path, longest: int) -> Iterator[Any]:
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as opened:
        start = opened.read(4)
        opened.seek(0)
        yield from _slices(opened, longest)
        if start[:2] == b"\x1f\x8b":
            opened.seek(0)
            yield from _unpacked(opened, longest)
    if start == b"PAR1" and isinstance(content, Path):
        yield from pieces_of(content)


def _unpacked(opened: BinaryIO, longest: int) -> Iterator[bytes]:
    try:
        with gzip.GzipFile(fileobj=opened) as inside:
            yield from _slices(inside, longest)
    except (OSError, EOFError, zlib.error):
        return  # no gzip after all: its bytes were looked at as they are


def _slices(opened: Any, longest: int) -> Iterator[bytes]:
    """Each begins with the end of the one before, so that nothing stands across two."""
    end = b""
    while read := opened.read(SLICE):
        piece = end + read
        yield piece
        end = piece[-longest:]


def as_files(folder: Path, paths: Iterable[Path]) -> dict[str, bytes | Path]:
    return {path.relative_to(folder).as_posix(): path for path in paths if path.is_file()}
