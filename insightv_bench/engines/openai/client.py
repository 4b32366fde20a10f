"""One server through the `openai` client: kept connections, bodies in slices, no retries of the client's own.

The client knows URLs, keys, redirects and what the vendor wants in a header. Three things of it are left aside, since
with 64 connections a call must cost little: requests go to its `post` as finished JSON (`create` walks through every
message, and the body would be one string with its pictures), replies come back as they are and not as its models, and
HTTP is aiohttp's (`transport`), which bounds a reply while it is read. docs/evaluating.md has what each costs.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from insightv_bench.errors import require
from insightv_bench.storage import first_line

from .payload import Body
from .retries import Trouble

PURPOSE = "a model behind a server"


class Answered(NamedTuple):
    status: int
    headers: Mapping[str, str]
    """Names are found in any spelling."""
    content: bytes


class Wire:
    """Opened on first use, in the loop that it is used in."""

    def __init__(self, base_url: str, key: str) -> None:
        self._aiohttp = require("aiohttp", "openai", PURPOSE)
        self._openai, self._httpx = (require(name, "openai", PURPOSE) for name in ("openai", "httpx2"))
        self._base_url, self._key = base_url, key
        self._client: Any = None

    async def post(self, page: str, body: Body) -> Answered:
        """Raises Trouble, TimeoutError."""
        return await self._send("post", page, content=body, options={"headers": {"Content-Length": str(len(body))}})

    async def get(self, page: str) -> Answered:
        return await self._send("get", page)

    async def _send(self, method: str, page: str, **content: Any) -> Answered:
        try:
            reply = await getattr(self._connect(), method)(page, cast_to=self._httpx.Response, **content)
        except self._openai.APIStatusError as error:
            reply = error.response
        except (self._httpx.InvalidURL, self._aiohttp.InvalidURL) as error:
            raise Trouble("connection", f"`{self._base_url}` is no URL of a server: {error}", passing=False) from None
        except self._openai.APIConnectionError as error:
            raise self._trouble(error.__cause__ or error) from None
        except (self._aiohttp.ClientError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise self._trouble(error) from None
        except ValueError as error:  # a key that no header can hold
            raise Trouble("connection", self._words(error), passing=False) from None
        return Answered(reply.status_code, reply.headers, reply.content)

    def _trouble(self, error: BaseException) -> Trouble:
        return Trouble("connection", f"Connection error. {self._words(error)}", passing=True)

    def _words(self, error: BaseException) -> str:
        words = first_line(error).replace(" ssl:default", "")  # aiohttp says it of plain HTTP too
        return words.replace(self._key, "...") if self._key else words

    def _connect(self) -> Any:
        if self._client is None:
            from .transport import Transport

            log = logging.getLogger("httpx2")  # a line a request, else, wherever somebody logs what is told
            log.setLevel(log.level or logging.WARNING)
            http = self._httpx.AsyncClient(
                transport=Transport(self._base_url),
                headers={"Accept-Encoding": "gzip, deflate"},  # what aiohttp unpacks piece by piece
                follow_redirects=True,
                trust_env=False,  # the transport has looked
                timeout=None,
            )
            self._client = self._openai.AsyncOpenAI(
                base_url=self._base_url, api_key=self._key, http_client=http, max_retries=0, timeout=None
            )
        return self._client

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
