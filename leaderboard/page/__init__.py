"""The board as a static folder that asks no other host for anything, and its server on this machine.

build: the whole folder; assets/ holds its style, its scripts and the frame
data: the board as script files that a page may load from a disk
samples: which questions and systems the viewer shows, and what came of each
sample_blocks: the samples' texts
cite: how the board, the software and the method are cited
run_files: what an evaluation's run holds beside its rows: images, planted flaws, scores
images: the questions' images, fit for a page
sections: the figures as plain tables, for a browser without JavaScript
markup: HTML in small pieces
server: the folder served on this machine alone
"""

from __future__ import annotations

from .build import write_page
from .server import server
