"""What a place in a plain reply says, read as an answer of one type: an option, a number, yes or no, words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from insightv_bench.records import AnswerType

from .choices import (
    affirming,
    are_letters,
    choices,
    option_at,
    option_by_text,
    options_in,
    single_letter,
    valid_letters,
)
from .languages import ANOTHERS, LANGUAGES, NO, REFUSED, REPORTED, YES
from .numbers import number_in_sentence, number_piece
from .places import (
    EDGES,
    SENTENCE_END,
    SHORT_REASON,
    Piece,
    is_negated,
    main_clause,
    sentence_end,
    sentences_from_end,
    skip,
    trimmed,
    unwrapped,
)
from .plain import Place, Plain
from .values import date_of, number_of, range_of, ratio_of, time_of

MAX_SENTENCES = 3  # how far back from the end of a reply a number is looked for
MAX_ITEM_CHARS = 40  # of a list written as sentences
MAX_SHORT_CHARS = 600  # of a reply whose first sentence may be its answer, with an explanation after it

_LED = re.compile(
    r"(?:[\s:=>→]|-\s)*"
    r"(?:(?:therefore|thus|hence|likely|probably|clearly|approximately|about|simply|indeed|most likely|"
    r"option|choice|letter|answer|the|选项|選項|選択肢|선택지|보기|option|lettre|letra|opción|opção|вариант|буква|الخيار|विकल्प)"
    r"(?![\w-])[\s,:]*|(?:选项|選項|選択肢|선택지|보기|विकल्प)\s*)*"
)
_LETTER = re.compile(
    r"(?:[\s$`\"'(\[{]|\\(?:boxed|text)\{)*(?P<letter>[A-Z])(?P<close>[)\]}\"'$.:,;]|\s|$|[-/](?=\s|\()|→|(?=[^\x00-\x7f])|(?=\())"
)
_AFTER_LETTER = re.compile(r"[)\]}\"'.:,;=\s]*(?:[-–—]\s+)?")
_ANOTHER_LETTER = re.compile(
    r"[)\].}\s]*(?:,|\band\b|\bor\b|&|/|\+|->|→|>|或|和|、|と|또는|oder|\bou\b|\bo\b|или|أو|या)\s*"
    r"(?:option\s+|both\s+|选项)?[(\[]*[A-Z](?![A-Za-z'’])|[)\]]\s*[(\[][A-Z][)\]]"
)
_REFUTED = re.compile(
    r"[)\].\s]*(?:(?:is|are|was|seems?|looks|cannot|can't|isn['’]t)\s+(?:wrong|incorrect|false|not|be)\b|"
    r"(?:是)?(?:不正确|不正確|错误|錯誤)|ist\s+(?:nicht|falsch)|no\s+es\b|es\s+incorrect|n['’]est\s+pas|não\s+é|не\s)"
)
_GOES_ON = re.compile(
    r"\s+(?:because|since|as|which|where|with|based|due|so|for|given|is|and\s+(?:not|the|it)|but|from|in|on|according|"
    r"that|weil|da|denn|richtig|korrekt|car|parce|porque|pois|ya|потому|так|क्योंकि|है|لأن|[-–—(→=>])"
)
_NAMED_AFTER = re.compile(
    r"\.\s+(?!(?:because|since|as|so|the|it|this|that|there|they|based|due|which|in|an?|is|for|see|by|we)\b)[a-z]"
)
_BRACKETED = re.compile(
    r"(?<!\w)[(\[]\s?[\"']?([A-Z])[\"']?\s?[)\]]|\b[Oo]ption\s+[$({\"']*([A-Z])\b|选项\s*([A-Z])|選項\s*([A-Z])"
)
_IS_BEFORE = re.compile(r"(?:\b(?:is|are|be|was)|[:：=是为為])\s*(?:option\s+|the\s+)?$")
_CALLED_WRONG = re.compile(r"\b(?:wrong|incorrect|eliminated?|ruled\s+out|excluded)\b|错误|錯誤|不正确")
_NOT_BEFORE = re.compile(r"(?:\b(?:not|isn't|than|nor|neither|over|wrong)|不是|非)\s*(?:option\s+)?$")


class Asked(NamedTuple):
    """What a reply is read for."""

    answer_type: AnswerType
    options: tuple[str, ...]


def read_piece(text: Plain, start: int, end: int, asked: Asked, of_letter: bool = False) -> Piece | None:
    """What a declared place says."""
    if asked.answer_type == "option":
        return option_piece(text, start, end, asked.options, of_letter)
    return _READERS[asked.answer_type](text, start, end)


def whole_piece(text: Plain, start: int, end: int, asked: Asked) -> Piece | None:
    """A place that is nothing but the answer."""
    if asked.answer_type == "option":
        return whole_option(text, start, end, asked.options)
    inner = unwrapped(text.text, start, end)
    said = text.text[slice(*inner)]
    if asked.answer_type == "yes_no":
        word = said.casefold()
        return Piece("yes" if word in YES else "no", *inner, True) if word in YES or word in NO else None
    known = _WHOLE.get(asked.answer_type)
    return Piece(said, *inner, True) if known and known(said) else None


# Options


def whole_option(text: Plain, start: int, end: int, options: Sequence[str]) -> Piece | None:
    """A piece that is nothing but a letter, nothing but one option's text, or the two together."""
    inner = unwrapped(text.text, start, end)
    outer = trimmed(text.text, start, end)
    said = text.text[slice(*inner)]
    if len(said) == 1 and (letter := single_letter(said, options)):
        return Piece(letter, *inner, True)
    if len(said) == 2 and said[1] == ")" and (letter := single_letter(said[0], options)):
        return Piece(letter, inner[0], inner[0] + 1, True)
    for place in (outer, inner) if outer != inner else (inner,):
        if letter := option_by_text(text.text[slice(*place)], options):
            return Piece(letter, *place, True)
    if len(options) == 2 and (letter := _affirmed(said.casefold(), options)):
        return Piece(letter, *inner, True)
    return own_text(text, *inner, options) or (own_text(text, *outer, options) if outer != inner else None)


