"""A model by name, as a user writes it: a folder, a Hub id, or `openai:URL#NAME`, a model that a server holds."""

from __future__ import annotations

from insightv_bench.errors import ModelError
from insightv_bench.settings import HfEngine, OpenAIEngine

SERVER = "openai:"


def engine_named(name: str, batch_size: int = 128) -> HfEngine | OpenAIEngine:
    """Raises ModelError for a server's model that is spelt wrong."""
    if not name.startswith(SERVER):
        return HfEngine(model=name, batch_size=batch_size)
    url, _, model = name.removeprefix(SERVER).rpartition("#")
    if not model or not url.startswith(("http://", "https://")):
        hint = "write `openai:URL#NAME`: `openai:http://localhost:8000/v1#org/model`, say"
        raise ModelError(f"`{name}` names no model of a server", hint)
    return OpenAIEngine(model=model, base_url=url)
