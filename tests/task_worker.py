"""Loads tasks in a process of its own, since the Hub's clients take their address at import: asked and told by JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from insightv_bench.errors import InsightvError


def tell(name: str, replies: dict[str, str]) -> dict[str, Any]:
    from lm_eval.tasks import TaskManager

    from insightv_bench.evals.harness.task_questions import load_task, our_tasks, task_rows
    from insightv_bench.records import Question
    from insightv_bench.settings import TaskSource

    task = TaskManager(include_path=our_tasks(), include_defaults=False).load([name])["tasks"][name]
    docs = list(task.eval_docs)
    parts: dict[str, list[Any]] = {}
    for doc in docs:
        for figure, part in task.process_results(doc, [replies.get(doc["question_id"], doc["gold"])]).items():
            parts.setdefault(figure, []).append(part)
    source = TaskSource(source="task", task=name)
    rows = list(task_rows(load_task(source), source))
    return {
        "docs": docs,
        "texts": [task.doc_to_text(doc) for doc in docs],
        "images": [[image.size for image in task.doc_to_image(doc)] for doc in docs],
        "figures": {figure: task.aggregation()[figure](each) for figure, each in parts.items()},
        "parts": {figure: len(each) for figure, each in parts.items()},
        "metadata": task.dump_config()["metadata"],
        "questions": [row.model_dump(exclude={"images"}) for row in rows if isinstance(row, Question)],
        "left_out": [row.reason for row in rows if not isinstance(row, Question)],
    }


def main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            told = tell(asked["task"], asked["replies"])
        except InsightvError as error:
            told = {"error": str(error)}
        print(json.dumps(told), file=sys.__stdout__, flush=True)


if __name__ == "__main__":
    main()
