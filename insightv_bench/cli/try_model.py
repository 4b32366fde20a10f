"""`try`: a model is asked one question, and all that passes is shown: what it was sent, what it replied, what was read.

Nothing is kept. The same models, options, profiles and prompts as `eval` takes.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from insightv_bench.errors import RecipeError

from .eval import AskOption, BatchSize, Data, GenKwargs, IncludePath, ModelArgs, ProfileName, manner_overrides, pairs
from .options import AllowKey, Set, typed
from .summary import manner_line


def try_model(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="A folder, a Hub id, a run's folder, openai:URL#NAME.", callback=typed),
    ],
    task: Annotated[str, typer.Option("--task", help="Whose questions are asked.")] = "insightv_full",
    n: Annotated[int, typer.Option("--n", min=1, help="So many questions.")] = 1,
    summary: Annotated[
        str, typer.Option("--summary", help="Another model for the summary agent's seat.", callback=typed)
    ] = "",
    model_args: ModelArgs = "",
    profile: ProfileName = "",
    ask: AskOption = "",
    gen_kwargs: GenKwargs = "",
    data: Data = None,
    include_path: IncludePath = "",
    batch_size: BatchSize = None,
    set_: Set = None,
    allow_key: AllowKey = None,
) -> None:
    """One question to a model, in both seats: prompt as sent, reply in full, path and answer as read.

    Where to begin with a new model.
    """
    from .eval_recipes import Asked, recipes_of, text_options

    asked = Asked(
        recipe="",
        tasks=(task,),
        models=(model, "", summary),
        summaries=(),
        model_args=pairs(model_args, "--model_args", text_options()),
        gen_kwargs=pairs(gen_kwargs, "--gen_kwargs"),
        limit=n,
        seed=None,
        fresh_seed=None,
        batch_size=batch_size,
        include_path=include_path,
        data=data,
        overrides=(*manner_overrides(profile, ask), *(set_ or ())),
    )
    recipe = next(recipes_of(asked))
    Trial(recipe).run()


class Trial:
    """A recipe's reasoning and summary agents, each asked about each question."""

    def __init__(self, recipe: Any) -> None:
        self._settings, self._seats = recipe.eval, recipe.model_seats
        self._questions = list(questions_of(recipe))
        if not self._questions:
            raise RecipeError(f"task `{recipe.task}` has no question that can be asked")

    def run(self) -> None:
        from insightv_bench.engines import Caller, open_engine
        from insightv_bench.journal import Journal
        from insightv_bench.plan import seat_engine
        from insightv_bench.stages import check_engine

        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            journal = Journal(Path(folder) / "journal.sqlite")
            stack.callback(journal.close)
            self._callers: dict[str, Any] = {}
            opened: dict[str, Any] = {}
            for seat in ("reason", "summary"):
                engine = seat_engine(self._seats[seat], self._settings)
                key = engine.fingerprint()
                if key not in opened:
                    check_engine(engine, journal)
                    typer.echo(manner_line(engine, self._settings))
                    opened[key] = stack.enter_context(Caller(open_engine(engine), journal))
                self._callers[seat] = opened[key]
            for number, question in enumerate(self._questions, 1):
                self._ask(question, f"question {number} of {len(self._questions)}")

    def _ask(self, question: Any, which: str) -> None:
        from insightv_bench.agents import path_text, whole_text
        from insightv_bench.answers import read_path
        from insightv_bench.chat import ask, question_text

        asking = self._settings.asking
        typer.secho(f"\n{which}: {question.kind or question.source} {question.id}", bold=True)
        typer.echo(f"{question_text(question)}\n{sizes(question.images)}; gold answer: {question.answer}")
        reply = self._say("reasoning agent", "reason", ask(asking.prompt("reason"), question), question)
        asked = (question.answer_type, question.options)
        path = read_path(reply.text, *asked, reasoning=reply.reasoning, finish=reply.finish, opened=reply.opened)
        heading(f"path as read: {path.dialect}, {path.status}, {len(path.steps)} steps")
        for number, step in enumerate(path.steps, 1):
            typer.echo(f"{number:>3}. {shown(step.summary)}: {shown(step.reasoning)}")
        typer.echo(f"     answer of the path: {shown(path.answer) if path.answer is not None else 'none'}")
        chat = ask(asking.prompt("summary"), question, path=path_text(path, whole_text(reply)))
        self._say("summary agent", "summary", chat, question)

    def _say(self, who: str, seat: str, chat: Any, question: Any) -> Any:
        """Asks, and shows the prompt, the reply and what was read."""
        from insightv_bench.answers import is_gold, read
        from insightv_bench.journal import Request
        from insightv_bench.protocol import parse_summary

        settings = self._settings
        caller = self._callers[seat]
        sampling = settings.path_sampling if seat == "reason" else settings.answer_sampling
        request = caller.as_sent(Request(chat, sampling))
        sent = as_sent(caller.engine, request)
        reply = caller.run([caller.ask(request)])[0]
        images = "images: not told" if sent.num_image_tokens is None else f"images: {sent.num_image_tokens:,}"
        heading(f"{who}: prompt as sent ({reply.num_prompt_tokens:,} tokens; {images})")
        typer.echo(shown(sent.text))
        heading(f"{who}: reply ({reply.num_tokens:,} tokens, {ended(reply.finish)}, {reply.seconds:.1f} s)")
        if reply.reasoning.strip():
            typer.echo(f"[sent apart as its reasoning]\n{shown(reply.reasoning)}\n[reply]")
        typer.echo(shown(reply.text) or "[empty]")
        reading = read(reply.text, question.answer_type, question.options, finish=reply.finish, opened=reply.opened)
        kind = reading.kind(reply.finish)
        right = "" if reading.answer is None else ", right" if is_gold(reading.answer, question) else ", wrong"
        answer = "none" if reading.answer is None else f"`{shown(reading.answer)}`"
        heading(f"{who}: answer as read: {answer} ({kind}, {reading.method}){right}")
        if seat == "summary":
            typer.echo(f"verdict on the path: {parse_summary(reply.text, reply.opened).verdict}")
        return reply


