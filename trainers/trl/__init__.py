"""TODO face."""

from __future__ import annotations

from .callbacks import Show, estimated_kl, watch
from .optimizer import muon_of
from .reference_logps import Kept, cached, compute, missing_pairs, pair_ids, with_logps
from .sft_trainer import lean

__all__ = [
    "Kept",
    "Show",
    "cached",
    "compute",
    "estimated_kl",
    "lean",
    "missing_pairs",
    "muon_of",
    "pair_ids",
    "watch",
    "with_logps",
]
