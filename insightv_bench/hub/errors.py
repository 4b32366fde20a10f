"""What the Hub and its client say, as one clear line each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from insightv_bench.errors import HubError


@contextmanager
def explained(repo_id: str, kind: str | None) -> Iterator[None]:
    """The client's exceptions as one clear line each."""
    from huggingface_hub import errors

    try:
        yield
    except errors.HFValidationError as error:
        raise HubError(f"`{repo_id}` is no repository's name", "write ORG/NAME") from error
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
    told = {
        401: (f"the Hub does not know this token, or {what} is private or absent", "hf auth login, or set `HF_TOKEN`"),
        403: (f"this token has no write access to {what}", "take a token with write access there: hf auth login"),
        404: (
            f"there is no {what}, or it is private and this token may not see it",
            "check the name, or: hf auth login",
        ),
        409: _changed(what),
        412: _changed(what),
        429: ("the Hub asks for a pause: too many requests", "wait, then the same command goes on"),
    }
    if status in told:
        return HubError(*told[status])
    if status >= 500:
        return HubError(f"the Hub is in trouble (status {status})", "try later; what was sent is kept")
    return HubError(f"the Hub refuses {what} (status {status})", "see whether its files fit the Hub's limits")


def _changed(what: str) -> tuple[str, str]:
    return f"{what} was changed by another while this push ran", "look at it; the same command pushes on top of it"
