"""The data card: what is in the folder, how it was made, and what was left out, as the Hub shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import yaml

from insightv_bench import __version__
from insightv_bench.chat import load_prompt

from .card_facts import Facts
from .report import details, yields_table

HOLDS = {
    "reasoning": "prompt and path of the best-scored paths: trains the reasoning agent",
    "summary": "prompt (with a path, or plain) and verdict + answer: trains the summary agent",
    "preference": "chosen over rejected path of one question: trains a DPO round",
    "flawed": "exact path and a version of it with one controlled flaw",
}
TRAINERS = {"reasoning": "SFT", "summary": "SFT", "preference": "DPO"}
SIZES = [(1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")]


def card(facts: Facts) -> str:
    template = files("insightv_bench.builders.release").joinpath("card.md").read_text(encoding="utf-8")
    slots = {
        "head": yaml.safe_dump(head(facts), sort_keys=False, allow_unicode=True).strip(),
        "title": facts.title,
        "configs": configs_table(facts),
        "counts": counts_list(facts),
        "load": load_lines(facts),
        "train": train_lines(facts),
        "models": "\n".join(f"- `{stage}`: `{model}`" for stage, model in facts.models),
        "yields": yields_table(facts.yields),
        "details": details(facts.yields),
        "figures": "\n\n".join(f"![{one.alternative}](figures/{one.name}.png)" for one in facts.figures),
        "gate": gate_words(facts.gate),
        "sources": sources_table(facts),
        "prompts": prompts_text(facts.prompts),
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
        "configs": [_config(corpus, facts) for corpus in corpora],
    }


def _config(corpus: str, facts: Facts) -> dict[str, Any]:
    splits = [split for name, split in facts.written if name == corpus]
    return {
        "config_name": corpus,
        "data_files": [{"split": split, "path": f"{corpus}/{split}/data-*.parquet"} for split in splits],
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


def load_lines(facts: Facts) -> str:
    corpora = dict.fromkeys(corpus for corpus, _ in facts.written)
    first = "summary" if "summary" in corpora else next(iter(corpora))
    return f'rows = load_dataset("ORG/NAME", "{first}")["train"]'


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
        f"{gate['num_questions']:,} questions were held against {sets}. A question is left out where a picture is the "
        f"same byte for byte, or near (at most {rule['max_distance']} of 256 bits of a perceptual hash apart) with at "
        f"least {rule['overlap']:.0%} of the {rule['words']}-word n-grams of question and options in common.",
        "",
        f"Left out: **{gate['num_left_out']:,} questions**"
        + (f", {sum(gate['rows_left_out'].values()):,} rows." if gate["num_left_out"] else "."),
    ]
    return "\n".join([*lines, *(f"- {reason}: {num:,}" for reason, num in gate["reasons"].items())])


def sources_table(facts: Facts) -> str:
    lines = ["| source | revision | licence | rows |", "|---|---|---|---:|"]
    return "\n".join(
        [
            *lines,
            *(
                f"| {cell(name)} | `{cell(rev)}` | {cell(license_)} | {num:,} |"
                for name, rev, license_, num in facts.sources
            ),
        ]
    )


def cell(text: str) -> str:
    """Text that leaves a table whole."""
    return " ".join(text.split()).replace("|", "/")


def prompts_text(names: Sequence[str]) -> str:
    prompts = [load_prompt(name) for name in names]
    return "\n\n".join(f"`{prompt.label}`\n```text\n{prompt.template}\n```" for prompt in prompts)


def benchmark_yaml(facts: Facts) -> str:
    """The Hub's description of a benchmark: which config and split each task takes."""
    tasks = [{"id": corpus, "config": corpus, "split": split} for corpus, split in facts.written if split == "test"]
    content = {
        "name": facts.title,
        "description": "Accuracy of a summary agent that is shown a path with one controlled flaw.",
        "evaluation_framework": "insightv-bench",
        "tasks": tasks,
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
