"""Push and pull: a folder to the Hub and back, at a pinned revision. Corpora, models and results alike.

A push is one commit on top of the revision that was seen at its start; what an interrupted one had uploaded is not sent
again.
Models travel as safetensors alone: pickled weights and code are neither pushed nor pulled.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from insightv_bench.errors import HubError
from insightv_bench.storage import sha256, write_text

from .commits import Additions, Change, client, explained, guard_name, look, own_token, send, url_of
from .scan import guard_secrets

Kind = Literal["dataset", "model"]
KINDS: tuple[Kind, ...] = ("dataset", "model")
PULLED, CHECKSUMS = "pulled.json", "SHA256SUMS"
UNSAFE = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".h5", ".msgpack", ".py")
"""Pickles, and what else can run when it is loaded."""
OURS = ("data-*.parquet", "*.safetensors")
"""Files in the repository that a push takes away where the folder no longer has them."""
SUM = re.compile(r"([0-9a-f]{64}) [ *](.+)")


class Pushed(NamedTuple):
    url: str
    revision: str
    """The commit, to pin."""
    num_files: int
    left_out: tuple[str, ...]
    """Files that do not travel: pickles and code."""


class Pulled(NamedTuple):
    folder: Path
    kind: Kind
    revision: str


def push(folder: Path, repo_id: str, kind: Kind | None = None, private: bool | None = None) -> Pushed:
    """Make the repository if need be, and bring it to the state of `folder` in one commit.

    Raises HubError where the folder must not be pushed, or the Hub refuses it or was changed by another meanwhile.
    """
    guard_name(repo_id)
    kind = kind or kind_of(folder)
    names, left_out = files_of(folder, kind)
    files: Additions = {name: folder / name for name in names}
    guard_secrets(files, own_token())
    with explained(repo_id, kind):
        api = client()
        api.create_repo(repo_id, repo_type=kind, private=private, exist_ok=True)
        seen = look(api, repo_id, kind)
        change = Change(files, tuple(stale_of(names, seen.files)))
        revision = send(api, repo_id, kind, change, f"Push {len(files)} files with insightv-bench", seen.revision)
    return Pushed(url_of(api, repo_id, kind), revision, len(files), tuple(left_out))


def stale_of(files: Sequence[str], there: Iterable[str]) -> list[str]:
    """What an earlier push left beside the files of this one, and a glob would load with them."""
    places = {Path(name).parent for name in files}
    gone = [Path(name) for name in there if name not in files and Path(name).parent in places]
    return [path.as_posix() for path in gone if any(path.match(pattern) for pattern in OURS)]


def release_in(folder: Path) -> Path | None:
    """The release in a stage's folder, which is named after what it holds; None where there is none."""
    return next((file.parent for file in sorted(folder.glob("*/SHA256SUMS"))), None)


def kind_of(folder: Path) -> Kind:
    """A folder with a `config.json` is a model, any other a data set. Raises HubError where it is nothing to push."""
    if not folder.is_dir():
        raise HubError(f"`{folder}` is not a folder", "name the folder to push")
    if (folder / "config.json").exists():
        return "model"
    made = release_in(folder) or folder / "model"
    if made.is_dir():
        raise HubError(f"`{folder}` is a stage's folder", f"push what it made: {made}")
    if (folder / "run.json").exists():
        raise HubError(f"`{folder}` is a whole run", "push one thing of it: a release, a model, a leaderboard")
    return "dataset"


def files_of(folder: Path, kind: Kind) -> tuple[list[str], list[str]]:
    """What travels, and what does not, as paths inside the folder. Raises HubError where nothing would be left."""
    paths = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    hidden = [path for path in paths if any(part.startswith(".") and part != ".eval_results" for part in path.parts)]
    ours = [path for path in paths if path.name != PULLED and not path.name.endswith(".partial")]
    names = [path.as_posix() for path in ours if path not in hidden]
    for name in names:
        if not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise HubError(f"`{folder / name}` is a link to a file outside the folder", "put the file itself there")
    unsafe = [name for name in names if name.endswith(UNSAFE)]
    kept = [name for name in names if name not in unsafe]
    if kind == "model" and not any(name.endswith(".safetensors") for name in kept):
        raise HubError(
            f"`{folder}` holds no `.safetensors`, and models travel as safetensors alone",
            "save it with `model.save_pretrained(FOLDER)`",
        )
    if not kept:
        raise HubError(f"`{folder}` holds nothing to push", "name a release's, a model's or a leaderboard's folder")
    return kept, unsafe


def pull(repo_id: str, revision: str, out: Path, kind: Kind | None = None) -> Pulled:
    """Bring the repository at `revision` (main if empty) to the folder `out`; a stopped pull goes on.

    Raises HubError where it cannot be had, `out` holds something else, or a file is not what its checksum says.
    """
    from huggingface_hub import snapshot_download

    guard_name(repo_id)
    with explained(repo_id, kind):
        kind, sha = resolve(repo_id, revision, kind)
        claim(out, {"repo": repo_id, "kind": kind, "revision": sha})
        unsafe = [f"*{suffix}" for suffix in UNSAFE]
        snapshot_download(repo_id, repo_type=kind, revision=sha, local_dir=out, ignore_patterns=unsafe)
    if kind == "model" and not any(out.rglob("*.safetensors")):
        raise HubError(f"`{repo_id}` at {sha[:12]} holds no `.safetensors`", "ask its makers for safetensors")
    check_sums(out)
    return Pulled(out, kind, sha)


def resolve(repo_id: str, revision: str, kind: Kind | None) -> tuple[Kind, str]:
    """What it is, and the commit that the revision stands for."""
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    api = client()
    for number, tried in enumerate([kind] if kind else KINDS, 1):
        try:
            return tried, str(api.repo_info(repo_id, repo_type=tried, revision=revision or None).sha)
        except RevisionNotFoundError:
            raise
        except RepositoryNotFoundError:
            if kind or number == len(KINDS):
                raise
    raise AssertionError("one of them was tried last")


def claim(out: Path, mine: dict[str, str]) -> None:
    """Raises HubError where the folder holds anything but an earlier pull of the same."""
    file = out / PULLED
    try:
        theirs = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
    except ValueError:
        theirs = None
    if out.exists() and (not out.is_dir() or any(out.iterdir())) and theirs != mine:
        what = "something else"
        if isinstance(theirs, dict):
            what = f"`{theirs.get('repo')}` at {theirs.get('revision', '')[:12]}"
        raise HubError(f"`{out}` holds {what}", "name another folder with `--out`")
    out.mkdir(parents=True, exist_ok=True)
    write_text(file, json.dumps(mine) + "\n")


def check_sums(folder: Path) -> None:
    """Raises HubError where a file is missing, or is not what `SHA256SUMS` says; no sums, no check."""
    if not (folder / CHECKSUMS).exists():
        return
    lines = (folder / CHECKSUMS).read_text(encoding="utf-8", errors="replace").splitlines()
    for wanted, name in [match.groups() for line in lines if (match := SUM.fullmatch(line))]:
        file = folder / name
        if not name.endswith(UNSAFE) and (not file.is_file() or sha256(file) != wanted):
            raise HubError(
                f"`{file}` is not the file of the release", f"remove the folder and pull again: rm -r {folder}"
            )
