"""Commands under odd locales and on folders with names in any script."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from board_rows import of, written

NAME = "Größe ışık 日本 ▲"
POSIX = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    rows = of("reason", "1100" * 5, system="ı▲") + of("reason", "1110" * 5, system="I")
    return written(tmp_path / NAME / "eval", rows)


def compared(results: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "insightv_bench", "compare", f"{results}:ı▲", f"{results}:I"]
    changes = {"OMP_NUM_THREADS": "1", "LC_ALL": "C.UTF-8", **environment}
    return subprocess.run(command, env=os.environ | changes, capture_output=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment", [{"LC_ALL": "C"}, {"LC_ALL": "POSIX"}, {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR"}], ids=str
)
def test_a_folder_of_any_name_is_read_under_any_locale(results: Path, environment: dict[str, str]) -> None:
    ended = compared(results, **environment)
    assert ended.returncode == 0, ended.stderr.decode()
    assert NAME in ended.stdout.decode() and "+25.0" in ended.stdout.decode()


@pytest.mark.slow
def test_what_a_terminal_has_no_letters_for_is_spelt_out(results: Path) -> None:
    ended = compared(results, PYTHONIOENCODING="ascii")
    assert ended.returncode == 0, ended.stderr.decode()
    assert r"\u25b2" in ended.stdout.decode("ascii")


@pytest.mark.skipif(sys.version_info >= (3, 15), reason="UTF-8 mode is the default there")
def test_names_that_this_python_cannot_read_are_one_error(results: Path) -> None:
    ended = compared(results, **POSIX)
    told = ended.stderr.decode("ascii")
    assert ended.returncode == 1 and "Traceback" not in told
    assert "reads names of files as ascii" in told and "PYTHONUTF8=1" in told
