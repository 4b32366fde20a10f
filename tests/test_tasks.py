"""Benchmarks of the Hub as lm-eval tasks: rows of each data set's own schema, by the real clients from a loopback Hub.

The columns are those that lmms-eval's task files name (see test_task_columns.py).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path as File
from typing import Any

import pytest
from read_hub import ReadHub, environment
from task_rows import ROWS, files

WORKER = File(__file__).with_name("task_worker.py")
Told = dict[str, Any]


@pytest.fixture(scope="module")
def commits() -> dict[str, str]:
    return {}


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory, commits: dict[str, str]) -> Iterator[Callable[..., Told]]:
    pytest.importorskip("lm_eval")
    home = tmp_path_factory.mktemp("hf")
    with ReadHub() as hub:
        for name, configs in ROWS.values():
            commits[name] = hub.commit(name, files(configs))
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        command = [sys.executable, str(WORKER)]
        with subprocess.Popen(command, text=True, env=environment(hub, home), **pipes) as worker:  # type: ignore[call-overload]

            def asked(task: str, **replies: str) -> Told:
                assert worker.stdin and worker.stdout
                print(json.dumps({"task": task, "replies": replies}), file=worker.stdin, flush=True)
                return json.loads(worker.stdout.readline())

            yield asked
            assert worker.stdin
            worker.stdin.close()


@pytest.mark.parametrize("task", ROWS)
def test_a_benchmark_loads_at_a_commit_and_its_gold_answers_are_right(
    ask: Callable[..., Told], commits: dict[str, str], task: str
) -> None:
    told = ask(task)
    name = ROWS[task][0]
    assert told["docs"], told
    assert told["figures"]["acc"] == 1.0 and told["figures"]["unread"] == 0.0
    assert (told["metadata"]["revision"], told["metadata"]["dataset"]) == (commits[name], name)
    pairs = zip(told["texts"], told["images"], strict=True)
    assert all(text.startswith("<image>") and sizes == [[1, 1]] for text, sizes in pairs), told["images"]
    assert {row["source_revision"] for row in told["questions"]} == {commits[name]}
    assert not any("bytes" in str(doc) for doc in told["docs"])


LETTER = "Answer with the option's letter from the given choices directly."
BOXED = (
    'Please solve the problem step by step and put your answer in one "\\boxed{}". If it is a multiple choice '
    'question, only one letter is allowed in the "\\boxed{}".'
)
DESCRIBED = "Answer: Let's describe the image first and think step by step."
ASKED = {
    "insightv_mmmu": [
        f"<image 1> Who painted it?\n(A) Klee\n(B) Miro\n\n{LETTER}",
        "How much is <image 1>?\nAnswer the question using a single word or phrase.",
    ],
    "insightv_mmmu_pro_standard": [
        "<image 1> Who painted it?\nA. Klee\nB. Miro\nAnswer with the option letter from the given choices directly."
    ],
    "insightv_mmmu_pro_vision": [
        "Answer with the option letter from the given choices directly. The last line of your response should be of "
        "the following format: 'Answer: $LETTER' (without quotes) where LETTER is one of options."
    ],
    "insightv_mmbench": [
        f"Which colour? There are several options:\nA. red\nB. blue\nC. green\n\n{LETTER}",
        f"A hint. How many? There are several options:\nA. 3\nB. 4\nC. 5\n\n{LETTER}",
    ],
    "insightv_mme": ["Is it Yes? Please answer yes or no."],
    "insightv_chartqa": ["How tall?\nAnswer the question with a single word."],
    "insightv_mmstar": [f"Which colour?\nOptions: A: red, B: blue, C: green, D: dark, green\n{LETTER}"],
    "insightv_mathvista": ["Hint: one decimal place.\nQuestion: How long? (Unit: cm)"],
    "insightv_mathvision": [f"{BOXED}\nHow many? <image1>\n(A) 3\n(B) 4", f"{BOXED}\nWhich image?"],
    "insightv_puzzlevqa": [
        f"Question: What is missing?\nOptions:\n(A) blue\n(B) red\n(C) green\n(D) gray\n\n{DESCRIBED}"
    ],
}
"""Some of each task's prompts, written out from what the authors publish (see `author_prompts`)."""


