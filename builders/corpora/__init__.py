"""Scored paths -> what agents are trained on.

reasoning.py     the best paths of each question; flaws in the exact paths of the drawn world
flawed.py        flaws in sampled paths: by rule, by a model, and as they come
summary.py       paths to be judged, and plain questions
preference.py    pairs for a DPO round; the chosen ones alone
multi_turn.py    both agents' corpora as conversations of one model
imported.py      a corpus from elsewhere in the place of one of these
scored.py        scored paths as a table of metadata
selection.py     which of them make which corpus, lazily
blocks.py        the same over more paths than memory holds

Nothing is shown here: stages are named by their kinds.
"""
