"""Read the answer in a reply, with the characters it came from, or say that none can be read.

The layers, of which the first that gives an answer counts: the protocol's answer; a reply that is nothing but the
answer; a declared answer, the last one; an answer that leads, with its explanation after it; a last line that is the
answer; the only candidate of the last sentence, which is likely and not sure. Thought is never read
(`protocol.speech`), the phrases are in `languages`, and what a place says is read in `pieces`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from insightv_bench.protocol import AnswerRead, JsonObject, Speech, is_step, objects_in, read_answer, speech
from insightv_bench.records import AnswerType, ReadingKind

from .choices import affirming, option_at, options_in, valid_letters
from .languages import (
    ANOTHERS,
    ANOTHERS_OWN,
    CHOSEN,
    CHOSEN_LEADS,
    LANGUAGES,
    NEXT_TURN,
    NEXT_TURN_SIGNS,
    REPORTED,
    TURN,
    Language,
    spoken_in,
    words_found,
)
from .pieces import (
    Asked,
    denied_or_affirmed,
    in_last_sentences,
    is_bare_words,
    listed,
    lists_options,
    only_bracketed,
    own_text,
    read_piece,
    said_in_words,
    spelt_letter,
    text_first,
    whole_option,
    whole_piece,
    yes_no_piece,
)
from .places import Piece, sentence_end, sentences_from_end, trimmed, unwrapped
from .plain import Place, Plain, plain
from .values import number_of

HEAD_CHARS, TAIL_CHARS = 4_000, 8_000
"""As far as a long reply is looked at, from its beginning and from its end; a protocol's answer is found anywhere."""
MAX_DECLARATIONS = 48
MAX_REGION_CHARS = 400
MAX_BOXED_CHARS = 2_000
MAX_FIRM_GAP_CHARS = 40
MAX_CLAUSE_CHARS = 160
MAX_TURNS = 24
MAX_PREAMBLE_CHARS = 120  # before a question that the reply only repeats

_ANSWER_KEY = re.compile(r"""["'“]answer["'”]\s*:""")
_BOXED = re.compile(r"\\f?boxed\s*\{")
_GSM8K = re.compile(r"^####[ \t]", re.MULTILINE)
_BREAK = re.compile(r"[.!?;\n](?=\s|$)|[。！？\n]")
_FORMULA = re.compile(r"[!^√_π]|\\sqrt|\\pi")
_LETTERED = re.compile(r"\b(?:option|letter|choice)\b|选项|選項|選択肢|선택지|विकल्प")


class Reading(NamedTuple):
    """What a reply answers."""

    answer: str | None
    """For `option` the letter, for `yes_no` `yes` or `no`, else the characters as written; None: nothing readable."""
    span: Place | None
    """[start, end) of the characters it was read from."""
    method: str
    """`protocol`, `declared`, `boxed`, `option`, `bare`, `sentence`, `unread`."""
    sure: bool
    """False where a weaker rule read it."""

    def kind(self, finish: str = "") -> ReadingKind:
        """`finish`: why the reply ended, as the server says; a reply cut off is a kind of its own."""
        if self.answer is None:
            return "cut off" if finish == CUT else "unread"
        return "sure" if self.sure else "likely"

    def counts(self, strict: bool = False) -> bool:
        """Whether the answer may be right: there is one, and with `strict` it is sure."""
        return self.answer is not None and (self.sure or not strict)


UNREAD = Reading(None, None, "unread", False)
CUT = "length"
"""The `finish` of a reply that ended at its token limit."""


class Declared(NamedTuple):
    """A place of the plain text where an answer is declared."""

    start: int
    end: int
    method: str
    firm: bool = False
    """True: it says "answer", so that where it cannot be read nothing before it may be read instead."""
    denied: bool = False
    """True: it says what the answer is not, or begins so: `The answer is not enough information`."""
    of_letter: bool = False
    """True: it declares an option or a letter, so that the letter counts whatever text stands beside it."""
    confirmed: bool = False
    """True: the declaration stands after it, `(B) is correct`, so that it must be an option and nothing else."""
    weak: bool = False


