"""A benchmark on the Hub as an lm-eval task: its questions at one commit, asked in its authors' own prompt.

`metadata` holds `reader` (what its columns mean), `prompt` (its authors'), and takes `data`, a parquet file or a folder
of them to read in the Hub's place. The commit is asked for once, when the task is made, and stands in the results.
"""

from __future__ import annotations

import glob
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from insightv_bench.chat import LETTERS
from insightv_bench.errors import SourceError, require
from insightv_bench.hub import explained, resolve
from insightv_bench.records import Image, Question
from insightv_bench.sources import NO_IMAGE, Draft, Origin, as_question, check_image, problem_with, type_answer
from insightv_bench.sources.benchmarks import BENCHMARKS
from insightv_bench.stages import Dropped
from insightv_bench.storage import first_line

from .question_task import Doc, QuestionTask

MAX_PIXELS = 40_000_000
ALL = "all"
"""Every config of a data set, in order."""


class HubTask(QuestionTask):
    def docs(self) -> Iterator[Doc]:
        self._open()
        left_out: Counter[str] = Counter()
        num_docs = 0
        for number, draft in self.drafts():
            problem = problem_with(draft, "" if draft.images else NO_IMAGE)
            left_out.update([problem] if problem else [])
            if not problem:
                num_docs += 1
                yield self._doc(number, draft)
        self.config.metadata["left_out"] = dict(left_out)
        if not num_docs:
            raise SourceError(f"not one row of `{self.origin.name}` is a question: {dict(left_out)}")

    def _open(self) -> None:
        metadata = self.config.metadata
        self._layout = BENCHMARKS[metadata["reader"]].layout
        name, split = self.config.dataset_path, self.config.test_split
        if metadata.get("data"):
            self._rows, revision = file_rows(Path(metadata["data"]))
            metadata["data"] = Path(metadata["data"]).name  # results name no place on this machine
        else:
            wanted = metadata.get("revision") or (self.config.dataset_kwargs or {}).get("revision") or ""
            with explained(name, "dataset"):
                revision = resolve(name, wanted, "dataset")[1]
                self._rows = hub_rows(name, self.config.dataset_name, split, revision)
        self._layout.choose(self._rows.column_names, name)
        self.origin = Origin(name, revision, metadata.get("license", "unknown"))
        metadata.update(revision=revision, dataset=name, split=split)

    def drafts(self) -> Iterator[tuple[int, Draft]]:
        """Rows as drafts with their place, rotations of one question among them."""
        drafts = ((number, self._layout.draft(row)) for number, row in enumerate(self._rows))
        return rotated(drafts) if self._is_circular else drafts

    @property
    def _is_circular(self) -> bool:
        return self.config.metadata["scores"] == "circular"

    def _doc(self, number: int, draft: Draft) -> Doc:
        answer, answer_type = type_answer(draft)
        prompt = BENCHMARKS[self.config.metadata["prompt"]].prompt
        assert prompt is not None  # a task file names a benchmark that its authors ask
        return {
            "question_id": f"{draft.id or number}" + (f"@{answer}" if self._is_circular else ""),
            "row": number,
            "kind": draft.kind,
            "group": draft.group,
            "question": draft.question,
            "options": list(draft.options),
            "gold": answer,
            "answer_type": answer_type,
            "tolerance": draft.tolerance,
            "images": [str(place) for place in range(len(draft.images))],
            "context": prompt(self._rows[number], draft),
        }

    def image_bytes(self, doc: Mapping[str, Any]) -> list[bytes]:
        """Raises SourceError for an image that cannot be shown."""
        images, problem = self._images(self._layout.draft(self._rows[doc["row"]]), MAX_PIXELS)
        if problem:
            raise SourceError(f"row {doc['row']:,} of `{self.origin.name}`: {problem}", "leave it out with `--samples`")
        return [image.bytes for image in images]

    def _images(self, draft: Draft, max_pixels: int) -> tuple[tuple[Image, ...], str]:
        checked = [check_image(content_of(value), max_pixels) for value in draft.images or (None,)]
        problem = next((each.problem for each in checked if each.problem), "")
        return tuple(each.image for each in checked if each.image), problem

    def questions(self, limit: int | None, max_pixels: int) -> Iterator[Question | Dropped]:
        """The same rows as Question rows, for every arm."""
        for number, draft in islice(self.drafts(), limit):
            images, problem = self._images(draft, max_pixels)
            yield as_question(draft, self.origin, images, problem, number)


def content_of(value: object) -> bytes:
    content = value.get("bytes") if isinstance(value, dict) else value
    return content if isinstance(content, bytes) else b""


def hub_rows(name: str, config: str | None, split: str, commit: str) -> Any:
    """Raises SourceError where the data set has no such config or split."""
    datasets = require("datasets", "eval", "a data set on the Hub")
    try:
        names = datasets.get_dataset_config_names(name, revision=commit) if config == ALL else [config]
        parts = [datasets.load_dataset(name, each, split=split, revision=commit) for each in names]
    except (ValueError, datasets.exceptions.DatasetsError) as error:
        raise SourceError(f"`{name}` cannot be read: {first_line(error)}", "check its config and its split") from error
    return datasets.concatenate_datasets([undecoded(part) for part in parts])


def file_rows(path: Path) -> tuple[Any, str]:
    """Rows, and a revision made of the files' content. Raises SourceError where there are none."""
    datasets = require("datasets", "eval", "parquet files")
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files or not all(file.is_file() for file in files):
        raise SourceError(f"no parquet file at `{path}`", "name a file, or a folder of them")
    digest = hashlib.sha256(b"".join(_digest(file) for file in files)).hexdigest()[:16]
    rows = datasets.load_dataset("parquet", data_files=[glob.escape(str(file)) for file in files], split="train")
    return undecoded(rows), f"sha256-{digest}"


def _digest(file: Path) -> bytes:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").digest()


def undecoded(rows: Any) -> Any:
    datasets = require("datasets", "eval", "a data set")
    for name, feature in rows.features.items():
        if isinstance(feature, datasets.Image):
            rows = rows.cast_column(name, datasets.Image(decode=False))
        elif isinstance(getattr(feature, "feature", None), datasets.Image):
            rows = rows.cast_column(name, datasets.List(datasets.Image(decode=False)))
    return rows


def rotated(drafts: Iterable[tuple[int, Draft]]) -> Iterator[tuple[int, Draft]]:
    """Every rotation of each question's options, as MMBench (arXiv 2307.06281) asks it; as they are where the data set
    holds its rotations itself."""
    kept = list(drafts)
    groups = [draft.group for _, draft in kept]
    if len(set(groups)) < len(groups):
        yield from kept
        return
    for number, draft in kept:
        yield from ((number, rotation(draft, by)) for by in range(max(1, len(draft.options))))


def rotation(draft: Draft, by: int) -> Draft:
    """The options moved `by` places to the front, and the answer's letter with them."""
    num = len(draft.options)
    if not by or draft.answer not in LETTERS[:num] or len(draft.answer) != 1:
        return draft
    letter = LETTERS[(LETTERS.index(draft.answer) - by) % num]
    return draft._replace(options=draft.options[by:] + draft.options[:by], answer=letter)
