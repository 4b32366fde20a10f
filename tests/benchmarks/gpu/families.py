"""The shapes of real model families: what their configs on the Hub say, and the same shrunk for a CPU.

Random weights of a real shape cost what the real ones cost, in memory and in time; nothing is downloaded for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

Shape = Mapping[str, Any]


class Family(NamedTuple):
    """One architecture of transformers, and the sizes of one of its models."""

    model: str
    """Its Hub id."""
    architecture: str
    """`model_type` in transformers."""
    template: str
    """Its chat template in TRL, or `llama_3`, which is ours."""
    processor: str
    image_processor: str
    text: Shape
    vision: Shape
    own: Shape
    """Keys of the whole config."""
    vocab_size: int
    small_text: Shape
    small_vision: Shape
    small_own: Shape = {}
    small_image: Shape = {}
    image: Shape = {}


def _text(hidden: int, layers: int, heads: int, kv_heads: int, intermediate: int, **more: Any) -> dict[str, Any]:
    return {
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "intermediate_size": intermediate,
        **more,
    }


def _rope(theta: float) -> dict[str, Any]:
    return {"rope_type": "default", "rope_theta": theta}


SMALL_TEXT = _text(64, 2, 4, 2, 128)
MROPE = {"rope_type": "default", "rope_theta": 1e6}
QWEN25_VISION = {
    "depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16, "patch_size": 14,
    "spatial_merge_size": 2, "window_size": 112, "fullatt_block_indexes": [7, 15, 23, 31],
}  # fmt: skip
SMALL_QWEN25_VISION = {
    "depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 64, "patch_size": 14,
    "spatial_merge_size": 2, "window_size": 56, "fullatt_block_indexes": [1],
}  # fmt: skip
QWEN3_VISION = {"hidden_act": "gelu_pytorch_tanh", "num_heads": 16, "patch_size": 16, "spatial_merge_size": 2}
SMALL_QWEN3_VISION = {
    "depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 64, "patch_size": 16,
    "spatial_merge_size": 2, "num_position_embeddings": 64, "deepstack_visual_indexes": [0, 1],
}  # fmt: skip
CLIP = {
    "model_type": "clip_vision_model", "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16,
    "intermediate_size": 4096, "image_size": 336, "patch_size": 14, "projection_dim": 768,
}  # fmt: skip
SMALL_QWEN_PIXELS = {"size": {"shortest_edge": 56 * 56, "longest_edge": 112 * 112}}


def _qwen25(model: str, text: Shape, tied: bool) -> Family:
    return Family(
        model, "qwen2_5_vl", "qwen2_5_vl", "Qwen2_5_VLProcessor", "Qwen2VLImageProcessorPil",
        text={**text, "rope_parameters": {**MROPE, "mrope_section": [16, 24, 24]}},
        vision={**QWEN25_VISION, "out_hidden_size": text["hidden_size"]},
        own={"tie_word_embeddings": tied},
        vocab_size=151936 if tied else 152064,
        small_text={**SMALL_TEXT, "rope_parameters": {**MROPE, "mrope_section": [2, 3, 3]}},
        small_vision=SMALL_QWEN25_VISION,
        small_image=SMALL_QWEN_PIXELS,
    )  # fmt: skip


def _qwen3(model: str, text: Shape, vision: Shape, tied: bool) -> Family:
    mrope = {**MROPE, "rope_theta": 5e6, "mrope_interleaved": True}
    return Family(
        model, "qwen3_vl", "qwen3_vl", "Qwen3VLProcessor", "Qwen2VLImageProcessorPil",
        text={**text, "head_dim": 128, "rope_parameters": {**mrope, "mrope_section": [24, 20, 20]}},
        vision={**QWEN3_VISION, **vision, "out_hidden_size": text["hidden_size"], "num_position_embeddings": 2304},
        own={"tie_word_embeddings": tied},
        vocab_size=151936,
        small_text={**SMALL_TEXT, "head_dim": 16, "rope_parameters": {**mrope, "mrope_section": [4, 2, 2]}},
        small_vision=SMALL_QWEN3_VISION,
        image={"patch_size": 16},
        small_image={"patch_size": 16, **SMALL_QWEN_PIXELS},
    )  # fmt: skip


FAMILIES: dict[str, Family] = {
    "qwen2-5-vl-3b": _qwen25("Qwen/Qwen2.5-VL-3B-Instruct", _text(2048, 36, 16, 2, 11008), True),
    "qwen2-5-vl-7b": _qwen25("Qwen/Qwen2.5-VL-7B-Instruct", _text(3584, 28, 28, 4, 18944), False),
    "qwen3-vl-4b": _qwen3(
        "Qwen/Qwen3-VL-4B-Instruct",
        _text(2560, 36, 32, 8, 9728),
        {"depth": 24, "hidden_size": 1024, "intermediate_size": 4096, "deepstack_visual_indexes": [5, 11, 17]},
        True,
    ),
    "qwen3-vl-8b": _qwen3(
        "Qwen/Qwen3-VL-8B-Instruct",
        _text(4096, 36, 32, 8, 12288),
        {"depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "deepstack_visual_indexes": [8, 16, 24]},
        False,
    ),
    "llava-next-llama3-8b": Family(
        "llava-hf/llama3-llava-next-8b-hf", "llava_next", "llama_3",
        "LlavaNextProcessor", "LlavaNextImageProcessorPil",
        text=_text(4096, 32, 32, 8, 14336, model_type="llama", rope_parameters=_rope(5e5)),
        vision=CLIP,
        own={"image_grid_pinpoints": [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]]},
        vocab_size=128320,
        small_text={**SMALL_TEXT, "model_type": "llama"},
        small_vision={**CLIP, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
                      "intermediate_size": 64, "image_size": 28, "projection_dim": 32},
        small_own={"image_grid_pinpoints": [[28, 56], [56, 28], [56, 56]]},
        small_image={"size": {"shortest_edge": 28}, "crop_size": {"height": 28, "width": 28},
                     "image_grid_pinpoints": [[28, 56], [56, 28], [56, 56]]},
    ),
    "smolvlm2-2b": Family(
        "HuggingFaceTB/SmolVLM2-2.2B-Instruct", "smolvlm", "smolvlm", "SmolVLMProcessor", "SmolVLMImageProcessorPil",
        text=_text(2048, 24, 32, 32, 8192, model_type="llama", rope_parameters=_rope(273768.0)),
        vision={"hidden_size": 1152, "num_hidden_layers": 27, "num_attention_heads": 16, "intermediate_size": 4304,
                "image_size": 384, "patch_size": 14},
        own={"scale_factor": 3, "tie_word_embeddings": False},
        vocab_size=49280,
        small_text={**SMALL_TEXT, "model_type": "llama"},
        small_vision={"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
                      "image_size": 32, "patch_size": 8},
        small_own={"scale_factor": 2},
        small_image={"size": {"longest_edge": 64}, "max_image_size": {"longest_edge": 32}},
        image={"size": {"longest_edge": 1536}, "max_image_size": {"longest_edge": 384}},
    ),
}  # fmt: skip
