"""Images stand where a question's words name them: in requests, in local prompts, in training rows and in exports."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from gpu.families import FAMILIES
from gpu.random_models import make_random
from PIL import Image as PILImage
from reading import png

from insightv_bench.builders.release.export import export
from insightv_bench.chat import Chat, ask, from_openai, lay_out, to_blocks, to_openai, user
from insightv_bench.engines.hf import LocalModel, load_processor
from insightv_bench.engines.hf.model import encode
from insightv_bench.evals.harness.model import chat_of
from insightv_bench.evals.harness.task_questions import placed as placed_in_text
from insightv_bench.journal import Request, request_key
from insightv_bench.records import Image, Message, PreferenceRow, Question, ReasoningRow, columns_of
from insightv_bench.settings import HfEngine, Sampling
from insightv_bench.sources import check_image
from insightv_bench.storage import write_shards
from insightv_bench.trainers.data import COMPLETIONS, PAIRS, load_corpus
from insightv_bench.trainers.data.collator import ImagesInPlaces
from insightv_bench.trainers.data.lengths import measure

FOUR = ["qwen2-5-vl-3b", "qwen3-vl-4b", "llava-next-llama3-8b", "smolvlm2-2b"]


def noise(seed: int, width: int, height: int) -> Image:
    buffer = io.BytesIO()
    PILImage.new("RGB", (width, height), (seed * 40 % 256, 90, 200)).save(buffer, "PNG")
    return Image(bytes=buffer.getvalue())


def question(text: str, num: int, options: tuple[str, ...] = ("a", "b")) -> Question:
    images = tuple(noise(n + 1, 60 + 50 * n, 70) for n in range(num))
    return Question(
        id=text[:20],
        images=images,
        image_sha256=tuple(image.sha256 for image in images),
        question=text,
        options=options,
        answer="A",
        answer_type="option",
        source="hand",
        source_revision="1",
        source_license="MIT",
    )


MMMU = [
    question("<image 1> Which style is it?", 1),
    question("Between <image 1> and <image 2>, which is older?", 2),
    question("Here is <image 2>, after it <image 1>. Which?", 2, ("<image 1>", "<image 2>")),
    question("See the figures. Only <image 2> counts.", 3),
    question("What is shown?", 2),
]


@pytest.mark.parametrize(
    ("text", "num", "pieces", "order"),
    [
        ("What?", 2, [0, 1, "What?"], [0, 1]),
        ("<image 1> Which?", 1, [0, " Which?"], [0]),
        ("Of <image 1>: which?", 1, ["Of ", 0, ": which?"], [0]),
        ("<image 2> or <image 1>?", 2, ["<image 2>", 1, " or <image 1>", 0, "?"], [1, 0]),
        ("<image 1>, again <image 1>", 1, ["<image 1>", 0, ", again <image 1>"], [0]),
        ("<image 3> of two", 2, [0, 1, "<image 3> of two"], [0, 1]),
        ("<image 2> is named", 2, [0, "<image 2>", 1, " is named"], [0, 1]),
        ("", 1, [0, ""], [0]),
        ("<image 1>", 1, [0], [0]),
    ],
)
def test_an_image_stands_where_it_is_first_named(text: str, num: int, pieces: list[Any], order: list[int]) -> None:
    layout = lay_out([("system", "<image 1>"), ("user", text)], num)
    assert layout.pieces[1:] == [pieces] and layout.order == order and layout.pieces[0] == ["<image 1>"]


def test_a_server_gets_the_parts_in_their_order() -> None:
    (message,) = to_openai(ask("direct", MMMU[2]))
    kinds = [part["type"] for part in message["content"]]
    assert kinds == ["text", "image_url", "text", "image_url", "text"]
    sent = [
        base64.b64decode(p["image_url"]["url"].partition(",")[2]) for p in message["content"] if p["type"] != "text"
    ]
    assert sent == [MMMU[2].images[1].bytes, MMMU[2].images[0].bytes]


@pytest.mark.parametrize("each", MMMU)
def test_what_is_sent_is_read_back_in_the_same_order(each: Question) -> None:
    chat = ask("direct", each)
    sent = to_openai(chat)
    assert from_openai(sent).images == each.images
    shown = [part["image_url"]["url"] for part in sent[0]["content"] if part["type"] == "image_url"]
    again = [part["image_url"]["url"] for part in to_openai(from_openai(sent))[0]["content"] if part["type"] != "text"]
    assert shown == again


def test_marks_of_other_sources_are_marks_too() -> None:
    asked = question("How many? <image1> and <|image_2|>", 2)
    assert "<image 1> and <image 2>" in user("direct", asked).content
    alone = question("A text about <image7>", 1)
    assert "<image7>" in user("direct", alone).content  # no such image


def test_a_mark_in_what_a_model_wrote_is_a_word() -> None:
    content = user("summary", MMMU[4], path="As <image 1> shows, and <image2>").content
    assert "As image 1 shows, and image 2" in content
    said = Chat((user("reason", MMMU[4]), Message(role="assistant", content="<image 2>")), MMMU[4].images)
    assert [part["type"] for part in to_blocks(said, [{"type": "image"}] * 2)[1]["content"]] == ["text"]


def test_only_another_place_is_another_call() -> None:
    """A reply to a chat whose images all stand first is kept under the key of before."""

    def key(text: str) -> str:
        chat = Chat((Message(role="user", content=text),), (Image(bytes=png(1, 8)),))
        return request_key("m@1", Request(chat, Sampling()))

    assert key("What is it?") == "8eab0d4b3616d12276129c1cfba68194b83862b0"
    assert len({key("What is it?"), key("Of <image 1>: what?")}) == 2


def test_lm_evals_markers_among_words_are_places() -> None:
    images = MMMU[1].images
    assert chat_of("<image><image>Which?", images).messages[0].content == "Which?"
    assert chat_of("<image>\n<image>\nWhich?", images).messages[0].content == "Which?"
    assert chat_of("Of <image> or <image>?", images).messages[0].content == "Of <image 1> or <image 2>?"
    assert placed_in_text("Of <image> or <image>?", 2) == "Of <image 1> or <image 2>?"
    assert placed_in_text("<image> <image>\nWhich?", 2) != "" and placed_in_text("<image>Which?", 1) == "Which?"
    assert placed_in_text("Of <image>", 2) == "Of"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("families")
    for name in FOUR:
        make_random(FAMILIES[name], folder / name)
    return folder


def reply(text: str) -> tuple[Message, ...]:
    return (Message(role="assistant", content=text),)


def rows(kind: type[Any]) -> list[Any]:
    made = []
    for each in MMMU:
        known = {**columns_of(each), "prompt": (user("reason", each),)}
        if kind is ReasoningRow:
            made.append(ReasoningRow(**known, completion=reply("B is older"), score=None))
        else:
            scores = {"chosen_score": None, "rejected_score": None, "round": 1}
            made.append(PreferenceRow(**known, chosen=reply("it is B"), rejected=reply("it is A"), **scores))
    return made


def written(folder: Path, made: list[Any], kind: type[Any]) -> None:
    folder.mkdir()
    write_shards(folder, made, kind)


@pytest.mark.parametrize("name", FOUR)
def test_sampling_training_and_pairs_have_the_same_tokens(models: Path, tmp_path: Path, name: str) -> None:
    from trl.trainer.dpo_trainer import DataCollatorForVisionPreference
    from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

    processor = load_processor(str(models / name))
    asked = [encode(processor, [Request(ask("reason", each), Sampling())])["input_ids"][0].tolist() for each in MMMU]
    written(tmp_path / "rows", rows(ReasoningRow), ReasoningRow)
    written(tmp_path / "pairs", rows(PreferenceRow), PreferenceRow)
    completions = load_corpus([tmp_path / "rows"], COMPLETIONS, tmp_path / "cache")
    pairs = load_corpus([tmp_path / "pairs"], PAIRS, tmp_path / "cache")
    sft = ImagesInPlaces(
        DataCollatorForVisionLanguageModeling(processor=processor, max_length=None, completion_only_loss=True)
    )
    dpo = ImagesInPlaces(DataCollatorForVisionPreference(processor=processor, max_length=None))
    _, lengths, dropped = measure(completions, processor, 8192)
    assert not dropped
    for place, prompt in enumerate(asked):
        batch = sft([dict(completions[place])])
        ids = batch["input_ids"][0][batch["attention_mask"][0] == 1].tolist()
        assert ids[: len(prompt)] == prompt and len(ids) == lengths[place]
        pair = dpo([dict(pairs[place])])
        for row, mask in zip(pair["input_ids"], pair["attention_mask"], strict=True):
            assert row[mask == 1].tolist()[: len(prompt)] == prompt


@pytest.mark.parametrize("format_", ["llava", "llama-factory", "ms-swift"])
def test_an_export_has_its_marks_and_images_in_the_same_order(tmp_path: Path, format_: str) -> None:
    written(tmp_path / "rows", rows(ReasoningRow), ReasoningRow)
    made = export(format_, tmp_path / "rows", tmp_path / "out", "set")
    text = made.file.read_text()
    items = [json.loads(line) for line in text.splitlines()] if format_ == "ms-swift" else json.loads(text)
    for item, each in zip(items, MMMU, strict=True):
        turns = item.get("conversations") or item["messages"]
        said = turns[0].get("value") or turns[0]["content"]
        files = item.get("images") or item["image"]
        files = [files] if isinstance(files, str) else files
        assert said.count("<image>") == len(files) == len(each.images)
        order = lay_out([("user", user("reason", each).content)], len(each.images)).order
        assert [Path(file).stem for file in files] == [each.images[place].sha256 for place in order]
    assert (
        items[4]
        .get("conversations", items[4].get("messages"))[0]
        .get("value", "<image>\n<image>\n")
        .startswith("<image>\n<image>\n")
    )


def test_what_a_models_processor_refuses_is_that_requests_loss_in_its_words(models: Path) -> None:
    thin = noise(1, 1, 300)
    engine = LocalModel(HfEngine(model=str(models / "qwen2-5-vl-3b"), device="cpu", dtype="float32"))
    shown = enumerate((noise(2, 60, 60), thin))
    chats = [Chat((Message(role="user", content=f"{n}?"),), (image,)) for n, image in shown]
    good, bad = engine.generate([Request(chat, Sampling(max_new_tokens=2)) for chat in chats], seed=0)
    assert good.finish != "error" and good.num_tokens
    assert (bad.finish, bad.text) == ("error", "") and "aspect ratio" in bad.failure


def test_an_image_too_thin_for_some_model_is_shown_to_none() -> None:
    """So that all models are asked the same questions."""
    assert check_image(noise(1, 1, 300).bytes, 10**6).problem == "image too thin"
    assert check_image(noise(1, 2, 300).bytes, 10**6).problem == check_image(png(1, 1), 10**6).problem == ""