def _affirmed(word: str, options: Sequence[str]) -> str | None:
    """The letter of what a word says, where the options are yes and no in other words."""
    letters = affirming(tuple(options)) if word in YES or word in NO else None
    return letters[word in NO] if letters else None


def own_text(text: Plain, start: int, end: int, options: Sequence[str]) -> Piece | None:
    """A letter and the text of its own option, and nothing else."""
    match = _LETTER.match(text.text, start, end)
    if not match or match["letter"] not in valid_letters(options):
        return None
    at = match.end("letter")
    rest = _after_letter(text.text, at, end)
    named = option_by_text(text.text[slice(*rest)], options) or option_by_text(
        text.text[slice(*unwrapped(text.text, *rest))], options
    )
    return Piece(match["letter"], at - 1, at, True) if named == match["letter"] else None


def _after_letter(text: str, at: int, end: int) -> Place:
    match = _AFTER_LETTER.match(text, at, end)
    start, stop = match.end() if match else at, end
    if start > at and text[start - 1] == "." and text[start : start + 1].isdigit() and text[start - 2].isspace():
        start -= 1  # `B. .5`
    while stop > start and text[stop - 1] in EDGES:
        stop -= 1
    return start, stop


def option_piece(text: Plain, start: int, end: int, options: Sequence[str], of_letter: bool = False) -> Piece | None:
    """The one option that a declared place names: by a text at its head, by a letter, by what its sentence says."""
    led = _LED.match(text.low, start, end)
    begin = led.end() if led else start
    for at in dict.fromkeys((start, begin)):
        if piece := whole_option(text, at, end, options):
            return piece
    stop = sentence_end(text.text, begin, end)
    for at in dict.fromkeys((start, begin)):
        if stop < end and (piece := whole_option(text, at, stop, options)) and piece.end - piece.start > 1:
            return piece
    piece = (
        text_first(text, start, end, options)
        or text_first(text, begin, end, options)
        or spelt_letter(text, begin, end, options, of_letter)
    )
    if piece is None:
        stop = sentence_end(text.text, start, end)
        piece = (
            only_bracketed(text, start, stop, options)
            or said_in_words(text, start, stop, options)
            or _by_value(text, start, stop, options)
        )
    return piece


