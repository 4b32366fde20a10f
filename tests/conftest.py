"""Fixtures that several files share; what is costly to make is made once, and only read afterwards."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from arms_asked import ARMS, SETTINGS, given_paths, without_scene
from board_rows import written
from boards import HOSTILE, arm_of, serving_page, walk
from browser import Opened, launched
from chart_scenes import FULL
from filelock import FileLock
from flaw_cases import LEVEL, Case, every_flaw
from releases import released
from small_build import Built, build_corpora
from synthetic import write_results

from insightv_bench.evals.arms import Given, docs
from insightv_bench.journal import Journal
from insightv_bench.leaderboard.build import build
from insightv_bench.records import Arm, Question
from insightv_bench.world import Level, sample_questions


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "journal.sqlite")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of a million parameters with random weights."""
    from training_stages import tiny_model  # torch is for those that train

    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build_corpora(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return released(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="session")
def charts() -> list[Question]:
    return list(sample_questions(FULL, "train", 0, 48))


@pytest.fixture(scope="session")
def drawn() -> list[Question]:
    """What evaluations ask: questions of the drawn world."""
    return list(sample_questions(Level(side=16), "test", 0, 24))


@pytest.fixture(scope="session")
def sceneless() -> list[Question]:
    return without_scene()


@pytest.fixture(scope="session")
def stored(drawn: list[Question], sceneless: list[Question], tmp_path_factory: pytest.TempPathFactory) -> Given:
    return given_paths(drawn, sceneless, tmp_path_factory.mktemp("paths"))


@pytest.fixture(scope="session")
def arm_docs(drawn: list[Question], sceneless: list[Question], stored: Given) -> dict[Arm, list[dict[str, Any]]]:
    """What each arm asks of both kinds of questions."""
    return {arm: docs(arm, [*drawn, *sceneless], stored, SETTINGS) for arm in ARMS}


@pytest.fixture(scope="session")
def flaw_questions() -> list[Question]:
    return list(sample_questions(LEVEL, "train", 0, 120))


@pytest.fixture(scope="session")
def cases(flaw_questions: list[Question]) -> list[Case]:
    """Every flaw at every severity and position, wherever it can be made."""
    return [case for question in flaw_questions for case in every_flaw(question)]


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that the first process which needs it makes for all of them; nobody writes there afterwards."""
    shared = factory.getbasetemp()
    folder = (shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared) / name
    with FileLock(f"{folder}.lock"):
        if not folder.with_suffix(".made").exists():
            make(folder)
            folder.with_suffix(".made").touch()
    return folder


@pytest.fixture(scope="session")
def board_results(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Evaluations of seven systems on two tasks, a folder each."""
    sizes = {"num_systems": 7, "num_tasks": 2, "num_questions": 60, "num_told": 3}
    folder = once(tmp_path_factory, "results", lambda folder: write_results(folder, **sizes))
    return sorted(folder.glob("stages/eval-*"))


@pytest.fixture(scope="session")
def tasks_page(board_results: list[Path], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a page with two tasks, images and flaws."""
    folder = once(tmp_path_factory, "tasks", lambda folder: build(board_results, folder, "Two tasks"))
    return (folder / "index.html").as_uri()


@pytest.fixture(scope="session")
def rounds_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a page with DPO rounds."""
    folder = once(
        tmp_path_factory,
        "rounds",
        lambda folder: build([written(folder.with_name("walked") / "eval", walk())], folder, "Rounds"),
    )
    return (folder / "index.html").as_uri()


@pytest.fixture
def served(tasks_page: str) -> Iterator[str]:
    """Address of a server of that page."""
    with serving_page(Path(tasks_page.removeprefix("file://")).parent) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture(scope="session")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a whole page, one of its systems with a name and texts that attack whatever shows them."""
    attack = {"system": HOSTILE, "question": HOSTILE, "response": HOSTILE, "answer": HOSTILE, "kind": HOSTILE}

    def make(folder: Path) -> None:
        rows = walk() + arm_of("reason", "1" * 24, **attack)
        build([written(folder.with_name("hostile-results") / "eval", rows)], folder, HOSTILE)

    return once(tmp_path_factory, "hostile", make)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Of one file's tests: playwright's loop would be in the way of others'."""
    with launched() as found:
        yield found


@pytest.fixture
def opened(browser: Any) -> Iterator[Opened]:
    one = Opened(browser)
    yield one
    one.context.close()
