"""Replies in many styles to five foreign task files, as we, lm-eval, lmms-eval and math-verify read them.

`python tests/benchmarks/bench_readers.py [LMMS_EVAL]`: the second is a folder that holds the package `lmms_eval`, such
as `pip install --no-deps --target LMMS_EVAL lmms-eval` makes; without it that column is left out.

Each task's rows are golds of its kind with another answer beside them. Each template says which of the two it answers,
so that what is right is known: the table shows how many right replies each reader calls right, and how many wrong ones.
A harness reader draws a random letter where it finds none; it is asked with a fixed seed, as its harness does.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from insightv_bench.answers import is_gold, read, type_of
from insightv_bench.evals.harness.metrics import TaskLoader

RIGHT = (
    *("{a}", "{a}.", "**{a}**", "Answer: {a}", "**Answer:** {a}", "The answer is {a}.", "#### {a}", "$\\boxed{{{a}}}$"),
    *("The final answer is {a}", "Therefore, the answer is {a}.", "So the correct answer is {a}.", "The answer: {a}"),
    *("<think>It may be {w}.</think>{a}", "<think>\nNot {a}, {w}? No.\n</think>\n\nThe answer is {a}."),
    *(
        "First I thought of {w}. The answer is {a}.",
        "The answer is not {w}. The answer is {a}.",
        "{a}\n\nbecause I see it.",
    ),
    *("答案是{a}。", "Die Antwort ist {a}.", "La respuesta es {a}.", "정답: {a}", "<answer>{a}</answer>"),
)
WRONG = (
    *(template.replace("{a}", "{x}").replace("{w}", "{a}").replace("{x}", "{w}") for template in RIGHT),
    *("The answer is not {a}.", "I cannot tell whether it is {a} or {w}.", "<think>The answer is {a}."),
    *("It is either {a} or {w}.", "Is it {a}?", "If it were {a}, I would say so."),
)


class Task(NamedTuple):
    """A foreign task: the file that says how its replies are read, and pairs of a gold and another answer."""

    file: str
    pairs: tuple[tuple[str, str], ...]
    options: tuple[str, ...] = ()


COLOURS = ("red", "dark blue", "green", "a yellow one")
TASKS = (
    Task("gsm8k/gsm8k.yaml", (("72", "27"), ("1,250", "1,260"), ("8", "18"), ("3.5", "5.3"), ("600", "60"))),
    Task(
        "chartqa/chartqa.yaml",
        (("30-39", "20-29"), ("2020-01-02", "2021-01-03"), ("New Zealand", "Old Zealand"), ("14.5%", "24.5%"),
         ("2 PM", "2 AM"), ("5 or more", "5 or less"), ("Yes", "No"), ("1920x1080", "1080x1920")),
    ),
    Task("mmmu/mmmu_art.yaml", (("A", "B"), ("B", "C"), ("C", "D"), ("(D) a yellow one", "(A) red")), COLOURS),
    Task("gpqa/cot_zeroshot/_gpqa_cot_zeroshot_yaml", (("(A)", "(B)"), ("(B)", "(D)"), ("(C)", "(A)")), COLOURS),
    Task(
        "hendrycks_math/hendrycks_math_algebra.yaml",
        (("\\frac{1}{2}", "\\frac{2}{1}"), ("2\\sqrt{3}", "3\\sqrt{2}"), ("x^2+1", "x^2-1"), ("10", "5"),
         ("(1,2)", "(2,1)")),
    ),
)  # fmt: skip
Reader = Callable[[Task, str, str], bool]
"""Whether a reply is right to a gold of the task."""


def ours(task: Task, gold: str, reply: str) -> bool:
    letter = gold.strip("(")[0] if task.options else gold
    kind = type_of(letter, task.options)
    stored: Any = STORED_AS.get(kind, kind)
    reading = read(reply, stored, task.options)
    question: Any = Gold(letter, stored, task.options)
    return reading.answer is not None and is_gold(reading.answer, question)


STORED_AS = {"quantity": "number", "code": "text", "name": "text", "math": "expression"}


class Gold(NamedTuple):
    """A question as far as comparing needs it."""

    answer: str
    answer_type: str
    options: tuple[str, ...]
    tolerance: float = 0.0


def lm_eval(task: Task, gold: str, reply: str) -> bool:
    """As the task's file says: its filters and metric, or its own functions. Its most lenient filter is taken."""
    import lm_eval as package
    from lm_eval.api.metrics import exact_match_hf_evaluate
    from lm_eval.filters.extraction import MultiChoiceRegexFilter, RegexFilter

    folder = Path(package.__file__).parent / "tasks" / task.file
    utils = _module(folder.parent / "utils.py") if (folder.parent / "utils.py").is_file() else None
    if task.file.startswith("mmmu"):
        doc = {"question_type": "multiple-choice", "options": repr(list(task.options)), "answer": gold.strip("(")[0]}
        return bool(utils.process_results(doc, [reply])["acc"])
    if task.file.startswith("chartqa"):
        return bool(utils.relaxed_accuracy([gold], [reply])["relaxed_accuracy"])
    if task.file.startswith("hendrycks"):
        doc = {"answer": gold, "solution": f"$\\boxed{{{gold}}}$"}
        return any(bool(value) for value in utils.process_results(doc, [reply]).values())
    config = yaml.load(folder.read_text(encoding="utf-8"), TaskLoader)
    options = {key: value for key, value in config["filter_list"][1]["filter"][0].items() if key != "function"}
    chosen = RegexFilter if config["filter_list"][1]["filter"][0]["function"] == "regex" else MultiChoiceRegexFilter
    doc = {"choices": list(task.options)}
    (found,) = chosen(**options).apply([[reply]], [doc])
    how = {key: value for key, value in config["metric_list"][0].items() if "ignore" in key}
    return bool(exact_match_hf_evaluate(predictions=[found[0]], references=[gold], **how)["exact_match"])


