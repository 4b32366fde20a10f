"""Fixtures that several files share, made once a process: what is costly to make and only read afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from chart_scenes import FULL
from releases import released
from small_build import Built, build_corpora

from insightv_bench.records import Question
from insightv_bench.world.questions import sample_questions


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build_corpora(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return released(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="session")
def charts() -> list[Question]:
    return list(sample_questions(FULL, "train", 0, 48))
