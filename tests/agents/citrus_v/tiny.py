"""A small random Citrus-V with a byte tokenizer: the whole code path on a bare machine."""

import json
import re
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from agents.citrus_v.configuration import CitrusVConfig
from agents.citrus_v.model import CitrusV
from agents.citrus_v.pictures import Picture
from agents.citrus_v.processor import CitrusVProcessor
from agents.citrus_v.reader import Reader
from agents.citrus_v.training.corpus import MARKERS, SPECIAL

ID = {token: 256 + index for index, token in enumerate((*SPECIAL, *MARKERS))}
SEG, END = ID["[SEG]"], ID["<|im_end|>"]

PUBLISHED = {
    "model_type": "citrus_v",
    "torch_dtype": "float32",
    "seg_token_idx": SEG,
    "bos_token_id": ID["<|endoftext|>"],
    "eos_token_id": END,
    "pad_token_id": ID["<|endoftext|>"],
    "image_token_id": ID["<|image_pad|>"],
    "video_token_id": ID["<|video_pad|>"],
    "vision_start_token_id": ID["<|vision_start|>"],
    "vision_end_token_id": ID["<|vision_end|>"],
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32768,
    "rope_theta": 1e6,
    "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]},
    "vocab_size": 320,
    "tie_word_embeddings": False,
    "vision_config": {
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_heads": 2,
        "out_hidden_size": 48,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "window_size": 56,
        "fullatt_block_indexes": [1],
        "tokens_per_second": 2,
    },
}
SAM2 = {
    "trunk": {
        "embed_dim": 8,
        "num_heads": 1,
        "stages": [1, 1, 2, 1],
        "global_att_blocks": [3],
        "window_spec": [8, 4, 16, 8],
        "window_pos_embed_bkg_spatial_size": [7, 7],
    },
    "neck": {"d_model": 32, "backbone_channel_list": [64, 32, 16, 8], "fpn_top_down_levels": [2, 3]},
    "prompt_embed_dim": 32,
    "image_size": 256,
}


def config(*, residual: bool = False, tied: bool = False) -> CitrusVConfig:
    return CitrusVConfig.from_published(
        PUBLISHED | {"use_res_seg_projector": residual, "tie_word_embeddings": tied}, SAM2
    )


def model(*, residual: bool = False, tied: bool = False, seed: int = 0) -> CitrusV:
    torch.manual_seed(seed)
    built = CitrusV(config(residual=residual, tied=tied)).eval()
    with torch.no_grad():
        for tensor in built.state_dict().values():
            if tensor.ndim > 1:
                tensor.normal_(std=tensor[0].numel() ** -0.5)
            else:
                tensor.add_(torch.randn_like(tensor) * 0.05)
    return built


