"""The command `insightv-bench`, and all that it prints. Above everything; nothing imports it.

main.py           the commands in the order of `--help`, and what an error becomes
options.py        options that several commands take
run.py            run, build, train; summary.py: what they and eval print
calibrate.py      build calibrate
eval.py           eval and lm-eval; eval_recipes.py: what was asked for, as recipes
results.py        compare and rescore; compare_table.py and rescore.py: their work and their tables
leaderboard.py    leaderboard build, view, ablations, submit, verify, publish and the like
corpora.py        corpora, export, push, pull
journal.py        journal stats
answers.py        answers check
serve_teacher.py  serve-teacher
env.py            env

Modules of commands are light, so that `--help` is quick: what a command needs is imported when it runs.
"""

from __future__ import annotations

from .main import main
