"""Ask a model for a reply in a strict format: read it, tell it what was wrong, ask again, a bounded number of times.

A reply that is never read is data: a reason on a row. A model that cannot be asked at all (`EngineError`) ends the
stage: what it answered is kept, and the same command goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from insightv_bench.chat import Chat, assistant, load_prompt
from insightv_bench.engines import Caller
from insightv_bench.journal import Reply, Request
from insightv_bench.judge_replies import Read
from insightv_bench.records import Message
from insightv_bench.settings import Sampling

T = TypeVar("T")
REPAIR = "judge_repair"


class Asked(NamedTuple, Generic[T]):
    """What was read in the end, or why nothing was."""

    value: T | None
    reason: str
    """Empty where there is a value."""
    num_tries: int


async def ask_strictly(
    caller: Caller, chat: Chat, sampling: Sampling, tries: int, read: Callable[[str], Read[T]], format: str = ""
) -> Asked[T]:
    """The first reply that `read` can read. Each new try shows the model its last reply and what was wrong with it.

    `format`: the schema that an engine which has them holds it to, a name of `protocol.SCHEMAS`; empty: none.
    """
    problem, talk = "", chat
    for number in range(1, tries + 1):
        reply = await caller.ask(Request(talk, sampling, number - 1, format))
        verdict = read(reply.text)
        if verdict.value is not None:
            return Asked(verdict.value, "", number)
        problem = "the reply is cut off; write less" if reply.finish == "length" else verdict.problem
        if reply.finish == "error" or not reply.text.strip():
            problem = f"no reply: {reply.error}" if reply.error else "no reply"
        talk = with_complaint(chat, reply, problem)
    return Asked(None, problem, tries)


def with_complaint(chat: Chat, reply: Reply, problem: str) -> Chat:
    """The chat with the bad reply and the complaint; an empty reply is asked for again as if it were the first."""
    if not reply.text.strip():
        return chat
    complaint = Message(role="user", content=load_prompt(REPAIR).render(problem=problem))
    return chat._replace(messages=(*chat.messages, assistant(reply.text), complaint))
