"""What training must not get wrong without a word: the mask, the options, the reference, half-written checkpoints."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from insightv_bench.errors import RecipeError, StageError
from insightv_bench.records import ReasoningRow
from insightv_bench.settings import MuonSettings, TinyModel, TrainSettings
from insightv_bench.storage import write_shards
from insightv_bench.trainers.compute import num_tokens, steps_for, tokens_of_row
from insightv_bench.trainers.data import COMPLETIONS, LENGTH, load_corpus
from insightv_bench.trainers.data.corpus import with_lengths
from insightv_bench.trainers.job import Job
from insightv_bench.trainers.models import make_tiny
from insightv_bench.trainers.models.tiny import IMAGE
from insightv_bench.trainers.options import make_options
from insightv_bench.trainers.options.trl import check_options, logging_steps
from insightv_bench.trainers.training import WHOLE, adapter_of, last_checkpoint, load_for_training, prepare, run_trainer
from insightv_bench.trainers.trl import muon_of, optimizer, sft_trainer
from insightv_bench.trainers.trl.optimizer import split_weights, stacked_muon
from insightv_bench.world import Level, sample_lessons

MIX: Any = {"list": 0.2, "list-any-order": 0.2, "read-by-name": 0.3, "direct": 0.3}
SHAPE = TinyModel(vision_width=32, vision_layers=1, text_width=48, text_layers=2, num_heads=2)
"""A tenth of the tiny model."""
OPTIONS = {"per_device_train_batch_size": 4, "max_steps": 2, "dataloader_num_workers": 0, "save_strategy": "no"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model and eight rows to train it on."""
    prepare(threads=1, seed=0)
    folder = tmp_path_factory.mktemp("training")
    make_tiny(SHAPE, folder / "model", seed=0)
    (folder / "rows").mkdir()
    write_shards(folder / "rows", sample_lessons(Level(), 0, 8, MIX), ReasoningRow)
    return folder


def test_the_loss_is_on_the_completion_and_its_end_alone(made: Path) -> None:
    import trl

    corpus = load_corpus([made / "rows"], ["images", "prompt", "completion"], made / "cache")
    model, processor = load_for_training(made / "model")
    arguments = make_options(trl.SFTConfig, OPTIONS, made / "out", seed=0)
    trainer = trl.SFTTrainer(model=model, args=arguments, train_dataset=corpus, processing_class=processor)
    batch = next(iter(trainer.get_train_dataloader()))
    wanted = {row["completion"][0]["content"] + "<|end|>" for row in corpus}
    for labels, tokens in zip(batch["labels"], batch["input_ids"], strict=True):
        trained = [int(token) for token in labels if token != -100]
        assert processor.tokenizer.decode(trained) in wanted
        assert processor.tokenizer.convert_tokens_to_ids(IMAGE) not in trained
        assert tokens.tolist().count(processor.tokenizer.convert_tokens_to_ids(IMAGE)) == 9


def test_a_round_starts_at_its_reference(made: Path) -> None:
    """The first DPO loss is log 2: the policy and the reference are the same model."""
    import trl
    from datasets import Dataset

    rows = load_corpus([made / "rows"], ["images", "prompt", "completion"], made / "cache")
    pairs = [
        {"images": row["images"], "prompt": row["prompt"], "chosen": row["completion"], "rejected": other["completion"]}
        for row, other in zip(rows, reversed(list(rows)), strict=True)
    ]
    corpus = Dataset.from_list(pairs, features=_pair_features(rows))
    model, processor = load_for_training(made / "model")
    reference = load_for_training(made / "model")[0].eval()
    arguments = make_options(trl.DPOConfig, {**OPTIONS, "max_steps": 1, "logging_steps": 1}, made / "out", seed=0)
    trainer = trl.DPOTrainer(
        model=model, ref_model=reference, args=arguments, train_dataset=corpus, processing_class=processor
    )
    trainer.train()
    assert trainer.state.log_history[0]["loss"] == pytest.approx(0.6931, abs=2e-3)


def _pair_features(rows: Any) -> Any:
    from datasets import Features

    features = rows.features
    completion = features["completion"]
    return Features(
        {"images": features["images"], "prompt": features["prompt"], "chosen": completion, "rejected": completion}
    )


