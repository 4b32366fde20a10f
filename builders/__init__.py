"""Make the corpora. Each stage is a function from its inputs' rows to rows, named where the plan names its kind.

questions.py  a source -> Question rows; and the lessons of the drawn world
hard.py       questions -> those that the generator gets wrong without a path
paths.py      Question -> K paths
portions.py   how many questions are gone over at a time
stored/       paths that are there already: authors' own solutions, logs of evaluations
sources/      tables on disk and on the Hub
assessment/   an answer filter, then scores 1-100
corpora/      scored paths -> reasoning, summary, preference, flawed and multi-turn corpora
calibration/  a judge against the oracle
release/      a folder ready to push, a report, exports for other trainers
"""
