"""A loopback Hub that can be read from: data sets with branches and commits, public, private or gated. Tests alone.

with ReadHub() as hub:
    hub.commit("org/set", {"README.md": b"...", "data/test-0.parquet": b"..."})
    # the client: HF_ENDPOINT=hub.url HF_HUB_DISABLE_XET=1 HF_HOME=<an empty folder>
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_loopback"
DATE = "2026-01-01T00:00:00.000Z"
Files = dict[str, bytes]


class ReadHub:
    """Data sets in memory. A commit is a whole set of files; `main` and other branches point at commits."""

    def __init__(self) -> None:
        self.commits: dict[str, dict[str, Files]] = {}
        self.branches: dict[str, dict[str, str]] = {}
        self.closed: dict[str, str] = {}
        """Data sets that need the token, as `private` or `gated`."""
        self.asked: list[str] = []
        self.broken = False
        """Answers nothing but 503 from now on."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> ReadHub:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def commit(self, name: str, files: Files, branch: str = "main") -> str:
        """Put these files, and no others, on the branch. Returns the commit."""
        told = [
            name,
            len(self.commits.get(name, {})),
            sorted((p, hashlib.sha1(b).hexdigest()) for p, b in files.items()),
        ]
        commit = hashlib.sha1(json.dumps(told).encode()).hexdigest()
        self.commits.setdefault(name, {})[commit] = files
        self.branches.setdefault(name, {})[branch] = commit
        return commit


def _oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _handler(hub: ReadHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            split = urlsplit(self.path)
            path, query = unquote(split.path), parse_qs(split.query)
            hub.asked.append(f"{self.command} {path}")
            if hub.broken:
                return self.say(503, {"error": "down"})
            api = re.fullmatch(r"/api/datasets/([^/]+/[^/]+)(?:/(revision|tree|paths-info)/(.+))?", path)
            resolve = re.fullmatch(r"/datasets/([^/]+/[^/]+)/resolve/((?:refs/[^/]+/)?[^/]+)/(.+)", path)
            found = api or resolve
            if not found:
                return self.no(404, "EntryNotFound")
            name = found[1]
            if name not in hub.commits:
                return self.no(401, "RepoNotFound")
            if name in hub.closed and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                gated = hub.closed[name] == "gated"
                return self.no(403 if gated else 401, "GatedRepo" if gated else "RepoNotFound")
            if resolve:
                return self.file(name, resolve[2], resolve[3])
            what, rest = api[2] or "revision", api[3] or "main"  # type: ignore[index]
            return self.about(name, what, rest, query, body)

        do_GET = do_HEAD = do_POST = answer  # noqa: N815

        def about(self, name: str, what: str, rest: str, query: dict[str, list[str]], body: bytes) -> None:
            revision, _, folder = (rest, "", "") if what != "tree" else self.place(name, rest)
            commit = hub.branches[name].get(revision, revision)
            if commit not in hub.commits[name]:
                return self.no(404, "RevisionNotFound")
            files = hub.commits[name][commit]
            if what == "revision":
                siblings = [{"rfilename": path} for path in sorted(files)]
                told = {"_id": name, "id": name, "sha": commit, "private": name in hub.closed, "tags": []}
                return self.say(200, {**told, "siblings": siblings, "lastModified": DATE, "downloads": 0, "likes": 0})
            if what == "tree":
                return self.tree(files, folder, query.get("recursive", ["false"])[0].lower() in ("true", "1"))
            try:
                paths = json.loads(body)["paths"]
            except ValueError:
                paths = parse_qs(body.decode())["paths"]
            return self.say(200, [self.entry(path, files) for path in paths if self.entry(path, files)])

        def place(self, name: str, rest: str) -> tuple[str, str, str]:
            """Revision and folder of `REVISION/FOLDER`; a branch's name may hold slashes itself."""
            known = [*hub.branches[name], *hub.commits[name]]
            revision = next((r for r in known if rest == r or rest.startswith(f"{r}/")), rest.split("/")[0])
            return revision, "", rest[len(revision) :].strip("/")

        def tree(self, files: Files, folder: str, recursive: bool) -> None:
            start = f"{folder}/" if folder else ""
            inside = [path for path in sorted(files) if path.startswith(start)]
            if folder and not inside:
                return self.no(404, "EntryNotFound")
            parents = {"/".join(p.split("/")[:n]) for p in inside for n in range(1, p.count("/") + 1)}
            folders = [f for f in sorted(parents) if f.startswith(start) and (recursive or "/" not in f[len(start) :])]
            shown = [path for path in inside if recursive or "/" not in path[len(start) :]]
            return self.say(200, [self.entry(path, files) for path in [*folders, *shown]])

        def entry(self, path: str, files: Files) -> dict[str, Any] | None:
            if path in files:
                return {"type": "file", "path": path, "size": len(files[path]), "oid": _oid(files[path])}
            there = any(other.startswith(f"{path}/") for other in files)
            return {"type": "directory", "path": path, "size": 0, "oid": "0" * 40} if there else None

        def file(self, name: str, revision: str, path: str) -> None:
            commit = hub.branches[name].get(revision, revision)
            files = hub.commits[name].get(commit)
            if files is None:
                return self.no(404, "RevisionNotFound")
            if path not in files:
                return self.no(404, "EntryNotFound", {"X-Repo-Commit": commit})
            headers = {"ETag": f'"{_oid(files[path])}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
            content, status = files[path], 200
            asked = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            if asked and self.command == "GET":
                first, last = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
                headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
                content, status = content[first : last + 1], 206
            return self.say(status, content, headers)

        def no(self, status: int, code: str, headers: dict[str, str] | None = None) -> None:
            self.say(status, {"error": code}, {"X-Error-Code": code, "X-Error-Message": code, **(headers or {})})

        def say(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for key, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    return Handler


def environment(hub: ReadHub, home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    quiet = {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    return {**kept, **quiet, "HF_ENDPOINT": hub.url, "HF_HOME": str(home)}
