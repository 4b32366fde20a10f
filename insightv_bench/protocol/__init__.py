"""Replies as text: how they are written and how they are read, strictly and never a guess.

    json_objects.py  JSON objects inside a text, mended where slightly broken
    wrappers.py      what of a reply is thought and what is said: each model's marks, a row each
    steps.py         what one object means: a step, an answer, a verdict; the schemas of such objects
    dialects.py      the ways in which models lay out a path, a row each
    prose.py         words as steps: where a text falls apart, and what each piece is called
    path.py          a whole path in every dialect, and the replies that a path grows from

It does not say what an answer means (see `answers`), and it asks nobody.
"""

from __future__ import annotations

from .dialects import BY_NAME, DIALECTS
from .json_objects import JsonObject, objects_in
from .path import (
    ParsedAnswer,
    ParsedPath,
    ParsedStep,
    Verdict,
    parse_answer,
    parse_path,
    parse_step,
    parse_summary,
    parse_verdicts,
    render_answer,
    render_path,
    render_paths,
    render_step,
    render_summary,
    render_verdicts,
    rest_of,
    split_paths,
    without_blank_thought,
)
from .prose import End, Split, split
from .steps import SCHEMAS, AnswerRead, is_step, read_answer, response_format
from .wrappers import WRAPPERS, Speech, Wrapper, cut_in, opens_thought, speech
