"""The page to a static Space, and submissions to a data set of results. Each is one commit on what is there now."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from insightv_bench.errors import HubError
from insightv_bench.hub import Additions, Change, Made, Seen, commit, files_of

from ..board import SUBMISSION
from .submission import Submission, read_submission
from .verify import verify

README = "README.md"
KEPT = (README, ".gitattributes")
"""Files of a Space that a page which has none of that name does not take away."""
SUBMISSIONS = "submissions"
SPACE_CARD = "A board of two-agent multimodal reasoning, made by insightv-bench. It asks no other host for anything."
CARD = """# Results of insightv-bench

One folder in `submissions/` for each submission: its rows (one reply of one system in one arm), its figures, and the
stages that they come from. Check one, or all, and make a board of them:

```bash
insightv-bench leaderboard verify {repo}
insightv-bench leaderboard build {repo}
```
"""


def publish(page: Path, space: str, private: bool | None = None) -> Made:
    """Make the Space if need be, and bring it to the state of the page's folder.

    Raises HubError where the folder holds no page, or the Hub refuses it.
    """
    if not (page / "index.html").is_file():
        raise HubError(
            f"`{page}` holds no page", f"make one: insightv-bench leaderboard build RESULTS --out {page}; or `--page`"
        )
    files, _ = files_of(page, "dataset")
    title = _title(page)

    def prepare(seen: Seen) -> Change:
        add: Additions = {name: page / name for name in files}
        if README not in files and README not in seen.files:
            front = {"title": title[:100], "sdk": "static", "app_file": "index.html", "pinned": False}
            front |= {"emoji": "🧭", "colorFrom": "blue", "colorTo": "gray", "tags": ["leaderboard", "insightv-bench"]}
            head = yaml.safe_dump(front, allow_unicode=True, sort_keys=False)
            add[README] = f"---\n{head}---\n\n{SPACE_CARD}\n".encode()
        return Change(add, tuple(sorted(seen.files - add.keys() - set(KEPT))))

    return commit(space, "space", prepare, "Publish the board with insightv-bench", private)


def _title(page: Path) -> str:
    try:
        return str(json.loads((page / "board.json").read_text(encoding="utf-8"))["title"])
    except (OSError, ValueError, KeyError, TypeError):
        return "insightv-bench"


def submit(folder: Path, repo_id: str, private: bool | None = None) -> tuple[Submission, Made]:
    """Add a submission to a data set of results; one that is there already is not added again.

    Raises HubError where it does not verify, or the Hub refuses it.
    """
    submission = read_submission(folder)
    if problems := verify(folder).problems:
        raise HubError(f"`{folder}` does not verify: {problems[0]}", f"insightv-bench leaderboard verify {folder}")
    place = f"{SUBMISSIONS}/{submission.id}"
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]

    def prepare(seen: Seen) -> Change:
        if f"{place}/{SUBMISSION}" in seen.files:
            if seen.read(f"{place}/{SUBMISSION}") != (folder / SUBMISSION).read_bytes():
                fact = f"`{repo_id}` has another submission under the id `{submission.id}`"
                raise HubError(fact, f"look at it: insightv-bench leaderboard verify {repo_id}")
            return Change({})
        add: Additions = {f"{place}/{name}": folder / name for name in names}
        if README not in seen.files:  # a card that is there may have been written by hand
            data = {"config_name": "default", "data_files": f"{SUBMISSIONS}/*/evaluations/*/*.parquet"}
            front = {"configs": [data], "tags": ["insightv-bench", "evaluation-results"]}
            text = CARD.format(repo=repo_id)
            add[README] = f"---\n{yaml.safe_dump(front, sort_keys=False)}---\n{text}".encode()
        return Change(add)

    message = f"Add submission {submission.id} with insightv-bench"
    return submission, commit(repo_id, "dataset", prepare, message, private)