def test_an_option_that_trl_does_not_have_is_named_with_the_nearest(made: Path) -> None:
    import trl

    with pytest.raises(RecipeError, match=r"`trainer\.lerning_rate` is no option .* did you mean `learning_rate`"):
        check_options(trl.SFTConfig, {"lerning_rate": 1})
    with pytest.raises(RecipeError, match=r"`trainer\.max_length` is set by the run"):
        check_options(trl.SFTConfig, {"max_length": 10})
    check_options(trl.DPOConfig, {"beta": 0.1, "attn_implementation": "sdpa"})


def test_a_checkpoint_that_a_kill_left_half_written_is_not_resumed_from(tmp_path: Path) -> None:
    for step, whole in ((100, True), (200, True), (1000, False)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if whole:
            (tmp_path / f"checkpoint-{step}" / WHOLE).touch()
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-200"
    assert not (tmp_path / "checkpoint-1000").exists()
    assert last_checkpoint(tmp_path / "nothing") is None


@pytest.mark.parametrize(("saved", "logged"), [({}, 10), (20, 10), (4, 2), (7, 1), (0.1, 10)])
def test_every_checkpoint_is_a_step_that_is_logged(saved: Any, logged: int) -> None:
    assert logging_steps({"save_steps": saved} if saved else {}) == logged


@pytest.mark.parametrize("muon", [None, pytest.param(MuonSettings(), marks=pytest.mark.slow)], ids=["adamw", "muon"])
def test_a_resumed_training_ends_with_the_same_weights(made: Path, tmp_path: Path, muon: MuonSettings | None) -> None:
    """Loaded by the trainer alone, the weights of a LLaVA checkpoint would be passed over without a word."""
    import trl

    corpus = load_corpus([made / "rows"], ["images", "prompt", "completion"], made / "cache")
    losses: list[float] = []

    def train(start: Path, checkpoint: Path | None) -> dict[str, Any]:
        model, processor = load_for_training(start)
        options = {**OPTIONS, "max_steps": 5, "save_strategy": "steps", "save_steps": 3, "learning_rate": 1e-3}
        arguments = make_options(trl.SFTConfig, options, tmp_path / "out", seed=0)
        trainer = trl.SFTTrainer(
            model=model,
            args=arguments,
            train_dataset=corpus,
            processing_class=processor,
            **muon_of(muon, arguments),
        )
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        losses.append([log["loss"] for log in trainer.state.log_history if "loss" in log][-1])
        return {name: weight.clone() for name, weight in trainer.model.state_dict().items()}

    unbroken = train(made / "model", None)
    checkpoint = tmp_path / "out" / "checkpoint-3"
    resumed = train(checkpoint, checkpoint)
    assert all(bool((unbroken[name] == resumed[name]).all()) for name in unbroken)
    assert losses[0] == losses[1]  # a mean over as many steps


@pytest.mark.parametrize("lora", [None, {"r": 2}], ids=["all", "lora"])
def test_a_training_that_died_after_its_last_step_is_not_trained_further(
    made: Path, tmp_path: Path, lora: dict[str, Any] | None
) -> None:
    import trl

    settings = TrainSettings(lora=lora)
    job = Job("job", made / "model", (made / "rows",), tmp_path / "end", tmp_path, settings, 0, 1, True)
    corpus = load_corpus([made / "rows"], ["images", "prompt", "completion"], made / "cache")

    def train(start: Path, model: Path, checkpoint: Path | None) -> tuple[dict[str, Any], dict[str, Any]]:
        policy, processor = load_for_training(start)
        options = {**OPTIONS, "max_steps": 4, "save_strategy": "steps", "save_steps": 2, "learning_rate": 1e-3}
        arguments = make_options(trl.SFTConfig, options, tmp_path / "out", seed=0)
        more = adapter_of(job, policy)
        trainer = trl.SFTTrainer(model=policy, args=arguments, train_dataset=corpus, processing_class=processor, **more)
        found = run_trainer(trainer, replace(job, model=model), checkpoint)
        return found, dict(load_for_training(model)[0].state_dict())

    unbroken, weights = train(made / "model", tmp_path / "one", None)
    last = tmp_path / "out" / "checkpoint-4"
    resumed, again = train(made / "model" if lora else last, tmp_path / "two", last)
    assert unbroken["num_steps"] == resumed["num_steps"] == 4
    assert unbroken["last_loss"] == resumed["last_loss"]
    assert all(bool((weights[name] == again[name]).all()) for name in weights)


def test_muon_trains_the_layers_matrices_and_adamw_all_else(made: Path) -> None:
    model, _ = load_for_training(made / "model")
    names = {id(weight): name for name, weight in model.named_parameters()}
    matrices, others = ([names[id(weight)] for weight in weights] for weights in split_weights(model))
    assert sorted([*matrices, *others]) == sorted(names.values())
    assert all("proj" in name or "fc" in name or "linear" in name for name in matrices)
    assert any("embed_tokens" in name for name in others) and any("norm" in name for name in others)
    assert not any("self_attn" in name and name.endswith("weight") and "norm" not in name for name in others)


@pytest.mark.parametrize("in_bfloat16", [True, False])
def test_stacked_muon_gives_torchs_weights_bit_for_bit_or_closer_than_bfloat16_rounds(
    in_bfloat16: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimizer, "multiplies_bfloat16", lambda: in_bfloat16)
    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(shape, generator=generator) for shape in [(32, 32), (96, 32), (32, 32), (32, 96), (48, 24)]]
    ours, theirs = ([torch.nn.Parameter(weight.clone()) for weight in start] for _ in range(2))
    options = {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.1}
    steppers = stacked_muon(ours, **options), torch.optim.Muon(theirs, **options)
    for number in range(4):
        for one, other in zip(ours, theirs, strict=True):
            one.grad = torch.randn(one.shape, generator=generator) if number or one.shape != (48, 24) else None
            other.grad = None if one.grad is None else one.grad.clone()
        for stepper in steppers:
            stepper.step()
    if in_bfloat16:
        assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=4 * options["lr"] * 2**-7)
    assert not any(torch.equal(one, before) for one, before in zip(ours, start, strict=True))


