"""What asking a model for paths will take: calls, images, tokens, money. Mostly upper bounds, repairs left out.

Tokens read are measured where the run's journal holds replies of the model; before that they are guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import reduce
from pathlib import Path
from typing import NamedTuple

from insightv_bench.engines.openai import earlier_label, revision_of
from insightv_bench.journal import Journal, Spent
from insightv_bench.settings import OpenAIEngine, ParquetSource, PathsSettings, WorldSource
from insightv_bench.stages import MANIFEST, Stage, read_manifest

TOKENS_A_IMAGE, TOKENS_OF_TEXT = 1000, 300
"""Guesses for an image of a thousand pixels a side, and for a prompt with its question."""


class Estimate(NamedTuple):
    num_calls: int
    num_tokens: int
    """Written."""
    num_prompt_tokens: int
    measured: bool
    """Whether the prompt's tokens come from this run's journal."""
    cost_usd: float


def estimate(settings: PathsSettings, num_questions: int, kept: Sequence[int] = (0, 0)) -> Estimate:
    """`kept`: calls and prompt tokens of the replies that the journal holds."""
    calls_a_path = 1 if settings.mode == "one-call" else settings.max_steps + 1
    num_calls = num_questions * settings.num_paths * calls_a_path
    # The steps so far are read again with each call: half of the longest path, on the whole.
    steps_read = settings.sampling.max_new_tokens * (calls_a_path - 1) // 2
    prompt = kept[1] / kept[0] if kept[0] else TOKENS_A_IMAGE + TOKENS_OF_TEXT + steps_read
    written, read = num_calls * settings.sampling.max_new_tokens, round(num_calls * prompt)
    engine = settings.engine
    cost = 0.0
    if isinstance(engine, OpenAIEngine):
        cost = (read * engine.usd_per_million_prompt_tokens + written * engine.usd_per_million_tokens) / 1e6
    return Estimate(num_calls, written, read, bool(kept[0]), cost)


def num_questions(stage: Stage, folder: Path) -> int | None:
    """How many there will be, as far as it can be known without reading them; None where it cannot."""
    if (folder / MANIFEST).exists():
        return int(read_manifest(folder)["num_rows"])
    if isinstance(stage.settings, WorldSource):
        return stage.settings.num
    if isinstance(stage.settings, ParquetSource):
        return _num_rows(stage.settings)
    return None


def _num_rows(source: ParquetSource) -> int | None:
    """By the files' own word; rows that cannot be questions are among them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    place = Path(source.path)
    files = sorted(place.glob("*.parquet")) if place.is_dir() else [place]
    try:
        num = sum(pq.ParquetFile(file).metadata.num_rows for file in files)
    except (OSError, pa.ArrowInvalid):
        return None
    return min(num, source.limit or num)


def describe(stage: Stage, stages: Mapping[str, Stage], folders: Mapping[str, Path], journal: Path) -> list[str]:
    """Lines for the plan of one stage of paths."""
    settings, questions = stage.settings, stage.inputs["questions"]
    assert isinstance(settings, PathsSettings)
    num = num_questions(stages[questions], folders[questions])
    if num is None:
        return [f"calls: not known before `{questions}` is there"]
    engine = settings.engine
    if not isinstance(engine, OpenAIEngine):
        return _lines(estimate(settings, num), Spent(0, 0, 0.0))[:1]
    kept, prompt = Spent(0, 0, 0.0), 0
    if journal.exists():
        names = (f"{engine.model}@{revision_of(engine)}", earlier_label(engine))
        with closing(Journal(journal)) as opened:
            kept = reduce(Spent.plus, map(opened.spent, names))
            prompt = sum(int(str(row["num_prompt_tokens"])) for row in opened.stats() if row["model"] in names)
    return _lines(estimate(settings, num, (kept.num_calls, prompt)), kept)


def _lines(most: Estimate, kept: Spent) -> list[str]:
    source = "as measured so far" if most.measured else "a guess"
    lines = [
        f"at most {most.num_calls:,} calls, each with its image, and {most.num_tokens:,} tokens written",
        f"about {most.num_prompt_tokens:,} tokens read ({source})",
    ]
    lines += [f"for both about ${most.cost_usd:,.2f} at the recipe's prices"] if most.cost_usd else []
    if kept.num_calls:
        money = f", ${kept.cost_usd:,.2f}" if kept.cost_usd else ""
        lines.append(f"of this the journal holds {kept.num_calls:,} calls, {kept.num_tokens:,} tokens{money}")
    return lines
