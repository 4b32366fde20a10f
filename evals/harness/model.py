"""Our engines as an lm-eval model: batching, journal and resume are ours, never lm-eval's response cache.

`Seats` serves the evaluation stage. `InsightvLM`, registered as `insightv`, serves lm-eval's own command line: with
`arm=plain` a task's prompt goes to the model as it is; with `reason+summary` both agents work on it, with
`multi-turn` the first answers in its own next turn.
"""

from __future__ import annotations

import atexit
import io
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from lm_eval.api.model import LM

from insightv_bench.agents import held_to, path_text, whole_text
from insightv_bench.chat import LETTERS, Chat, Prompt, assistant, go_on
from insightv_bench.engines import BatchEngine, Caller, open_engine
from insightv_bench.errors import EngineError, RecipeError
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.protocol import parse_path
from insightv_bench.records import Image, Message
from insightv_bench.settings import (
    ModelEngine,
    Sampling,
    engine_of,
    in_its_manner,
    is_python,
    is_server,
)

from ..arms import TURNS
from .extraction import journal_file
from .metrics import Said

GREEDY = Sampling(max_new_tokens=256)
MARKER = "<image>"
ARMS = ("plain", "direct", "reason", "multi-turn", "reason+summary")


class Base(LM):
    """What every multimodal generator of ours shares."""

    MULTIMODAL = True

    def loglikelihood(self, requests: Any) -> Any:
        raise EngineError("this model generates; it gives no log-likelihoods", "choose tasks of type `generate_until`")

    loglikelihood_rolling = loglikelihood


class Seats(Base):
    """Each document goes to the seat that it names; the replies stay at hand for the records."""

    def __init__(self, callers: Mapping[str, Caller], images: Mapping[str, Image], strict: bool = False) -> None:
        """`strict`: only a sure reading of a reply may be right."""
        super().__init__()
        self._strict = strict
        self._callers, self._images = callers, images
        self.replies: dict[tuple[str, int], Reply] = {}

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        for request in requests:
            if request.doc["seat"] == "vote":
                self.replies[request.task_name, request.doc_id] = Reply(text=request.doc["vote"])
        for seat, caller in self._callers.items():
            mine = [index for index, request in enumerate(requests) if request.doc["seat"] == seat]
            replies = caller.ask_all([self._request(requests[index]) for index in mine])
            for index, reply in zip(mine, replies, strict=True):
                self.replies[requests[index].task_name, requests[index].doc_id] = reply
        return [Said.of(self.replies[request.task_name, request.doc_id], self._strict) for request in requests]

    @property
    def is_local(self) -> bool:
        """Whether one of the models is in this process, and not a server."""
        return any(isinstance(caller.engine, BatchEngine) for caller in self._callers.values())

    def of(self, task: str) -> list[Reply]:
        """A task's replies; none where nobody was asked."""
        return [reply for (name, _), reply in self.replies.items() if name == task]

    def _request(self, instance: Any) -> Request:
        context, options, visual = instance.args
        images = tuple(self._images[sha256] for sha256 in visual["visual"])
        before = [Message(**turn) for turn in instance.doc.get(TURNS, ())]
        chat = chat_of(context, images)
        chat = chat._replace(messages=(*before, *chat.messages))
        return Request(chat, sampling_of(options), instance.doc["sample"], held_to(instance.doc["prompt"]))


def chat_of(context: str, images: Sequence[Image]) -> Chat:
    """lm-eval's text as a chat: its `<image>` markers, as many as there are images, say where these stand.

    Leading ones say no more than that they stand first; one more in a question's words stays."""
    leading = len(images) * MARKER
    if context.replace("\n", "").startswith(leading):
        for _ in images:
            context = context.replace(MARKER, "", 1)
    else:
        for number in range(len(images)):
            context = context.replace(MARKER, f"<image {number + 1}>", 1)
    return Chat((Message(role="user", content=context.strip("\n")),), tuple(images))


def sampling_of(options: Mapping[str, Any], usual: Sampling = GREEDY) -> Sampling:
    """What a task's options say; `usual` where they say nothing."""
    if options.get("do_sample") is None and options.get("temperature") is None:
        temperature = usual.temperature
    else:
        temperature = float(options.get("temperature") or 0) if options.get("do_sample") else 0.0
    return usual.model_copy(
        update={
            "max_new_tokens": int(options.get("max_gen_toks", usual.max_new_tokens)),
            "temperature": temperature,
            "top_p": float(options.get("top_p") or usual.top_p),
            "repetition_penalty": float(options.get("repetition_penalty") or usual.repetition_penalty),
        }
    )


