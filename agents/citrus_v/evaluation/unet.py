"""The baseline: MONAI's U-Net, one channel a target, on the same pictures in the same order."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from monai.networks.nets import UNet
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from agents.citrus_v.doubt import variants
from agents.citrus_v.evaluation.eyes import Seen, drawn, marks
from agents.citrus_v.features import FeatureCache
from agents.citrus_v.model import MaskLogits
from agents.citrus_v.pictures import Picture
from agents.citrus_v.training.batches import Sampler
from agents.citrus_v.training.drawing import dense_loss
from agents.citrus_v.training.engine import Progress, rate_at
from agents.citrus_v.training.folders import read
from agents.citrus_v.training.prepared import prepare
from agents.citrus_v.training.recipe import Recipe, RecipeError
from agents.citrus_v.training.targets import TARGETS

_KEPT = 64
"""Pictures, variants and parts of which the last pass is remembered."""

CHANNELS = (16, 32, 64, 128, 256)


def network() -> UNet:
    """MONAI's residual U-Net with five levels."""
    return UNet(
        spatial_dims=2,
        in_channels=3,
        out_channels=len(TARGETS),
        channels=CHANNELS,
        strides=(2, 2, 2, 2),
        num_res_units=1,
        norm="BATCH",
    )


def train_beside(recipe: Recipe, data: Path, file: Path, progress: Progress | None = None) -> None:
    """Train on the batches of the recipe's first stage of masks, each seen at its full size.

    Raises:
        RecipeError: No stage has masks as its objective.
    """
    stage = next((one for one in recipe.stages if one.objective == "masks"), None)
    if stage is None:
        raise RecipeError("the recipe has no stage of masks, whose pictures the baseline would see")
    torch.manual_seed(recipe.seed)
    prepared = [prepare(example) for example in read(data, "train")]
    sampler = Sampler(prepared, recipe.seed * 1000 + recipe.stages.index(stage))
    net = network().train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=stage.rate, weight_decay=stage.decay)
    for step in range(stage.steps):
        for group in optimizer.param_groups:
            group["lr"] = rate_at(stage, step)
        phase = stage.phase(step)
        batch = sampler.batch(step, phase.batch, phase, coarseness=1)
        loss = dense_loss(net(batch.pixels), batch.dense, batch.told)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        if progress is not None:
            progress("U-Net", step + 1, stage.steps, {"dense": float(loss.detach())})
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(net.state_dict(), file)


class UNetEyes:
    """The trained baseline, looking as often and as closely as the model beside it.

    A target is there as surely as its surest five-hundredth of pixels.

    Args:
        looks: How many variants of a picture are looked at, 1 to 4.
    """

    name = "MONAI U-Net"

    def __init__(self, file: Path, side: int, looks: int = 4) -> None:
        self.net = network()
        self.net.load_state_dict(load_file(file))
        self.net.eval()
        self.side, self.looks = side, looks
        self.kept: FeatureCache[Tensor] = FeatureCache(_KEPT)

    @torch.inference_mode()
    def decode(self, picture: Picture, segments: Tensor) -> MaskLogits:
        """Masks of the targets whose rows `segments` (k, 1) names, three alike for each."""
        logits = self.kept.get(picture.digest, lambda: self.net(picture.square(self.side))[0])[segments[:, 0].long()]
        surest = logits.flatten(1).topk(max(1, logits[0].numel() // 500)).values.mean(dim=1)
        agreed = surest.sigmoid()[:, None].expand(-1, 3)
        return MaskLogits(logits[:, None].expand(-1, 3, -1, -1), agreed, surest)

    def look(self, pixels: NDArray[np.uint8], targets: Sequence[str], instances: Sequence[str]) -> Mapping[str, Seen]:
        """Every target from one pass over each variant."""
        asked = [*targets, *marks(instances)]
        rows = {target: torch.tensor([[float(TARGETS.index(target))]]) for target in asked}
        return drawn(self, variants(Picture.from_array(pixels))[: self.looks], rows, targets, instances)
