"""A local model as it is: what ends its replies, its template's arguments, pixels, an adapter, a budget of thought."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gpu.families import FAMILIES
from gpu.random_models import make_random
from reading import png

from insightv_bench.chat import Chat
from insightv_bench.engines import label
from insightv_bench.engines.hf import LocalModel, load_model, load_processor, prompt_text, turn_end
from insightv_bench.errors import ModelError
from insightv_bench.journal import Reply, Request
from insightv_bench.protocol import opens_thought, parse_path
from insightv_bench.records import Image, Message
from insightv_bench.settings import HfEngine, Sampling

THINKING = "{%- if add_generation_prompt %}{{- '<|assistant|>' }}{%- endif %}"
OPENED = "{%- if add_generation_prompt %}{{- '<|assistant|><think>\n' }}{%- endif %}"


class Scripted:
    """Writes what it is told to, token by token, up to the cap."""

    device = "cpu"
    config = SimpleNamespace(model_type="scripted")

    def __init__(self, tokenizer: Any, ends: Any, *texts: str) -> None:
        self.generation_config = SimpleNamespace(eos_token_id=ends)
        self._tokenizer, self._texts = tokenizer, list(texts)
        self.asked: list[dict[str, Any]] = []
        self.prompts: list[str] = []

    def generate(self, **options: Any) -> Any:
        import torch

        self.asked.append(options)
        begun = options["input_ids"]
        self.prompts += self._tokenizer.batch_decode(begun)
        texts = [self._texts.pop(0) for _ in begun]
        ids = [self._tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
        ids = [each[: options["max_new_tokens"]] for each in ids]
        width = max(map(len, ids))
        pad = self._tokenizer.pad_token_id
        return torch.cat([begun, torch.tensor([[*each, *[pad] * (width - len(each))] for each in ids])], dim=1)


def replies(
    tiny: Path, texts: Sequence[str], ends: Any = None, cap: int = 99, **options: Any
) -> tuple[Scripted, list[Reply]]:
    processor = load_processor(str(tiny))
    model = Scripted(processor.tokenizer, processor.tokenizer.eos_token_id if ends is None else ends, *texts)

    class Local(LocalModel):
        def load(self) -> tuple[Any, Any]:
            return model, processor

    engine = Local(HfEngine(model=str(tiny), device="cpu", **options))
    return model, engine.generate([question()] if len(texts) == 1 else [question(cap)], seed=0)


def question(cap: int = 99) -> Request:
    return Request(Chat((Message(role="user", content="Which?"),)), Sampling(max_new_tokens=cap))


def test_a_special_token_inside_a_reply_is_text(tiny: Path) -> None:
    _, (reply,) = replies(tiny, ["The bar at <|user|> is 3<|end|> and more"])
    assert (reply.text, reply.finish) == ("The bar at <|user|> is 3", "stop")


def test_a_reply_ends_where_the_generation_config_says(tiny: Path) -> None:
    processor = load_processor(str(tiny))
    image = processor.tokenizer.convert_tokens_to_ids("<|user|>")
    _, (reply,) = replies(tiny, ["It is 3<|user|>more"], [image])
    assert reply.text == "It is 3"


def test_a_reply_ends_at_the_token_that_the_template_writes_after_one(tiny: Path) -> None:
    """Though neither the generation config nor the tokenizer names it."""
    model, (reply,) = replies(tiny, ["It is 3<|end|>more"], [0])
    assert reply.text == "It is 3" and len(model.asked[0]["eos_token_id"]) == 2


def test_a_text_ends_a_reply_where_it_is_asked_to(tiny: Path) -> None:
    model, (reply,) = replies(tiny, ["It is 3. STOP here"], stop=("STOP",))
    assert (reply.text, reply.finish) == ("It is 3. ", "stop") and model.asked[0]["stop_strings"] == ["STOP"]


def templated(tiny: Path, place: Path, template: str) -> Path:
    shutil.copytree(tiny, place)
    file = place / "chat_template.jinja"
    text = file.read_text()
    assert THINKING in text
    file.write_text(text.replace(THINKING, template))
    return place


def test_a_thought_that_the_prompt_opens_has_no_answer_before_its_end(tiny: Path, tmp_path: Path) -> None:
    folder = templated(tiny, tmp_path / "thinks", OPENED)
    model, (reply,) = replies(folder, ["The answer is 3, or is it"])
    assert model.prompts[0].endswith("<think>\n") and reply.opened
    assert parse_path(reply.text, reply.reasoning, reply.opened).answer is None


def test_a_thought_that_has_used_its_budget_is_closed_and_answered(tiny: Path, tmp_path: Path) -> None:
    folder = templated(tiny, tmp_path / "thinks", OPENED)
    long = "I look and look and look and look and look and look at all of the bars of it"
    texts = [long, "It is 3<|end|>"]
    model, (reply,) = replies(folder, texts, cap=60, thinking_budget=10, thought_close="\n</think>\n\n")
    assert [each["max_new_tokens"] for each in model.asked] == [10, 50]
    assert model.prompts[1].endswith("\n</think>\n\n") and reply.text.endswith("\n</think>\n\nIt is 3")
    assert reply.finish == "stop" and reply.num_tokens > 10


def test_what_ends_within_its_budget_is_not_gone_on_with(tiny: Path, tmp_path: Path) -> None:
    folder = templated(tiny, tmp_path / "thinks", OPENED)
    model, (reply,) = replies(folder, ["a</think>3<|end|>", ""], cap=60, thinking_budget=40)
    assert len(model.asked) == 1 and reply.text == "a</think>3"


def test_an_argument_of_the_template_is_handed_over_and_another_is_refused(tiny: Path, tmp_path: Path) -> None:
    switch = "{%- if add_generation_prompt %}{{- '<|assistant|>' ~ ('' if enable_thinking else 'NO ') }}{%- endif %}"
    folder = templated(tiny, tmp_path / "switch", switch)
    model, _ = replies(folder, ["3<|end|>"], enable_thinking=False)
    assert model.prompts[0].endswith("<|assistant|>NO ")
    model, _ = replies(folder, ["3<|end|>"], chat_template_kwargs={"enable_thinking": True})
    assert model.prompts[0].endswith("<|assistant|>")
    with pytest.raises(ModelError, match="has no argument `enable_thinking`"):
        load_model(HfEngine(model=str(tiny), device="cpu", enable_thinking=False))


def test_every_option_that_changes_replies_is_another_model_to_the_journal(tiny: Path, tmp_path: Path) -> None:
    options: list[dict[str, Any]] = [
        {},
        {"enable_thinking": True},
        {"chat_template_kwargs": {"a": 1}},
        {"stop": ["x"]},
        {"max_pixels": 99},
        {"processor_kwargs": {"size": {"height": 8, "width": 8}}},
        {"attn_implementation": "eager"},
        {"adapter": "ORG/ADAPTER"},
        {"thinking_budget": 5},
    ]
    labels = [label(LocalModel(HfEngine(model=str(tiny), **each))) for each in options]
    assert len(set(labels)) == len(options)
    assert labels[0] == label(LocalModel(HfEngine(model=str(tiny), profile="molmo", device="cpu", batch_size=3)))


def image_tokens(folder: Path, **options: Any) -> int:
    image = Image(bytes=png(90, 256))
    request = Request(Chat((Message(role="user", content="Which?"),), (image,)), Sampling())
    return LocalModel(HfEngine(model=str(folder), device="cpu", **options)).sent(request).num_image_tokens or 0


def test_pixel_bounds_are_the_processors_own_and_where_it_has_none_they_are_refused(tmp_path: Path, tiny: Path) -> None:
    qwen = tmp_path / "qwen"
    make_random(FAMILIES["qwen2-5-vl-3b"], qwen)
    few, many = (
        image_tokens(qwen, min_pixels=28 * 28, max_pixels=28 * 28 * 4),
        image_tokens(qwen, max_pixels=28 * 28 * 99),
    )
    assert 0 < few <= 4 < many
    with pytest.raises(ModelError) as caught:
        image_tokens(tiny, max_pixels=99)
    assert "has no option `max_pixels`" in str(caught.value) and "`processor_kwargs`" in str(caught.value)


def test_an_adapter_lies_on_top_and_must_be_safetensors(tiny: Path, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    import torch

    model, _ = load_model(HfEngine(model=str(tiny), device="cpu"))
    made = peft.get_peft_model(model, peft.LoraConfig(target_modules=["q_proj"], r=2, lora_alpha=64))
    with torch.no_grad():
        for name, weight in made.named_parameters():
            if "lora_B" in name:
                weight.add_(1.0)
    made.save_pretrained(tmp_path / "adapter")
    plain = dict(load_model(HfEngine(model=str(tiny), device="cpu"))[0].state_dict())
    changed = dict(
        load_model(HfEngine(model=str(tiny), device="cpu", adapter=str(tmp_path / "adapter")))[0].state_dict()
    )
    assert plain.keys() == changed.keys()
    differ = {name for name in plain if not torch.equal(plain[name], changed[name])}
    assert differ and all("q_proj" in name for name in differ)
    weights = tmp_path / "adapter" / "adapter_model.safetensors"
    weights.rename(weights.with_name("adapter_model.bin"))
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_model(HfEngine(model=str(tiny), device="cpu", adapter=str(tmp_path / "adapter")))
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_model(HfEngine(model=str(tiny), device="cpu", adapter=str(tmp_path)))
    assert json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())["r"] == 2


REAL = {
    "llama3_2": ("<|eot_id|>", False),
    "gemma3": ("<end_of_turn>", False),
    "gemma4_v5": ("<turn|>", False),
    "phi3_5": ("<|end|>", False),
    "qwen2_5_vl": ("<|im_end|>", False),
    "qwen3": ("<|im_end|>", False),
    "qwen3_5_think": ("<|im_end|>", True),
    "deepseek_r1_distill": ("<｜end▁of▁sentence｜>", True),
    "smolvlm": ("<end_of_utterance>", False),
}
"""Templates that TRL ships, of text models too: what ends a turn, and whether the prompt opens a thought."""


@pytest.mark.parametrize("name", REAL)
def test_real_templates_are_written_and_ended_whether_they_take_blocks_or_text(name: str) -> None:
    trl = pytest.importorskip("trl")
    file = Path(trl.__file__).parent / "chat_templates" / f"{name}.jinja"
    if not file.exists():
        pytest.skip("this TRL ships no such template")
    end, opened = REAL[name]
    processor = with_template(file.read_text(encoding="utf-8"))
    image = Image(bytes=png(1, 8))
    chat = Chat((Message(role="user", content="Of <image 1>: which?"),), (image,))
    prompt = prompt_text(processor, chat, {})
    assert "which?" in prompt and "{'" not in prompt and opens_thought(prompt) == opened
    assert turn_end(processor) == end


def with_template(template: str) -> Any:
    from tokenizers import AddedToken, Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), bos_token="<s>", eos_token="</s>")
    tokenizer.add_tokens([AddedToken(end, special=True) for end, _ in REAL.values()])
    tokenizer.chat_template = template
    return SimpleNamespace(
        tokenizer=tokenizer, chat_template=template, apply_chat_template=tokenizer.apply_chat_template
    )