def read(
    response: str, answer_type: AnswerType, options: Sequence[str] = (), *, finish: str = "", opened: bool = False
) -> Reading:
    """The answer in `response`, read as its type; `UNREAD` where a reading would be a guess.

    `finish`: why the reply ended; of one that ended at its token limit (`length`) only a whole declared answer counts.
    `opened`: the prompt ended in a thought's opening mark, so that nothing before the closing one is an answer.
    """
    said = speech(response, opened)
    asked = Asked(answer_type, tuple(options))
    if "{" in response and said.places and (spoken := _protocol(response, said.places)) is not None:
        return _of_protocol(response, spoken, asked) if spoken else UNREAD
    text = plain(response, list(_looked_at(said.places)))
    found = _in_turns(text, asked, said, finish == CUT)
    if found is None or not found[0].answer:
        return UNREAD
    piece, method = found
    span = text.place(piece.start, piece.end)
    is_word = asked.answer_type in ("option", "yes_no")
    return Reading(piece.answer if is_word else response[slice(*span)], span, method, piece.sure)


def _looked_at(places: Sequence[Place]) -> Iterator[Place]:
    """The head and the tail of what is said."""
    total = sum(end - start for start, end in places)
    if total <= HEAD_CHARS + TAIL_CHARS:
        yield from places
        return
    passed = 0
    for start, end in places:
        head_end = min(end, start + max(0, HEAD_CHARS - passed))
        tail_start = max(start, head_end, end - max(0, TAIL_CHARS - (total - passed - (end - start))))
        if head_end > start:
            yield start, head_end
        if tail_start < end:
            yield tail_start, end
        passed += end - start


# The protocol


def _protocol(response: str, places: Sequence[Place]) -> AnswerRead | tuple[()] | None:
    """The answer of our protocol; () where the reply speaks it without one clear answer; None where it does not."""
    objects = [(found, start) for start, end in places for found in objects_in(response[start:end]).found]
    answers = [answer for found, start in objects if (answer := read_answer(found, start))]
    if not answers:  # `{"reasoning": "...", "answer": "B"}`, which is no step of ours
        stated = [(found.values["answer"], start) for found, start in objects if _states_answer(found)]
        answers = [AnswerRead(value.value, (start + value.start, start + value.end)) for value, start in stated]
    if len({answer.text for answer in answers}) == 1:
        return answers[-1]
    key = any(_ANSWER_KEY.search(response, start, end) for start, end in places)
    spoken = answers or any(is_step(found) for found, _ in objects) or key
    return () if spoken else None


def _states_answer(found: JsonObject) -> bool:
    value = found.values.get("answer")
    if value is None or found.repeats or value.end <= value.start:
        return False
    return isinstance(value.value, str) and bool(value.value.strip())


def _of_protocol(response: str, said: AnswerRead, asked: Asked) -> Reading:
    """The stated answer read as its type; a sentence in it is read as a reply is."""
    stated = unswallowed(said.text)
    is_plain = response[slice(*said.span)] == stated
    raw, start = (response, said.span[0]) if is_plain else (stated, 0)
    text = plain(raw, [(start, start + len(stated))])
    end = len(text.text)
    piece = whole_piece(text, 0, end, asked) or read_piece(text, 0, end, asked)
    if piece is None and "{" not in stated:
        inner = read(stated, asked.answer_type, asked.options)
        if inner.answer is not None and inner.span is not None:
            span = (start + inner.span[0], start + inner.span[1]) if is_plain else said.span
            return Reading(inner.answer, span, "protocol", inner.sure)
    if piece is None or not piece.answer:
        return UNREAD
    place = text.place(piece.start, piece.end)
    answer = piece.answer if asked.answer_type in ("option", "yes_no") else raw[slice(*place)]
    # Characters written as escapes cannot be told apart, so that then the place is the whole answer's.
    return Reading(answer, place if is_plain else said.span, "protocol", piece.sure)


# What JSON makes of a LaTeX command whose backslash is not escaped: `"\frac"` is a form feed and `rac`.
_SWALLOWED = re.compile(r"[\f\x08\t\r](?=[A-Za-z])")
_COMMANDS = {"\f": "\\f", "\b": "\\b", "\t": "\\t", "\r": "\\r"}


