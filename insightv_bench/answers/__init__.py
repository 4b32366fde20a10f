"""Answers: read one from a reply, and tell whether it is the gold answer, by answer type.

This is the door; behind it `answer_reading` and `answer_patterns` find an answer in a reply, `answer_forms` says what a
short piece means, `answer_matching` compares, and `answer_agreement` measures the reading against other scorers'.
What a path or a reply in our protocol looks like is the matter of `protocol`. The policies are in docs/answers.md.
"""

from __future__ import annotations

from .agreement import AgreementReport, KindAgreement, as_text, check_file, check_rows
from .extract import Reading, read
from .match import is_gold, matches, option_letter
from .normalize import number_value, yes_no
from .voting import VERDICTS, majority

__all__ = [
    "AgreementReport",
    "KindAgreement",
    "PARSER",
    "Reading",
    "VERDICTS",
    "as_text",
    "check_file",
    "check_rows",
    "is_gold",
    "majority",
    "matches",
    "number_value",
    "option_letter",
    "read",
    "yes_no",
]

PARSER = "answers@2"
"""The reader's version, kept with every record it reads; it rises whenever a reading may change."""
