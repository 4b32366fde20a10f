"""Questions of a data set on the Hub: its revision as a commit, its files as the card names them, its images.

A branch moves. So a run asks the Hub for the commit once, keeps it in its own folder before the first row is read, and
keeps to it: a resumed run, and another split of the same data set, read the same commit. No code of a data set is run.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from insightv_bench.errors import SourceError, require
from insightv_bench.settings import HubSource
from insightv_bench.sources import MAX_BYTES, Origin
from insightv_bench.storage import first_line, write_text

from .files import OUTSIDE, Fetched, inside
from .table import Table

REVISIONS = "revisions.json"
"""In the run's folder: `ID@REVISION` -> commit."""
COMMIT = re.compile(r"[0-9a-f]{40}")
ADDRESS = re.compile(r"^hf://datasets/[^@]+@[0-9a-f]{40}/")
"""Before a file's path; after a data set was renamed it bears the new name."""
MAIN = "main"
ALL = "all"
ENDINGS = (".parquet", ".jsonl")
PARQUET_COPY = "refs/convert/parquet"
"""The branch to which the Hub itself converts every data set."""


def read_hub(source: HubSource, run_folder: Path, mended: Counter[str]) -> Table:
    """Raises SourceError where the Hub does not give the data set, its config or its split."""
    repo = Repo(source.id, pinned(source, run_folder / REVISIONS))
    files = repo.split_files(source.config, source.split)
    origin = Origin(source.id, repo.commit, source.license or repo.license)
    return Table(source, origin, repo.download(files), repo, mended)


def pinned(source: HubSource, file: Path) -> str:
    """The commit that this run reads; asked for and kept where it is the first time."""
    wanted = source.revision or MAIN
    if COMMIT.fullmatch(wanted):
        return wanted
    kept = _kept(file)
    key = f"{source.id}@{wanted}"
    if key not in kept:
        kept[key] = resolve(source.id, wanted)
        write_text(file, json.dumps(kept, indent=2) + "\n")
    return kept[key]


