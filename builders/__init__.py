"""Make the corpora.

sources/     where questions come from
questions.py the stage that reads a source into Question rows; and the lessons of the drawn world
hard.py      questions -> those that the generator gets wrong without a path
paths.py     Question -> K paths
assess.py    answer filter, then scores 1-100
corpora.py   scored paths -> reasoning, summary, preference and flawed corpora
"""
