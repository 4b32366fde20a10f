"""Questions as the reasoning agent is asked them, with all that a reward needs to know: what GRPO samples from."""

from __future__ import annotations

from insightv_bench.chat import user
from insightv_bench.records import PromptRow, Question, training_columns
from insightv_bench.settings import Section
from insightv_bench.stages import Context, Options


def prompts(context: Context[Section, Options]) -> None:
    """Input: `questions`. Every one of them; there is no path to choose by."""
    context.write(PromptRow, map(prompt_row, context.rows("questions", Question)))


def prompt_row(question: Question) -> PromptRow:
    columns = training_columns(question)
    return PromptRow(**columns, prompt=(user("reason", question),), tolerance=question.tolerance, scene=question.scene)
