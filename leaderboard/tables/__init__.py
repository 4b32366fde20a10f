"""The board as tables: in a terminal, as Markdown, and as files for other programs. Computes no figure, knows no page.

views: each table of the board as names and figures, not yet shown anywhere
headline: the board in a few sentences; findings: what a board of the method shows, for who has never seen one
latex: the board for a paper, and a CSV of one row a system
terminal: the tables 80 columns wide, the best systems where there are many
markdown: all tables as Markdown, beside `board.json` and one parquet file a table
"""

from __future__ import annotations

from .findings import findings
from .headline import headline
from .latex import as_csv, latex
from .markdown import markdown, write_files
from .terminal import NAME_WIDTH, print_board
from .views import MARKS, measured, questions, short, without_twins
