"""Fixtures that several files share, made once a process: what is costly to make and only read afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from releases import released
from small_build import Built, build_corpora


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build_corpora(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return released(tmp_path_factory.mktemp("release"))
