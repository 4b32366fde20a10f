"""Keys in the environment: where each may be sent, and text that is kept clear of them.

A recipe names the variable that holds a server's key, and recipes are downloaded: so a variable goes only to a host
that it was confirmed for. It is confirmed by `--allow-key VAR=HOST`, which is remembered in the user's configuration
folder, by `INSIGHTV_ALLOW_KEY` (pairs with commas between), or by typing both the server's URL and the variable (the
default one need not be typed) in the command. This machine itself may always be sent a key.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

from insightv_bench.errors import EngineError, RecipeError

DEFAULT_VARIABLE = "OPENAI_API_KEY"
KNOWN = {(DEFAULT_VARIABLE, "api.openai.com")}
"""The vendor whose variable it is."""
ALLOWED, TYPED = "INSIGHTV_ALLOW_KEY", "INSIGHTV_TYPED"
"""Variables that a run's other processes inherit: pairs VAR=HOST; hosts and variables that stood in the command."""
LEAST = 6
"""Characters of a secret: shorter ones (`none`, `EMPTY`) are placeholders, and words of any text."""
SECRET_NAME = re.compile(r"(^|_)(KEY|APIKEY|TOKEN|SECRET|PASSWORD|PASSWD|PAT|CREDENTIALS?)(_|$)", re.IGNORECASE)
MASK = "[masked]"
_URL = re.compile(r"https?://[^\s/?#\"'}\],]+", re.IGNORECASE)
_VARIABLE = re.compile(r"api_key_env[\"']?\s*[=:]\s*[\"']?([A-Za-z_][A-Za-z0-9_]*)")
_PRIVATE_PART = re.compile(r"://([^/\s]*@|[^\s#]*\?)")


class Mask:
    """Text -> the same text without the secrets, in whatever case they stand, as they are or as a URL writes them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        spelt = {form for each in secrets if len(each) >= LEAST for form in (each, quote(each, safe=""))}
        longest_first = sorted(spelt, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE) if spelt else None

    def __call__(self, text: str) -> str:
        return self._pattern.sub(MASK, text) if self._pattern else text


def secrets_of_environment() -> dict[str, str]:
    """Variable -> its value, of those whose name says that they hold a secret; a place on disk or a number is none."""
    named = {name: value.strip() for name, value in os.environ.items() if SECRET_NAME.search(name)}
    return {name: value for name, value in named.items() if len(value) >= LEAST and not _is_plain(value)}


def _is_plain(value: str) -> bool:
    return value.isdigit() or value.startswith(("/", "~", "./")) or value in os.environ.get("PATH", "")


def has_private_part(text: str) -> bool:
    """Whether a URL in `text` has a user or a query part, where keys stand that nobody else may read."""
    return bool(_PRIVATE_PART.search(text))


def key_for(variable: str, url: str) -> str:
    """The variable's value, empty where it is not set. Raises EngineError where its host was not confirmed for it."""
    value = os.environ.get(variable, "")
    if value and not may_send(variable, url):
        host = host_of(url)
        raise EngineError(
            f"the key in `{variable}` would be sent to `{host}`, which nobody has confirmed",
            f"if that is meant, once: --allow-key {variable}={host}",
        )
    return value


def may_send(variable: str, url: str) -> bool:
    host = host_of(url)
    if is_this_machine(host) or (variable, host) in {*KNOWN, *_remembered(), *_pairs(_told(ALLOWED))}:
        return True
    typed = _told(TYPED).split()
    return host in typed and (variable == DEFAULT_VARIABLE or variable in typed)


def host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def is_this_machine(host: str) -> bool:
    try:
        return host in ("", "localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def remember(pairs: Iterable[str]) -> None:
    """Confirm each VAR=HOST, for this and all later commands. Raises RecipeError for what is no such pair."""
    new = set()
    for text in pairs:
        found = list(_pairs(text))
        if not found:
            raise RecipeError(f"`--allow-key {text}` is no VAR=HOST", "write, say, --allow-key OPENAI_API_KEY=HOST")
        new.update(found)
    rows = sorted({*_remembered(), *new})
    file = _file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps([f"{variable}={host}" for variable, host in rows], indent=1) + "\n", "utf-8")
    except OSError as error:
        raise RecipeError(
            f"`{file}` cannot be written: {error.strerror or error}", f"set `{ALLOWED}` instead"
        ) from None


def note_typed(words: Iterable[str]) -> None:
    """What a user types names servers and variables on purpose."""
    text = " ".join(words)
    names = [host_of(url) for url in _URL.findall(text)] + _VARIABLE.findall(text)
    known = _told(TYPED).split()
    if new := [name for name in dict.fromkeys(names) if name and name not in known]:
        os.environ[TYPED] = " ".join([*known, *new])


_taken_over: dict[str, str] = {}


def take_over(confirmed: Mapping[str, str]) -> None:
    """What another process's `inherited` told, beside this one's environment, which stays as it is: it has threads."""
    _taken_over.update(confirmed)


def _told(variable: str) -> str:
    return _taken_over.get(variable) or os.environ.get(variable, "")


def inherited() -> dict[str, str]:
    """What is confirmed here, as the environment of a process elsewhere holds it."""
    pairs = sorted({*_remembered(), *_pairs(_told(ALLOWED))})
    return {ALLOWED: ",".join(map("=".join, pairs)), TYPED: _told(TYPED)}


def _remembered() -> Iterator[tuple[str, str]]:
    try:
        rows = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    yield from (pair for row in rows if isinstance(row, str) for pair in _pairs(row))


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """`VAR=HOST`, with commas between several; a host's scheme, port and path are left out."""
    for part in text.split(","):
        variable, _, place = (word.strip() for word in part.partition("="))
        host = host_of(place if "://" in place else f"//{place}")
        if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable) and host:
            yield variable, host


def _file() -> Path:
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "insightv-bench" / "allowed-keys.json"