def unswallowed(text: str) -> str:
    """The text with the backslashes back that JSON took from LaTeX commands as `\\f`, `\\b`, `\\t` or `\\r`."""
    return _SWALLOWED.sub(lambda found: _COMMANDS[found[0]], text) if not text.isprintable() else text


# The layers

Found = tuple[Piece, str]


def _in_turns(text: Plain, asked: Asked, said: Speech, cut: bool) -> Found | None:
    """What a reply answers that may go on with questions of its own, or begin by repeating the one that it was asked.

    The first turn with an answer counts. Options alone are read from the last turn that declares one in a sentence, as
    every published rule does, and are then not sure where the first turn declares another.
    """
    end = len(text.text)
    can_go_on = not said.marked and any(sign in text.low for sign in NEXT_TURN_SIGNS)
    marks = [match.start() for match in NEXT_TURN.finditer(text.low)][:MAX_TURNS] if can_go_on else []
    bounds = [0, *marks, end]
    turns = [turn for turn in zip(bounds[:-1], bounds[1:], strict=True) if text.text[slice(*turn)].strip()]
    for place, (start, stop) in enumerate(turns):
        found = _in_turn(text, start, stop, asked, said, cut and stop == end)
        if found and asked.answer_type == "option" and found[1] == "declared" and place + 1 < len(turns):
            return _last_of_turns(text, turns[place + 1 :], asked, said, found)
        if found or stop - start > MAX_PREAMBLE_CHARS:
            return found
    return None


def _last_of_turns(text: Plain, turns: Sequence[Place], asked: Asked, said: Speech, first: Found) -> Found:
    for start, stop in reversed(turns):
        places = declarations(text, start, stop, True, spoken_in(text.low, start, stop))
        found, _ = _last_declared(text, places, asked, None)
        if found and found[1] == "declared":
            return (found[0]._replace(sure=found[0].sure and found[0].answer == first[0].answer), found[1])
    return first


def _in_turn(text: Plain, start: int, end: int, asked: Asked, said: Speech, cut: bool) -> Found | None:
    whole = None if cut and not said.whole else _whole(text, start, end, asked, said)
    if whole:
        return whole
    languages = spoken_in(text.low, start, end)
    places = declarations(text, start, end, asked.answer_type == "option", languages)
    if said.marked:
        places.insert(0, Declared(start, end, "declared", firm=True))
    declared, closed = _last_declared(text, places, asked, end if cut and not said.whole else None)
    if declared or cut:
        return declared
    if asked.answer_type == "option":
        return _undeclared_option(text, start, end, asked, places, closed)
    if closed or places:
        return None
    return _undeclared(text, start, end, asked)


def _whole(text: Plain, start: int, end: int, asked: Asked, said: Speech) -> Found | None:
    """A reply that is nothing but the answer."""
    piece = whole_piece(text, start, end, asked)
    if piece is None and asked.answer_type == "option" and (called := _CALLED.match(text.low, start, end)):
        piece = whole_piece(text, called.end(), end, asked)
    if piece is None and asked.answer_type == "option" and (bullet := _BULLET.match(text.text, start, end)):
        piece = whole_piece(text, bullet.start("letter"), bullet.end("letter"), asked)
    return (
        (piece, "declared" if said.marked else "option" if asked.answer_type == "option" else "bare") if piece else None
    )


def _last_declared(
    text: Plain, places: Sequence[Declared], asked: Asked, cut_at: int | None
) -> tuple[Found | None, bool]:
    """The last declared answer that can be read; and whether one that cannot stands in the way of any other."""
    confirmed = _confirmed(text, [place for place in places if place.confirmed], asked)
    closed = False
    for place in reversed(places):
        if place.weak and cut_at is not None:
            continue
        if place.confirmed:
            piece = confirmed.get(place)
        elif place.denied:  # an option may be spelt so: `not enough information`
            piece = _spelt_so(text, place.start, place.end, asked)
        elif (
            place.method == "boxed"
            and asked.answer_type == "number"
            and _FORMULA.search(text.text, place.start, place.end)
        ):
            piece = whole_piece(text, place.start, place.end, asked)
        else:
            piece = read_piece(text, place.start, place.end, asked, place.of_letter)
        if piece and piece.answer and _is_whole(text, piece, cut_at):
            sure = piece.sure and not place.weak and not _declares_many(text, places, asked)
            return (piece._replace(sure=sure), place.method), False
        closed = closed or place.firm or (piece is not None and not piece.answer)
        if place.firm and place.start < place.end:
            return None, True
    return None, closed


