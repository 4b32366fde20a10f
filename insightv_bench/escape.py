"""Text that others wrote, made safe for a terminal and an image: names, questions and replies may hold anything."""

from __future__ import annotations

import re

# Control characters but newline and tab (a terminal obeys them, XML forbids them), lone surrogates (no UTF-8), and the
# marks that turn the direction of the text after them (U+202A-202E, U+2066-2069).
UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def visible(text: str) -> str:
    """The text with unseen characters spelt out, `[U+202E]` say."""
    return UNSEEN.sub(lambda found: f"[U+{ord(found.group()):04X}]", text)