def text_first(text: Plain, start: int, end: int, options: Sequence[str]) -> Piece | None:
    """An option's text at the head of a place, before any letter that it may begin with: `D-glucose, which ...`."""
    begin = start
    while begin < end and text.text[begin] in " \t\n\"'([$":
        begin += 1
    found = next(
        (each for at in dict.fromkeys((start, begin)) if (each := option_at(text.low, at, end, options))), None
    )
    if not found:
        return None
    letter, stop = found
    if sum(char.isalnum() for char in text.text[begin:stop]) == 1 and text.text[begin:stop].strip("()[]. ").isalpha():
        return None  # a letter, whatever the options are called
    sentence = sentence_end(text.text, stop, end)
    if not letter or _names_another(text, stop, sentence, letter, options):
        return Piece("", begin, begin, False)
    rest = text.low[stop:end]
    ends = not rest.strip() or rest[0] in ",.:;!)\n]\"'。，" or bool(SHORT_REASON.match(rest))
    if not ends and stop - begin < 4:
        return None
    return Piece(letter, begin, stop, ends)


def _names_another(text: Plain, start: int, end: int, letter: str, options: Sequence[str]) -> bool:
    """Whether a second option is named next to one: `red or blue`, `red (B)`."""
    match = re.match(r"\s*(?:,|or\b|and\b|/|&|或|和)\s*(?:option\s+|the\s+)?", text.low[start:end])
    if match and match.end() and (other := option_at(text.low, start + match.end(), end, options)):
        return other[0] != letter
    bracket = re.match(r"\s*\(([A-Z])\)", text.text[start:end])
    return bool(bracket and bracket[1] != letter and bracket[1] in valid_letters(options))


def spelt_letter(text: Plain, start: int, end: int, options: Sequence[str], of_letter: bool = False) -> Piece | None:
    """A letter with words after it: `C. blue`, `(C) blue`, `B because`; empty where they are another option's."""
    match = _LETTER.match(text.text, start, end)
    if not match or match["letter"] not in valid_letters(options):
        return None
    letter, at = match["letter"], match.end("letter")
    if _ANOTHER_LETTER.match(text.text, at, end):
        return Piece("", at, at, False)
    if _REFUTED.match(text.low, at, end):  # `(A) is wrong`
        return None
    bracketed = text.text[at - 2 : at - 1] in ("(", "[", "{", "$", '"', "'")
    rest = _after_letter(text.text, at, end)
    if rest[0] >= rest[1]:
        return Piece(letter, at - 1, at, True)
    line = text.text.find("\n", at, end)
    stop = sentence_end(text.text, rest[0], end if line < 0 else line)
    named = (
        option_by_text(text.text[rest[0] : line if line >= 0 else rest[1]], options)
        or option_by_text(text.text[rest[0] : stop], options)
        or option_by_text(text.text[slice(*unwrapped(text.text, rest[0], stop))], options)
    )
    if named is None and (head := option_at(text.low, rest[0], end, options)):
        ends = not (text.low[head[1] : head[1] + 2].strip() or " ")[0].isalnum()
        named = head[0] if head[0] == letter or (ends and head[0]) else None
        if named == letter and _REFUTED.match(text.low, head[1], end):  # `A) red is wrong`
            return None
    if named == letter:
        return Piece(letter, at - 1, at, True)
    if named:  # `B. red` where red is C: two are named, unless it is the letter that was declared
        meant = of_letter and bracketed and len(options) > 2
        return Piece(letter, at - 1, at, False) if meant else Piece("", at, at, False)
    if not bracketed and match["close"].isspace() and match["close"] != "\n" and not _GOES_ON.match(text.low, at, end):
        return None  # `A triangle`, `C major scale`
    if not bracketed and letter in "AI" and match["close"] == " " and not _GOES_ON.match(text.low, at, end):
        return None
    if not bracketed and match["close"] == "." and _NAMED_AFTER.match(text.text, at, end):
        return None  # `E. coli`
    if match["close"] in ("-", "/") and not text.text[at + 1 : at + 2].isspace():
        return None
    return Piece(letter, at - 1, at, True)


