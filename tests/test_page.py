"""What the page's folder holds: its pieces, its policy, its samples, its figures. `test_browser` opens it."""

from __future__ import annotations

import io
import json
import re
import shutil
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from board_rows import written
from boards import arm_of, board_of, choice, controls, flawed, record, walk
from PIL import Image as PILImage
from typer.testing import CliRunner

from insightv_bench.cli.main import app
from insightv_bench.errors import RunError
from insightv_bench.leaderboard.board import Board, load_rows, split_sets
from insightv_bench.leaderboard.build import build
from insightv_bench.leaderboard.figures import draw_figures
from insightv_bench.leaderboard.figures.style import GRID, INK, PALETTE, looks, mark
from insightv_bench.leaderboard.page import images, sample_blocks, samples
from insightv_bench.leaderboard.page.build import MAX_PLAIN, POLICY, render
from insightv_bench.leaderboard.page.cite import cite
from insightv_bench.leaderboard.page.data import outcomes
from insightv_bench.leaderboard.page.images import MAX_SIDE, Images, fitted
from insightv_bench.leaderboard.page.run_files import read_run_files
from insightv_bench.records import Assessment, EvalRecord, FlawedRow, Image, Question, columns_of
from insightv_bench.storage import write_shards

DRAWN = ("board", "cost", "robustness", "flaws", "measures", "rounds")


def piece(folder: Path, name: str) -> Any:
    """The value that a script file hands to the page."""
    text = (folder / "page" / "data" / f"{name}.js").read_text(encoding="utf-8")
    found = re.fullmatch(r'insightv\.add\("([a-z0-9-]+)", (.*)\);\n', text, re.DOTALL)
    assert found and found[1] == name
    return json.loads(found[2])


def table(value: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(zip(value["columns"], cells, strict=True)) for cells in value["rows"]]


def shown(folder: Path, records: list[EvalRecord], num: int = 100) -> list[samples.Shown]:
    frame, _ = load_rows([written(folder / "eval", records)])
    return samples.choose(split_sets(frame)[0], num)


@pytest.mark.slow
def test_hostile_text_stays_text_in_every_file(hostile_page: Path) -> None:
    text = (hostile_page / "index.html").read_text()
    assert "alert(1)" in text and "<script>alert" not in text and "\u202e" not in text and "\x1b" not in text
    pieces = list((hostile_page / "page" / "data").glob("*.js"))
    assert len(pieces) > 5
    for file in pieces:
        assert not set("<>&\u2028\u2029\u202e\x1b") & set(file.read_text(encoding="utf-8")), file.name
    assert piece(hostile_page, "board")["title"].startswith("</script><script>alert(1)")


def test_the_page_names_no_other_host_and_nothing_that_is_not_there(hostile_page: Path) -> None:
    text = (hostile_page / "index.html").read_text()
    links = re.findall(r'(?:src|srcset|href|action)="([^"#][^"]*)"', text)
    assert len(links) > 8 and all((hostile_page / link).exists() for link in links)
    for file in (hostile_page / "page").iterdir():
        if file.suffix in (".js", ".css"):
            assert not re.search(r"https?:|//[a-z]|url\(|@import|innerHTML|eval\(", file.read_text()), file.name
    names = [one["name"] for one in piece(hostile_page, "board")["figures"]]
    assert names and all(
        (hostile_page / "figures" / f"{name}{theme}.svg").exists() for name in names for theme in ("", "-dark")
    )


def test_the_policy_allows_the_folders_own_files_alone(hostile_page: Path) -> None:
    text = (hostile_page / "index.html").read_text()
    assert f'content="{POLICY}"' in text.replace("&#x27;", "'")
    assert "unsafe" not in POLICY and "default-src 'none'" in POLICY
    assert "<style" not in text and "style=" not in text and re.findall(r"<script(?! defer src=)", text) == []


