"""The board as drawings, light and dark, each with its words for who cannot see it. Computes no figure, knows no page.

draw: which drawings a board has, how large, and of which systems
painters: one function a drawing
style: what they share: colours, a system's mark, frames and legends
"""

from __future__ import annotations

from .draw import Figure, draw_figures
from .style import INK, PALETTE, errors, style
