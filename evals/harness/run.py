"""One lm-eval run of our tasks and model: its plumbing and its result files, without its bars and what it prints."""

from __future__ import annotations

import gc
import io
import logging
import math
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from typing import Any

from insightv_bench.environment import keep_from_datasets
from insightv_bench.stages import Context

LM_EVAL = "lm-eval"
"""Folder of lm-eval's own result files inside the stage's."""
NO_TORCH = {"torch_random_seed": None}
"""lm-eval loads torch to seed it: a second and 170 MB, and where every model is a server nobody draws from it."""


@contextmanager
def quiet() -> Iterator[None]:
    """lm-eval's own bars and advice, which would break ours; its errors still rise."""
    logger = logging.getLogger("lm_eval")
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    with redirect_stderr(io.StringIO()):
        yield


def hush_git() -> None:
    """lm-eval asks git for the commit of the folder it runs in; outside of one git says `fatal` on the terminal."""
    import lm_eval.evaluator

    lm_eval.evaluator.get_git_commit_hash = git_commit


def git_commit() -> str | None:
    """As lm-eval writes it to its result files; None outside a repository, or without git."""
    try:
        asked = subprocess.run(["git", "describe", "--always"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return asked.stdout.strip() or None


def run_lm_eval(tasks: list[Any], model: Any, context: Context) -> dict[str, Any]:
    """lm-eval's results, written to its own files as well."""
    from lm_eval import simple_evaluate

    keep_from_datasets()
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    hush_git()
    tracker = EvaluationTracker(output_path=str(context.folder / LM_EVAL))
    gc.collect()
    gc.freeze()  # lm-eval collects garbage often; what is alive now need not be looked at again
    try:
        results = simple_evaluate(
            model=model,
            model_args={"model": context.options.system},
            tasks=tasks,
            task_manager=TaskManager(include_defaults=False),  # else 13,000 YAML files are read first
            evaluation_tracker=tracker,
            bootstrap_iters=1,  # the mean's standard error is analytic; 0 would leave it out
            log_samples=True,
            random_seed=context.seed,
            **({} if model.is_local else NO_TORCH),
        )
        samples = results["samples"]
        for task, rows in samples.items():
            results["results"][task].update(clustered_errors(results["results"][task], rows))
        aggregated = {name: value for name, value in results.items() if name != "samples"}
        tracker.save_results_aggregated(results=aggregated, samples=samples)
        for task, rows in samples.items():
            tracker.save_results_samples(task_name=task, samples=rows)
    finally:
        gc.unfreeze()
    return results


def clustered_errors(figures: dict[str, Any], samples: list[dict[str, Any]]) -> dict[str, float]:
    """Standard errors in the place of lm-eval's, which take all samples of a question, a group or an image for
    independent. `figures` are one task's results, of which those with an error are means.
    """
    places = [_cluster(sample["doc"], number) for number, sample in enumerate(samples)]
    errors = {}
    for name in figures:
        metric, marked, of_filter = name.partition("_stderr,")
        values = [
            float(sample[metric])
            for sample in samples
            if sample.get("filter", of_filter) == of_filter and isinstance(sample.get(metric), float | bool)
        ]
        if not marked or not values or len(values) != len(samples):
            continue
        mean = sum(values) / len(values)
        parts: dict[str, float] = defaultdict(float)
        for place, value in zip(places, values, strict=True):
            parts[place] += value - mean
        if len(parts) > 1:
            spread = sum(part**2 for part in parts.values()) * len(parts) / (len(parts) - 1)
            errors[name] = math.sqrt(spread) / len(values)
    return errors


def _cluster(doc: Mapping[str, Any], number: int) -> str:
    """As `insightv_bench.results` has it for our records."""
    for column in ("group", "image", "question_id"):
        if doc.get(column):
            return f"{column} {doc[column]}"
    return str(number)
