"""The `openai` client's HTTP, over aiohttp: its own takes 0.8 ms of the processor more a call.

The client's own aiohttp transport is not used: it says "timed out" of a server that is not there, and reads a reply
whole, however large it is or unpacks to. Here a body is counted, unpacked, while it is read: what a server sends cannot
fill the memory. Proxies are taken from the environment.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2

from .retries import Trouble

MAX_BYTES = 16 * 1024 * 1024
"""Of one reply's body: text and reasoning of the longest kept, each character escaped, and room to spare."""
OF_THE_BODY = ("content-encoding", "content-length", "transfer-encoding")
"""Headers that tell how the body came; it is handed on unpacked."""


class Transport(httpx2.AsyncBaseTransport):
    """Opened on first use, in the loop that it is used in. Raises aiohttp's errors and Trouble."""

    def __init__(self, base_url: str) -> None:
        self._proxy = proxy_of(base_url)
        self._session: Any = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        sent = self._connect().request(
            request.method,
            str(request.url),
            headers=request.headers.multi_items(),
            data=request.stream if "content-length" in request.headers else None,
            proxy=self._proxy,
            allow_redirects=False,
        )
        async with sent as reply:
            content = await bounded(reply)
        headers = [(name, value) for name, value in reply.headers.items() if name.lower() not in OF_THE_BODY]
        return httpx2.Response(reply.status, headers=headers, content=content, request=request)

    def _connect(self) -> Any:
        if self._session is None:
            import aiohttp

            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),  # the caller knows how many it wants
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # the engine's is for a whole reply
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    async def aclose(self) -> None:
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
