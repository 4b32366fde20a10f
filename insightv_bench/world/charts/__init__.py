"""Charts as they are published: a scene in the looks of one style, drawn by matplotlib's artists on a sheet of our own.

draw.py           a scene -> pixels
style.py          size, fonts, colours, grid, legend, drawn from the scene's own seed
sheet.py          the sheet, measured text, the legend
axes.py           bars and lines
pie_and_table.py  charts without axes
"""

from __future__ import annotations

from .draw import draw_chart
