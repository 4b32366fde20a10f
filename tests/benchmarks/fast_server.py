"""A chat server that takes 200 ms for each request and next to nothing of the processor.

    python fast_server.py [SECONDS [CAPACITY [answer|path]]]

With a capacity it answers so many at once, and the others wait in the order they came; 0 is none.

POST /v1/chat/completions   the body is read and thrown away; the reply is an answer, or a path that ends in it
GET  /v1/models             the one model, `m`
GET  /stats                 requests, bytes, when the first came and the last was answered; then counts anew
"""

from __future__ import annotations

import asyncio
import heapq
import json
import sys
import time
from typing import Any

BUFFER_BYTES = 2**20
ANSWER = '{"answer": "A"}'
STEP = '{"summary": "read the bar", "reasoning": "The red bar ends at the line of 7.", "action": "%s"}'
TEXTS = {"answer": ANSWER, "path": "\n".join((*[STEP % "continue"] * 5, STEP % "summary", ANSWER))}


def completion(text: str) -> bytes:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 1000, "completion_tokens": 5, "total_tokens": 1005}
    whole = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    return json.dumps(whole).encode()


class Stats:
    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.num_requests = self.num_bytes = 0
        self.first = self.last = 0.0  # seconds since the epoch

    def as_json(self) -> bytes:
        return json.dumps(vars(self)).encode()


class Places:
    """How many requests are answered at once, and when each place is free again; none: any number."""

    def __init__(self, delay_s: float, capacity: int) -> None:
        self._delay_s, self._free = delay_s, [0.0] * capacity

    def delay_s(self) -> float:
        """From now to the reply of a request that has just come."""
        if not self._free:
            return self._delay_s
        now = asyncio.get_running_loop().time()
        ends = max(now, heapq.heappop(self._free)) + self._delay_s
        heapq.heappush(self._free, ends)
        return ends - now


class Connection(asyncio.BufferedProtocol):
    """One client's connection; each request is answered before the next is read."""

    def __init__(self, stats: Stats, places: Places, text: str) -> None:
        self._stats, self._places, self._text = stats, places, text
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._head, self._num_left = b"", -1  # -1: in the head
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._num_left >= 0:
            self._take(nbytes)
            return
        self._head += bytes(self._buffer[:nbytes])
        head, found, body = self._head.partition(b"\r\n\r\n")
        if found:
            self._stats.first = self._stats.first or time.time()
            self._head, self._line = b"", head.split(b"\r\n")[0]
            self._num_left = length(head)
            self._take(len(body))

    def _take(self, num: int) -> None:
        self._num_left -= num
        self._stats.num_bytes += num
        if self._num_left <= 0:
            self._num_left = -1
            self._answer(self._line)

    def _answer(self, line: bytes) -> None:
        if line.startswith(b"GET /stats"):
            self._stats.first = 0.0 if not self._stats.num_requests else self._stats.first
            content = self._stats.as_json()
            self._stats.clear()
            self._send(content)
        elif line.startswith(b"GET"):
            self._stats.first = 0.0 if not self._stats.num_requests else self._stats.first
            self._send(json.dumps({"object": "list", "data": [{"id": "m", "object": "model"}]}).encode())
        else:
            self._stats.num_requests += 1
            asyncio.get_running_loop().call_later(self._places.delay_s(), self._send_reply)

    def _send_reply(self) -> None:
        self._stats.last = time.time()
        self._send(completion(self._text))

    def _send(self, content: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        if not self._transport.is_closing():
            self._transport.write(head.encode() + content)


def length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


async def serve(delay_s: float, capacity: int, text: str) -> None:
    stats, places = Stats(), Places(delay_s, capacity)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(stats, places, text), "127.0.0.1", 0, backlog=256)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    given = dict(enumerate(sys.argv))
    asyncio.run(serve(float(given.get(1, "0.2")), int(given.get(2, "0")), TEXTS[given.get(3, "answer")]))
