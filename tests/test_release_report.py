"""The report on corpora: what the stages left, counted and drawn, and the commands that say where things are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from releases import SMALL, size_of
from typer.testing import CliRunner

from insightv_bench.builders.release.report import details, read_yields, report, yields_table
from insightv_bench.cli.main import app
from insightv_bench.errors import RunError
from insightv_bench.stages import MANIFEST


def test_the_report_counts_what_the_stages_left(release: Path, tmp_path: Path) -> None:
    folder = release.parents[2]
    text, figures = report(folder, tmp_path / "report")
    assert "| paths-teacher | 40 questions | 160 |" in text and "score range wrong" in text
    assert "| corpora-reasoning | 160 paths | " in text and "| corpora-summary | 60 rows wanted | " in text
    content = json.loads((tmp_path / "report/report.json").read_text(encoding="utf-8"))
    assert sum(row["num"] for row in content["scores"]) == sum(row["num"] for row in content["lengths"]) == 160
    for figure in figures:
        assert "160 paths" in figure.alternative
        assert (tmp_path / f"report/{figure.name}.svg").read_text().startswith("<?xml")
        assert size_of(tmp_path / f"report/{figure.name}.png")[0] > 500
        assert f"![{figure.alternative}]" in (tmp_path / "report/report.md").read_text(encoding="utf-8")


def test_pairs_are_counted_against_the_questions_that_have_both_kinds_of_paths(tmp_path: Path) -> None:
    """Of 1,200 questions with 4 paths each, 612 have both kinds; 601 pairs are no eighth of 4,800 paths."""
    counted = {"asked": 1_200, "right_and_wrong": 612, "paired": 433, "paired_of_those": 420}
    stages: dict[str, tuple[int, list[str], dict[str, Any]]] = {
        "questions-round-1": (1_200, [], {}),
        "paths-round-1": (4_800, ["questions-round-1"], {}),
        "corpora-preference-1": (601, ["questions-round-1", "paths-round-1"], {"questions": counted}),
        "corpora-preference-2": (579, ["questions-round-1", "paths-round-1"], {}),  # of an earlier release
    }
    for name, (num, inputs, totals) in stages.items():
        (tmp_path / name).mkdir()
        kind = {"questions": "questions", "paths": "paths"}.get(name.partition("-")[0], "preference")
        manifest = {"stage": name, "kind": kind, "num_rows": num, "num_dropped": 0, "dropped": {}, "totals": totals}
        given = {folder.partition("-")[0]: folder for folder in inputs}
        (tmp_path / name / MANIFEST).write_text(json.dumps({**manifest, "inputs": given}))
    yields = read_yields({name: tmp_path / name for name in stages})
    table = yields_table(yields)
    assert "| corpora-preference-1 | 612 questions with a right and a wrong path | 601 | 420, 68.6% | 0 |" in table
    assert "| corpora-preference-2 |  | 579 |  | 0 |" in table
    assert "| paths-round-1 | 1,200 questions | 4,800 |  | 0 |" in table
    assert "`corpora-preference-1` holds questions: asked 1,200, right_and_wrong 612, paired 433" in details(yields)


def test_a_folder_without_stages_has_no_report(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no finished stage") as found:
        report(tmp_path, tmp_path / "out")
    assert found.value.hint


def test_the_commands_say_where_things_are(release: Path, tmp_path: Path) -> None:
    out, run_folder = tmp_path / "out", release.parents[2]
    shown = CliRunner().invoke(
        app, ["export", "ms-swift", str(release / "reasoning/train"), str(out), "--name", "bars"]
    )
    assert shown.exit_code == 0 and f"{out}/bars.jsonl: " in shown.stdout and "0 dropped" in shown.stdout
    told = CliRunner().invoke(app, ["corpora", "report", str(run_folder), "--out", str(tmp_path / "report")])
    assert told.exit_code == 0 and "Histogram of path scores" in told.stdout
    sets = [word for setting in SMALL for word in ("--set", setting)]
    again = CliRunner().invoke(app, ["build", "release", "corpora", "--out", str(run_folder.parent), *sets])
    assert again.exit_code == 0 and f"insightv-bench push {release} ORG/NAME" in again.stdout
