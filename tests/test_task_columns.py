"""Data sets, splits and columns of our benchmarks against the task files of lmms-eval, where it is installed.

python -m pip install --no-deps lmms-eval      its code alone, which is read and not run
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path as File
from typing import Any

import pytest
import yaml
from task_rows import ROWS

TASKS = File(__file__).parents[1] / "evals" / "tasks"
THEIRS = {
    "insightv_mmmu": ("mmmu/mmmu_val.yaml", "mmmu/utils.py"),
    "insightv_mmmu_pro_standard": ("mmmu_pro/mmmu_pro_standard.yaml", "mmmu_pro/utils.py"),
    "insightv_mmbench": ("mmbench/mmbench_en_dev.yaml", "mmbench/en_utils.py"),
    "insightv_mme": ("mme/mme.yaml", "mme/utils.py"),
    "insightv_chartqa": ("chartqa/chartqa.yaml", "chartqa/utils.py"),
    "insightv_mmstar": ("mmstar/mmstar.yaml", "mmstar/utils.py"),
    "insightv_mathvista": ("mathvista/mathvista_testmini_solution.yaml", "mathvista/utils.py"),
    "insightv_mathvision": ("mathvision/mathvision_testmini.yaml", "mathvision/utils.py"),
}
"""PuzzleVQA is not among its tasks."""
OPTIONAL = {"caption", "ocr"}
"""Columns that its MathVista reads where they are there."""
COPY = ("insightv_mmmu",)
"""It reads a copy of this data set, in which the subjects are one table."""


class Loader(yaml.SafeLoader):
    """Task files with their functions left out."""


Loader.add_multi_constructor("!function", lambda loader, suffix, node: None)


def read_task(file: File) -> dict[str, Any]:
    said = yaml.load(file.read_text(encoding="utf-8"), Loader)
    included = read_task(file.parent / said["include"]) if "include" in said else {}
    return {**included, **said}


@pytest.fixture(scope="module")
def theirs() -> File:
    found = importlib.util.find_spec("lmms_eval")
    if not found or not found.submodule_search_locations:
        pytest.skip("lmms-eval is not installed")
    return File(next(iter(found.submodule_search_locations))) / "tasks"


@pytest.mark.parametrize("task", THEIRS)
def test_a_benchmark_is_the_same_data_set_and_split_as_in_lmms_eval(theirs: File, task: str) -> None:
    keys = ["test_split"] if task in COPY else ["dataset_path", "dataset_name", "test_split"]
    said, ours = read_task(theirs / THEIRS[task][0]), read_task(TASKS / f"{task}.yaml")
    assert [ours.get(key) for key in keys] == [said.get(key) for key in keys]


@pytest.mark.parametrize("task", THEIRS)
def test_the_rows_of_our_tests_have_the_columns_that_lmms_eval_reads(theirs: File, task: str) -> None:
    code = (theirs / THEIRS[task][1]).read_text(encoding="utf-8")
    read = set(re.findall(r"""\bdoc\["([\w-]+)"\]""", code)) - OPTIONAL
    ours = {column for _, rows in ROWS[task][1].values() for row in rows for column in row}
    assert read and read <= ours, read - ours
