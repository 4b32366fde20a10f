"""HTTP to one server, by aiohttp: connections are kept, a body goes out in slices, and a reply is bounded while it is
read, unpacked: what a server sends cannot fill the memory.

Redirects are followed here, since aiohttp does not send a body of slices twice. Proxies are taken from the environment.
Nothing is tried again (see `retries`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from insightv_bench.errors import require
from insightv_bench.storage import first_line

from .payload import Body
from .retries import Trouble

MAX_BYTES = 16 * 1024 * 1024
"""Of one reply's body: text and reasoning of the longest kept, each character escaped, and room to spare."""
MAX_REDIRECTS = 20
REDIRECTS = (301, 302, 303, 307, 308)
WITH_BODY = (307, 308)
"""After the others the new place is asked by GET, as browsers do."""
OWNERS = {"OpenAI-Organization": "OPENAI_ORG_ID", "OpenAI-Project": "OPENAI_PROJECT_ID"}
"""Whom a vendor bills, by header: the environment's variable, named as the vendor names it."""


class HttpReply(NamedTuple):
    status: int
    headers: Mapping[str, str]
    """Names are found in any spelling."""
    content: bytes


class Client:
    """Opened on first use, in the loop that it is used in."""

    def __init__(self, base_url: str, key: str, mask: Callable[[str], str], bills: bool) -> None:
        """`bills`: whether a vendor's own headers go out with the key."""
        self._aiohttp = require("aiohttp", "openai", "a model behind a server")
        self._base_url, self._key, self._mask, self._bills = base_url, key, mask, bills
        self._session: Any = None
        self._proxy: str | None = None

    async def post(self, page: str, body: Body) -> HttpReply:
        """Raises Trouble, TimeoutError."""
        return await self._send("POST", page, body)

    async def get(self, page: str) -> HttpReply:
        """Raises Trouble, TimeoutError."""
        return await self._send("GET", page)

    async def _send(self, method: str, page: str, body: Body | None = None) -> HttpReply:
        try:
            self._open()
            return await self._follow(method, self._base_url.rstrip("/") + page, body)
        except self._aiohttp.InvalidURL as error:
            words = f"`{self._base_url}` is not a URL of a server: {self._words(error)}"
            raise Trouble("connection", words, passing=False) from None
        except TimeoutError:
            raise
        except (self._aiohttp.ClientError, OSError) as error:
            raise Trouble("connection", f"Connection error. {self._words(error)}", passing=True) from None
        except ValueError as error:  # a key that no header can hold
            raise Trouble("connection", self._words(error), passing=False) from None

    async def _follow(self, method: str, place: str, body: Body | None) -> HttpReply:
        from yarl import URL

        url = URL(place)
        owners = {header: os.environ[name] for header, name in OWNERS.items() if self._bills and os.environ.get(name)}
        # gzip and deflate are what aiohttp unpacks piece by piece
        own = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": "insightv-bench"}
        headers = {**own, **owners, "Authorization": f"Bearer {self._key}"}
        for _ in range(MAX_REDIRECTS + 1):
            sent = self._session.request(
                method,
                url,
                data=body and body.content,
                headers=headers | body.headers if body else headers,
                proxy=self._proxy,
                allow_redirects=False,
            )
            async with sent as reply:
                place = reply.headers.get("Location", "")
                if reply.status not in REDIRECTS or not place:
                    return HttpReply(reply.status, reply.headers, await bounded(reply))
            before, url = url, url.join(URL(place))
            if not is_same_server(before, url):
                headers = own
            if method == "POST" and not is_same_host(before, url):
                raise Trouble("redirect", f"it redirects a request to another host, `{url.host}`", passing=False)
            if reply.status not in WITH_BODY:
                method, body = "GET", None
        raise Trouble("connection", f"it redirects more than {MAX_REDIRECTS} times", passing=True)

    def _words(self, error: BaseException) -> str:
        return self._mask(first_line(error).replace(" ssl:default", ""))  # aiohttp says it of plain HTTP too

    def _open(self) -> None:
        if self._session is None:
            aiohttp, self._proxy = self._aiohttp, proxy_of(self._base_url)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),  # the caller knows how many it wants
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # the engine's is for a whole reply
                cookie_jar=aiohttp.DummyCookieJar(),
            )

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


def is_same_server(before: Any, after: Any) -> bool:
    """Whether the key may follow a redirect: to the same origin, or to the same host by HTTPS in the place of HTTP."""
    origins = [(url.scheme, url.port) for url in (before, after)]
    return before.host == after.host and (origins[0] == origins[1] or origins == [("http", 80), ("https", 443)])


def is_same_host(before: Any, after: Any) -> bool:
    """Whether what is asked, images and all, may follow: not to another host, and not from HTTPS to HTTP."""
    return before.host == after.host and (before.scheme, after.scheme) != ("https", "http")


def proxy_of(url: str) -> str | None:
    """From the environment, once: aiohttp's own way takes two threads a request."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)
