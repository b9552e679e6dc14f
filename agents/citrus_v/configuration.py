"""The sizes of a Citrus-V model, in the published form of config.json and in our own."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any, Self

from transformers import PreTrainedConfig, Qwen2_5_VLConfig, Sam2Config

PUBLISHED_SEG_TOKEN = 151665
"""Id of `[SEG]` in the published 8B vocabulary."""

PUBLISHED_8B: dict[str, Any] = {
    "bos_token_id": 151643,
    "eos_token_id": 151645,
    "image_token_id": 151655,
    "video_token_id": 151656,
    "vision_start_token_id": 151652,
    "vision_end_token_id": 151653,
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "max_position_embeddings": 128000,
    "max_window_layers": 28,
    "num_attention_heads": 28,
    "num_hidden_layers": 28,
    "num_key_value_heads": 4,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1000000.0,
    "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]},
    "tie_word_embeddings": False,
    "vocab_size": 152064,
    "vision_config": {
        "depth": 32,
        "hidden_size": 1280,
        "intermediate_size": 3420,
        "num_heads": 16,
        "out_hidden_size": 3584,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "window_size": 112,
        "fullatt_block_indexes": [7, 15, 23, 31],
        "tokens_per_second": 2,
    },
}
"""Sizes of the published 8B's language model (Qwen2.5-VL-7B), as its config.json gives them."""

HIERA_L: dict[str, Any] = {
    "trunk": {
        "embed_dim": 144,
        "num_heads": 2,
        "stages": [2, 6, 36, 4],
        "global_att_blocks": [23, 33, 43],
        "window_spec": [8, 4, 16, 8],
        "window_pos_embed_bkg_spatial_size": [7, 7],
    },
    "neck": {"d_model": 256, "backbone_channel_list": [1152, 576, 288, 144], "fpn_top_down_levels": [2, 3]},
    "prompt_embed_dim": 256,
    "image_size": 1024,
}
"""SAM 2's Hiera-L, meant where a checkpoint has no sam2.json (SAM 2's own sam2_hiera_l.yaml)."""

_PUBLISHED_ONLY = {
    "architectures",
    "dtype",
    "frozen_sam2_decoder",
    "frozen_sam2_image_encoder",
    "frozen_sam2_prompt_encoder",
    "grounding_encoder_config",
    "loss_dice_config",
    "loss_mask_config",
    "model_type",
    "seg_token_idx",
    "torch_dtype",
    "transformers_version",
    "use_res_seg_projector",
    "use_seg_loss",
}