def questions_of(recipe: Any) -> Iterator[Any]:
    """The first questions of the recipe's task."""
    from insightv_bench.lazy import load_function
    from insightv_bench.records import Question
    from insightv_bench.settings import WorldSource
    from insightv_bench.world import sample_questions

    source = recipe.questions[recipe.eval.questions]
    if isinstance(source, WorldSource):
        yield from sample_questions(recipe.world, source.split, source.seed, source.num)
        return
    task = load_function("evals.harness.task_questions:load_task")(source)
    rows = load_function("evals.harness.task_questions:task_rows")(task, source)
    yield from islice((row for row in rows if isinstance(row, Question)), source.limit)


def as_sent(engine: Any, request: Any) -> Any:
    """What the engine sends; of one that does not say, the messages."""
    from insightv_bench.engines import Sent

    if hasattr(engine, "sent"):
        return engine.sent(request)
    return Sent("\n".join(f"[{message.role}]\n{message.content}" for message in request.chat.messages), None)


def sizes(images: Any) -> str:
    from PIL import Image as PILImage

    from insightv_bench.records import DECODERS

    found = []
    for image in images:
        with PILImage.open(io.BytesIO(image.bytes), formats=DECODERS) as opened:
            found.append(f"{opened.width}x{opened.height}")
    return f"{len(found)} image{'s' * (len(found) != 1)}: {', '.join(found)}" if found else "no image"


def ended(finish: str) -> str:
    return {"stop": "ended by itself", "length": "CUT OFF at the token cap"}.get(finish, finish)


def heading(text: str) -> None:
    typer.secho(f"--- {text}", fg="cyan")


def shown(text: str) -> str:
    """A model's words on a terminal: nothing in them moves the cursor."""
    from insightv_bench.escape import visible

    return visible(text)