def test_both_of_muons_parts_follow_the_schedule(made: Path, tmp_path: Path) -> None:
    import trl

    model, processor = load_for_training(made / "model")
    corpus = load_corpus([made / "rows"], ["images", "prompt", "completion"], made / "cache")
    options = {**OPTIONS, "max_steps": 4, "learning_rate": 1e-3, "warmup_steps": 0, "lr_scheduler_type": "linear"}
    arguments = make_options(trl.SFTConfig, options, tmp_path, seed=0)
    more = muon_of(MuonSettings(learning_rate=0.02), arguments)
    trainer = trl.SFTTrainer(model=model, args=arguments, train_dataset=corpus, processing_class=processor, **more)
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    trainer.train()
    adamw, muon = trainer.optimizer.optimizer.parts
    assert {group["initial_lr"] for group in adamw.param_groups} == {1e-3}
    assert {group["initial_lr"] for group in muon.param_groups} == {0.02}
    assert {group["lr"] for part in (adamw, muon) for group in part.param_groups} == {0.0}
    changed = [name for name, weight in model.named_parameters() if not bool((weight == before[name]).all())]
    assert any("q_proj" in name for name in changed) and any("embed_tokens" in name for name in changed)


@pytest.mark.parametrize("more", [{"lora": {}}, {"launch": {"config": "fsdp"}}])
def test_muon_is_refused_where_matrices_are_not_whole(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="muon"):
        TrainSettings.model_validate({"muon": {}, **more})


def test_a_corpus_without_rows_or_columns_is_an_error(made: Path, tmp_path: Path) -> None:
    with pytest.raises(StageError, match="has no column `chosen`"):
        load_corpus([made / "rows"], ["chosen"], made / "cache")
    write_shards(tmp_path, [], ReasoningRow)
    with pytest.raises(StageError, match="has no rows"):
        load_corpus([tmp_path], ["prompt"], made / "cache")


def test_a_folders_name_is_no_pattern(made: Path) -> None:
    shutil.copytree(made / "rows", made / "rows[1]")
    assert len(load_corpus([made / "rows[1]"], COMPLETIONS, made / "cache")) == 8


