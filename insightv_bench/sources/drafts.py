"""A table's row as a draft of a question: which column holds what, in the table's own forms."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from insightv_bench.answers import matches
from insightv_bench.chat import LETTERS
from insightv_bench.errors import SourceError
from insightv_bench.records import AnswerType, Step

MAX_LIST_CHARS = 100_000
Row = Mapping[str, Any]
"""One row of a table."""


class Draft(NamedTuple):
    """What a row says, before images are read and the answer is typed."""

    question: str
    answer: str
    images: tuple[Any, ...]
    """Bytes, structs or paths, in order."""
    options: tuple[str, ...] = ()
    id: str = ""
    kind: str = ""
    answer_type: AnswerType | None = None
    """None: told from the answer."""
    tolerance: float = 0.0
    group: str = ""
    problem: str = ""
    """Why it can be no question, where the row alone shows it."""
    rationale: tuple[Step, ...] = ()
    """Its authors' own solution."""


class Layout(NamedTuple):
    """Which columns a table must have, and how a row of them becomes a draft."""

    needs: tuple[tuple[str, tuple[str, ...]], ...]
    """What for, and the columns of which one must be there: copies of a data set name it differently."""
    draft: Callable[[Row], Draft]
    takes: tuple[str, ...] = ()
    """Columns that are used where they are there."""

    def choose(self, known: Sequence[str], place: str) -> list[str]:
        """The columns to read. Raises SourceError where one is missing."""
        for field, group in self.needs:
            if not set(group) & set(known):
                named = " or ".join(f"`{name}`" for name in group)
                columns = ", ".join(f"`{name}`" for name in known)
                raise SourceError(f"`{place}` has no column {named} for `{field}`", f"its columns are {columns}")
        wanted = {name for _, group in self.needs for name in group} | set(self.takes)
        return [name for name in known if name in wanted]


def cell(value: object) -> str:
    """The text of a cell that can be stored; 0 is a value, None and NaN are not."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).strip().encode("utf-8", "replace").decode()  # half a surrogate pair, as JSON can carry


EMPTY_OPTION = "an option is empty"
_MARK = re.compile(r"(?:^|[\s;,|])\(?([A-Z])[.):]\s*(?=\S)")
"""Before an option in a running text: `A. `, `(A) `, `A: `."""


def as_options(value: object) -> tuple[tuple[str, ...], str]:
    """The options, and why they cannot be read where they cannot. A list may be written as text; they may also be a
    table by letter, or one text with letters in it, `A. cat; B. dog`."""
    if isinstance(value, str) and value.strip():
        given = parsed(value)
        value = lettered(value) if given is None else given
        if value is None:
            return (), "options cannot be read"
    if isinstance(value, Mapping):
        value = by_letter(value)
        if value is None:
            return (), "options cannot be read"
    if value is None or isinstance(value, str):
        return (), ""
    if not isinstance(value, (list, tuple)) or any(isinstance(item, (list, tuple, dict)) for item in value):
        return (), "options cannot be read"
    options = tuple(cell(item) for item in value)
    return (options, "") if all(options) else ((), EMPTY_OPTION)


def kept_letters(options: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """Options of which the last may be empty. One that is empty before them is a problem: the letters after it would
    move, and the gold answer with them."""
    held = list(options)
    while held and not held[-1]:
        held.pop()
    return (tuple(held), "") if all(held) else ((), EMPTY_OPTION)


def by_letter(table: Mapping[Any, Any]) -> list[Any] | None:
    """Options in a table by letter, in the letters' order, empty ones at the end left out; None for another table."""
    letters = {str(key).strip().strip("().").upper(): value for key, value in table.items()}
    if not letters or len(letters) != len(table) or not letters.keys() <= set(LETTERS):
        return None
    last = max(map(LETTERS.index, letters))
    options, _ = kept_letters([cell(letters.get(letter)) for letter in LETTERS[: last + 1]])
    return list(options) or [""]


