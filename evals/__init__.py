"""Measure two agents on lm-eval, every arm over the same questions and the same stored paths. Knows no other room.

evaluate.py   the stage: one system in every arm
arms/         what each arm shows and asks, as documents
harness/      all that runs through lm-eval
tasks/        task files, for lm-eval's `--include_path`
"""
