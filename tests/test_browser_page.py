"""The page as a whole in a real browser: from a disk and from a server, by key, on a phone, and attacked."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from board_rows import written
from boards import arm_of, record
from browser import VIEWS, Opened
from synthetic import write_results

from insightv_bench.leaderboard.build import build

pytestmark = pytest.mark.slow
ATTACK = '"><img src=x onerror=alert(1)><script>hacked=1</script>\u202e\u0000 `__proto__` </script><!--'


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


def test_dark_and_light_follow_the_system_and_the_button(browser: Any, rounds_page: str) -> None:
    dark = Opened(browser, color_scheme="dark")
    page = dark.go(f"{rounds_page}#board", VIEWS["board"])
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


def test_every_view_fits_a_phone(browser: Any, tasks_page: str, rounds_page: str, tmp_path: Path) -> None:
    phone = Opened(
        browser, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    for address in (tasks_page, rounds_page):
        for view in VIEWS if address == rounds_page else ("board", "samples", "compare"):
            page = phone.go(f"{address}#{view}", VIEWS[view])
            assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), view
            page.screenshot(path=tmp_path / f"{view}.png")
            assert (tmp_path / f"{view}.png").stat().st_size > 10_000
    assert not phone.faults
    phone.context.close()


def test_no_view_has_an_error_or_asks_another_host(
    opened: Opened, tasks_page: str, rounds_page: str, tmp_path: Path
) -> None:
    for address in (tasks_page, rounds_page):
        for view, selector in VIEWS.items():
            if address == rounds_page or view != "rounds":
                page = opened.go(f"{address}#{view}", selector)
                page.screenshot(path=tmp_path / f"{view}.png", full_page=True)
    assert not opened.faults
    assert opened.requests and all(url.startswith("file://") for url in opened.requests)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Any, tasks_page: str, rounds_page: str, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python").Axe()
    one = Opened(browser, color_scheme=scheme)
    for view, selector in VIEWS.items():
        page = one.go(f"{rounds_page if view == 'rounds' else tasks_page}#{view}", selector)
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


def test_the_page_is_used_by_key_alone(opened: Opened, tasks_page: str) -> None:
    page = opened.go(f"{tasks_page}#board", VIEWS["board"])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main" and "#board" in page.url
    page.locator("#views a", has_text="Samples").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(VIEWS["samples"])
    assert page.locator("#views a[aria-current=page]").inner_text() == "Samples"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_view_scrolls_sideways_at_any_width(browser: Any, rounds_page: str, theme: str) -> None:
    for width in (390, 720, 1024, 1280, 1680):
        shown = Opened(browser, viewport={"width": width, "height": 900}, color_scheme=theme)
        for view in VIEWS:
            page = shown.go(f"{rounds_page}#{view}", VIEWS[view])
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, (width, view, wide)
        assert not shown.faults
        shown.context.close()


def test_an_address_of_an_unknown_system_is_an_error_and_no_other_pair(opened: Opened, tasks_page: str) -> None:
    page = opened.go(f"{tasks_page}#compare?a=nobody&b=Birch-VL-1", "#trouble:not([hidden])")
    assert "no system “nobody”" in page.locator("#trouble").inner_text()
    assert not page.locator("#view-compare .card").is_visible() and page.title().startswith("Compare · ")
    page = opened.go(f"{tasks_page}#board?find=birch", VIEWS["board"])
    page.locator("#views a", has_text="About").click()
    page.locator("#views a", has_text="Board").click()
    assert "find=birch" in page.evaluate("location.hash")


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
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize("way", ["file", "http"])
def test_the_policy_holds_from_a_disk_and_from_a_server(opened: Opened, tasks_page: str, served: str, way: str) -> None:
    """What got into the page by any door would not run, and could not tell another host."""
    address = tasks_page if way == "file" else served
    page = opened.go(f"{address}#samples", VIEWS["samples"])
    assert page.locator(".images img").evaluate("image => image.naturalWidth") == 96
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


def test_a_folder_that_was_copied_in_part_says_so(opened: Opened, tasks_page: str, tmp_path: Path) -> None:
    shutil.copytree(Path(tasks_page.removeprefix("file://")).parent, tmp_path / "copy")
    for file in (tmp_path / "copy" / "page" / "data").glob("samples-0*.js"):
        file.unlink()
    page = opened.go(f"{(tmp_path / 'copy' / 'index.html').as_uri()}#samples", "#trouble:not([hidden])")
    assert "was the whole folder copied?" in page.locator("#trouble").inner_text()
    page.locator("#views a", has_text="Board").click()
    page.wait_for_selector(VIEWS["board"])
    assert not page.locator("#trouble").is_visible()


def test_without_javascript_the_figures_are_plain_tables(browser: Any, rounds_page: str) -> None:
    one = Opened(browser, java_script_enabled=False)
    page = one.go(rounds_page, "table")
    assert page.locator("table caption").count() >= 4
    assert "reason+summary against reason" in page.locator("main").inner_text()
    assert not page.locator("#views").is_visible() and not page.locator("#theme").is_visible()
    one.context.close()


def test_every_reply_of_several_is_shown_with_its_vote(opened: Opened, tmp_path: Path) -> None:
    rows = [row for sample in range(5) for row in arm_of("reason", "1" if sample < 3 else "0", sample=sample)]
    rows += arm_of("reason", "1", system="other") + arm_of("majority", "1")
    build([written(tmp_path / "eval", rows)], tmp_path / "out", "Votes")
    address = f"{(tmp_path / 'out' / 'index.html').as_uri()}#samples?a=sft&b=other"
    page = opened.go(address, "#sample .votes")
    votes = page.locator("#sample .reply .votes").first
    assert votes.locator(".facts").first.inner_text() == "5 replies, 3 right"
    cast = [" ".join(one.split()) for one in votes.locator(".cast li").all_inner_texts()]
    assert cast == ["7 × 3 ✓ right", "9 × 2 ✗ wrong"]
    assert page.locator("#sample .votes").count() == 2  # the vote itself shows them too
    votes.locator("summary").click()
    assert votes.locator(".each li").count() == 5
    assert not opened.faults


def test_a_system_without_replies_to_show_is_not_another(opened: Opened, tmp_path: Path) -> None:
    rows = arm_of("reason", "10") + arm_of("reason", "01", system="silent", response="")
    build([written(tmp_path / "eval", rows)], tmp_path / "out", "Silent")
    page = opened.go(f"{(tmp_path / 'out' / 'index.html').as_uri()}#samples?a=silent", "#sample .absent")
    assert "No replies are shown of silent" in page.locator("#sample").inner_text()
    page.get_by_role("link", name="Look at the others").click()
    page.wait_for_selector("#sample .reply")


def test_arrow_keys_walk_the_samples_and_a_pressed_button_keeps_the_focus(opened: Opened, tasks_page: str) -> None:
    page = opened.go(f"{tasks_page}#samples", VIEWS["samples"])
    rank = "text => document.querySelector('#sample .head .count').textContent.startsWith(text)"
    page.wait_for_function(rank, arg="1 of")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(rank, arg="2 of")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(rank, arg="1 of")
    page.get_by_label("Next sample").click()
    page.wait_for_function(rank, arg="2 of")
    page.wait_for_function("document.activeElement.getAttribute('aria-label') === 'Next sample'")
    page.get_by_label("In the question").focus()
    page.keyboard.press("ArrowRight")  # moves the cursor of the text, not the sample
    assert page.locator("#sample .head .count").inner_text().startswith("2 of")


def test_an_opened_row_is_in_the_address(opened: Opened, rounds_page: str) -> None:
    page = opened.go(f"{rounds_page}#board", VIEWS["board"])
    page.get_by_role("button", name="dpo-1", exact=True).click()
    assert "open=dpo-1" in page.evaluate("location.hash")
    address = page.url
    page.goto("about:blank")
    page = opened.go(address, "#view-board tr.more")
    assert page.locator("#view-board tr.more").count() == 1
    assert page.get_by_role("button", name="dpo-1", exact=True).get_attribute("aria-expanded") == "true"


def test_figures_and_the_entry_to_cite_are_taken_along(opened: Opened, rounds_page: str) -> None:
    page = opened.go(f"{rounds_page}#board", "figure img")
    files = [one.get_attribute("href") for one in page.locator("#view-board figcaption a").all()]
    assert files[:2] == ["figures/board-1.svg", "figures/board-1.png"]
    page.get_by_role("link", name="How to cite it").click()
    page.wait_for_selector("#view-about pre.cite")
    assert page.locator("pre.cite").inner_text().startswith("@software{insightv-bench,")
    page.get_by_role("button", name="Copy as BibTeX").click()
    page.wait_for_selector("#cite-copy :is(textarea, button:text('copied'))")


def test_of_many_systems_the_first_twenty_are_shown_and_those_that_are_open(opened: Opened, tmp_path: Path) -> None:
    rows = [row for place in range(40) for row in arm_of("reason", f"{2**place - 1:040b}", system=f"s{place:02d}")]
    build([written(tmp_path / "eval", rows)], tmp_path / "out", "Many")
    address = (tmp_path / "out" / "index.html").as_uri()
    page = opened.go(f"{address}#board?open=s03", "#view-board tr.more")
    names = [one.inner_text() for one in page.locator("#view-board button.open").all()]
    assert names == [f"s{place:02d}" for place in range(39, 19, -1)] + ["s03"]
    page.get_by_label("Find a system").fill("s0")
    page.wait_for_function("document.querySelectorAll('#view-board button.open').length === 10")
    page.get_by_label("Find a system").fill("")
    page.get_by_role("button", name="Show all 40").click()
    page.wait_for_function("document.querySelectorAll('#view-board button.open').length === 40")
    assert not opened.faults


def test_two_hundred_systems_and_twenty_thousand_samples_are_usable(opened: Opened, tmp_path: Path) -> None:
    build(write_results(tmp_path / "results"), tmp_path / "page", "Large")
    page = opened.go(f"{(tmp_path / 'page' / 'index.html').as_uri()}#board", VIEWS["board"])
    assert page.locator("#view-board tbody tr").count() == 20
    page.get_by_role("button", name="Show all 200").click()
    page.wait_for_selector("#view-board tbody tr:nth-child(200)")
    assert "rows=all" in page.url and page.locator("#view-board thead th").count() >= 13
    page.locator("button.sort").nth(2).click()
    page.goto(f"{page.url.split('#')[0]}#samples?b=Birch-VL-1&differ=any")
    page.wait_for_selector(VIEWS["samples"])
    assert page.locator("select[name=a] option").count() == 10
    page.goto(f"{page.url.split('#')[0]}#compare?a=Aster-VL-20&b=Birch-VL-20")
    page.wait_for_selector("#view-compare .card tbody tr:nth-child(12)")
    assert not opened.faults
