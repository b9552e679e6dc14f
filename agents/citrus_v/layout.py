"""The names of the published checkpoint's tensors, and ours for the same tensors."""

import re
from dataclasses import dataclass
from enum import StrEnum

_SAM2 = "grounding_encoder.sam2_model."
_TRUNK = "image_encoder.trunk."
_PROMPT = "sam_prompt_encoder."
_DECODER = "sam_mask_decoder."


class Layout(StrEnum):
    """Whose names a checkpoint uses."""

    PUBLISHED = "published"
    OWN = "own"


@dataclass(frozen=True)
class Place:
    """Where a stored tensor belongs: all of our tensor `name`, or only its row `row`."""

    name: str
    row: int | None = None


MEMORY_MODULES = (
    "memory_attention",
    "memory_encoder",
    "maskmem_tpos_enc",
    "no_mem_pos_enc",
    "no_obj_ptr",
    "obj_ptr_proj",
    "obj_ptr_tpos_proj",
    "mask_downsample",
)
"""SAM 2's video memory. Still images never use it, so it is left out on purpose."""

# Published name to ours; "{n}" is a number. A name that ends in "." stands for all below it.
_RULES = tuple(
    (published if published.startswith(("mllm.", "seg_projector.")) else _SAM2 + published, own)
    for published, own in (
        ("mllm.", "mllm."),
        ("seg_projector.0.", "projector.linear1."),
        ("seg_projector.2.", "projector.linear2."),
        ("seg_projector.linear1.", "projector.linear1."),
        ("seg_projector.linear2.", "projector.linear2."),
        ("seg_projector.residual_mapping.", "projector.residual_mapping."),
        (_TRUNK + "patch_embed.proj.", "segmenter.vision_encoder.backbone.patch_embed.projection."),
        (_TRUNK + "pos_embed", "segmenter.vision_encoder.backbone.pos_embed"),
        (_TRUNK + "pos_embed_window", "segmenter.vision_encoder.backbone.pos_embed_window"),
        (_TRUNK + "blocks.{n}.norm{n}.", "segmenter.vision_encoder.backbone.blocks.{n}.layer_norm{n}."),
        (_TRUNK + "blocks.{n}.attn.", "segmenter.vision_encoder.backbone.blocks.{n}.attn."),
        (_TRUNK + "blocks.{n}.proj.", "segmenter.vision_encoder.backbone.blocks.{n}.proj."),
        (_TRUNK + "blocks.{n}.mlp.layers.0.", "segmenter.vision_encoder.backbone.blocks.{n}.mlp.proj_in."),
        (_TRUNK + "blocks.{n}.mlp.layers.1.", "segmenter.vision_encoder.backbone.blocks.{n}.mlp.proj_out."),
        ("image_encoder.neck.convs.{n}.conv.", "segmenter.vision_encoder.neck.convs.{n}."),
        ("no_mem_embed", "segmenter.no_memory_embedding"),
        (
            _PROMPT + "pe_layer.positional_encoding_gaussian_matrix",
            "segmenter.shared_image_embedding.positional_embedding",
        ),
        (_PROMPT + "no_mask_embed.", "segmenter.prompt_encoder.no_mask_embed."),
        (_PROMPT + "not_a_point_embed.", "segmenter.prompt_encoder.not_a_point_embed."),
        (_PROMPT + "mask_downscaling.0.", "segmenter.prompt_encoder.mask_embed.conv1."),
        (_PROMPT + "mask_downscaling.1.", "segmenter.prompt_encoder.mask_embed.layer_norm1."),
        (_PROMPT + "mask_downscaling.3.", "segmenter.prompt_encoder.mask_embed.conv2."),
        (_PROMPT + "mask_downscaling.4.", "segmenter.prompt_encoder.mask_embed.layer_norm2."),
        (_PROMPT + "mask_downscaling.6.", "segmenter.prompt_encoder.mask_embed.conv3."),
        (_DECODER + "iou_token.", "segmenter.mask_decoder.iou_token."),
        (_DECODER + "mask_tokens.", "segmenter.mask_decoder.mask_tokens."),
        (_DECODER + "obj_score_token.", "segmenter.mask_decoder.obj_score_token."),
        (_DECODER + "conv_s0.", "segmenter.mask_decoder.conv_s0."),
        (_DECODER + "conv_s1.", "segmenter.mask_decoder.conv_s1."),
        (_DECODER + "output_upscaling.0.", "segmenter.mask_decoder.upscale_conv1."),
        (_DECODER + "output_upscaling.1.", "segmenter.mask_decoder.upscale_layer_norm."),
        (_DECODER + "output_upscaling.3.", "segmenter.mask_decoder.upscale_conv2."),
        *(
            (f"{_DECODER}{head}.layers.{layer}.", f"segmenter.mask_decoder.{head}.{own}.")
            for head in ("output_hypernetworks_mlps.{n}", "iou_prediction_head", "pred_obj_score_head")
            for layer, own in ((0, "proj_in"), (1, "layers.0"), (2, "proj_out"))
        ),
        *(
            (
                f"{_DECODER}transformer.{attention}.{theirs}.",
                f"segmenter.mask_decoder.transformer.{attention}.{ours}.",
            )
            for attention in (
                "layers.{n}.self_attn",
                "layers.{n}.cross_attn_token_to_image",
                "layers.{n}.cross_attn_image_to_token",
                "final_attn_token_to_image",
            )
            for theirs, ours in (
                ("q_proj", "q_proj"),
                ("k_proj", "k_proj"),
                ("v_proj", "v_proj"),
                ("out_proj", "o_proj"),
            )
        ),
        (
            _DECODER + "transformer.layers.{n}.mlp.layers.0.",
            "segmenter.mask_decoder.transformer.layers.{n}.mlp.proj_in.",
        ),
        (
            _DECODER + "transformer.layers.{n}.mlp.layers.1.",
            "segmenter.mask_decoder.transformer.layers.{n}.mlp.proj_out.",
        ),
        (_DECODER + "transformer.layers.{n}.norm{n}.", "segmenter.mask_decoder.transformer.layers.{n}.layer_norm{n}."),
        (
            _DECODER + "transformer.norm_final_attn.",
            "segmenter.mask_decoder.transformer.layer_norm_final_attn.",
        ),
    )
)


