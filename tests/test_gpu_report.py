"""The GPU report at toy size on a CPU, and that its step times need no more than torch, transformers and peft."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from insightv_bench.trainers import gpu_report

TOY = ["--toy", "--no-loop", "--steps", "1", "--length", "160", "--minutes", "5"]
NEEDED = {"trl", "datasets", "polars", "pydantic", "lm_eval", "typer"}


def test_every_kind_of_step_is_timed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "report.json"
    gpu_report.main([*TOY, "--out", str(file)])
    report = json.loads(file.read_text(encoding="utf-8"))
    assert [row["name"] for row in report["steps"]] == [
        "SFT, bare loop", "SFT, TRL", "DPO, bare loop", "DPO, bare loop, cached", "DPO, TRL", "DPO, TRL, cached",
    ]  # fmt: skip
    for row in report["steps"]:
        assert "left_out" not in row, row
        assert row["seconds"] > 0 and row["tokens_per_second"] > 0
    assert {"date", "device", "command", "torch"} <= report["about"].keys()
    assert "DPO, TRL, cached" in capsys.readouterr().out


def test_without_a_gpu_it_says_what_to_do(tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("a GPU is here")
    with pytest.raises(SystemExit, match="`--toy` measures a shrunk shape"):
        gpu_report.main(["--out", str(tmp_path / "report.json")])
    with pytest.raises(SystemExit, match="holds no wheels"):
        gpu_report.main([*TOY, "--wheels", str(tmp_path)])


@pytest.mark.slow
def test_the_bare_loops_need_little(tmp_path: Path) -> None:
    """As on a machine that has torch, transformers and peft and none of the others."""
    hidden = (
        "import importlib.abc, importlib.util, sys\n"
        f"names = {NEEDED!r}\n"
        "class Hidden(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in names: raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
        "real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, package=None: None if name in names else real(name, package)\n"
        "from insightv_bench.trainers import gpu_report\n"
        f"gpu_report.main({[*TOY, '--out', str(tmp_path / 'r.json')]!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = {row["name"]: row for row in json.loads((tmp_path / "r.json").read_text())["steps"]}
    assert rows["SFT, bare loop"]["seconds"] > 0 and rows["DPO, bare loop, cached"]["seconds"] > 0
    assert rows["DPO, TRL"]["left_out"] == "needs trl"
