"""Are a server's token counts those of its replies? Told by the characters that came, of every tokenizer alike.

No tokenizer that is in use puts more than a few characters in a token on average, nor fewer than a quarter of one
(bytes of emoji). What lies outside is told apart: a count of nought or far too small (`MISSING`), of which costs and
comparisons at equal tokens would be wrong, and one far too large (`HIDDEN`), of thought that was paid for and not
shown.
"""

from __future__ import annotations

import polars as pl

MOST_CHARS, FEWEST_CHARS = 16, 0.25
"""Characters a token, on average over a reply."""
SLACK = 32
"""Tokens that say nothing: of a short reply the marks of its turn are most."""
MANY = 0.05
"""Of an arm's replies: so many, and what is made of the counts is not shown."""

CHARS = pl.col("response").str.len_chars() + pl.col("reasoning").str.len_chars()
IS_ASKED = (CHARS > 0) & (pl.col("finish") != "error") & ~pl.col("arm").is_in(["majority", "best-of-k"])
MISSING = IS_ASKED & ((pl.col("num_tokens") == 0) | ((pl.col("num_tokens") + SLACK) * MOST_CHARS < CHARS))
HIDDEN = IS_ASKED & (pl.col("num_tokens") > CHARS / FEWEST_CHARS + SLACK)


def are_known(rows: pl.DataFrame) -> bool:
    """Whether what these replies took can be said: their counts, and those of the paths that they rest on, fit."""
    return rows.is_empty() or float(rows.select(MISSING.mean()).item() or 0) <= MANY
