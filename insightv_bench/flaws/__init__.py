"""Flaws planted in paths, and the controls that plant none: rows and texts, never a question asked of a model.

types.py      the one table of flaw types: what each changes, and who can plant it
exact.py      in the exact paths of the drawn world, worked out again from the flaw
by_rule.py    in any path in words, by rules on its words
by_model.py   what a model is asked to plant, and the checks that its reply must pass
rows.py       flawed versions of a question's path, as rows
controls.py   a paraphrase, words about nothing, another question's path
text_path.py  any text as steps and an answer, and back
edits.py      places in a text that can be made false, and what to write there
arithmetic.py equations in a text, worked out
values.py     what each value of a path means, so that what follows from a changed one changes with it
propagate.py  spoil chosen steps, and write what follows; state another answer

It knows nothing of engines, stages or files.
"""

from __future__ import annotations

from .arithmetic import sums_in
from .by_model import FLAW, flaw_chat, in_our_form, read_flawed, spreads
from .by_rule import make_text_flawed, position_of
from .controls import Shown, irrelevant, keeps_content, paraphrased, shuffled
from .exact import make_flawed
from .injection import MADE, make_injected, with_text
from .rows import drawn_flaws, flawed_versions, versions_by_rule
from .text_path import others_steps, steps_of
from .types import ATTACKS, ATTACKS_AND_CONTROLS, FLAWS, VERSION, Flaw, Flawed, Maker, planted_by
