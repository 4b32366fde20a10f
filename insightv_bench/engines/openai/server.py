"""Any server that speaks OpenAI's chat completions: vLLM, SGLang, a vendor.

Busy, slow and stumbling servers are asked again with back-off (see `retries`). A single request that a server turns
away, though it answers others, is a reply that failed, and no end of the run. A server's `reasoning_content` is kept
apart from the reply's text. Streaming, several choices a request and tools are not used.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from insightv_bench.chat import Chat, to_openai
from insightv_bench.errors import EngineError, EngineUnavailable
from insightv_bench.journal import MAX_TOKENS, Reply, Request
from insightv_bench.keys import Mask, key_for, secrets_of_environment
from insightv_bench.protocol import response_format
from insightv_bench.records import Image, Message, content_id
from insightv_bench.settings import OpenAIEngine, Sampling

from ..base import Sent, Start
from ..control_tokens import cleared_for_server
from ..costs import Budget, Limits
from .client import Client, HttpReply
from .payload import Body, ImageUrls, placeholders
from .retries import Patience, Trouble, refuses_format, status_trouble

NO_KEY = "none"
"""Local servers want none; some want a header all the same."""
PAGE = "/chat/completions"
TURNED_AWAY = (400, 413, 415, 422)
"""Statuses that may be one request's own fault: a prompt too long, an image that the server will not have."""
MAX_TURNED_AWAY = 16
"""In a row; more is a server or a recipe that is wrong."""
MAX_CHARS = 1_000_000
"""Of one reply; what is longer is a server gone astray, and is cut as at a token limit."""
MAX_ERROR_CHARS = 500
"""Of what a server says of an error."""
NO_MASK = Mask(())
REASONING = ("reasoning_content", "reasoning")
"""How servers name it; newer vLLM has the second."""


