"""A commit on top of what the Hub holds now, made again where another writer was faster; reading a data set; and what
the Hub and its client say, as one clear line each.

A commit names the one that it was prepared on (`parent_commit`). Where another has landed meanwhile the Hub refuses it,
what is to be added is worked out again from the new state, and nobody's files are lost.

The token comes from where `huggingface_hub` keeps it (`HF_TOKEN`, or `hf auth login`) and goes nowhere else.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

from insightv_bench.errors import HubError

from .scan import guard_secrets

RepoKind = Literal["dataset", "model", "space"]
TRIES = 6
FIRST_WAIT_S = 0.5
"""Before the second try; doubled each time, and up to twice that by chance, so that two writers part."""
CONFLICT = (409, 412)
NO_TOKEN = "make one at the Hub with write access, then: hf auth login (or set `HF_TOKEN`)"


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
    as_pull_request: bool = False,
) -> Made:
    """Make the repository if need be, and commit what `prepare` makes of its state; no commit where that is nothing.

    Raises HubError where the Hub refuses it, a file holds the token or a key, or others commit faster every time.
    """
    from huggingface_hub.errors import HfHubHTTPError

    guard_name(repo_id)
    token, api = own_token(), client()
    with explained(repo_id, kind):
        if not must_exist:
            sdk = "static" if kind == "space" else None
            api.create_repo(repo_id, repo_type=kind, private=private, exist_ok=True, space_sdk=sdk)
        for number in range(1, TRIES + 1):
            seen = look(api, repo_id, kind)
            change = prepare(seen)
            guard_secrets(change.add, token)
            if not change.add and not change.delete:
                return Made(url_of(api, repo_id, kind), seen.revision, 0, number)
            try:
                revision = send(api, repo_id, kind, change, words, seen.revision, as_pull_request)
            except HfHubHTTPError as error:
                if error.response.status_code not in CONFLICT or number == TRIES:
                    raise
                time.sleep(FIRST_WAIT_S * 2 ** (number - 1) * (1 + random.random()))
                continue
            return Made(url_of(api, repo_id, kind), revision, len(change.add), number)
    raise AssertionError("the last try returns or raises")


def client() -> Any:
    from huggingface_hub import HfApi

    return HfApi(library_name="insightv-bench")


def own_token() -> str:
    """Raises HubError where there is none."""
    from huggingface_hub import get_token

    token = get_token()
    if not token:
        raise HubError("there is no Hub token, and a push needs one", NO_TOKEN)
    return token


def look(api: Any, repo_id: str, kind: RepoKind) -> Seen:
    revision = str(api.repo_info(repo_id, repo_type=kind).sha)
    files = frozenset(api.list_repo_files(repo_id, repo_type=kind, revision=revision))

    def read(name: str) -> bytes:
        return Path(api.hf_hub_download(repo_id, name, repo_type=kind, revision=revision)).read_bytes()

    return Seen(revision, files, read)


def send(
    api: Any, repo_id: str, kind: RepoKind, change: Change, words: str, parent: str, as_pull_request: bool = False
) -> str:
    """One commit on top of `parent`, or a pull request that holds it, and which it is."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    operations: list[Any] = [
        CommitOperationAdd(path_in_repo=name, path_or_fileobj=content) for name, content in change.add.items()
    ]
    operations += [CommitOperationDelete(path_in_repo=name) for name in change.delete]
    how = {"commit_message": words, "repo_type": kind, "parent_commit": parent, "create_pr": as_pull_request or None}
    made = api.create_commit(repo_id, operations, **how)
    return str(made.pr_url if as_pull_request else made.oid)


def guard_name(repo_id: str) -> None:
    """Raises HubError where the owner is left out: the client would guess one in some calls and not in others."""
    if repo_id.count("/") != 1 or not all(repo_id.split("/")):
        raise HubError(f"`{repo_id}` is not a repository's name", "write ORG/NAME")


def url_of(api: Any, repo_id: str, kind: RepoKind) -> str:
    folder = {"dataset": "datasets/", "space": "spaces/", "model": ""}[kind]
    return f"{api.endpoint}/{folder}{repo_id}"


def snapshot(repo_id: str, revision: str, patterns: Sequence[str]) -> tuple[Path, str]:
    """The data set's files that match, at one commit (main's last if `revision` is empty), and that commit."""
    from huggingface_hub import snapshot_download

    with explained(repo_id, "dataset"):
        sha = str(client().dataset_info(repo_id, revision=revision or None).sha)
        folder = snapshot_download(repo_id, repo_type="dataset", revision=sha, allow_patterns=list(patterns))
    return Path(folder), sha


@contextmanager
def explained(repo_id: str, kind: str | None) -> Iterator[None]:
    """The client's exceptions as one clear line each."""
    from huggingface_hub import errors

    try:
        yield
    except errors.HFValidationError as error:
        raise HubError(f"`{repo_id}` is not a repository's name", "write ORG/NAME") from error
    except errors.OfflineModeIsEnabled as error:
        raise HubError("the Hub is switched off here (`HF_HUB_OFFLINE`)", "unset HF_HUB_OFFLINE") from error
    except errors.HfHubHTTPError as error:
        raise refusal(error, repo_id, kind) from None
    except ValueError as error:  # the card's YAML, as the Hub judges it
        raise HubError(f"the Hub refuses the card: {' '.join(str(error).split()):.300}", "mend `README.md`") from error
    except errors.LocalEntryNotFoundError as error:
        raise _unreachable(error) from None
    except (errors.HTTPError, RuntimeError) as error:
        cause = error.__cause__
        if isinstance(cause, errors.HfHubHTTPError):
            raise refusal(cause, repo_id, kind) from None
        if isinstance(error, RuntimeError) and not isinstance(cause, (OSError, errors.HTTPError)):
            raise
        raise _unreachable(cause or error) from None


def _unreachable(error: BaseException) -> HubError:
    return HubError(
        f"the Hub cannot be reached ({type(error).__name__})", "the same command goes on; what was sent is kept"
    )


def refusal(error: Any, repo_id: str, kind: str | None) -> HubError:
    """What the Hub meant. Its own words are left out where they might repeat what was sent."""
    from huggingface_hub.errors import GatedRepoError, RevisionNotFoundError

    status, what = error.response.status_code, f"{kind or 'repository'} `{repo_id}`"
    if isinstance(error, RevisionNotFoundError):
        return HubError(f"{what} has no such revision", "name a commit, a tag or a branch of it")
    if isinstance(error, GatedRepoError):
        return HubError(f"{what} is gated", "ask for access on its page, and log in: hf auth login")
    changed = f"{what} was changed by another while this push ran", "look at it; the same command pushes on top of it"
    facts = {
        401: (f"the Hub does not know this token, or {what} is private or absent", "hf auth login, or set `HF_TOKEN`"),
        403: (f"this token has no write access to {what}", "take a token with write access there: hf auth login"),
        404: (
            f"there is no {what}, or it is private and this token may not see it",
            "check the name, or: hf auth login",
        ),
        409: changed,
        412: changed,
        429: ("the Hub asks for a pause: too many requests", "wait, then the same command goes on"),
    }
    if status in facts:
        return HubError(*facts[status])
    if status >= 500:
        return HubError(f"the Hub is in trouble (status {status})", "try later; what was sent is kept")
    return HubError(f"the Hub refuses {what} (status {status})", "see whether its files fit the Hub's limits")
