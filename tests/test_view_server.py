"""The server of a page: it answers this machine alone, lists nothing, and serves no folder without a page."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from boards import serving_page

from insightv_bench.errors import RunError
from insightv_bench.leaderboard.page import server


@pytest.fixture
def port(hostile_page: Path) -> Iterator[int]:
    with serving_page(hostile_page) as port:
        yield port


def test_the_server_answers_this_machine_alone_and_lists_nothing(port: int) -> None:
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


def test_no_link_out_of_the_folder_no_pipe_and_no_other_sites_page(tmp_path: Path) -> None:
    folder, outside = tmp_path / "page", tmp_path / "secret.txt"
    folder.mkdir()
    outside.write_text("secret")
    (folder / "index.html").write_text("a page")
    (folder / "link.txt").symlink_to(outside)
    os.mkfifo(folder / "pipe.txt")
    with serving_page(folder) as port:
        statuses = {}
        for path, headers in (
            ("/", {}),
            ("/link.txt", {}),
            ("/pipe.txt", {}),
            ("/", {"Origin": "https://evil.example"}),
        ):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", path, headers=headers)
            reply = connection.getresponse()
            assert b"secret" not in reply.read()
            statuses[path, *headers] = reply.status
            connection.close()
    assert statuses == {("/",): 200, ("/link.txt",): 404, ("/pipe.txt",): 404, ("/", "Origin"): 403}
