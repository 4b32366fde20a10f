"""TODO face."""

from __future__ import annotations

from .by_model import FLAW, WORDS, flaw_chat, in_our_form, read_flawed, spreads
from .by_rule import TEXT_FLAWS, TextFlawed, make_text_flawed, position_of
from .controls import Shown, irrelevant, keeps_content, paraphrased, shuffled
from .exact import FLAWS, Flawed, make_flawed
from .rows import columns_of, drawn_flaws, flawed_versions

__all__ = [
    "FLAW",
    "FLAWS",
    "Flawed",
    "Shown",
    "TEXT_FLAWS",
    "TextFlawed",
    "WORDS",
    "columns_of",
    "drawn_flaws",
    "flaw_chat",
    "flawed_versions",
    "in_our_form",
    "irrelevant",
    "keeps_content",
    "make_flawed",
    "make_text_flawed",
    "paraphrased",
    "position_of",
    "read_flawed",
    "shuffled",
    "spreads",
]
