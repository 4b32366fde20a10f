"""Any OpenAI-compatible chat server (vLLM, SGLang, a vendor), through the `openai` client.

The client retries 429, 5xx and connection errors with back-off and honours `Retry-After`. The original image bytes are
sent. A server's `reasoning_content` is kept apart from the reply's text.
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


class Server:
    def __init__(self, settings: OpenAIEngine) -> None:
        self._openai = require("openai", "openai", "a model behind a server")
        self._settings = settings
        self._client: Any = None
        self.concurrency = settings.concurrency
        self.name, self.revision = settings.model, settings.base_url

    async def reply(self, request: Request) -> Reply:
        started = time.monotonic()
        try:
            answer = await self._connect().chat.completions.create(**self._arguments(request))
        except (self._openai.NotFoundError, self._openai.AuthenticationError, self._openai.BadRequestError) as error:
            raise EngineError(f"`{self.name}` at {self.revision}: {first_line(error)}") from error
        except self._openai.APIError as error:
            raise EngineUnavailable(
                f"`{self.name}` at {self.revision} does not answer: {first_line(error)}",
                "every reply so far is kept; the same command goes on from there",
            ) from error
        if not answer.choices:
            return Reply(text="", finish="error", seconds=time.monotonic() - started)
        return self._as_reply(answer, time.monotonic() - started)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    def _connect(self) -> Any:
        if self._client is None:
            self._client = self._openai.AsyncOpenAI(
                base_url=self._settings.base_url,
                api_key=os.environ.get(self._settings.api_key_env) or "none",
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

    def _as_reply(self, answer: Any, seconds: float) -> Reply:
        choice = answer.choices[0]
        usage = answer.usage
        return Reply(
            text=choice.message.content or "",
            reasoning=getattr(choice.message, "reasoning_content", None) or "",
            finish="length" if choice.finish_reason == "length" else "stop",
            num_prompt_tokens=usage.prompt_tokens if usage else 0,
            num_tokens=usage.completion_tokens if usage else 0,
            seconds=seconds,
        )
