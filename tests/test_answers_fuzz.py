"""Answers under fire: replies that no one wrote, replies that hold nothing, and the time that reading takes."""

from __future__ import annotations

import pytest
from fuzzed import check, fuzzed
from unreadable import UNREADABLE

from insightv_bench.answers import read
from insightv_bench.records import AnswerType


@pytest.mark.parametrize(("response", "answer_type", "options"), UNREADABLE)
def test_a_reply_in_which_nothing_can_be_read_reads_as_nothing(
    response: str, answer_type: AnswerType, options: tuple[str, ...]
) -> None:
    assert read(response, answer_type, options) == (None, None, "unread", False)


def test_spoilt_replies_crash_nothing_and_give_no_answer_without_its_place() -> None:
    read_at_all = sum(check(*reply).answer is not None for reply in fuzzed(0, 20_000))
    assert 4_000 < read_at_all < 12_000  # both kinds were met


@pytest.mark.slow
def test_a_million_spoilt_replies_crash_nothing() -> None:
    for reply in fuzzed(1, 1_000_000):
        check(*reply)


@pytest.mark.parametrize(
    ("response", "answer_type", "answer"),
    [
        ("A. (D)", "option", "A"),  # where A's own text is `(D)`
        ("(B), since (A) is wrong", "option", "B"),
        ("According to the path it is 3, but I read 5, so the answer is B", "option", "B"),
        ('{"answer": "red\r\nblue"}', "text", "red\r\nblue"),
        ('{"answer": "\frac{1}{2}"}', "expression", "\\frac{1}{2}"),
    ],
)
def test_what_stands_near_an_unreadable_reply_is_read(response: str, answer_type: AnswerType, answer: str) -> None:
    options = ("(D)", "(E)", "(A)", "(B)") if response == "A. (D)" else ("red", "blue", "green")
    assert read(response, answer_type, options if answer_type == "option" else ()).answer == answer
