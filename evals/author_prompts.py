"""How the authors of each benchmark ask its questions; our own prompts ask them in the arms.

A prompt is the benchmark's, word for word, so that a number can be held beside those of others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from insightv_bench.chat import LETTERS
from insightv_bench.sources.drafts import Draft, cell

Row = Mapping[str, Any]
LETTER = "Answer with the option's letter from the given choices directly."
PRO_LETTER = "Answer with the option letter from the given choices directly."
PRO_LAST_LINE = (
    "The last line of your response should be of the following format: 'Answer: $LETTER' (without quotes) where LETTER "
    "is one of options."
)
SHORT = "Answer the question using a single word or phrase."
BOXED = (
    'Please solve the problem step by step and put your answer in one "\\boxed{}". If it is a multiple choice '
    'question, only one letter is allowed in the "\\boxed{}".'
)


def listed(options: Sequence[str], form: str = "{letter}. {option}") -> str:
    return "\n".join(form.format(letter=letter, option=each) for letter, each in zip(LETTERS, options, strict=False))


def mmmu(row: Row, draft: Draft) -> str:
    if not draft.options:
        return f"{draft.question}\n\n{SHORT}"
    return f"{draft.question}\n{listed(draft.options)}\n\n{LETTER}"


def mmmu_pro(row: Row, draft: Draft) -> str:
    return f"{draft.question}\n{listed(draft.options)}\n\n{PRO_LETTER}"


def mmmu_pro_vision(row: Row, draft: Draft) -> str:
    return f"{PRO_LETTER} {PRO_LAST_LINE}"


def mmbench(row: Row, draft: Draft) -> str:
    return f"{draft.question}\nThere are several options:\n{listed(draft.options)}\n{LETTER}"


def mme(row: Row, draft: Draft) -> str:
    return draft.question


def chartqa(row: Row, draft: Draft) -> str:
    """The data set's authors trained their models and prompted none; this is the harnesses' common wording."""
    return f"{draft.question}\nAnswer the question with a single word."


def mmstar(row: Row, draft: Draft) -> str:
    return f"{cell(row.get('question'))}\n{LETTER}"


def mathvista(row: Row, draft: Draft) -> str:
    """The data set brings its own: hint, question, unit and choices."""
    return cell(row.get("query")) or draft.question


def mathvision(row: Row, draft: Draft) -> str:
    options = f"\n{listed(draft.options, '({letter}) {option}')}" if draft.options else ""
    return f"{BOXED}\n{draft.question}{options}"


def puzzlevqa(row: Row, draft: Draft) -> str:
    options = " ".join(f"({letter}) {each}" for letter, each in zip(LETTERS, draft.options, strict=False))
    begun = "Answer: Let's describe the image first and think step by step."
    return f"Question: {draft.question} Options: {options}\n\n{begun}"


AUTHORS: dict[str, Callable[[Row, Draft], str]] = {
    "mmmu": mmmu,
    "mmmu-pro": mmmu_pro,
    "mmmu-pro-vision": mmmu_pro_vision,
    "mmbench": mmbench,
    "mme": mme,
    "chartqa": chartqa,
    "mmstar": mmstar,
    "mathvista": mathvista,
    "mathvision": mathvision,
    "puzzlevqa": puzzlevqa,
}