def _pattern(template: str) -> re.Pattern[str]:
    body = re.escape(template).replace(re.escape("{n}"), r"(\d+)")
    return re.compile(f"{body}(.*)" if template.endswith(".") else f"{body}()", re.DOTALL)


_PATTERNS = tuple((_pattern(published), own.replace("{n}", "{}") + "{}") for published, own in _RULES)
_POINT = re.compile(re.escape(f"{_SAM2}{_PROMPT}point_embeddings.") + r"([0-3])\.weight")
_MEMORY = re.compile(re.escape(_SAM2) + f"(?:{'|'.join(MEMORY_MODULES)})" + r"(?:\.|$)")


def is_memory(published: str) -> bool:
    """Whether a published name belongs to SAM 2's video memory."""
    return _MEMORY.match(published) is not None


def place_of(published: str) -> Place | None:
    """Where the tensor of that published name belongs, or None for a name we do not know.

    SAM 2 keeps each of four point embeddings apart; transformers stacks them as rows.
    """
    if point := _POINT.fullmatch(published):
        return Place("segmenter.prompt_encoder.point_embed.weight", int(point[1]))
    for pattern, own in _PATTERNS:
        if match := pattern.fullmatch(published):
            return Place(own.format(*match.groups()))
    return None


def layout_of(names: set[str]) -> Layout:
    """Whose names these are: only the published ones speak of a grounding encoder."""
    published = any(name.startswith(("grounding_encoder.", "seg_projector.")) for name in names)
    return Layout.PUBLISHED if published else Layout.OWN
