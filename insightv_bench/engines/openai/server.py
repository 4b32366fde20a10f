"""Any server that speaks OpenAI's chat completions: vLLM, SGLang, a vendor.

Busy, slow and stumbling servers are asked again with back-off (see `retries`). A single request that stays without a
reply, though the server answers others, is a reply that failed, with the server's words, and no end of the run: where
no other request was answered meanwhile, the server is asked something short in the same shape. Thought that a server
sends apart is kept apart from the reply's text (see `replies`). Streaming, several choices a request and tools are not
used.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from insightv_bench.chat import Chat, to_openai
from insightv_bench.errors import EngineError, EngineUnavailable
from insightv_bench.journal import Reply, Request
from insightv_bench.keys import Mask, key_for, secrets_of_environment
from insightv_bench.protocol import response_format
from insightv_bench.records import Image, Message, content_id
from insightv_bench.settings import OpenAIEngine, Sampling

from ..base import Sent, Start
from ..control_tokens import cleared_for_server
from ..costs import Budget, Limits
from .client import Client, HttpReply
from .payload import Body, ImageUrls, placeholders
from .replies import MAX_ERROR_CHARS, as_reply, error_words, listed
from .retries import OF_REQUEST, Patience, Trouble, status_trouble
from .spelling import FORMAT, hint_for, other_spelling, respelt

NO_KEY = "none"
"""Local servers want none; some want a header all the same."""
PAGE = "/chat/completions"
MAX_TURNED_AWAY = 16
"""In a row, where the server answers nothing else; more is a server or a recipe that is wrong."""
CHECKED_AFTER = 2
"""So many failed tries on, it is asked whether the server answers anything else, so that no back-off is waited for."""
CHECK_WAIT_S = 20
FEW_TOKENS = 16
"""Of the reply to a short request; it may be cut off."""
SHORT = "Hello. Reply with one word."
FILTERED = ("content_filter", "content management policy", "responsibleaipolicyviolation")
"""Words of a 400 by which Azure refuses a prompt: a refusal, as of a model."""
NOTICES = logging.getLogger("insightv_bench")


class Shape(NamedTuple):
    """What a request has in common with others: where one of a shape is answered, its server takes that shape."""

    sampling: Sampling
    format: str
    has_images: bool


class Server:
    def __init__(self, settings: OpenAIEngine, scenes: Mapping[str, str] | None = None) -> None:
        """`scenes`: as every engine is opened with; a server sees the images alone."""
        self._settings = settings
        key = key_for(settings.api_key_env, settings.base_url)
        self._mask = Mask([key, *secrets_of_environment().values()])
        self._client = Client(settings.base_url, key or NO_KEY, self._mask, bills=bool(key))
        self._patience = Patience(settings.max_retries, settings.first_wait_s, settings.max_wait_s)
        self._images = ImageUrls()
        self.structured = settings.structured != "never"
        self._spelling: dict[str, str] = {}
        """Keys of a request as this server wants them."""
        self._start = Start(seed=0, has_answered=False, on_failure=lambda kind: None)
        self._num_answered: Counter[Shape] = Counter()
        self._num_lost = 0  # in a row
        self._is_long = False
        self._checks: dict[Shape, asyncio.Future[bool]] = {}
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
        started, shape = time.monotonic(), Shape(request.sampling, request.format, bool(request.chat.images))
        images = placeholders(request.chat.images)
        cleared = cleared_for_server(request.chat)
        body = self._body(request._replace(chat=cleared.chat), list(images))
        for number in count():
            num_before = self._num_answered[shape]
            try:
                answer = await self._try(body, images)
                reply = as_reply(answer, time.monotonic() - started, self._settings, self._mask)
            except Trouble as trouble:
                self._start.on_failure(trouble.kind)
                is_over = self._patience.is_over(trouble, number)
                is_there = self._num_answered[shape] > num_before or self._is_one_of_few(trouble)
                if not is_there and trouble.may_be_its_own and (is_over or number >= CHECKED_AFTER):
                    is_there = await self._answers(shape)
                if is_over:
                    return self._give_up(trouble, body, is_there)
                await asyncio.sleep(self._patience.wait(trouble, number, is_there))
            else:
                self._start, self._num_lost = self._start._replace(has_answered=True), 0
                self._num_answered[shape] += 1
                self._note_length(reply, request.sampling.max_new_tokens)
                return reply.model_copy(update={"num_broken": cleared.num_broken})
        raise AssertionError("the count has no end")

    def _note_length(self, reply: Reply, cap: int) -> None:
        """Said once of a server that writes on beyond the token cap: replies are dearer than asked for."""
        if reply.num_tokens > cap + FEW_TOKENS and not self._is_long:
            self._is_long = True
            place = f"`{self.name}` at {self._settings.base_url}"
            NOTICES.warning("%s ignores `max_tokens`: a reply of %s tokens, of %s", place, reply.num_tokens, cap)

    def _is_one_of_few(self, trouble: Trouble) -> bool:
        """Whether what is wrong is with this request, as the server says itself, and the server is known to answer."""
        is_its_own = trouble.status in OF_REQUEST or trouble.kind in ("too large", "tool call")
        return is_its_own and self._start.has_answered and self._num_lost < MAX_TURNED_AWAY

    async def _answers(self, shape: Shape) -> bool:
        """Whether the server answers something short in this shape; of many that ask at once, one does."""
        if shape not in self._checks:
            self._checks[shape] = asyncio.ensure_future(self._check(shape))
            self._checks[shape].add_done_callback(lambda _: self._checks.pop(shape))
        return await asyncio.shield(self._checks[shape])

    async def _check(self, shape: Shape) -> bool:
        try:
            async with asyncio.timeout(CHECK_WAIT_S):
                return bool(await self._short(shape))
        except (Trouble, TimeoutError):
            return False

    async def _short(self, shape: Shape) -> dict[str, Any]:
        """A completion of a short request. Raises Trouble."""
        shown = (small_image(),) if shape.has_images else ()
        chat = Chat((Message(role="user", content=SHORT),), shown)
        few = {"max_new_tokens": min(shape.sampling.max_new_tokens, FEW_TOKENS)}
        shape = shape._replace(sampling=shape.sampling.model_copy(update=few))
        images = placeholders(shown)
        answer = await self._try(self._body(Request(chat, shape.sampling, 0, shape.format), list(images)), images)
        as_reply(answer, 0.0, self._settings, self._mask)
        return answer

    async def _try(self, body: dict[str, Any], images: Mapping[str, Image]) -> dict[str, Any]:
        """One request, and more in another spelling where the server turns a key away. Raises Trouble."""
        spelling, may_drop = self._spelling, self._settings.structured == "auto"
        while True:
            spelt = respelt(body, spelling)
            try:
                answer = await self._ask(spelt, images)
            except Trouble as trouble:
                change = other_spelling(trouble, spelt, may_drop)
                if not change:
                    raise
                spelling = spelling | change
                continue
            if spelling != self._spelling:
                self._keep(spelling)
            return answer

    def _keep(self, spelling: dict[str, str]) -> None:
        """What made the server answer is asked from now on, and said once."""
        for key in spelling.keys() - self._spelling.keys():
            place = f"`{self.name}` at {self._settings.base_url}"
            how = f"`{key}` is sent as `{spelling[key]}`"
            if key == FORMAT:
                how = "replies are held to no JSON schema, and more of them may be unreadable"
            NOTICES.warning("%s does not take `%s`: %s", place, key, how)
        self._spelling = spelling

    async def _ask(self, body: dict[str, Any], images: Mapping[str, Image]) -> dict[str, Any]:
        """What the server sends back as JSON. Raises Trouble."""
        content = await Body.of(body, images, self._images)
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                http_reply = await self._client.post(PAGE, content)
        except TimeoutError:
            raise Trouble("timeout", f"Request timed out after {self._settings.timeout_s:g} s.", True) from None
        if http_reply.status >= 300:
            raise status_trouble(http_reply.status, http_reply.headers, self._words(http_reply))
        return self._completion(http_reply.content)

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

    def _give_up(self, trouble: Trouble, body: Mapping[str, Any], is_there: bool) -> Reply:
        """A failed reply where only this request is lost; raises EngineError where all would be.

        `is_there`: the server answers others in this shape.
        """
        if trouble.status == 400 and any(word in trouble.words.casefold() for word in FILTERED):
            return Reply(text="", finish="refusal", error=trouble.words)
        place = f"`{self.name}` at {self._settings.base_url}"
        if is_there and trouble.may_be_its_own:
            if self._start.has_answered or self._num_lost < MAX_TURNED_AWAY:
                self._num_lost += 1
                return Reply(text="", finish="error", error=trouble.words)
            words = f"{place} answers a short request, but none of the first {MAX_TURNED_AWAY + 1}: {trouble.words}"
            raise EngineError(words, "ask for fewer tokens, or show smaller images, or another model")
        if trouble.kind in ("not chat", "too large"):
            hint = "check `base_url`; it mostly ends in `/v1`"
            raise EngineError(f"{place} answers, but not as a chat server: {trouble.words}", hint)
        if trouble.status in (0, 408, 409, 425, 429) or trouble.status >= 500:
            wait = f" (it asks to wait {trouble.wait_s:,.0f} s)" if trouble.wait_s and trouble.wait_s >= 1 else ""
            hint = "every reply so far is kept; the same command goes on from there"
            raise EngineUnavailable(f"{place} does not answer: {trouble.words}{wait}", hint)
        key = f"put the server's key into the environment variable `{self._settings.api_key_env}`"
        asked = hint_for(trouble, body, self._settings.extra_body)
        raise EngineError(f"{place}: {trouble.words}", key if trouble.status in (401, 403) else asked)

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

    async def probe(self, wait_s: float, sampling: Sampling, with_image: bool = False) -> int:
        """How many tokens the server counts in a short prompt; 0 where it does not say, or takes long to.

        Raises Trouble where it does not reply.
        """
        try:
            async with asyncio.timeout(wait_s):
                answer = await self._short(Shape(sampling, "", with_image))
        except TimeoutError:
            return 0
        return as_reply(answer, 0.0, self._settings, self._mask).num_prompt_tokens

    def hint(self, trouble: Trouble, sampling: Sampling) -> str:
        """Which setting sends what the server turned away."""
        chat = Chat((Message(role="user", content=SHORT),))
        return hint_for(trouble, self._body(Request(chat, sampling), []), self._settings.extra_body)

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


@cache
def small_image() -> Image:
    """One plain picture, large enough for every model's processor."""
    from PIL import Image as PILImage

    buffer = io.BytesIO()
    PILImage.new("RGB", (64, 64), "red").save(buffer, "PNG")
    return Image(bytes=buffer.getvalue())
