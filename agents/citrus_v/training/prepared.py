"""Labelled pictures at the size that training needs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from agents.citrus_v.training.examples import Example
from agents.citrus_v.training.targets import masks, present

_KEPT = 320


@dataclass(frozen=True, eq=False)
class Prepared:
    """An example at the size that training needs, with everything known about its targets."""

    id: str
    folder: str
    pixels: NDArray[np.uint8]
    masks: dict[str, NDArray[np.uint8]]
    present: dict[str, bool]


def prepare(example: Example) -> Prepared:
    """Shrink an example to at most 320 pixels a side; masks become shares of 0 to 255."""
    rows, columns = example.pixels.shape[:2]
    size = min(columns, _KEPT), min(rows, _KEPT)
    reducer = PillowImage.Resampling.BOX
    pixels = np.asarray(PillowImage.fromarray(example.pixels).resize(size, PillowImage.Resampling.LANCZOS))
    if (pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 0] == pixels[..., 2]).all():
        pixels = pixels[..., :1]
    kept = {
        target: np.asarray(PillowImage.fromarray(mask.astype(np.uint8) * 255).resize(size, reducer))
        for target, mask in masks(example).items()
        if mask.any()
    }
    return Prepared(example.id, example.folder, pixels.copy(), kept, dict(present(example)))
