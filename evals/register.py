"""lm-eval's own command line, with our model and tasks registered."""

from __future__ import annotations

import sys
from importlib.resources import files

from insightv_bench.errors import require


def register() -> None:
    """lm-eval fills its registry with the built-in models only while it is empty, so those come first."""
    require("lm_eval", "eval", "lm-eval")
    import lm_eval.models  # noqa: F401
    from lm_eval.api.registry import model_registry

    if "insightv" not in model_registry:
        model_registry.register("insightv", target="insightv_bench.evals.model:InsightvLM")


def run_lm_eval(arguments: list[str]) -> None:
    """`lm-eval ARGUMENTS`, our tasks among those it knows."""
    register()
    from lm_eval.__main__ import cli_evaluate

    tasks = ["--include_path", str(files("insightv_bench.evals").joinpath("tasks"))]
    needs_tasks = "--tasks" in arguments and "--include_path" not in arguments
    sys.argv = ["lm-eval", *arguments, *(tasks if needs_tasks else [])]
    cli_evaluate()
