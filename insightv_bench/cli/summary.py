"""What `run`, `build`, `train` and `eval` print: the plan of a dry run, and the summary of a finished one."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from insightv_bench.escape import visible
from insightv_bench.runs import place, run_folder
from insightv_bench.settings import (
    BaseSettings,
    GoldPaths,
    HardSettings,
    HubSource,
    LoggedPaths,
    PathsSettings,
    Recipe,
    RoundQuestions,
    ShippedAgent,
    TaskSource,
)
from insightv_bench.stages import JOURNAL, MANIFEST, Stage
from insightv_bench.statistics import percent

NEXT = """What to try next
  insightv-bench eval --model ORG/NAME     a real model in every seat: a Hub id or a folder
  insightv-bench eval puzzlevqa --model {run} --data FILE
                                           these agents on real puzzles
  insightv-bench recipes                   the other recipes"""
LIMITS = (
    "One training of each agent: the intervals are over questions, and another training may turn what is close.\n"
    "`shown`: p below 0.05 after Holm."
)
LIMITS_OF_SHIPPED = (
    "\nA quarter of the scenes stood in these agents' training with their bars in another order (docs/results.md)."
)
NEXT_OF_SHIPPED = """What to type next
  insightv-bench try ORG/NAME              your own model, one question: the prompt, its reply, what is read from it
  insightv-bench eval --model ORG/NAME     your own model in every arm: a Hub id, a folder, openai:URL#NAME
  insightv-bench run method                train all of these agents yourself, from nothing
  insightv-bench run corpora               build the corpora for agents of your own
  insightv-bench leaderboard view {run}    the page with every sample, on a machine without a desktop"""
NEXT_OF_EVAL = """What to try next
  insightv-bench leaderboard view {run}    the page, every sample in it
  insightv-bench compare {run} OTHER       paired with another evaluation on the same questions"""


def print_plan(recipe: Recipe, stages: Sequence[Stage], out: Path) -> None:
    from insightv_bench.runs import describe, training_lines

    folder, by_name = run_folder(recipe, out), {stage.name: stage for stage in stages}
    folders = place(recipe, folder, stages)
    real = not recipe.from_nothing
    print(f"{len(stages)} stages in {folder}")
    for stage in stages:
        print(f"  {stage.name:<24} {size_of(stage, real)}")
        if isinstance(stage.settings, PathsSettings):
            print(*(f"{'':<27}{line}" for line in describe(stage, by_name, folders, folder / JOURNAL)), sep="\n")
        for line in training_lines(recipe, stage, by_name, folders):
            print(f"{'':<27}{line}")


def manner_line(engine: Any, settings: Any) -> str:
    """The family in whose manner a model is asked, and what follows from that."""
    family = f"in the manner of `{engine.profile}`" if engine.profile else "as of no known family"
    paths, answers = settings.path_sampling, settings.answer_sampling
    return (
        f"{engine.model}: asked {family}; paths as `{settings.ask[0]}`, at temperature {paths.temperature:g}, at most "
        f"{paths.max_new_tokens:,} tokens; summary agent at {answers.temperature:g}, at most {answers.max_new_tokens:,}"
    )


def size_of(stage: Stage, real: bool = False) -> str:
    """What a stage will do, as far as its settings tell. `real`: the base is not one from nothing."""
    settings: Any = stage.settings
    if isinstance(settings, RoundQuestions):
        return f"{f'{settings.num:,}' if settings.num else 'all'} of them, none that the evaluation asks"
    if stage.kind in ("questions", "task-questions"):
        if isinstance(settings, HubSource):
            return f"`{settings.split}` of {settings.id} at {settings.revision or 'its newest commit'}"
        if isinstance(settings, TaskSource):
            return f"task {settings.task}" + (f", at most {settings.limit:,} rows" if settings.limit else "")
        return f"{settings.num:,} questions" if hasattr(settings, "num") else f"rows of {settings.path}"
    if isinstance(settings, HardSettings) and settings.engine:
        return f"{settings.num_tries} direct tries a question, by {who(settings.engine)}"
    if isinstance(settings, GoldPaths):
        return "the authors' own solutions"
    if isinstance(settings, LoggedPaths):
        return f"replies of {', '.join(log.path for log in settings.logs)}"
    if stage.makes == "paths":
        tokens = settings.sampling.max_new_tokens
        return f"{settings.num_paths} paths a question, at most {tokens:,} tokens a call, by {who(settings.engine)}"
    if stage.makes == "verdicts" and settings.judge == "engine":
        passes = "two calls" if settings.second_pass else "one call"
        return f"{passes} a question with a right path, by {who(settings.engine)}"
    if stage.makes == "model":
        return size_of_training(settings, real)
    return ""


def who(engine: Any) -> str:
    """Of any engine's settings: which model replies. A stage's name tells its place in the recipe alone."""
    model = getattr(engine, "model", "")
    return (getattr(engine, "serve", None) or engine.kind) + (f":{model}" if model else "")


def size_of_training(settings: Any, real: bool) -> str:
    """Its length, what is trained, and in how many processes."""
    if isinstance(settings, ShippedAgent):
        return "comes with the package"
    if isinstance(settings, BaseSettings) and not settings.from_nothing:
        return f"{settings.model} at {settings.revision or 'its newest commit'}, as it is"
    steps, epochs = settings.trainer.get("max_steps", -1), settings.trainer.get("num_train_epochs", 3)
    words = [f"{steps:,} steps" if steps > 0 else f"{epochs} epoch{'s' * (epochs != 1)}"]
    words += ["LoRA"] if settings.lora is not None else []
    frozen = real if settings.freeze_vision is None else settings.freeze_vision
    words += ["vision tower frozen"] if frozen else []
    words += [f"{settings.launch.num_processes} processes, {settings.launch.config}"] if settings.launch else []
    return ", ".join(words)


def print_token_caps(run: Path, console: Console) -> None:
    """Accuracy under other token caps, where a run's evaluations were asked under some."""
    rows = [
        (manifest["options"].get("system", ""), row)
        for file in sorted(run.glob(f"stages/*/{MANIFEST}"))
        for manifest in [json.loads(file.read_text(encoding="utf-8"))]
        for row in manifest["totals"].get("token_caps", ())
    ]
    if not rows:
        return
    table = Table(
        box=None, pad_edge=False, title_justify="left", title="Accuracy against the token cap, 95 % intervals"
    )
    for name in (
        "system",
        "arm",
        "cap",
        "accuracy %",
        "cut off %",
        "of finished %",
        "if all cut right %",
        "tokens",
        "n",
    ):
        table.add_column(name, no_wrap=name == "accuracy %", justify="left" if name in ("system", "arm") else "right")
    for system, row in rows:
        cut = f"{percent(row['cut_in_thought'] + row['cut_in_answer'])} ({percent(row['cut_in_thought'])} in thought)"
        accuracy = percent(row["accuracy"], row["low"], row["high"])
        bounds = (percent(row["finished_accuracy"]), percent(row["if_cut_right"]))
        cells = (visible(system), row["arm"], f"{row['cap']:,}", accuracy, cut, *bounds)
        table.add_row(*map(Text, (*cells, f"{row['tokens']:,.0f}", f"{row['n']:,}")))
    console.print()
    console.print(table)


