# Two commands for a fresh machine with Python 3.11 or newer: `make quickstart` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
# Waiting threads sleep instead of spinning, so that a busy machine slows the work by half and not by ten times.
export OMP_WAIT_POLICY = PASSIVE
# Torch's memory in huge pages: a training step is 15-20 % faster.
export THP_MEM_ALLOC_ENABLE = 1
export TOKENIZERS_PARALLELISM = false

# Files of tests side by side, each whole in one process.
WORKERS ?= 2

# What `make bench` measures, `make bench ONLY="corpora client"` say; all of it if left out.
ONLY ?=

.PHONY: quickstart test test-all lint bench setup clean

quickstart: setup
	$(BIN)/insightv-bench run quickstart

test: setup
	$(BIN)/python -m pytest -m "not slow" -n $(WORKERS) --dist loadfile

test-all: setup
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy insightv_bench builders trainers evals leaderboard

bench: setup
	$(BIN)/python tests/benchmarks/collect.py $(ONLY)

setup: $(READY)

# torch goes first and alone: with it in place nothing else asks for a newer, larger build.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python 3.11 or newer is needed; hint: make PYTHON=python3.12 setup"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(READY)

clean:
	rm -rf $(VENV) build dist *.egg-info
