"""The ablation table of one recipe: its systems and arms over seeds, and the comparisons that were planned.

runs: the runs of one recipe, one a seed, and their rows
table: every system and arm in a fixed order, and every flaw
planned: the comparisons fixed before any figure is seen
records: what `ablations.json` holds
markdown: all of it as Markdown, and the figure in words
figure: the drawing
build: from folders of runs to the files
"""

from __future__ import annotations

from .build import write_ablations
