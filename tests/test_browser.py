"""The page in a real browser: opened from a disk and from a server, used, and attacked."""

from __future__ import annotations

import http.client
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from browser import Opened, launched
from synthetic import write_results
from test_leaderboard import arm_of, record, walk, written

from insightv_bench.errors import RunError
from insightv_bench.leaderboard.build import build
from insightv_bench.leaderboard.view import server
from insightv_bench.statistics import holm, paired

VIEWS = {
    "board": "#view-board tbody tr",
    "compare": "#view-compare .card",
    "robustness": "#view-robustness tbody tr",
    "rounds": "#view-rounds tbody tr",
    "samples": "#sample .reply",
    "about": "#settings details",
}
TASK = "drawn-01@1, parser 1"
ATTACK = '"><img src=x onerror=alert(1)><script>hacked=1</script>\u202e\u0000 `__proto__` </script><!--'


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as found:
        yield found


@pytest.fixture
def opened(browser: Any) -> Iterator[Opened]:
    one = Opened(browser)
    yield one
    one.context.close()


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_results(tmp_path_factory.mktemp("results"), num_systems=7, num_tasks=2, num_questions=60, num_told=3)


@pytest.fixture(scope="module")
def tasks(results: list[Path], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a page with two tasks, pictures and flaws."""
    out = tmp_path_factory.mktemp("tasks")
    build(results, out, "Two tasks")
    return (out / "index.html").as_uri()


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a page with DPO rounds."""
    folder = tmp_path_factory.mktemp("rounds")
    build([written(folder / "eval", walk())], folder / "out", "Rounds")
    return (folder / "out" / "index.html").as_uri()


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page whose every text is an attack, one of them a megabyte long."""
    folder = tmp_path_factory.mktemp("attacked")
    texts = {"question": ATTACK, "response": ATTACK + "x" * 1_000_000, "kind": ATTACK, "gold": ATTACK, "task": ATTACK}
    rows = arm_of("reason", "10" * 12, system=ATTACK, base=ATTACK, **texts)
    for name in ("__proto__", "constructor", "a\u202eb" + "y" * 5_000):
        rows += arm_of("reason", "01" * 12, system=name, base=ATTACK, answer=ATTACK, **texts)
    rows.append(record(0, "direct", False, system="__proto__", base=ATTACK, path=ATTACK, **texts))
    build([written(folder / "eval", rows)], folder / "out", ATTACK)
    return folder / "out"


def figures_of(page: Any, column: int) -> list[float]:
    """A column's bold figures, from top to bottom, those without one left out."""
    cells = page.locator(f"#view-board .scroll > table > tbody > tr > :nth-child({column}) strong")
    return [float(text) for text in cells.all_inner_texts()]


def test_the_board_is_sorted_by_its_headings_and_by_key(opened: Opened, tasks: str) -> None:
    page = opened.go(f"{tasks}#board?set={TASK}", VIEWS["board"])
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


def test_the_board_is_filtered_by_name_arm_and_task(opened: Opened, tasks: str) -> None:
    page = opened.go(f"{tasks}#board", VIEWS["board"])
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


def test_two_systems_picked_on_the_board_are_compared(opened: Opened, tasks: str) -> None:
    page = opened.go(f"{tasks}#board", VIEWS["board"])
    page.get_by_label("Pick Birch-VL-1 to compare").check()
    page.get_by_label("Pick Cedar-VL-1 to compare").check()
    page.locator("#picked a").click()
    page.wait_for_selector("#view-compare .card .headline")
    headline = page.locator("#view-compare .headline").inner_text()
    assert "Birch-VL-1" in headline and "Cedar-VL-1" in headline and "of 2 tasks" in headline


def outcomes(results: list[Path], system: str, arm: str, task: int = 0) -> dict[str, list[bool]]:
    rows = pl.read_parquet(results[task] / "data-00000.parquet").filter(
        pl.col("system") == system, pl.col("arm") == arm
    )
    found: dict[str, list[bool]] = {}
    for question, correct in rows.select("question_id", "correct").iter_rows():
        found.setdefault(question, []).append(correct)
    return found


def test_the_pages_paired_tests_are_the_packages(opened: Opened, tasks: str, results: list[Path]) -> None:
    """Exact McNemar to the last digit; where questions have several replies, by the same method with other draws."""
    page = opened.go(
        f"{tasks}#compare?a=Aster-VL-1&b=Birch-VL-1&aarm=reason&barm=reason", "#view-compare .card tbody tr"
    )
    sides = [[outcomes(results, name, "reason", task) for name in ("Aster-VL-1", "Birch-VL-1")] for task in (0, 1)]
    tests = [paired(*side) for side in sides]
    adjusted = holm([test.p for test in tests])
    for row, test, p in zip(page.locator("#view-compare .card tbody tr").all(), tests, adjusted, strict=True):
        text = row.inner_text().replace("−", "-")
        assert f"{100 * test.difference:+.2f}" in text
        assert f"[{100 * test.low:.2f}, {100 * test.high:.2f}]" in text
        assert ("< 0.001" if p < 0.001 else f"{p:.3f}") in text
    several = page.evaluate("""async () => {
        const piece = await insightv.load("outcomes-0");
        const at = (name) => piece.cells.find(([i, arm]) => piece.systems[i] === name && arm === "flawed");
        const [a, b] = [at("Aster-VL-1"), at("Birch-VL-1")];
        const count = (text, i) => text.charCodeAt(text.length === 1 ? 0 : i) - 48;
        const pairs = [...a[2]].map((_, i) => [count(a[2], i), count(a[3], i), count(b[2], i), count(b[3], i)]);
        return insightv.statistics.paired(pairs);
    }""")
    expected = paired(outcomes(results, "Aster-VL-1", "flawed"), outcomes(results, "Birch-VL-1", "flawed"))
    assert several["difference"] == pytest.approx(expected.difference)
    assert several["n"] == expected.n and several["method"] == expected.method
    assert several["p"] == pytest.approx(expected.p, abs=0.03)
    assert several["low"] == pytest.approx(expected.low, abs=0.03) and several["high"] == pytest.approx(
        expected.high, abs=0.03
    )


def test_a_deep_link_opens_its_sample_with_the_flaw_marked(opened: Opened, tasks: str, results: list[Path]) -> None:
    rows = pl.read_parquet(results[0] / "data-00000.parquet")
    wrong = rows.filter(pl.col("arm") == "flawed", pl.col("system") == "Aster-VL-1", ~pl.col("correct"))
    followed = wrong.filter(pl.col("flaw") == "all-wrong")
    row = followed.row(7, named=True)
    address = f"{tasks}#samples?set={TASK}&a=Aster-VL-1&arm=flawed&flaw=all-wrong&q={row['question_id']}"
    page = opened.go(address, "#sample .reply.matched")
    sample = page.locator("#sample")
    assert sample.locator(".question").inner_text() == row["question"]
    image = sample.locator(".pictures img")
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


def test_samples_are_filtered_by_outcome_flaw_and_disagreement(opened: Opened, tasks: str, results: list[Path]) -> None:
    page = opened.go(f"{tasks}#samples?set={TASK}&a=Aster-VL-1&b=Birch-VL-1", VIEWS["samples"])
    count = page.locator("#view-samples .count[role=status]")
    assert count.inner_text() == "60 of 60 questions"
    page.locator("select[name=arm]").select_option("reason")
    page.locator("select[name=differ]").select_option("a")
    one, other = (outcomes(results, name, "reason") for name in ("Aster-VL-1", "Birch-VL-1"))
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


def test_a_long_list_is_paged_and_a_late_sample_found_by_its_link(opened: Opened, tasks: str) -> None:
    page = opened.go(f"{tasks}#samples?set={TASK}", VIEWS["samples"])
    assert page.locator("#view-samples .list li").count() == 40
    page.get_by_text("Later →").click()
    assert page.locator("#view-samples .list li").count() == 20
    link = page.locator("#view-samples .list a").last.get_attribute("href")
    page.goto("about:blank")
    page = opened.go(tasks + link, "#view-samples .list a[aria-current]")
    assert page.locator("#view-samples .list").get_attribute("start") == "41"


def test_the_page_ends_with_its_footer_however_long_the_list(opened: Opened, tasks: str) -> None:
    page = opened.go(f"{tasks}#samples", VIEWS["samples"])
    end = "document.querySelector('footer').getBoundingClientRect().bottom + scrollY"
    assert page.locator(".list li").count() > 20
    assert page.evaluate(f"document.documentElement.scrollHeight - {end}") < 100


def test_dark_and_light_follow_the_system_and_the_button(browser: Any, rounds: str) -> None:
    dark = Opened(browser, color_scheme="dark")
    page = dark.go(f"{rounds}#board", VIEWS["board"])
    seen = "(theme) => getComputedStyle(document.querySelector(`img.${theme}`)).display !== 'none'"
    drawn = f"['light', 'dark'].filter({seen})"
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(14, 17, 22)"
    assert page.evaluate(drawn) == ["dark"]
    page.locator("#theme").click()  # light
    assert page.evaluate(ground) == "rgb(252, 252, 251)"
    assert page.evaluate(drawn) == ["light"]
    page.reload()
    assert page.evaluate(ground) == "rgb(252, 252, 251)"
    dark.context.close()


def test_every_view_fits_a_phone(browser: Any, tasks: str, rounds: str, tmp_path: Path) -> None:
    phone = Opened(
        browser, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    for address in (tasks, rounds):
        for view in VIEWS if address == rounds else ("board", "samples", "compare"):
            page = phone.go(f"{address}#{view}", VIEWS[view])
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), view
            page.screenshot(path=tmp_path / f"{view}.png")
            assert (tmp_path / f"{view}.png").stat().st_size > 10_000
    assert not phone.faults
    phone.context.close()


def test_no_view_has_an_error_or_asks_another_host(opened: Opened, tasks: str, rounds: str, tmp_path: Path) -> None:
    for address in (tasks, rounds):
        for view, selector in VIEWS.items():
            if address == rounds or view != "rounds":
                page = opened.go(f"{address}#{view}", selector)
                page.screenshot(path=tmp_path / f"{view}.png", full_page=True)
    assert not opened.faults
    assert opened.requests and all(url.startswith("file://") for url in opened.requests)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Any, tasks: str, rounds: str, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python").Axe()
    one = Opened(browser, color_scheme=scheme)
    for view, selector in VIEWS.items():
        page = one.go(f"{rounds if view == 'rounds' else tasks}#{view}", selector)
        if view == "board":
            page.locator("button.open").first.click()
        found = axe.run(page).response["violations"]
        serious = [
            f"{view}: {each['id']}: {node['html'][:160]}: {node['failureSummary'][:300]}"
            for each in found
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]
        assert not serious, "\n".join(serious)
    one.context.close()


def test_the_page_is_used_by_key_alone(opened: Opened, tasks: str) -> None:
    page = opened.go(f"{tasks}#board", VIEWS["board"])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main" and "#board" in page.url
    page.locator("#views a", has_text="Samples").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(VIEWS["samples"])
    assert page.locator("#views a[aria-current=page]").inner_text() == "Samples"


@pytest.mark.parametrize("view", ["board", "compare", "samples", "about"])
def test_hostile_texts_neither_run_nor_break_the_page(opened: Opened, attacked: Path, view: str) -> None:
    page = opened.go(f"{(attacked / 'index.html').as_uri()}#{view}", VIEWS[view])
    assert not opened.faults and page.evaluate("typeof hacked") == "undefined"
    assert page.locator("h1").inner_text().startswith('"><img src=x onerror')
    assert page.locator("main img").count() == page.locator("main figure img").count()
    if view == "board":
        assert "__proto__" in page.locator("#view-board tbody").inner_text()
    if view == "samples":
        text = page.locator("#sample").inner_text()
        assert "more characters]" in text and "\u202e" not in text and "[U+202E]" in text
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")


@pytest.fixture
def served(tasks: str) -> Iterator[str]:
    running = server(Path(tasks.removeprefix("file://")).parent, 0)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}/"
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.mark.parametrize("way", ["file", "http"])
def test_the_policy_holds_from_a_disk_and_from_a_server(opened: Opened, tasks: str, served: str, way: str) -> None:
    """What got into the page by any door would not run, and could not tell another host."""
    address = tasks if way == "file" else served
    page = opened.go(f"{address}#samples", VIEWS["samples"])
    assert page.locator(".pictures img").evaluate("image => image.naturalWidth") == 96
    assert not opened.faults
    page.evaluate("""() => {
        window.blocked = [];
        document.addEventListener("securitypolicyviolation", (event) => blocked.push(event.effectiveDirective));
        const script = document.createElement("script");
        script.textContent = "window.hacked = 1";
        const other = document.createElement("script");
        other.src = "https://example.org/x.js";
        const image = new Image();
        image.src = "https://example.org/x.png";
        const style = document.createElement("style");
        style.textContent = "body { display: none }";
        document.body.append(script, other, image, style);
        fetch("https://example.org/").catch(() => {});
    }""")
    page.wait_for_function("blocked.length >= 5")
    found = set(page.evaluate("blocked"))
    assert found == {"script-src-elem", "img-src", "style-src-elem", "connect-src"}
    assert page.evaluate("typeof hacked") == "undefined" and page.locator("body").is_visible()
    assert not any("example.org" in url for url in opened.requests if opened.page.evaluate("blocked.length") == 0)


