"""Releases: the gate, the same bytes each time, the card, and a run that takes one in place of its own corpora."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
import yaml
from datasets import load_dataset
from reading import png
from releases import SMALL, files, released, size_of

from insightv_bench.builders.release.licenses import license_id
from insightv_bench.builders.release.published import public_recipe
from insightv_bench.chat import load_prompt
from insightv_bench.cli.serve_teacher import read_scenes
from insightv_bench.engines import public
from insightv_bench.engines.teacher import Teacher
from insightv_bench.errors import RecipeError, StageError
from insightv_bench.plan import plan
from insightv_bench.records import FlawedRow, PreferenceRow, Question, ReasoningRow, SummaryRow
from insightv_bench.records import Path as Path_
from insightv_bench.runs import place, run, run_folder
from insightv_bench.serving import ChatServer
from insightv_bench.settings import Recipe, TeacherEngine, load_recipe
from insightv_bench.settings.recipe import parse_recipe
from insightv_bench.storage import read_rows, write_shards
from insightv_bench.world import Level, sample_questions


@pytest.mark.slow
def test_a_release_is_the_same_bytes_wherever_it_is_made(release: Path, tmp_path: Path) -> None:
    again = released(tmp_path / "elsewhere")
    assert files(again) == files(release)
    for name, content in files(release).items():
        assert str(tmp_path.parent.parent).encode() not in content, name


def test_the_card_tells_what_is_there(release: Path) -> None:
    card = (release / "README.md").read_text(encoding="utf-8")
    head = yaml.safe_load(card.split("---")[1])
    assert head["license"] == "apache-2.0" and "<<" not in card
    for config in head["configs"]:
        for split in config["data_files"]:
            found = sorted(release.glob(split["path"]))
            num = sum(pl.scan_parquet(file).select(pl.len()).collect().item() for file in found)
            assert f"| `{config['config_name']}` | {split['split']} | {num:,} | {len(found)} |" in card
    assert [config["config_name"] for config in head["configs"]] == ["reasoning", "summary", "preference", "flawed"]
    assert "40 questions were held against `test` (12 questions)" in card and "Left out: **0 questions**" in card
    summary = load_prompt("summary").label
    for words in ("`teacher@", "`oracle`", summary, "score range wrong", "2411.14432", "| drawn-world/tiny |"):
        assert words in card
    for image in re.findall(r"!\[(.+)\]\((.+)\)", card):
        assert len(image[0]) > 40 and size_of(release / image[1])[0] > 500
    benchmark = yaml.safe_load((release / "eval.yaml").read_text(encoding="utf-8"))
    (task,) = benchmark["tasks"]
    assert benchmark["evaluation_framework"] == "inspect-ai"
    assert (task["id"], task["config"], task["split"]) == ("flawed", "flawed", "test")
    assert set(task) == {"id", "config", "split", "field_spec", "solvers", "scorers"}  # inspect takes no other
    (first, *_) = pl.read_parquet(next(release.glob("flawed/test/*.parquet"))).iter_rows(named=True)
    spec = task["field_spec"]
    assert first["flawed_path"] in first[spec["input"]] and first["question"] in first[spec["input"]]
    assert first[spec["input_image"]].startswith("data:image/png;base64,")
    assert {spec["target"], *spec["metadata"]} <= set(first)
    pattern = task["scorers"][0]["args"]["pattern"]
    found = re.search(pattern, '{"check": "x", "verdict": "wrong", "answer": "4"}, no: {"answer": "7"}', re.IGNORECASE)
    assert found and found[1] == "7"
    fields = load_dataset("parquet", data_files=str(release / "flawed/test/*.parquet"), split="train").features
    assert "inspect_image" in fields


def test_summary_shares_hold_for_kinds_and_score_ranges(release: Path) -> None:
    rows = list(read_rows(release / "summary/train", SummaryRow))
    assert Counter(row.kind for row in rows) == {"optimal": 21, "flawed": 27, "plain": 12}
    flawed = Counter(row.score_range for row in rows if row.kind == "flawed")
    assert flawed["wrong"] == 14 and set(flawed) <= {"mid", "low", "wrong"}
    assert Counter(row.id for row in read_rows(release / "preference/train", PreferenceRow)).most_common(1)[0][1] <= 2


def test_questions_of_an_evaluation_set_are_left_out_of_every_corpus(tmp_path: Path) -> None:
    """The test set is the first twelve training questions."""
    folder = released(tmp_path, "questions.test.split=train")
    recipe = load_recipe("corpora", SMALL)
    held = {question.id for question in sample_questions(recipe.world, "train", 0, 12)}
    for corpus, record in (("reasoning", ReasoningRow), ("summary", SummaryRow), ("preference", PreferenceRow)):
        ids = {row.id for row in read_rows(folder / corpus / "train", record)}
        assert ids and not ids & held
    assert {row.id for row in read_rows(folder / "flawed/test", FlawedRow)} <= held
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "Left out: **12 questions**" in card and "- same image as in `test`: 12" in card
    dropped = pl.read_parquet(folder.parent / "gate/exclusions.parquet")
    assert set(dropped["id"]) == held and set(dropped["reason"]) == {"same image as in `test`"}


def test_places_and_servers_are_in_no_card() -> None:
    assert public("model@http://10.0.0.1:8000/v1") == "model (served)" and public("teacher@1-a") == "teacher@1-a"
    told = public_recipe({"path": "/home/x", "engine": {"base_url": "http://h", "model": "/data/m"}, "num": [1, "~/x"]})
    assert told == {"path": "...", "engine": {"model": "...", "host": "private"}, "num": [1, "..."]}
    typed = {"kind": "openai", "model": "m", "revision": "7", "base_url": "https://me:pw@api.host.com/v1?key=k"}
    typed |= {"extra_body": {"token": "secret"}, "api_key_env": "MY_KEY", "concurrency": 4}
    assert public_recipe(typed) == {"kind": "openai", "model": "m", "revision": "7", "host": "public"}
    assert public("m@server-c92b782239+0a1b2c3d, m@2") == "m (served), m@2"


def test_a_release_whose_judge_is_a_server_shows_its_prompts_and_not_its_address(tmp_path: Path) -> None:
    """Teachers write and judge, scores and all answers; the address is all that tells their version."""
    scenes: dict[str, str] = {}
    with ChatServer(Teacher(TeacherEngine(careful=0.7), scenes)) as server:
        served = f"{{kind: openai, model: teacher, base_url: '{server.url}'}}"
        judge = f"assess={{judge: engine, engine: {served}, answer_judge: always}}"
        size = ["questions.train.num=8", "questions.test.num=4", "corpora.summary_num=12", "paths.num_paths=2"]
        recipe = load_recipe("corpora", [*size, f"paths.engine={served}", judge])
        run(recipe, tmp_path, "questions-train")
        scenes.update(read_scenes([run_folder(recipe, tmp_path)]))
        run(recipe, tmp_path, "release")
    folder = next(tmp_path.glob("*/stages/release-*/*/SHA256SUMS")).parent
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "- `assess-teacher`: `teacher (served)`" in card and "answers_settled_by: teacher (served) 16" in card
    for name in ("step", "repair", "judge_answer", "judge_score"):
        assert load_prompt(name).label in card and load_prompt(name).template in card
    assert not any(b"127.0.0.1" in content for content in files(folder).values())


def test_a_release_of_a_recipe_that_samples_no_paths_is_refused() -> None:
    with pytest.raises(RecipeError, match="nothing to release"):
        plan(load_recipe("eval", ["release={}"]))
    with pytest.raises(RecipeError, match="`release` names `tset`"):
        load_recipe("corpora", ["release.against=[tset]"])


def test_questions_of_a_table_with_no_scores_make_a_release_too(tmp_path: Path) -> None:
    """No scenes, so no injected flaws; no judge of steps, so no reasoning corpus; the card says what there is."""
    asked = list(sample_questions(Level(), "train", 0, 12))
    columns = ("question", "answer", "id")
    rows = [
        {**{name: getattr(q, name) for name in columns}, "image": {"bytes": png(n, side=8), "path": None}}
        for n, q in enumerate(asked)
    ]
    pl.DataFrame(rows).write_parquet(tmp_path / "rows.parquet")
    text = json.dumps(
        {
            "name": "own",
            "assess": {"judge": "rule"},
            "release": {"corpora": ["summary"]},
            "corpora": {"summary_num": 10, "summary_shares": {"optimal": 1, "flawed": 1, "plain": 2}},
            "questions": {
                "train": {
                    "source": "parquet",
                    "path": str(tmp_path / "rows.parquet"),
                    "name": "o|rg/set",
                    "license": "CC BY 4.0",
                    "columns": {"question": "question", "answer": "answer", "image": "image"},
                }
            },
            "paths": {"engine": {"kind": "openai", "model": "m", "base_url": "http://127.0.0.1:9/v1"}},
        }
    )
    recipe = parse_recipe(text, "own", [])
    stages = [stage.name for stage in plan(recipe)]
    assert "corpora-flawed" in stages and stages[-1] == "release"
    paths = [
        Path_(
            id=f"p{n}",
            question_id="",
            sample=0,
            generator="m@http://127.0.0.1:9/v1",
            prompt="step@1",
            steps=(),
            answer=q.answer if n % 2 else "no",
            status="complete",
            dialect="json",
            text="x",
        )
        for n, q in enumerate(asked)
    ]
    by_hand(recipe, tmp_path, paths)
    run(recipe, tmp_path, "release")
    folder = next(tmp_path.glob("*/stages/release-*/*/SHA256SUMS")).parent
    kinds = Counter(row.kind for row in read_rows(folder / "summary/train", SummaryRow))
    assert kinds == {"plain": 5}
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "license: cc-by-4.0" in card and re.search(r"\| o/rg/set \| `[^`]+` \| CC BY 4.0 \| 5 \|", card)
    assert "No evaluation set was named" in card and "127.0.0.1" not in card
    empty = parse_recipe(text, "own", ['release.corpora=["flawed"]'])
    with pytest.raises(StageError, match="the release would hold no row of `flawed/train`"):
        run(empty, tmp_path, "release")
    assert not (folder / "eval.yaml").exists() and not any(
        b"127.0.0.1" in content for content in files(folder).values()
    )


def by_hand(recipe: Recipe, out: Path, paths: list[Path_]) -> None:
    """The paths' stage as if a server had written them."""
    manifest = run(recipe, out, "questions-train")
    folders = place(recipe, run_folder(recipe, out), plan(recipe))
    questions = list(read_rows(folders["questions-train"], Question))
    made = [path.model_copy(update={"question_id": q.id}) for path, q in zip(paths, questions, strict=True)]
    folders["paths-teacher"].mkdir()
    write_shards(folders["paths-teacher"], made, Path_)
    told = {
        **manifest,
        "num_rows": len(made),
        "files": {},
        "inputs": {},
        "totals": {"model": "m@http://127.0.0.1:9/v1"},
    }
    (folders["paths-teacher"] / "manifest.json").write_text(json.dumps(told))


