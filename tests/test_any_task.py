"""Any task that generates is questions; what a model thinks aloud is its path; a chat keeps its image."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path as File

import pytest
from reading import png

from insightv_bench.agents import ReasoningAgent, path_text, whole_text
from insightv_bench.chat import Chat
from insightv_bench.engines import Caller
from insightv_bench.errors import RecipeError, SourceError
from insightv_bench.evals.harness.metrics import scored
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.protocol import parse_path
from insightv_bench.records import Message, Question
from insightv_bench.settings import PathsSettings, Sampling, TaskSource
from insightv_bench.world import Level, sample_questions


@dataclass
class Thinker:
    """Says the same to everything."""

    reply_: Reply
    name: str = "thinker"
    revision: str = "1"
    concurrency: int = 4
    requests: list[Request] = field(default_factory=list)

    async def reply(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.reply_


@pytest.mark.parametrize(
    "reply",
    [
        Reply(text="8", reasoning="Red is 3.\n\nSo the answer is 9."),
        Reply(text="<think>\nRed is 3.\n\nSo the answer is 9.\n</think>\n8"),
    ],
)
def test_what_a_model_thinks_aloud_is_its_path_and_never_its_answer(tmp_path: File, reply: Reply) -> None:
    (question,) = sample_questions(Level(side=16), "test", 0, 1)
    settings = PathsSettings(mode="one-call", num_paths=1, sampling=Sampling())
    with Caller(Thinker(reply), Journal(tmp_path / "journal.sqlite")) as caller:
        (path,) = caller.run([ReasoningAgent(caller, settings).write(question, 0)])
    assert path.answer == "8" and [step.reasoning for step in path.steps] == ["Red is 3.", "So the answer is 9."]
    assert "So the answer is 9." in path_text(path) and "Red is 3." in path.text
    assert parse_path(whole_text(reply)).steps == path.steps
    doc = {"options": [], "answer_type": "number", "gold": "9"}
    assert not scored(doc, reply.text).right


def test_a_path_thought_aloud_reaches_the_summary_agent_on_lm_evals_command_line() -> None:
    pytest.importorskip("lm_eval")
    from insightv_bench.evals.harness.model import bare_question, shown_path

    shown = shown_path(Reply(text="8", reasoning="Red is 3.\n\nIt is 8."))
    assert "Red is 3." in shown and '{"answer": "8"}' in shown
    unread = shown_path(Reply(text="no structure", reasoning=""))
    assert unread == "no structure"
    assert bare_question({"question": "Which?", "options": ["red", "blue"]}) == "Which?\nA. red\nB. blue"


def test_a_task_of_ones_own_is_asked_by_its_text_choices_and_target(tmp_path: File) -> None:
    pytest.importorskip("lm_eval")
    import datasets

    from insightv_bench.evals.harness.task_questions import check_tasks, load_task, task_rows

    rows = [
        {"q": "Which?", "choices": ["red", "blue"], "gold": 1, "image": {"bytes": png(1), "path": None}},
        {"q": "Which now?", "choices": ["red", "blue"], "gold": 0, "image": {"bytes": png(2), "path": None}},
    ]
    made = datasets.Dataset.from_list(rows).cast_column("image", datasets.Image())
    made.to_parquet(tmp_path / "rows.parquet")
    (tmp_path / "own.yaml").write_text(
        f"""task: own
dataset_path: parquet
dataset_kwargs: {{data_files: {json.dumps(str(tmp_path / "rows.parquet"))}}}
test_split: train
output_type: generate_until
doc_to_text: "<image>{{{{q}}}}"
doc_to_image: [image]
doc_to_choice: "{{{{choices}}}}"
doc_to_target: gold
metric_list: [{{metric: exact_match}}]
"""
    )
    check_tasks(["own", "insightv_mme"], str(tmp_path))
    source = TaskSource(source="task", task="own", include_path=str(tmp_path), limit=1)
    (question,) = task_rows(load_task(source), source)
    assert isinstance(question, Question)
    assert (question.question, question.options, question.answer) == ("Which?", ("red", "blue"), "B")
    assert question.source == "own" and len(question.images) == 1
    with pytest.raises(RecipeError, match="no folder of task files"):
        check_tasks(["own"], str(tmp_path / "absent"))


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("task", "file", "num"), [("puzzlevqa", "puzzlevqa", 500), ("mathvision", "mathvision_testmini", 304)]
)
def test_real_rows_are_questions_whose_gold_answers_are_right(task: str, file: str, num: int) -> None:
    pytest.importorskip("lm_eval")
    from insightv_bench.evals.harness.task_questions import load_task

    place = File(__file__).parents[2] / "shared" / "data" / f"{file}.parquet"
    if not place.exists():
        pytest.skip("the shared rows are not beside this checkout")
    made = load_task(TaskSource(source="task", task=f"insightv_{task}", data=str(place)))
    docs = list(made.eval_docs)
    assert len(docs) + sum(made.config.metadata["left_out"].values()) == num and len(docs) >= num - 4
    assert made.config.metadata["revision"].startswith("sha256-")
    assert all(made.process_results(doc, [json.dumps({"answer": doc["gold"]})])["acc"] == 1.0 for doc in docs[::7])
    with pytest.raises(SourceError, match="no parquet file"):
        load_task(TaskSource(source="task", task=f"insightv_{task}", data="absent.parquet"))


def test_a_chat_at_a_summary_seat_keeps_its_image() -> None:
    pytest.importorskip("lm_eval")
    from io import BytesIO

    from PIL import Image as PILImage

    from insightv_bench.evals.harness.model import as_image, chat_of

    opened = PILImage.open(BytesIO(png(3)))
    opened.original = png(3)  # type: ignore[attr-defined]
    assert as_image(opened).bytes == png(3)
    chat = chat_of("<image>Which?", [as_image(opened)])
    assert chat == Chat((Message(role="user", content="Which?"),), (as_image(opened),))
