"""`leaderboard view`: a page's folder served on this machine alone.

Only requests that name this machine are answered, so that no other site's script can read the page through a name that
points here; folders are not listed. It changes no file.
"""

from __future__ import annotations

import json
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from insightv_bench.errors import RunError
from insightv_bench.stages import STAGES, SUMMARY

from .build import POLICY

INDEX = "index.html"
HOST = "127.0.0.1"
NAMES = (HOST, "localhost")
PORT = 8137
HINT = "make one: insightv-bench leaderboard build RESULTS..."


def page_folder(place: Path) -> Path:
    """The page's folder: itself, its `index.html`, or a run's last board. Raises RunError where there is none."""
    if (place / INDEX).is_file():
        return place
    if place.name == INDEX and place.is_file():
        return place.parent
    if (place / SUMMARY).is_file():
        return _of_run(place)
    if not place.exists():
        raise RunError(f"`{place}` does not exist", HINT)
    raise RunError(f"`{place}` is no page: it holds no `{INDEX}`", HINT)


def _of_run(run: Path) -> Path:
    """By name: the run may have been moved."""
    try:
        name = Path(json.loads((run / SUMMARY).read_text(encoding="utf-8"))["page"]).parent.name
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"`{run / SUMMARY}` cannot be read: {error}", "the run's command writes it anew") from error
    page = run / STAGES / name
    if not (page / INDEX).is_file():
        raise RunError(f"`{run}` names the page `{page}`, which is not there", "the run's command makes it again")
    return page


def server(place: Path, port: int = PORT) -> ThreadingHTTPServer:
    """A server of the page, listening; `port` 0: any that is free. Raises RunError where the port is taken."""
    handler = partial(Handler, directory=str(page_folder(place).resolve()))
    try:
        return ThreadingHTTPServer((HOST, port), handler)
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunError(f"port {port} cannot be used: {reason}", "name another with `--port`, 0 for any") from error


class Handler(SimpleHTTPRequestHandler):
    """Files of one folder, with headers that keep them to themselves."""

    server_version, sys_version = "insightv-bench", ""

    def parse_request(self) -> bool:
        if not super().parse_request():
            return False
        name = (self.headers.get("Host") or HOST).rsplit(":", 1)[0]
        if name not in NAMES:
            self.send_error(421, "This server answers to 127.0.0.1 and localhost")
            return False
        return True

    def list_directory(self, path: object) -> None:
        self.send_error(404, "Not found")

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", f"{POLICY}; frame-ancestors 'none'")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: the browser shows what failed."""