def tokenizer() -> PreTrainedTokenizerFast:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    raw = Tokenizer(models.BPE(vocab={symbol: index for index, symbol in enumerate(alphabet)}, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.add_special_tokens(list(SPECIAL))
    raw.add_tokens(list(MARKERS))
    return PreTrainedTokenizerFast(tokenizer_object=raw, eos_token=SPECIAL[2], pad_token=SPECIAL[0])


def byte(value: int) -> int:
    """The token of one printable ASCII character."""
    return tokenizer().convert_tokens_to_ids(chr(value))


def processor(built: CitrusV, **bounds: int) -> CitrusVProcessor:
    return CitrusVProcessor(tokenizer(), built.config, **bounds)


def reader(built: CitrusV | None = None, **bounds: int) -> Reader:
    built = built or model()
    return Reader(built, processor(built, **bounds))


def picture(seed: int, height: int = 84, width: int = 112) -> Picture:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Picture(pixels)


def script(*answers: str | list[int]):
    """A chooser that makes row n say answers[n], then end."""
    words = tokenizer()
    scripts = [
        [*(words(answer, add_special_tokens=False)["input_ids"] if isinstance(answer, str) else answer), END]
        for answer in answers
    ]

    def choose(logits: torch.Tensor, said) -> torch.Tensor:
        return torch.tensor([line[min(len(row), len(line) - 1)] for line, row in zip(scripts, said, strict=True)])

    return choose


# Ours to published, written apart from the product's own table.
_BACK = (
    (r"^projector\.linear1\.", "seg_projector.0."),
    (r"^projector\.linear2\.", "seg_projector.2."),
    (r"^segmenter\.vision_encoder\.backbone\.patch_embed\.projection\.", "S.image_encoder.trunk.patch_embed.proj."),
    (r"^segmenter\.vision_encoder\.backbone\.", "S.image_encoder.trunk."),
    (r"^segmenter\.vision_encoder\.neck\.convs\.(\d+)\.", r"S.image_encoder.neck.convs.\1.conv."),
    (r"^segmenter\.no_memory_embedding$", "S.no_mem_embed"),
    (r"^segmenter\.shared_image_embedding\..*$", "S.sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"),
    (r"^segmenter\.prompt_encoder\.mask_embed\.conv1\.", "S.sam_prompt_encoder.mask_downscaling.0."),
    (r"^segmenter\.prompt_encoder\.mask_embed\.layer_norm1\.", "S.sam_prompt_encoder.mask_downscaling.1."),
    (r"^segmenter\.prompt_encoder\.mask_embed\.conv2\.", "S.sam_prompt_encoder.mask_downscaling.3."),
    (r"^segmenter\.prompt_encoder\.mask_embed\.layer_norm2\.", "S.sam_prompt_encoder.mask_downscaling.4."),
    (r"^segmenter\.prompt_encoder\.mask_embed\.conv3\.", "S.sam_prompt_encoder.mask_downscaling.6."),
    (r"^segmenter\.prompt_encoder\.", "S.sam_prompt_encoder."),
    (r"^segmenter\.mask_decoder\.upscale_conv1\.", "S.sam_mask_decoder.output_upscaling.0."),
    (r"^segmenter\.mask_decoder\.upscale_layer_norm\.", "S.sam_mask_decoder.output_upscaling.1."),
    (r"^segmenter\.mask_decoder\.upscale_conv2\.", "S.sam_mask_decoder.output_upscaling.3."),
    (r"^segmenter\.mask_decoder\.", "S.sam_mask_decoder."),
    (r"(S\..*(?:trunk|transformer).*\.mlp)\.proj_in\.", r"\1.layers.0."),
    (r"(S\..*(?:trunk|transformer).*\.mlp)\.proj_out\.", r"\1.layers.1."),
    (r"(S\..*(?:mlps\.\d|head))\.layers\.0\.", r"\1.layers.1."),
    (r"(S\..*(?:mlps\.\d|head))\.proj_in\.", r"\1.layers.0."),
    (r"(S\..*(?:mlps\.\d|head))\.proj_out\.", r"\1.layers.2."),
    (r"^(S\..*)\.o_proj\.", r"\1.out_proj."),
    (r"^(S\..*)\.layer_norm_final_attn\.", r"\1.norm_final_attn."),
    (r"^(S\..*)\.layer_norm(\d)\.", r"\1.norm\2."),
    (r"^S\.", "grounding_encoder.sam2_model."),
)


def _back(name: str) -> str:
    for pattern, replacement in _BACK:
        name = re.sub(pattern, replacement, name)
    return name


def published_state(built: CitrusV) -> dict[str, torch.Tensor]:
    """The model's tensors under the published names, with a piece of video memory."""
    published = {}
    for name, tensor in built.state_dict().items():
        if name == "segmenter.prompt_encoder.shared_embedding.positional_embedding":
            continue
        if name.endswith(".point_embed.weight"):
            for row in range(4):
                key = f"grounding_encoder.sam2_model.sam_prompt_encoder.point_embeddings.{row}.weight"
                published[key] = tensor[row : row + 1].clone()
            continue
        if built.projector.residual_mapping is not None and name.startswith("projector."):
            published["seg_" + name] = tensor
            continue
        published[_back(name)] = tensor
    published["grounding_encoder.sam2_model.memory_encoder.out_proj.bias"] = torch.zeros(3)
    published["grounding_encoder.sam2_model.no_obj_ptr"] = torch.zeros(1, 3)
    return published


def write_published(built: CitrusV, folder: Path, *, shards: int = 1) -> None:
    """A checkpoint folder in the published layout."""
    folder.mkdir(parents=True, exist_ok=True)
    extra = {
        "use_res_seg_projector": built.config.residual_projector,
        "tie_word_embeddings": built.config.tie_word_embeddings,
    }
    (folder / "config.json").write_text(json.dumps(PUBLISHED | extra))
    (folder / "sam2.json").write_text(json.dumps(SAM2))
    state = {name: tensor.contiguous() for name, tensor in published_state(built).items()}
    if built.config.tie_word_embeddings:
        del state["mllm.lm_head.weight"]
    if shards == 1:
        save_file(state, folder / "model.safetensors")
        return
    index = {}
    for shard in range(shards):
        part = dict(list(state.items())[shard::shards])
        file = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
        save_file(part, folder / file)
        index |= dict.fromkeys(part, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
