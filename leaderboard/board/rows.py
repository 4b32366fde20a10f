"""Read EvalRecords as one frame, and work out once, for every row, what the figures ask of it.

Rows stay in polars: no record object is made. This module computes no figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, get_args

import polars as pl

from insightv_bench.answers import PARSER
from insightv_bench.arms import Role
from insightv_bench.errors import RunError
from insightv_bench.records import EvalRecord
from insightv_bench.results import HINT, rescored, row_files, scan, with_planted
from insightv_bench.storage import first_line

from .labels import labelled
from .lineage import role_before
from .records import SubmissionRow

SUBMISSION = "submission.json"
"""What makes a folder a submission."""
NOT_VERIFIED = ", not verified"
UNIT = ["task", "task_version", "parser", "base", "system", "arm"]
REPLY = ["question_id", "sample", "path_id", "path", "flaw", "severity", "position", "propagated"]
"""With a unit's setting, what makes a row one reply of its own."""


class Sources(NamedTuple):
    """Where a board's rows come from."""

    folders: Sequence[Path]
    unverified: Sequence[Path] = ()
    """Rows that are shown apart, and marked: nobody has verified them, or they were rejected."""
    submissions: Sequence[SubmissionRow] = ()
    notes: Sequence[str] = ()

    @property
    def every(self) -> list[Path]:
        return [*self.folders, *self.unverified]


def load_rows(sources: Sequence[Path] | Sources) -> tuple[pl.DataFrame, list[str]]:
    """Every row of the sources, and notes in words on what was left out or renamed.

    Adds `evaluation` (the folder a row lies in), `label` (the system's name on the board), `twin` (the label of the
    system whose greedy twin it is), `trained` (supervised fine-tuning or a DPO round, sampled), `level` (severity to
    the nearest quarter), `misleads` (the path is flawed and its planted answer is not the gold answer) and `follows`
    (the reply gives the planted answer). Rows of submissions that an earlier answer reader wrote are read again.
    Raises RunError where a folder holds no such rows.
    """
    sources = sources if isinstance(sources, Sources) else Sources(sources)
    frame = _with_scoring(with_roles(_submitted_read_again(read_sides(*sources.every))))
    frame, notes = labelled(_apart(frame, sources.unverified))
    frame, conflicts = _conflicts_apart(frame)
    kept = frame.unique(subset=["label", *UNIT, *REPLY], keep="first", maintain_order=True)
    notes += conflicts
    if kept.height < frame.height:
        notes.append(f"{frame.height - kept.height:,} rows stood twice; the first of each was kept.")
    # A label begins with the system's name; what follows tells models and settings apart.
    twin = pl.col("twin_of") + pl.col("label").str.slice(pl.col("system").str.len_chars())
    kept = kept.with_columns(
        twin=pl.when(pl.col("twin_of") != "").then(twin).otherwise(pl.lit("")),
        trained=pl.col("role").is_in(["agent", "round"]) & (pl.col("twin_of") == ""),
    )
    return with_planted(kept), notes


def _submitted_read_again(frame: pl.DataFrame) -> pl.DataFrame:
    """A submission stays on the board when the answer reader moves on: its replies are read with the new one."""
    before = (pl.col("parser") != PARSER) & pl.col("evaluation").is_in(
        [name for name in frame["evaluation"].unique() if submission_of(name)]
    )
    old = frame.filter(before)
    if old.is_empty():
        return frame
    names = list(EvalRecord.model_fields)
    changes = rescored([EvalRecord.model_validate(row) for row in old.select(names).iter_rows(named=True)])
    again = pl.DataFrame([change.after.model_dump() for change in changes], schema=old.select(names).schema)
    again = again.with_columns(old["evaluation"]).select(frame.columns)
    return pl.concat([frame.filter(~before), again])


def submission_of(evaluation: str) -> str:
    """The submission that an evaluation's folder lies in; empty: none."""
    place = Path(evaluation).parent.parent
    return place.name if (place / SUBMISSION).exists() else ""


def _apart(frame: pl.DataFrame, unverified: Sequence[Path]) -> pl.DataFrame:
    """Unverified rows get a scoring of their own, so that they stand in no table with others."""
    folders = [
        name
        for name in frame["evaluation"].unique()
        if any(Path(name).is_relative_to(place) or Path(name) == place.parent for place in unverified)
    ]
    marked = pl.when(pl.col("evaluation").is_in(folders)).then(pl.col("parser") + NOT_VERIFIED).otherwise("parser")
    return frame.with_columns(parser=marked)


