"""A full disk is one message; nothing half-written is taken for whole, and with more space the run goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import SMALL, bench, num_hits, num_kept_calls, the_error, whole_stages

from insightv_bench.errors import RunError
from insightv_bench.runs import run
from insightv_bench.settings import load_recipe


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A disk of a set size; called again, another size of the same one."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(size: str) -> Path:
        if shutil.which("mount") is None or os.geteuid() != 0:
            pytest.skip("only root can mount a small disk")
        options = f"size={size},remount" if disk.is_mount() else f"size={size}"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)], capture_output=True, text=True
        )
        if done.returncode:
            pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
        return disk

    yield mount
    if disk.is_mount():
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.slow
def test_on_a_full_disk_nothing_half_written_is_taken_for_whole(
    tmp_path: Path, small_disk: Callable[[str], Path]
) -> None:
    disk = small_disk("2m")
    words = ["run", "walk", "--out", disk, "--until", "questions-train", "--set", "questions.train.num=700"]
    fact, hint = the_error(bench(tmp_path, *words))
    assert fact.startswith(f"`{disk}/walk-seed0`: ") and fact.endswith("No space left on device")
    assert "free some space" in hint
    assert whole_stages(disk / "walk-seed0") == set()
    small_disk("64m")
    done = bench(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert whole_stages(disk / "walk-seed0") == {"questions-train"}
    assert not list(disk.rglob("*.partial"))


def test_a_journal_that_no_longer_fits_is_a_message_and_what_it_kept_stays(small_disk: Callable[[str], Path]) -> None:
    disk = small_disk("700k")
    recipe = load_recipe("walk", [SMALL[1], "questions.train.num=120"])
    with pytest.raises(RunError, match="the journal .* cannot be written: .*(full|I/O)") as raised:
        run(recipe, disk, "paths-teacher")
    assert "free some space" in raised.value.hint
    assert whole_stages(disk / "walk-seed0") == {"questions-train"}
    kept = num_kept_calls(disk / "walk-seed0")
    small_disk("64m")
    assert run(recipe, disk, "paths-teacher")["num_rows"] == 240
    assert 0 < kept == num_hits(disk / "walk-seed0")


def test_a_disk_that_is_full_from_the_start_is_a_message(tmp_path: Path, small_disk: Callable[[str], Path]) -> None:
    disk = small_disk("100k")
    (disk / "ballast").write_bytes(bytes(100 * 1024))
    recipe = load_recipe("walk", ["questions.test.num=3"])
    with pytest.raises(RunError, match="No space left on device") as raised:
        run(recipe, disk, "questions-test")
    assert "free some space" in raised.value.hint
    (disk / "ballast").unlink()
    small_disk("64m")
    assert run(recipe, disk, "questions-test")["num_rows"] == 3


@pytest.mark.slow
@pytest.mark.parametrize("size", ["3m", "12m"])
def test_on_a_full_disk_a_training_ends_with_a_message(
    tmp_path: Path, small_disk: Callable[[str], Path], size: str
) -> None:
    """The weights do not fit, or the optimizer's state does not: libraries that say it in words of their own."""
    few = ["lessons.num=40", "questions.train.num=5", "base.trainer.max_steps=3", "base.trainer.save_steps=2"]
    words = ["run", "walk", "--out", small_disk(size), "--until", "train-base"]
    words += [word for one in few for word in ("--set", one)]
    _, hint = the_error(bench(tmp_path, *words))
    assert "free some space" in hint
    assert "train-base" not in whole_stages(tmp_path / "disk" / "walk-seed0")
    small_disk("256m")
    done = bench(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert "train-base" in whole_stages(tmp_path / "disk" / "walk-seed0")
