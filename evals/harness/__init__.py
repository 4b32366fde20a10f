"""What runs through lm-eval: arms as tasks for the evaluation stage, our tasks and models for lm-eval's command line.

arm_task.py        an arm as a task, its samples as EvalRecord rows
model.py           our engines as an lm-eval model, in batches and through the journal
run.py             one lm-eval run and its result files
metrics.py         what replies count as
command_line.py    lm-eval's own command line, with our models and tasks
question_task.py   what the tasks of `tasks/*.yaml` have in common
drawn_task.py      the drawn world's fixed sets and flawed paths
hub_task.py        benchmarks on the Hub, where asked each question in every rotation of its options
extraction.py      answers that a judge extracts
task_questions.py  the stage: any lm-eval task that generates -> Question rows
"""

from __future__ import annotations

from .arm_task import arm_task, context_with_markers, eval_record, generation_kwargs, task_name
from .metrics import Said, scored
from .run import quiet, run_lm_eval
