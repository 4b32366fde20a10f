"""A loopback server that speaks as much of the Hub's protocol as its real client asks for in push, pull and loading.

Commits are snapshots: path -> content hash. Tokens have a right each; private repositories are absent for strangers.
Faults are switched on by a test: uploads that break off, a commit that another one overtakes, a status for everything.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

WRITER, READER = "hf_writersToken000000000000000000000", "hf_readersToken000000000000000000000"
RIGHTS = {WRITER: "write", READER: "read"}
LARGE = re.compile(r"\.(parquet|safetensors|png|bin)$")
DATE = "2026-01-01T00:00:00.000Z"


@dataclass
class Repo:
    private: bool
    commits: list[dict[str, str]] = field(default_factory=lambda: [{}])
    """Snapshots, path -> sha256; a commit's id is made of its place."""
    titles: list[str] = field(default_factory=lambda: ["initial commit"])
    tags: dict[str, int] = field(default_factory=dict)
    pull_requests: list[dict[str, str]] = field(default_factory=list)


def commit_id(place: int) -> str:
    return hashlib.sha1(str(place).encode()).hexdigest()


@dataclass
class Hub:
    """What the server holds, and what was asked of it."""

    url: str = ""
    repos: dict[tuple[str, str], Repo] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)
    """Content hashes, each time one arrives whole."""
    uploads_before_stall: int | None = None
    """So many large files arrive; every later one is never answered."""
    overtake: int = 0
    """So many of the next commits are overtaken: another's lands just before."""
    status: int | None = None
    """Everything is answered with this."""
    stalled: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, content: bytes) -> str:
        sha = hashlib.sha256(content).hexdigest()
        self.blobs[sha] = content
        return sha

    def files(self, kind: str, repo_id: str) -> dict[str, bytes]:
        return {path: self.blobs[sha] for path, sha in self.repos[kind, repo_id].commits[-1].items()}

    def num_commits(self, kind: str, repo_id: str) -> int:
        return len(self.repos[kind, repo_id].commits) - 1


