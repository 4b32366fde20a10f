"""Random weights in the shape of a real family, with a tokenizer made here and the family's own chat template.

For tests of a recipe without its download, and for measuring a GPU. Needs torch and transformers; the chat template
comes from TRL where it is installed, and is ours in a few words where not. And how much memory a family's training
takes before any activation, counted on its shape alone.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from insightv_bench.trainers.options import is_vision, linear_layers

from .families import Family

TRAINED_BYTES, FROZEN_BYTES, LORA_FROZEN_BYTES = 16, 4, 2
"""AdamW in float32 holds four numbers of 4 bytes for each trained parameter (weight, gradient, two moments) and one for
each frozen one. Under LoRA the frozen weights are bfloat16. Activations hang on the rows; `report.py` measures them."""
PAD, START, END = "<|pad|>", "<|im_start|>", "<|im_end|>"
QWEN_TOKENS = {
    "image_token_id": "<|image_pad|>",
    "video_token_id": "<|video_pad|>",
    "vision_start_token_id": "<|vision_start|>",
    "vision_end_token_id": "<|vision_end|>",
}
SMOLVLM_TOKENS = ("<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>")
PLAIN = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for block in message['content'] %}"
    "{% if block['type'] == 'image' %}IMAGE{% else %}{{ block['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""Used where TRL, and with it the family's own template, is absent."""
LLAMA_3 = (
    "{{- '<|begin_of_text|>' }}{%- for message in messages %}"
    "{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' }}"
    "{%- if message['content'] is string %}{{- message['content'] }}"
    "{%- else %}{%- for block in message['content'] %}"
    "{{- '<image>\n' if block['type'] == 'image' else block['text'] }}{%- endfor %}{%- endif %}"
    "{{- '<|eot_id|>' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- endif %}"
)
"""Of the shape that Llama 3's models are asked in; `<|eot_id|>` ends a turn, and the tokenizer names another end."""
LLAMA_3_TOKENS = ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
LLAMA_3_END = "<|end_of_text|>"


def make_random(family: Family, folder: Path, seed: int = 0) -> None:
    """Write a shrunk model of this family, its processor and its chat template into `folder`."""
    import torch
    from transformers import AutoModelForImageTextToText

    processor = make_processor(family, small=True)
    torch.manual_seed(seed)
    model = AutoModelForImageTextToText.from_config(make_config(family, processor.tokenizer, small=True))
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def make_tokenizer(family: Family) -> Any:
    """Bytes and the family's special tokens; the vocabulary of a real shape is filled up by the config alone."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    end, own = (LLAMA_3_END, LLAMA_3_TOKENS) if family.template == "llama_3" else (END, (START,))
    special = [PAD, START, END, "</s>", *image_tokens(family), *(LLAMA_3_TOKENS if START not in own else ()), end]
    special = list(dict.fromkeys(special))
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(
        models.BPE(vocab={token: place for place, token in enumerate([*special, *letters])}, merges=[])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=end,
        additional_special_tokens=[*own, *image_tokens(family)],
        padding_side="left",
        model_max_length=8192,
    )


def image_tokens(family: Family) -> tuple[str, ...]:
    if family.architecture.startswith("qwen"):
        return tuple(QWEN_TOKENS.values())
    return SMOLVLM_TOKENS if family.architecture == "smolvlm" else ("<image>",)


def make_processor(family: Family, small: bool) -> Any:
    import transformers

    from insightv_bench.engines.hf.processors import image_only

    options = family.small_image if small else family.image
    image_processor = getattr(transformers, family.image_processor)(**options)
    processor_class, tokenizer = getattr(transformers, family.processor), make_tokenizer(family)
    own: dict[str, Any] = {"chat_template": chat_template(family)}
    vision = family.small_vision if small else family.vision
    if family.architecture == "llava_next":
        own |= {"patch_size": vision["patch_size"], "vision_feature_select_strategy": "default"}
        own["num_additional_image_tokens"] = 1
    if family.architecture == "smolvlm":
        scale = {**family.own, **(family.small_own if small else {})}["scale_factor"]
        own["image_seq_len"] = (vision["image_size"] // vision["patch_size"]) ** 2 // scale**2
    if "video_processor" in processor_class.get_attributes():
        processor_class, own["video_processor"] = image_only(processor_class), None
    return processor_class(image_processor, tokenizer, **own)


def chat_template(family: Family) -> str:
    if family.template == "llama_3":
        return LLAMA_3
    if find_spec("trl"):
        import trl

        file = Path(trl.__file__).parent / "chat_templates" / f"{family.template}.jinja"
        if file.exists():
            return file.read_text(encoding="utf-8")
    image = "".join(QWEN_TOKENS[f"{name}_token_id"] for name in ("vision_start", "image", "vision_end"))
    return PLAIN.replace("IMAGE", image if family.architecture.startswith("qwen") else "<image>")


def make_config(family: Family, tokenizer: Any, small: bool) -> Any:
    from transformers import AutoConfig

    ids = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id, "bos_token_id": None}
    size = {
        "vocab_size": len(tokenizer) if small else family.vocab_size,
        "max_position_embeddings": 8192 if small else 32768,
    }
    text = {**(family.small_text if small else family.text), **size, **ids}
    own = {**family.own, **(family.small_own if small else {}), **_token_ids(family, tokenizer)}
    text["tie_word_embeddings"] = own.setdefault("tie_word_embeddings", False)
    vision = dict(family.small_vision if small else family.vision)
    return AutoConfig.for_model(family.architecture, text_config=text, vision_config=vision, **own)


def _token_ids(family: Family, tokenizer: Any) -> dict[str, int]:
    number = tokenizer.convert_tokens_to_ids
    if family.architecture.startswith("qwen"):
        return {name: number(token) for name, token in QWEN_TOKENS.items()}
    name = "image_token_id" if family.architecture == "smolvlm" else "image_token_index"
    return {name: number("<image>")}


# Memory


class Sizes(NamedTuple):
    num_parameters: int
    num_vision: int
    """Of the vision tower, its projector not counted."""
    num_lora: int
    """Of LoRA's matrices at rank 16 on the text model's linear layers."""


def sizes_of(family: Family, rank: int = 16) -> Sizes:
    """Counted on the real shape, without memory for its weights."""
    import torch
    from transformers import AutoModelForImageTextToText

    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(make_config(family, make_tokenizer(family), small=False))
    named = list(model.named_parameters())
    layers: list[Any] = [model.get_submodule(name) for name in linear_layers(model, with_vision=False)]
    return Sizes(
        sum(weight.numel() for _, weight in named),
        sum(weight.numel() for name, weight in named if is_vision(name)),
        sum(rank * (layer.in_features + layer.out_features) for layer in layers),
    )


def full_gib(sizes: Sizes) -> float:
    """All weights but the vision tower's trained, over all devices together."""
    trained = sizes.num_parameters - sizes.num_vision
    return (TRAINED_BYTES * trained + FROZEN_BYTES * sizes.num_vision) / 2**30


def lora_gib(sizes: Sizes) -> float:
    return (LORA_FROZEN_BYTES * sizes.num_parameters + TRAINED_BYTES * sizes.num_lora) / 2**30
