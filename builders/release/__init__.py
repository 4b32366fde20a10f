"""Corpora as a folder ready to push, and what is said of them.

stage.py          the gate, the shards, the card, the checksums
contamination.py  is a question of a corpus one of an evaluation set?
shards.py         parquet for the Hub
card.py           the data card (card.md), from what card_facts.py finds in the run's files
yields.py         what each stage took in, kept and left out
report.py         the same as a report of a run
plots.py          scores and lengths as drawings
export.py         a corpus as other trainers read it
"""
