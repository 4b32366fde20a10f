"""JSON schemas of the replies that are one object, for servers that hold a model to a schema.

A schema says how a reply is spelt, never what it says. Replies of several lines (a whole path) have none, and reading
them is the protocol's matter, with or without a schema.
"""

from __future__ import annotations

from typing import Any, get_args

from .steps import Action, Verdict


def _object(**properties: Any) -> dict[str, Any]:
    """An object with these keys and no others, all of them required, as strict servers want it."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


TEXT = {"type": "string"}
SCHEMAS: dict[str, dict[str, Any]] = {
    "step": _object(summary=TEXT, reasoning=TEXT, action={"type": "string", "enum": list(get_args(Action))}),
    "answer": _object(answer=TEXT),
    "verdict": _object(
        verdict={"type": "string", "enum": [verdict for verdict in get_args(Verdict) if verdict != "none"]},
        correction=TEXT,
        answer=TEXT,
    ),
}


def schema_of(name: str) -> dict[str, Any]:
    """Raises KeyError for a name that is not among `SCHEMAS`."""
    return SCHEMAS[name]


def response_format(name: str) -> dict[str, Any]:
    """The `response_format` of a chat completion."""
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema_of(name)}}