def _spelt_so(text: Plain, start: int, end: int, asked: Asked) -> Piece | None:
    """An option whose own text denies."""
    if asked.answer_type != "option":
        return None
    return whole_option(text, start, end, asked.options) or text_first(text, start, end, asked.options)


def _declares_many(text: Plain, places: Sequence[Declared], asked: Asked) -> bool:
    """Whether a reply declares three options or more, one after the other."""
    if len(places) < 3 or asked.answer_type != "option":
        return False
    pieces = (read_piece(text, place.start, place.end, asked) for place in places if not place.denied)
    return len({piece.answer for piece in pieces if piece and piece.answer}) > 2


def _is_whole(text: Plain, piece: Piece, cut_at: int | None) -> bool:
    """Whether a declared answer ended before its reply was cut off."""
    if cut_at is None:
        return True
    rest = text.text[piece.end : cut_at]
    return bool(rest) and not (piece.answer[-1:].isdigit() and rest[0] in ".,/" and not rest[1:2].isspace())


def _confirmed(text: Plain, places: Sequence[Declared], asked: Asked) -> dict[Declared, Piece]:
    """What is confirmed, `(B) is correct`; none of it where two different answers are."""
    pieces: dict[Declared, Piece] = {}
    for place in places:
        start, end = trimmed(text.text, place.start, place.end)
        for begin in _starts(text, start, end):
            piece = whole_piece(text, begin, end, asked)
            if piece:
                pieces[place] = piece
                break
    return pieces if len({piece.answer for piece in pieces.values()}) == 1 else {}


_LEADING_WORDS = re.compile(
    r"\s*(?:[\w'’,]+\s+){0,6}?(?:(?:the\s+|l['’])?(?:correct\s+|right\s+)?(?:answer|option|choice|réponse|opción|opção|antwort|вариант|выбор|الخيار|विकल्प|letra)\s*|"
    r"(?:so|therefore|thus|hence|that|also|daher|donc|portanto|entonces|поэтому)\s*,?\s*)+"
)
_LEADING_CJK = re.compile(
    r".*?(?:选项|選項|選択肢は?|선택지|보기|答案|所以|因此|故|したがって|よって|따라서)\s*[，,、]?\s*", re.DOTALL
)


def _starts(text: Plain, start: int, end: int) -> Iterator[int]:
    yield start
    for pattern in (_LEADING_WORDS, _LEADING_CJK):
        match = pattern.match(text.low, start, end)
        if match and match.end() < end:
            yield match.end()


def _undeclared_option(
    text: Plain, start: int, end: int, asked: Asked, places: Sequence[Declared], closed: bool
) -> Found | None:
    """A leading option, a last line, one letter in brackets, an option's words."""
    after = max((place.end for place in places), default=start) if closed else start
    options = asked.options
    begin, stop = trimmed(text.text, after, end)
    if begin >= stop:
        return None
    if not places and (piece := _leading_option(text, start, end, options)):
        return (piece, "option") if piece.answer else None
    last = text.text.rfind("\n", begin, stop) + 1
    if last and (piece := _last_line(text, begin, last, stop, options)):
        return piece, "option"
    if closed:  # what is declared and cannot be read is not replaced by a letter in passing
        return None
    if not listed(text, start, end, options):
        if piece := only_bracketed(text, begin, stop, options):
            return (piece, "option") if piece.answer or "\n" not in text.text[begin:stop] else None
        if stop - begin <= MAX_REGION_CHARS and (piece := said_in_words(text, begin, stop, options)):
            return piece, "option"
        piece = in_last_sentences(text, begin, stop, asked) or denied_or_affirmed(text, begin, stop, options)
        return (piece, "sentence") if piece else None
    return None