def only_bracketed(text: Plain, start: int, end: int, options: Sequence[str]) -> Piece | None:
    """The one letter in brackets; those quoted, denied or in a sentence on the path left out. Empty where two are."""
    piece: Piece | None = None
    for match in _BRACKETED.finditer(text.text, start, end):
        place = match.span(match.lastindex or 0)
        letter = text.text[slice(*place)]
        if (piece is not None and piece.answer == letter) or letter not in valid_letters(options):
            continue
        if piece:
            return Piece("", start, start, False)
        named = _named_after(text, match.end(), end, options)
        stop = sentence_end(text.text, match.end(), end)
        if text.text[stop : stop + 1] in ("?", "？"):
            continue
        if is_stated(text, start, match.start(), match.end() if named == letter else end):
            if named and named != letter:
                return Piece("", start, start, False)
            piece = Piece(letter, *place, False)
    return piece


def _named_after(text: Plain, at: int, end: int, options: Sequence[str]) -> str | None:
    """The option whose text follows a letter, to its sentence's end."""
    stop = min(sentence_end(text.text, at, end), end)
    return option_by_text(text.text[slice(*unwrapped(text.text, at, stop))], options) or option_by_text(
        text.text[at:stop], options
    )


def is_stated(text: Plain, start: int, at: int, end: int) -> bool:
    """Whether a letter in passing is the writer's own and not denied: its sentence names no path and no negation."""
    before = text.low[max(start, at - 160) : at]
    breaks = [match.end() for match in SENTENCE_END.finditer(before)]
    clause = before[breaks[-1] :] if breaks else before
    stop = sentence_end(text.text, at, min(end, at + 160))
    if ANOTHERS.search(clause) or ANOTHERS.search(text.low, at, stop) or text.text[stop : stop + 1] in ("?", "？"):
        return False
    if _NOT_BEFORE.search(clause):
        return False
    if _CALLED_WRONG.search(clause):
        return False
    after = is_negated(text.low[at:stop])
    return not after if _IS_BEFORE.search(clause) else not (after or is_negated(clause))


_CONTRAST = re.compile(r",?\s+(?:rather\s+than|instead\s+of)\s|,\s*(?:and\s+)?not\s|，(?:而)?不是")
"""After it stands what is not answered: `blue, not red`."""


def said_in_words(text: Plain, start: int, end: int, options: Sequence[str]) -> Piece | None:
    """The one option whose words a sentence says and does not deny."""
    start = main_clause(text.low, start, end)
    if contrast := _CONTRAST.search(text.low, start, end):
        end = contrast.start()
    if is_negated(text.low[start:end]) or REPORTED.search(text.low[start:end]) or end - start > 600:
        return None
    places = options_in(text.low, start, end, options)
    letters = {letter for letter, _, _ in places}
    if len(letters) != 1:
        return None
    letter, at, stop = places[-1]
    asks = sentence_end(text.text, stop, len(text.text))
    return None if text.text[asks : asks + 1] in ("?", "？") else Piece(letter, at, stop, False)


def _by_value(text: Plain, start: int, end: int, options: Sequence[str]) -> Piece | None:
    """The one option whose value the only number of a sentence is."""
    piece = number_in_sentence(text, start, end)
    letter = option_by_text(piece.answer, options) if piece else None
    return Piece(letter, piece.start, piece.end, False) if letter and piece else None