def test_the_loss_over_labelled_positions_is_trls_own(made: Path) -> None:
    """The same batch, the same weights: our one product over labelled positions against TRL's fused head."""
    import trl

    corpus = load_corpus([made / "rows"], COMPLETIONS, made / "cache")
    model, processor = load_for_training(made / "model")
    arguments = make_options(trl.SFTConfig, OPTIONS, made / "ours", seed=0)
    shared = {"model": model, "args": arguments, "train_dataset": corpus, "processing_class": processor}
    theirs, ours = trl.SFTTrainer(**shared), sft_trainer()(**shared)
    batch = next(iter(theirs.get_train_dataloader()))
    model.train()
    for num_items in (None, 7):
        wanted = theirs.compute_loss(model, dict(batch), num_items_in_batch=num_items)
        assert ours.compute_loss(model, dict(batch), num_items_in_batch=num_items).item() == pytest.approx(
            wanted.item(), rel=1e-5
        )
    for name in ("mean_token_accuracy", "num_tokens"):
        assert ours._metrics["train"][name] == pytest.approx(theirs._metrics["train"][name])


def test_rows_of_like_length_share_a_batch(made: Path) -> None:
    import trl
    from datasets import concatenate_datasets

    model, processor = load_for_training(made / "model")
    corpus = with_lengths(load_corpus([made / "rows"], COMPLETIONS, made / "cache"), processor)
    corpus = concatenate_datasets([corpus] * 16)
    options = {**OPTIONS, "train_sampling_strategy": "group_by_length"}
    arguments = make_options(trl.SFTConfig, options, made / "grouped", seed=0)
    trainer = sft_trainer()(model=model, args=arguments, train_dataset=corpus, processing_class=processor)
    loader = trainer.get_train_dataloader()

    def lengths_in(epoch: int) -> list[int]:
        loader.set_epoch(epoch)
        return [int(length) for batch in loader for length in batch["attention_mask"].sum(1)]

    first, again, second = lengths_in(0), lengths_in(0), lengths_in(1)
    assert first == again != second and sorted(first) == sorted(second) and len(first) == 128
    assert padding(first) < 0.5 * padding(corpus[LENGTH])
    longest = [max(first[start : start + 4]) for start in range(0, 64, 4)]
    assert longest not in (sorted(longest), sorted(longest, reverse=True))  # or fifty steps of one kind stand together


def test_each_epoch_has_an_order_of_its_own(made: Path) -> None:
    """The data loader tells the sampler which epoch it is; a resumed run then goes through the same rows."""
    import trl

    model, processor = load_for_training(made / "model")
    corpus = with_lengths(load_corpus([made / "rows"], COMPLETIONS, made / "cache"), processor)
    options = {**OPTIONS, "train_sampling_strategy": "group_by_length"}
    arguments = make_options(trl.SFTConfig, options, made / "epochs", seed=0)
    trainer = sft_trainer()(model=model, args=arguments, train_dataset=corpus, processing_class=processor)
    loader = trainer.get_train_dataloader()
    seen = []
    for epoch in (0, 1, 0):
        loader.set_epoch(epoch)
        seen.append([batch["input_ids"].tolist() for batch in loader])
    assert seen[0] == seen[2] != seen[1]


def padding(lengths: list[int]) -> int:
    batches = [lengths[start : start + 4] for start in range(0, len(lengths), 4)]
    return sum(len(batch) * max(batch) - sum(batch) for batch in batches)


def test_a_control_is_given_the_steps_that_compute_as_much(made: Path) -> None:
    _, processor = load_for_training(made / "model")
    corpus = load_corpus([made / "rows"], COMPLETIONS, made / "cache")
    trainer = {"per_device_train_batch_size": 4, "max_steps": 10}
    tokens = num_tokens(corpus, processor, trainer)
    assert tokens == pytest.approx(40 * tokens_of_row(corpus, processor))
    assert steps_for(tokens, corpus, processor, {"per_device_train_batch_size": 8}) == 5
    twice = corpus.rename_column("completion", "chosen").add_column("rejected", list(corpus["completion"]))
    assert tokens_of_row(twice, processor) == pytest.approx(2 * 4 / 3 * tokens_of_row(corpus, processor))
