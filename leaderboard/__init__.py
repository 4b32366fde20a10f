"""Evaluation rows in, comparable figures out: a board as JSON, a terminal table, and a static page with samples.

    from pathlib import Path
    from insightv_bench.leaderboard.build import build
    board = build([Path("runs/walk/eval-1f0c")], Path("board"), "My board")

This room runs no model and never scores a reply again: it reads what an evaluation wrote.
"""
