"""What evaluations have shown: their rows as one frame, figures of them, and two results against each other.

rows.py           evaluation rows as a frame, and what every figure asks of a row
load.py           FOLDER, FOLDER:SYSTEM or FOLDER:SYSTEM:ARM as rows and costs
outcomes.py       shares of one arm's replies, and tokens
robustness.py     what a flawed path does to the summary agent
token_counts.py   whether token counts fit what was said
equal_tokens.py   two agents against a vote at equal tokens
compare.py        two results, paired
planning.py       questions, samples and trainings that an effect needs
samples.py        several samples of a question together
rescore.py        kept replies read again

Opens no engine but a judge that it is given, and knows nothing of boards and pages.
"""

from __future__ import annotations

from .compare import Compared, CurvePairing, FigurePairing, Pairing, compare
from .equal_tokens import Tokens, equal_tokens
from .load import Results, evaluations, load, parse_name
from .outcomes import (
    CUT,
    EVENTS,
    MANY_CUT,
    OF_CUT,
    OUTCOMES,
    Outcome,
    cap_of,
    counted,
    cut_warning,
    dialects_of,
    outcomes,
    tokens_a_right_answer,
)
from .planning import Planned, assumed_components, plan_for
from .rescore import Change, as_question, by_arm, counts, is_gold, num_kept_votes, read_again, rescored
from .robustness import MEANINGS, Measure, all_flaws, curve, measured
from .rows import HINT, SEPARATOR, cluster, row_files, scan, with_planted
from .samples import OverSamples, over_samples
from .token_counts import HIDDEN, MISSING
from .token_counts import are_known as tokens_known
