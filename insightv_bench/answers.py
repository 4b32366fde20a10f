"""Answers: read one from a reply, and tell whether it is the gold answer, by answer type.

This is the door; behind it `answer_reading` and `answer_patterns` find an answer in a reply, `answer_forms` says what a
short piece means, `answer_matching` compares, and `answer_agreement` measures the reading against other scorers'.
What a path or a reply in our protocol looks like is the matter of `protocol`. The policies are in docs/answers.md.
"""

from __future__ import annotations

from insightv_bench.answer_agreement import AgreementReport, KindAgreement, check_file, check_rows
from insightv_bench.answer_matching import matches
from insightv_bench.answer_reading import Reading, read

__all__ = ["PARSER", "AgreementReport", "KindAgreement", "Reading", "check_file", "check_rows", "matches", "read"]

PARSER = "answers@2"
"""The reader's version, kept with every record it reads; it rises whenever a reading may change."""
