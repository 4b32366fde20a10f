"""A release's data set is run by inspect's own command from a loopback Hub, with pictures, on inspect's mock model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hub_server import WRITER, serving
from releases import released

pytestmark = pytest.mark.slow
PROGRAM = """
import json, sys, types
import tiktoken  # its tables would be fetched, only to count a mock's tokens
tiktoken.get_encoding = lambda name: types.SimpleNamespace(encode=lambda text, **options: text.split())
from inspect_ai import eval
from inspect_ai.model import ModelOutput, get_model
model = get_model("mockllm/model", custom_outputs=[ModelOutput.from_content("mockllm/model", sys.argv[2])] * 100)
(log,) = eval(sys.argv[1], model=model, display="none", log_dir=sys.argv[3])
assert log.status == "success", log.error
samples = log.samples or []
kinds = [part.type for part in samples[0].messages[0].content]
value = log.results.scores[0].metrics["accuracy"].value
print(json.dumps({"status": log.status, "num": len(samples), "kinds": kinds, "accuracy": value,
  "targets": [one.target for one in samples], "flaw": samples[0].metadata["flaw"]}))
"""


def python_with_inspect() -> str:
    """This Python, or the one that `INSPECT_PYTHON` names: inspect is no dependency of ours."""
    for python in (os.environ.get("INSPECT_PYTHON", ""), sys.executable):
        found = shutil.which(python) if python else None
        if found and subprocess.run([found, "-c", "import inspect_ai, datasets"], capture_output=True).returncode == 0:
            return found
    pytest.skip("needs inspect-ai and datasets: pip install inspect-ai, or INSPECT_PYTHON=PYTHON")


def test_inspect_runs_the_flawed_paths_of_a_release_from_the_hub(tmp_path: Path) -> None:
    python = python_with_inspect()
    release = released(tmp_path / "made")
    with serving() as hub:
        own = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path / "hf"), "HF_TOKEN": WRITER}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")} | own
        command = [Path(sys.executable).with_name("insightv-bench"), "push", release, "org/flawed"]
        pushed = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        assert pushed.returncode == 0, pushed.stderr
        reply = '{"check": "x", "verdict": "wrong", "answer": "3"}'
        words = [python, "-c", PROGRAM, "hf/org/flawed", reply, str(tmp_path / "logs")]
        ran = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=500)
    assert ran.returncode == 0, ran.stderr[-3000:]
    found = json.loads(ran.stdout.splitlines()[-1])
    assert found["status"] == "success" and found["kinds"] == ["text", "image"] and found["flaw"]
    assert found["accuracy"] == pytest.approx(sum(target == "3" for target in found["targets"]) / found["num"])
