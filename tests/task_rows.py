"""Rows of every benchmark as its repository on the Hub holds them: its example, changed, with images of one shade."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from reading import png

from insightv_bench.sources.benchmarks import BENCHMARKS
from insightv_bench.sources.benchmarks.shared import IMAGE

IMAGES = ("image", "decoded_image", *(f"image_{number}" for number in range(1, 8)))


def image(shade: int) -> dict[str, Any]:
    return {"bytes": png(shade), "path": f"{shade}.png"}


def parquet(rows: list[dict[str, Any]]) -> bytes:
    """As `datasets` writes it: images are of its own feature, and embedded."""
    import datasets

    made = datasets.Dataset.from_list(rows)
    for name in IMAGES:
        if name in made.column_names and any(isinstance(row[name], dict) for row in rows):
            made = made.cast_column(name, datasets.Image())
    buffer = io.BytesIO()
    made.to_parquet(buffer)
    return buffer.getvalue()


def card(configs: dict[str, tuple[str, str]]) -> bytes:
    lines = ["---", "configs:"]
    for config, (split, path) in configs.items():
        lines += [f"- config_name: {config}", "  data_files:", f"  - split: {split}", f"    path: {path}"]
    return "\n".join([*lines, "---", ""]).encode()


def row(benchmark: str, shade: int = 1, **changes: Any) -> dict[str, Any]:
    """The benchmark's own example with an image of this shade."""
    example = BENCHMARKS[benchmark].example.items()
    return {**{name: image(shade) if value is IMAGE else value for name, value in example}, **changes}


def mmmu(number: int, benchmark: str = "mmmu", **changes: Any) -> dict[str, Any]:
    return row(benchmark, number, id=f"validation_Art_{number}", **changes)


def mme(kind: str, name: str, answer: str, shade: int) -> dict[str, Any]:
    question = f"Is it {answer}? Please answer yes or no."
    return row("mme", shade, question_id=name, question=question, answer=answer, category=kind)


HINTED = {"A": "3", "B": "4", "C": "5", "question": "How many?", "hint": "A hint."}
CHOICES = {
    "choices": ["red", "blue"],
    "unit": None,
    "precision": None,
    "answer": "blue",
    "question_type": "multi_choice",
    "answer_type": "text",
    "metadata": {"task": "figure", "split": "testmini"},
    "query": "Hint: a letter.\nQuestion: Which?\nChoices:\n(A) red\n(B) blue",
}
PAIRS = [("count", "1.png", 1), ("count", "2.png", 2), ("code_reasoning", "3.png", 3)]
LETTERS = {"question": "Which image?", "options": list("ABCDE"), "answer": "D", "subject": "logic"}
ROWS: dict[str, tuple[str, dict[str, tuple[str, list[dict[str, Any]]]]]] = {
    "insightv_mmmu": (
        "MMMU/MMMU",
        {
            "Art": ("validation", [mmmu(1), mmmu(2, answer="?")]),
            "Math": ("validation", [mmmu(3, options="[]", answer="0.5", question="How much is <image 1>?")]),
        },
    ),
    "insightv_mmmu_pro_standard": (
        "MMMU/MMMU_Pro",
        {
            "standard (10 options)": ("test", [mmmu(4, "mmmu-pro")]),
            "vision": ("test", [row("mmmu-pro-vision", 5)]),
        },
    ),
    "insightv_mmbench": (
        "lmms-lab-encoder/MMBench",
        {"en": ("dev", [row("mmbench", 1), row("mmbench", 2, index=2, answer="C", **HINTED)])},
    ),
    "insightv_mme": (
        "lmms-lab-encoder/MME",
        {"default": ("test", [mme(*pair[:2], answer, pair[2]) for pair in PAIRS for answer in ("Yes", "No")])},
    ),
    "insightv_chartqa": (
        "lmms-lab-encoder/ChartQA",
        {
            "default": (
                "test",
                [row("chartqa"), row("chartqa", 2, type="augmented_test", question="Which year?", answer="2010")],
            )
        },
    ),
    "insightv_mmstar": (
        "Lin-Chen/MMStar",
        {
            "default": (
                "val",
                [
                    row("mmstar"),
                    row("mmstar", 2, index=1, question="Which of the four?", answer="D", category="coarse perception")
                    | {"l2_category": "image emotion"},
                ],
            )
        },
    ),
    "insightv_mathvista": (
        "AI4Math/MathVista",
        {
            "default": (
                "testmini",
                [row("mathvista"), row("mathvista", 2, pid="2", question="Which?", image="images/2.jpg", **CHOICES)],
            )
        },
    ),
    "insightv_mathvision": (
        "MathLLMs/MathVision",
        {"default": ("testmini", [row("mathvision"), row("mathvision", 2, id="5", image="images/5.jpg", **LETTERS)])},
    ),
    "insightv_puzzlevqa": ("declare-lab/PuzzleVQA", {"default": ("train", [row("puzzlevqa")])}),
}


def files(configs: dict[str, tuple[str, list[dict[str, Any]]]]) -> dict[str, bytes]:
    paths = {config: f"data/{number}.parquet" for number, config in enumerate(configs)}
    about = card({config: (split, paths[config]) for config, (split, _) in configs.items()})
    return {"README.md": about, **{paths[config]: parquet(rows) for config, (_, rows) in configs.items()}}


CUT = ("cut_in_thought", "cut_in_answer", "finished_acc", "acc_if_cut_wrong", "acc_if_cut_right")


def without_cut(figures: Mapping[str, Any]) -> dict[str, Any]:
    """A reply's figures but for those of replies that were cut off."""
    return {name: value for name, value in figures.items() if name not in CUT}