# Words


def yes_no_piece(text: Plain, start: int, end: int) -> Piece | None:
    """The yes or no that the piece begins with."""
    begin, stop = trimmed(text.low, start, sentence_end(text.text, start, end))
    begin = skip(text.low, begin, end)
    words = [word for word in (*YES, *NO) if text.low.startswith(word, begin)]
    if not words:
        return None
    word = max(words, key=len)
    at = begin + len(word)
    after = text.low[at:end]
    if word.isascii() and not re.match(r"\W*$|\s*[.,!;:)\n–—-]|\s+(?:because|since|as)\b", after):
        return None
    if re.match(r"\s*\.\s*\d", after) or _other_word(text.low, at, end, word) or (word == "no" and after[:1] == "-"):
        return None
    return Piece("yes" if word in YES else "no", begin, at, at >= stop or after[:1] in ",.;:!\n)")


def _other_word(low: str, at: int, end: int, word: str) -> bool:
    """Whether the opposite follows: `yes and no`, `yes - wait, no`."""
    others = [each.no[0] if word in YES else each.yes[0] for each in LANGUAGES]
    after = low[at : min(end, at + 60)].split("\n")[0]
    return any(re.search(rf"(?<!\w){re.escape(other)}(?!\w)", after) for other in others if other.isascii())


def text_piece(text: Plain, start: int, end: int) -> Piece | None:
    """The words of the piece, without a reason given after them."""
    reason = re.search(r",?\s+(?:because|since)\b", text.low[start:end])
    inner = unwrapped(text.text, start, start + reason.start() if reason else end, brackets=False)
    said = text.text[slice(*inner)]
    return Piece(said, *inner, reason is None) if any(char.isalnum() for char in said) else None


def list_piece(text: Plain, start: int, end: int) -> Piece | None:
    """A bracketed list in the piece, or its words."""
    lists = re.findall(r"\[[^\[\]]+\]", text.text[start:end])
    if len(lists) == 1:
        at = text.text.index(lists[0], start)
        return Piece(lists[0], at, at + len(lists[0]), True)
    return text_piece(text, start, end)


_LOOKS: dict[AnswerType, re.Pattern[str]] = {
    "date": re.compile(
        r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{4}年\d{1,2}月(?:\d{1,2}[日号])?|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}|(?:\d{1,2}(?:st|nd|rd|th)?\s+(?:of\s+)?)?\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?(?:\s+\d{1,2}(?:st|nd|rd|th)?\b(?!\d))?(?:,?\s+\d{4})?"
    ),
    "time": re.compile(
        r"\b\d{1,2}(?::\d{2}){1,2}(?:\s*[ap]\.?\s?m\b\.?)?|\b\d{1,2}\s*[ap]\.?\s?m\b\.?|\bnoon\b|\bmidnight\b"
    ),
    "range": re.compile(
        r"[$€£]?\d[\d,.]*\s*(?:%|°)?\s*(?:-|–|—|~|\bto\b|至|到|\band\b)\s*[$€£]?\d[\d,.]*"
        r"(?:\s*(?:%|°|years?|cm|mm|km|kg|m)(?![a-z]))?"
    ),
    "ratio": re.compile(r"\d+(?:\.\d+)?(?:\s*:\s*\d+(?:\.\d+)?)+|\d+\s+to\s+\d+"),
}
_WHOLE: dict[AnswerType, Callable[[str], object]] = {
    "number": number_of, "date": date_of, "time": time_of, "range": range_of, "ratio": ratio_of,
}  # fmt: skip


def _typed(answer_type: AnswerType) -> Callable[[Plain, int, int], Piece | None]:
    def piece(text: Plain, start: int, end: int) -> Piece | None:
        """All of the piece, or the only thing of its type in it."""
        stop = sentence_end(text.text, start, end) if answer_type not in ("time", "date") else end
        for until in (stop, end):
            inner = unwrapped(text.text, start, until)
            if _WHOLE[answer_type](text.text[slice(*inner)]):
                return Piece(text.text[slice(*inner)], *inner, True)
        return only_typed(text, start, stop, answer_type)

    return piece


