"""What the files of benchmarks share."""

from __future__ import annotations

from ..drafts import cell


def said(value: object) -> str:
    """MMBench writes an empty cell as `nan`."""
    text = cell(value)
    return "" if text == "nan" else text