def lmms_eval(task: Task, gold: str, reply: str) -> bool:
    """Its task of the same name; of GPQA, which it lacks, MMMU's; none of mathematics whose packages may be missing."""
    tasks = Path(sys.argv[1]) / "lmms_eval" / "tasks"
    if task.options:
        utils = _module(tasks / "_task_utils" / "mmmu_mcq_utils.py")
        choices, texts = utils.get_multi_choice_info(list(task.options))[::-1]
        return utils.parse_mmmu_multi_choice_response(reply, choices, texts) == gold.strip("(")[0]
    if task.file.startswith("chartqa"):
        return bool(_module(tasks / "chartqa" / "utils.py").relaxed_correctness(reply, gold))
    if task.file.startswith("gsm8k"):
        return lm_eval(task, gold, reply)  # the same file in both
    utils = _module(tasks / "mathvision" / "eval_utils.py")
    return bool(utils.is_equal(gold, utils.find_math_answer(reply)))


def math_verify(task: Task, gold: str, reply: str) -> bool:
    from math_verify import LatexExtractionConfig, StringExtractionConfig, parse, verify

    if task.options:
        how = [StringExtractionConfig(strings=tuple("ABCD"))]
        return bool(verify(parse(gold.strip("(")[0], how), parse(reply, how)))
    latex = [LatexExtractionConfig()]
    return bool(verify(parse(f"${gold}$", latex) or parse(gold), parse(reply)))


MODULES: dict[Path, Any] = {}


def _module(file: Path) -> Any:
    if file not in MODULES:
        spec = importlib.util.spec_from_file_location(f"{file.parent.name}_{file.stem}", file)
        assert spec and spec.loader
        MODULES[file] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(MODULES[file])
    return MODULES[file]


def main() -> None:
    readers: dict[str, Reader] = {"insightv-bench": ours, "lm-eval": lm_eval}
    readers |= {"lmms-eval": lmms_eval} if len(sys.argv) > 1 else {}
    readers["math-verify"] = math_verify
    columns = [f"{name}: {side}" for name in readers for side in ("right", "false right")]
    print(f"| task file | replies | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 2)}")
    for task in TASKS:
        cells = []
        for reader in readers.values():
            for templates in (RIGHT, WRONG):
                random.seed(0)
                filled = [(a, each.format(a=a, w=w)) for a, w in task.pairs for each in templates]
                with contextlib.redirect_stdout(io.StringIO()):
                    called = [_calls_right(reader, task, *each) for each in filled]
                cells.append("–" if None in called else f"{sum(filter(None, called))} of {len(filled)}")
        print(f"| `{task.file}` | {len(task.pairs) * len(RIGHT + WRONG)} | {' | '.join(cells)} |", flush=True)


def _calls_right(reader: Reader, task: Task, gold: str, reply: str) -> bool | None:
    """A reader that crashes on a reply does not call it right; None where a package that it needs is missing."""
    try:
        return reader(task, gold, reply)
    except (ImportError, AttributeError):
        return None
    except Exception as error:  # noqa: BLE001  # what others raise is theirs, and told
        print(f"{reader.__name__}: {type(error).__name__} on {reply!r}", file=sys.stderr)
        return False


if __name__ == "__main__":
    main()