class Refused(Exception):
    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        super().__init__(status)
        self.status, self.code, self.message = status, code, message


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: Any) -> None:
        pass

    def answer(self) -> None:
        parts = urlsplit(self.path)
        self.hub.requests.append((self.command, self.path))
        body = self.body()
        try:
            if self.hub.status:
                raise Refused(self.hub.status)
            self.right()
            self.route(unquote(parts.path), parse_qs(parts.query), body)
        except Refused as refused:
            headers = {"X-Error-Code": refused.code, "X-Error-Message": refused.message}
            self.send(refused.status, {"error": refused.message}, {k: v for k, v in headers.items() if v})

    do_GET = do_POST = do_PUT = do_HEAD = answer  # noqa: N815

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            content = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return content
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def send(self, status: int, content: Any = b"", headers: dict[str, str] | None = None) -> None:
        payload = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(payload)

    def right(self) -> str:
        """`write`, `read`, or `none` without a token."""
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and token not in RIGHTS:
            raise Refused(401, message="Invalid credentials in Authorization header")
        return RIGHTS.get(token, "none")

    def writing(self) -> None:
        if self.right() != "write":
            raise Refused(403, message="You don't have the rights to do this")

    def repo(self, kind: str, repo_id: str) -> Repo:
        found = self.hub.repos.get((kind, repo_id))
        if not found or (found.private and self.right() == "none"):
            raise Refused(401 if self.right() == "none" else 404, "RepoNotFound", "Repository not found")
        return found

    def place(self, repo: Repo, revision: str) -> int:
        places = {"main": len(repo.commits) - 1, **repo.tags}
        places |= {commit_id(place): place for place in range(len(repo.commits))}
        if revision not in places:
            raise Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return places[revision]

    def route(self, path: str, query: dict[str, list[str]], body: bytes) -> None:
        for pattern, method in ROUTES:
            found = re.fullmatch(pattern, path)
            if found:
                getattr(self, method)(*found.groups(), **({"query": query} if method == "tree" else {}), body=body)
                return
        raise Refused(404, "EntryNotFound", f"no route {path}")

    def create(self, body: bytes) -> None:
        self.writing()
        asked = json.loads(body)
        kind = asked.get("type", "model") + "s"
        repo_id = f"{asked.get('organization') or 'org'}/{asked['name']}"
        if (kind, repo_id) in self.hub.repos:
            self.send(409, {"error": "exists", "url": f"{self.hub.url}/{repo_id}"})
            return
        self.hub.repos[kind, repo_id] = Repo(asked.get("visibility") == "private" or bool(asked.get("private")))
        self.send(200, {"url": f"{self.hub.url}/{'' if kind == 'models' else kind + '/'}{repo_id}", "id": repo_id})

    def validate(self, body: bytes) -> None:
        self.send(200, {"errors": [], "warnings": []})

    def preupload(self, kind: str, repo_id: str, body: bytes) -> None:
        there = self.repo(kind, repo_id).commits[-1]
        self.writing()
        files = [
            {"path": f["path"], "uploadMode": "lfs" if LARGE.search(f["path"]) else "regular", "shouldIgnore": False}
            | ({"oid": self.oid(f["path"], there[f["path"]])} if f["path"] in there else {})
            for f in json.loads(body)["files"]
        ]
        self.send(200, {"files": files})

    def oid(self, path: str, sha: str) -> str:
        return sha if LARGE.search(path) else git_id(self.hub.blobs[sha])

    def batch(self, kind: str | None, repo_id: str, body: bytes) -> None:
        self.writing()
        objects = []
        for asked in json.loads(body)["objects"]:
            entry = {"oid": asked["oid"], "size": asked["size"]}
            if asked["oid"] not in self.hub.blobs:
                entry["actions"] = {"upload": {"href": f"{self.hub.url}/_lfs/{asked['oid']}", "header": {}}}
            objects.append(entry)
        self.send(200, {"transfer": "basic", "objects": objects})

    def upload(self, sha: str, body: bytes) -> None:
        with self.hub.lock:
            limit = self.hub.uploads_before_stall
            stalled = limit is not None and len(self.hub.uploads) >= limit
            if not stalled:
                assert self.hub.put(body) == sha
                self.hub.uploads.append(sha)
        if stalled:
            self.hub.stalled.set()
            self.hub.go_on.wait(60)
            self.close_connection = True
            return
        self.send(200)

    def commit(self, kind: str, repo_id: str, revision: str, body: bytes) -> None:
        repo = self.repo(kind, repo_id)
        as_pull_request = "create_pr=1" in self.path
        if not as_pull_request:
            self.writing()
        with self.hub.lock:
            if self.hub.overtake:
                self.hub.overtake -= 1
                theirs = f"theirs-{len(repo.commits)}.txt" if self.hub.overtake else "theirs.txt"
                repo.commits.append({**repo.commits[-1], theirs: self.hub.put(b"theirs")})
                repo.titles.append("theirs")
            files = dict(repo.commits[-1])
            for line in map(json.loads, body.splitlines()):
                self.apply(line["key"], line["value"], files, repo)
            (repo.pull_requests if as_pull_request else repo.commits).append(files)
        pull_request = {"pullRequestUrl": f"{self.hub.url}/{repo_id}/discussions/1"} if as_pull_request else {}
        made = commit_id(len(repo.commits) - 1)
        url = f"{self.hub.url}/{'' if kind == 'models' else kind + '/'}{repo_id}/commit/{made}"
        self.send(200, {"success": True, "commitOid": made, "commitUrl": url, "hookOutput": ""} | pull_request)

    def apply(self, key: str, value: dict[str, Any], files: dict[str, str], repo: Repo) -> None:
        if key == "header":
            head = commit_id(len(repo.commits) - 1)
            if value.get("parentCommit", head) != head:
                raise Refused(412, message="A commit has happened since. Please refresh and try again.")
            repo.titles.append(value["summary"])
        elif key == "file":
            files[value["path"]] = self.hub.put(base64.b64decode(value["content"]))
        elif key == "lfsFile":
            assert value["oid"] in self.hub.blobs
            files[value["path"]] = value["oid"]
        elif key == "deletedFile":
            del files[value["path"]]

    def info(self, kind: str, repo_id: str, revision: str | None, body: bytes) -> None:
        repo = self.repo(kind, repo_id)
        place = self.place(repo, revision or "main")
        siblings = [{"rfilename": path} for path in sorted(repo.commits[place])]
        about = {"_id": repo_id, "id": repo_id, "modelId": repo_id, "author": repo_id.split("/")[0], "tags": []}
        about |= {"sha": commit_id(place), "private": repo.private, "gated": False, "disabled": False, "downloads": 0}
        about |= {"likes": 0, "lastModified": DATE, "createdAt": DATE, "cardData": {}, "siblings": siblings}
        self.send(200, about)

    def entry(self, path: str, sha: str) -> dict[str, Any]:
        size = len(self.hub.blobs[sha])
        entry: dict[str, Any] = {"type": "file", "path": path, "size": size, "oid": git_id(self.hub.blobs[sha])}
        if LARGE.search(path):
            entry["lfs"] = {"oid": sha, "size": size, "pointerSize": 130}
        return entry

    def tree(
        self, kind: str, repo_id: str, revision: str, inside: str | None, query: dict[str, list[str]], body: bytes
    ) -> None:
        repo = self.repo(kind, repo_id)
        files = repo.commits[self.place(repo, revision)]
        prefix = f"{inside.strip('/')}/" if inside and inside.strip("/") else ""
        deep = query.get("recursive", ["false"])[0].lower() in ("true", "1")
        within = {path: sha for path, sha in sorted(files.items()) if path.startswith(prefix)}
        folders = {
            prefix + "/".join(p) for path in within for p in parents(path.removeprefix(prefix)) if deep or len(p) == 1
        }
        if prefix and not within:
            raise Refused(404, "EntryNotFound", f"{inside} does not exist")
        shown = [self.entry(path, sha) for path, sha in within.items() if deep or "/" not in path.removeprefix(prefix)]
        self.send(
            200,
            [{"type": "directory", "path": name, "size": 0, "oid": git_id(name.encode())} for name in sorted(folders)]
            + shown,
        )

    def paths_info(self, kind: str, repo_id: str, revision: str, body: bytes) -> None:
        repo = self.repo(kind, repo_id)
        files = repo.commits[self.place(repo, revision)]
        text = body.decode()
        paths = json.loads(text)["paths"] if text.startswith("{") else parse_qs(text)["paths"]
        self.send(200, [self.entry(path, files[path]) for path in paths if path in files])

    def resolve(self, kind: str | None, repo_id: str, revision: str, path: str, body: bytes) -> None:
        repo = self.repo((kind or "models/").rstrip("/"), repo_id)
        place = self.place(repo, revision)
        sha = repo.commits[place].get(path)
        commit = {"X-Repo-Commit": commit_id(place)}
        if sha is None:
            self.send(404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound", **commit})
            return
        content = self.hub.blobs[sha]
        tag = f'"{sha if LARGE.search(path) else git_id(content)}"'
        headers = {"ETag": tag, "Accept-Ranges": "bytes", **commit}
        if LARGE.search(path):
            headers |= {"X-Linked-Etag": tag, "X-Linked-Size": str(len(content))}
        wanted = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not wanted or self.command != "GET":
            self.send(200, content, headers)
            return
        start, end = int(wanted[1]), min(int(wanted[2] or len(content)), len(content) - 1)
        self.send(206, content[start : end + 1], {**headers, "Content-Range": f"bytes {start}-{end}/{len(content)}"})


REPO = r"([^/]+/[^/]+)"
ROUTES = [
    (r"/api/repos/create", "create"),
    (r"/api/validate-yaml", "validate"),
    (rf"/api/(models|datasets|spaces)/{REPO}/preupload/main", "preupload"),
    (rf"/(datasets/|spaces/)?{REPO}\.git/info/lfs/objects/batch", "batch"),
    (r"/_lfs/([0-9a-f]{64})", "upload"),
    (rf"/api/(models|datasets|spaces)/{REPO}/commit/([^/]+)", "commit"),
    (rf"/api/(models|datasets|spaces)/{REPO}(?:/revision/([^/]+))?", "info"),
    (rf"/api/(models|datasets|spaces)/{REPO}/tree/([^/]+)(?:/(.*))?", "tree"),
    (rf"/api/(models|datasets|spaces)/{REPO}/paths-info/([^/]+)", "paths_info"),
    (rf"/(datasets/|spaces/)?{REPO}/resolve/([^/]+)/(.+)", "resolve"),
]


def git_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def parents(path: str) -> Iterator[list[str]]:
    parts = path.split("/")
    for number in range(1, len(parts)):
        yield parts[:number]


@contextmanager
def serving() -> Iterator[Hub]:
    hub = Hub()
    handler = type("HubHandler", (Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
