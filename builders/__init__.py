"""Make the corpora.

sources/     where questions come from
questions.py the stage that reads a source into Question rows; and the lessons of the drawn world
paths.py     Question -> K paths
assess.py    answer filter, then scores 1-100 (answer_filter.py, scoring.py, position_effect.py)
calibrate.py a judge against the oracle (calibration*.py, traces.py)
flawed.py    flaws in sampled paths
corpora.py   scored paths -> reasoning, summary, preference and flawed corpora
"""