_CALLED = re.compile(
    r"(?:\s*\d{1,2}[.)]\s+)?\W*(?:option|choice|letter|letra|lettre|buchstabe|буква|alternativa|选项|選項|選択肢|선택지|opción|opção|вариант)\s*"
)
_BULLET = re.compile(r"\s*(?:[-•>|]|\d{1,2}[.)])\s+(?P<letter>\(?[A-Z]\)?)[\s|.]*\Z")
"""A letter alone after a mark of a list, a quotation or a table."""
_AFTER_LEAD = re.compile(r"\s+(?:[-–—]|because\b|since\b)|[^\s/'-]|$|\n")
_LEAD = re.compile(r"[\s\"'(\[]*")


def _leading_option(text: Plain, start: int, end: int, options: Sequence[str]) -> Piece | None:
    """An option at the very beginning, an explanation after it; empty where two are named."""
    begin, _ = trimmed(text.text, start, end)
    lead = _LEAD.match(text.text, begin, end)
    at = lead.end() if lead else begin
    line = text.text.find("\n", begin, end)
    if line >= 0 and lists_options(text, begin, end, options):
        return None
    if line >= 0 and (piece := whole_option(text, begin, line, options)):
        return piece
    if listed(text, start, end, options):
        return None
    if text.text[at : at + 1] in valid_letters(options) and not text.text[at + 1 : at + 2].isalnum():
        piece = spelt_letter(text, begin, end, options)
        return piece if piece and (_AFTER_LEAD.match(text.low, at + 1, end) or not piece.answer) else None
    return _leading_text(text, begin, end, options)


def _leading_text(text: Plain, start: int, end: int, options: Sequence[str]) -> Piece | None:
    """An option's text and a mark after it, at the beginning of a reply: `No, there are not.`"""
    found = option_at(text.low, start, end, options)
    if not found and (letters := affirming(tuple(options))) and (piece := yes_no_piece(text, start, end)):
        return piece._replace(answer=letters[piece.answer == "no"])
    if not found or not found[0]:
        return None
    letter, stop = found
    if text.low[stop : stop + 1] not in ("", ",", ".", ":", ";", "!", "\n", "-", "—", "–", "。", "，") and not re.match(
        r"\s+(?:[-–—(]|because|since)", text.low[stop : stop + 12]
    ):
        return None
    sentence = sentence_end(text.text, min(stop + 1, end), end)
    if reason := _BECAUSE.match(text.low, stop, sentence):
        sentence = reason.start()
    named = {other for other, _, _ in options_in(text.low, stop, sentence, options)} - {letter}
    lettered = set(re.findall(r"[(\[]([A-Z])[)\]]", text.text[stop:sentence])) - {letter}
    if named or lettered & set(valid_letters(options)):
        return None
    if letter and text.low[start:stop] in ("yes", "no", "true", "false") and not yes_no_piece(text, start, end):
        return None
    return Piece(letter, start, stop, True)


_BECAUSE = re.compile(r"[\s,;:–—-]*(?:because|since)\b")
_LED_LINE = re.compile(r"(?:so|therefore|thus|hence|option|choice|选项|選項)?[\s,:]*(?:option\s+)?")


def _last_line(text: Plain, start: int, last: int, end: int, options: Sequence[str]) -> Piece | None:
    """A last line that is a letter, or writes out one option where the line before does not: that would be a list."""
    inner = unwrapped(text.text, last, end)
    if inner[1] - inner[0] == 1 and text.text[inner[0]] in valid_letters(options):
        return Piece(text.text[inner[0]], *inner, False)
    led = re.compile(r"(?:so|therefore|thus|hence|option|choice|选项|選項)?[\s,:]*(?:option\s+)?").match(
        text.low, last, end
    )
    piece = own_text(text, last, end, options) or own_text(text, led.end() if led else last, end, options)
    before = text.text[start:last].rstrip()
    at = start + before.rfind("\n") + 1
    listed_before = own_text(text, at, start + len(before), options)
    return piece._replace(sure=False) if piece and not listed_before else None


