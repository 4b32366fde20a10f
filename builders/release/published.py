"""What of a recipe may be published: its choices, and of a server no more than the model and the kind of its host.

Whatever a person types for a server can hold a key: its address, extra keys of a request's body, a variable's name.
Places on this machine are nobody's business either.
"""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

PLACES = ("path", "given", "images", "include_path", "data")
"""Keys whose values are places."""
SERVER = ("kind", "model", "revision")
"""Of a server's settings, what tells who replied."""
HIDDEN = "..."


def public_recipe(content: Any) -> Any:
    """The recipe without places of this machine, and of servers `SERVER` and the kind of their host."""
    if isinstance(content, dict) and "base_url" in content:
        told = {key: public_recipe(content[key]) for key in SERVER if content.get(key)}
        return {**told, "host": host_kind(str(content["base_url"]))}
    if isinstance(content, dict):
        return {key: HIDDEN if key in PLACES and value else public_recipe(value) for key, value in content.items()}
    if isinstance(content, str) and (content.startswith(("/", "~", ".")) or "://" in content):
        return HIDDEN
    return [public_recipe(value) for value in content] if isinstance(content, list) else content


def host_kind(url: str) -> str:
    """`loopback`, `private` or `public`; `unknown` where the address cannot be read."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return "unknown"
    if host == "localhost" or host.endswith(".localhost"):
        return "loopback"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "public" if "." in host and not host.endswith((".local", ".internal", ".lan")) else "private"
    return "loopback" if address.is_loopback else "private" if address.is_private else "public"
