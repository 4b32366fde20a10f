"""The data card: what is in the folder, how it was made, and what was left out, as the Hub shows it.

Its facts are the run's files'. Places of this machine and addresses of servers stay behind.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import yaml

from insightv_bench import __version__
from insightv_bench.chat import load_prompt
from insightv_bench.engines import public
from insightv_bench.settings import ReleaseSettings
from insightv_bench.stages import Context, git_commit, what_it_makes
from insightv_bench.storage import parquet_files

from .inspect_columns import FRAMEWORK, task
from .licenses import OTHER, license_id
from .plots import Figure
from .published import public_recipe
from .report import Yield, details, place_of, yields_table
from .shards import Written

HOLDS = {
    "reasoning": "prompt and path of the best-scored paths: trains the reasoning agent",
    "summary": "prompt (with a path, or plain) and verdict + answer: trains the summary agent",
    "preference": "chosen over rejected path of one question: trains a DPO round",
    "flawed": "a right path and a version of it with one controlled flaw; `maker` says who planted it",
}
TRAINERS = {"reasoning": "SFT", "summary": "SFT", "preference": "DPO"}
SIZES = [(1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")]


STEPWISE = ("step", "next", "repair", "answer", "judge_repair")
"""Prompts of paths that are written a step a call."""
COUNTED = ("kind", "score_range", "flaw", "round")
"""Columns whose values the card counts."""


class Facts(NamedTuple):
    """Everything that the card says, as found in files."""

    title: str
    license: str
    written: dict[tuple[str, str], Written]
    counts: dict[str, dict[str, dict[str, int]]]
    """`config/split` -> column -> value -> rows."""
    sources: list[tuple[str, str, str, int]]
    """Source, revision, licence, rows."""
    models: list[tuple[str, str]]
    """What it did, and its name and revision."""
    prompts: list[str]
    yields: list[Yield]
    gate: dict[str, Any]
    figures: list[Figure]
    provenance: dict[str, Any]

    @classmethod
    def of(
        cls,
        context: Context,
        settings: ReleaseSettings,
        gate: Any,
        written: Mapping[tuple[str, str], Written],
        yields: Sequence[Yield],
        figures: Sequence[Figure],
        folder: Path,
    ) -> Facts:
        """Of the files in `folder`. What a clock told is left out: the same rows make the same card."""
        yields = [row._replace(totals=without_clock(row.totals)) for row in yields]
        frames = {"/".join(key): pl.scan_parquet(parquet_files(folder.joinpath(*key)), glob=False) for key in written}
        sources = source_counts(frames.values())
        checked = {
            "sets": gate.sets,
            "num_questions": gate.num_questions,
            "num_left_out": len(gate.reasons),
            "reasons": dict(sorted(Counter(gate.reasons.values()).items())),
            "rows_left_out": {"/".join(key): part.num_left_out for key, part in written.items() if part.num_left_out},
            "catch_rates": gate.catch_rates,
            "rule": settings.gate.model_dump(),
        }
        models, prompts = models_of(context, yields), prompts_of(context, yields)
        provenance = {
            "recipe": public_recipe(json.loads(context.recipe.model_dump_json(exclude_none=True))),
            "insightv-bench": __version__,
            "commit": git_commit(),
            "models": dict(models),
            "prompts": {name: load_prompt(name).label for name in prompts},
            "gate": checked,
            "stages": {row.stage: [row.num_rows, row.num_dropped, row.dropped] for row in yields},
            "configs": {"/".join(key): part._asdict() for key, part in written.items()},
        }
        return cls(
            settings.title or context.recipe.name,
            license_id(settings.license) if settings.license else common_license(sources),
            dict(written),
            {name: value_counts(frame) for name, frame in frames.items()},
            sources,
            models,
            prompts,
            sorted(yields, key=lambda row: place_of(context.inputs[row.stage])),
            checked,
            list(figures),
            provenance,
        )


CLOCK = ("seconds", "wall_seconds", "started", "seconds_a_path")
"""Totals that differ between two runs that are the same."""


def without_clock(totals: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in totals.items() if name not in CLOCK}
    return {name: without_clock(value) if isinstance(value, dict) else value for name, value in kept.items()}


def value_counts(frame: pl.LazyFrame) -> dict[str, dict[str, int]]:
    columns = [name for name in COUNTED if name in frame.collect_schema().names()]
    if "flaw" in columns:
        columns.remove("kind")  # there the question's own
    rows = frame.select(columns).collect()
    return {name: {str(value): num for value, num in sorted(Counter(rows[name].to_list()).items())} for name in columns}


def source_counts(frames: Any) -> list[tuple[str, str, str, int]]:
    columns = ["source", "source_revision", "source_license"]
    rows = pl.concat([frame.select(columns) for frame in frames])
    counted = rows.group_by(columns).agg(num=pl.len()).sort(columns).collect()
    return list(counted.iter_rows())


def common_license(sources: Sequence[tuple[str, str, str, int]]) -> str:
    names = {license_id(license_) for _, _, license_, _ in sources}
    return names.pop() if len(names) == 1 and names != {"unknown"} else OTHER


def models_of(context: Context, yields: Sequence[Yield]) -> list[tuple[str, str]]:
    """Who wrote the paths, who judged them and who planted flaws, by stage."""
    writers = [(row.stage, public(str(row.totals["model"]))) for row in yields if "model" in row.totals]
    judges = [row.stage for row in yields if what_it_makes(context.inputs[row.stage]) == "verdicts"]
    makers = [(row.stage, public(str(row.totals["maker"]))) for row in yields if "maker" in row.totals]
    return writers + [(stage, ", ".join(judges_of(context.inputs[stage]))) for stage in judges] + makers


def judges_of(assessments: Path) -> list[str]:
    """Whoever scored paths or settled answers; `rule` where that was no model and no oracle."""
    rows = pl.scan_parquet(parquet_files(assessments), glob=False).select("judge", "answer_judge").unique().collect()
    named = {public(name) for name in (*rows["judge"], *rows["answer_judge"])}
    return sorted(named - {"engine", "rule"}) or ["rule"]


def prompts_of(context: Context, yields: Sequence[Yield]) -> list[str]:
    """Prompts of the corpora, then those that paths were sampled with, judged and spoilt."""
    labels: set[str] = set()
    for folder in context.inputs.values():
        if what_it_makes(folder) == "paths":
            rows = pl.scan_parquet(parquet_files(folder), glob=False)
            labels |= set(rows.select("prompt").unique().collect()["prompt"])
    stepwise = STEPWISE if any(label.startswith("step@") for label in labels) else ()
    others = {label.partition("@")[0] for row in yields for label in row.totals.get("prompts", [])}
    return list(dict.fromkeys(["reason", "summary", "direct", *stepwise, *sorted(others)]))


def card(facts: Facts) -> str:
    corpora = [corpus for corpus, _ in facts.written]
    first = "summary" if "summary" in corpora else corpora[0]
    prompts = [load_prompt(name) for name in facts.prompts]
    template = files("insightv_bench.builders.release").joinpath("card.md").read_text(encoding="utf-8")
    slots = {
        "head": yaml.safe_dump(head(facts), sort_keys=False, allow_unicode=True).strip(),
        "title": facts.title,
        "configs": configs_table(facts),
        "counts": counts_list(facts),
        "load": f'rows = load_dataset("ORG/NAME", "{first}")["train"]',
        "train": train_lines(facts),
        "models": "\n".join(f"- `{stage}`: `{model}`" for stage, model in facts.models),
        "yields": yields_table(facts.yields),
        "details": details(facts.yields),
        "figures": "\n\n".join(f"![{one.alternative}](figures/{one.name}.png)" for one in facts.figures),
        "gate": gate_words(facts.gate),
        "sources": sources_table(facts),
        "prompts": "\n\n".join(f"`{prompt.label}`\n```text\n{prompt.template}\n```" for prompt in prompts),
        "version": __version__ + (f" at `{facts.provenance['commit'][:12]}`" if facts.provenance["commit"] else ""),
        "recipe": facts.provenance["recipe"]["name"],
        "seed": str(facts.provenance["recipe"]["seed"]),
    }
    for name, text in slots.items():
        template = template.replace(f"<<{name}>>", text)
    return template


def head(facts: Facts) -> dict[str, Any]:
    """The YAML on top, which the Hub and `load_dataset` read."""
    num_rows = sum(part.num_rows for part in facts.written.values())
    corpora = list(dict.fromkeys(corpus for corpus, _ in facts.written))
    return {
        "license": facts.license,
        "pretty_name": facts.title,
        "language": ["en"],
        "task_categories": ["image-text-to-text", "visual-question-answering"],
        "size_categories": [next((name for limit, name in SIZES if num_rows < limit), "n>1M")],
        "tags": ["insightv-bench", "multimodal", "reasoning", "trl", *(["dpo"] if "preference" in corpora else [])],
        "configs": [
            {
                "config_name": corpus,
                "data_files": [
                    {"split": split, "path": f"{corpus}/{split}/data-*.parquet"}
                    for name, split in facts.written
                    if name == corpus
                ],
            }
            for corpus in corpora
        ],
    }


def configs_table(facts: Facts) -> str:
    lines = ["| config | split | rows | files | MB | what a row holds |", "|---|---|---:|---:|---:|---|"]
    for (corpus, split), part in facts.written.items():
        size = f"{part.num_bytes / 1e6:,.1f}"
        lines.append(f"| `{corpus}` | {split} | {part.num_rows:,} | {part.num_files} | {size} | {HOLDS[corpus]} |")
    return "\n".join(lines)


def counts_list(facts: Facts) -> str:
    lines = []
    for name, columns in facts.counts.items():
        for column, values in columns.items():
            counted = ", ".join(f"{value} {num:,}" for value, num in values.items())
            lines.append(f"- `{name}`, by `{column}`: {counted}")
    return "\n".join(lines)


def train_lines(facts: Facts) -> str:
    corpora = [corpus for corpus in dict.fromkeys(corpus for corpus, _ in facts.written) if corpus in TRAINERS]
    lines = ["from datasets import load_dataset", "from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer", ""]
    for corpus in corpora:
        kind = TRAINERS[corpus]
        columns = ["images", "prompt", *(["chosen", "rejected"] if kind == "DPO" else ["completion"])]
        lines.append(f'rows = load_dataset("ORG/NAME", "{corpus}", split="train").select_columns({columns})')
        lines.append(
            f"{kind}Trainer(MODEL, args={kind}Config(max_length=None), train_dataset=rows).train()  # {corpus}"
        )
    return "\n".join(lines)


def gate_words(gate: Mapping[str, Any]) -> str:
    if not gate["sets"]:
        return "**No evaluation set was named in the recipe, so nothing was checked.**"
    sets = ", ".join(f"`{name}` ({num:,} questions)" for name, num in gate["sets"].items())
    rule = gate["rule"]
    lines = [
        f"{gate['num_questions']:,} questions were held against {sets}. A question is left out where an image is the "
        f"same byte for byte, or near (at most {rule['max_distance']} of 256 bits of a perceptual hash apart) with at "
        f"least {rule['overlap']:.0%} of the {rule['words']}-word n-grams of question and options in common.",
        "",
        f"Left out: **{gate['num_left_out']:,} questions**"
        + (f", {sum(gate['rows_left_out'].values()):,} rows." if gate["num_left_out"] else "."),
    ]
    lines += [f"- {reason}: {num:,}" for reason, num in gate["reasons"].items()]
    if rates := [(change, num, of) for change, (num, of) in gate["catch_rates"].items() if of]:
        lines += [
            "",
            "What the gate finds, measured on images of these sets that were changed and looked for again:",
            "",
        ]
        lines += [f"- {change}: {num:,} of {of:,}" for change, num, of in rates]
    return "\n".join(lines)


def sources_table(facts: Facts) -> str:
    lines = ["| source | revision | licence | rows |", "|---|---|---|---:|"]
    for name, revision, license_, num in facts.sources:
        lines.append(f"| {cell(name)} | `{cell(revision)}` | {cell(license_)} | {num:,} |")
    return "\n".join(lines)


def cell(text: str) -> str:
    """Text that leaves a table whole."""
    return " ".join(text.split()).replace("|", "/")


def benchmark_yaml(facts: Facts) -> str:
    """The Hub's description of a benchmark: which config and split each task takes."""
    tasks = [task(corpus, split) for corpus, split in facts.written if split == "test"]
    content = {
        "name": facts.title,
        "description": "Accuracy of a summary agent that is shown a path with one controlled flaw.",
        "evaluation_framework": FRAMEWORK,
        "tasks": tasks,
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