def test_plain_tables_have_captions_and_scopes_and_figures_alternatives(hostile_page: Path) -> None:
    text = (hostile_page / "index.html").read_text()
    assert text.count("<table>") == text.count("<caption>") > 3
    assert re.search(r"<th(?![^>]*scope=)( [^>]*)?>", text) is None
    drawn = piece(hostile_page, "board")["figures"]
    assert {one["name"] for one in drawn} == {f"{name}-1" for name in DRAWN}
    assert all(len(one["alternative"]) > 40 and one["caption"] for one in drawn)


def test_the_pieces_hold_the_boards_figures(hostile_page: Path) -> None:
    board = json.loads((hostile_page / "board.json").read_text())
    told = table(piece(hostile_page, "board")["arms"])
    assert [row["arm"] for row in told] == [row["arm"] for row in board["arms"]]
    assert [row["low"] for row in told] == [pytest.approx(row["low"], abs=1e-6) for row in board["arms"]]
    assert len(piece(hostile_page, "set-0")["comparisons"]["rows"]) == len(board["comparisons"])


def test_a_board_too_large_for_plain_tables_says_where_its_figures_are(tmp_path: Path) -> None:
    board = board_of(tmp_path, arm_of("reason", "10"))
    large = board.model_copy(update={"arms": board.arms * (MAX_PLAIN + 1)})
    text = render(large)
    assert "This board has 401 rows and needs JavaScript" in text and "<table>" not in text


