"""A reply without what says nothing: marks of Markdown, LaTeX and HTML, special tokens, zero-width characters.

Full-width characters are plain ones. Each character of the plain text keeps its place in the reply, so that a
reading can point at it.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

Place = tuple[int, int]

_ONE_FOR_ONE = {
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F) if chr(code) not in "．！？；＜＞"},
    **{ord(char): "-" for char in "−–‐‑‒﹣－"},
    **{ord(char): "'" for char in "‘’‛′"},
    **{ord(char): '"' for char in "“”„‟″"},
    **dict.fromkeys((160, 8194, 8195, 8199, 8201, 8202, 8239, 12288), " "),
    **{
        ord(char): str(digit)
        for digits in ("٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "०१२३४५६७८९")
        for digit, char in enumerate(digits)
    },
    **dict.fromkeys(map(ord, "✅✓✔☑➡👉🔹•●▶★⭐"), " "),
    **dict(zip(map(ord, "、：（）【】「」『』〈〉《》İ٫٬٪∶"), ',:()[]""""""""I.,%:', strict=True)),
    **{code: chr(ord("A") + code - 0x24B6) for code in range(0x24B6, 0x24D0)},  # circled letters
}
_OTHER = re.compile(f"[{re.escape(''.join(map(chr, _ONE_FOR_ONE)))}]")
# What a plain text does not need: each token is looked at by its first character.
_TOKEN = re.compile(
    r"[\u200b-\u200f\u2060-\u2064\ufeff\u00ad\u202a-\u202e\ufe0f]+|\*+|_+|`+|~+|\$+|[{}]|<[^<>\n]{1,40}>|&[a-z]{2,5};"
    r"|\^\s?(?:\{\s?\\(?:circ|degree)\s?\}|\\(?:circ|degree)(?![a-zA-Z]))|\\[a-zA-Z]+\s?\{?|\\[^a-zA-Z]"
)
_MARKUP = re.compile(r"[*_`~$\\{}<&^]")
"""What such a token begins with in ASCII, to pass over text that has none quickly."""
_SPECIAL = re.compile(
    r"</?s>|<\|?(?:pad|eos|bos|unk|endoftext|end_of_turn|start_of_turn|turn\|?)\|?>|<\|[^<>|\s]{1,36}\|>", re.I
)
_HTML = re.compile(
    r"</?(?:b|i|u|em|strong|p|br|span|div|sup|sub|code|pre|center|font|mark|small|big|h[1-6]|li|ul|ol|hr|td|tr|th|table)"
    r"(?:\s[^<>]*)?/?>",
    re.I,
)
_BREAKS = re.compile(r"</?(?:br|p|div|li|hr|tr|h[1-6])\b", re.I)
_WRAPPING = re.compile(r"text(?:bf|it|rm|tt|sf)?|math(?:rm|bf|it|sf|bb)|mbox|operatorname|emph|underline|boldsymbol")
_SPACE = re.compile(r"q?quad|(?:thin|en)?space")
_SILENT = re.compile(r"left|right|displaystyle|[bB]ig[lr]?|limits|bf|rm|it")
_SPELT = {
    name: sign
    for sign, names in (
        ("×", "times"),
        ("·", "cdot"),
        ("≈", "approx simeq"),
        ("÷", "div"),
        ("°", "degree circ"),
        ("±", "pm"),
        ("→", "to rightarrow longrightarrow Rightarrow implies"),
        ("≠", "neq ne"),
        ("≤", "leq le"),
        ("≥", "geq ge"),
        ("…", "ldots dots"),
        (" ", "therefore"),
        ("%", "percent"),
        ("$", "textdollar"),
        ("£", "pounds"),
        ("€", "euro"),
        (":", "colon"),
        ("*", "ast"),
    )
    for name in names.split()
}
_ENTITIES = {"&nbsp;": " ", "&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&deg;": "°"}
MAX_FORMULA_CHARS = 160
_WORDS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


class Plain(NamedTuple):
    """A plain text, its lower-case twin of the same length, and where each of its pieces came from."""

    text: str
    low: str
    raw: str
    starts: Sequence[int]
    """Of each piece that was kept, its first character in `text` ..."""
    origins: Sequence[int]
    """... and in `raw`."""
    lengths: Sequence[int]
    """The characters of `raw` that each piece stands for."""

    def place(self, start: int, end: int) -> Place:
        """[start, end) of the plain text as a place in the raw one, braces that it opens included."""
        first = bisect_right(self.starts, start) - 1
        last = bisect_right(self.starts, end - 1) - 1
        begin = self.origins[first] + min(start - self.starts[first], max(self.lengths[first] - 1, 0))
        stop = self.origins[last] + min(end - self.starts[last], self.lengths[last])
        if "{" in self.raw[begin:stop]:
            while (
                stop < len(self.raw)
                and self.raw[stop] == "}"
                and self.raw.count("{", begin, stop) > self.raw.count("}", begin, stop)
            ):
                stop += 1
        return begin, stop


def plain_text(raw: str) -> str:
    """The text alone."""
    return raw if raw.isascii() and not _MARKUP.search(raw) else plain(raw).text


def plain(raw: str, places: Sequence[Place] | None = None) -> Plain:
    """The places of `raw`, all of it by default, as one plain text with line breaks between them."""
    if raw.isascii() and places in (None, [(0, len(raw))]) and not _MARKUP.search(raw):
        return Plain(raw, raw.lower(), raw, (0,), (0,), (len(raw),))
    pieces: list[str] = []
    starts, origins, lengths = [], [], []
    at = 0

    def keep(piece: str, origin: int, length: int) -> None:
        nonlocal at
        if piece:
            pieces.append(piece)
            starts.append(at)
            origins.append(origin)
            lengths.append(length)
            at += len(piece)

    for begin, end in places if places is not None else ((0, len(raw)),):
        if at:
            keep("\n", max(begin - 1, 0), 1)
        said = raw[begin:end]
        straight = said if said.isascii() else _OTHER.sub(lambda match: _ONE_FOR_ONE[ord(match[0])], said)
        start = 0
        for token, stop, instead in _changes(straight):
            keep(straight[start:token], begin + start, token - start)
            keep(instead, begin + token, stop - token)
            start = stop
        keep(straight[start:], begin + start, len(straight) - start)
    text = "".join(pieces)
    low = text.lower()
    return Plain(text, low if len(low) == len(text) else text, raw, starts, origins, lengths)


def _changes(text: str) -> list[tuple[int, int, str]]:
    """What is dropped, or said in other characters: where it begins and ends, and what stands instead."""
    changes: list[tuple[int, int, str]] = []
    braces: list[bool] = []  # of each open brace, whether it is dropped
    in_math = False
    end = len(text)
    for match in _TOKEN.finditer(text):
        token = match[0]
        first, here, stop = token[0], match.start(), match.end()
        before = text[here - 1] if here else "\n"
        after = text[stop] if stop < end else "\n"
        instead: str | None = ""
        if first == "\\":
            name = token[1:].rstrip("{ ")
            if _WRAPPING.fullmatch(name) and token[-1] == "{":
                braces.append(True)
            elif name in _SPELT:
                instead, stop = _SPELT[name], here + 1 + len(name)
            elif _SILENT.fullmatch(name) or token in ("\\(", "\\)", "\\[", "\\]"):
                stop = here + 1 + len(name) if name else stop
            elif _SPACE.fullmatch(name) or token in ("\\,", "\\;", "\\:", "\\ ", "\\!"):
                instead, stop = " ", here + 1 + len(name) if name.isalpha() else stop
            elif len(token) == 2 and token[1] in "%$#&_*{}":
                instead = "" if token[1] in "_*" else token[1]
            else:
                if token[-1] == "{":
                    braces.append(False)
                continue
            if token[-1] == "{" and stop < match.end() and len(token) > 2:
                braces.append(False)
        elif first == "{":
            braces.append(False)
            if text[here : here + 3] != "{,}":
                continue
            braces[-1] = True
        elif first == "}":
            if not (braces and braces.pop()):
                continue
        elif first == "*":
            if len(token) < 3 and _is_operator(token, before, after):
                continue
        elif first == "_":
            if (
                len(token) < 4
                and ((before in _WORDS or before in "})") or (after == "{" or after.isspace() and before.isspace()))
                and not (before in _WORDS and after not in _WORDS and after not in "{\\")
            ):
                continue
        elif first == "$":
            if token == "$" and not in_math and (after.isdigit() or after in " .-") and not _is_math(text, stop, end):
                continue
            in_math = not in_math
        elif first == "~":
            if len(token) == 1:
                continue
        elif first == "<":
            if _HTML.fullmatch(token):
                instead = "\n" if _BREAKS.match(token) else ""
            elif not _SPECIAL.fullmatch(token):
                continue
        elif first == "&":
            instead = _ENTITIES.get(token)
            if instead is None:
                continue
        elif first == "^":
            instead = "°"
        changes.append((here, stop, instead or ""))
    return changes


def _is_math(text: str, at: int, end: int) -> bool:
    """Whether a dollar sign before a figure opens a formula, `$5$`, rather than an amount, `$5 and $6`."""
    close = text.find("$", at, min(end, at + MAX_FORMULA_CHARS))
    return (
        close > at
        and not text[close - 1].isspace()
        and not text[close + 1 : close + 2].isdigit()
        and "\n" not in text[at:close]
    )


def _is_operator(token: str, before: str, after: str) -> bool:
    """Whether asterisks multiply: `2*3`, `2 * 3`."""
    tight = before in _WORDS and (after in _WORDS or after in "(\\")
    if token == "**":
        return before.isdigit() and after.isdigit() or before.isspace() and after.isspace()
    return tight or (before == " " and after == " ")


def is_word(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char)[0] == "M"