@pytest.mark.parametrize("task", ROWS)
def test_a_benchmark_is_asked_in_its_authors_words(ask: Callable[..., Told], task: str) -> None:
    texts = [text.removeprefix("<image>") for text in ask(task)["texts"]]
    assert set(ASKED[task]) <= set(texts)


def test_all_subjects_of_mmmu_are_asked(ask: Callable[..., Told]) -> None:
    told = ask("insightv_mmmu")
    assert [doc["gold"] for doc in told["docs"]] == ["B", "0.5"]
    assert told["metadata"]["left_out"] == {"no answer": 1} and told["left_out"] == ["no answer"]


def test_mmmu_pro_in_the_image_takes_the_letters_to_j_and_shows_no_option(ask: Callable[..., Told]) -> None:
    told = ask("insightv_mmmu_pro_vision")
    assert told["docs"][0]["options"] == []
    assert told["docs"][0]["gold"] == "J" and told["figures"]["acc"] == 1.0


def test_mmbench_counts_a_question_that_is_right_in_every_rotation(ask: Callable[..., Told]) -> None:
    told = ask("insightv_mmbench")
    rotations = [(doc["question_id"], doc["options"][0]) for doc in told["docs"]]
    assert rotations == [("1@A", "red"), ("1@C", "blue"), ("1@B", "green"), ("2@C", "3"), ("2@B", "4"), ("2@A", "5")]
    once_wrong = ask("insightv_mmbench", **{"1@C": "A"})
    assert told["figures"]["circular_acc"] == 1.0
    assert once_wrong["figures"]["circular_acc"] == 0.5 and once_wrong["figures"]["acc"] == pytest.approx(5 / 6)
    assert len({row["id"] for row in told["questions"]}) == 6 and {row["group"] for row in told["questions"]} == {
        "1",
        "2",
    }


def test_mme_has_two_scores_in_points_and_no_average(ask: Callable[..., Told]) -> None:
    told = ask("insightv_mme")
    assert told["figures"]["mme_perception"] == told["figures"]["mme_cognition"] == 200.0
    always_yes = ask("insightv_mme", **{"1.png": "Yes", "2.png": "Yes", "3.png": "Yes"})
    assert always_yes["figures"]["mme_perception"] == always_yes["figures"]["mme_cognition"] == 50.0


def test_chartqa_is_relaxed_for_numbers_and_exact_for_years(ask: Callable[..., Told]) -> None:
    near = ask("insightv_chartqa", **{"0": "104", "1": "2011"})
    assert near["figures"]["acc_human"] == 1.0 and near["figures"]["acc_augmented"] == 0.0
    assert near["figures"]["exact_acc"] == 0.0 and near["figures"]["acc"] == 0.5
    assert [row["tolerance"] for row in near["questions"]] == [0.05, 0.05]


def test_mmstar_is_told_by_category_and_its_options_are_read_where_they_can_be(ask: Callable[..., Told]) -> None:
    told = ask("insightv_mmstar", **{"0": "blue", "1": "A"})
    assert told["docs"][0]["options"] == ["red", "blue", "green", "dark, green"]
    assert told["docs"][1]["options"] == []
    assert told["figures"]["acc_math"] == 1.0 and told["figures"]["acc_coarse_perception"] == 0.0
    assert "Options: A: red" in told["texts"][0]


def test_mathvista_is_asked_in_its_own_query(ask: Callable[..., Told]) -> None:
    told = ask("insightv_mathvista")
    assert told["texts"][1].endswith("Choices:\n(A) red\n(B) blue")
    assert [doc["answer_type"] for doc in told["docs"]] == ["number", "option"]
