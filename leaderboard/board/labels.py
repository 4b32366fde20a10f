"""What each system is called on the board, so that two models are never taken for one.

A name is a recipe's own (`sft`, `dpo-1`): two runs both have it. Where the manifests beside the rows say that one name
stands for several models, each is named with its run; where one model was run in several settings, they are numbered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from .lineage import Origin, models, read_origin

TASK = ["task", "task_version", "parser"]
ARM = [*TASK, "base", "system", "arm"]
SETTING = ["prompt", "token_cap"]
Setting = tuple[str, int]
"""Prompt and token cap of one arm."""


class Key(NamedTuple):
    """What a variant's number is counted within."""

    task: str
    task_version: str
    parser: str
    base: str
    system: str


def labelled(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Add `label`, and give `base` its run's name where several runs share it; notes say what was renamed."""
    origins = {folder: read_origin(Path(folder)) for folder in frame["evaluation"].unique()}
    frame, notes = _runs_apart(frame, origins)
    several = frame["base"].n_unique() > 1
    name = pl.format("{} ({})", "system", pl.col("base").str.split("/").list.last()) if several else pl.col("system")
    frame, numbered = _settings_apart(frame.with_columns(label=name))
    return frame, notes + numbered


def _runs_apart(frame: pl.DataFrame, origins: Mapping[str, Origin | None]) -> tuple[pl.DataFrame, list[str]]:
    arms = frame.select(*ARM, "evaluation", "model", "path_model").unique(maintain_order=True).rows(named=True)
    identity = [_identity(row, origins[row["evaluation"]]) for row in arms]
    identities = _identities(lambda _: "", arms, identity)
    bases = {key[ARM.index("base")] for key, models_ in identities.items() if len(models_ - {""}) > 1}
    if not bases:
        return frame, []
    ways: list[Callable[[str], str]] = [
        lambda folder: _seed(origins[folder]),
        lambda folder: f"{_recipe(origins[folder])} {_seed(origins[folder])}",
        lambda folder: Path(folder).name,
    ]
    apart = (way for way in ways if all(len(same) == 1 for same in _identities(way, arms, identity).values()))
    way = next(apart, ways[-1])
    names = {folder: way(folder) for folder in origins}
    renamed = pl.format("{}, {}", "base", pl.col("evaluation").replace_strict(names, return_dtype=pl.String))
    frame = frame.with_columns(base=pl.when(pl.col("base").is_in(sorted(bases))).then(renamed).otherwise("base"))
    shared = ", ".join(f"`{base}`" for base in sorted(bases))
    return frame, [f"Several runs have systems of one name from {shared}: each is named with its run."]


def _identity(arm: dict[str, Any], origin: Origin | None) -> str:
    """The models that replied and wrote the paths, or that sit in the seats; empty where nobody knows them."""
    if arm["model"] or arm["path_model"]:
        return f"{arm['model']} {arm['path_model']}"
    return str(sorted(models(origin).items())) if origin else ""


def _identities(
    way: Callable[[str], str], arms: list[dict[str, Any]], identity: list[str]
) -> dict[tuple[str, ...], set[str]]:
    """Which models stand under one name, if a run is named in this way."""
    by_name: dict[tuple[str, ...], set[str]] = {}
    for row, models_ in zip(arms, identity, strict=True):
        by_name.setdefault((*(row[column] for column in ARM), way(row["evaluation"])), set()).add(models_)
    return by_name


def _seed(origin: Origin | None) -> str:
    return f"seed {origin.seed}" if origin and origin.seed is not None else "run unknown"


def _recipe(origin: Origin | None) -> str:
    return origin.recipe if origin else ""


def _settings_apart(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Number a system that was run in several settings: an evaluation goes as a whole, as its arms belong together."""
    columns = [*Key._fields, "label", "evaluation", "arm", *SETTING]
    rows = frame.select(columns).unique(maintain_order=True)
    variants: dict[Key, list[dict[str, Setting]]] = {}
    placed, notes = [], []
    for (*key, label, folder), own in rows.group_by(*Key._fields, "label", "evaluation", maintain_order=True):
        for settings in _layers(own):
            number, arm = _place(settings, variants.setdefault(Key(*map(str, key)), []))
            placed += [(*key, folder, one, *setting, number) for one, setting in settings.items()]
            if number and arm:
                prompt, cap = settings[arm]
                notes.append(
                    f"`{label} #{number + 1}` is system `{key[-1]}` again, with another setting in arm `{arm}`: "
                    f"prompt `{prompt}`, token cap {cap:,}."
                )
    schema = {name: frame.schema[name] for name in [*Key._fields, "evaluation", "arm", *SETTING]}
    numbers = pl.DataFrame(placed, schema={**schema, "variant": pl.Int64}, orient="row")
    frame = frame.join(numbers, on=list(schema), how="left", maintain_order="left")
    again = pl.format("{} #{}", "label", pl.col("variant") + 1)
    label_ = pl.when(pl.col("variant") > 0).then(again).otherwise("label")
    return frame.with_columns(label=label_).drop("variant"), list(dict.fromkeys(notes))


def _layers(rows: pl.DataFrame) -> list[dict[str, Setting]]:
    """Arm -> setting, of one evaluation; more than one where an arm stands in it in several settings."""
    layers: list[dict[str, Setting]] = []
    for arm, prompt, cap in rows.select("arm", *SETTING).iter_rows():
        layer = next((layer for layer in layers if arm not in layer), None)
        if layer is None:
            layers.append(layer := {})
        layer[arm] = (prompt, cap)
    return layers


def _place(settings: dict[str, Setting], variants: list[dict[str, Setting]]) -> tuple[int, str]:
    """The variant that these settings fit, or a new one; and an arm that the first variant had otherwise."""
    for number, variant in enumerate(variants):
        if not _odd_arm(settings, variant):
            variant.update(settings)
            return number, _odd_arm(settings, variants[0])
    variants.append(dict(settings))
    return len(variants) - 1, _odd_arm(settings, variants[0])


def _odd_arm(settings: dict[str, Setting], variant: dict[str, Setting]) -> str:
    """An arm that the variant has with another prompt, or whose token cap is not the variant's; else nothing."""
    caps = {cap for _, cap in variant.values()}
    return next(
        (
            arm
            for arm, (prompt, cap) in settings.items()
            if variant.get(arm, (prompt, cap))[0] != prompt or {cap} != caps
        ),
        "",
    )
