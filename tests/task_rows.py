"""Rows of every benchmark as its repository on the Hub holds them, made by hand with pictures of one shade."""

from __future__ import annotations

import io
from typing import Any

from reading import png

IMAGES = ("image", "decoded_image", *(f"image_{number}" for number in range(1, 8)))


def picture(shade: int) -> dict[str, Any]:
    return {"bytes": png(shade), "path": f"{shade}.png"}


def parquet(rows: list[dict[str, Any]]) -> bytes:
    """As `datasets` writes it: pictures are of its own feature, and embedded."""
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


def mmmu(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"validation_Art_{number}",
        "question": "<image 1> Who painted it?",
        "options": "['Klee', 'Miro']",
        **{f"image_{place}": picture(number) if place == 1 else None for place in range(1, 8)},
        "answer": "B",
        "question_type": "multiple-choice",
        "subfield": "Painting",
        **changes,
    }


def mmbench(
    index: int, answer: str, options: tuple[str, str, str], question: str = "Which colour?", hint: str = "nan"
) -> dict[str, Any]:
    a, b, c = options
    return {
        "index": index,
        "question": question,
        "hint": hint,
        "answer": answer,
        "A": a,
        "B": b,
        "C": c,
        "D": "nan",
        "category": "colour",
        "L2-category": "attribute",
        "image": picture(index % 100),
        "source": "hand",
        "split": "dev",
    }


def mme(kind: str, name: str, answer: str, shade: int) -> dict[str, Any]:
    question = f"Is it {answer}? Please answer yes or no."
    return {"question_id": name, "image": picture(shade), "question": question, "answer": answer, "category": kind}


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
            "standard (10 options)": ("test", [{**mmmu(4), "subject": "Art"}]),
            "vision": (
                "test",
                [{"id": "v", "image": picture(5), "options": "['a', 'b']", "answer": "J", "subject": "Art"}],
            ),
        },
    ),
    "insightv_mmbench": (
        "lmms-lab-encoder/MMBench",
        {
            "en": (
                "dev",
                [mmbench(1, "A", ("red", "blue", "green")), mmbench(2, "C", ("3", "4", "5"), "How many?", "A hint.")],
            )
        },
    ),
    "insightv_mme": (
        "lmms-lab-encoder/MME",
        {
            "default": (
                "test",
                [
                    mme("count", "1.png", "Yes", 1),
                    mme("count", "1.png", "No", 1),
                    mme("count", "2.png", "Yes", 2),
                    mme("count", "2.png", "No", 2),
                    mme("code_reasoning", "3.png", "Yes", 3),
                    mme("code_reasoning", "3.png", "No", 3),
                ],
            )
        },
    ),
    "insightv_chartqa": (
        "lmms-lab-encoder/ChartQA",
        {
            "default": (
                "test",
                [
                    {"type": "human_test", "question": "How tall?", "answer": "100", "image": picture(1)},
                    {"type": "augmented_test", "question": "Which year?", "answer": "2010", "image": picture(2)},
                ],
            )
        },
    ),
    "insightv_mmstar": (
        "Lin-Chen/MMStar",
        {
            "default": (
                "val",
                [
                    {
                        "index": 0,
                        "question": "Which colour?\nOptions: A: red, B: blue, C: green, D: dark, green",
                        "image": picture(1),
                        "answer": "B",
                        "category": "math",
                        "l2_category": "geometry",
                    },
                    {
                        "index": 1,
                        "question": "Which of the four?",
                        "image": picture(2),
                        "answer": "D",
                        "category": "coarse perception",
                        "l2_category": "image emotion",
                    },
                ],
            )
        },
    ),
    "insightv_mathvista": (
        "AI4Math/MathVista",
        {
            "default": (
                "testmini",
                [
                    {
                        "pid": "1",
                        "question": "How long?",
                        "image": "images/1.jpg",
                        "decoded_image": picture(1),
                        "choices": None,
                        "unit": "cm",
                        "precision": 1.0,
                        "answer": "1.2",
                        "question_type": "free_form",
                        "answer_type": "float",
                        "metadata": {"task": "geometry", "split": "testmini"},
                        "query": "Hint: one decimal place.\nQuestion: How long? (Unit: cm)",
                    },
                    {
                        "pid": "2",
                        "question": "Which?",
                        "image": "images/2.jpg",
                        "decoded_image": picture(2),
                        "choices": ["red", "blue"],
                        "unit": None,
                        "precision": None,
                        "answer": "blue",
                        "question_type": "multi_choice",
                        "answer_type": "text",
                        "metadata": {"task": "figure", "split": "testmini"},
                        "query": "Hint: a letter.\nQuestion: Which?\nChoices:\n(A) red\n(B) blue",
                    },
                ],
            )
        },
    ),
    "insightv_mathvision": (
        "MathLLMs/MathVision",
        {
            "default": (
                "testmini",
                [
                    {
                        "id": "4",
                        "question": "How many? <image1>",
                        "options": ["3", "4"],
                        "image": "images/4.jpg",
                        "decoded_image": picture(1),
                        "answer": "B",
                        "subject": "counting",
                        "level": 1,
                    },
                    {
                        "id": "5",
                        "question": "Which picture?",
                        "options": ["A", "B", "C", "D", "E"],
                        "image": "images/5.jpg",
                        "decoded_image": picture(2),
                        "answer": "D",
                        "subject": "logic",
                        "level": 1,
                    },
                ],
            )
        },
    ),
    "insightv_puzzlevqa": (
        "declare-lab/PuzzleVQA",
        {
            "default": (
                "train",
                [
                    {
                        "question": "What is missing?",
                        "answer": "red",
                        "options": ["blue", "red", "green", "gray"],
                        "caption": "",
                        "explanation": "",
                        "deduction": "",
                        "image": picture(1),
                    }
                ],
            )
        },
    ),
}


def files(configs: dict[str, tuple[str, list[dict[str, Any]]]]) -> dict[str, bytes]:
    paths = {config: f"data/{number}.parquet" for number, config in enumerate(configs)}
    told = card({config: (split, paths[config]) for config, (split, _) in configs.items()})
    return {"README.md": told, **{paths[config]: parquet(rows) for config, (_, rows) in configs.items()}}
