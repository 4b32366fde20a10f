"""Flawed versions of a question's path, as rows: of the drawn world's exact path, and of any right path by rule."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from insightv_bench.records import FlawedRow, FlawType, Question, Step, columns_of
from insightv_bench.settings import FlawsSettings
from insightv_bench.world import program_of

from .by_rule import make_text_flawed
from .exact import make_flawed
from .injection import make_injected, with_text
from .types import ATTACKS, Flawed, Maker, planted_by


def flawed_versions(question: Question, settings: FlawsSettings, random_: random.Random) -> Iterator[FlawedRow]:
    """Up to `per_question` distinct flawed versions, each of another flaw type where that can be."""
    program, scene = program_of(question.question, question.scene)
    texts: set[tuple[str, str]] = set()
    for flaw in drawn_flaws(settings, "exact", random_):
        severity, position = random_.choice(settings.severities), random_.choice(settings.positions)
        if len(texts) == settings.per_question:
            break
        image_text = ""
        if flaw in ATTACKS:
            same = random.Random(f"{question.id}/injection")  # the attack and its control on the same path
            flawed, image_text = make_injected(program, scene, flaw, same) or (None, "")
        else:
            flawed = make_flawed(program, scene, flaw, severity, position, random_)
        if flawed and (flawed.flawed_path, image_text) not in texts:
            texts.add((flawed.flawed_path, image_text))
            columns = columns_of(question)
            if image_text:
                image = with_text(question.images[0], image_text)
                columns |= {"images": (image,), "image_sha256": (image.sha256,)}
            yield FlawedRow(**columns, kind=question.kind, **flawed._asdict())


def drawn_flaws(settings: FlawsSettings, maker: Maker, random_: random.Random) -> list[FlawType]:
    """The types that `maker` can plant, in the order of drawing without replacement; with weights after Efraimidis and
    Spirakis (2006)."""
    able = {*planted_by(maker), *(ATTACKS if maker == "exact" else ())}
    flaws = [flaw for flaw in settings.flaws if flaw in able]
    if not settings.weights:
        return random_.sample(flaws, len(flaws))
    return sorted(flaws, key=lambda flaw: -(random_.random() ** (1 / settings.weights.get(flaw, 1))))


def versions_by_rule(
    question: Question, text: str, settings: FlawsSettings, random_: random.Random, donors: Sequence[Step] = ()
) -> Iterator[FlawedRow]:
    """Up to `per_question` distinct flawed versions of the path in `text`, whose answer is right, by rule; each of
    another type, propagated or not as drawn, the other way where that cannot be. `donors`: see `make_text_flawed`."""
    texts: set[str] = set()
    for flaw in drawn_flaws(settings, "rule", random_):
        if len(texts) == settings.per_question:
            return
        severity, position = random_.choice(settings.severities), random_.choice(settings.positions)
        ways = dict.fromkeys((random_.choice(settings.propagated), *settings.propagated))
        tried = (make_text_flawed(question, text, flaw, severity, position, way, random_, donors) for way in ways)
        made = next((one for one in tried if isinstance(one, Flawed)), None)
        if made and made.flawed_path not in texts:
            texts.add(made.flawed_path)
            yield FlawedRow(**columns_of(question), kind=question.kind, **made._asdict())
