"""Intervals, tests, rank statistics and their words, over numpy and scipy. Knows nothing of rows, arms or files.

estimates: a figure made of sums over questions, with its 95 % interval; `accuracy` is the one most used
comparisons: two arms on the questions that they share, the smallest difference that can be found
families: p of one family, and intervals of the same level
ranking: AUROC, Spearman's correlation, the F1 of judges of steps, and the error of their percent
trainings: differences over several seeds, how many are needed, and when two are as good as equal
planning: how many questions, samples and trainings find an effect
samples: pass@k and consistency over samples, and shares whose truth a judge tells
text: figures as text, in one form everywhere
"""

from __future__ import annotations

from .comparisons import Comparison, compare, detectable_at, detectable_in, holm, num_differ, paired
from .estimates import (
    CONFIDENCE,
    Floats,
    Interval,
    Statistic,
    Sums,
    accuracy,
    bootstrap,
    estimate,
    excess,
    ratio,
    wilson,
)
from .families import ALPHA, Adjusted, adjusted
from .planning import Components, components, mean_components, power_of, questions_needed
from .ranking import auroc, calibration_error, first_wrong_f1, macro_f1, spearman
from .samples import consistency, pass_at_k, prediction_powered
from .text import NONE, NOT_SHOWN, interval, p_value, percent, points, sentence, verdict
from .trainings import OverTrainings, equivalence, over_trainings, standard_error, trainings_needed