def _kept(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _not_ours(file) from error
    if not isinstance(kept, dict) or not all(COMMIT.fullmatch(str(commit)) for commit in kept.values()):
        raise _not_ours(file)
    return kept


def _not_ours(file: Path) -> SourceError:
    return SourceError(f"`{file}` does not hold the commits of data sets", f"remove it to ask the Hub again: rm {file}")


def resolve(name: str, revision: str) -> str:
    """The commit that a branch or tag stands at now."""
    from huggingface_hub import HfApi

    with explained(f"`{name}` at `{revision}`"):
        commit = HfApi().dataset_info(name, revision=revision).sha
    if not commit or not COMMIT.fullmatch(commit):
        raise SourceError(f"the Hub names no commit for `{name}` at `{revision}`")
    return commit


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turns what the Hub's clients raise into one line. Their words name no token: it stands in a header alone."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    http_error: Any = HfHubHTTPError.__mro__[1]  # of the HTTP package that huggingface_hub has: no connection
    try:
        yield
    except (HFValidationError, OSError, http_error) as error:  # OSError: also how `datasets` says `not found`
        raise SourceError(*explain(error, what)) from error


def explain(error: Exception, what: str) -> tuple[str, str]:
    """Fact and hint."""
    from huggingface_hub import errors

    login = "log in with `hf auth login`, or set HF_TOKEN"
    match error:
        case errors.GatedRepoError():
            return f"the Hub gives {what} only to those who accepted its terms", f"accept them on its page, and {login}"
        case errors.RepositoryNotFoundError():
            return f"the Hub has no data set {what}, or it is private", f"check the spelling; for a private one {login}"
        case errors.RevisionNotFoundError():
            return f"the Hub has no {what}", "name a branch, a tag or a whole commit in `revision`"
        case errors.RemoteEntryNotFoundError():
            return f"the Hub has no {what}", "check `config`, `split` and the names of images"
        case errors.OfflineModeIsEnabled():
            return f"{what} is not in the cache, and the Hub is switched off", "unset HF_HUB_OFFLINE"
        case errors.HFValidationError():
            return f"{what} is no id of a data set", "write `id: ORG/NAME`"
    words = re.sub(r"\?\S*", "", first_line(error))  # a signed address gives access
    return f"the Hub does not give {what}: {words}", "see whether the network is there; the same command goes on"


class Repo:
    """One commit of a data set. Files go through the Hub's own cache, whole or not at all."""

    def __init__(self, name: str, commit: str) -> None:
        self.name, self.commit = name, commit
        self._folders: dict[str, None] = {"": None}
        """Where images may lie that a row names by path: the root, then the folders of the rows' files."""

    @cached_property
    def license(self) -> str:
        from huggingface_hub import DatasetCard
        from huggingface_hub.errors import RemoteEntryNotFoundError

        try:
            with explained(f"the card of `{self.name}`"):
                named = DatasetCard.load(self._file("README.md")).data.get("license")
        except (SourceError, ValueError) as error:  # no card, or one that is not YAML
            if isinstance(error, SourceError) and not isinstance(error.__cause__, RemoteEntryNotFoundError):
                raise
            named = None
        return ", ".join(map(str, named)) if isinstance(named, list) else str(named or "unknown")

    def split_files(self, config: str | None, split: str) -> list[str]:
        """Paths in the data set, in order."""
        return [path for name in self._configs(config) for path in self._files_of(name, split)]

    def _configs(self, config: str | None) -> Sequence[str | None]:
        if config != ALL:
            return [config]
        datasets = require("datasets", "train", "a data set on the Hub")
        with explained(f"`{self.name}`"):
            return list(datasets.get_dataset_config_names(self.name, revision=self.commit))

    def _files_of(self, config: str | None, split: str) -> list[str]:
        files = self._data_files(config)
        if split not in files:
            known = ", ".join(f"`{name}`" for name in files)
            raise SourceError(f"`{self.name}` has no split `{split}`", f"its splits are {known}")
        paths = [ADDRESS.sub("", str(path)) for path in files[split]]
        if not all(path.endswith(ENDINGS) for path in paths):
            raise SourceError(
                f"`{self.name}` holds files such as `{paths[0]}`; parquet and JSON lines are read",
                f"read the Hub's own parquet copy: `revision: {PARQUET_COPY}`",
            )
        return paths

    def _data_files(self, config: str | None) -> dict[str, Any]:
        """Split -> files, as the card or the files' names say."""
        datasets = require("datasets", "train", "a data set on the Hub")
        try:
            with explained(f"`{self.name}`"):
                builder = datasets.load_dataset_builder(self.name, config, revision=self.commit)
        except (ValueError, datasets.exceptions.DatasetsError) as error:
            raise self._no_config(config, error) from error
        return dict(builder.config.data_files or {})

    def _no_config(self, config: str | None, error: Exception) -> SourceError:
        """`datasets` says with the same error that a config is missing, wrong, or that nothing can be read."""
        datasets = require("datasets", "train", "a data set on the Hub")
        try:
            with explained(f"`{self.name}`"):
                names = datasets.get_dataset_config_names(self.name, revision=self.commit)
        except (ValueError, datasets.exceptions.DatasetsError):
            names = []
        if config in names or len(names) < 2:
            return SourceError(f"`{self.name}` cannot be read: {first_line(error)}")
        fact = f"`{self.name}` has no config `{config}`" if config else f"`{self.name}` has several configs"
        return SourceError(fact, f"`config` is `{ALL}` or one of {', '.join(f'`{name}`' for name in names)}")

    def download(self, paths: Sequence[str]) -> Iterator[Path]:
        """Each file when its turn comes: a `limit` may make the rest needless."""
        for path in paths:
            self._folders[str(PurePosixPath(path).parent).removeprefix(".")] = None
            with explained(f"`{path}` of `{self.name}`"):
                file = Path(self._file(path))
            yield file

    def _file(self, path: str) -> str:
        from huggingface_hub import hf_hub_download

        return hf_hub_download(self.name, path, repo_type="dataset", revision=self.commit)

    def fetch(self, path: str) -> Fetched:
        """An image that a row names by path."""
        plain = inside(path)
        if plain is None:
            return Fetched(b"", OUTSIDE)
        for folder in self._folders:
            file = self._there(f"{folder}/{plain}" if folder else plain)
            if file:
                too_large = file.stat().st_size > MAX_BYTES
                return Fetched(b"", "image too large") if too_large else Fetched(file.read_bytes())
        return Fetched(b"", "image file is missing")

    def _there(self, path: str) -> Path | None:
        """None where the commit has no such file; no network is another matter, and an error."""
        from huggingface_hub.errors import RemoteEntryNotFoundError

        try:
            with explained(f"`{path}` of `{self.name}`"):
                return Path(self._file(path))
        except SourceError as error:
            if isinstance(error.__cause__, RemoteEntryNotFoundError):
                return None
            raise
