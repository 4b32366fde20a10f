"""Evaluation rows in, comparable figures out: a board as JSON, a terminal table, and a static page with samples.

    from pathlib import Path
    from insightv_bench.leaderboard.build import build
    board = build([Path("runs/walk/eval-1f0c")], Path("board"), "My board")

This room runs no model and never scores a reply again: it reads what an evaluation wrote.

board/: every figure, from rows; nothing is shown there
tables/, figures/, page/: the figures in a terminal and in files, as drawings, and as a static folder with samples
ablations/: the table of one recipe over seeds, with its planned comparisons
submissions/: results sent, checked and written in other projects' formats
build: the board and its files, from folders of evaluations, as the last stage of a run too
"""
