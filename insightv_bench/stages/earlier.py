"""Finished stages of before stages had kinds: found by what their manifests say, so that no finished work is redone.

Their folders are named by a fingerprint over the place of the stage's function, all settings, and the versions below.
Where that fingerprint holds, what the manifest says is what was done; where it is what is wanted now, the folder is it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from insightv_bench.records import content_id
from insightv_bench.settings import Section

from .kinds import KINDS
from .manifest import MANIFEST, read_manifest
from .stage import Stage, versions_of

FUNCTIONS = {
    "builders.questions:questions": "questions",
    "evals.task_questions:questions": "task-questions",
    "builders.questions:lessons": "lessons",
    "builders.hard:hard": "hard",
    "builders.paths:paths": "paths",
    "builders.assess:assess": "assess",
    "builders.corpora:reasoning": "reasoning",
    "builders.corpora:flawed": "exact-flaws",
    "builders.flawed:flawed": "sampled-flaws",
    "builders.summary:summary": "summary",
    "builders.preference:preference": "preference",
    "builders.preference:chosen": "chosen",
    "builders.multi_turn:multi_turn": "multi-turn",
    "builders.given:given": "imported",
    "builders.given:pulled": "pulled",
    "builders.calibrate:calibrate": "calibrate",
    "trainers.pretrained:pretrained": "pretrained",
    "trainers.sft:base": "base",
    "trainers.sft:sft": "sft",
    "trainers.dpo:dpo": "dpo",
    "evals.evaluate:evaluate": "evaluate",
    "leaderboard.stage:leaderboard": "leaderboard",
    "builders.release:release": "release",
}
"""Where a stage ran -> its kind."""
VERSIONS = {
    "insightv-bench": "0.1.0",
    "answers": "answers@2",
    "world": "1",
    "answer@1": "9be3f103664f25e8",
    "direct@1": "9cf42da2a7387857",
    "extract@1": "f9fd56aef5bb443c",
    "flaw@1": "a288367498ddfd81",
    "judge_answer@1": "fef9f33952754fa5",
    "judge_repair@1": "0351ee2688a58157",
    "judge_score@1": "0678c77630d87cad",
    "judge_steps@1": "cc3e63e762a0321f",
    "next@1": "61586395320a9224",
    "paraphrase@1": "40e260fe0aa45a51",
    "reason@1": "bfc5b9570491b41f",
    "repair@1": "b96e5c5c0f6457de",
    "step@1": "a855189700416e38",
    "summary@3": "9fe729a401afe1d1",
}
"""Of the code that named those folders."""


def kind_of(manifest: Mapping[str, Any]) -> str:
    """Of any manifest; empty for one of no known kind."""
    return str(manifest.get("kind") or FUNCTIONS.get(str(manifest.get("function")), ""))


def what_it_makes(folder: Path) -> str:
    """What a finished stage's folder holds: `paths`, `verdicts`, `corpus`, ...; empty where that is not known."""
    kind = KINDS.get(kind_of(read_manifest(folder)))
    return kind.makes if kind else ""


def finished_before(stages_folder: Path, stage: Stage, inputs: Mapping[str, Path], seed: int) -> Path | None:
    """The folder that this stage left under the earlier naming, if there is one."""
    for folder in sorted(stages_folder.glob(f"{stage.name}-????????????")):
        if (folder / MANIFEST).exists() and _is_the_same(folder, stage, inputs, seed):
            return folder
    return None


def _is_the_same(folder: Path, stage: Stage, inputs: Mapping[str, Path], seed: int) -> bool:
    manifest = read_manifest(folder)
    if "kind" in manifest or kind_of(manifest) != stage.kind or manifest.get("seed") != seed:
        return False
    content = [manifest["function"], manifest["settings"], manifest["options"], seed, VERSIONS]
    same_code = all(VERSIONS.get(name, value) == value for name, value in versions_of(stage.kind).items())
    return (
        same_code
        and folder.name == f"{stage.name}-{content_id(content, manifest['inputs'], length=12)}"
        and set(manifest["inputs"].values()) == {given.name for given in inputs.values()}
        and _agrees(stage.settings, manifest["settings"])
        and _options_agree(stage, manifest["options"])
    )


def _agrees(section: Section, written: Mapping[str, Any]) -> bool:
    """Whether a section says what was written of it then; keys that came later are at their default."""
    try:
        return type(section).model_validate(written).changes() == section.changes()
    except ValidationError:
        return False


def _options_agree(stage: Stage, written: Mapping[str, Any]) -> bool:
    """Inputs were options by name then, and were compared; what a system is to the method is read from its seats."""
    named = {"questions", "paths", "flawed", "corpora", "equal_compute"} | {"role", "twin_of"}
    matched = [
        sorted(map(str, each.values()))
        for each in (written.get("equal_compute", {}), getattr(stage.options, "equal_compute", {}))
    ]
    known = type(stage.options).model_fields
    mine = stage.options.model_copy(update={name: known[name].get_default() for name in named & known.keys()})
    theirs = {name: value for name, value in written.items() if name in known and name not in named}
    left = set(written) - known.keys() - named
    return not left and matched[0] == matched[1] and _agrees(mine, theirs)
