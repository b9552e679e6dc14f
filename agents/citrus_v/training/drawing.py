"""SAM 2's part of a training step: batches of pictures, several prompts each, and the published losses."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, interpolate, mse_loss
from transformers import Sam2Model

MASK_WEIGHT = 2.0
DICE_WEIGHT = 1.0
"""Of the mask's cross-entropy and Dice losses, as Citrus-V was trained (arXiv 2509.19090)."""


@dataclass(frozen=True)
class Drawn:
    """What the decoder says about b pictures with k prompts each.

    Attributes:
        logits: (b, k, 3, side/4, side/4).
        iou: (b, k, 3).
        object_logit: (b, k).
        finest: (b, width, side/4, side/4), the image encoder's features.
    """

    logits: Tensor
    iou: Tensor
    object_logit: Tensor
    finest: Tensor


def draw(segmenter: Sam2Model, pixels: Tensor, prompts: Tensor) -> Drawn:
    """Draw b x k masks, with gradients.

    Args:
        pixels: (b, 3, side, side), normalised; any side that is a multiple of 128.
        prompts: (b, k, width), as the projector makes them.
    """
    features = segmenter.vision_encoder(pixels).fpn_hidden_states
    decoder, encoder = segmenter.mask_decoder, segmenter.prompt_encoder
    fine4, fine8 = decoder.conv_s0(features[0]), decoder.conv_s1(features[1])
    coarse = features[2] + segmenter.no_memory_embedding.reshape(1, -1, 1, 1)
    no_point = encoder.not_a_point_embed.weight.expand(*prompts.shape[:2], 2, -1)
    dense = encoder.no_mask_embed.weight.reshape(1, -1, 1, 1).expand_as(coarse)
    logits, iou, _, object_logit = decoder(
        image_embeddings=coarse,
        image_positional_embeddings=_positions(segmenter, coarse.shape[-1]).expand_as(coarse),
        sparse_prompt_embeddings=torch.cat([no_point, prompts.unsqueeze(2)], dim=2),
        dense_prompt_embeddings=dense,
        multimask_output=True,
        high_resolution_features=[fine4, fine8],
    )
    return Drawn(logits, iou, object_logit[..., 0], features[0])


def _positions(segmenter: Sam2Model, size: int) -> Tensor:
    """SAM 2's positions on a grid of size x size; the model's own method knows one size only."""
    steps = (torch.arange(size, device=segmenter.no_memory_embedding.device, dtype=torch.float32) + 0.5) / size
    rows, columns = torch.meshgrid(steps, steps, indexing="ij")
    positions: Tensor = segmenter.shared_image_embedding(torch.stack([columns, rows], dim=-1))
    return positions.permute(2, 0, 1).unsqueeze(0).to(segmenter.no_memory_embedding.dtype)


@dataclass(frozen=True)
class Losses:
    """Means over what they apply to, each a scalar with gradient."""

    mask: Tensor
    dice: Tensor
    iou: Tensor
    presence: Tensor

    @property
    def total(self) -> Tensor:
        """Weighted as published; the two scores, which have no published weight here, count once."""
        return MASK_WEIGHT * self.mask + DICE_WEIGHT * self.dice + self.iou + self.presence


def losses(drawn: Drawn, truth: Tensor, has_mask: Tensor, present: Tensor) -> Losses:
    """Hold drawn masks against the truth.

    SAM lets only the best of its three proposals learn, for prompts that mean several things. A name means
    one: all three learn it, so that whichever is chosen is good.

    Args:
        truth: (b, k, n, n) shares in [0, 1]; n a multiple of the decoder's side.
        has_mask: (b, k) bool, whether `truth` holds a mask that is not empty.
        present: (b, k) 1 where the target is on the picture, 0 where not, -1 where unknown.
    """
    told = present >= 0
    presence = binary_cross_entropy_with_logits(drawn.object_logit[told], present[told].to(drawn.object_logit))
    logits, wanted = drawn.logits[has_mask], truth[has_mask]
    if not len(logits):
        zero = drawn.logits.sum() * 0
        return Losses(zero, zero, zero, presence)
    full = interpolate(logits, size=wanted.shape[-2:], mode="bilinear", align_corners=False)
    wanted = wanted.unsqueeze(1).expand_as(full)
    crossed = binary_cross_entropy_with_logits(full, wanted, reduction="none").mean(dim=(2, 3))
    shares = full.sigmoid()
    joint = (shares * wanted).sum(dim=(2, 3))
    dice = 1 - (2 * joint + 1) / (shares.sum(dim=(2, 3)) + wanted.sum(dim=(2, 3)) + 1)
    with torch.no_grad():
        hard, sure = full > 0, wanted > 0.5
        iou = (hard & sure).sum(dim=(2, 3)) / (hard | sure).sum(dim=(2, 3)).clamp(min=1)
    return Losses(crossed.mean(), dice.mean(), mse_loss(drawn.iou[has_mask], iou), presence)


def dense_loss(logits: Tensor, truth: Tensor, told: Tensor) -> Tensor:
    """Cross-entropy and Dice over maps of all targets at once.

    Args:
        logits, truth: (b, targets, n, n).
        told: (b, targets), where `truth` is known; Dice counts where it is not empty too.
    """
    crossed = binary_cross_entropy_with_logits(logits, truth, reduction="none").mean(dim=(2, 3))
    there = told & (truth.sum(dim=(2, 3)) > 0)
    loss = MASK_WEIGHT * (crossed[told].mean() + crossed[there].mean() if bool(there.any()) else crossed[told].mean())
    if bool(there.any()):
        shares, wanted = logits[there].sigmoid(), truth[there]
        joint = (shares * wanted).sum(dim=(1, 2))
        loss = loss + (1 - (2 * joint + 1) / (shares.sum(dim=(1, 2)) + wanted.sum(dim=(1, 2)) + 1)).mean()
    return loss