def _undeclared(text: Plain, start: int, end: int, asked: Asked) -> Found | None:
    """A leading answer, a last line, the last sentence."""
    begin, stop = trimmed(text.text, start, end)
    if begin >= stop:
        return None
    if asked.answer_type == "yes_no":
        piece = yes_no_piece(text, begin, stop) or _yes_no_at_end(text, begin, stop)
        return (piece, "bare") if piece else None
    if asked.answer_type in ("text", "expression", "list"):
        piece = in_last_sentences(text, begin, stop, asked) if asked.answer_type == "list" else None
        piece = piece or is_bare_words(text, begin, _before_reason(text, begin, stop))
        return (piece, "bare") if piece else None
    first = text.text.find("\n", begin, stop)
    if first >= 0:
        lines = [text.text.find("\n", first + 1, stop)]
        second = text.text[first : lines[0] if lines[0] >= 0 else stop]
        if not second.strip() and lines[0] >= 0:
            following = text.text.find("\n", lines[0] + 1, stop)
            second = text.text[lines[0] : following if following >= 0 else stop]
        if number_of(second) is None and (piece := whole_piece(text, begin, first, asked)):
            return piece, "bare"
        last = text.text.rfind("\n", begin, stop) + 1
        before = text.text[begin:last].rstrip()
        if number_of(before[before.rfind("\n") + 1 :]) is None and (piece := whole_piece(text, last, stop, asked)):
            return piece._replace(sure=False), "sentence"
    piece = in_last_sentences(text, begin, stop, asked)
    return (piece, "sentence") if piece else None


_REASON_LINE = re.compile(rf"\n\s*(?:{'|'.join(each.because for each in LANGUAGES if each.because.isascii())})")


def _before_reason(text: Plain, start: int, end: int) -> int:
    """Where a first line ends that gives the answer, a reason following on a line of its own."""
    reason = _REASON_LINE.search(text.low, start, end)
    return reason.start() if reason else end


def _yes_no_at_end(text: Plain, start: int, end: int) -> Piece | None:
    """A last line or sentence that says nothing but yes or no, or begins so after `so` or `therefore`."""
    for first, last in sentences_from_end(text.text, start, end, 1):
        led = re.match(r"[\s\"'(]*(?:so|therefore|thus|hence|and)?[\s,:]*", text.low[first:last])
        at = first + (led.end() if led else 0)
        piece = yes_no_piece(text, at, last)
        return piece._replace(sure=False) if piece and first > start else None
    return None


# Where an answer is declared


def declarations(
    text: Plain, start: int, end: int, whole_line: bool, languages: Sequence[tuple[Language, int]]
) -> list[Declared]:
    """The last declared answers in [start, end), first to last; each place runs to its sentence's or line's end."""
    found: list[Declared] = []
    for language, first in languages:
        found += _marked(text, first, end, whole_line, language)
        found += _reversed(text, first, end, language)
    for match in (
        () if "####" not in text.low else deque(_GSM8K.finditer(text.low, start, end), maxlen=MAX_DECLARATIONS)
    ):
        found.append(Declared(*_region(text, match.end(), end, whole_line), "declared", True))
    if "\\" in text.text:
        found += _boxed(text, start, end)
    chosen_from = max(start, end - MAX_REGION_CHARS)
    for match in words_found(CHOSEN, CHOSEN_LEADS, text.low, chosen_from, end) if whole_line else ():
        clause = _clause(text.low, start, match.start())
        if not is_quoted(text.low, start, match.start()) and not re.search(
            r"\b(?:not|n't|if|never)\b[^.]{0,20}$", clause
        ):
            found.append(Declared(match.end(), _line_end(text.text, match.end(), end), "declared", weak=True))
    return sorted(found)[-MAX_DECLARATIONS:]


def is_quoted(low: str, start: int, at: int) -> bool:
    """Whether the clause up to `at` reports what another said, or only supposes it."""
    clause = _clause(low, start, at)
    if not clause:
        return False
    reported = REPORTED.search(clause)
    if reported and not TURN.search(clause, reported.end()):
        return True
    return bool(ANOTHERS_OWN.search(clause))