def test_a_pulled_release_takes_the_place_of_a_runs_corpora(release: Path, tmp_path: Path) -> None:
    recipe = load_recipe("walk", [f"given={release}"])
    stages = {stage.name: stage for stage in plan(recipe)}
    for name in ("corpora-reasoning", "corpora-summary"):
        assert stages[name].kind == "imported" and not stages[name].inputs
    run(recipe, tmp_path, "corpora-reasoning")
    (stage,) = tmp_path.glob("*/stages/corpora-reasoning-*")
    assert list(read_rows(stage, ReasoningRow)) == list(read_rows(release / "reasoning/train", ReasoningRow))
    with pytest.raises(RecipeError, match="holds no corpus"):
        plan(load_recipe("walk", [f"given={tmp_path}"]))


@pytest.mark.slow
def test_an_agent_is_trained_from_a_release(release: Path, tmp_path: Path) -> None:
    steps = ["base.trainer.max_steps=2", "reason.trainer.max_steps=2", "lessons.num=200", f"given={release}"]
    manifest = run(load_recipe("walk", steps), tmp_path, "train-reason")
    assert manifest["totals"]["num_rows"] == len(list(read_rows(release / "reasoning/train", ReasoningRow)))
    assert not list(tmp_path.glob("*/stages/paths-*"))


@pytest.mark.parametrize(
    ("written", "listed"),
    [
        ("CC BY-NC 4.0", "cc-by-nc-4.0"),
        ("Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International", "cc-by-nc-sa-4.0"),
        ("Creative Commons Attribution 4.0 International (CC BY 4.0)", "cc-by-4.0"),
        ("CC0 1.0", "cc0-1.0"),
        ("Apache License, Version 2.0", "apache-2.0"),
        ("MIT License", "mit"),
        ("BSD 3-Clause", "bsd-3-clause"),
        ("GPLv3", "gpl-3.0"),
        ("CC BY-NC", "other"),  # of no version: nothing is guessed
        ("MIT, Apache 2.0", "other"),
        ("for research alone", "other"),
        ("", "unknown"),
    ],
)
def test_licences_as_people_write_them_are_those_of_the_hubs_list(written: str, listed: str) -> None:
    assert license_id(written) == listed
