"""Citrus-V: Qwen2.5-VL reads and answers, a projector turns `[SEG]` into a prompt, SAM 2 draws the mask."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn
from transformers import Cache, PreTrainedModel, Qwen2_5_VLForConditionalGeneration, Sam2Model

from agents.citrus_v.configuration import CitrusVConfig

_POINT_POSITIONS = "segmenter.prompt_encoder.shared_embedding.positional_embedding"


class SegProjector(nn.Module):
    """From a hidden state of the language model to a mask prompt.

    Two linear layers with a ReLU between; the residual variant adds a linear shortcut.
    """

    def __init__(self, hidden: int, prompt: int, *, residual: bool) -> None:
        super().__init__()
        self.linear1 = nn.Linear(hidden, hidden)
        self.linear2 = nn.Linear(hidden, prompt)
        self.residual_mapping = nn.Linear(hidden, prompt) if residual else None

    def forward(self, hidden: Tensor) -> Tensor:
        """(..., hidden) to (..., prompt)."""
        prompt: Tensor = self.linear2(torch.relu(self.linear1(hidden)))
        if self.residual_mapping is not None:
            prompt = prompt + self.residual_mapping(hidden)
        return prompt


@dataclass(frozen=True)
class ImageEmbedding:
    """One image as SAM 2's mask decoder wants it.

    Attributes:
        coarse: (1, width, side/16, side/16), before the no-memory embedding.
        fine: Features at side/4 and side/8, for the edges of the mask.
    """

    coarse: Tensor
    fine: tuple[Tensor, Tensor]


@dataclass(frozen=True)
class MaskLogits:
    """What the mask decoder says about k prompts.

    Attributes:
        logits: (k, 3, side/4, side/4), three proposals for each.
        iou: (k, 3), the overlap the decoder expects of each proposal, in [0, 1].
        object_logit: (k,), above 0 where the decoder sees the object at all.
    """

    logits: Tensor
    iou: Tensor
    object_logit: Tensor

    def best(self) -> tuple[Tensor, Tensor]:
        """The proposal of highest expected overlap: (k, side/4, side/4), and its overlap (k,)."""
        iou, index = self.iou.max(dim=1)
        return self.logits[torch.arange(len(index), device=index.device), index], iou


class CitrusV(PreTrainedModel):  # type: ignore[misc]
    """The three parts, each on a device of its own if wanted.

    Args:
        config: The sizes.
        devices: Device by part ("mllm", "projector", "segmenter"); torch's default where absent.
    """

    config_class = CitrusVConfig
    base_model_prefix = ""
    main_input_name = "input_ids"
    input_modalities = ("image", "text")
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_attention_backend = True

    PARTS = ("mllm", "projector", "segmenter")

    def __init__(self, config: CitrusVConfig, devices: Mapping[str, str | torch.device] | None = None) -> None:
        super().__init__(config)
        devices = devices or {}
        ambient = torch.get_default_device()
        with torch.device(devices.get("mllm", ambient)):
            self.mllm = Qwen2_5_VLForConditionalGeneration._from_config(config.mllm_config)
        with torch.device(devices.get("projector", ambient)):
            hidden = config.mllm_config.text_config.hidden_size
            self.projector = SegProjector(hidden, config.prompt_size, residual=config.residual_projector)
            self.projector.to(self.mllm.dtype)
        with torch.device(devices.get("segmenter", ambient)):
            self.segmenter = Sam2Model._from_config(config.segmenter_config)
            # SAM 2 has one matrix of positions; transformers makes two. Half precision would blur it.
            self.segmenter.shared_image_embedding.float()
            self.segmenter.prompt_encoder.shared_embedding = self.segmenter.shared_image_embedding
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        # Qwen2.5-VL and SAM 2 initialise themselves.
        if module in (self.projector.linear1, self.projector.linear2, self.projector.residual_mapping):
            super()._init_weights(module)

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str], *_: Any, **kwargs: Any) -> Self:
        """Load a checkpoint folder in the published layout or in ours; see `checkpoint.load`."""
        from agents.citrus_v.checkpoint import load

        model: Self = load(Path(folder), cls=cls, **kwargs)
        return model

    def save_pretrained(self, folder: str | os.PathLike[str], max_shard_size: str = "5GB", **kwargs: Any) -> None:
        """Write config.json and sharded safetensors in our own layout."""
        state = {name: tensor for name, tensor in self.state_dict().items() if name != _POINT_POSITIONS}
        # Our names stay as they are; transformers would turn Qwen's into older ones.
        super().save_pretrained(
            folder, state_dict=state, max_shard_size=max_shard_size, save_original_format=False, **kwargs
        )

    # --- reading ---

    def encode_vision(self, patches: Tensor, grids: Tensor) -> tuple[Tensor, ...]:
        """Images as the language model sees them.

        Args:
            patches: (all patches, channels x time x 14 x 14), image after image.
            grids: (images, 3), patches in time, height and width.

        Returns:
            For each image (patches / 4, hidden).
        """
        visual = self.mllm.model.visual
        features = self.mllm.model.get_image_features(
            patches.to(visual.device), grids.to(visual.device), return_dict=True
        )
        return tuple(features.pooler_output)

    def positions(self, ids: Tensor, mask: Tensor | None, grids: Tensor) -> tuple[Tensor, Tensor]:
        """Positions in time, height and width, (3, batch, length), and what later tokens add, (batch, 1).

        Args:
            ids: (batch, length).
            mask: (batch, length), 0 at padding; None where there is none.
            grids: (images, 3) in the order of the image tokens.
        """
        is_image = (ids == self.config.mllm_config.image_token_id).int()
        positions, delta = self.mllm.model.get_rope_index(
            ids, is_image, image_grid_thw=grids if len(grids) else None, attention_mask=mask
        )
        return positions, delta

    def embed(self, ids: Tensor, images: Sequence[Tensor]) -> Tensor:
        """Token embeddings (batch, length, hidden) with the images' features at their tokens.

        Raises:
            ValueError: The image tokens are not as many as the features.
        """
        embeddings: Tensor = self.mllm.get_input_embeddings()(ids)
        slots = ids == self.config.mllm_config.image_token_id
        features = sum(len(image) for image in images)
        if int(slots.sum()) != features:
            raise ValueError(f"{int(slots.sum())} image tokens for {features} image features")
        if not images:
            return embeddings
        filled = torch.cat(list(images)).to(embeddings)
        return embeddings.masked_scatter(slots.unsqueeze(-1), filled)

    def read(
        self, embeddings: Tensor, positions: Tensor, mask: Tensor | None = None, cache: Cache | None = None
    ) -> Tensor:
        """Hidden states after the final norm, (batch, length, hidden).

        Args:
            embeddings: (batch, length, hidden), from `embed`.
            positions: (3, batch, length).
            mask: (batch, cached + length), 0 at padding.
            cache: Keys and values of what was read before; grows by `length`.
        """
        states: Tensor = self.mllm.model.language_model(
            inputs_embeds=embeddings,
            position_ids=positions,
            attention_mask=mask,
            cache=cache,
            use_cache=cache is not None,
        ).last_hidden_state
        return states

    def predict(self, hidden: Tensor) -> Tensor:
        """Logits of the next token, (..., vocabulary)."""
        logits: Tensor = self.mllm.lm_head(hidden)
        return logits

    def prompt(self, hidden: Tensor) -> Tensor:
        """Hidden states of `[SEG]` (k, hidden) to mask prompts (k, prompt)."""
        weight = self.projector.linear1.weight
        prompts: Tensor = self.projector(hidden.to(weight))
        return prompts

    def forward(
        self,
        input_ids: Tensor,
        pixel_values: Tensor | None = None,
        image_grid_thw: Tensor | None = None,
        attention_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Read a whole sequence at once: logits and last hidden states at every position."""
        images: tuple[Tensor, ...] = ()
        grids = input_ids.new_zeros((0, 3))
        if pixel_values is not None and image_grid_thw is not None:
            grids = image_grid_thw
            images = self.encode_vision(pixel_values, grids)
        positions, _ = self.positions(input_ids, attention_mask, grids)
        hidden = self.read(self.embed(input_ids, images), positions, attention_mask)
        return self.predict(hidden), hidden

    # --- drawing ---

    def encode_image(self, pixels: Tensor) -> ImageEmbedding:
        """SAM 2's features of one normalised image, (1, 3, side, side)."""
        # SAM 2 casts the pixels to its own precision.
        device = self.segmenter.no_memory_embedding.device
        features = self.segmenter.get_image_features(pixels.to(device), return_dict=True).fpn_hidden_states
        sizes = self.segmenter.backbone_feature_sizes
        fine4, fine8, coarse = (
            feature.permute(1, 2, 0).reshape(1, -1, *size) for feature, size in zip(features, sizes, strict=True)
        )
        return ImageEmbedding(coarse, (fine4, fine8))

    def decode_masks(self, image: ImageEmbedding, prompts: Tensor) -> MaskLogits:
        """Draw k masks in one pass of the decoder.

        Args:
            image: From `encode_image`.
            prompts: (k, prompt). Each joins two copies of the not-a-point embedding, as SAM 2
                has them where there are no points; the dense prompt is the no-mask embedding.
        """
        segmenter = self.segmenter
        no_memory = segmenter.no_memory_embedding
        encoder = segmenter.prompt_encoder
        prompts = prompts.to(no_memory)
        no_point = encoder.not_a_point_embed.weight.expand(len(prompts), 2, -1)
        sparse = torch.cat([no_point, prompts.unsqueeze(1)], dim=1).unsqueeze(0)
        dense = encoder.no_mask_embed.weight.reshape(1, -1, 1, 1).expand_as(image.coarse)
        logits, iou, _, object_logit = segmenter.mask_decoder(
            image_embeddings=image.coarse + no_memory.reshape(1, -1, 1, 1),
            image_positional_embeddings=segmenter.get_image_wide_positional_embeddings().to(no_memory),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=True,
            high_resolution_features=list(image.fine),
        )
        return MaskLogits(logits[0].float(), iou[0].float(), object_logit[0, :, 0].float())
