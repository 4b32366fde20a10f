"""The GPU report at toy size on a CPU, and that its step times need no extra but torch, transformers and peft."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from gpu import loop as gpu_loop
from gpu import report as gpu_report
from test_walk import SMALL

NAME = "only_in_a_wheel-1.0"
TOY = ["--toy", "--no-loop", "--steps", "1", "--length", "160", "--minutes", "600"]
"""On a busy machine too no part is left out for want of time."""
BENCHMARKS = Path(__file__).parent / "benchmarks"
HIDDEN = {
    "trl", "datasets", "lm_eval", "num2words", "seaborn", "matplotlib", "torchvision", "aiohttp",
}  # fmt: skip
"""What a machine may lack that has this package."""


@pytest.mark.slow
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
    """As on a machine that has this package with torch, transformers and peft, and none of what its extras bring."""
    hidden = (
        "import importlib.abc, importlib.util, sys\n"
        f"names = {HIDDEN!r}\n"
        "class Hidden(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in names: raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
        "real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, package=None: None if name in names else real(name, package)\n"
        f"sys.path.insert(0, {str(BENCHMARKS)!r})\n"
        "from gpu import report\n"
        f"report.main({[word for word in [*TOY, '--out', str(tmp_path / 'r.json')] if word != '--no-loop']!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads((tmp_path / "r.json").read_text())
    rows = {row["name"]: row for row in report["steps"]}
    assert rows["SFT, bare loop"]["seconds"] > 0 and rows["DPO, bare loop, cached"]["seconds"] > 0
    assert rows["DPO, TRL"]["left_out"] == "needs trl"
    assert report["loop"]["left_out"] == "needs datasets, trl, lm_eval"


def test_the_report_is_a_module_of_its_folder() -> None:
    words = [sys.executable, "-m", "gpu.report", "--help"]
    done = subprocess.run(words, cwd=BENCHMARKS, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "--wheels FOLDER" in done.stdout, done.stderr


def test_a_loop_that_fails_or_runs_out_of_time_says_how_far_it_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = gpu_loop.whole_loop(36_000, toy=True, overrides=["workerz=1"])
    assert failed["systems"] == [] and "`release`, `given`" in failed["left_out"]  # the end of what it said
    assert failed["left_out"].startswith("`base` and what follows: it ended with code")
    assert "30 seconds are left" in gpu_loop.whole_loop(30, toy=True)["left_out"]

    def endless(command: list[str], **_: Any) -> None:
        raise subprocess.TimeoutExpired(command, 36_000)

    monkeypatch.setattr(gpu_loop.subprocess, "run", endless)
    late = gpu_loop.whole_loop(36_000, toy=True)
    assert late == {"recipe": "walk", "systems": [], "left_out": "`base` and what follows: the time is up"}


def test_what_wheels_hold_is_there_in_the_loops_own_processes(tmp_path: Path) -> None:
    wheel = tmp_path / "only_in_a_wheel-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("only_in_a_wheel.py", "WORD = 'found'\n")
        archive.writestr(f"{NAME}.dist-info/METADATA", "Metadata-Version: 2.1\nName: only-in-a-wheel\nVersion: 1.0\n")
        archive.writestr(f"{NAME}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{NAME}.dist-info/RECORD", "")
    code = "from only_in_a_wheel import WORD; print(WORD)"
    with gpu_report.wheels(str(tmp_path)):
        done = subprocess.run([sys.executable, "-c", code], env=gpu_loop.environment(), capture_output=True, text=True)
    assert done.stdout == "found\n", done.stderr
    wheel.write_bytes(b"no wheel")
    with pytest.raises(SystemExit, match="the wheels in .* cannot be used"), gpu_report.wheels(str(tmp_path)):
        pass


@pytest.mark.slow
def test_the_whole_loop_ends_with_each_systems_accuracy_and_minutes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = [word for each in [*SMALL, "rounds.num=2"] for word in ("--set", each)]
    words = ["--toy", "--steps", "1", "--length", "160", "--minutes", "600", "--out", str(tmp_path / "r.json"), *small]
    gpu_report.main(words)
    loop = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["loop"]
    assert "left_out" not in loop, loop
    assert [row["system"] for row in loop["systems"]] == ["base", "sft", "dpo-1", "dpo-2"]
    spent = [row["minutes"] for row in loop["systems"]]
    assert spent == sorted(spent) and 0 < spent[0] < spent[-1]
    assert [[arm["arm"] for arm in row["arms"]] for row in loop["systems"]] == [
        ["base"], ["direct", "reason", "reason+summary"], *[["reason", "reason+summary"]] * 2,
    ]  # fmt: skip
    for arm in (arm for row in loop["systems"] for arm in row["arms"]):
        assert 0 <= arm["low"] <= arm["value"] <= arm["high"] <= 1 and arm["n"] == 40
    assert "dpo-2 reason+summary" in capsys.readouterr().out