class CitrusVConfig(PreTrainedConfig):  # type: ignore[misc]
    """Sizes of the three parts: language model with its vision encoder, projector, segmenter.

    Without arguments, those of the published 8B.

    Attributes:
        mllm_config: Qwen2.5-VL.
        segmenter_config: SAM 2.
        seg_token_id: The token whose hidden state becomes a mask prompt.
        residual_projector: Whether the projector has a linear shortcut.
    """

    model_type = "citrus_v"
    sub_configs = {"mllm_config": Qwen2_5_VLConfig, "segmenter_config": Sam2Config}  # noqa: RUF012 - transformers' name

    def __init__(
        self,
        mllm_config: Qwen2_5_VLConfig | dict[str, Any] | None = None,
        segmenter_config: Sam2Config | dict[str, Any] | None = None,
        seg_token_id: int = PUBLISHED_SEG_TOKEN,
        residual_projector: bool = False,
        **kwargs: Any,
    ) -> None:
        self.mllm_config = _sub(Qwen2_5_VLConfig, mllm_config or deepcopy(PUBLISHED_8B))
        self.segmenter_config = _sub(Sam2Config, segmenter_config or sam2_config(HIERA_L))
        self.seg_token_id = seg_token_id
        self.residual_projector = residual_projector
        kwargs.setdefault("tie_word_embeddings", bool(self.mllm_config.tie_word_embeddings))
        super().__init__(**kwargs)

    @classmethod
    def from_published(cls, published: dict[str, Any], sam2: dict[str, Any] | None = None) -> Self:
        """Read the published config.json, and sam2.json where the checkpoint has one.

        Args:
            published: With the language model's settings in `text_config` or, as in the published
                8B, at the top.
            sam2: `trunk`, `neck`, `prompt_embed_dim`, `image_size`; Hiera-L where None.
        """
        qwen = {key: value for key, value in published.items() if key not in _PUBLISHED_ONLY}
        dtype = published.get("torch_dtype") or published.get("dtype")
        if "text_config" in qwen:
            qwen = {
                key: value
                for key, value in qwen.items()
                if key in ("text_config", "vision_config", "tie_word_embeddings") or key.endswith("_token_id")
            }
        for part in ("text_config", "vision_config"):
            if part in qwen:
                qwen[part] = _without_nones(qwen[part])
        qwen.get("vision_config", {}).pop("model_type", None)
        return cls(
            mllm_config=Qwen2_5_VLConfig(**qwen),
            segmenter_config=sam2_config(sam2 or HIERA_L),
            seg_token_id=int(published.get("seg_token_idx", PUBLISHED_SEG_TOKEN)),
            residual_projector=bool(published.get("use_res_seg_projector", False)),
            dtype=dtype,
        )

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """Read config.json of a checkpoint in either layout.

        Raises:
            ValueError: There is none, or it is not a Citrus-V configuration.
        """
        raw = _read_json(folder / "config.json")
        if raw is None:
            raise ValueError(f"{folder} has no config.json")
        if raw.get("model_type") != cls.model_type:
            raise ValueError(f"{folder / 'config.json'} is for {raw.get('model_type')!r}, not {cls.model_type!r}")
        if "mllm_config" in raw:
            own: Self = cls.from_dict(raw)
            return own
        return cls.from_published(raw, _read_json(folder / "sam2.json"))

    @property
    def prompt_size(self) -> int:
        """Width of a mask prompt."""
        return int(self.segmenter_config.prompt_encoder_config.hidden_size)

    @property
    def image_size(self) -> int:
        """Side of the segmenter's square input in pixels."""
        return int(self.segmenter_config.prompt_encoder_config.image_size)

    @property
    def end_token_ids(self) -> frozenset[int]:
        """Tokens that end an answer."""
        ends = self.mllm_config.text_config.eos_token_id
        return frozenset(ends if isinstance(ends, list) else [ends])


def sam2_config(sam2: dict[str, Any]) -> Sam2Config:
    """SAM 2's configuration in transformers' words, from those of its own yaml files."""
    trunk, neck = sam2["trunk"], sam2["neck"]
    width, side = sam2["prompt_embed_dim"], sam2["image_size"]
    stages = range(len(trunk["stages"]))
    return Sam2Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam2_hiera_det_model",
                "hidden_size": trunk["embed_dim"],
                "num_attention_heads": trunk["num_heads"],
                "image_size": [side, side],
                "blocks_per_stage": trunk["stages"],
                "embed_dim_per_stage": [trunk["embed_dim"] * 2**stage for stage in stages],
                "num_attention_heads_per_stage": [trunk["num_heads"] * 2**stage for stage in stages],
                "window_size_per_stage": trunk["window_spec"],
                "global_attention_blocks": trunk["global_att_blocks"],
                "window_positional_embedding_background_size": trunk["window_pos_embed_bkg_spatial_size"],
            },
            "backbone_channel_list": neck["backbone_channel_list"],
            "backbone_feature_sizes": [[side // stride, side // stride] for stride in (4, 8, 16)],
            "fpn_hidden_size": neck["d_model"],
            "fpn_top_down_levels": neck["fpn_top_down_levels"],
        },
        prompt_encoder_config={"hidden_size": width, "image_size": side},
        mask_decoder_config={"hidden_size": width},
    )


def _sub(kind: type[Any], config: Any) -> Any:
    return kind(**config) if isinstance(config, dict) else config


def _without_nones(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if value is not None}


def _read_json(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} is not a JSON object")  # noqa: TRY004 - the file is wrong, not a type of ours
    return content
