"""Answers that a judge extracts, for benchmarks whose authors have them extracted (MathVista, arXiv 2310.02255).

The judge is asked where our reader is not sure. What it hands back counts only where it stands in the reply: a judge
may find an answer, never make one. A judge that does not answer, or in no readable form, leaves the reply unscored.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from insightv_bench.chat import load_prompt
from insightv_bench.engines import Caller, open_engine
from insightv_bench.errors import EngineError
from insightv_bench.journal import Journal
from insightv_bench.judge_replies import EXTRACT, extraction_chat, place_in, read_extraction
from insightv_bench.judging import ask_strictly
from insightv_bench.protocol import render_answer
from insightv_bench.settings import Sampling, engine_of, seat_name

from .metrics import UNSCORED, scored

JUDGE = "INSIGHTV_JUDGE"
"""Names the judge: a folder, a Hub id, or `openai:URL#NAME`."""
JOURNAL = "lm-eval-journal.sqlite"
CACHE = "INSIGHTV_CACHE"
"""The folder of what lm-eval's command line keeps; the user's cache if left out."""
TRIES = 3
Doc = Mapping[str, Any]


def journal_file() -> Path:
    """Where lm-eval's command line keeps replies: one left in the working folder by earlier versions goes on."""
    folder = Path(os.environ.get(CACHE) or Path.home() / ".cache" / "insightv-bench")
    return Path(JOURNAL) if Path(JOURNAL).exists() else folder / JOURNAL


def judge_named() -> str:
    """Empty where there is none."""
    return os.environ.get(JUDGE, "")


def filters() -> list[dict[str, Any]]:
    """lm-eval's filters: our reader's own figures, and beside them the judge's."""
    own = {"name": "none", "filter": [{"function": "take_first"}]}
    return [own, {"name": "judge", "filter": [{"function": "custom", "filter_fn": extract}]}]


def extract(responses: Sequence[Sequence[str]], docs: Sequence[Doc]) -> list[str]:
    """One text a document: the reply where it is clear, the judge's finding in our protocol, or `UNSCORED`."""
    pairs = [(reply[0], doc) for reply, doc in zip(responses, docs, strict=True)]
    unclear = [place for place, (response, doc) in enumerate(pairs) if not is_clear(response, doc)]
    texts = [response for response, _ in pairs]
    journal = Journal(journal_file())
    try:
        with Caller(open_engine(engine_of(judge_named())), journal) as caller:
            extracted = caller.run([_one(caller, *pairs[place]) for place in unclear])
    finally:
        journal.close()
    for place, text in zip(unclear, extracted, strict=True):
        texts[place] = text
    return texts


def is_clear(response: str, doc: Doc) -> bool:
    """Whether our reader is sure, or there is nothing to extract: no reply, or one that was cut off."""
    kind = scored(doc, response).kind
    return not response.strip() or kind in ("sure", "cut off")


async def _one(caller: Caller, response: str, doc: Doc) -> str:
    chat = extraction_chat(doc["question"], doc["options"], response)
    try:
        asked = await ask_strictly(caller, chat, Sampling(max_new_tokens=256), TRIES, read_extraction, EXTRACT)
    except EngineError:
        return UNSCORED
    if asked.value is None:
        return UNSCORED
    return render_answer(response[slice(*place)]) if (place := place_in(response, asked.value.answer)) else ""


def judge_label() -> str:
    return f"{seat_name(judge_named())}, prompt {load_prompt(EXTRACT).label}"