def test_a_second_build_leaves_nothing_of_the_first(hostile_page: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(hostile_page, out)
    assert (out / "page" / "data" / "samples-0-0-3.js").exists()
    build([written(tmp_path / "two", arm_of("reason", "10"))], out, "Two")
    assert not (out / "page" / "data" / "samples-0-0-3.js").exists() and piece(out, "board")["title"] == "Two"


def test_a_folder_of_that_name_that_is_not_ours_stays(tmp_path: Path) -> None:
    (tmp_path / "out" / "page").mkdir(parents=True)
    (tmp_path / "out" / "page" / "data").write_text("mine")
    with pytest.raises(RunError, match="cannot be written"):
        build([written(tmp_path / "eval", arm_of("reason", "10"))], tmp_path / "out", "A board")
    assert (tmp_path / "out" / "page" / "data").read_text() == "mine"


def test_outcomes_are_right_replies_in_the_order_of_questions(tmp_path: Path) -> None:
    rows_ = arm_of("reason", "1101") + [flawed(0, True), flawed(0, False, severity=1.0), flawed(2, True)]
    frame, _ = load_rows([written(tmp_path / "eval", rows_)])
    (found,) = split_sets(frame)[0]
    made = outcomes(*found)
    assert made["num_questions"] == 4
    assert made["cells"] == [[0, "flawed", "1010", "2010"], [0, "reason", "1101", "1"]]


def test_many_replies_to_a_question_are_counted_too(tmp_path: Path) -> None:
    many = [flawed(0, True, sample=place) for place in range(200)]
    frame, _ = load_rows([written(tmp_path / "eval", many)])
    (cell,) = outcomes(*split_sets(frame)[0][0])["cells"]
    assert [ord(text) - 48 for text in cell[2:]] == [200, 200]


def test_samples_are_all_where_they_are_few_and_else_of_every_kind(tmp_path: Path) -> None:
    (whole,) = shown(tmp_path, walk())
    assert (len(whole.questions), whole.systems) == (24, ["base", "sft", "dpo-1", "dpo-2"])
    (few,) = shown(tmp_path / "few", walk(), num=20)
    assert len(few.questions) == 5
    index = samples.index(few)
    alone = next(
        digits for place, arm, flaw, digits in index["outcomes"] if (place, arm, flaw) == (3, "reason", "none")
    )
    assert {"1", "2"} == set(alone)


def test_an_outcomes_digit_tells_right_wrong_unread_and_followed(tmp_path: Path) -> None:
    rows_ = [
        record(0, "reason", True),
        record(1, "reason", False),
        record(2, "reason", False, answer=None, method="unread"),
        flawed(0, False),
        flawed(1, True),
        flawed(1, False, severity=1.0),
    ]
    (one,) = shown(tmp_path, rows_)
    index = samples.index(one)
    places = {question[0]: place for place, question in enumerate(index["questions"])}
    digits = {(arm, flaw): text for _, arm, flaw, text in index["outcomes"]}
    assert [digits["reason", "none"][places[name]] for name in ("q000", "q001", "q002")] == ["1", "2", "6"]
    assert [digits["flawed", "perception"][places[name]] for name in ("q000", "q001", "q002")] == ["a", "b", "0"]


def test_systems_without_texts_and_greedy_twins_are_not_shown(tmp_path: Path) -> None:
    (one,) = shown(tmp_path, controls())
    assert not any("greedy" in label for label in one.systems)
    silent = arm_of("reason", "10") + arm_of("reason", "11", system="silent", response="")
    (other,) = shown(tmp_path / "silent", silent)
    assert other.systems == ["sft"]
    (alone,) = shown(tmp_path / "alone", arm_of("reason", "10", system="mine-greedy"))
    assert alone.systems == ["mine-greedy"]


def test_a_paths_text_is_kept_once_for_all_that_were_given_it(hostile_page: Path) -> None:
    columns = piece(hostile_page, "board")["reply_columns"]
    place = piece(hostile_page, "samples-0")["systems"].index("sft")
    asked, own = piece(hostile_page, "samples-0-0")[0], piece(hostile_page, f"samples-0-0-{place}")[0]
    replies = [dict(zip(columns, cells, strict=True)) for cells in own["replies"]]
    assert [reply["arm"] for reply in replies][:4] == ["direct", "reason", "reason+summary", "oracle"]
    assert len(asked["paths"]) == 1 and replies[1]["path"] == 0 == replies[2]["path"] and not own["paths"]
    assert asked["paths"][0]["steps"] == [["Add", "3 + 4 = 7"]] and asked["paths"][0]["answer"] == "7"
    planted = [reply for reply in replies if reply["flaw"] == "perception"]
    assert planted and all(reply["planted"] == "9" for reply in planted)


def test_long_replies_are_cut_and_say_how_much(tmp_path: Path) -> None:
    assert sample_blocks.cut("x" * 30_000).endswith("x … [10,000 more characters]")
    build(
        [written(tmp_path / "eval", [record(0, "direct", True, response="x" * 1_000_000)])], tmp_path / "out", "A board"
    )
    assert (tmp_path / "out" / "page" / "data" / "samples-0-0-0.js").stat().st_size < 30_000


def png(width: int, height: int, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    PILImage.effect_noise((width, height), 80).convert("RGB").save(buffer, kind)
    return buffer.getvalue()


def test_images_travel_as_they_are_or_made_to_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    small = png(48, 48)
    assert fitted(small) == ("png", small, 48, 48)
    suffix, content, width, height = fitted(png(2_000, 1_000)) or ("", b"", 0, 0)
    assert (suffix, width, height) == ("jpg", MAX_SIDE, MAX_SIDE // 2) and len(content) < 2_000_000
    assert (fitted(png(20, 20, "BMP")) or ("",))[0] == "jpg"
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"
    assert fitted(eps) is None  # Pillow would start Ghostscript
    monkeypatch.setattr(images, "MAX_PIXELS", 48 * 48 - 1)
    assert fitted(small) is None
    assert fitted(b"<svg onload='alert(1)'/>") is None and fitted(b"") is None


def test_a_run_lends_its_images_flaws_and_scores(tmp_path: Path) -> None:
    """Found through the manifest; a file that is not what it should be is passed over."""
    content = png(30, 20)
    columns = {"source": "s", "source_revision": "1", "source_license": "x", "answer_type": "number"}
    shown: dict[str, Any] = {"images": (Image(bytes=content),), "image_sha256": (Image(bytes=content).sha256,)}
    question = Question(id="q000", question="What is the sum?", answer="7", **columns, **shown)
    spoilt = {"path": "", "flawed_path": "spoilt", "flaw": "perception", "severity": 0.5, "position": "early"}
    shared = {**columns_of(question), "images": (), "kind": question.kind}
    flaw = FlawedRow(**shared, **spoilt, propagated=False, error_steps=(1,), planted_answer="9")
    score = Assessment(
        path_id="p", question_id="q000", correct=True, score=61, status="scored", judge="j", step_labels=(True, False)
    )
    stages = tmp_path / "stages"
    for name, row in (
        ("questions-1", question),
        ("flaws-1", flaw),
        ("assess-1", score),
    ):
        (stages / name).mkdir(parents=True)
        write_shards(stages / name, [row], type(row))
        (stages / name / "manifest.json").write_text("{}")
    place = written(stages / "eval-1", arm_of("reason", "10", path_id="p"))
    (stages / "broken").mkdir()
    (stages / "broken" / "data-00000.parquet").write_bytes(b"PAR1")
    inputs = {"questions": "questions-1", "flawed": "flaws-1", "broken": "broken", "out": "../../etc"}
    (place / "manifest.json").write_text(json.dumps({"stage": "eval-1", "inputs": inputs}))
    found = read_run_files([place], ["q000"], ["p"])
    assert found.flaws["q000", "spoilt"]["error_steps"] == [1]
    assert found.scores["p"]["score"] == 61 and found.questions["q000"]["images"][0].bytes == content
    assert Images(tmp_path / "images").of(found.questions["q000"])[0][1:] == [30, 20]
    (stages / "questions-1" / "data-00000.parquet").write_bytes(b"PAR1")
    assert Images(tmp_path / "gone").of(read_run_files([place], ["q000"], []).questions["q000"]) == [None]
    (place / "manifest.json").write_text("no JSON")
    assert read_run_files([place], ["q000"], ["p"]).questions == {}


@pytest.mark.slow
def test_figures_are_the_same_bytes_each_time(hostile_page: Path, tmp_path: Path) -> None:
    again = draw_figures(Board.model_validate_json((hostile_page / "board.json").read_bytes()), tmp_path)
    assert [one.name for one in again] == [f"{name}-1" for name in DRAWN]
    assert [one["caption"] for one in piece(hostile_page, "board")["figures"]] == [one.caption for one in again]
    files = sorted((hostile_page / "figures").iterdir())
    assert len(files) == 18
    assert all(file.read_bytes() == (tmp_path / file.name).read_bytes() for file in files)
    assert all("<dc:date>" not in file.read_text() for file in files if file.suffix == ".svg")
    dark = (hostile_page / "figures" / "board-1-dark.svg").read_text()
    assert INK not in dark and GRID not in dark


def test_of_many_systems_the_best_are_drawn_and_it_is_said(tmp_path: Path) -> None:
    rows_ = [row for place in range(15) for row in arm_of("reason", f"{2**place:016b}", system=f"s{place:02d}")]
    rows_ += arm_of("reason", "1" * 16, system="best")
    board = board_of(tmp_path, rows_)
    first = draw_figures(board, tmp_path / "figures")[0]
    assert "the 12 most accurate of 16 systems" in first.caption and "best reason 100.0 %" in first.alternative
    assert first.alternative.count("reason") == 12


def test_of_many_systems_greedy_twins_are_the_first_to_go(tmp_path: Path) -> None:
    names = [name for place in range(8) for name in (f"s{place}", f"s{place}-greedy")]
    board = board_of(tmp_path, [row for name in names for row in arm_of("reason", "1100", system=name)])
    first = draw_figures(board, tmp_path / "figures")[0]
    assert "8 of 16 systems, the greedy twins left out" in first.caption
    drawn = (tmp_path / "figures" / "board-1.svg").read_text()
    assert ">s0<" in drawn and "greedy" not in drawn


def test_tokens_have_ticks_however_near_each_other_they_lie(tmp_path: Path) -> None:
    rows_ = [*arm_of("reason", "1100", num_tokens=41), *arm_of("reason+summary", "1100", num_tokens=58)]
    draw_figures(board_of(tmp_path, rows_), tmp_path / "figures")
    drawn = (tmp_path / "figures" / "cost-1.svg").read_text()
    assert len(re.findall(r'id="xtick_\d+".*?<text[^>]*>[\d,]+</text>', drawn, re.DOTALL)) > 1


def test_chance_stands_on_the_page_and_in_the_figures_alternative(tmp_path: Path) -> None:
    rows_ = [choice(place, place % 2 == 0) for place in range(8)]
    build([written(tmp_path / "eval", rows_)], tmp_path / "out", "A board")
    chance = "8 questions, chance 25.0 % on the 8 with options"
    assert chance in (tmp_path / "out" / "index.html").read_text()
    assert chance in piece(tmp_path / "out", "board")["figures"][0]["alternative"]
    assert ">chance<" in (tmp_path / "out" / "figures" / "board-1.svg").read_text()


def test_no_name_stands_among_the_points_of_what_an_answer_costs(tmp_path: Path) -> None:
    rows_ = [
        row
        for place in range(9)
        for arm in ("reason", "reason+summary")
        for row in arm_of(arm, "1100", system=f"s{place}", num_tokens=50 + place)
    ]
    draw_figures(board_of(tmp_path, rows_), tmp_path / "figures")
    drawn = (tmp_path / "figures" / "cost-1.svg").read_text()
    assert drawn.count(">reason<") == drawn.count(">reason+summary<") == 1  # the panels' titles
    with PILImage.open(tmp_path / "figures" / "cost-1.png") as picture:
        assert picture.width == 1280  # 6.4 inches at 200 dots


def test_the_entry_to_cite_is_what_the_citation_file_says() -> None:
    stated = yaml.safe_load((Path(__file__).parents[1] / "CITATION.cff").read_text(encoding="utf-8"))
    told = cite("50% of $x_1$ \\input{/etc/passwd}")
    assert all(f"{{{stated[key]}}}" in told for key in ("title", "version")) and stated["authors"][0]["name"] in told
    method = stated["references"][0]
    assert method["title"] in told and method["identifiers"][0]["value"].removeprefix("arXiv:") in told
    assert method["authors"][0]["family-names"] in told and "2025" in method["notes"]
    assert r"title = {50\% of \$x\_1\$ input/etc/passwd}" in told and told.count("{") == told.count("}")


SIGHT = {  # linear RGB as seen by the colour-blind: Machado, Oliveira and Fernandes 2009, severity 1
    "all colours": np.eye(3),
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def linear(colour: str) -> np.ndarray:
    parts = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(colour: np.ndarray) -> np.ndarray:
    x, y, z = np.cbrt(XYZ @ np.clip(colour, 0, 1) / [0.95047, 1, 1.08883])  # none is dark enough for the linear part
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", SIGHT)
def test_the_colour_blind_tell_the_colours_of_figures_apart(sight: str) -> None:
    seen = [lab(np.array(SIGHT[sight]) @ linear(colour)) for colour in PALETTE]
    apart = {pair: float(np.linalg.norm(seen[pair[0]] - seen[pair[1]])) for pair in combinations(range(len(seen)), 2)}
    assert min(apart.values()) > 15, min(apart, key=lambda pair: apart[pair])  # 2.3 can just be seen


def test_colours_of_figures_are_seen_on_white_and_on_the_dark_page() -> None:
    def luminance(colour: str) -> float:
        return float(XYZ[1] @ linear(colour))

    for colour in PALETTE:
        assert 1.05 / (luminance(colour) + 0.05) >= 3, colour
        assert (luminance(colour) + 0.05) / (luminance("#0e1116") + 0.05) >= 3, colour


def test_no_two_systems_of_a_figure_look_alike() -> None:
    systems = [f"system-{place}" for place in range(16)] + ["system-3-greedy"]
    styles = list(looks(systems, {"system-3-greedy": "system-3"}).values())
    marks = [json.dumps(mark(*style), sort_keys=True) for style in styles]
    assert len(set(marks)) == len(systems) and styles[-1] == (3, True)


def test_a_page_that_is_not_there_is_an_error_with_a_hint(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["leaderboard", "view", str(tmp_path / "gone")])
    assert isinstance(done.exception, RunError) and "does not exist" in done.exception.fact
    assert "leaderboard build" in done.exception.hint
