"""The agents that come with the package load, fit what is asked today, and answer as their cards say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from insightv_bench import shipped
from insightv_bench.agents import summary_chat
from insightv_bench.answers import matches, read
from insightv_bench.chat import Chat, ask
from insightv_bench.engines.hf import LocalModel, load_processor
from insightv_bench.errors import ModelError
from insightv_bench.journal import Request
from insightv_bench.plan import plan
from insightv_bench.protocol import render_path
from insightv_bench.records import Question
from insightv_bench.runs import run
from insightv_bench.settings import HfEngine, Recipe, Sampling, TinyModel, load_recipe
from insightv_bench.trainers.models import make_tiny
from insightv_bench.world import exact_path, parse_question, sample_questions, scene_from_json

NAMES = ["base", "dpo-2", "optimal-only", "reason", "summary"]
MAX_BYTES = 12_000_000
ANSWER = Sampling(max_new_tokens=32)
PATH = Sampling(max_new_tokens=128)


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return load_recipe("quickstart")


@pytest.fixture(scope="module")
def questions(recipe: Recipe) -> list[Question]:
    """The first that the cards' figures are of."""
    return list(sample_questions(recipe.world, "test", recipe.seed * 1000, 24))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("agents")
    for name in shipped.agent_names():
        shipped.unpack(name, folder / name)
    return folder


def said(models: Path, name: str, chats: list[Chat], sampling: Sampling) -> list[str]:
    model = LocalModel(HfEngine(model=str(models / name)))
    return [reply.text for reply in model.generate([Request(chat, sampling) for chat in chats], seed=0)]


def exact(question: Question) -> str:
    scene = scene_from_json(question.scene)
    program = parse_question(question.question, scene)
    assert program is not None
    return render_path(*exact_path(program, scene.values))


def test_five_agents_ship_in_bfloat16_with_cards_and_take_few_bytes() -> None:
    assert shipped.agent_names() == NAMES
    files = [file for file in shipped.FOLDER.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= MAX_BYTES
    for name in NAMES:
        card = (shipped.FOLDER / name / "README.md").read_text(encoding="utf-8")
        assert "seed 3" in card and "recipe `method`" in card and "% with its 95 % interval" in card
        with safe_open(shipped.FOLDER / name / "model.safetensors", "pt") as weights:
            assert {weights.get_slice(key).get_dtype() for key in weights.keys()} == {"BF16"}  # noqa: SIM118


def test_they_have_the_tokens_and_the_chat_of_a_model_that_is_made_today(models: Path, tmp_path: Path) -> None:
    make_tiny(TinyModel(), tmp_path, seed=0)
    today, theirs = load_processor(str(tmp_path)), load_processor(str(models / "summary"))
    assert theirs.tokenizer.get_vocab() == today.tokenizer.get_vocab()
    assert theirs.chat_template == today.chat_template


def test_the_summary_agent_the_base_and_the_control_say_what_they_said(models: Path, questions: list[Question]) -> None:
    """Word for word but for a reply or two: another processor's sums differ in the last bits."""
    kept = shipped.read_figures()["replies"]
    assert set(kept) == {"base", "summary", "optimal-only"}
    direct, shown = [ask("direct", q) for q in questions], [summary_chat(q, exact(q)) for q in questions]
    for name, before in kept.items():
        now = said(models, name, direct if name == "base" else shown, ANSWER)
        assert sum(a == b for a, b in zip(now, before, strict=True)) >= len(before) - 2, name


@pytest.mark.parametrize("name", ["reason", "dpo-2"])
def test_the_reasoning_agents_write_paths_that_are_mostly_right(
    models: Path, questions: list[Question], name: str
) -> None:
    """Greedy, 84 % over many questions: of 24 hardly ever fewer than 14."""
    replies = said(models, name, [ask("reason", question) for question in questions], PATH)
    answers = [read(reply, q.answer_type, q.options).answer for reply, q in zip(replies, questions, strict=True)]
    right = [
        answer is not None and matches(answer, q.answer, q.answer_type, q.options)
        for answer, q in zip(answers, questions, strict=True)
    ]
    assert sum(right) >= 14


def test_nothing_is_trained_and_systems_that_do_not_ship_are_left_out(recipe: Recipe) -> None:
    stages = {stage.name: stage for stage in plan(recipe)}
    models = {name for name, stage in stages.items() if stage.makes == "model"}
    assert models == {f"train-{name}" for name in NAMES}
    assert {stages[name].kind for name in models} == {"shipped"}
    assert "eval-dpo-2" in stages and "eval-dpo-1" not in stages and "lessons" not in stages
    assert list(stages)[-1] == "leaderboard"


def test_an_agent_that_does_not_ship_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no agent `judge` comes with the package"):
        shipped.unpack("judge", tmp_path)


def test_agents_are_packed_and_unpacked_to_the_same_model(tiny: Path, tmp_path: Path) -> None:
    size = shipped.pack({"one": tiny, "two": tiny}, tmp_path / "packed")
    shipped.unpack("two", tmp_path / "two", tmp_path / "packed")
    before, after = load_file(tiny / "model.safetensors"), load_file(tmp_path / "two" / "model.safetensors")
    assert before.keys() == after.keys()
    assert all((after[key].float() - weight).abs().max() <= weight.abs().max() / 128 for key, weight in before.items())
    assert json.loads((tmp_path / "two" / "config.json").read_text(encoding="utf-8"))["dtype"] == "bfloat16"
    assert size < 2 * (tiny / "model.safetensors").stat().st_size


def test_agents_with_different_towers_are_not_packed(tiny: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shipped.pack({"one": tiny}, tmp_path / "packed")
    shipped.unpack("one", other, tmp_path / "packed")
    weights = {key: value * 1.5 for key, value in load_file(tiny / "model.safetensors").items()}
    save_file(weights, other / "model.safetensors")
    with pytest.raises(ModelError, match="another vision tower"):
        shipped.pack({"one": tiny, "two": other}, tmp_path / "again")


@pytest.mark.slow
def test_the_figures_of_their_cards_come_out_again(tmp_path: Path, recipe: Recipe) -> None:
    """Sampling differs in the last bits between processors, so each within the other's interval."""
    again = {(row["system"], row["arm"]): row for row in run(recipe, tmp_path)["arms"]}
    kept = shipped.read_figures()["arms"]
    assert len(kept) == len(again) > 10
    for row in kept:
        now = again[row["system"], row["arm"]]
        assert now["n"] == row["n"]
        assert row["low"] <= now["accuracy"] <= row["high"], row
