"""Each real family in its own architecture and chat template, shrunk: measured, trained, kept and loaded again."""

from __future__ import annotations

import io
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from gpu.families import FAMILIES
from gpu.random_models import full_gib, lora_gib, make_random, sizes_of
from PIL import Image as PILImage
from training_stages import QUICK, corpus, first_step, lessons, losses, manifest, pairs, placed, train

from insightv_bench.chat import Chat
from insightv_bench.engines.hf import LocalModel, load_model
from insightv_bench.journal import Request
from insightv_bench.records import Image
from insightv_bench.settings import HfEngine, Sampling, load_recipe
from insightv_bench.trainers.data import COMPLETIONS, load_corpus
from insightv_bench.trainers.data.lengths import measure
from insightv_bench.trainers.options import freeze_vision, is_vision, linear_layers
from insightv_bench.trainers.training import prepare

NAMES = list(FAMILIES)
ONE_OF_EACH = ["qwen2-5-vl-3b", "qwen3-vl-4b", "llava-next-llama3-8b", "smolvlm2-2b"]
"""Models of one architecture differ in numbers alone."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    prepare(threads=1, seed=0)
    folder = tmp_path_factory.mktemp("families")
    for name in NAMES:
        make_random(FAMILIES[name], folder / name)
    return folder


def drawn(num: int) -> list[Any]:
    """Lessons with images of several sizes."""
    rows = lessons(num)
    sizes = [(48, 48), (120, 60), (60, 130), (200, 90)]
    return [row.model_copy(update={"images": (image(*sizes[n % 4]),)}) for n, row in enumerate(rows)]


def image(width: int, height: int) -> Image:
    buffer = io.BytesIO()
    PILImage.effect_noise((width, height), 50).convert("RGB").save(buffer, "PNG")
    return Image(bytes=buffer.getvalue())


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_a_row_is_as_long_as_the_model_sees_it(models: Path, tmp_path: Path, name: str) -> None:
    from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

    folder = corpus(tmp_path, "rows", drawn(4))
    _, processor = load_model(HfEngine(model=str(models / name), device="cpu"))
    rows = load_corpus([folder], COMPLETIONS, tmp_path / "cache")
    places, lengths, dropped = measure(rows, processor, 8192)
    assert places == [0, 1, 2, 3] and not dropped
    collate = DataCollatorForVisionLanguageModeling(processor=processor, max_length=None, completion_only_loss=True)
    for place in places:
        batch = collate([dict(rows[place])])
        assert int(batch["attention_mask"].sum()) == lengths[place]
        trained = batch["input_ids"][batch["labels"] != -100].tolist()
        image = processor.tokenizer.convert_tokens_to_ids(processor.image_token)
        assert trained and image not in trained
    over = measure(rows, processor, max(lengths) - 1)[2]
    assert {reason for _, reason in over} == {f"over {max(lengths) - 1:,} tokens"}


ON_CPU = {
    **QUICK, "max_steps": 3, "learning_rate": 1e-3, "gradient_accumulation_steps": 1, "bf16": False,
}  # fmt: skip


def a_few_steps(settings: Any) -> Any:
    """The recipe's own training, but for its length and for what needs a GPU."""
    elsewhere = {"device": "auto", "launch": None, "validation_share": 0.0, "patience": 0}
    return settings.model_copy(update={**elsewhere, "trainer": {**settings.trainer, **ON_CPU}})


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_trains_an_agent_and_a_round_of_its_family(models: Path, tmp_path: Path, name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.reason and recipe.rounds
    base = placed(models / name, tmp_path)
    inputs = {"train-base": base, "corpora-reasoning": corpus(tmp_path, "corpora-reasoning", drawn(8))}
    reason = train(tmp_path, "sft", a_few_steps(recipe.reason), inputs, base=str(models / name))
    totals = manifest(reason)["totals"]
    assert totals["num_frozen"] > 0 and losses(reason)[-1] < losses(reason)[0]
    before, after = (weights(place) for place in (models / name, reason / "model"))
    changed = [key for key in before if not bool((before[key] == after[key]).all())]
    assert not [key for key in changed if is_vision(key)]
    for part in ("q_proj", "embed_tokens", "merger|projector|connector"):
        assert [key for key in changed if re.search(part, key)], part

    rows = corpus(tmp_path, "corpora-preference-1", pairs(drawn(8)))
    inputs = {"train-reason": reason, "corpora-preference-1": rows}
    dpo = train(
        tmp_path,
        "dpo",
        a_few_steps(recipe.rounds.dpo),
        {**inputs, "first": reason},
        "train-dpo-1",
        str(models),
    )
    # A round starts at its reference: no path is preferred yet. The loss holds the `sft` term where the recipe has one.
    assert first_step(dpo)["rewards/margins"] == pytest.approx(0, abs=4e-3)  # a sigmoid loss within 2e-3 of log 2
    assert manifest(dpo)["totals"]["num_steps"] == 3
    engine = LocalModel(HfEngine(model=str(dpo / "model"), device="cpu"))
    row = lessons(1)[0]
    reply = engine.generate([Request(Chat(row.prompt, row.images), Sampling(max_new_tokens=3))], seed=0)
    assert reply[0].num_tokens >= 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ONE_OF_EACH[:2])