class Server:
    def __init__(self, settings: OpenAIEngine, scenes: Mapping[str, str] | None = None) -> None:
        """`scenes`: as every engine is opened with; a server sees the images alone."""
        self._settings = settings
        key = key_for(settings.api_key_env, settings.base_url)
        self._mask = Mask([key, *secrets_of_environment().values()])
        self._client = Client(settings.base_url, key or NO_KEY, self._mask, bills=bool(key))
        self._patience = Patience(settings.max_retries, settings.first_wait_s, settings.max_wait_s)
        self._images = ImageUrls()
        self._has_formats = self.structured = settings.structured != "never"
        self._start = Start(seed=0, has_answered=False, on_failure=lambda kind: None)
        self._num_turned_away = 0  # in a row
        self.budget = Budget(Limits(settings.max_tokens_total, settings.max_cost_usd))
        self.concurrency, self.adaptive = settings.concurrency, settings.adaptive
        self.opens_thought = settings.opens_thought
        self.name, self.revision = settings.model, revision_of(settings)
        self.earlier = earlier_label(settings)
        self.system, self.suffix = settings.system, settings.suffix

    def begin(self, start: Start) -> None:
        self._start = start

    async def reply(self, request: Request) -> Reply:
        """Raises EngineUnavailable where the server stays away, EngineError where no retry would help."""
        started = time.monotonic()
        images = placeholders(request.chat.images)
        cleared = cleared_for_server(request.chat)
        body = self._body(request._replace(chat=cleared.chat), list(images))
        for number in count():
            try:
                answer = await self._try(body, images)
            except Trouble as trouble:
                self._start.on_failure(trouble.kind)
                if self._patience.is_over(trouble, number):
                    return self._give_up(trouble)
                await asyncio.sleep(self._patience.wait(trouble, number))
            else:
                self._start, self._num_turned_away = self._start._replace(has_answered=True), 0
                reply = as_reply(answer, time.monotonic() - started, self._settings, self._mask)
                return reply.model_copy(update={"num_broken": cleared.num_broken})
        raise AssertionError("the count has no end")

    async def _try(self, body: dict[str, Any], images: Mapping[str, Image]) -> Any:
        """One request; a second one without `response_format` where the server turns that away."""
        if not self._has_formats:
            body.pop("response_format", None)
        try:
            return await self._ask(body, images)
        except Trouble as trouble:
            if self._settings.structured != "auto" or not refuses_format(trouble, body):
                raise
            body.pop("response_format")
        answer = await self._ask(body, images)
        self._has_formats = False
        return answer

    async def _ask(self, body: dict[str, Any], images: Mapping[str, Image]) -> Any:
        """A chat completion with at least one choice. Raises Trouble."""
        content = await Body.of(body, images, self._images)
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                http_reply = await self._client.post(PAGE, content)
        except TimeoutError:
            raise Trouble("timeout", f"Request timed out after {self._settings.timeout_s:g} s.", True) from None
        if http_reply.status >= 300:
            raise status_trouble(http_reply.status, http_reply.headers, self._words(http_reply))
        answer = self._completion(http_reply.content)
        choices = answer.get("choices")
        first = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(first, dict) or not isinstance(first.get("message"), dict):
            said = self._mask(error_words(http_reply.content)) if answer.get("error") else "its reply holds no choice"
            raise Trouble("no reply", f"{said:.{MAX_ERROR_CHARS}}", True)
        return answer

    def _completion(self, content: bytes) -> dict[str, Any]:
        """A page cut off or in the place of a reply passes, where the server is known to answer; else it is no such."""
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise Trouble("not chat", str(error), passing=self._start.has_answered) from None
        if not isinstance(answer, dict):
            raise Trouble("not chat", f"{self._mask(repr(answer)):.80}", passing=self._start.has_answered)
        return answer

    def _words(self, http_reply: HttpReply) -> str:
        """What was said, without the key: a server may have said it again."""
        return f"Error code: {http_reply.status} - {self._mask(error_words(http_reply.content)):.{MAX_ERROR_CHARS}}"

    def _give_up(self, trouble: Trouble) -> Reply:
        """A failed reply where only this request is lost; raises EngineError where all would be."""
        if trouble.kind == "no reply":
            return Reply(text="", finish="error", error=trouble.words)
        is_its_own = trouble.status in TURNED_AWAY or trouble.kind == "too large"
        if is_its_own and self._start.has_answered and self._num_turned_away < MAX_TURNED_AWAY:
            self._num_turned_away += 1
            return Reply(text="", finish="error", error=trouble.words)
        place = f"`{self.name}` at {self._settings.base_url}"
        if trouble.kind in ("not chat", "too large"):
            hint = "check `base_url`; it mostly ends in `/v1`"
            raise EngineError(f"{place} answers, but not as a chat server: {trouble.words}", hint)
        if trouble.status in (0, 408, 409, 425, 429) or trouble.status >= 500:
            wait = f" (it asks to wait {trouble.wait_s:,.0f} s)" if trouble.wait_s and trouble.wait_s >= 1 else ""
            hint = "every reply so far is kept; the same command goes on from there"
            raise EngineUnavailable(f"{place} does not answer: {trouble.words}{wait}", hint)
        key = f"put the server's key into the environment variable `{self._settings.api_key_env}`"
        hint = key if trouble.status in (401, 403) else "check `model` and `base_url`"
        raise EngineError(f"{place}: {trouble.words}", hint)

    def sent(self, request: Request) -> Sent:
        """The request's body as JSON, each image by its hash."""
        urls = [f"[image {image.sha256[:12]}]" for image in request.chat.images]
        request = request._replace(chat=cleared_for_server(request.chat).chat)
        return Sent(json.dumps(self._body(request, urls), indent=2, ensure_ascii=False), None)

    async def models(self, wait_s: float) -> list[str]:
        """What the server lists; empty where it lists nothing. Raises Trouble where it is not there or wants a key."""
        try:
            async with asyncio.timeout(wait_s):
                http_reply = await self._client.get("/models")
        except TimeoutError:
            raise Trouble("timeout", f"it says nothing for {wait_s:g} s", True) from None
        if http_reply.status in (401, 403):
            raise status_trouble(http_reply.status, http_reply.headers, self._words(http_reply))
        return [self._mask(name) for name in listed(http_reply.content)] if http_reply.status == 200 else []

    async def probe(self, wait_s: float) -> None:
        """One reply of one token. Raises Trouble where there is none; slow is not none."""
        sampling = Sampling(max_new_tokens=1)
        body = self._body(Request(Chat((Message(role="user", content="Hello"),)), sampling), [])
        content = await Body.of(body, {}, self._images)
        try:
            async with asyncio.timeout(wait_s):
                http_reply = await self._client.post(PAGE, content)
        except TimeoutError:
            return
        if http_reply.status >= 300:
            raise status_trouble(http_reply.status, http_reply.headers, self._words(http_reply))

    async def close(self) -> None:
        self._images = ImageUrls()  # what was encoded is not held on to
        await self._client.close()

    def _body(self, request: Request, urls: Sequence[str]) -> dict[str, Any]:
        """One chat completion; `extra_body` takes the place of any of them, null leaves it out."""
        sampling, run = request.sampling, self._start.seed  # another seed for each sample, and for each seed of the run
        seed = int(content_id(run, request.sample, length=7), 16) if run else request.sample
        body: dict[str, Any] = {
            "model": self.name,
            "messages": to_openai(request.chat, urls),
            "max_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": seed,
        }
        if request.format:
            body["response_format"] = response_format(request.format)
        if sampling.repetition_penalty != 1:  # no key of the standard: sent where it is asked for
            body["repetition_penalty"] = sampling.repetition_penalty
        if sampling.top_k:
            body["top_k"] = sampling.top_k
        if sampling.presence_penalty:
            body["presence_penalty"] = sampling.presence_penalty
        body |= manner_of(self._settings)
        return {name: value for name, value in (body | self._settings.extra_body).items() if value is not None}


