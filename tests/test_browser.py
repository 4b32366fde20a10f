"""The page's views in a real browser: the board sorted and filtered, systems compared, samples found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from board_rows import written
from boards import controls
from browser import VIEWS, Opened

from insightv_bench.leaderboard.build import build
from insightv_bench.statistics import holm, interval, p_value, paired, points

pytestmark = pytest.mark.slow
TASK = "drawn-01@1, parser 1"


def figures_of(page: Any, column: int) -> list[float]:
    """A column's bold figures, from top to bottom, those without one left out."""
    cells = page.locator(f"#view-board .scroll > table > tbody > tr > :nth-child({column}) strong")
    return [float(text) for text in cells.all_inner_texts()]


def test_the_board_is_sorted_by_its_headings_and_by_key(opened: Opened, tasks_page: str) -> None:
    page = opened.go(f"{tasks_page}#board?set={TASK}", VIEWS["board"])
    place = page.locator("#view-board thead th").all_inner_texts()
    column = next(i for i, text in enumerate(place, 1) if text.startswith("reason") and "+" not in text)
    heading = page.locator('#view-board button.sort[data-key="reason"]')
    heading.click()
    assert figures_of(page, column) == sorted(figures_of(page, column), reverse=True)
    assert page.locator('#view-board th[aria-sort="descending"]').count() == 1
    page.keyboard.press("Enter")  # the heading keeps the focus
    assert figures_of(page, column) == sorted(figures_of(page, column)) != []
    page.reload()
    page.wait_for_selector(VIEWS["board"])
    assert page.locator('#view-board th[aria-sort="ascending"]').inner_text().startswith("reason")


def test_the_board_is_filtered_by_name_arm_and_task(opened: Opened, tasks_page: str) -> None:
    page = opened.go(f"{tasks_page}#board", VIEWS["board"])
    assert page.locator("#view-board thead th").count() >= 3
    assert page.locator("#view-board tbody tr").count() == 7
    page.get_by_label("Find a system").fill("birch")
    assert page.locator("#view-board tbody tr").all_inner_texts()[0].startswith("Birch-VL-1")
    assert page.locator("#view-board tbody tr").count() == 1
    page.get_by_label("Find a system").fill("")
    page.get_by_role("combobox", name="Task").select_option(label="drawn-02")
    before = page.locator("#view-board thead th").count()
    page.locator("#view-board label.chip", has_text="oracle").click()
    assert page.locator("#view-board thead th").count() == before - 1


def test_the_board_shows_greedy_twins_when_asked(opened: Opened, tmp_path: Path) -> None:
    build([written(tmp_path / "eval", controls())], tmp_path / "out", "With twins")
    page = opened.go(f"{(tmp_path / 'out/index.html').as_uri()}#board", VIEWS["board"])
    systems = page.locator("#view-board button.open")
    sampled = systems.all_inner_texts()
    assert "sft" in sampled and not any(name.endswith("-greedy") for name in sampled)
    assert "greedy twins" not in page.locator("#view-board caption").first.inner_text()
    page.get_by_label("greedy twins too").check()
    added = {"sft-greedy", "dpo-2-greedy", "rejection-2-greedy"}
    assert set(systems.all_inner_texts()) == {*sampled, *added}
    assert "greedy twins are ranked among themselves" in page.locator("#view-board caption").first.inner_text()
    page.get_by_label("greedy twins too").uncheck()
    page.get_by_label("Find a system").fill("sft-greedy")
    assert systems.all_inner_texts() == ["sft-greedy"]


def test_two_systems_picked_on_the_board_are_compared(opened: Opened, tasks_page: str) -> None:
    page = opened.go(f"{tasks_page}#board", VIEWS["board"])
    page.get_by_label("Pick Birch-VL-1 to compare").check()
    page.get_by_label("Pick Cedar-VL-1 to compare").check()
    page.locator("#picked a").click()
    page.wait_for_selector("#view-compare .card .headline")
    headline = page.locator("#view-compare .headline").inner_text()
    assert "Birch-VL-1" in headline and "Cedar-VL-1" in headline and "of 2 tasks" in headline


def test_compare_begins_with_the_leader_s_two_agents_against_its_first_alone(opened: Opened, tasks_page: str) -> None:
    page = opened.go(f"{tasks_page}#compare", VIEWS["compare"])

    def seen() -> list[str]:
        return [box.input_value() for box in page.locator("#view-compare fieldset select").all()]

    assert seen() == ["Gentian-VL-1", "reason+summary", "Gentian-VL-1", "reason"]
    page.locator('#view-compare select[data-key="a"]').select_option("Birch-VL-1")
    assert seen() == ["Gentian-VL-1", "reason+summary", "Birch-VL-1", "reason"]
    page.get_by_role("button", name="Swap").click()
    assert seen() == ["Birch-VL-1", "reason", "Gentian-VL-1", "reason+summary"]


def outcomes(board_results: list[Path], system: str, arm: str, task: int = 0) -> dict[str, list[bool]]:
    rows = pl.read_parquet(board_results[task] / "data-00000.parquet").filter(
        pl.col("system") == system, pl.col("arm") == arm
    )
    found: dict[str, list[bool]] = {}
    for question, correct in rows.select("question_id", "correct").iter_rows():
        found.setdefault(question, []).append(correct)
    return found


