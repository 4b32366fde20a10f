"""Measure two agents on lm-eval, every arm over the same questions and the same stored paths.

arms.py      what each arm asks, of which seat
tasks.py     an arm as an lm-eval task; the drawn world's tasks for lm-eval's own command line
tasks/       their YAML, for `--include_path`
model.py     our engines as an lm-eval model, in batches and through the journal
records.py   lm-eval's samples -> EvalRecord rows
evaluate.py  the stage: one system in every arm
"""
