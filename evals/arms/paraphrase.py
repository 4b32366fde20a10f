"""A paraphrase of any path by a model: the control `paraphrased` where no rule knows the words."""

from __future__ import annotations

from functools import partial

from insightv_bench.chat import ask
from insightv_bench.engines import Caller
from insightv_bench.flaws import keeps_content
from insightv_bench.judging import Asked, ask_strictly
from insightv_bench.protocol import Read, parse_path, render_path
from insightv_bench.records import QuestionColumns
from insightv_bench.settings import Sampling

PARAPHRASE = "paraphrase"


async def paraphrase(
    caller: Caller, question: QuestionColumns, text: str, sampling: Sampling, tries: int = 3
) -> Asked[str]:
    """The path `text`, which must be in our protocol's form, said in other words by `caller`'s model; checked to keep
    its steps, numbers and answer, else the reason why there is none."""
    chat = ask(PARAPHRASE, question, path=text)
    return await ask_strictly(caller, chat, sampling, tries, partial(read_paraphrase, text))


def read_paraphrase(text: str, reply: str) -> Read[str]:
    """A paraphrase of the path `text`, rendered; or what is wrong with it, in words for the model."""
    problem = keeps_content(text, reply)
    parsed = parse_path(reply)
    return Read(None, problem) if problem else Read(render_path(parsed.steps, parsed.answer))
