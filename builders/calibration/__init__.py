"""A judge held against the oracle of the drawn world, and against labelled traces.

stage.py    the paths that are judged, and the stage
traces.py   files of paths whose steps are labelled
step_sets.py  the schemas of such sets, one row at a time
step_figures.py  macro-F1, calibration and intervals of a judge of every step
figures.py  agreement, rank correlation, AUROC, F1, each with its interval
plot.py     the ROC curves
table.py    the figures on the terminal
"""
