"""Releases: the gate, the same bytes each time, the card, exports, the report, and training from a release's folder."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from PIL import Image as Picture
from typer.testing import CliRunner

from insightv_bench.builders.card_facts import public_recipe
from insightv_bench.builders.contamination import Asked, collisions, overlap, perceptual_hash
from insightv_bench.builders.export import export
from insightv_bench.builders.report import details, report, yields_table
from insightv_bench.builders.yields import read_yields
from insightv_bench.chat import assistant, load_prompt
from insightv_bench.cli import app
from insightv_bench.engines import public
from insightv_bench.engines.teacher import Teacher
from insightv_bench.errors import RecipeError, RunError, SourceError
from insightv_bench.plan import plan
from insightv_bench.recipe import Recipe, load_recipe, parse_recipe
from insightv_bench.records import FlawedRow, Image, Message, PreferenceRow, Question, ReasoningRow, SummaryRow
from insightv_bench.records import Path as Path_
from insightv_bench.run import place, run, run_folder
from insightv_bench.serve_command import read_scenes
from insightv_bench.serving import ChatServer
from insightv_bench.settings import GateSettings, TeacherEngine
from insightv_bench.stage import MANIFEST
from insightv_bench.tables import read_rows, write_shards
from insightv_bench.world.level import Level
from insightv_bench.world.questions import sample_questions

SMALL = ["questions.train.num=40", "questions.test.num=12", "corpora.summary_num=60"]


def built(out: Path, *overrides: str) -> Path:
    run(load_recipe("corpora", [*SMALL, *overrides]), out, "release")
    return next(out.glob("*/stages/release-*/release"))


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("one"))


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def size_of(file: Path) -> tuple[int, int]:
    with Picture.open(file) as picture:
        return picture.size


def test_a_release_is_the_same_bytes_wherever_it_is_made(release: Path, tmp_path: Path) -> None:
    again = built(tmp_path / "elsewhere")
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
    for picture in re.findall(r"!\[(.+)\]\((.+)\)", card):
        assert len(picture[0]) > 40 and size_of(release / picture[1])[0] > 500
    benchmark = yaml.safe_load((release / "eval.yaml").read_text(encoding="utf-8"))
    assert benchmark["tasks"] == [{"id": "flawed", "config": "flawed", "split": "test"}]


def test_summary_shares_hold_for_kinds_and_score_ranges(release: Path) -> None:
    rows = list(read_rows(release / "summary/train", SummaryRow))
    assert Counter(row.kind for row in rows) == {"optimal": 21, "flawed": 27, "plain": 12}
    flawed = Counter(row.score_range for row in rows if row.kind == "flawed")
    assert flawed["wrong"] == 14 and set(flawed) <= {"mid", "low", "wrong"}
    assert Counter(row.id for row in read_rows(release / "preference/train", PreferenceRow)).most_common(1)[0][1] <= 2


def test_questions_of_an_evaluation_set_are_left_out_of_every_corpus(tmp_path: Path) -> None:
    """The test set is the first twelve training questions."""
    folder = built(tmp_path, "questions.test.split=train")
    recipe = load_recipe("corpora", SMALL)
    held = {question.id for question in sample_questions(recipe.world, "train", 0, 12)}
    for corpus, record in (("reasoning", ReasoningRow), ("summary", SummaryRow), ("preference", PreferenceRow)):
        ids = {row.id for row in read_rows(folder / corpus / "train", record)}
        assert ids and not ids & held
    assert {row.id for row in read_rows(folder / "flawed/test", FlawedRow)} <= held
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "Left out: **12 questions**" in card and "- same picture as in `test`: 12" in card
    dropped = pl.read_parquet(folder.parent / "gate/exclusions.parquet")
    assert set(dropped["id"]) == held and set(dropped["reason"]) == {"same picture as in `test`"}


def asked(id_: str, set_: str, text: str, *contents: bytes) -> Asked:
    hashes = [perceptual_hash(content) for content in contents]
    made = tuple(found for found in hashes if found is not None)
    return Asked(id_, set_, text, tuple(Image(bytes=content).sha256 for content in contents), made)


def changed(content: bytes) -> bytes:
    """The same picture, half as large again and as a JPEG."""
    buffer = io.BytesIO()
    picture = Picture.open(io.BytesIO(content)).convert("RGB")
    picture.resize((picture.width * 3 // 2, picture.height * 3 // 2)).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def photo(seed: int, side: int = 200) -> bytes:
    """Soft blobs, as a photograph has them."""
    buffer = io.BytesIO()
    noise = Picture.effect_noise((8, 8), 200 + seed)
    noise.resize((side, side), Picture.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()


QUESTION = "How many of the towers in the picture are taller than the church on the left?"


def test_near_pictures_collide_only_with_the_same_question() -> None:
    first, second = photo(1), photo(2)
    sets = [asked("e", "mmx", QUESTION, first)]
    cases = {
        "same bytes": (asked("a", "", "Anything else?", first), "same picture as in `mmx`"),
        "re-encoded": (asked("b", "", QUESTION.upper(), changed(first)), "near picture and same question as in `mmx`"),
        "other question": (asked("c", "", "Which colour has the roof of the church on the right?", changed(first)), ""),
        "other picture": (asked("d", "", QUESTION, second), ""),
    }
    found = {one.id: one.reason for one in collisions([case for case, _ in cases.values()], sets, GateSettings())}
    assert found == {case.id: reason for case, reason in cases.values() if reason}


def test_questions_without_pictures_collide_by_their_words() -> None:
    sets = [asked("e", "text", QUESTION), asked("f", "text", "What is 2 + 2?")]
    corpus = [asked("a", "", QUESTION + " Explain."), asked("b", "", "What is 2 + 3?"), asked("c", "", "what is 2+2")]
    found = {one.id: one.other for one in collisions(corpus, sets, GateSettings())}
    assert found == {"a": "e", "c": "f"}
    assert overlap("", "", 8) == 0


def test_drawn_questions_of_other_scenes_do_not_collide() -> None:
    level = Level(min_bars=3, max_bars=5, max_value=9, noise_sd=8)
    sets = [asked(q.id, "test", q.question, q.images[0].bytes) for q in sample_questions(level, "test", 0, 60)]
    corpus = [asked(q.id, "", q.question, q.images[0].bytes) for q in sample_questions(level, "train", 0, 200)]
    assert not list(collisions(corpus, sets, GateSettings()))


def test_a_picture_that_cannot_be_decoded_has_no_hash() -> None:
    assert perceptual_hash(b"no picture") is None and perceptual_hash(photo(1)[:80]) is None
    assert perceptual_hash(b"P6 8 8 255\n" + bytes(192)) is None  # of a format that no source lets in


def test_places_and_servers_are_in_no_card() -> None:
    assert public("model@http://10.0.0.1:8000/v1") == "model (served)" and public("teacher@1-a") == "teacher@1-a"
    told = public_recipe({"path": "/home/x", "engine": {"base_url": "http://h", "model": "/data/m"}, "num": [1, "~/x"]})
    assert told == {"path": "...", "engine": {"base_url": "...", "model": "..."}, "num": [1, "..."]}


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
    folder = next(tmp_path.glob("*/stages/release-*/release"))
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


def picture(colour: int) -> dict[str, object]:
    buffer = io.BytesIO()
    Picture.new("RGB", (8, 8), (colour, 0, 0)).save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": None}


def test_questions_of_a_table_with_no_scores_make_a_release_too(tmp_path: Path) -> None:
    """No scenes, so no injected flaws; no judge of steps, so no reasoning corpus; the card says what there is."""
    asked = list(sample_questions(Level(), "train", 0, 12))
    columns = ("question", "answer", "id")
    rows = [{**{name: getattr(q, name) for name in columns}, "image": picture(n)} for n, q in enumerate(asked)]
    pl.DataFrame(rows).write_parquet(tmp_path / "rows.parquet")
    text = json.dumps(
        {
            "name": "own",
            "assess": {"judge": "rule"},
            "release": {"corpora": ["reasoning", "summary", "flawed"]},
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
    assert "corpora-flawed" not in stages and stages[-1] == "release"
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
    folder = next(tmp_path.glob("*/stages/release-*/release"))
    kinds = Counter(row.kind for row in read_rows(folder / "summary/train", SummaryRow))
    assert kinds == {"plain": 5}
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "license: other" in card and re.search(r"\| o/rg/set \| `[^`]+` \| CC BY 4.0 \| 5 \|", card)
    assert (
        "No evaluation set was named" in card and "127.0.0.1" not in card and "| `reasoning` | train | 0 | 1 |" in card
    )
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


# A release in the place of the corpora that a run would make


def test_a_pulled_release_takes_the_place_of_a_runs_corpora(release: Path, tmp_path: Path) -> None:
    recipe = load_recipe("walk", [f"given={release}"])
    stages = {stage.name: stage for stage in plan(recipe)}
    for name in ("corpora-reasoning", "corpora-summary", "corpora-preference-1", "corpora-preference-2"):
        assert stages[name].function == "builders.given:given" and stages[name].inputs == ()
    assert stages["corpora-flawed"].function == "builders.corpora:flawed"
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


# Exports


def marks(text: str) -> int:
    return text.count("<image>")


@pytest.mark.parametrize("corpus", ["reasoning", "summary"])
def test_llava_conversations(release: Path, tmp_path: Path, corpus: str) -> None:
    made = export("llava", release / corpus / "train", tmp_path / "out", "bars")
    rows = json.loads(made.file.read_text(encoding="utf-8"))
    assert made.num_rows == len(rows) > 0 and not made.dropped
    for row in rows:
        human, gpt = row["conversations"]
        assert (human["from"], gpt["from"]) == ("human", "gpt") and human["value"].startswith("<image>\n")
        assert marks(human["value"]) == 1 and not marks(gpt["value"]) and gpt["value"]
        assert size_of(tmp_path / "out" / row["image"]) == (48, 48)


def test_llama_factory_has_its_description_and_pairs(release: Path, tmp_path: Path) -> None:
    export("llama-factory", release / "reasoning/train", tmp_path / "sft", "bars")
    (about,) = json.loads((tmp_path / "sft/dataset_info.json").read_text()).values()
    assert about["columns"] == {"messages": "conversations", "images": "images"} and about["formatting"] == "sharegpt"
    made = export("llama-factory", release / "preference/train", tmp_path / "dpo", "pairs")
    info = json.loads((tmp_path / "dpo/dataset_info.json").read_text())["pairs"]
    assert info["ranking"] is True and info["columns"]["chosen"] == "chosen" and info["file_name"] == made.file.name
    originals = list(read_rows(release / "preference/train", PreferenceRow))
    for row, original in zip(json.loads(made.file.read_text()), originals, strict=True):
        assert [turn["from"] for turn in row["conversations"]] == ["human"]
        assert marks(row["conversations"][0]["value"]) == len(row["images"]) == 1
        assert (row["chosen"]["value"], row["rejected"]["value"]) == (
            original.chosen[0].content,
            original.rejected[0].content,
        )
        assert (tmp_path / "dpo" / row["images"][0]).read_bytes() == original.images[0].bytes


def test_ms_swift_lines(release: Path, tmp_path: Path) -> None:
    made = export("ms-swift", release / "preference/train", tmp_path / "out", "pairs")
    for line in made.file.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        assert [turn["role"] for turn in row["messages"]] == ["user", "assistant"] and row["rejected_response"]
        assert marks(row["messages"][0]["content"]) == len(row["images"]) == 1 and Path(row["images"][0]).is_file()


def test_marks_are_as_many_as_pictures_or_the_row_is_dropped(release: Path, tmp_path: Path) -> None:
    row = next(read_rows(release / "reasoning/train", ReasoningRow))

    def like(text: str, num: int, reply: str = "x") -> ReasoningRow:
        prompt = (Message(role="system", content="Be brief."), Message(role="user", content=text))
        return row.model_copy(update={"images": row.images * num, "prompt": prompt, "completion": (assistant(reply),)})

    rows = [like("a", 0), like("b", 2), like("<image> or <image>?", 2), like("<image>?", 2), like("c", 1, "<image>")]
    (tmp_path / "rows").mkdir()
    write_shards(tmp_path / "rows", rows, ReasoningRow)
    made = export("llama-factory", tmp_path / "rows", tmp_path / "out", "bars")
    kept = json.loads(made.file.read_text(encoding="utf-8"))
    assert [row["conversations"][1]["value"] for row in kept] == ["a", "<image>\n<image>\nb", "<image> or <image>?"]
    assert [len(row["images"]) for row in kept] == [0, 2, 2] and made.num_images == 1
    assert sum(made.dropped.values()) == 2


def test_what_cannot_be_exported_is_said(release: Path, tmp_path: Path) -> None:
    for corpus, format_, words in (
        ("flawed/train", "llava", "no rows to train from"),
        ("preference/train", "llava", "know no pairs"),
    ):
        with pytest.raises(SourceError, match=words) as found:
            export(format_, release / corpus, tmp_path / "out", "x")
        assert found.value.hint
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").touch()
    with pytest.raises(SourceError, match="is not empty"):
        export("llava", release / "reasoning/train", tmp_path / "full", "x")
    with pytest.raises(RunError):
        export("llava", tmp_path / "nothing", tmp_path / "new", "x")


# The report


def test_the_report_counts_what_the_stages_left(release: Path, tmp_path: Path) -> None:
    folder = release.parents[2]
    text, figures = report(folder, tmp_path / "report")
    assert "| paths-teacher | 40 questions | 160 |" in text and "score range wrong" in text
    assert "| corpora-reasoning | 160 paths | " in text and "| corpora-summary | 60 rows wanted | " in text
    content = json.loads((tmp_path / "report/report.json").read_text(encoding="utf-8"))
    assert sum(row["num"] for row in content["scores"]) == sum(row["num"] for row in content["lengths"]) == 160
    for figure in figures:
        assert "160 paths" in figure.alternative
        assert (tmp_path / f"report/{figure.name}.svg").read_text().startswith("<?xml")
        assert size_of(tmp_path / f"report/{figure.name}.png")[0] > 500
        assert f"![{figure.alternative}]" in (tmp_path / "report/report.md").read_text(encoding="utf-8")


def test_pairs_are_counted_against_the_questions_that_have_both_kinds_of_paths(tmp_path: Path) -> None:
    """Of 1,200 questions with 4 paths each, 612 have both kinds; 601 pairs are no eighth of 4,800 paths."""
    counted = {"asked": 1_200, "right_and_wrong": 612, "paired": 433, "paired_of_those": 420}
    stages: dict[str, tuple[int, list[str], dict[str, Any]]] = {
        "questions-round-1": (1_200, [], {}),
        "paths-round-1": (4_800, ["questions-round-1"], {}),
        "corpora-preference-1": (601, ["questions-round-1", "paths-round-1"], {"questions": counted}),
        "corpora-preference-2": (579, ["questions-round-1", "paths-round-1"], {}),  # of an earlier release
    }
    for name, (num, inputs, totals) in stages.items():
        (tmp_path / name).mkdir()
        told = {"stage": name, "num_rows": num, "num_dropped": 0, "dropped": {}, "totals": totals}
        (tmp_path / name / MANIFEST).write_text(json.dumps({**told, "inputs": dict.fromkeys(inputs, "")}))
    yields = read_yields({name: tmp_path / name for name in stages})
    table = yields_table(yields)
    assert "| corpora-preference-1 | 612 questions with a right and a wrong path | 601 | 420, 68.6% | 0 |" in table
    assert "| corpora-preference-2 |  | 579 |  | 0 |" in table
    assert "| paths-round-1 | 1,200 questions | 4,800 |  | 0 |" in table
    assert "`corpora-preference-1` holds questions: asked 1,200, right_and_wrong 612, paired 433" in details(yields)


def test_a_folder_without_stages_has_no_report(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no finished stage") as found:
        report(tmp_path, tmp_path / "out")
    assert found.value.hint


def test_the_commands_say_where_things_are(release: Path, tmp_path: Path) -> None:
    out, run_folder = tmp_path / "out", release.parents[2]
    shown = CliRunner().invoke(
        app, ["export", "ms-swift", str(release / "reasoning/train"), str(out), "--name", "bars"]
    )
    assert shown.exit_code == 0 and f"{out}/bars.jsonl: " in shown.stdout and "0 dropped" in shown.stdout
    told = CliRunner().invoke(app, ["corpora", "report", str(run_folder), "--out", str(tmp_path / "report")])
    assert told.exit_code == 0 and "Histogram of path scores" in told.stdout
    again = CliRunner().invoke(app, ["build", "release", "corpora", "--out", str(run_folder.parent), *sets()])
    assert again.exit_code == 0 and f"insightv-bench push {release} ORG/NAME" in again.stdout


def sets() -> list[str]:
    return [word for setting in SMALL for word in ("--set", setting)]
