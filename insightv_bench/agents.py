"""The two seats. A seat is a prompt and an engine; what one seat writes makes the next seat's chat.

reasoning agent: question -> a path, step by step or in one reply
summary agent:   question and path -> a verdict and an answer
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from insightv_bench.answers import read_path
from insightv_bench.chat import OURS, Asking, Chat, ask, assistant, go_on, load_prompt
from insightv_bench.engines import Caller
from insightv_bench.journal import Reply, Request
from insightv_bench.protocol import (
    BY_NAME,
    ParsedAnswer,
    ParsedPath,
    ParsedStep,
    parse_answer,
    parse_step,
    render_path,
    render_paths,
    render_step,
    without_blank_thought,
)
from insightv_bench.records import Message, Path, PathStatus, Question, QuestionColumns, Step, content_id
from insightv_bench.settings import PathsSettings, Sampling, Spelling

Parsed = TypeVar("Parsed", ParsedStep, ParsedAnswer)
MAX_CHARS_SHOWN = 20_000
"""Of a reply that could not be read, when the model is asked to write it again."""
SEVERAL = "more/summary_of_k"
"""The prompt that shows the summary agent several paths."""
REPAIRS = {"step": "repair", "answer": "judge_repair"}
"""The prompt that asks for a reply of this format again."""


class Drafted(NamedTuple):
    """A path before it has a row's columns."""

    parsed: ParsedPath
    text: str
    num_calls: int
    num_tokens: int
    error: str = ""
    """Why its last request failed, in the server's words."""
    logprob: float | None = None
    certainty: float | None = None


class ReasoningAgent:
    """Writes paths through `caller`, as `settings` say. The gold answer is in no prompt."""

    def __init__(self, caller: Caller, settings: PathsSettings) -> None:
        self._caller = caller
        self._settings = settings
        self._prompt = settings.asking.prompt("reason") if settings.mode == "one-call" else load_prompt("step")

    async def write(self, question: Question, sample: int) -> Path:
        draft = await (self._one_call if self._settings.mode == "one-call" else self._stepwise)(question, sample)
        generator, prompt = self._caller.model, self._prompt.label
        return Path(
            id=content_id(question.id, generator, prompt, self._settings.model_dump(exclude={"engine"}), sample),
            question_id=question.id,
            sample=sample,
            generator=generator,
            prompt=prompt,
            steps=draft.parsed.steps,
            answer=draft.parsed.answer,
            status=draft.parsed.status,
            dialect=draft.parsed.dialect,
            repaired=draft.parsed.repaired,
            split=draft.parsed.split,
            text=draft.text,
            num_calls=draft.num_calls,
            num_tokens=draft.num_tokens,
            error=draft.error,
            logprob=draft.logprob,
            certainty=draft.certainty,
        )

    async def _one_call(self, question: Question, sample: int) -> Drafted:
        reply = await self._caller.ask(Request(ask(self._prompt, question), self._settings.sampling, sample))
        asked = (question.answer_type, question.options)
        parsed = read_path(reply.text, *asked, reasoning=reply.reasoning, finish=reply.finish, opened=reply.opened)
        own = reply.logprob, reply.certainty
        return Drafted(parsed, whole_text(reply), 1, reply.num_tokens, reply.error, *own)

    async def _stepwise(self, question: Question, sample: int) -> Drafted:
        """R_t = M(image, question, R_1..R_t-1): one call a step, and one more for the answer."""
        talk = _Talk(self._caller, self._settings.sampling, ask(self._prompt, question), sample)
        steps: list[Step] = []
        while len(steps) < self._settings.max_steps and not (steps and steps[-1].action == "summary"):
            last = await self._read(talk, "next", "step", parse_step)
            if not last or not last.step:
                return talk.draft(steps, None, malformed=True)
            talk.settle(render_step(last.step), last.repaired)
            steps.append(last.step)
        if steps[-1].action != "summary":
            return talk.draft(steps, None)
        read = await self._read(talk, "answer", "answer", parse_answer)
        return talk.draft(steps, read and read.answer, malformed=read is None)

    async def _read(self, talk: _Talk, prompt: str, format: str, parse: Callable[[str, bool], Parsed]) -> Parsed | None:
        """What is replied, after at most `repair_tries` repairs; None where it cannot be read or the model will not."""
        reply = await talk.say(load_prompt(prompt).template, format)
        for tries_left in reversed(range(self._settings.repair_tries + 1)):
            parsed = parse(reply.text, reply.opened)
            if not parsed.problem:
                return parsed
            if reply.finish in ("refusal", "error"):
                return None  # to be told that it is no JSON changes neither
            if tries_left:
                reply = await talk.say(load_prompt(REPAIRS[format]).render(problem=parsed.problem), format)
        return None


