"""`python tests/image.py PAGE/index.html#board docs/img/board.png`: the image of a page that the README shows."""

from __future__ import annotations

import sys
from pathlib import Path

from browser import Opened, launched
from PIL import Image


def main() -> None:
    place, _, view = sys.argv[1].partition("#")
    out = Path(sys.argv[2])
    with launched() as browser:
        one = Opened(browser, viewport={"width": 1280, "height": 800}, device_scale_factor=1.5)
        page = one.go(f"{Path(place).resolve().as_uri()}#{view or 'board'}", "main :is(tbody tr, article, img)")
        page.wait_for_timeout(1_000)
        page.screenshot(path=out)
    image = Image.open(out).convert("P", palette=Image.Palette.ADAPTIVE, colors=96)
    image.save(out, optimize=True)
    print(f"{out}: {out.stat().st_size / 1000:.0f} kB; faults: {one.faults or 'none'}")


if __name__ == "__main__":
    main()
