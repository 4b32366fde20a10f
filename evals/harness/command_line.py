"""lm-eval's own command line, with our model and tasks registered."""

from __future__ import annotations

import sys
from importlib.resources import files
from typing import Any

from insightv_bench.errors import require

from .run import hush_git


def register() -> None:
    """lm-eval fills its registry with the built-in models only while it is empty, so those come first."""
    require("lm_eval", "eval", "lm-eval")
    import lm_eval.models  # noqa: F401
    from lm_eval.api.registry import model_registry

    if "insightv" not in model_registry:
        model_registry.register("insightv", target="insightv_bench.evals.harness.model:InsightvLM")


def run_lm_eval(arguments: list[str]) -> None:
    """`lm-eval ARGUMENTS`, our tasks among those it knows, whatever `--include_path` adds to them."""
    register()
    import lm_eval.tasks

    lm_eval.tasks.TaskManager = with_ours(lm_eval.tasks.TaskManager, named(arguments))
    from lm_eval.__main__ import cli_evaluate

    hush_git()
    sys.argv = ["lm-eval", *arguments]
    cli_evaluate()


def named(arguments: list[str]) -> set[str]:
    """The tasks that the command names; a list may be in one word or in several."""
    names: list[str] = []
    taking = False
    for word in arguments:
        if word.startswith("-"):
            flag, _, value = word.partition("=")
            taking = flag in ("--tasks", "-t")
            word = value
        names += word.split(",") if taking else []
    return set(filter(None, names))


def with_ours(base: Any, wanted: set[str]) -> Any:
    """lm-eval's task index with our folder in it; its own 13,000 files are read only where a wanted task is in them."""

    class TaskManager(base):
        def __init__(
            self, verbosity: Any = None, include_path: Any = None, include_defaults: bool = True, metadata: Any = None
        ) -> None:
            given = include_path if isinstance(include_path, list | tuple) else [include_path] if include_path else []
            folders = [str(files("insightv_bench.evals").joinpath("tasks")), *given]
            super().__init__(verbosity, folders, False, metadata)
            if include_defaults and not (wanted and wanted <= set(self.all_tasks)):
                super().__init__(verbosity, folders, True, metadata)

    return TaskManager