class _Talk:
    """The growing chat of one path; failed tries are shown to the model once and then forgotten."""

    def __init__(self, caller: Caller, sampling: Sampling, chat: Chat, sample: int) -> None:
        self._caller, self._sampling, self._chat, self._sample = caller, sampling, chat, sample
        self._tries: list[Message] = []
        self._replies: list[Reply] = []
        self._repaired = False

    async def say(self, text: str, format: str) -> Reply:
        first = not self._replies
        if not first:
            self._tries.append(Message(role="user", content=text))
        chat = Chat((*self._chat.messages, *self._tries), self._chat.images)
        reply = await self._caller.ask(Request(chat, self._sampling, self._sample, format))
        self._replies.append(reply)
        self._tries.append(assistant(reply.text[:MAX_CHARS_SHOWN]))
        return reply

    def settle(self, text: str, repaired: bool) -> None:
        """Keep the step that was read, in our spelling, and drop the tries before it."""
        turns = self._tries[:1] if self._tries[0].role == "user" else []
        self._chat = self._chat._replace(messages=(*self._chat.messages, *turns, assistant(text)))
        self._tries, self._repaired = [], self._repaired or repaired

    def draft(self, steps: Sequence[Step], answer: str | None, malformed: bool = False) -> Drafted:
        text = "\n".join(reply.text for reply in self._replies)
        status: PathStatus = "malformed" if malformed else "max_steps" if answer is None else "complete"
        parsed = ParsedPath(tuple(steps), answer, None, status, "json", self._repaired)
        num_tokens = sum(reply.num_tokens for reply in self._replies)
        return Drafted(parsed, text, len(self._replies), num_tokens, self._replies[-1].error)


def held_to(label: str) -> str:
    """The schema of the one object that a prompt of ours asks for; empty for a prompt in others' words.

    `label`: the prompt's name and version.
    """
    schemas = {"summary": "verdict", SEVERAL: "verdicts", "direct": "answer"}
    return next((schema for name, schema in schemas.items() if load_prompt(name).label == label), "")


def summary_chat(question: QuestionColumns, path: str) -> Chat:
    """What the summary agent sees; with an empty path it is asked directly."""
    return ask("summary", question, path=path) if path else ask("direct", question)


def several_chat(question: QuestionColumns, paths: Sequence[str]) -> Chat:
    """What the summary agent sees that is given several paths at once."""
    return ask(SEVERAL, question, paths=render_paths(paths))


def second_turn(question: QuestionColumns, path: str, asking: Asking = OURS) -> Chat:
    """One model in both seats: the path is what it said itself, and it is asked to judge it and to answer.

    It is asked in the words in which the summary agent is asked, so that only the layout of the chat differs.
    """
    first = ask(asking.prompt("reason"), question)
    return first._replace(messages=(*first.messages, assistant(path), go_on(asking)))


def whole_text(reply: Reply) -> str:
    """All that a model wrote: a server's `reasoning_content` stands before the text, as `<think>` would."""
    return f"<think>\n{reply.reasoning}\n</think>\n{reply.text}" if reply.reasoning.strip() else reply.text


def path_text(path: Path | ParsedPath, text: str = "") -> str:
    """A path as a reader is shown it: in its own words where its dialect is words or it was not read, else in our JSON,
    since marks of thought are tokens that the reader's own chat template would take for its own.

    `text`: what a parsed path was read from.
    """
    if path.status == "malformed" or is_words(path.dialect):
        return without_blank_thought(path.text if isinstance(path, Path) else text)
    return render_path(path.steps, path.answer)


def written_path(path: Path, spelling: Spelling) -> str:
    """A path as an agent is to learn to write it: `own` as its model wrote it, `json` in ours."""
    if spelling == "own" or path.status == "malformed":
        return path.text
    return render_path(path.steps, path.answer)


def judged_path(path: Path, spelling: Spelling) -> str:
    """A path as an agent is to learn to judge it: `own` as the evaluation shows it (`path_text`), `json` in ours."""
    return path_text(path) if spelling == "own" else written_path(path, spelling)


def is_words(dialect: str) -> bool:
    """Whether a path of this dialect is shown in its own words; one of a dialect of elsewhere is not."""
    return dialect in BY_NAME and BY_NAME[dialect].is_words
