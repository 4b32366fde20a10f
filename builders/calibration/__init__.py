"""A judge held against the oracle of the drawn world, and against labelled traces.

stage.py    the paths that are judged, and the stage
traces.py   traces of other worlds whose first wrong step is labelled
figures.py  agreement, rank correlation, AUROC, F1, each with its interval
plot.py     the ROC curves
table.py    the figures on the terminal
"""
