"""A system's accuracies as `.eval_results/*.yaml` of its model's repository: one entry an arm, with notes.

The format is the Hub's; `huggingface_hub` writes it. An entry has no field for an interval, so the notes tell it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from insightv_bench import __version__
from insightv_bench.errors import HubError, RunError
from insightv_bench.hub import Change, Made, Seen, commit
from insightv_bench.runs import slug
from insightv_bench.statistics import interval

from ..board import ARMS, ArmRow, Board, ComparableSet

FOLDER = ".eval_results"


def eval_result_files(board: Board, system: str, benchmark: str, date: str = "") -> dict[str, str]:
    """`.eval_results/<task>.yaml` -> its text. `benchmark`: the data set of the questions, `ORG/NAME[@REVISION]`.

    `system` may be empty where the board has one. Raises RunError where it has no such system.
    """
    system = _only(board, system)
    entries: dict[str, list[Any]] = {}
    for comparable in board.sets:
        rows = [row for row in board.arms if row.set == comparable.name and row.system == system]
        if rows:
            name = f"{FOLDER}/insightv-bench-{slug(comparable.task)}.yaml"
            entries.setdefault(name, []).extend(_entry(row, comparable, benchmark, date) for row in rows)
    return {name: as_yaml(members) for name, members in entries.items()}


def _only(board: Board, system: str) -> str:
    systems = list(dict.fromkeys(row.system for row in board.arms))
    if system in systems:
        return system
    if not system and len(systems) == 1:
        return systems[0]
    names = ", ".join(f"`{name}`" for name in systems[:8])
    fact = f"the results have no system `{system}`" if system else "the results are of several systems"
    raise RunError(fact, f"name one with `--system`: {names}")


def task_id(comparable: ComparableSet, row: ArmRow) -> str:
    """The task with its arm, as lm-eval's result files have it."""
    return f"{comparable.task}_{row.arm.replace('+', '_').replace('-', '_')}"


def _entry(row: ArmRow, comparable: ComparableSet, benchmark: str, date: str) -> Any:
    from huggingface_hub import EvalResultEntry

    name, _, revision = benchmark.partition("@")
    return EvalResultEntry(
        dataset_id=name,
        dataset_revision=revision or None,
        task_id=task_id(comparable, row),
        value=round(100 * row.accuracy, 2),
        date=date or None,
        notes=_notes(row, comparable),
    )


def _notes(row: ArmRow, comparable: ComparableSet) -> str:
    return (
        f"arm {row.arm} ({ARMS[row.arm]}) of system {row.system}; accuracy in %, 95 % interval "
        f"{interval(row.low, row.high)}, {row.n:,} replies to {row.num_questions:,} questions, {row.unread:,} unread "
        f"and counted as wrong; prompt {comparable.prompts[row.arm]}, token cap {comparable.token_caps[row.arm]:,}, "
        f"parser {comparable.parser}, task version {comparable.task_version}; insightv-bench {__version__}"
    )


def as_yaml(entries: Sequence[Any]) -> str:
    from huggingface_hub import eval_result_entries_to_yaml

    return yaml.safe_dump(eval_result_entries_to_yaml(list(entries)), allow_unicode=True, sort_keys=False)


def push_eval_results(texts: dict[str, str], repo_id: str) -> Made:
    """Add the files to a model's repository, which must be there; entries of others in the same file stay.

    Raises HubError where the Hub refuses it, or a file that is there cannot be read.
    """

    def prepare(seen: Seen) -> Change:
        return Change({name: _merged(seen, name, text).encode() for name, text in texts.items()})

    return commit(repo_id, "model", prepare, "Add evaluation results with insightv-bench", must_exist=True)


def _merged(seen: Seen, name: str, text: str) -> str:
    from huggingface_hub import parse_eval_result_entries

    if name not in seen.files:
        return text
    try:
        there = parse_eval_result_entries(yaml.safe_load(seen.read(name)))
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise HubError(f"`{name}` of the repository cannot be read", "mend or remove it there") from error
    ours = parse_eval_result_entries(yaml.safe_load(text))
    named = {(entry.dataset_id, entry.task_id) for entry in ours}
    return as_yaml([*(entry for entry in there if (entry.dataset_id, entry.task_id) not in named), *ours])
