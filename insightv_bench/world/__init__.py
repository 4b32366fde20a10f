"""The drawn world: charts whose questions are small programs, so that every step of a path can be judged exactly.

    level.py        what a level looks like: canvas, colours, noise
    scene.py        the content of one chart; train, validation and test scenes are disjoint by construction
    topics.py       the words of charts
    render.py       scene -> PNG bytes
    charts/         level `full`: bars, lines, pies, tables
    program.py      a question as a program: its text, its running state, its conclusion
    exact_paths.py  a program's trace as the steps of a path, and back
    oracle.py       any path, judged step by step
    questions.py    Question rows, any number of them; the public test sets
    lessons.py      what a model from nothing needs before it can reason: seeing
    vocabulary.py   the fixed wording, for a tokenizer

It knows nothing of models: the teacher that writes paths in this world is an engine.
"""

from __future__ import annotations

from .exact_paths import READ, Operation, exact_path, replay, tell, tell_conclusion, tell_reading, trace
from .lessons import sample_lessons
from .level import LEVELS, Level
from .oracle import DETAIL_SHARE, Judgement, judge, program_of, rate, reread
from .program import Kind, Program, State, parse_question, run, state_text, update
from .questions import CANARY, NUM_TEST, SEED, VERSION, fixed_questions, fixed_version, fresh_level, sample_questions
from .scene import Scene, Split, scene_from_json
from .vocabulary import phrases, several_phrases, words
