"""How the authors of each benchmark ask its questions; our own prompts ask them in the arms.

A prompt is the one that the benchmark's authors publish, line break for line break, so that a number can be held beside
those of others. Where it stands (read in November 2026):

| benchmark | source | beside it |
|---|---|---|
| mmmu | MMMU-Benchmark/MMMU, `construct_prompt`, as its copies hold it | lmms-eval 0.7.3 writes `A.` for `(A)` |
| mmmu-pro | the same, mmmu-pro/prompts.yaml `direct`, infer/infer_gpt.py | lmms-eval has a blank line more |
| mmmu-pro-vision | the same; prompts.yaml `direct` | lmms-eval leaves out what the last line should be |
| mmbench | open-compass/MMBench, README.md | the last line is the harnesses': the authors give none |
| mme | the data set's own question | lmms-eval asks for a word or phrase in place of yes or no |
| chartqa | none: its authors trained their models | the harnesses' common wording |
| mmstar | MMStar-Benchmark/MMStar, eval/vlmeval/vlm/llava_next.py | lmms-eval has no full stop at the end |
| mathvista | the data set's column `query` | lmms-eval's `solution` variant is the same |
| mathvision | mathllm/MATH-V, models/Qwen-VL.py | lmms-eval has half of the instruction, and `A.` |
| puzzlevqa | declare-lab/LLM-PuzzleTest, PuzzleVQA/prompting.py | not in lmms-eval |

PuzzleVQA's authors ask twice: for the thinking alone ("Do not directly give the final answer."), then with it for the
letter. One call has to do both, so that this is their prompt with their switch `prevent_direct_answer` off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from insightv_bench.chat import LETTERS

from ..drafts import Draft, cell
from .shared import said

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
BRACKETED = "({letter}) {option}"


def listed(options: Sequence[str], form: str = "{letter}. {option}") -> str:
    return "\n".join(form.format(letter=letter, option=each) for letter, each in zip(LETTERS, options, strict=False))


def mmmu(row: Row, draft: Draft) -> str:
    if not draft.options:
        return f"{draft.question}\n{SHORT}"
    return f"{draft.question}\n{listed(draft.options, BRACKETED)}\n\n{LETTER}"


def mmmu_pro(row: Row, draft: Draft) -> str:
    return f"{draft.question}\n{listed(draft.options)}\n{PRO_LETTER}"


def mmmu_pro_vision(row: Row, draft: Draft) -> str:
    return f"{PRO_LETTER} {PRO_LAST_LINE}"


def mmbench(row: Row, draft: Draft) -> str:
    parts = [said(row.get("hint")), cell(row.get("question")), "There are several options:"]
    return f"{' '.join(filter(None, parts))}\n{listed(draft.options)}\n\n{LETTER}"


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
    """Options that stand in the picture are called by their letters alone, and not written out."""
    written = "" if draft.options == tuple("ABCDE") else listed(draft.options, BRACKETED)
    return "\n".join(filter(None, (BOXED, draft.question, written)))


def puzzlevqa(row: Row, draft: Draft) -> str:
    begun = "Answer: Let's describe the image first and think step by step."
    return f"Question: {draft.question}\nOptions:\n{listed(draft.options, BRACKETED)}\n\n{begun}"


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
