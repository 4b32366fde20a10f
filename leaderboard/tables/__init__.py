"""The board as tables: in a terminal, as Markdown, and as files for other programs. Computes no figure, knows no page.

views: each table of the board as names and figures, not yet shown anywhere
terminal: the tables 80 columns wide, the best systems where there are many
markdown: all tables as Markdown
export: `board.json`, `board.md` and one parquet file a table
"""

from __future__ import annotations

from .export import write_files
from .markdown import markdown
from .terminal import NAME_WIDTH, print_board
from .views import MARKS, questions, short, without_twins