def test_the_server_answers_this_machine_alone_and_lists_nothing(served: str) -> None:
    port = int(served.rsplit(":", 1)[1].strip("/"))

    def ask(path: str, host: str = "127.0.0.1") -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", path, headers={"Host": host})
        reply = connection.getresponse()
        reply.read()
        connection.close()
        return reply

    assert ask("/").status == 200 and ask("/", f"localhost:{port}").status == 200
    assert "default-src 'none'" in (ask("/").getheader("Content-Security-Policy") or "")
    assert ask("/page/data/board.js").getheader("X-Content-Type-Options") == "nosniff"
    assert ask("/", "evil.example").status == 421
    assert ask("/page/").status == 404 and ask("/../../../etc/passwd").status == 404


def test_what_is_no_page_is_not_served(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="it holds no `index.html`"):
        server(tmp_path, 0)
    with pytest.raises(RunError, match="does not exist"):
        server(tmp_path / "gone", 0)
    (tmp_path / "summary.json").write_text(json.dumps({"page": "/elsewhere/stages/leaderboard-1/index.html"}))
    with pytest.raises(RunError, match="which is not there"):
        server(tmp_path, 0)
    made = tmp_path / "stages" / "leaderboard-1"
    made.mkdir(parents=True)
    (made / "index.html").write_text("a page")
    running = server(tmp_path, 0)
    with pytest.raises(RunError, match="cannot be used"):
        server(tmp_path, running.server_port)
    running.server_close()


