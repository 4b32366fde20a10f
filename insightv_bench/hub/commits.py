"""A commit on top of what the Hub holds now, made again where another writer was faster; and reading a data set.

A commit names the one that it was prepared on (`parent_commit`). Where another has landed meanwhile the Hub refuses it,
what is to be added is worked out again from the new state, and nobody's files are lost.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from insightv_bench.errors import HubError

from .errors import explained
from .transfer import NO_TOKEN, guard_name

RepoKind = Literal["dataset", "model", "space"]
TRIES = 6
FIRST_WAIT_S = 0.5
"""Before the second try; doubled each time, and up to twice that by chance, so that two writers part."""
CONFLICT = (409, 412)


class Seen(NamedTuple):
    """The repository as it was when the commit was prepared."""

    revision: str
    files: frozenset[str]
    read: Callable[[str], bytes]
    """The content of one of its files."""


Additions = dict[str, bytes | Path]
"""Path in the repository -> what to put there: bytes, or a file on this disk."""


class Change(NamedTuple):
    add: Additions
    delete: tuple[str, ...] = ()


class Made(NamedTuple):
    url: str
    revision: str
    num_files: int
    tries: int


def commit(
    repo_id: str,
    kind: RepoKind,
    prepare: Callable[[Seen], Change],
    words: str,
    private: bool | None = None,
    must_exist: bool = False,
) -> Made:
    """Make the repository if need be, and commit what `prepare` makes of its state; no commit where that is nothing.

    Raises HubError where the Hub refuses it, a file holds the token, or others commit faster than this every time.
    """
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError

    guard_name(repo_id)
    token = get_token()
    if not token:
        raise HubError("there is no Hub token, and a push needs one", NO_TOKEN)
    api = HfApi(library_name="insightv-bench")
    with explained(repo_id, kind):
        if not must_exist:
            sdk = "static" if kind == "space" else None
            api.create_repo(repo_id, repo_type=kind, private=private, exist_ok=True, space_sdk=sdk)
        for number in range(1, TRIES + 1):
            seen = _look(api, repo_id, kind)
            change = prepare(seen)
            guard_token(change.add, token)
            if not change.add and not change.delete:
                return Made(_url(api, repo_id, kind), seen.revision, 0, number)
            try:
                made = _commit(api, repo_id, kind, change, words, seen.revision)
            except HfHubHTTPError as error:
                if error.response.status_code not in CONFLICT or number == TRIES:
                    raise
                time.sleep(FIRST_WAIT_S * 2 ** (number - 1) * (1 + random.random()))
                continue
            return Made(_url(api, repo_id, kind), made.oid, len(change.add), number)
    raise AssertionError("the last try returns or raises")


def _look(api: Any, repo_id: str, kind: RepoKind) -> Seen:
    revision = str(api.repo_info(repo_id, repo_type=kind).sha)
    files = frozenset(api.list_repo_files(repo_id, repo_type=kind, revision=revision))

    def read(name: str) -> bytes:
        return Path(api.hf_hub_download(repo_id, name, repo_type=kind, revision=revision)).read_bytes()

    return Seen(revision, files, read)


def _commit(api: Any, repo_id: str, kind: RepoKind, change: Change, words: str, parent: str) -> Any:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    operations: list[Any] = [
        CommitOperationAdd(path_in_repo=name, path_or_fileobj=content) for name, content in change.add.items()
    ]
    operations += [CommitOperationDelete(path_in_repo=name) for name in change.delete]
    return api.create_commit(repo_id, operations, commit_message=words, repo_type=kind, parent_commit=parent)


def guard_token(files: Additions, token: str) -> None:
    """Raises HubError where what would be sent holds the token, however large it is."""
    secret = token.encode()
    for name, content in files.items():
        if secret in (content.read_bytes() if isinstance(content, Path) else content):
            raise HubError(f"`{name}` holds your Hub token", "take it out, and make a new token: this one may be known")


def _url(api: Any, repo_id: str, kind: RepoKind) -> str:
    folder = {"dataset": "datasets/", "space": "spaces/", "model": ""}[kind]
    return f"{api.endpoint}/{folder}{repo_id}"


def snapshot(repo_id: str, revision: str, patterns: Sequence[str]) -> tuple[Path, str]:
    """The data set's files that match, at one commit (main's last if `revision` is empty), and that commit."""
    from huggingface_hub import HfApi, snapshot_download

    with explained(repo_id, "dataset"):
        commit_ = str(HfApi(library_name="insightv-bench").dataset_info(repo_id, revision=revision or None).sha)
        folder = snapshot_download(repo_id, repo_type="dataset", revision=commit_, allow_patterns=list(patterns))
    return Path(folder), commit_
