"""A file's hash, and trouble with the disk, told in a user's words."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path

from insightv_bench.errors import RunError

from .parquet import first_line


def sha256(file: Path) -> str:
    """Of a file's content, in hex; the file is not held in memory."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def is_disk_trouble(error: Exception) -> bool:
    """Whether a file could not be written; libraries that write from C++ or Rust say it in words alone."""
    words = ("No space left on device", "inline_container")  # of safetensors, and of torch's zip file
    return isinstance(error, OSError) or any(word in str(error) for word in words)


def explain_disk(error: Exception, folder: Path) -> RunError | None:
    """What to raise in place of an error of the disk; None for any other error."""
    if not is_disk_trouble(error):
        return None
    reason = getattr(error, "strerror", None) or f"a file could not be written ({first_line(error)})"
    full = not isinstance(error, OSError) or error.errno in (errno.ENOSPC, errno.EDQUOT)
    mend = "free some space" if full else "see whether the place can be read and written"
    return RunError(f"`{folder}`: {reason}", f"{mend}; the same command goes on from there")
