"""`make bench`: a benchmark that fails is told and costs no other its figures."""

from __future__ import annotations

import json
from pathlib import Path

import collect
import figures
import pytest
from figures import Took, Work, keep

BENCHMARK = """
from figures import Took, Work, keep

def test_it():
    for size in (10, 100, 1000):
        ours = [Took(1.0, 20.0), Took(3.0, 10.0), Took(2.0)]
        keep(Work("NAME", size, "rows", "s"), ours, {"bare": [Took(2.0)] * 3}, aim=2)
    assert SHOULD
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, should in (("good", "True"), ("bad", "False")):
        text = BENCHMARK.replace("NAME", name).replace("SHOULD", should)
        (tmp_path / f"bench_{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.setattr(collect, "HERE", tmp_path)
    monkeypatch.setenv("BENCH_OUT", str(tmp_path / "bench"))
    monkeypatch.setenv("PYTHONPATH", str(Path(collect.__file__).parent))
    monkeypatch.setenv(figures.FILE, "")  # `main` sets it, and this puts it back
    return tmp_path


@pytest.mark.slow
def test_a_benchmark_that_fails_is_told_and_the_others_figures_are_kept(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert collect.main([]) == 1
    report = json.loads((here / "bench" / "bench.json").read_text(encoding="utf-8"))
    assert report["failed"] == ["bench_bad"]
    assert [(figure["area"], figure["size"]) for figure in report["figures"]] == [
        (name, size) for name in ("bad", "good") for size in (10, 100, 1000)
    ]
    assert (here / "bench" / "bench.png").stat().st_size > 10_000
    said = capsys.readouterr().out
    assert "error: bench_bad failed" in said and "good" in said and "0.50-1.50" in said
    assert collect.main(["good"]) == 0
    assert json.loads((here / "bench" / "bench.json").read_text(encoding="utf-8"))["failed"] == []


def test_a_name_that_is_no_benchmark_is_an_error_with_those_there_are(here: Path) -> None:
    with pytest.raises(SystemExit, match=r"no benchmark `corpra`\nhint: name one of bad, good"):
        collect.main(["corpra"])


def test_a_figure_is_the_ratio_of_medians_with_the_range_of_its_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(figures.FILE, str(tmp_path / "figures.jsonl"))
    ours, other = [Took(1.0, 50.0), Took(4.0, 70.0), Took(2.0, None)], [Took(2.0), Took(2.0), Took(1.0)]
    assert keep(Work("a", 5, "rows", "s"), ours, {"bare": other}) == [1.0]
    (figure,) = collect.read(tmp_path / "figures.jsonl")
    assert (figure["lowest"], figure["highest"], figure["turns"], figure["peak_mb"]) == (0.5, 2.0, 3, 70.0)
