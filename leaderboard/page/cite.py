"""How a board is cited: the software, the method's paper, and the board itself, as BibTeX.

What `CITATION.cff` says stands here once more, since an installed package has no such file; a test holds the two
together.
"""

from __future__ import annotations

import re

from insightv_bench import __version__
from insightv_bench.escape import visible

SOFTWARE = {
    "title": "insightv-bench: data sets, training and evaluation for two-agent multimodal reasoning",
    "author": "{The insightv-bench maintainers}",
    "version": __version__,
}
METHOD = {
    "title": "Insight-V: Exploring Long-Chain Visual Reasoning with Multimodal Large Language Models",
    "author": "Dong, Yuhao and others",
    "year": "2025",
    "booktitle": "CVPR",
    "eprint": "2411.14432",
    "archiveprefix": "arXiv",
}
NOTE = "add its address and the day on which you looked"
SPECIAL = re.compile(r"[\\{}$&#^_~%]")


def cite(title: str) -> str:
    """Three entries; the board's by its title."""
    board = {"title": _tex(visible(title)), "howpublished": "Leaderboard made with insightv-bench", "note": NOTE}
    return "\n\n".join(
        (
            _entry("software", "insightv-bench", SOFTWARE),
            _entry("inproceedings", "insight-v", METHOD),
            _entry("misc", "board", board),
        )
    )


def _entry(kind: str, key: str, fields: dict[str, str]) -> str:
    return f"@{kind}{{{key},\n" + "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items()) + "}"


def _tex(text: str) -> str:
    """On one line, with nothing that TeX would run."""
    line = " ".join(text.split())
    return SPECIAL.sub(lambda found: "" if found[0] in "\\{}^~" else f"\\{found[0]}", line)
