# For a fresh machine with Python 3.11 or newer: `make quickstart` and `make test`; `make method` trains it all.
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

# The run that `make agents` takes them from.
RUN ?= runs/method-seed3

# What `make bench` measures, `make bench ONLY="corpora client"` say; all of it if left out.
ONLY ?=

# `LOCKED=1 make setup`: every package at the version and of the hash that requirements.lock names, PyPI's torch included.
.PHONY: quickstart method agents test test-all lint bench setup lock audit clean

quickstart: setup
	$(BIN)/insightv-bench run quickstart --open

method: setup
	$(BIN)/insightv-bench run method --open

# The agents that ship, made again from a finished run of `method`: weights, then the figures of their cards.
agents: setup
	$(BIN)/python -m insightv_bench.shipped pack $(RUN)
	$(BIN)/insightv-bench run quickstart
	$(BIN)/python -m insightv_bench.shipped cards $(RUN) runs/quickstart-seed7

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

# Known vulnerabilities of what is locked; a package that the advisories cannot be asked about ends it with an error.
audit: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-audit
	$(BIN)/python -m pip_audit --strict --require-hashes --no-deps --disable-pip -r requirements.lock

# Anew, for every platform, with uv.
lock:
	uv pip compile pyproject.toml --extra dev -c constraints.txt --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --default-index https://pypi.org/simple -o requirements.lock

# torch goes first and alone: with it in place nothing else asks for a newer, larger build.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python 3.11 or newer is needed; hint: make PYTHON=python3.12 setup"; exit 1; }
	$(PYTHON) -m venv $(VENV)
ifdef LOCKED
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m pip check
else
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
endif
	@touch $(READY)

clean:
	rm -rf $(VENV) build dist *.egg-info
