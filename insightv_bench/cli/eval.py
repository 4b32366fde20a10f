"""`eval` and `lm-eval`: any model in every arm in one command, and lm-eval's own command line. Names are lm-eval's."""

from __future__ import annotations

import json
from collections.abc import Container
from pathlib import Path
from typing import Annotated, Any

import typer

from insightv_bench.errors import RecipeError
from insightv_bench.keys import note_typed

from .options import AllowKey, Answers, DryRun, EngineName, Out, Set, engine_override, typed

RecipeName = Annotated[str, typer.Argument(metavar="[RECIPE]", help="A recipe's own questions, in place of `--tasks`.")]
Model = Annotated[
    str, typer.Option("--model", help="Fills every seat: folder, Hub id, run folder, openai:URL#NAME.", callback=typed)
]
Reason = Annotated[str, typer.Option("--reason", help="Another model for the reasoning agent's seat.", callback=typed)]
Summary = Annotated[
    list[str] | None,
    typer.Option(
        "--summary",
        help="Another model for the summary agent's seat; again: one more, on the same paths.",
        callback=typed,
    ),
]
ModelArgs = Annotated[
    str,
    typer.Option(
        "--model_args", "--model-args", metavar="KEY=VALUE,...", help="Options of the models' engine.", callback=typed
    ),
]
ProfileName = Annotated[
    str, typer.Option("--profile", metavar="NAME|FILE", help="The models' manner; `none`: of one nothing is known of.")
]
AskOption = Annotated[
    str, typer.Option("--ask", metavar="A,B", help="How a path is asked for: json, native, prose, think, ...")
]
Arms = Annotated[str, typer.Option("--arms", metavar="A,B,C", help="In place of the usual ones, or the recipe's.")]
NumPaths = Annotated[int | None, typer.Option("--num-paths", min=1, help="Sampled paths a question.")]
Tasks = Annotated[str, typer.Option("--tasks", metavar="A,B,C", help="The drawn world at `full` if left out.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="So many questions of each task.")]
GenKwargs = Annotated[
    str, typer.Option("--gen_kwargs", "--gen-kwargs", metavar="KEY=VALUE,...", help="temperature, max_gen_toks, ...")
]
OutputPath = Annotated[
    Path | None, typer.Option("--output_path", "--output-path", help="lm-eval's result files go here as well.")
]
LogSamples = Annotated[bool, typer.Option("--log_samples", "--log-samples", help="With one file of samples an arm.")]
IncludePath = Annotated[str, typer.Option("--include_path", "--include-path", help="A folder with more task files.")]
BatchSize = Annotated[int | None, typer.Option("--batch_size", "--batch-size", min=1, help="Of a local model.")]
FreshSeed = Annotated[
    int | None, typer.Option("--fresh-seed", min=0, help="A drawn set that no one has seen, in place of the fixed one.")
]
Data = Annotated[Path | None, typer.Option("--data", metavar="FILE", help="The task's rows as a local parquet file.")]
RepeatCheck = Annotated[
    int, typer.Option("--repeat-check", metavar="N", min=0, help="So many greedy requests are asked twice.")
]
Seed = Annotated[int | None, typer.Option("--seed", help="Of the sampling.")]


def eval_command(
    recipe: RecipeName = "",
    model: Model = "",
    reason: Reason = "",
    summary: Summary = None,
    model_args: ModelArgs = "",
    profile: ProfileName = "",
    ask: AskOption = "",
    arms: Arms = "",
    num_paths: NumPaths = None,
    tasks: Tasks = "",
    limit: Limit = None,
    seed: Seed = None,
    gen_kwargs: GenKwargs = "",
    output_path: OutputPath = None,
    log_samples: LogSamples = False,
    include_path: IncludePath = "",
    batch_size: BatchSize = None,
    fresh_seed: FreshSeed = None,
    data: Data = None,
    answers: Answers = "",
    repeat_check: RepeatCheck = 0,
    out: Out = Path("runs"),
    set_: Set = None,
    engine: EngineName = "",
    allow_key: AllowKey = None,
    dry_run: DryRun = False,
) -> None:
    """Any model in every arm, on the same questions and paths.

    Reasoning alone, reasoning + summary, injected flaws.
    """
    from .eval_recipes import Asked, evaluate_all, text_options

    if recipe and tasks:
        raise RecipeError("a recipe and `--tasks` both say which questions are asked", "leave one of them out")
    if log_samples and not output_path:
        raise RecipeError("`--log_samples` needs a folder to write to", "name one: --output_path FOLDER")
    evaluate_all(
        Asked(
            recipe=recipe,
            tasks=tuple(names(tasks)),
            models=(model, reason, next(iter(summary or ()), "")),
            summaries=tuple(summary or ())[1:],
            model_args=pairs(model_args, "--model_args", text_options()),
            gen_kwargs=pairs(gen_kwargs, "--gen_kwargs"),
            limit=limit,
            seed=seed,
            fresh_seed=fresh_seed,
            batch_size=batch_size,
            include_path=include_path,
            data=data,
            overrides=(
                *([f"eval.answers={answers}"] if answers else ()),
                *([f"eval.arms={json.dumps(names(arms))}"] if arms else ()),
                *([f"eval.num_paths={num_paths}"] if num_paths else ()),
                *([f"eval.repeat_check={repeat_check}"] if repeat_check else ()),
                *manner_overrides(profile, ask),
                *(set_ or ()),
                *engine_override(engine),
            ),
        ),
        out,
        output_path,
        log_samples,
        dry_run,
    )


def names(text: str) -> list[str]:
    return list(filter(None, (name.strip() for name in text.split(","))))


def manner_overrides(profile: str, ask: str) -> list[str]:
    """`--profile` and `--ask` as overrides of the recipe, which says what they may be."""
    named = {"profile": profile, "eval.ask": ask}
    return [f"{key}={json.dumps(value)}" for key, value in named.items() if value]


def pairs(text: str, option: str, texts: Container[str] = ()) -> dict[str, Any]:
    """`a=1,b=true` or a JSON object, as lm-eval takes them; values of `texts` stay text, whatever they look like.

    Raises RecipeError for anything else.
    """
    if text.lstrip().startswith("{"):
        return _object(text, option)
    values: dict[str, Any] = {}
    for part in filter(None, text.split(",")):
        name, equals, value = part.partition("=")
        if not equals or not name.strip():
            raise RecipeError(f"`{part}` in `{option}` is not KEY=VALUE")
        name, value = name.strip(), value.strip()
        values[name] = value if name in texts else _value(value)
    return values


def _object(text: str, option: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise RecipeError(f"`{option}` is not a JSON object: {error}", "write KEY=VALUE,KEY=VALUE") from error
    if not isinstance(content, dict):
        raise RecipeError(f"`{option}` is not a JSON object", "write KEY=VALUE,KEY=VALUE")
    return content


def _value(text: str) -> Any:
    """A number or true or false where it is one; else the text."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return json.loads(text)
    except ValueError:
        return text


def lm_eval(context: typer.Context) -> None:
    """lm-eval's own command line, with our model and tasks.

    The model is `--model insightv`.
    """
    from insightv_bench.lazy import load_function

    note_typed(context.args)
    load_function("evals.harness.command_line:run_lm_eval")(context.args)
