"""A test set that stays secret: drawn from a maintainer's secret, of which only a hash is published (commit-reveal).

    private_set   the questions without their answers, and the hash that binds the maintainer to them
    score         predictions against the set drawn again from the secret

Who has the questions has neither seed nor answers; who has the hash can check, once the secret is told, that the set
was fixed before the first prediction came.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any, NamedTuple

from insightv_bench.answers import matches, read
from insightv_bench.errors import RunError
from insightv_bench.records import Question
from insightv_bench.statistics import Interval, accuracy
from insightv_bench.storage import write_text
from insightv_bench.world import CANARY, VERSION, Level, sample_questions

QUESTIONS, SET = "questions.jsonl", "set.json"
LEAST_SECRET = 16
"""Characters: a shorter one is guessed from the hash."""
MAX_BYTES, MAX_CHARS = 256 * 2**20, 1_000_000
"""Of a file of predictions, and of one of them."""


class Scored(NamedTuple):
    accuracy: Interval
    num_missing: int
    """Questions without a prediction: they count as wrong."""
    num_unread: int
    """Predictions in which no answer can be read: wrong too."""


def commitment(secret: str, level: str, num: int) -> str:
    """The hash that is published."""
    if len(secret) < LEAST_SECRET:
        hint = "make one: python -c 'import secrets; print(secrets.token_hex(16))'"
        raise RunError(f"the secret has {len(secret)} characters, and a short one is guessed from its hash", hint)
    message = f"insightv-bench/private/{VERSION}/{level}/{num}"
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


def drawn(secret: str, level: str, num: int) -> list[Question]:
    seed = int.from_bytes(hmac.new(secret.encode(), b"seed", hashlib.sha256).digest(), "big")
    named = Level.model_validate({"level": level, "name": f"{level}-private-{commitment(secret, level, num)[:12]}"})
    return list(sample_questions(named, "test", seed, num))


def private_set(secret: str, level: str, num: int, out: Path) -> str:
    """Write images, questions without answers and `set.json` to the new folder `out`; returns the hash."""
    if out.exists() and any(out.iterdir()):
        raise RunError(f"`{out}` holds something already", "name a new folder with `--out`")
    told = commitment(secret, level, num)
    (out / "images").mkdir(parents=True, exist_ok=True)
    lines = []
    for question in drawn(secret, level, num):
        name = f"images/{question.id}.png"
        (out / name).write_bytes(question.images[0].bytes)
        row = {"id": question.id, "image": name, "question": question.question, "options": list(question.options)}
        lines.append(json.dumps({**row, "answer_type": question.answer_type}, ensure_ascii=False))
    write_text(out / QUESTIONS, "\n".join(lines) + "\n")
    about = {"level": level, "num": num, "version": VERSION, "commitment": told, "canary": CANARY}
    write_text(out / SET, json.dumps(about, indent=1) + "\n")
    return told


def score(predictions: Path, secret: str, level: str, num: int, published: str = "") -> Scored:
    """`predictions`: JSON lines `{"id": ..., "response": ...}`, one a question; each is read as any reply.

    Raises RunError for a file that is no such thing, and where the secret is not the one of the `published` hash.
    """
    if published and not hmac.compare_digest(published.lower(), commitment(secret, level, num)):
        raise RunError("the secret, the level or the number is not that of the published hash", "check all three")
    questions = {question.id: question for question in drawn(secret, level, num)}
    given = _predictions(predictions)
    if odd := sorted(given.keys() - questions.keys()):
        raise RunError(
            f"`{odd[0][:40]}` in `{predictions}` is no question of this set", "score another level or secret"
        )
    correct, num_unread = [], 0
    for id_, question in questions.items():
        answer = read(given.get(id_, ""), question.answer_type, question.options).answer
        num_unread += id_ in given and answer is None
        correct.append(answer is not None and matches(answer, question.answer, question.answer_type, question.options))
    return Scored(accuracy(correct), len(questions.keys() - given.keys()), num_unread)


def _predictions(file: Path) -> dict[str, str]:
    given: dict[str, str] = {}
    try:
        if file.stat().st_size > MAX_BYTES:
            raise RunError(f"`{file}` is larger than {MAX_BYTES >> 20} MiB", "one short line a question")
        for number, line in enumerate(file.read_text(encoding="utf-8").split("\n"), 1):
            if line.strip():
                row: Any = json.loads(line)
                id_, response = row["id"], row["response"]
                if not isinstance(id_, str) or not isinstance(response, str) or id_ in given:
                    raise RunError(f"line {number} of `{file}` holds no id and response, or an id again")
                given[id_] = response[:MAX_CHARS]
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        hint = 'each line is {"id": "...", "response": "..."}'
        raise RunError(f"`{file}` cannot be read as predictions: {error}", hint) from error
    return given
