"""Make the corpora.

sources/     where questions come from
questions.py the stage that reads a source into Question rows; and the lessons of the drawn world
hard.py      questions -> those that the generator gets wrong without a path
paths.py     Question -> K paths
scored.py    scored paths as a table of metadata; selection.py chooses among them, lazily
assess.py    answer filter, then scores 1-100 (scoring.py, position_effect.py)
calibrate.py a judge against the oracle (calibration*.py, traces.py)
flawed.py    flaws in sampled paths
corpora.py   scored paths -> reasoning, summary, preference and flawed corpora
multi_turn.py both agents' corpora as conversations of one model
given.py     a corpus from elsewhere in the place of one of these
release.py   the gate (contamination.py), the shards, the card; a folder ready to push
report.py    yields, scores and lengths, as text and drawings (yields.py, plots.py)
export.py    a corpus as other trainers read it
"""
