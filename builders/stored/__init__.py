"""Paths that are there already: nothing is asked of a model.

gold.py     the authors' own solutions
logged.py   replies of evaluations run before, joined to the questions
logs/       the logs of one tool a file
"""
