"""The drawn world: charts whose questions are small programs, so that every step of a path can be judged exactly.

    level.py      what a level looks like: canvas, colours, noise
    scene.py      the content of one chart; train, validation and test scenes are disjoint by construction
    drawing.py    scene -> PNG bytes
    charts.py     level `full`: bars, lines, pies, tables (`chart_*.py`: style, sheet, axes, parts; `topics.py`: words)
    program.py    a question as a program: its text, its running state, its conclusion
    telling.py    a program's trace as the steps of a path, and back
    oracle.py     any path, judged step by step
    questions.py  Question rows, any number of them
    lessons.py    what a model from nothing needs before it can reason: seeing

It knows nothing of models: the teacher that writes paths in this world is an engine (`insightv_bench.engines.teacher`).
"""
