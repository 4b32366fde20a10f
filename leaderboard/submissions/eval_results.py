"""A system's accuracies as `.eval_results/*.yaml` of its model's repository: one entry an arm, with notes.

The format is the Hub's; `huggingface_hub` writes it. An entry has no field for an interval, so the notes tell it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from insightv_bench import __version__
from insightv_bench.errors import HubError, RunError
from insightv_bench.hub import Change, Made, Seen, commit
from insightv_bench.runs import slug
from insightv_bench.statistics import interval

from ..board import ARMS, ArmRow, Board, ComparableSet

FOLDER, EVAL_YAML = ".eval_results", "eval.yaml"
MESSAGE = "Add evaluation results with insightv-bench"


class Told(NamedTuple):
    """What the results do not say of themselves."""

    task_ids: Mapping[str, str] = {}
    """Arm -> the benchmark's own id of the task; the arms that are not named are left out. Empty: ids of ours."""
    source: str = ""
    """Where the whole results can be looked at: an address."""
    date: str = ""


def eval_result_files(board: Board, system: str, benchmark: str, told: Told = Told()) -> dict[str, str]:  # noqa: B008
    """`.eval_results/<task>.yaml` -> its text. `benchmark`: the data set of the questions, `ORG/NAME[@REVISION]`.

    `system` may be empty where the board has one. Raises RunError where it has no such system, or nothing is left.
    """
    system = _only(board, system)
    entries: dict[str, list[Any]] = {}
    for comparable in board.sets:
        rows = [row for row in board.arms if row.set == comparable.name and row.system == system]
        rows = [row for row in rows if not told.task_ids or row.arm in told.task_ids]
        if rows:
            name = f"{FOLDER}/insightv-bench-{slug(comparable.task)}.yaml"
            entries.setdefault(name, []).extend(_entry(row, comparable, benchmark, told) for row in rows)
    if not entries:
        arms = ", ".join(f"`{row.arm}`" for row in board.arms if row.system == system)
        raise RunError(f"no arm of `{system}` has a task of `{benchmark}`", f"it has {arms}: `--task-id ARM=ID`")
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


def parse_task_ids(words: Sequence[str]) -> dict[str, str]:
    """Of `ARM=ID` each. Raises RunError for another form, or an arm that there is not."""
    pairs = dict(word.partition("=")[::2] for word in words)
    for arm, id_ in pairs.items():
        if arm not in ARMS or not id_:
            raise RunError(f"`--task-id {arm}={id_}` names no arm and id", f"write ARM=ID; arms: {', '.join(ARMS)}")
    return pairs


def own_task_ids(benchmark: str) -> dict[str, str]:
    """Arm -> the task's id in the data set's `eval.yaml`, where it was released by us; empty where it has none such."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    name, _, revision = benchmark.partition("@")
    try:
        file = hf_hub_download(name, EVAL_YAML, repo_type="dataset", revision=revision or None)
        tasks = yaml.safe_load(Path(file).read_text(encoding="utf-8"))["tasks"]
        ids = [str(task["id"]) for task in tasks]
    except (EntryNotFoundError, LocalEntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError):
        return {}
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise HubError(f"`{EVAL_YAML}` of `{name}` cannot be read", "name the tasks: `--task-id ARM=ID`") from error
    return {arm: id_ for arm in ARMS for id_ in ids if f"_{id_}".endswith(f"_{arm_word(arm)}")}


def arm_word(arm: str) -> str:
    """An arm in a task's id: letters and underscores."""
    return arm.replace("+", "_").replace("-", "_")


def task_id(comparable: ComparableSet, row: ArmRow) -> str:
    """The task with its arm, as lm-eval's result files have it."""
    return f"{comparable.task}_{arm_word(row.arm)}"


def _entry(row: ArmRow, comparable: ComparableSet, benchmark: str, told: Told) -> Any:
    from huggingface_hub import EvalResultEntry

    name, _, revision = benchmark.partition("@")
    return EvalResultEntry(
        dataset_id=name,
        dataset_revision=revision or None,
        task_id=told.task_ids.get(row.arm) or task_id(comparable, row),
        value=round(100 * row.accuracy, 2),
        date=told.date or None,
        source_url=told.source or None,
        source_name="insightv-bench" if told.source else None,
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


def push_eval_results(texts: dict[str, str], repo_id: str, as_pull_request: bool = False) -> Made:
    """Add the files to a model's repository, which must be there; entries of others in the same file stay.

    `as_pull_request`: for a repository that is another's.

    Raises HubError where the Hub refuses it, or a file that is there cannot be read.
    """

    def prepare(seen: Seen) -> Change:
        return Change({name: _merged(seen, name, text).encode() for name, text in texts.items()})

    return commit(repo_id, "model", prepare, MESSAGE, must_exist=True, as_pull_request=as_pull_request)


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
