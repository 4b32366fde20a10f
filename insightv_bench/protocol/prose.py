"""Words as steps: where a text that nobody laid out as a path falls apart, and what each piece is called.

A text is cut at its numbered steps, else its headings, its bullets, blank lines, lines or sentences: at the first of
them that leaves two steps beside the end. A heading stays with what follows it, displayed mathematics and a list's
items with what they belong to. The pieces lie next to each other and together are the text, to the letter.

The end is what only says the answer, `Answer: B` or `So the answer is 8.`: it is no step, and a text that is nothing
else has none. A step is called by its heading, or by its first clause. Linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from insightv_bench.records import Step

from .steps import Action, Span, is_unicode, new_step

MIN_STEPS = 2
"""A text that falls into fewer at one kind of cut is tried at the next."""
MAX_PIECES = 200
"""Of one kind of cut; more is a text that repeats itself, or a table, and the cut before it counts."""
MAX_SUMMARY_CHARS = 80
MAX_END_WORDS = 10
"""Beside the answer, of a piece that only says it."""
MIN_BULLETS = 3
MAX_INTRODUCTION_CHARS = 160
"""Before a numbered step, of what belongs to it."""

_WORDS_FOR_STEP = (
    "step|schritt|étape|etape|paso|passo|passaggio|шаг|bước|langkah|adım|krok|steg|步骤|步驟|ステップ|단계|चरण"
)
_STEP = re.compile(
    rf"^[ \t>]*(?:#{{1,6}}[ \t]*)?(?:[-*][ \t]+)?[*_]{{0,2}}(?:(?:{_WORDS_FOR_STEP})[ \t#]*(?P<number>\d{{1,3}})\b"
    r"|第(?P<chinese>[一二三四五六七八九十]|\d{1,2})步)",
    re.IGNORECASE | re.MULTILINE,
)
_ITEM = re.compile(
    r"^(?:#{1,6}[ \t]*)?[*_]{0,2}(?P<number>\d{1,3})[.)](?:[*_]{0,2}[ \t]+|[*_]{1,2}(?=\S))", re.MULTILINE
)
_BULLET = re.compile(r"^[-*•][ \t]+(?=\S)", re.MULTILINE)
_HEADED = re.compile(r"^(?:#{1,6}[ \t]+\S|(?:\*\*|__)[^*\n]{1,100}(?:\*\*|__):?[ \t]*$)", re.MULTILINE)
_PARAGRAPH = re.compile(r"\n[ \t\r]*\n\s*")
_LINE = re.compile(r"\n\s*")
_SHORT = "".join(rf"(?<!\b{word}\.)" for word in ("Mr", "Mrs", "Ms", "Dr", "Prof", "St", "Fig", "Eq", "vs", "approx"))
_SENTENCE = re.compile(
    rf"(?<=[.!?])(?<!\b[A-Z]\.)(?<!e\.g\.)(?<!i\.e\.){_SHORT}\s+(?=[^\W\d_a-z]|[\\$\"'*(])"
    rf"|(?<=[^\W\d_]{{3}}[.!?]){_SHORT}\s+(?=\d)|(?<=[。！？।])\s*"
)
_HEADING = re.compile(r"(?:\*\*[^*\n]+\*\*:?|#+ [^\n]+|[^\n]{0,80}[:：])\s*$")
_ON_ITS_OWN = re.compile(r"\s*(?:\\\[|\\begin|\$\$|[-*•] |\d+[.)] +|Where:|where\b|[-=*_]{3,}\s*$)")
_OPENERS = (("\\[", "\\]"), ("[asy]", "[/asy]"))
_CHINESE = "一二三四五六七八九十"

# A piece's own heading, from its beginning.
_NUMBERING = re.compile(
    rf"^[\s>#*_\-]*(?:(?:{_WORDS_FOR_STEP})[ \t#]*\d{{1,3}}|第(?:[{_CHINESE}]|\d{{1,2}})步|\d{{1,3}}[.)])"
    r"[ \t]*[*_]{0,2}[ \t]*(?:[:：.)\-–—]+[ \t]*[*_]{0,2}[ \t]*)?",
    re.IGNORECASE,
)
_INTRODUCTION = re.compile(
    rf"[^\n]{{1,{MAX_INTRODUCTION_CHARS}}}[:：]?[ \t]*\n\s*"
    rf"(?=[#*_\- ]*(?:(?:{_WORDS_FOR_STEP})[ \t#]*[01]\b|[01][.)]|第[一1]步))",
    re.IGNORECASE,
)
_BOLD = re.compile(
    r"^\s*(?:\*\*|__)(?P<title>[^*\n]{2,100}?)[:：.]?(?:\*\*|__)[:：.]?(?P<after>[ \t]*(?:\n|$)|[ \t]+|(?=\w))"
)
_HASHES = re.compile(r"^\s*#{1,6}[ \t]*(?P<title>[^\n]{1,160})(?:\n|$)")
_TITLE_LINE = re.compile(r"^\s*(?P<title>[^\n:：]{2,80})[:：][ \t]*\n")
_REST_OF_BOLD = re.compile(r"^(?P<title>[^*\n]{2,100}?)[:：.]?(?:\*\*|__)[:：.]?(?:\s+|$)")
_MARKUP = re.compile(r"^[\s*_#>`:：.\-–—•]+|[\s*_#`:：.。]+$")
_CLAUSE = re.compile(rf"[.!?;:]{_SHORT}(?=\s|$)|[。！？；：]|\n")
_PAUSE = re.compile(r",\s|，|、|\s(?:because|since|so|which|where|and|but|weil|porque|car)\s")
_WORD = re.compile(r"[^\W_]+(?:['’.,][^\W_]+)*")
_IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
_TAG = re.compile(r"</?[a-z_|◁▷]{1,24}>|<\|[a-z_]{1,24}\|>", re.IGNORECASE)
_COMMAND = re.compile(r"\\(?:boxed|text|mathrm|mathbf|textbf)\b")
_STOPPED = re.compile(r"[.!?:;](?=\s)|[。！？；：]")
_REASON = re.compile(r"=|\b(?:because|since|therefore|hence|given that|due to)\b|因为|所以|由于|因此", re.IGNORECASE)


class End(NamedTuple):
    """What a text says at its end."""

    answer: str
    span: Span
    declared: bool
    """Whether the text says that this is its answer."""
    stop: int
    """Where the reply ends that it answers; a model may go on with questions of its own."""


class Split(NamedTuple):
    """A text as pieces."""

    how: str
    """`numbered`, `headings`, `bullets`, `paragraphs`, `lines`, `sentences`, or `whole`."""
    steps: tuple[Span, ...]
    """[start, end) of each, one after the other without a gap; an answer that leads stands before the first."""
    end: Span | None = None
    """The piece after them, which says nothing but the answer."""


Cut = Callable[[str, int, int], "list[int]"]


def split(text: str, start: int = 0, stop: int | None = None, end: End | None = None) -> Split:
    """The steps in `text[start:stop]`; of none where it says nothing, or nothing but its answer, `end`."""
    stop = len(text) if stop is None else stop
    if not text[start:stop].strip():
        return Split("whole", ())
    best: Split | None = None
    for how, cut in CUTS.items():
        starts = cut(text, start, stop)
        if len(starts) > MAX_PIECES:
            break
        found = _without_end(text, how, _pieces(starts, stop), end)
        if best is None or len(found.steps) > len(best.steps) or len(found.steps) == len(best.steps) == 1:
            best = found
        if len(found.steps) >= MIN_STEPS:
            break
    best = best or Split("whole", ((start, stop),))
    if len(best.steps) != 1 or best.end:
        return best
    return best._replace(how="whole", steps=best.steps if _is_step(text, best.steps[0], end) else ())


def step_at(text: str, place: Span, action: Action, title: str = "") -> Step | None:
    """The piece as a step, called `title` or what it calls itself; None where its text cannot be stored."""
    piece = text[slice(*place)].strip()
    own, body = titled_piece(piece)
    return new_step(title or own, body, action) if is_unicode(piece) else None


def titled_piece(piece: str) -> tuple[str, str]:
    """What a piece is called, and what it says; a heading that nothing follows is both."""
    introduction = _INTRODUCTION.match(piece)
    rest = piece[introduction.end() :] if introduction else piece
    if numbering := _NUMBERING.match(rest):
        rest = rest[numbering.end() :]
    opened = bool(numbering and re.search(r"\*\*|__", numbering[0]) and not re.match(r"\s*(?:\*\*|__)", rest))
    patterns = (_HASHES, _BOLD, _REST_OF_BOLD, _TITLE_LINE) if opened else (_HASHES, _BOLD, _TITLE_LINE)
    for pattern in patterns:
        if (match := pattern.match(rest)) and (title := _clean(_NUMBERING.sub("", match["title"]))):
            body = rest[match.end() :].strip()
            return _shortened(title), body or piece
    if numbering and numbering[0].lstrip(" >").startswith("#") and (line := rest.split("\n", 1)) and _clean(line[0]):
        return _shortened(_clean(line[0])), (line[1].strip() if len(line) > 1 else "") or piece
    body = rest.strip()
    return first_clause(body), body or piece


def first_clause(text: str) -> str:
    """The beginning of a text as far as it says one thing, in `MAX_SUMMARY_CHARS` at most."""
    line = " ".join(text.lstrip("*#_->•` \t\n").split("\n\n", 1)[0].split())
    for match in _CLAUSE.finditer(line, 0, 4 * MAX_SUMMARY_CHARS):
        initial = (
            line[match.start() - 2 : match.start() - 1] in (".", " ")
            and line[match.start() - 1 : match.start()].isupper()
        )
        if match.start() >= 8 and not initial and line.count("$", 0, match.start()) % 2 == 0:
            line = line[: match.start()]
            break
    return _shortened(_clean(line))


def _clean(title: str) -> str:
    return _MARKUP.sub("", _MARKUP.sub("", title.replace("**", "").replace("__", "")))


def _shortened(line: str) -> str:
    """Cut at the last pause, else the last word, that is inside the limit; a formula is kept whole or left out."""
    if len(line) <= MAX_SUMMARY_CHARS:
        return line
    pauses = [match.start() for match in _PAUSE.finditer(line, 16, MAX_SUMMARY_CHARS)]
    place = pauses[-1] if pauses else max(line.rfind(" ", 0, MAX_SUMMARY_CHARS), 0) or MAX_SUMMARY_CHARS
    if line.count("$", 0, place) % 2:
        place = line.rfind("$", 0, place) or place
    return line[:place].rstrip(" ,，、:") + "…"


# Where pieces begin


def _numbered(text: str, start: int, stop: int) -> list[int]:
    """`Step 1` and its like, else the items of one list that the text is made of; what follows a list stands apart."""
    places = _in_order([(_number(match), match.start()) for match in _STEP.finditer(text, start, stop)], again=True)
    items = _in_order([(int(match["number"]), match.start()) for match in _ITEM.finditer(text, start, stop)])
    if len(places) >= MIN_STEPS:
        return _with_introduction(text, start, places)
    return _list(text, start, stop, items) if len(items) >= MIN_STEPS else []


def _bullets(text: str, start: int, stop: int) -> list[int]:
    items = [match.start() for match in _BULLET.finditer(text, start, stop)]
    if len(items) < MIN_BULLETS:
        return []
    between = (match for match in _PARAGRAPH.finditer(text, items[0], items[-1]) if match[0].endswith("\n"))
    one_list = all(_BULLET.match(text, match.end()) for match in between)
    return _list(text, start, stop, items) if one_list else []


def _list(text: str, start: int, stop: int, items: list[int]) -> list[int]:
    """The items of a list that most of the text is made of, and the paragraphs after it."""
    after = [m.end() for m in _PARAGRAPH.finditer(text, items[-1], stop) if m.end() < stop and m[0].endswith("\n")]
    after = [place for place in after if not _ON_ITS_OWN.match(text, place)]
    if stop - items[0] < (stop - start) / 2:
        return []
    return _with_introduction(text, start, [*items, *after])


def _number(match: re.Match[str]) -> int:
    if match["number"]:
        return int(match["number"])
    said = match["chinese"]
    return _CHINESE.index(said) + 1 if said in _CHINESE else int(said)


def _in_order(found: Sequence[tuple[int, int]], again: bool = False) -> list[int]:
    """The places whose numbers count up from 0 or 1; `again`: a number may be mentioned again."""
    places: list[int] = []
    following = found[0][0] if found and found[0][0] in (0, 1) else -1
    for number, place in found:
        if number == following:
            places.append(place)
            following += 1
        elif not again:
            return []
    return places


def _with_introduction(text: str, start: int, places: list[int]) -> list[int]:
    before = text[start : places[0]].strip()
    short = len(before) <= MAX_INTRODUCTION_CHARS and (not before or before[-1] in ":：" or len(before) <= 40)
    return [start, *places[1:]] if short else [start, *places]


def _headings(text: str, start: int, stop: int) -> list[int]:
    places = [match.start() for match in _HEADED.finditer(text, start, stop)]
    return _joined(text, start, places, stop) if len(places) >= MIN_STEPS else []


def _paragraphs(text: str, start: int, stop: int) -> list[int]:
    return _joined(text, start, [match.end() for match in _PARAGRAPH.finditer(text, start, stop)], stop)


def _lines(text: str, start: int, stop: int) -> list[int]:
    return _joined(text, start, [match.end() for match in _LINE.finditer(text, start, stop)], stop)


def _sentences(text: str, start: int, stop: int) -> list[int]:
    places = sorted({match.end() for pattern in (_LINE, _SENTENCE) for match in pattern.finditer(text, start, stop)})
    return _joined(text, start, places, stop)


CUTS: dict[str, Cut] = {
    "numbered": _numbered,
    "headings": _headings,
    "bullets": _bullets,
    "paragraphs": _paragraphs,
    "lines": _lines,
    "sentences": _sentences,
}
"""By what a text is cut, the first that serves."""


def _joined(text: str, start: int, places: Sequence[int], stop: int) -> list[int]:
    """The places at which a piece does begin: not after a heading, inside mathematics, or at an item of a list."""
    begins = [start]
    depth, odd, blank = [0] * len(_OPENERS), False, True
    for place, following in pairwise([start, *(place for place in places if start < place < stop), stop]):
        piece = text[place:following]
        if place > start:
            before = text[max(begins[-1], place - 200) : place].strip()
            is_open = odd or any(number > 0 for number in depth)
            is_part = blank or is_open or not piece.strip()
            if not (is_part or _ON_ITS_OWN.match(piece) or _HEADING.fullmatch(before)):
                begins.append(place)
                depth, odd, blank = [0] * len(_OPENERS), False, True
        blank &= not piece.strip()
        depth = [
            number + piece.count(opener) - piece.count(closer)
            for number, (opener, closer) in zip(depth, _OPENERS, strict=True)
        ]
        odd ^= piece.count("$$") % 2 == 1
    return begins


def _pieces(starts: Sequence[int], stop: int) -> list[Span]:
    return list(pairwise([*starts, stop]))


# The end


def _without_end(text: str, how: str, pieces: Sequence[Span], end: End | None) -> Split:
    """The pieces as steps, without the last line or sentence of the last one where that only says the answer."""
    if len(pieces) > 1 and end and end.declared and end.span[1] <= pieces[0][1] and _only_says(text, *pieces[0], end):
        return Split(how, tuple(pieces[1:]))  # an answer that leads, and its explanation
    if not pieces or end is None or not pieces[-1][0] <= end.span[0] < pieces[-1][1]:
        return Split(how, tuple(pieces))
    start, stop = pieces[-1]
    for at in _last_places(text, start, end.span[0]):
        if _only_says(text, at, stop, end):
            steps = (*pieces[:-1], (start, at)) if text[start:at].strip() else tuple(pieces[:-1])
            return Split(how, tuple(steps), (at, stop))
    return Split(how, tuple(pieces))


def _last_places(text: str, start: int, before: int) -> Iterator[int]:
    """Where the last paragraph, line and sentence before a place begin, from `start` on; the longest first."""
    yield start
    for pattern in (_PARAGRAPH, _LINE, _SENTENCE):
        places = [match.end() for match in pattern.finditer(text, max(start, before - 2_000), before)]
        if places:
            yield places[-1]


def _only_says(text: str, start: int, stop: int, end: End) -> bool:
    """Whether a piece says nothing but the answer."""
    before, after = _TAG.sub(" ", text[start : end.span[0]]), _TAG.sub(" ", text[end.span[1] : stop])
    beside = _COMMAND.sub(" ", before + " " + after)
    if "=" in beside or _STOPPED.search(before.strip().rstrip(":：*. ")) or len(beside) > 20 * MAX_END_WORDS:
        return False
    num = _num_words(beside)
    return num <= 2 or (end.declared and num <= MAX_END_WORDS)


def _is_step(text: str, place: Span, end: End | None) -> bool:
    """Whether a text in one piece says more than its answer: a sentence that gives no reason does not."""
    piece = text[slice(*place)]
    return end is None or not place[0] <= end.span[0] < place[1] or bool(_REASON.search(piece))


def _num_words(text: str) -> int:
    """Words; two ideographs count as one."""
    ideographs = len(_IDEOGRAPH.findall(text))
    return len(_WORD.findall(_IDEOGRAPH.sub(" ", text))) + (ideographs + 1) // 2
