"""What a user waits for before anything happens: `--help`, and the import of the package. The floor is a bare Python.

    python -m pytest tests/benchmarks/bench_start.py -s

In seconds of the processor, which on a quiet machine are those of the clock: starting takes one core. `--help` is to
take 0.25 s at most.
"""

from __future__ import annotations

import sys

import pytest
from figures import Took, Work, keep, turn_about
from processes import child, python_with

TURNS = 7
MOST_S = 0.25
BARE = [sys.executable, "-c", "pass"]
STARTS = {
    "insightv-bench --help": ([sys.executable, "-m", "insightv_bench", "--help"], MOST_S),
    "insightv-bench eval --help": ([sys.executable, "-m", "insightv_bench", "eval", "--help"], MOST_S),
    "import insightv_bench": ([sys.executable, "-c", "import insightv_bench"], MOST_S),
}
PEERS = {
    "insightv-bench --help": {
        "lm-eval --help": ("lm_eval", ["-m", "lm_eval", "--help"]),
        "trl --help": ("trl", ["-c", "import sys; sys.argv[1:] = ['--help']; from trl.cli import main; main()"]),
        "inspect --help": ("inspect_ai", ["-m", "inspect_ai", "--help"]),
    },
    "import insightv_bench": {
        "import lm_eval": ("lm_eval", ["-c", "import lm_eval"]),
        "import datasets": ("datasets", ["-c", "import datasets"]),
        "import inspect_ai": ("inspect_ai", ["-c", "import inspect_ai"]),
    },
}


def started(words: list[str]) -> Took:
    ended = child(words)
    return Took(ended.processor_s, ended.peak_mb)


def peers_of(name: str) -> dict[str, list[str]]:
    found = {peer: (python_with(module), words) for peer, (module, words) in PEERS.get(name, {}).items()}
    return {peer: [python, *words] for peer, (python, words) in found.items() if python}


@pytest.mark.parametrize("name", STARTS)
def test_a_start(name: str) -> None:
    words, most = STARTS[name]
    others = {"python -c pass": BARE, **peers_of(name)}
    took = turn_about({each: lambda w=w: started(w) for each, w in {name: words, **others}.items()}, TURNS)
    least = min(run.spent for run in took["python -c pass"])
    keep(
        Work(f"start: {name}", 1, "start", "s"),
        took[name],
        {other: took[other] for other in others},
        aim=round(most / least, 1),
    )
    print(f" ({most} s over the bare Python's {least:.3f} s is {most / least:.1f})", end="")
