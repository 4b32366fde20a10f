"""Any OpenAI-compatible chat server (vLLM, SGLang, a vendor), through the `openai` client.

The client retries 408, 409, 429, 5xx and connection errors with back-off and honours `Retry-After`. The original image
bytes are sent. A server's `reasoning_content` is kept apart from the reply's text.
"""

from __future__ import annotations

import os
import time
from typing import Any

from insightv_bench.chat import to_openai
from insightv_bench.errors import EngineError, EngineUnavailable, require
from insightv_bench.journal import Reply, Request
from insightv_bench.settings import OpenAIEngine
from insightv_bench.tables import first_line

NO_KEY = "none"
"""Local servers want none, the client wants one."""
RETRIED = (408, 409, 429)
REASONING = ("reasoning_content", "reasoning")
"""How servers name it; newer vLLM has the second."""


class Server:
    def __init__(self, settings: OpenAIEngine) -> None:
        self._openai = require("openai", "openai", "a model behind a server")
        self._settings = settings
        self._client: Any = None
        self._key = os.environ.get(settings.api_key_env) or NO_KEY
        self.concurrency = settings.concurrency
        self.name, self.revision = settings.model, settings.base_url

    async def reply(self, request: Request) -> Reply:
        started = time.monotonic()
        try:
            answer = await self._connect().chat.completions.create(**self._arguments(request))
        except self._openai.APIError as error:
            raise self._explain(error) from None  # the client's own error may hold the key
        except ValueError as error:
            raise self._no_chat(first_line(error)) from error
        if not hasattr(answer, "choices"):
            raise self._no_chat(f"{answer!r:.80}")
        if not answer.choices or answer.choices[0].message is None:
            return Reply(text="", finish="error", seconds=time.monotonic() - started)
        return as_reply(answer, time.monotonic() - started)

    def _explain(self, error: Any) -> EngineError:
        place = f"`{self.name}` at {self.revision}"
        words = " ".join(first_line(said) for said in (error, error.__cause__) if said)
        words = words if self._key == NO_KEY else words.replace(self._key, "...")
        status = getattr(error, "status_code", 500)
        if status >= 500 or status in RETRIED:
            hint = "every reply so far is kept; the same command goes on from there"
            return EngineUnavailable(f"{place} does not answer: {words}", hint)
        key = f"put the server's key into the environment variable `{self._settings.api_key_env}`"
        return EngineError(f"{place}: {words}", key if status in (401, 403) else "check `model` and `base_url`")

    def _no_chat(self, words: str) -> EngineError:
        return EngineError(
            f"`{self.name}` at {self.revision} answers, but not as a chat server: {words}",
            "check `base_url`; it mostly ends in `/v1`",
        )

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    def _connect(self) -> Any:
        if self._client is None:
            self._client = self._openai.AsyncOpenAI(
                base_url=self._settings.base_url,
                api_key=self._key,
                timeout=self._settings.timeout_s,
                max_retries=self._settings.max_retries,
            )
        return self._client

    def _arguments(self, request: Request) -> dict[str, Any]:
        sampling = request.sampling
        extra = {} if sampling.repetition_penalty == 1 else {"repetition_penalty": sampling.repetition_penalty}
        return {
            "model": self.name,
            "messages": to_openai(request.chat),
            "max_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": request.sample,
            "extra_body": extra,
        }


def as_reply(answer: Any, seconds: float) -> Reply:
    """The first choice; what a server leaves out or sends as another type is empty or 0."""
    choice, usage = answer.choices[0], getattr(answer, "usage", None)
    reasoning = [getattr(choice.message, name, None) for name in REASONING]
    return Reply(
        text=_text(getattr(choice.message, "content", None)),
        reasoning=next(filter(None, map(_text, reasoning)), ""),
        finish="length" if choice.finish_reason == "length" else "stop",
        num_prompt_tokens=getattr(usage, "prompt_tokens", 0) or 0,
        num_tokens=getattr(usage, "completion_tokens", 0) or 0,
        seconds=seconds,
    )


def _text(value: object) -> str:
    """Text that can be stored: half a surrogate pair, which JSON can carry, becomes `?`."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""
