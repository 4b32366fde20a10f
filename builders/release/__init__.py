"""Corpora as a folder ready to push, and what is said of them.

stage.py          the gate, the shards, the card, the checksums
contamination.py  is a question of a corpus one of an evaluation set?
shards.py         parquet for the Hub
card.py           the data card (card.md), from the run's files
report.py         what each stage took in, kept and left out, of a run
plots.py          scores and lengths as drawings
export.py         a corpus as other trainers read it
"""