def test_a_step_in_parts_is_the_step_as_a_whole(models: Path, tmp_path: Path, name: str) -> None:
    """Every token weighs the same. Of Qwen's models transformers says that they take no number of tokens."""
    recipe, found = load_recipe(name), []
    assert recipe.reason
    for size in (4, 2):
        run = tmp_path / str(size)
        inputs = {"train-base": placed(models / name, run), "corpora-reasoning": corpus(run, "rows", lessons(8))}
        settings = a_few_steps(recipe.reason)
        parts = {"per_device_train_batch_size": size, "gradient_accumulation_steps": 4 // size, "max_steps": 2}
        settings = settings.model_copy(update={"trainer": {**settings.trainer, **parts}})
        found.append(losses(train(run, "sft", settings, inputs, base=str(models / name))))
    assert found[0] == pytest.approx(found[1], abs=1e-4)


def weights(folder: Path) -> dict[str, Any]:
    model, _ = load_model(HfEngine(model=str(folder), device="cpu"))
    return dict(model.state_dict())


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_the_vision_tower_is_found_and_its_projector_is_none_of_it(models: Path, name: str) -> None:
    model, _ = load_model(HfEngine(model=str(models / name), device="cpu"))
    num = freeze_vision(model)
    trained = [key for key, weight in model.named_parameters() if weight.requires_grad]
    assert 0 < num < sum(weight.numel() for weight in model.parameters())
    assert any("projector" in key or "merger" in key or "connector" in key for key in trained)
    layers = linear_layers(model, with_vision=False)
    assert layers and all(re.search("language_model|text_model|connector|projector", key) for key in layers)
    assert not [key for key in layers if "vision" in key or "visual" in key or "lm_head" in key]


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_names_its_family_and_its_batch(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.base and recipe.base.model == FAMILIES[name].model
    for settings in (recipe.reason, recipe.summary, recipe.rounds.dpo if recipe.rounds else None):
        assert settings is not None and settings.max_tokens and settings.device == "cuda"
        assert {
            "per_device_train_batch_size",
            "gradient_accumulation_steps",
            "learning_rate",
        } <= settings.trainer.keys()


@pytest.mark.parametrize("name", NAMES)
def test_the_memory_that_a_recipe_states_is_what_its_shape_takes(name: str) -> None:
    text = files("insightv_bench").joinpath(f"recipes/{name}.yaml").read_text(encoding="utf-8")
    sizes = sizes_of(FAMILIES[name])
    stated = [int(number) for number in re.findall(r"(\d+) GiB", text)]
    whole, lora = round(full_gib(sizes)), round(lora_gib(sizes))
    share = [round(full_gib(sizes) / int(num)) for num in re.findall(r"a GPU of (\d)", text)]
    assert stated == [*share, whole, lora]
