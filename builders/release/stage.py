"""The corpora as a folder ready to push: parquet with images, one config a corpus, a data card, checksums.

The contamination gate comes first. The same rows give the same bytes: no time, no place and no order of a machine is in
any file. The folder lies in the stage's own and is named after the recipe and what it holds: `datasets` keeps what it
loads under a folder's name.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, starmap
from pathlib import Path
from typing import NamedTuple

from insightv_bench.errors import StageError
from insightv_bench.records import Question
from insightv_bench.settings import ReleaseSettings
from insightv_bench.stages import Context, Dropped, ReleaseOptions
from insightv_bench.storage import group_sizes, parquet_files, read_frame, read_group, sha256, write_text

from .card import Facts, benchmark_yaml, card
from .contamination import Asked, Hash, catch_rates, collisions, hashes_of
from .inspect_columns import with_inspect_columns
from .plots import draw
from .report import lengths, read_yields, scores
from .shards import Written, write_split

PARTIAL = "release.partial"
SUMS = "SHA256SUMS"
TEST = "test"
"""The split that is an evaluation set itself, and so is not held against one."""
MEASURED = 60
"""Images of the evaluation sets that the gate's catch rates are measured on."""
UNREADABLE = "image cannot be decoded"


class Gate(NamedTuple):
    """What the gate found."""

    sets: dict[str, int]
    """Evaluation set -> its questions."""
    num_questions: int
    """Questions of the corpora that were looked at."""
    reasons: dict[str, str]
    """Id of a question to leave out -> why."""
    catch_rates: dict[str, tuple[int, int]]
    """What was done to an image of the sets -> how many were found again, and of how many."""


def release(context: Context[ReleaseSettings, ReleaseOptions]) -> None:
    """Inputs: the corpora, the evaluation sets, and the stages whose yields the card tells."""
    settings = context.settings
    splits = context.options.splits
    checked = gate(context, settings, splits)
    folder = context.folder / PARTIAL
    written = {
        (corpus, split): write_split(
            _files(context, names),
            folder / corpus / split,
            {} if split == TEST else checked.reasons,
            settings.shard_bytes,
            with_inspect_columns if TEST in parts else None,  # one config, one schema
        )
        for corpus, parts in splits.items()
        for split, names in parts.items()
    }
    refuse_empty(written)
    context.write(Question, starmap(Dropped, checked.reasons.items()), "gate")
    describe(context, settings, folder, checked, written)
    checksums(folder)
    name = re.sub(r"[^a-z0-9]+", "-", context.recipe.name.lower()).strip("-") or "release"
    folder.rename(context.folder / f"{name}-{sha256(folder / SUMS)[:8]}")
    context.num_rows = sum(part.num_rows for part in written.values())
    context.totals["configs"] = {f"{corpus}/{split}": part.num_rows for (corpus, split), part in written.items()}
    context.totals["rows_left_out"] = sum(part.num_left_out for part in written.values())


def refuse_empty(written: Mapping[tuple[str, str], Written]) -> None:
    """Raises StageError for a config without rows: whoever loads it would be told no more than that it fails."""
    for (corpus, split), part in written.items():
        if not part.num_rows:
            left_out = f" ({part.num_left_out:,} were left out by the gate)" if part.num_left_out else ""
            raise StageError(
                f"the release would hold no row of `{corpus}/{split}`{left_out}",
                f"`corpora report` tells why; without `{corpus}` in `release.corpora` the same command goes on",
            )


def _files(context: Context, names: Iterable[str]) -> list[Path]:
    return [file for name in names for file in parquet_files(context.inputs[name])]


def gate(
    context: Context,
    settings: ReleaseSettings,
    splits: Mapping[str, Mapping[str, Sequence[str]]],
) -> Gate:
    """Every question of a corpus against every question of the evaluation sets."""
    held: dict[str, tuple[Hash, ...]] = {}
    files = {name: parquet_files(context.inputs[f"questions-{name}"]) for name in context.options.against}
    sets = [asked for name, its in files.items() for asked in read_distinct(its, name, held)]
    hashes: dict[str, tuple[Hash, ...]] = {}
    trained = {
        name: None for parts in splits.values() for split, names in parts.items() if split != TEST for name in names
    }
    corpus = list(read_distinct(_files(context, trained), "", hashes))
    bar = context.progress.track(corpus, "contamination gate", len(corpus))
    unreadable = {asked.id: UNREADABLE for asked in corpus if not asked.is_whole}
    collided = {collision.id: collision.reason for collision in collisions(bar, sets, settings.gate)}
    counts = dict.fromkeys(context.options.against, 0) | Counter(asked.set for asked in sets)
    shown = [image for its in files.values() for image in islice(_images(its), MEASURED // len(files))]
    return Gate(counts, len(corpus), unreadable | collided, catch_rates(shown, settings.gate))


def _images(files: Sequence[Path]) -> Iterator[bytes]:
    """Each image once, in order."""
    seen: set[bytes] = set()
    for file in files:
        for group in range(len(group_sizes(file))):
            for image in (image for row in read_group(file, group) for image in row):
                if image not in seen:
                    seen.add(image)
                    yield image


def read_distinct(files: Iterable[Path], name: str, hashes: dict[str, tuple[Hash, ...]]) -> Iterator[Asked]:
    """Each question once; `hashes` keeps what was worked out, by image. A row group's images are in memory."""
    seen: set[str] = set()
    for file in files:
        rows = read_frame(file, ["id", "question", "options", "image_sha256"]).iter_rows()
        for group, num_rows in enumerate(group_sizes(file)):
            part = list(islice(rows, num_rows))
            _hash_images(file, group, [shas for *_, shas in part], hashes, bool(name))
            for id_, question, options, shas in part:
                if id_ not in seen:
                    seen.add(id_)
                    known = tuple(hash_ for sha in shas for hash_ in hashes[sha])
                    is_whole = all(hashes[sha] for sha in shas)
                    yield Asked(id_, name, " ".join([question, *options]), tuple(shas), known, is_whole)


def _hash_images(
    file: Path, group: int, shas: Sequence[Sequence[str]], hashes: dict[str, tuple[Hash, ...]], in_set: bool
) -> None:
    """Those of a row group, unless all of them are known."""
    if all(sha in hashes for row in shas for sha in row):
        return
    for row, images in zip(shas, read_group(file, group), strict=True):
        for sha, image in zip(row, images, strict=True):
            if sha not in hashes:
                hashes[sha] = hashes_of(image, in_set)


def describe(
    context: Context,
    settings: ReleaseSettings,
    folder: Path,
    checked: Gate,
    written: Mapping[tuple[str, str], Written],
) -> None:
    """Card, figures, provenance, and `eval.yaml` where there is a benchmark."""
    figures = draw(scores(context.inputs), lengths(context.inputs), folder / "figures", ("png",))
    facts = Facts.of(context, settings, checked, written, read_yields(context.inputs), figures, folder)
    write_text(folder / "README.md", card(facts))
    write_text(
        folder / "provenance.json", json.dumps(facts.provenance, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    )
    if any(split == TEST for _, split in written):
        write_text(folder / "eval.yaml", benchmark_yaml(facts))


def checksums(folder: Path) -> None:
    """`SHA256SUMS`, as `sha256sum -c` reads it."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    lines = [f"{sha256(file)}  {file.relative_to(folder).as_posix()}" for file in files]
    write_text(folder / SUMS, "\n".join(lines) + "\n")