def print_summary(summary: dict[str, Any], console: Console, agents: str = "trained") -> None:
    """The arms, the comparisons as sentences, where the page lies, and what to try next; of agents that were `shipped`
    what they show in ten lines, since the page has the rest."""
    from insightv_bench.lazy import load_function

    page = Path(summary["page"])
    run = page.parents[2]  # from `<run>/stages/<stage>/index.html`
    read = load_function("leaderboard.board.records:Board.model_validate_json")
    board = read(page.with_name("board.json").read_bytes())
    found = load_function("leaderboard.tables:findings")(board)
    if not (agents == "shipped" and found):
        load_function("leaderboard.tables:print_board")(board, console)
        print_token_caps(run, console)
    if found:
        console.print("\nWhat it shows")
        for number, sentence in enumerate(found, 1):
            console.print(Text(f"{number:3}. {visible(sentence)}"))
        console.print(LIMITS + (LIMITS_OF_SHIPPED if agents == "shipped" else ""), style="dim")
    console.print(f"\nPage     {page}", soft_wrap=True, highlight=False)
    processor = f", {used / 60:.1f} of processor" if (used := summary.get("processor_seconds", 0)) else ""
    console.print(f"Took     {summary['wall_seconds'] / 60:.1f} minutes{processor}", highlight=False)
    trained = any(run.glob("stages/train-*"))  # agents of its own, or others' that it evaluated
    hints = NEXT_OF_SHIPPED if agents == "shipped" else NEXT if trained else NEXT_OF_EVAL
    console.print("\n" + hints.format(run=run), highlight=False, soft_wrap=True)


def open_page(page: Path) -> bool:
    """In the browser of a desktop that someone sits at. Returns whether there is one."""
    import webbrowser

    has_desktop = sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    return has_desktop and sys.stdout.isatty() and webbrowser.open(page.absolute().as_uri())
