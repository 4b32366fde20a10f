"""A submission: the rows of evaluations, the figures made of them and where they come from, as one folder.

    submission.json              what it is, and the hash of every file of rows
    figures.json                 the board over these rows alone (`board.Board`)
    evaluations/<name>/          rows (`EvalRecord`) as they were written, and `lineage.json`

It is what `verify` checks, and what a data set of results holds under `submissions/<id>/`. No model, no image and no
setting that names a disk or a server is in it.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import polars as pl

from insightv_bench import __version__
from insightv_bench.answers import PARSER
from insightv_bench.errors import RunError
from insightv_bench.escape import visible
from insightv_bench.hub import as_files, guard_secrets
from insightv_bench.keys import has_private_part
from insightv_bench.records import Record, content_id
from insightv_bench.results import row_files
from insightv_bench.runs import slug
from insightv_bench.storage import first_line, sha256, write_text

from ..board import LINEAGE, SUBMISSION, count_rows, load_board, read_origin, read_sides

NAMES = ("system", "base", "model", "path_model", "maker", "path_judge", "answer_judge")
"""Columns that hold a model's or a server's name."""
FIGURES, EVALUATIONS = "figures.json", "evaluations"
LINK, MAX_LINK = re.compile(r"https?://[!#-;=?-~]+", re.ASCII), 300
FORMAT = 2
"""Of format 1 the hashes are of the rows alone, without the lineages."""


class Evaluation(Record):
    """One evaluation's rows."""

    name: str
    num_rows: int
    files: dict[str, str]
    """Name of a file of rows, or of the lineage -> its sha256."""


class Submission(Record):
    """What `submission.json` says."""

    format: int
    id: str
    title: str
    version: str
    """Of insightv-bench."""
    parser: str
    evaluations: tuple[Evaluation, ...]
    date: str = ""
    """The day, in UTC, on which it was made; not part of its id."""
    links: tuple[str, ...] = ()
    """Addresses of a paper, of code, of a model."""

    @property
    def own_id(self) -> str:
        """The id that it must have: its title and the hash of the rows and lineages; the figures follow from those."""
        return f"{slug(self.title)}-{content_id([one.files for one in self.evaluations], length=12)}"


def make_submission(results: Sequence[Path], out: Path, title: str, links: Sequence[str] = ()) -> Submission:
    """Copy the rows under the folders to the new folder `out`, and write the figures beside them.

    Raises RunError where there are no rows, `out` holds something, or a link is no web address.
    """
    if odd := next((link for link in links if not is_link(link)), None):
        raise RunError(f"`{visible(odd)}` is no link that can be shown", "give an address as https://HOST/...")
    if out.exists() and any(out.iterdir()):
        raise RunError(f"`{out}` holds something already", "name a new folder with `--out`")
    files = [file for folder in results for file in row_files(folder)]
    by_place: dict[Path, list[Path]] = {}
    for file in files:
        by_place.setdefault(file.parent, []).append(file)
    try:
        evaluations = [_copy(place, names, out / EVALUATIONS) for place, names in by_place.items()]
        board, _ = load_board([out / EVALUATIONS], title)
        submission = Submission(
            format=FORMAT,
            id="",
            title=title,
            version=__version__,
            parser=PARSER,
            evaluations=tuple(evaluations),
            date=datetime.now(UTC).date().isoformat(),
            links=tuple(links),
        )
        submission = submission.model_copy(update={"id": submission.own_id})
        _guard_addresses(out / EVALUATIONS)
        guard_secrets(as_files(out, out.rglob("*")))
        write_text(out / FIGURES, board.model_dump_json(indent=1) + "\n")
        write_text(out / SUBMISSION, submission.model_dump_json(indent=1) + "\n")  # last: now it is whole
    except OSError as error:
        raise RunError(f"`{out}` cannot be written: {error.strerror or error}", "name another folder") from error
    return submission


def is_link(text: str) -> bool:
    """Whether it is a plain web address, without a user or a query part and without characters that are not seen."""
    if not LINK.fullmatch(text) or len(text) > MAX_LINK:
        return False
    try:
        return bool(urlsplit(text).hostname) and not has_private_part(text)
    except ValueError:  # a bracket that is no address, say
        return False


def _guard_addresses(folder: Path) -> None:
    """Raises RunError where a row names a server by a URL with a user or a query part, as earlier versions did."""
    if odd := next(addresses(read_sides(folder)), None):
        raise RunError(
            f"its rows hold {odd}, where keys stand",
            "rewrite that column, and make a new key: the old one stands in the run's files",
        )


def addresses(frame: pl.DataFrame) -> Iterator[str]:
    """Columns of names in which a URL has a part that nobody else may read; what is in it is not told."""
    for column in (name for name in NAMES if name in frame.columns):
        if any(has_private_part(str(name)) for name in frame[column].unique()):
            yield f"in `{column}` a URL with a user or a query part"


def _copy(place: Path, files: Sequence[Path], into: Path) -> Evaluation:
    """One evaluation's files; a second one of the same name gets a number."""
    name, number = place.name, 1
    while (into / name).exists():
        number += 1
        name = f"{place.name}-{number}"
    target = into / name
    target.mkdir(parents=True)
    for file in files:
        shutil.copyfile(file, target / file.name)
    if origin := read_origin(place):
        stages = {name if folder == origin.evaluation else folder: stage for folder, stage in origin.stages.items()}
        lineage = origin._replace(evaluation=name, stages=stages)._asdict()
        write_text(target / LINEAGE, json.dumps(lineage, ensure_ascii=False, indent=1) + "\n")
    num_rows = sum(count_rows(file) for file in files)
    held = [*(target / file.name for file in files), target / LINEAGE]
    return Evaluation(name=name, num_rows=num_rows, files={file.name: sha256(file) for file in held if file.exists()})


def read_submission(folder: Path) -> Submission:
    """Raises RunError where the folder is no submission."""
    try:
        return Submission.model_validate_json((folder / SUBMISSION).read_bytes())
    except FileNotFoundError:
        raise RunError(
            f"`{folder}` is no submission: it holds no `{SUBMISSION}`",
            f"make one: insightv-bench leaderboard submit {folder} --out FOLDER",
        ) from None
    except (OSError, ValueError) as error:
        raise RunError(f"`{folder / SUBMISSION}` cannot be read: {first_line(error)}", "make it again") from error


def find_submissions(folder: Path) -> list[Path]:
    """The folder itself, or those of a data set of results. Raises RunError where there are none."""
    folders = submissions_in(folder)
    if not folders:
        read_submission(folder)
    return folders


def submissions_in(folder: Path) -> list[Path]:
    """The folder itself, or those below it; none where it holds no submission."""
    if (folder / SUBMISSION).exists():
        return [folder]
    return sorted(place.parent for place in folder.rglob(SUBMISSION))