class InsightvLM(Base):
    """`--model insightv --model_args model=FOLDER,summary=FOLDER,arm=reason+summary`; a model is also a Hub id or
    `openai:URL#NAME`."""

    def __init__(
        self,
        model: str,
        summary: str = "",
        arm: str = "plain",
        batch_size: int | str = 64,
        journal: str = "",
        device: str = "auto",
        dtype: str = "auto",
        path_tokens: int = 0,
        profile: str = "",
        **unknown: Any,
    ) -> None:
        super().__init__()
        unknown.pop("max_batch_size", None)
        if unknown:
            known = "model, summary, arm, batch_size, journal, device, dtype, path_tokens, profile"
            raise RecipeError(f"`{next(iter(unknown))}` is no argument of `--model insightv`", f"it takes {known}")
        if arm not in ARMS:
            raise RecipeError(f"`arm={arm}` is not one of {', '.join(ARMS)}")
        self.arm, self._path_tokens = arm, int(path_tokens)
        size = int(batch_size) if str(batch_size).isdigit() else 64
        kept = Journal(Path(journal) if journal else journal_file())
        stack = ExitStack()
        atexit.register(stack.close)  # lm-eval does not say when it is done; connections that are left open are told of
        stack.callback(kept.close)
        engine, self._settings = in_its_manner(_engine(model, size, device, dtype), profile)
        self._reason = self._summary = stack.enter_context(Caller(open_engine(engine), kept))
        if summary and summary != model:
            another, _ = in_its_manner(_engine(summary, size, device, dtype), profile)
            self._summary = stack.enter_context(Caller(open_engine(another), kept))

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        asked = [self._chat(request) for request in requests]
        if self.arm == "plain":
            return _texts(self._ask(self._reason, asked, requests))
        if self.arm == "direct":
            return _texts(self._ask(self._summary, [self._reprompt(chat, "direct") for chat in asked], requests))
        usual = self._settings.path_sampling
        cap = {"max_gen_toks": self._path_tokens or usual.max_new_tokens}
        paths = self._ask(self._reason, [self._reprompt(chat, "reason") for chat in asked], requests, cap, usual)
        if self.arm == "reason":
            return _texts(paths)
        if self.arm == "multi-turn":
            next_turn = go_on(self._settings.asking)
            gone_on = [
                chat._replace(
                    messages=(*self._reprompt(chat, "reason").messages, assistant(whole_text(path)), next_turn)
                )
                for chat, path in zip(asked, paths, strict=True)
            ]
            return _texts(self._ask(self._reason, gone_on, requests))
        shown = [
            self._reprompt(chat, "summary", path=shown_path(path)) for chat, path in zip(asked, paths, strict=True)
        ]
        return _texts(self._ask(self._summary, shown, requests))

    def _ask(
        self,
        caller: Caller,
        chats: list[Chat],
        requests: Sequence[Any],
        options: Any = None,
        usual: Sampling | None = None,
    ) -> list[Reply]:
        usual = usual or self._settings.answer_sampling
        samplings = [sampling_of({**request.args[1], **(options or {})}, usual) for request in requests]
        asked = [Request(chat, sampling) for chat, sampling in zip(chats, samplings, strict=True)]
        return caller.ask_all(asked)

    def _reprompt(self, chat: Chat, prompt: str, **slots: str) -> Chat:
        return reprompt(chat, self._settings.asking.prompt(prompt), **slots)

    def _chat(self, request: Any) -> Chat:
        shown = request.args[2]["visual"] if len(request.args) > 2 else ()  # a task of text has no third
        images = [as_image(image) for image in shown]
        if self.arm != "plain" and {"question", "options", "answer_type"} <= set(request.doc):
            return Chat((Message(role="user", content=bare_question(request.doc)),), tuple(images))
        return chat_of(request.args[0], images)


def _texts(replies: Sequence[Reply]) -> list[str]:
    """The answers; what a server hands over as its reasoning is a path, and never an answer."""
    return [Said.of(reply) for reply in replies]


def shown_path(reply: Reply) -> str:
    return path_text(parse_path(reply.text, reply.reasoning, reply.opened), whole_text(reply))


def bare_question(doc: Mapping[str, Any]) -> str:
    """A task of ours in an arm is asked in our prompts: without what its authors' prompt says of the answer."""
    lettered = [f"{letter}. {option}" for letter, option in zip(LETTERS, doc["options"], strict=False)]
    return "\n".join([doc["question"], *lettered])


def _engine(model: str, batch_size: int, device: str, dtype: str) -> ModelEngine:
    if is_server(model) or is_python(model):
        return engine_of(model)
    return engine_of(model, batch_size=batch_size, device=usable(device), dtype=dtype)


def usable(device: str | None) -> str:
    """lm-eval's command line says `cuda:0` where nobody chose."""
    import torch

    named = device or "auto"
    return "auto" if named.startswith("cuda") and not torch.cuda.is_available() else named


def reprompt(chat: Chat, prompt: Prompt, **slots: str) -> Chat:
    """The task's own text as the question of one of our prompts."""
    text = prompt.render(question=chat.messages[0].content, **slots)
    return Chat((Message(role="user", content=text),), chat.images)


def as_image(image: Any) -> Image:
    """An image as lm-eval's tasks give it: the bytes that it came from where they are known, else as PNG."""
    if isinstance(original := getattr(image, "original", None), bytes):
        return Image(bytes=original)
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "PNG")
    return Image(bytes=buffer.getvalue())
