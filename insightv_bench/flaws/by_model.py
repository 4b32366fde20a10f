"""Flaws in any path by a model: what it is asked, and the checks that its reply must pass.

A reply is taken only where it is a whole path in our form, differs from the right one in as many steps as the flaw
allows, holds no word that tells (`LEAKS`) unless the right path has it too, and ends as it was asked to: in another
answer than the gold one, or in the same answer as before. Nobody is asked here: the reply is handed in.
"""

from __future__ import annotations

from difflib import SequenceMatcher

from insightv_bench.answers import is_gold
from insightv_bench.chat import Chat, ask
from insightv_bench.judge_replies import Read, gold_text
from insightv_bench.protocol import ParsedPath, parse_path, render_path
from insightv_bench.records import FlawType, Position, QuestionColumns

from .by_rule import LEAKS, position_of
from .text_path import TextPath, open_path, read_letter
from .types import FLAWS, Flawed

FLAW = "flaw"
PLACES: dict[Position, str] = {
    "early": "in the first third of the path",
    "middle": "in the middle of the path",
    "late": "in the last third of the path",
}


def flaw_chat(question: QuestionColumns, path: str, flaw: FlawType, position: Position, spread: bool) -> Chat:
    """`path` in our protocol's form; `spread`: the later steps and the answer are to follow from the flaw."""
    slots = {"path": path, "flaw": FLAWS[flaw].sentence, "place": PLACES.get(position, "anywhere"), "ending": ""}
    slots["ending"] = (
        f"Let the later steps and the answer follow from it, so that the answer is not {gold_text(question)}."
        if spread
        else "Leave every other step and the answer exactly as they are."
    )
    return ask(FLAW, question, **slots)


def spreads(flaw: FlawType, wanted: bool) -> bool:
    """Whether the answer is to be another one: where the flaw always ends so, or is to be worked through."""
    return FLAWS[flaw].ends_wrong or (wanted and FLAWS[flaw].inherited)


def in_our_form(question: QuestionColumns, text: str) -> tuple[TextPath, str] | str:
    """Any path as steps and as our protocol's text; or why it is no right path."""
    path = open_path(text, question)
    if isinstance(path, str):
        return path
    if not is_gold(path.answer, question):
        return "the path's own answer is wrong"
    if path.frame is None:
        path = TextPath(tuple(step.reasoning for step in path.said), path.answer, path.said, path.answer)
    assert path.frame is not None
    return path, render_path(path.frame, path.written)


def read_flawed(
    question: QuestionColumns, path: TextPath, text: str, flaw: FlawType, spread: bool, maker: str, reply: str
) -> Read[Flawed]:
    """The model's flawed path, or what is wrong with it, in words for the model; `text` is `path` in our form."""
    parsed = parse_path(reply)
    problem = _problem(question, path, text, parsed, flaw, spread)
    if problem or parsed.answer is None:
        return Read(None, problem or "the answer is missing")
    answer = read_letter(parsed.answer, question)
    if answer is None:
        return Read(None, "the answer must be one of the options")
    modified, gone = compare(path.steps, [step.reasoning for step in parsed.steps])
    errors = {*(modified if spread else modified[:1]), *gone}
    errors |= set() if is_gold(parsed.answer, question) else {len(parsed.steps)}
    num, spoils, first = len(path.steps), FLAWS[flaw].spoils, min(errors)
    at = min(first, num - 1)
    places = range(at, num) if spoils == "rest" else modified if spoils == "all" else [at]
    return Read(
        Flawed(
            path=text,
            flawed_path=render_path(parsed.steps, parsed.answer),
            flaw=flaw,
            severity=round(len(places) / num, 4),
            position=position_of(places, num),
            propagated=spread and FLAWS[flaw].inherited,
            error_steps=tuple(sorted(errors)),
            planted_answer=answer,
            modified_steps=modified,
            reason=FLAWS[flaw].sentence,
            correction=path.steps[first] if first < num else "",
            maker=maker,
        )
    )


def compare(old: tuple[str, ...], new: list[str]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """0-based steps of `new` that `old` does not hold, and those before which steps of `old` are missing."""
    modified: list[int] = []
    gone: list[int] = []
    for tag, start, end, new_start, new_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        modified += range(new_start, new_end) if tag in ("replace", "insert") else []
        gone += [new_start] if tag == "delete" or (tag == "replace" and end - start > new_end - new_start) else []
    return tuple(modified), tuple(gone)


def _problem(
    question: QuestionColumns, path: TextPath, text: str, parsed: ParsedPath, flaw: FlawType, spread: bool
) -> str:
    """In words for the model; empty where there is none."""
    if parsed.status != "complete" or parsed.answer is None or not parsed.steps:
        return "it is not a whole path of JSON objects, steps and then the answer"
    new = [step.reasoning for step in parsed.steps]
    now = {leak.casefold() for leak in LEAKS.findall(render_path(parsed.steps, parsed.answer))}
    leaks = sorted(now - {leak.casefold() for leak in LEAKS.findall(text)})
    if leaks:
        return f"it must not say `{leaks[0]}` or anything like it"
    if is_gold(parsed.answer, question) is spread:
        return f"the answer must {'not ' * spread}be {gold_text(question)}"
    if new == list(path.steps) and FLAWS[flaw].changes != "answer":
        return "no step was changed"
    wanted = len(path.steps) + FLAWS[flaw].more_steps
    if FLAWS[flaw].changes == "cuts the path short":
        if len(new) >= len(path.steps):
            return "the path must be shorter than before"
    elif len(new) != wanted:
        return f"there must be {wanted} steps, and there are {len(new)}"
    return _kept_problem(path, new, flaw, spread)


def _kept_problem(path: TextPath, new: list[str], flaw: FlawType, spread: bool) -> str:
    modified = compare(path.steps, new)[0]
    if FLAWS[flaw].changes == "answer" and new[:-1] != list(path.steps[:-1]):
        return "every step but the last must stay exactly as it is"
    if FLAWS[flaw].spoils == "all":
        kept = [place for place, step in enumerate(new) if step in path.steps]
        return f"step {kept[0]} was not changed" if kept else ""
    if not spread and len(modified) > 1:
        return f"one step alone may change, and steps {', '.join(map(str, modified))} did"
    return ""