def lettered(text: str) -> list[str] | None:
    """The options of a text that names their letters in order from A; None for any other text."""
    marks = list(_MARK.finditer(text))
    if len(marks) < 2 or text[: marks[0].start()].strip() or [mark[1] for mark in marks] != list(LETTERS[: len(marks)]):
        return None
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    return [text[mark.end() : end].strip().rstrip(";,|").rstrip() for mark, end in zip(marks, ends, strict=True)]


def parsed_list(text: str) -> list[Any] | None:
    """A list written as JSON or as a Python literal; None for anything else."""
    value = parsed(text)
    return value if isinstance(value, list) else None


def parsed(text: str) -> list[Any] | dict[Any, Any] | None:
    """A list or a table written as JSON or as a Python literal; None for anything else."""
    if len(text) > MAX_LIST_CHARS or text.lstrip()[:1] not in "[({":
        return None
    for parse in (json.loads, ast.literal_eval):
        try:
            value = parse(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
        if isinstance(value, (list, tuple)):
            return list(value)
        if isinstance(value, dict):
            return value
    return None


def one_gold(golds: Sequence[Any]) -> tuple[str, str]:
    """The gold answer of a list of them: the first, where the others say the same; else a problem, never a guess."""
    texts = [text for text in map(cell, golds) if text]
    if not texts:
        return "", ""
    same = all(matches(text, texts[0], "number") or text.casefold() == texts[0].casefold() for text in texts[1:])
    return texts[0], "" if same else SEVERAL_GOLDS


SEVERAL_GOLDS = "several gold answers"
NO_GOLD = "the answer stands for none, as `nan` does"
PLACEHOLDERS = {"nan", "null", "<na>", "n/a", "#n/a", "?", "??", "???", "-", "--"}
"""What tables write where there is no answer."""
OPTIONS_NUMBER = "the answer is an option's number, and `index_from` does not say whether they begin at 0 or 1"
NOT_ITS_LETTER = "the answer's letter is not that of its text"
_LETTERED_GOLD = re.compile(r"\(?([A-Za-z])\s*(?:[.):](?:\s+(.*))?)?", re.DOTALL)


def gold_of(value: Any, options: Sequence[str], index_from: int | None = None) -> tuple[str, str]:
    """The gold answer as its cell tells it, and why it cannot be read where it cannot: a text, a list of ones that say
    the same, and with options a letter (`B`, `(B)`, `B. dog`), an option's text or, from `index_from`, its number."""
    listed = parsed_list(value) if isinstance(value, str) and value.lstrip()[:1] == "[" else None
    if listed is not None and (len(listed) == 1 or any(isinstance(item, str) for item in listed)):
        value = listed  # `[3, 5]` may be one answer that is a list
    gold, problem = one_gold(list(value)) if isinstance(value, (list, tuple)) else (cell(value), "")
    if problem or not options:
        return gold, problem
    number = re.fullmatch(r"(\d{1,2})(?:\.0+)?", gold)
    if number and index_from is not None:
        place = int(number[1]) - index_from
        return (LETTERS[place], "") if 0 <= place < len(options) else (gold, "")
    if letter_of(gold, options):
        return gold, ""
    told = _LETTERED_GOLD.fullmatch(gold)
    if told and told[1].upper() in LETTERS[: len(options)]:
        letter, text = told[1].upper(), (told[2] or "").strip()
        held = options[LETTERS.index(letter)]
        return letter, "" if not text or text.casefold() == held.casefold() else NOT_ITS_LETTER
    return gold, OPTIONS_NUMBER if number else ""


def image_cells(values: Iterable[Any]) -> tuple[Any, ...]:
    """Of several columns in order: an empty column holds none, a list as many as it is long."""
    cells: list[Any] = []
    for value in values:
        if isinstance(value, (list, tuple)):
            cells.extend(value)
        elif value is not None:
            cells.append(value)
    return tuple(cells)


def letter_of(text: str, options: Sequence[str]) -> str:
    """The letter of the one option with this text; empty where none or several have it."""
    held = [letter for letter, option in zip(LETTERS, options, strict=False) if option == text]
    return held[0] if len(held) == 1 else ""
