"""Files of text and bytes, written whole or not at all; and trouble with the disk in a user's words."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

from insightv_bench.errors import RunError


def write_text(file: Path, text: str) -> None:
    """One text file, whole or absent, and on disk before this returns."""
    partial = file.with_name(file.name + ".partial")
    with partial.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    partial.replace(file)


def first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def sha256(file: Path) -> str:
    """Of a file's content, in hex; the file is not held in memory."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def explain_disk(error: Exception, folder: Path) -> RunError | None:
    """What to raise in place of an error of the disk; None for any other error."""
    words = ("No space left on device", "inline_container")  # libraries in C++ or Rust: safetensors, torch's zip file
    if not isinstance(error, OSError) and not any(word in str(error) for word in words):
        return None
    reason = getattr(error, "strerror", None) or f"a file could not be written ({first_line(error)})"
    full = not isinstance(error, OSError) or error.errno in (errno.ENOSPC, errno.EDQUOT)
    mend = "free some space" if full else "see whether the place can be read and written"
    return RunError(f"`{folder}`: {reason}", f"{mend}; the same command goes on from there")