def test_the_pages_paired_tests_are_the_packages(opened: Opened, tasks_page: str, board_results: list[Path]) -> None:
    """Exact McNemar to the last digit; where questions have several replies, by the same method with other draws."""
    page = opened.go(
        f"{tasks_page}#compare?a=Aster-VL-1&b=Birch-VL-1&aarm=reason&barm=reason", "#view-compare .card tbody tr"
    )
    sides = [
        [outcomes(board_results, name, "reason", task) for name in ("Aster-VL-1", "Birch-VL-1")] for task in (0, 1)
    ]
    tests = [paired(*side) for side in sides]
    adjusted = holm([test.p for test in tests])
    for row, test, p in zip(page.locator("#view-compare .card tbody tr").all(), tests, adjusted, strict=True):
        text = row.inner_text().replace("−", "-")
        assert points(test.difference) in text and interval(test.low, test.high) in text and p_value(p) in text
    several = page.evaluate("""async () => {
        const piece = await insightv.load("outcomes-0");
        const at = (name) => piece.cells.find(([i, arm]) => piece.systems[i] === name && arm === "flawed");
        const [a, b] = [at("Aster-VL-1"), at("Birch-VL-1")];
        const count = (text, i) => text.charCodeAt(text.length === 1 ? 0 : i) - 48;
        const pairs = [...a[2]].map((_, i) => [count(a[2], i), count(a[3], i), count(b[2], i), count(b[3], i)]);
        return insightv.statistics.paired(pairs);
    }""")
    expected = paired(outcomes(board_results, "Aster-VL-1", "flawed"), outcomes(board_results, "Birch-VL-1", "flawed"))
    assert several["difference"] == pytest.approx(expected.difference)
    assert several["n"] == expected.n and several["method"] == expected.method
    assert several["p"] == pytest.approx(expected.p, abs=0.03)
    assert several["low"] == pytest.approx(expected.low, abs=0.03) and several["high"] == pytest.approx(
        expected.high, abs=0.03
    )


def test_a_deep_link_opens_its_sample_with_the_flaw_marked(
    opened: Opened, tasks_page: str, board_results: list[Path]
) -> None:
    rows = pl.read_parquet(board_results[0] / "data-00000.parquet")
    wrong = rows.filter(pl.col("arm") == "flawed", pl.col("system") == "Aster-VL-1", ~pl.col("correct"))
    followed = wrong.filter(pl.col("flaw") == "all-wrong")
    row = followed.row(7, named=True)
    address = f"{tasks_page}#samples?set={TASK}&a=Aster-VL-1&arm=flawed&flaw=all-wrong&q={row['question_id']}"
    page = opened.go(address, "#sample .reply.matched")
    sample = page.locator("#sample")
    assert sample.locator(".question").inner_text() == row["question"]
    image = sample.locator(".images img")
    assert image.evaluate("image => image.naturalWidth") == 96
    reply = sample.locator(".reply.matched")
    assert reply.count() == 1 and row["planted_answer"] in reply.locator(".answer").inner_text()
    assert reply.locator(".steps .planted").count() >= 1 and "oracle" in reply.locator(".score").inner_text()
    assert "followed the flaw" in reply.inner_text()
    sample.get_by_label("Next sample").click()
    page.wait_for_function("id => !location.hash.includes(id)", arg=row["question_id"])
    page.go_back()
    page.wait_for_function(
        "text => document.querySelector('#sample .question').textContent === text", arg=row["question"]
    )
    assert not opened.faults


def test_samples_are_filtered_by_outcome_flaw_and_disagreement(
    opened: Opened, tasks_page: str, board_results: list[Path]
) -> None:
    page = opened.go(f"{tasks_page}#samples?set={TASK}&a=Aster-VL-1&b=Birch-VL-1", VIEWS["samples"])
    count = page.locator("#view-samples .count[role=status]")
    assert count.inner_text() == "60 of 60 questions"
    page.locator("select[name=arm]").select_option("reason")
    page.locator("select[name=differ]").select_option("a")
    one, other = (outcomes(board_results, name, "reason") for name in ("Aster-VL-1", "Birch-VL-1"))
    alone = sum(one[question] == [True] and other[question] == [False] for question in one)
    page.wait_for_function(
        "n => document.querySelector('#view-samples .count').textContent.startsWith(n + ' of')", arg=alone
    )
    page.locator("select[name=differ]").select_option("")
    page.locator("select[name=outcome]").select_option("wrong")
    wrong = sum(not right[0] for right in one.values())
    page.wait_for_function(
        "n => document.querySelector('#view-samples .count').textContent.startsWith(n + ' of')", arg=wrong
    )
    page.get_by_label("In the question").fill("no question says this")
    page.wait_for_function("document.querySelector('#view-samples .count').textContent.startsWith('0 of')")


def test_a_long_list_is_paged_and_a_late_sample_found_by_its_link(opened: Opened, tasks_page: str) -> None:
    page = opened.go(f"{tasks_page}#samples?set={TASK}", VIEWS["samples"])
    assert page.locator("#view-samples .list li").count() == 40
    page.get_by_text("Later →").click()
    assert page.locator("#view-samples .list li").count() == 20
    link = page.locator("#view-samples .list a").last.get_attribute("href")
    page.goto("about:blank")
    page = opened.go(tasks_page + link, "#view-samples .list a[aria-current]")
    assert page.locator("#view-samples .list").get_attribute("start") == "41"


def test_the_page_ends_with_its_footer_however_long_the_list(opened: Opened, tasks_page: str) -> None:
    page = opened.go(f"{tasks_page}#samples", VIEWS["samples"])
    end = "document.querySelector('footer').getBoundingClientRect().bottom + scrollY"
    assert page.locator(".list li").count() > 20
    assert page.evaluate(f"document.documentElement.scrollHeight - {end}") < 100
