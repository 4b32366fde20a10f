"""A vision-language model from nothing: Aya Vision (SigLIP tower, pixel shuffle, Llama text), a million parameters.

Four patches become one image token before the language model: a step costs three quarters of LLaVA's, and bars are
seen sooner (docs/learning-log.md). The architecture is transformers' own, so whatever holds for the tiny model holds
for its big sisters: the folder loads with `AutoModelForImageTextToText` and `AutoProcessor`, and TRL trains it. Nothing
is downloaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from insightv_bench.settings import TinyModel
from insightv_bench.world import phrases, words

PAD, USER, ASSISTANT, END, IMAGE = "<|pad|>", "<|user|>", "<|assistant|>", "<|end|>", "<image>"
CHAT_TEMPLATE = (
    "{%- for message in messages %}"
    "{{- '<|assistant|>' if message['role'] == 'assistant' else '<|user|>' }}"
    "{%- if message['role'] == 'assistant' %}{%- generation %}"
    "{%- if message['content'] is string %}{{- message['content'] }}"
    "{%- else %}{%- for block in message['content'] %}{{- block['text'] }}{%- endfor %}{%- endif %}"
    "{{- '<|end|>' }}{%- endgeneration %}"
    "{%- elif message['content'] is string %}{{- message['content'] + '<|end|>' }}"
    "{%- else %}{%- for block in message['content'] %}"
    "{{- '<image>' if block['type'] == 'image' else block['text'] }}{%- endfor %}{{- '<|end|>' }}{%- endif %}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|assistant|>' }}{%- endif %}"
)


def make_tokenizer() -> Any:
    """Byte-level BPE: any text round-trips; the drawn world's fixed phrases, colours and numbers are one token each."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    # Words and numbers of two digits stay apart, so that no merge hides a value inside a longer piece.
    split = pre_tokenizers.Split(Regex(r"[a-zA-Z]+|\d{1,2}|[^a-zA-Z\d]"), "isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=[PAD, USER, ASSISTANT, END, IMAGE],
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(words() * 4, trainer)
    tokenizer.add_tokens([AddedToken(phrase, normalized=False) for phrase in phrases()])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[USER, ASSISTANT, IMAGE],
        padding_side="left",
        model_max_length=4096,
        clean_up_tokenization_spaces=False,
    )


def make_processor(config: TinyModel) -> Any:
    from transformers import LlavaProcessor, SiglipImageProcessorPil

    side = {"height": config.image_side, "width": config.image_side}
    return LlavaProcessor(
        image_processor=SiglipImageProcessorPil(size=side),
        tokenizer=make_tokenizer(),
        patch_size=config.token_side,  # by which image tokens are counted: those stand in a prompt, not the tower's
        vision_feature_select_strategy="full",
        num_additional_image_tokens=0,
        chat_template=CHAT_TEMPLATE,
    )


def make_model(config: TinyModel, tokenizer: Any, seed: int) -> Any:
    """Random weights; the same seed gives the same weights."""
    import torch
    from transformers import AyaVisionForConditionalGeneration

    torch.manual_seed(seed)
    model = AyaVisionForConditionalGeneration(_config(config, tokenizer))
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    return model


def _config(config: TinyModel, tokenizer: Any) -> Any:
    from transformers import AyaVisionConfig

    return AyaVisionConfig(
        vision_config=_vision_config(config),
        text_config=_text_config(config, tokenizer),
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE),
        downsample_factor=config.downsample_factor,
        alignment_intermediate_size=4 * config.text_width,
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
        tie_word_embeddings=True,
    )


def _vision_config(config: TinyModel) -> dict[str, Any]:
    return {
        "model_type": "siglip_vision_model",
        "hidden_size": config.vision_width,
        "intermediate_size": 2 * config.vision_width,
        "num_hidden_layers": config.vision_layers,
        "num_attention_heads": config.num_heads,
        "image_size": config.image_side,
        "patch_size": config.patch_side,
        "vision_use_head": False,
    }


def _text_config(config: TinyModel, tokenizer: Any) -> dict[str, Any]:
    return {
        "model_type": "llama",
        "vocab_size": len(tokenizer),
        "hidden_size": config.text_width,
        "intermediate_size": 3 * config.text_width,
        "num_hidden_layers": config.text_layers,
        "num_attention_heads": config.num_heads,
        "num_key_value_heads": config.num_heads,
        "max_position_embeddings": 4096,
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "bos_token_id": None,
        "tie_word_embeddings": True,
        # transformers' 0.02 is meant for a width of a thousand; at 128 it delays the first sight by a hundred steps.
        "initializer_range": 0.06,
    }


def make_tiny(config: TinyModel, folder: Path, seed: int) -> None:
    """Write model, processor and chat template of a new model into `folder`."""
    processor = make_processor(config)
    model = make_model(config, processor.tokenizer, seed)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
