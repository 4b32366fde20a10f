"""What a large page takes: 200 systems, 12 tasks, 20,000 samples built, opened and sifted."""

from __future__ import annotations

import time
from pathlib import Path

from browser import Opened, launched
from synthetic import write_results

from insightv_bench.leaderboard.build import build

SIFT = """() => {
    const start = performance.now();
    const choice = document.querySelector("[name=outcome]");
    choice.value = "wrong";
    choice.dispatchEvent(new Event("change"));
    return new Promise((done) => setTimeout(() => done(performance.now() - start)));
}"""
SORT = """() => {
    const start = performance.now();
    document.querySelectorAll("#view-board button.sort")[1].click();
    return document.body.offsetHeight && performance.now() - start;
}"""


def test_a_large_page(tmp_path: Path) -> None:
    began = time.process_time()
    results = write_results(tmp_path / "results")
    made = time.process_time()
    build(results, tmp_path / "page", "Large")
    print(f"\nrows {made - began:.1f} s, page {time.process_time() - made:.1f} s of processor time")
    sizes = [file.stat().st_size for file in (tmp_path / "page").rglob("*") if file.is_file()]
    print(f"{len(sizes):,} files, {sum(sizes) / 1e6:.1f} MB, the largest {max(sizes) / 1e6:.2f} MB")
    with launched() as browser:
        one = Opened(browser)
        page = one.go(f"{(tmp_path / 'page' / 'index.html').as_uri()}#samples", "#sample .reply")
        told = page.locator(".count").first.inner_text()
        print(f"a filter of {told}: {page.evaluate(SIFT):.0f} ms")
        one.go(f"{(tmp_path / 'page' / 'index.html').as_uri()}#board", "#view-board tbody tr")
        print(f"200 systems in 13 columns sorted and laid out: {page.evaluate(SORT):.0f} ms")
