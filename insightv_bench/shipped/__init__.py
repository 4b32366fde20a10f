"""The agents that come with the package: a million parameters each, trained by recipe `method`.

    weights.py    model folders -> bfloat16 weights small enough to ship, and back
    cards.py      what a finished evaluation of them says, as figures and model cards
    weights/      the weights themselves; what all agents share lies once, in `shared/`

It knows files. `python -m insightv_bench.shipped` makes the weights again.
"""

from __future__ import annotations

from .cards import FIGURES, read_figures, write_cards
from .weights import FOLDER, agent_names, content_of, pack, unpack
