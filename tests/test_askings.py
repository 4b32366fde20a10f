"""One model asked in two ways: the same questions, paths of its own in each, compared paired."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from recording_server import ChatServer, completion
from typer.testing import CliRunner

from insightv_bench.cli.main import app
from insightv_bench.errors import RunError
from insightv_bench.plan import plan
from insightv_bench.results import compare, load, parse_name
from insightv_bench.settings import EvalSettings, load_recipe

OURS = '{"summary": "a", "reasoning": "b", "action": "summary"}\n{"answer": "3"}'


def answer(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    content = body["messages"][-1]["content"]
    text = content if isinstance(content, str) else content[-1]["text"]
    verdict = '{"check": "x", "verdict": "right", "answer": "3"}'
    made = completion(verdict if "Here is a path" in text else OURS if "JSON" in text else "I look.\n\nAnswer: 4")
    made["usage"]["prompt_tokens"] += 9 * json.dumps(body["messages"]).count('"image_url"')
    return 200, made


def test_each_asking_is_a_system_whose_stages_no_other_asking_changes() -> None:
    model = 'model_seats.reason="openai:http://h/v1#m"'
    one, both = (plan(load_recipe("eval", [model, f"eval.ask={ask}"])) for ask in ("json", "json,native"))
    first, other = ({stage.name: stage for stage in stages} for stages in (one, both))
    more = {"paths-eval-model-native", "eval-model-native"}
    assert other.keys() - first.keys() == more
    assert all(first[name].settings == other[name].settings for name in first if name != "leaderboard")
    native = other["eval-model-native"]
    assert isinstance(native.settings, EvalSettings) and native.settings.ask == ("native",)
    assert native.options.changes()["asked_as"] == "model"


@pytest.mark.slow
def test_two_askings_of_one_model_are_compared_and_two_models_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    server = ChatServer(answer)
    few = ["--tasks", "insightv_tiny", "--limit", "12", "--set", "eval.arms=[reason,reason+summary]"]
    try:
        for name, ask in (("m", "json,native"), ("other", "native")):
            result = CliRunner().invoke(app, ["eval", "--model", f"openai:{server.url}#{name}", "--ask", ask, *few])
            assert result.exit_code == 0, result.output
            if name == "m":
                assert "m | m-native: reason" in result.output and "one model asked in two ways" in result.output
    finally:
        server.close()
    folders = {
        file.parent.name.rpartition("-")[0]: str(file.parent)
        for file in tmp_path.glob("runs/*/stages/eval-*/manifest.json")
    }
    sides = {name: load(parse_name(folder, None)) for name, folder in folders.items()}
    found = compare(sides["eval-m"], sides["eval-m-native"])
    assert {pairing.a.arm: pairing.comparison.n for pairing in found.pairings} == {"reason": 12, "reason+summary": 12}
    with pytest.raises(RunError, match="prompt `reason@1` against `native/reason@1`"):
        compare(sides["eval-m"], sides["eval-other"])


def test_a_manner_that_was_told_by_a_name_is_said_before_anything_is_asked() -> None:
    words = ["eval", "--model", "openai:http://127.0.0.1:9/v1#MiMo-VL-7B", "--dry-run"]
    told = "asked in the manner of `mimo-vl`; paths as `native`, at temperature 0.3"
    assert told in CliRunner().invoke(app, words).output
    assert "in the manner of" not in CliRunner().invoke(app, [*words, "--profile", "none"]).output
