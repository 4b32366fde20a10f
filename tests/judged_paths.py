"""A judge behind a real loopback server, paths for it to judge, and their assessment as a stage makes it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path as File
from typing import Any

from insightv_bench.journal import Journal
from insightv_bench.records import Assessment, Image, Path, Question, Step
from insightv_bench.settings import AssessSettings, OpenAIEngine, load_recipe
from insightv_bench.stages import MANIFEST, AskingOptions, Context, Progress, Stage, run_stage
from insightv_bench.storage import read_rows, write_shards, write_text

Say = Callable[[str, list[dict[str, Any]]], str]
"""From the first user text and all messages to the reply."""
GOLD = "seventeen paces"


class Judge:
    """A chat server on a free port; `say` makes its replies, None breaks the connection."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.texts: list[str] = []
        self.num_images: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                blocks = body["messages"][0]["content"]
                text = next(block["text"] for block in blocks if block["type"] == "text")
                outer.texts.append(text)
                outer.num_images.append(sum(block["type"] == "image_url" for block in blocks))
                said = outer.say(text, body["messages"])
                message = {"role": "assistant", "content": said}
                content = {
                    "id": "1",
                    "object": "chat.completion",
                    "created": 1,
                    "model": "m",
                    "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                    "usage": {"prompt_tokens": len(blocks), "completion_tokens": 2, "total_tokens": 2 + len(blocks)},
                }
                with suppress(BrokenPipeError):
                    self.send_response(200 if said != "DOWN" else 503)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Retry-After-Ms", "1")
                    self.end_headers()
                    self.wfile.write(json.dumps(content).encode())

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def engine(self) -> OpenAIEngine:
        url = f"http://127.0.0.1:{self._server.server_port}/v1"
        return OpenAIEngine(model="judge", base_url=url, concurrency=4, max_retries=1)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def shown(text: str) -> list[str]:
    """The paths of a scoring prompt, in order, by their first word."""
    return re.findall(r'^Path \d+\n\{"summary": "(\w+)"', text, re.MULTILINE)


def by_name(text: str, messages: list[dict[str, Any]]) -> str:
    """`p3` gets 3 times 10, whatever its place; answers are right where they name the gold's first word."""
    if "An answer to judge" in text:
        return json.dumps({"verdict": "right" if "seventeen" in text.split("An answer to judge")[1] else "wrong"})
    marks = [10 * int(name[1:]) for name in shown(text)]
    lines = [{"path": place, "accuracy": mark, "detail": 100} for place, mark in enumerate(marks, 1)]
    return "\n".join(map(json.dumps, lines))


def question(name: str) -> Question:
    image = Image(bytes=b"\x89PNG" + name.encode())
    return Question(
        id=name,
        images=(image,),
        image_sha256=(image.sha256,),
        question=f"How far is it in {name}?",
        answer=GOLD,
        answer_type="text",
        source="s",
        source_revision="1",
        source_license="MIT",
    )


def path(of: str, name: str, answer: str | None = GOLD) -> Path:
    steps = (Step(summary=name, reasoning=f"{name} counts the paces", action="summary"),)
    return Path(
        id=f"{of}-{name}",
        question_id=of,
        sample=0,
        generator="g@1",
        prompt="reason@1",
        steps=steps,
        answer=answer,
        status="max_steps" if answer is None else "complete",
        dialect="json",
        text="",
    )


def assessed(
    tmp_path: File, settings: AssessSettings, questions: Sequence[Question], paths: Sequence[Path], seed: int = 0
) -> tuple[dict[str, Assessment], dict[str, Any]]:
    """By path id, and the manifest's totals."""
    inputs = {}
    for name, rows in {"questions": questions, "paths": paths}.items():
        inputs[name] = tmp_path / name
        inputs[name].mkdir(exist_ok=True)
        write_shards(inputs[name], rows, type(rows[0]))
        write_text(inputs[name] / MANIFEST, json.dumps({"num_rows": len(rows), "files": {}}))
    stage = Stage("assess", "assess", settings, {role: role for role in inputs}, AskingOptions())
    with closing(Journal(tmp_path / "journal.sqlite")) as journal:
        context = Context(stage, tmp_path / "assess", inputs, journal, Progress(), seed, load_recipe("walk"))
        run_stage(stage, context)
    return {row.path_id: row for row in read_rows(tmp_path / "assess", Assessment)}, context.totals
