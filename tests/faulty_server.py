"""A server that errs on the wire as a script says, and a model that says what it was asked."""

from __future__ import annotations

from typing import Any

from insightv_bench.chat import Chat
from insightv_bench.engines import open_engine
from insightv_bench.journal import Reply, Request
from insightv_bench.records import Message
from insightv_bench.serving import ChatServer, Faults, Manners
from insightv_bench.settings import OpenAIEngine, Sampling


class Echo:
    """Says what it was asked; turns away whatever holds a bad word."""

    name, revision, concurrency = "echo", "1", 8

    async def reply(self, request: Request) -> Reply:
        said = request.chat.messages[-1].content
        if "bad" in said:
            raise ValueError("the prompt is too long")
        return Reply(text=f"you said {said}", num_prompt_tokens=3, num_tokens=2)


def served(*script: str, rates: dict[str, float] | None = None, engine: Any = None, key: str = "") -> ChatServer:
    return ChatServer(engine or Echo(), manners=Manners(key=key, faults=Faults(rates, script, slow_s=5)))


def engine_of(server: ChatServer, **changes: Any) -> Any:
    given = {"model": server.engine.name, "base_url": server.url, "first_wait_s": 0.001, "max_retries": 1}
    return open_engine(OpenAIEngine.model_validate({**given, "timeout_s": 20, **changes}))


def ask(text: str) -> Request:
    return Request(Chat((Message(role="user", content=text),)), Sampling())
