"""Measure two agents on lm-eval, every arm over the same questions and the same stored paths.

arms.py            what each arm asks, of which seat
tasks.py           an arm as an lm-eval task
model.py           our engines as an lm-eval model, in batches and through the journal
metrics.py         what a task's replies count as
records.py         lm-eval's samples -> EvalRecord rows
evaluate.py        the stage: one system in every arm

For lm-eval's own command line and for the stage that turns a task into questions:
tasks/             task files, for `--include_path`
question_task.py   what they have in common
drawn_task.py      the drawn world's fixed sets and flawed paths
hub_task.py        benchmarks on the Hub (table_rows.py, rotations.py, author_prompts.py)
extraction.py      answers that a judge extracts
task_questions.py  the stage: any lm-eval task that generates -> Question rows
"""