def test_a_folder_that_was_copied_in_part_says_so(opened: Opened, tasks: str, tmp_path: Path) -> None:
    shutil.copytree(Path(tasks.removeprefix("file://")).parent, tmp_path / "copy")
    for file in (tmp_path / "copy" / "page" / "data").glob("samples-0*.js"):
        file.unlink()
    page = opened.go(f"{(tmp_path / 'copy' / 'index.html').as_uri()}#samples", "#trouble:not([hidden])")
    assert "was the whole folder copied?" in page.locator("#trouble").inner_text()
    page.locator("#views a", has_text="Board").click()
    page.wait_for_selector(VIEWS["board"])
    assert not page.locator("#trouble").is_visible()


def test_without_javascript_the_figures_are_plain_tables(browser: Any, rounds: str) -> None:
    one = Opened(browser, java_script_enabled=False)
    page = one.go(rounds, "table")
    assert page.locator("table caption").count() >= 4
    assert "reason+summary against reason" in page.locator("main").inner_text()
    assert not page.locator("#views").is_visible() and not page.locator("#theme").is_visible()
    one.context.close()


@pytest.mark.slow
def test_two_hundred_systems_and_twenty_thousand_samples_are_usable(opened: Opened, tmp_path: Path) -> None:
    build(write_results(tmp_path / "results"), tmp_path / "page", "Large")
    page = opened.go(f"{(tmp_path / 'page' / 'index.html').as_uri()}#board", VIEWS["board"])
    assert page.locator("#view-board tbody tr").count() == 200 and page.locator("#view-board thead th").count() >= 13
    page.locator("button.sort").nth(2).click()
    page.goto(f"{page.url.split('#')[0]}#samples?b=Birch-VL-1&differ=any")
    page.wait_for_selector(VIEWS["samples"])
    assert page.locator("select[name=a] option").count() == 10
    page.goto(f"{page.url.split('#')[0]}#compare?a=Aster-VL-20&b=Birch-VL-20")
    page.wait_for_selector("#view-compare .card tbody tr:nth-child(12)")
    assert not opened.faults
