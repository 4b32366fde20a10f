"""The flawed corpus of sampled paths: by rule, by a model and checked, and natural; what cannot be made is left out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path as File

import pytest

from insightv_bench.errors import RecipeError
from insightv_bench.flaws import FLAWS, in_our_form, read_flawed
from insightv_bench.flaws.by_model import compare
from insightv_bench.flaws.by_rule import LEAKS
from insightv_bench.journal import Journal, Reply, Request
from insightv_bench.plan import plan
from insightv_bench.protocol import parse_path, render_path
from insightv_bench.records import Assessment, FlawedRow, FlawType, Path, Question, Step
from insightv_bench.settings import FlawsSettings, OpenAIEngine, ScoreRanges, load_recipe
from insightv_bench.settings.recipe import parse_recipe
from insightv_bench.stages import MANIFEST, Context, Exclusion, FlawOptions, Progress, Stage, run_stage
from insightv_bench.storage import read_rows, write_shards, write_text

WORDS_OF_PATH = (
    "The image shows 7 rows of blue tiles, and 6 tiles in each.",
    "That makes 7 * 6 = 42 tiles.",
    "Another 5 are on the left, so 42 + 5 = 47.",
    "47 is more than 40, so the answer is 47.",
)


def text_of(words: Sequence[str] = WORDS_OF_PATH, answer: str = "47") -> str:
    steps = [Step(summary="go on", reasoning=each, action="continue") for each in words[:-1]]
    return render_path([*steps, Step(summary="conclude", reasoning=words[-1], action="summary")], answer)


def question(name: str) -> Question:
    return Question(
        id=name,
        question=f"How many tiles has {name}?",
        answer="47",
        answer_type="number",
        source="s",
        source_revision="1",
        source_license="MIT",
        kind="tiles",
    )


def path(of: str, sample: int, text: str) -> Path:
    parsed = parse_path(text)
    return Path(
        id=f"{of}-{sample}",
        question_id=of,
        sample=sample,
        generator="g@1",
        prompt="reason@1",
        steps=parsed.steps,
        answer=parsed.answer,
        status=parsed.status,
        dialect=parsed.dialect,
        text=text,
    )


def rated(path_: Path, score: int | None, labels: tuple[bool, ...] = ()) -> Assessment:
    shared = {"path_id": path_.id, "question_id": path_.question_id, "judge": "j", "step_labels": labels}
    if path_.answer != "47":
        return Assessment(**shared, correct=False, status="not_scored", reason="wrong answer")
    return Assessment(**shared, correct=True, status="scored", score=score)


def flawed(
    tmp_path: File, settings: FlawsSettings, questions: Sequence[Question], judged: Sequence[tuple[Path, Assessment]]
) -> tuple[list[FlawedRow], Counter[str]]:
    """The rows, and the reasons of those that were left out."""
    inputs = {}
    tables = {"questions": questions, "paths": [p for p, _ in judged], "verdicts": [a for _, a in judged]}
    for name, rows in tables.items():
        inputs[name] = tmp_path / name
        inputs[name].mkdir(exist_ok=True)
        write_shards(inputs[name], rows, type(rows[0]))
        write_text(inputs[name] / MANIFEST, json.dumps({"num_rows": len(rows), "files": {}}))
    ranges = FlawOptions(ranges=ScoreRanges(high=80, mid=50) if "natural" in settings.flaws else None)
    stage = Stage("flawed", "sampled-flaws", settings, {role: role for role in inputs}, ranges)
    with closing(Journal(tmp_path / "journal.sqlite")) as journal:
        run_stage(stage, Context(stage, tmp_path / "flawed", inputs, journal, Progress(), 0, load_recipe("walk")))
    left = tmp_path / "flawed" / "exclusions.parquet"
    reasons = Counter(row.reason for row in read_rows(left, Exclusion)) if left.exists() else Counter()
    return list(read_rows(tmp_path / "flawed", FlawedRow)), reasons


def test_the_best_right_path_of_each_question_is_spoilt_as_often_as_asked_for(tmp_path: File) -> None:
    questions = [question(f"q{number}") for number in range(12)]
    best = text_of((*WORDS_OF_PATH[:3], "So, with every tile counted, the answer is 47."))
    judged = []
    for each in questions:
        for sample, (text, score) in enumerate([(text_of(), 70), (best, 95), (text_of(answer="46"), None)]):
            made = path(each.id, sample, text)
            judged.append((made, rated(made, score)))
    rows, reasons = flawed(tmp_path, FlawsSettings(per_question=3), questions, judged)
    assert Counter(row.id for row in rows) == {each.id: 3 for each in questions}
    assert {row.path for row in rows} == {best} and {row.maker for row in rows} == {"rule"}
    assert all(row.flawed_path != best and row.reason for row in rows)
    assert len({row.flaw for row in rows}) >= 7 and {row.propagated for row in rows} == {True, False}
    for reason in reasons:
        assert reason.split(": ")[0] in FLAWS  # it names the flaw


def test_a_question_without_a_right_path_and_a_flaw_without_a_place_are_left_out_with_the_reason(
    tmp_path: File,
) -> None:
    plain = text_of(("It is plain to see.", "So it is 47."))
    judged = [(p, rated(p, 90)) for p in (path("a", 0, text_of(answer="3")), path("b", 0, plain))]
    settings = FlawsSettings(flaws=("arithmetic", "premature", "wrong-final"), per_question=3)
    rows, reasons = flawed(tmp_path, settings, [question("a"), question("b")], judged)
    assert [(row.id, row.flaw) for row in rows] == [("b", "wrong-final")]
    assert reasons == {
        "no right path to spoil": 1,
        "arithmetic: no step holds anything to spoil": 1,
        "premature: fewer than 4 steps": 1,
    }


def test_natural_flaws_come_in_like_numbers_from_each_score_range(tmp_path: File) -> None:
    questions = [question(f"q{number}") for number in range(9)]
    judged = []
    for each in questions:
        for sample, (answer, score) in enumerate([("47", 90), ("47", 60), ("47", 20), ("12", None)]):
            made = path(each.id, sample, text_of((*WORDS_OF_PATH[:2], f"Sample {sample}."), answer))
            judged.append((made, rated(made, score, (True, score is not None, False))))
    rows, _ = flawed(tmp_path, FlawsSettings(flaws=("natural",)), questions, judged)
    assert Counter(row.reason for row in rows) == {
        f"sampled; score range {name}": 3 for name in ("mid", "low", "wrong")
    }
    for row in rows:
        assert row.maker == "sampled" and "Sample 0" in row.path
        wrong = row.reason.endswith("wrong")
        assert row.error_steps == ((1, 2, 3) if wrong else (2,)) and row.planted_answer == ("12" if wrong else "47")
        assert row.severity == round((2 if wrong else 1) / 3, 4)


def test_rows_of_flaws_are_the_same_each_time(tmp_path: File) -> None:
    judged = [(p, rated(p, 90)) for p in (path("a", 0, text_of()), path("b", 0, text_of()))]
    questions = [question("a"), question("b")]
    once = flawed(tmp_path, FlawsSettings(), questions, judged)
    assert once == flawed(tmp_path, FlawsSettings(), questions, judged)


SPOILT = ("That makes 7 * 6 = 41 tiles.", "Another 5 are on the left, so 41 + 5 = 46.", "So the answer is 46.")


@pytest.mark.parametrize(
    ("words", "answer", "flaw", "spread", "problem"),
    [
        ((WORDS_OF_PATH[0], *SPOILT), "46", "arithmetic", True, ""),
        ((WORDS_OF_PATH[0], SPOILT[0], *WORDS_OF_PATH[2:]), "47", "arithmetic", False, ""),
        ((*WORDS_OF_PATH[:2], "There are 6 rows.", *WORDS_OF_PATH[2:]), "47", "contradiction", False, ""),
        ((*WORDS_OF_PATH[:1], *WORDS_OF_PATH[2:]), "47", "skipped-step", False, ""),
        ((*WORDS_OF_PATH[:2], "So the answer is 42."), "42", "premature", True, ""),
        (WORDS_OF_PATH, "46", "wrong-final", True, ""),
        ((WORDS_OF_PATH[0], *SPOILT), "47", "arithmetic", True, "the answer must not be 47"),
        ((WORDS_OF_PATH[0], *SPOILT), "46", "arithmetic", False, "the answer must be 47"),
        ((WORDS_OF_PATH[0], *SPOILT), "47", "arithmetic", False, "one step alone may change, and steps 1, 2, 3 did"),
        (WORDS_OF_PATH, "47", "perception", False, "no step was changed"),
        (WORDS_OF_PATH[1:], "47", "perception", False, "there must be 4 steps, and there are 3"),
        ((*WORDS_OF_PATH[:3], "Here is the mistake: 46."), "46", "perception", True, "it must not say `mistak`"),
        ((WORDS_OF_PATH[0], *SPOILT), "46", "all-wrong", True, "step 0 was not changed"),
        ((*WORDS_OF_PATH, "So the answer is 42."), "42", "premature", True, "the path must be shorter than before"),
    ],
)
def test_a_models_flaw_is_taken_only_as_it_was_asked_for(
    words: Sequence[str], answer: str, flaw: FlawType, spread: bool, problem: str
) -> None:
    opened = in_our_form(question("a"), text_of())
    assert not isinstance(opened, str)
    found = read_flawed(question("a"), *opened, flaw, spread, "m@1", text_of(words, answer))
    assert found.problem.startswith(problem) and (found.value is None) is bool(problem)
    if found.value:
        assert found.value.planted_answer == answer and found.value.maker == "m@1"
        assert found.value.error_steps and found.value.path == text_of()


def test_what_a_path_says_itself_is_no_leak() -> None:
    words = ("The label reads: printing error.", *WORDS_OF_PATH[1:])
    opened = in_our_form(question("a"), text_of(words))
    assert not isinstance(opened, str)
    changed = text_of((words[0], *SPOILT), "46")
    assert read_flawed(question("a"), *opened, "arithmetic", True, "m", changed).value is not None


@pytest.mark.parametrize("reply", ["", "No.", text_of()[:-5], '{"answer": "46"}', "{" * 500])
def test_a_reply_that_is_no_path_is_no_flaw(reply: str) -> None:
    opened = in_our_form(question("a"), "\n\n".join(WORDS_OF_PATH))
    assert not isinstance(opened, str)
    assert read_flawed(question("a"), *opened, "perception", True, "m", reply).value is None


def test_steps_are_compared_by_what_they_say() -> None:
    assert compare(("a", "b", "c"), ["a", "x", "c"]) == ((1,), ())
    assert compare(("a", "b", "c"), ["a", "c"]) == ((), (1,))
    assert compare(("a", "b"), ["a", "x", "b"]) == ((1,), ())


class Planter:
    """A model that plants what it is asked for on its second try, after a reply that leaks; or never."""

    name, revision, concurrency = "planter", "1", 4

    def __init__(self, able: bool = True) -> None:
        self._able = able
        self.asked: list[Request] = []

    async def reply(self, request: Request) -> Reply:
        self.asked.append(request)
        spread = "follow from it" in request.chat.messages[0].content
        words = (WORDS_OF_PATH[0], *SPOILT) if spread else (WORDS_OF_PATH[0], SPOILT[0], *WORDS_OF_PATH[2:])
        told = len(request.chat.messages) > 1
        if not (told and self._able):
            words = (*words[:-1], f"This is wrong. {words[-1]}")
        return Reply(text=text_of(words, "46" if spread else "47"), num_tokens=7)


@pytest.mark.parametrize("able", [True, False])
def test_a_model_plants_flaws_and_is_told_what_was_wrong(
    tmp_path: File, monkeypatch: pytest.MonkeyPatch, able: bool
) -> None:
    planter = Planter(able)
    planter.revision = "http://10.0.0.1/v1"  # of a served model nobody named a revision
    monkeypatch.setattr("insightv_bench.builders.corpora.flawed.open_engine", lambda *_: planter)
    engine = OpenAIEngine(model="m", base_url="http://localhost/v1")
    settings = FlawsSettings(flaws=("arithmetic",), maker="engine", engine=engine, tries=2)
    judged = [(p, rated(p, 90)) for p in (path(f"q{number}", 0, text_of()) for number in range(8))]
    rows, reasons = flawed(tmp_path, settings, [question(f"q{number}") for number in range(8)], judged)
    if able:
        assert len(rows) == 8 and {row.maker for row in rows} == {"planter (served)"}
        assert {(row.propagated, row.planted_answer, row.error_steps) for row in rows} == {
            (True, "46", (1, 2, 3, 4)),
            (False, "47", (1,)),
        }
        assert not any(LEAKS.search(row.flawed_path) for row in rows)
    else:
        assert not rows and reasons == {"arithmetic: it must not say `wrong` or anything like it": 8}
    assert len(planter.asked) == 16
    assert "it must not say `wrong`" in planter.asked[-1].chat.messages[-1].content


PLAIN = (
    "name: r\nquestions:\n  test: {source: parquet, path: p, name: n, columns: {question: q, answer: a, image: i}}\n"
)
DRAWN = "name: r\nquestions:\n  train: {source: world, split: train, num: 4}\n"


@pytest.mark.parametrize(
    ("text", "kind", "num_inputs"),
    [
        (f"{PLAIN}paths: {{}}\nassess: {{judge: rule}}\nflaws: {{}}", "sampled-flaws", 3),
        (f"{DRAWN}paths: {{}}\nflaws: {{}}", "exact-flaws", 1),
        (f"{DRAWN}paths: {{}}\nflaws: {{maker: rule}}", "sampled-flaws", 3),
        (f"{DRAWN}paths: {{}}\nflaws: {{flaws: [natural, perception]}}", "sampled-flaws", 3),
    ],
)
def test_the_plan_takes_the_maker_that_the_source_allows(text: str, kind: str, num_inputs: int) -> None:
    stage = next(stage for stage in plan(parse_recipe(text, "r", [])) if stage.name == "corpora-flawed")
    assert (stage.kind, len(stage.inputs)) == (kind, num_inputs)


def test_flaws_that_nobody_asked_for_are_not_made() -> None:
    assert "corpora-flawed" not in [stage.name for stage in plan(parse_recipe(f"{PLAIN}paths: {{}}", "r", []))]
    with pytest.raises(RecipeError, match="needs `engine`"):
        parse_recipe(f"{PLAIN}paths: {{}}\nflaws: {{maker: engine}}", "r", [])
    with pytest.raises(RecipeError, match="`natural`, which is not among `flaws`"):
        parse_recipe(f"{DRAWN}paths: {{}}\nflaws: {{weights: {{natural: 2}}}}", "r", [])
