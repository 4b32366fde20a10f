"""JSON over HTTP to one server: kept connections, large bodies sent piece by piece, no retries of its own.

A reply's body is counted, unpacked, while it is read: what a server sends cannot fill the memory.

Over aiohttp rather than a vendor's client: in seconds of the processor a call takes a fifth, and with 64 connections
that is the difference between waiting for the server and waiting for ourselves. Proxies are taken from the environment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from insightv_bench.errors import require
from insightv_bench.tables import first_line

from .troubles import Trouble

MAX_BYTES = 16 * 1024 * 1024
"""Of one reply's body: text and reasoning of the longest kept, each character escaped, and room to spare."""


class Answered(NamedTuple):
    status: int
    headers: Mapping[str, str]
    """Names are found in any spelling."""
    content: bytes


class Wire:
    """Opened on first use, in the loop that it is used in."""

    def __init__(self, base_url: str, key: str) -> None:
        self._aiohttp = require("aiohttp", "openai", "a model behind a server")
        self._base_url, self._key = base_url.rstrip("/"), key
        self._proxy = proxy_of(base_url)
        self._session: Any = None

    async def post(self, page: str, body: Sequence[bytes]) -> Answered:
        """`body`: JSON in pieces, so that no picture is copied into a whole. Raises Trouble, TimeoutError."""
        return await self._send("POST", page, pieces_type()(body))

    async def get(self, page: str) -> Answered:
        return await self._send("GET", page, None)

    async def _send(self, method: str, page: str, data: Any) -> Answered:
        try:
            async with self._connect().request(method, self._base_url + page, data=data, proxy=self._proxy) as reply:
                return Answered(reply.status, reply.headers, await bounded(reply))
        except self._aiohttp.InvalidURL as error:
            raise Trouble("connection", f"`{error}` is no URL of a server", passing=False) from None
        except (self._aiohttp.ClientError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise Trouble("connection", f"Connection error. {self._words(error)}", passing=True) from None
        except ValueError as error:  # a key that no header can hold
            raise Trouble("connection", self._words(error), passing=False) from None

    def _words(self, error: Exception) -> str:
        words = first_line(error).replace(" ssl:default", "")  # aiohttp says it of plain HTTP too
        return words.replace(self._key, "...") if self._key else words

    def _connect(self) -> Any:
        if self._session is None:
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._key}"}
            self._session = self._aiohttp.ClientSession(
                connector=self._aiohttp.TCPConnector(limit=0),  # the caller knows how many it wants
                timeout=self._aiohttp.ClientTimeout(total=None, sock_connect=None),
                headers=headers,
            )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


async def bounded(reply: Any) -> bytes:
    """The body; of an error's no more than its beginning. Raises Trouble for another that is larger than MAX_BYTES."""
    content = bytearray()
    async for piece in reply.content.iter_any():
        content += piece
        if len(content) > MAX_BYTES:
            reply.close()  # else the rest would be waited for
            if reply.status < 300:
                raise Trouble("too large", f"its reply is larger than {MAX_BYTES >> 20} MiB", passing=False)
            break
    return bytes(content[:MAX_BYTES])


def proxy_of(url: str) -> str | None:
    """From the environment, once: aiohttp's own way takes two threads a request."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


@cache
def pieces_type() -> Any:
    """A body of known length that is written piece by piece. Made here, since aiohttp is loaded late."""
    from aiohttp import payload

    class Pieces(payload.Payload):
        def __init__(self, body: Sequence[bytes]) -> None:
            super().__init__(body, content_type="application/json")
            self._size = sum(map(len, body))

        def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
            return b"".join(self._value).decode(encoding, errors)

        async def write(self, writer: Any) -> None:
            for piece in self._value:
                await writer.write(piece)

    return Pieces
