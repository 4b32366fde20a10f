"""An lm-eval task whose documents are questions of ours: what `class:` in the YAML files of `tasks/` names.

It loads in stock lm-eval with `--include_path`. Images are opened when they are asked for, and never logged.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

from lm_eval.api.task import ConfigurableTask

from insightv_bench.answers import PARSER
from insightv_bench.records import DECODERS

from .arm_task import context_with_markers
from .extraction import filters, judge_label, judge_named
from .metrics import SCORES, metric_list

Doc = dict[str, Any]
DEFAULTS: dict[str, Any] = {
    "output_type": "generate_until",
    "test_split": "test",
    "doc_to_text": context_with_markers,
    "doc_to_image": "images",
    "doc_to_target": "gold",
}


class QuestionTask(ConfigurableTask):
    """A subclass says where documents and images come from.

    `metadata` holds `version`, and `scores`, one of `metrics.SCORES`; with `extracted` a judge extracts answers beside
    our reader, where one is named (see `extraction`).
    """

    def __init__(self, config: dict[str, Any] | None = None, **_: Any) -> None:
        given = {key: value for key, value in (config or {}).items() if key != "class"}
        metadata = {"version": 1, "scores": "accuracy", "parser": PARSER, **(given.get("metadata") or {})}
        scores = SCORES[metadata["scores"]]
        scoring: dict[str, Any] = {"process_results": scores.process, "metric_list": metric_list(scores)}
        if metadata["scores"] == "extracted" and judge_named():
            metadata["judge"] = judge_label()
            scoring["filter_list"] = filters()
        super().__init__(config={**DEFAULTS, **scoring, **given, "metadata": metadata})

    def download(self, dataset_kwargs: dict[str, Any] | None = None, **_: Any) -> None:
        import datasets

        rows = datasets.Dataset.from_list([*self.docs()])
        self.dataset = {self.config.test_split: rows}

    def docs(self) -> Iterator[Doc]:
        raise NotImplementedError

    def image_bytes(self, doc: Mapping[str, Any]) -> list[bytes]:
        raise NotImplementedError

    def doc_to_image(self, doc: Mapping[str, Any], doc_to_image: Any = None) -> list[Any]:
        """Images as lm-eval's own models take them, not yet decoded; ours send `original`, the bytes as they came."""
        from PIL import Image as PILImage

        opened = []
        for content in self.image_bytes(doc):
            image = PILImage.open(io.BytesIO(content), formats=DECODERS)
            image.original = content  # type: ignore[attr-defined]
            opened.append(image)
        return opened
