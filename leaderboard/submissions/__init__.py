"""Results on their way out: submissions made and verified, the page published, other projects' formats written.

submission: the folder that holds rows, figures and lineage
verify: a submission against itself: its files, every figure made again, and the verdict in words
collect: what a board is made of: what `verify` accepts; bad files left out with a line
rerun: the named model asked again
rows: every row of a submission against itself
lineage: the rows against the lineage beside them
drawn: the drawn world's sets drawn again
private: a set that stays secret: its questions, and predictions scored
publish: the page to a Space, a submission to a data set
eval_results: the Hub's `.eval_results/*.yaml`
every_eval: Every Eval Ever's JSON
"""

from __future__ import annotations

from .collect import collect
from .eval_results import Told, eval_result_files, own_task_ids, parse_task_ids, push_eval_results
from .every_eval import write_every_eval
from .private import private_set, score
from .publish import publish, submit
from .rerun import Rerun, rerun
from .rerun import words as rerun_words
from .submission import find_submissions, make_submission
from .verify import FIGURE_KEYS, NOT_SEEN, Verdict, print_verdict, verify