def revision_of(settings: OpenAIEngine) -> str:
    """What stands for the model's version in journal keys: whatever may change its replies and is in no request."""
    return _with_extra(settings.revision or server_id(settings.base_url), settings)


def server_id(url: str) -> str:
    """A server as rows and journals name it where its model's revision is not told: a hash of host and path."""
    parts = urlsplit(url)
    return f"server-{content_id(parts.netloc.lower(), parts.path.rstrip('/'), length=10)}"


def earlier_label(settings: OpenAIEngine) -> str:
    """How journals of before named it, by its address: what is kept under that is not paid for again. Else empty."""
    return "" if settings.revision else f"{settings.model}@{_with_extra(settings.base_url, settings)}"


def _with_extra(revision: str, settings: OpenAIEngine) -> str:
    more = manner_of(settings)
    body = {"extra_body": settings.extra_body, **more} if more else settings.extra_body
    return f"{revision}+{content_id(body, length=8)}" if body else revision


def manner_of(settings: OpenAIEngine) -> dict[str, Any]:
    """What a model's manner adds to a request, and only where it is asked for: no key that a strict server refuses."""
    thinking = {} if settings.enable_thinking is None else {"enable_thinking": settings.enable_thinking}
    arguments = {**thinking, **settings.chat_template_kwargs}
    pixels = {name: value for name in ("min_pixels", "max_pixels") if (value := getattr(settings, name))}
    said = {"stop": list(settings.stop), "chat_template_kwargs": arguments, "mm_processor_kwargs": pixels}
    return {name: value for name, value in said.items() if value}


def listed(content: bytes) -> list[str]:
    """The names in a list of models; empty for what is no such list."""
    try:
        rows = json.loads(content)["data"]
        return [str(row["id"]) for row in rows]
    except (ValueError, RecursionError, KeyError, TypeError):
        return []


def error_words(content: bytes) -> str:
    """A server's words on what was wrong: its JSON's message, or its page. Not cut: who shows them masks keys first."""
    try:
        error = json.loads(content)
        error = error.get("error", error) if isinstance(error, dict) else error
        words = error.get("message") or error.get("detail") if isinstance(error, dict) else error
    except (ValueError, RecursionError):
        words = content.decode("utf-8", "replace")
    return " ".join(str(words).split())


def as_reply(answer: Mapping[str, Any], seconds: float, settings: OpenAIEngine, mask: Mask = NO_MASK) -> Reply:
    """The first choice; what a server leaves out or sends as another type is empty or 0."""
    choice, usage = answer["choices"][0], answer.get("usage")
    message, usage = choice["message"], usage if isinstance(usage, dict) else {}
    reasoning = [mask(_text(message.get(name))) for name in REASONING]
    text, refusal = (mask(_text(message.get(name))) for name in ("content", "refusal"))
    num_prompt_tokens, num_tokens = (_number(usage.get(f"{part}_tokens")) for part in ("prompt", "completion"))
    cost = num_prompt_tokens * settings.usd_per_million_prompt_tokens + num_tokens * settings.usd_per_million_tokens
    finish = choice.get("finish_reason")
    refused = finish == "content_filter" or (refusal and not text)
    cut = finish == "length" or len(text) > MAX_CHARS
    return Reply(
        text=(text or refusal)[:MAX_CHARS],
        reasoning=next(filter(None, reasoning), "")[:MAX_CHARS],
        finish="refusal" if refused else "length" if cut else "stop",
        num_prompt_tokens=num_prompt_tokens,
        num_tokens=num_tokens,
        seconds=seconds,
        cost_usd=cost / 1e6,
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value <= MAX_TOKENS else 0


def _text(value: object) -> str:
    """Text that can be stored: half a surrogate pair, which JSON can carry, becomes `?`."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""