def only_typed(text: Plain, start: int, end: int, answer_type: AnswerType) -> Piece | None:
    """The only date, time, range or ratio of a place."""
    places = [trimmed(text.text, *match.span()) for match in _LOOKS[answer_type].finditer(text.low, start, end)]
    places = [place for place in places if _WHOLE[answer_type](text.text[slice(*place)])]
    if len({text.low[slice(*place)] for place in places}) != 1 or is_negated(text.low[start : places[0][0]]):
        return None
    return Piece(text.text[slice(*places[0])], *places[0], False)


_READERS: dict[AnswerType, Callable[[Plain, int, int], Piece | None]] = {
    "number": number_piece,
    "yes_no": yes_no_piece,
    "text": text_piece,
    "list": list_piece,
    "expression": text_piece,
    **{name: _typed(name) for name in _LOOKS},
}


_ENUMERATED = re.compile(r"^[ \t]*\d{1,2}[.)][ \t]", re.MULTILINE)


def in_last_sentences(text: Plain, start: int, end: int, asked: Asked) -> Piece | None:
    """The only candidate of the last sentence that has one; failing that, of a short reply's first sentence."""
    if asked.answer_type in ("text", "expression", "yes_no"):
        return None
    is_option = asked.answer_type == "option"
    if (
        not is_option
        and len(_ENUMERATED.findall(text.low, max(start, end - MAX_SHORT_CHARS), end)) > 2
        and (_ENUMERATED.match(text.low, text.low.rfind("\n", start, end) + 1, end))
    ):
        return None  # a list of several, and nothing after it
    sentences = list(sentences_from_end(text.text, start, end, 1 if is_option else MAX_SENTENCES))
    short = len(sentences) > 1 and all(last - first <= MAX_ITEM_CHARS for first, last in sentences[:2])
    if short and all(whole_piece(text, *each, asked) for each in sentences[:2]):
        return None  # a list
    for first, last in sentences:
        if piece := _in_sentence(text, first, last, asked):
            return piece
        low = text.low[first:last]
        if "?" in low or REFUSED.search(low) or REPORTED.search(low) or "=" in low:
            return None
        if any(char.isdigit() for char in low):
            break
    if end - start > MAX_SHORT_CHARS or "\n" in text.text[start:end]:
        return None
    return _in_sentence(text, start, sentence_end(text.text, start, end), asked)


def _in_sentence(text: Plain, start: int, end: int, asked: Asked) -> Piece | None:
    low = text.low[start:end]
    if low.strip(EDGES).isdigit() and end < len(text.low):
        return None  # `1.` of a list
    if asked.answer_type == "option":
        return _option_in_sentence(text, start, end, asked.options)
    if "?" in low or "？" in low or REFUSED.search(low) or REPORTED.search(low):
        return None
    if asked.answer_type == "list":
        return list_piece(text, start, end) if low.count("[") == 1 and "]" in low else None
    if asked.answer_type in _LOOKS:
        piece = only_typed(text, start, end, asked.answer_type)
        return piece._replace(sure=False) if piece else None
    return number_in_sentence(text, start, end)