def _clause(low: str, start: int, at: int) -> str:
    """What stands before `at` in its sentence."""
    before = low[max(start, at - MAX_CLAUSE_CHARS) : at]
    breaks = [match.end() for match in _BREAK.finditer(before)]
    return before[breaks[-1] :] if breaks else before


def _marked(text: Plain, start: int, end: int, whole_line: bool, language: Language) -> Iterator[Declared]:
    wrong, denied = language.wrong_pattern, language.denied_pattern
    for marks in (language.declared(text.low, start, end), language.heading_pattern.finditer(text.low, start, end)):
        for mark in deque(marks, maxlen=MAX_DECLARATIONS):
            gap = next((each for each in mark.groupdict().values() if each), "")
            if (
                ANOTHERS.search(gap)
                or _REASON.search(gap)
                or _DENIED_GAP.search(gap)
                or is_quoted(text.low, start, mark.start())
            ):
                continue
            if wrong.search(text.low[max(start, mark.start() - 24) : mark.start()]) or _WRONG.search(mark[0]):
                continue
            begin, stop = _region(text, mark.end(), end, whole_line)
            if text.text[stop : stop + 1] in ("?", "？") or _is_list_head(mark[0], gap):
                continue
            if "\n" in text.text[mark.end() : begin] and listed(text, begin, min(end, begin + MAX_REGION_CHARS), ()):
                continue  # `Choose the correct letter:` and the list of options
            is_denied = bool(denied.match(text.low, mark.end(), end))
            firm = not is_denied and language.name == "en" and "answer" in mark[0] and len(gap) <= MAX_FIRM_GAP_CHARS
            of_letter = bool(_LETTERED.search(mark[0])) or not mark[0].rstrip().endswith((":", "："))
            yield Declared(begin, stop, "declared", firm, is_denied, of_letter)


_DENIED_GAP = re.compile(r"(?:^|\s)(?:no|não|ne|n'|не)\s*$")
_REASON = re.compile(r"\b(?:because|since)\b")
_WRONG = re.compile(r"\b(?:wrong|incorrect|not|n't)\b")


def _is_list_head(mark: str, gap: str) -> bool:
    """Whether a mark opens the list of options: `The answer choices are: A) red, B) blue`."""
    return bool(re.search(r"\b(?:choices|options)\b", mark) and re.search(r"are|:", mark))


def _region(text: Plain, start: int, end: int, whole_line: bool) -> Place:
    """From a mark to the end of its sentence or line; the next line with text where this one has none."""
    end = min(end, start + MAX_REGION_CHARS)
    while start < end and text.text[start] in " \t\r\n":
        start += 1
    return start, _line_end(text.text, start, end)


def _line_end(text: str, start: int, end: int) -> int:
    stop = text.find("\n", start, min(end, start + MAX_REGION_CHARS))
    return stop if stop >= 0 else min(end, start + MAX_REGION_CHARS)


def _boxed(text: Plain, start: int, end: int) -> Iterator[Declared]:
    for mark in deque(_BOXED.finditer(text.text, start, end), maxlen=MAX_DECLARATIONS):
        close = _closing(text.text, mark.end(), min(end, mark.end() + MAX_BOXED_CHARS))
        if close is not None and not is_quoted(text.low, start, mark.start()):
            yield Declared(mark.end(), close, "boxed")


def _closing(text: str, start: int, end: int) -> int | None:
    depth = 1
    for at in range(start, end):
        depth += (text[at] == "{") - (text[at] == "}")
        if not depth:
            return at
    return None


def _reversed(text: Plain, start: int, end: int, language: Language) -> Iterator[Declared]:
    for mark in deque(language.confirmed(text.low, start, end), maxlen=MAX_DECLARATIONS):
        clause = _clause(text.low, start, mark.start())
        if (
            clause.strip()
            and not is_quoted(text.low, start, mark.start())
            and not re.search(r"\b(?:if|which|whether)\b", clause)
        ):
            yield Declared(mark.start() - len(clause), mark.start(), "declared", confirmed=True)