def _conflicts_apart(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Where two evaluations say other things of the same reply, neither takes the other's place: both are shown."""
    keys = ["label", *UNIT, "prompt", "token_cap", *REPLY]
    said = pl.struct("response", "answer", "correct", "total_tokens").hash()
    differing = frame.group_by(keys).agg("evaluation", num=said.n_unique()).filter(pl.col("num") > 1)
    differing = differing.filter(pl.col("evaluation").list.n_unique() > 1)
    if differing.is_empty():
        return frame, []
    notes: list[str] = []
    names: dict[tuple[object, str], str] = {}
    for (label,), rows in differing.sort(keys).group_by(["label"], maintain_order=True):
        folders = sorted({folder for own in rows["evaluation"] for folder in own})
        told = _told_apart(folders)
        names |= {(label, folder): f"{label} [{told[folder]}]" for folder in folders}
        both = " and ".join(f"`{told[folder]}`" for folder in folders)
        notes.append(
            f"Conflict: {both} say other things of {rows.height:,} of the same replies of `{label}`; each is shown by "
            "itself, and one of them is not what the model said."
        )
    renamed = pl.DataFrame(
        [(*key, name) for key, name in names.items()],
        schema={"label": pl.String, "evaluation": pl.String, "renamed": pl.String},
        orient="row",
    )
    joined = frame.join(renamed, on=["label", "evaluation"], how="left", maintain_order="left")
    return joined.with_columns(label=pl.coalesce("renamed", "label")).drop("renamed"), notes


def _told_apart(folders: Sequence[str]) -> dict[str, str]:
    """A name for each folder: its submission's, else its own, and where that is not enough, more of its place."""
    for way in (submission_of, lambda name: Path(name).name, lambda name: "/".join(Path(name).parts[-3:])):
        named = {folder: way(folder) for folder in folders}
        if all(named.values()) and len(set(named.values())) == len(folders):
            return named
    return {folder: folder for folder in folders}


def read_sides(*folders: Path) -> pl.DataFrame:
    """The rows as they are, with `evaluation`. Raises RunError as `load` does."""
    files = [file for folder in folders for file in row_files(folder)]
    frame = pl.concat([scan(file).with_columns(evaluation=pl.lit(str(file.parent))) for file in files]).collect()
    if frame.is_empty():
        raise RunError("there are no evaluation rows to show", HINT)
    return frame


def with_roles(frame: pl.DataFrame) -> pl.DataFrame:
    """Fill in `role` and `twin_of` of rows from before they had them, as far as the manifests beside them tell.

    Rows may come from anyone: a role that there is not is `other`.
    """
    is_known = pl.col("role").is_in(get_args(Role))
    frame = frame.with_columns(
        role=pl.when(is_known).then("role").otherwise(pl.lit("other")), twin_of=pl.col("twin_of").fill_null("")
    )
    keys = ["evaluation", "system", "round"]
    known = [
        (*key, *role)
        for key in frame.filter(pl.col("role") == "other").select(keys).unique().iter_rows()
        if (role := role_before(Path(key[0]), *key[1:]))
    ]
    schema = {name: frame.schema[name] for name in keys} | {"known_role": pl.String, "known_twin": pl.String}
    recorded = pl.DataFrame(known, schema=schema, orient="row")
    frame = frame.join(recorded, on=keys, how="left", maintain_order="left")
    return frame.with_columns(
        role=pl.coalesce("known_role", "role"), twin_of=pl.coalesce("known_twin", "twin_of")
    ).drop("known_role", "known_twin")


def count_rows(file: Path) -> int:
    """Rows of one parquet file. Raises RunError where it cannot be read."""
    try:
        return int(pl.scan_parquet(file, glob=False).select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise RunError(f"`{file}` cannot be read: {first_line(error)}", "run the evaluation again") from error


def _with_scoring(frame: pl.DataFrame) -> pl.DataFrame:
    """Name in `parser` whatever else settled the answers of an evaluation: a judge, a tolerance of numbers."""
    judge = pl.col("answer_judge").filter(pl.col("answer_judge") != "rule").unique().sort().str.join(" and ")
    scored = frame.group_by("evaluation", "task").agg(judge=judge, tolerance=pl.col("tolerance").max())
    scored = scored.with_columns(
        judge=pl.when(pl.col("judge") != "").then(pl.format(", judge {}", "judge")).otherwise(pl.lit("")),
        tolerance=pl.when(pl.col("tolerance") > 0).then(pl.format(", tolerance {}", "tolerance")).otherwise(pl.lit("")),
    )
    if (scored["judge"] + scored["tolerance"] == "").all():
        return frame
    scorings = scored.select("evaluation", "task", scoring=pl.col("judge") + pl.col("tolerance"))
    joined = frame.join(scorings, on=["evaluation", "task"], how="left", maintain_order="left")
    return joined.with_columns(parser=pl.col("parser") + pl.col("scoring")).drop("scoring")
