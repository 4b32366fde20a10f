"""insightv-bench: data sets, training and evaluation for two-agent multimodal reasoning, after Insight-V.

    import insightv_bench as iv
    recipe = iv.load_recipe("walk")
    summary = iv.run_recipe(recipe, "runs")

Importing this package loads no torch, transformers, trl, datasets, lm_eval, openai or seaborn.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_EXPORTS = {
    "Question": "records",
    "Step": "records",
    "Path": "records",
    "Assessment": "records",
    "EvalRecord": "records",
    "InsightvError": "errors",
    "Recipe": "settings",
    "load_recipe": "settings",
    "open_engine": "engines",
    "read_answer": "answers:read",
    "match_answer": "answers:matches",
    "parse_path": "protocol",
    "read_path": "answers",
    "render_path": "protocol",
    "read_rows": "storage",
    "run_recipe": "runs:run",
}
__all__ = ["__version__", *_EXPORTS]


def __getattr__(name: str) -> Any:
    """Load an exported name when it is first used (PEP 562), so that the import stays light."""
    if name not in _EXPORTS:
        raise AttributeError(f"module `insightv_bench` has no attribute `{name}`")
    module, _, attribute = _EXPORTS[name].partition(":")
    return getattr(import_module(f"insightv_bench.{module}"), attribute or name)


def __dir__() -> list[str]:
    return sorted(__all__)
