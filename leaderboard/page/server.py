"""`leaderboard view`: a page's folder served on this machine alone.

Only requests that name this machine are answered, so that no other site's script can read the page through a name that
points here; folders are not listed. It changes no file.
"""

from __future__ import annotations

import json
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import urlsplit

from insightv_bench.errors import RunError
from insightv_bench.stages import STAGES, SUMMARY

from .build import POLICY

INDEX = "index.html"
HOST = "127.0.0.1"
NAMES = (HOST, "localhost")
PORT = 8137
TIMEOUT_S = 30
"""For a connection that says nothing."""
MAX_CONNECTIONS = 64
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
        return Quiet((HOST, port), handler)
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunError(f"port {port} cannot be used: {reason}", "name another with `--port`, 0 for any") from error


class Quiet(ThreadingHTTPServer):
    """At most so many connections at once, and no account of those that a browser drops."""

    daemon_threads = True

    def __init__(self, *args: Any) -> None:
        self._free = BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Quiet: a connection that was dropped is nobody's error."""


class Handler(SimpleHTTPRequestHandler):
    """Files of one folder, with headers that keep them to themselves."""

    server_version, sys_version = "insightv-bench", ""
    timeout = TIMEOUT_S

    def parse_request(self) -> bool:
        if not super().parse_request():
            return False
        name = (self.headers.get("Host") or HOST).rsplit(":", 1)[0]
        if name not in NAMES:
            self.send_error(421, "This server answers to 127.0.0.1 and localhost")
            return False
        origin = self.headers.get("Origin")
        if origin and urlsplit(origin).hostname not in NAMES:
            self.send_error(403, "Another site's page asks")
            return False
        return True

    def send_head(self) -> Any:
        """Plain files of the folder alone: no link that leads out of it, and no pipe that would be waited for."""
        place, root = Path(self.translate_path(self.path)), Path(self.directory).resolve()
        try:
            real = place.resolve()
            is_ours = real.is_relative_to(root) and (real.is_file() or real.is_dir())
        except (OSError, ValueError, RuntimeError):
            is_ours = False
        if not is_ours:
            self.send_error(404, "Not found")
            return None
        return super().send_head()

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
