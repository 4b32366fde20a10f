"""Answers: read one from a reply, and tell whether it is the gold answer, by the type that the gold deserves.

`protocol.speech` tells thought from what is said, `plain` drops what says nothing, `languages` holds each language's
phrases. `extract` reads a reply in layers and `pieces` what one place of it says (`places`), an option (`choices`), a
number (`numbers`) with its unit (`values`, `units`) or words. `match` compares with the gold, `voting` takes a
majority, and `agreement` measures the reading against what others read. It knows no arm and no file but the replies
that `agreement` is given.
The policies are in docs/answers.md.
"""

from __future__ import annotations

from .agreement import AgreementReport, KindAgreement, as_text, check_rows
from .choices import option_letter
from .extract import Reading, read
from .match import both_closed, is_gold, matches
from .path import read_path
from .values import STORED, GoldType, number_value, type_of, yes_no
from .voting import VERDICTS, majority

__all__ = [
    "AgreementReport",
    "GoldType",
    "KindAgreement",
    "PARSER",
    "Reading",
    "STORED",
    "VERDICTS",
    "as_text",
    "both_closed",
    "is_strict",
    "parser_label",
    "check_rows",
    "is_gold",
    "majority",
    "matches",
    "number_value",
    "option_letter",
    "read",
    "read_path",
    "type_of",
    "yes_no",
]

PARSER = "answers@4"
"""The reader's version, kept with every record it reads; it rises whenever a reading may change."""
_STRICT = ", strict"


def parser_label(strict: bool) -> str:
    """The reader's version, and whether only sure readings may be right: what two results must share."""
    return PARSER + _STRICT if strict else PARSER


def is_strict(label: str) -> bool:
    return label.endswith(_STRICT)
