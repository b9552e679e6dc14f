"""From mask logits to masks on the original pixels, with every score the decoder gives."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError
from torch import Tensor

from agents.citrus_v.model import MaskLogits

OBJECT_THRESHOLD = 0.5
"""Below this probability the object is absent: SAM 2's own rule, a logit of 0."""

STABILITY_OFFSET = 1.0
"""How far the threshold moves for the stability score, in logits, as in SAM's automatic masks."""


@dataclass(frozen=True, eq=False)
class DrawnMask:
    """One mask on the original pixels.

    Attributes:
        mask: (rows, columns) of the original picture.
        iou: The overlap the decoder expects with the truth, in [0, 1]. Its own estimate.
        object_score: Probability that the object is in the picture at all.
        stability: Overlap of the mask with itself between a stricter and a laxer threshold, in
            [0, 1]; 0 where even the laxer one is empty.

    Scores are None where a server sends the mask without them.
    """

    mask: NDArray[np.bool_]
    iou: float | None = None
    object_score: float | None = None
    stability: float | None = None

    @property
    def absent(self) -> bool:
        """Whether this says that the object is not there: its score is low, or no pixel is set."""
        low = self.object_score is not None and self.object_score < OBJECT_THRESHOLD
        return low or not self.mask.any()

    @property
    def scores(self) -> dict[str, float]:
        """The scores there are, by name."""
        scores = {"iou": self.iou, "object_score": self.object_score, "stability": self.stability}
        return {name: score for name, score in scores.items() if score is not None}


@torch.inference_mode()
def draw(decoded: MaskLogits, height: int, width: int) -> list[DrawnMask]:
    """The best proposal of each prompt on a picture of `height` x `width`.

    Logits are resized, not masks, so that edges fall between the decoder's coarse pixels.
    """
    logits, iou = decoded.best()
    masks = []
    for index in range(len(logits)):
        # One at a time: k full-size float masks of a large picture would fill the memory.
        full = resize(logits[index], height, width)
        masks.append(
            DrawnMask(
                mask=(full > 0).cpu().numpy(),
                iou=float(iou[index].clamp(0, 1)),
                object_score=float(torch.sigmoid(decoded.object_logit[index])),
                stability=stability(full),
            )
        )
    return masks


def resize(logits: Tensor, height: int, width: int) -> Tensor:
    """(side, side) logits to (height, width), bilinear between pixel centres."""
    return torch.nn.functional.interpolate(
        logits[None, None], size=(height, width), mode="bilinear", align_corners=False
    )[0, 0]


def stability(logits: Tensor) -> float:
    """Overlap of a mask with itself between a stricter and a laxer threshold; 0 where both are empty."""
    lax = int((logits > -STABILITY_OFFSET).sum())
    return int((logits > STABILITY_OFFSET).sum()) / lax if lax else 0.0


def filled(mask: NDArray[np.bool_], most: float) -> NDArray[np.bool_]:
    """The mask with its holes of fewer than `most` pixels."""
    holes, _ = ndimage.label(~mask)
    whole: NDArray[np.bool_] = mask | (np.bincount(holes.ravel())[holes] < most)
    return whole


def rounded(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The convex hull of the largest connected part; a part on one line as it is."""
    parts, count = ndimage.label(mask)
    if not count:
        return mask
    number = 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    largest: NDArray[np.bool_] = parts == number
    found: NDArray[np.bool_] = np.zeros_like(mask)
    edge = largest & ~ndimage.binary_erosion(largest)
    try:
        sides = ConvexHull(np.argwhere(edge)).equations
    except QhullError:
        return largest
    down, across = ndimage.find_objects(parts)[number - 1]
    rows, columns = np.mgrid[down, across]
    places = np.stack([rows, columns, np.ones_like(rows)], axis=-1)
    found[down, across] = (places @ sides.T <= 1e-6).all(axis=-1)
    return found