def _option_in_sentence(text: Plain, start: int, end: int, options: Sequence[str]) -> Piece | None:
    """An option in brackets, in words, as what the sentence's verb says, or as its number."""
    if text.text[start:end].rstrip().endswith(("?", "？")):
        return None
    start = main_clause(text.low, start, end)
    piece = only_bracketed(text, start, end, options) or said_in_words(text, start, end, options)
    if piece or REFUSED.search(text.low, start, end) or REPORTED.search(text.low[start:end]):
        return piece
    if options_in(text.low, start, end, options) or _BRACKETED.search(text.text, start, end):
        return None
    led = _SO.match(text.low, start, end)
    if led and (piece := whole_option(text, led.end(), end, options)):
        return piece._replace(sure=False)
    letters = are_letters(tuple(options))
    if ending := _COPULA_AT_END.search(text.low, start, end):
        end = ending.start()
    for match in list(_PREDICATE.finditer(text.low, start, end))[-1:]:
        if (piece := whole_option(text, match.end(), end, options)) and (letters or piece.end - piece.start > 1):
            return piece._replace(sure=False)
    return _by_value(text, start, end, options)


_PREDICATE = re.compile(r"\b(?:is|are|was|be|equals?|to)\s|[=:是为為は]")
_COPULA_AT_END = re.compile(r"(?:です|である|だ|입니다|이다|है)[\s。.!！।]*\Z")
_SO = re.compile(r"\s*(?:so|therefore|thus|hence|所以|因此|故|also|donc|por\s+tanto|portanto|значит)[\s,:，：]+")
_COMPARED = re.compile(
    r"\b(?:is|are|has|have|there\s+are)\s+(?:\w+\s+)?(?:greater|less|more|fewer|larger|smaller|higher|lower|bigger|taller)\b[^.]*\bthan\b"
)


def denied_or_affirmed(text: Plain, start: int, end: int, options: Sequence[str]) -> Piece | None:
    """No where the reply's first sentence denies what was asked, yes where it compares as it was asked to."""
    said = {choice.said: choice.letter for choice in choices(tuple(options))}
    if set(said) not in ({"yes", "no"}, {"true", "false"}):
        return None
    stop = sentence_end(text.text, start, end)
    sentence = text.low[start:stop]
    if (
        text.text[stop : stop + 1] in ("?", "？")
        or _UNKNOWN.search(sentence)
        or REPORTED.search(sentence)
        or "\n" in text.text[stop:end].strip()
    ):
        return None
    if match := re.search(
        r"\b(?:is|are|was|were|does|do|did|has|have)\s+not\b|\b(?:isn|aren|wasn|doesn|don|didn|hasn)['’]t\b", sentence
    ):
        letter = said.get("no") or said["false"]
    elif match := _COMPARED.search(sentence):
        letter = said.get("yes") or said["true"]
    else:
        return None
    return Piece(letter, start + match.start(), start + match.end(), False)


_UNKNOWN = re.compile(
    r"\b(?:if|whether|cannot|can['’]t|unable|possible|enough|provide[ds]?|clear|clearly|specif\w+|visible|information|determine|sure|access|"
    r"necessarily|mention\w*|know|see|shown|context|sufficient|contain|image|picture|figure|question)\b"
)


def is_bare_words(text: Plain, start: int, end: int) -> Piece | None:
    """A reply that is nothing but a few words."""
    inner = unwrapped(text.text, start, end, brackets=False)
    said = text.text[slice(*inner)]
    short = len(said) <= 120 and "\n" not in said and len(said.split()) <= 6
    return Piece(said, *inner, False) if short and any(char.isalnum() for char in said) else None


def lists_options(text: Plain, start: int, end: int, options: Sequence[str]) -> bool:
    """Whether two lines or more are an option with its letter."""
    lines = text.text[start:end].split("\n")[: 2 * len(options) + 8]
    own = {piece.answer for line in lines if (piece := own_text(_line(line), 0, len(line), options))}
    return len(own) > 1


def _line(line: str) -> Plain:
    return Plain(line, line.lower(), line, (0,), (0,), (len(line),))


def listed(text: Plain, start: int, end: int, options: Sequence[str]) -> bool:
    """Whether lines of the place begin with two or more letters, as a list of options does."""
    letters = set(re.findall(r"^[ \t(\[-]*([A-Z])[).:\]]\s", text.text[start:end], re.MULTILINE))
    return len(letters) > 1 and bool(letters & set(valid_letters(options)) or len(letters) > 2)
