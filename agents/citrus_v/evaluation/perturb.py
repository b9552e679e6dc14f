"""Ten named changes of a picture that a reader would see through, to measure what a model does with them."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from agents.citrus_v.training.augment import bias_field, blurred, coarser, compressed

Pixels = NDArray[np.uint8]
Masks = dict[str, NDArray[np.bool_]]
Box = tuple[float, float, float, float]
Boxes = dict[str, tuple[Box, ...]]
Change = Callable[[Pixels, Masks, Boxes, Generator], tuple[Pixels, Masks, Boxes]]


def _values(change: Callable[[Tensor, Generator], Tensor]) -> Change:
    """A change of values only, written for (3, rows, columns) in [0, 1]."""

    def changed(pixels: Pixels, masks: Masks, boxes: Boxes, random: Generator) -> tuple[Pixels, Masks, Boxes]:
        values = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255
        out = (change(values, random).clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
        return out, masks, boxes

    return changed


def _noise(values: Tensor, random: Generator) -> Tensor:
    return values + 0.08 * torch.from_numpy(random.standard_normal(values.shape[-2:], dtype=np.float32))


def _bias(values: Tensor, random: Generator) -> Tensor:
    return values * bias_field(values.shape[-2:], random, 0.35)


def _rotated(pixels: Pixels, masks: Masks, boxes: Boxes, random: Generator) -> tuple[Pixels, Masks, Boxes]:
    """15 degrees to either side; the box of a rotated instance is that of its turned ellipse."""
    angle = float(np.deg2rad(15)) * (1 if random.random() < 0.5 else -1)
    rows, columns = pixels.shape[:2]
    cos, sin = np.cos(angle), np.sin(angle)
    # affine_grid works in halves of each side, so a turn of pixels is not one of its square.
    matrix = torch.tensor([[cos, -sin * rows / columns, 0.0], [sin * columns / rows, cos, 0.0]], dtype=torch.float32)
    names = list(masks)
    stack = np.concatenate([pixels.transpose(2, 0, 1), *(masks[name][None] * 255.0 for name in names)]).astype(
        np.float32
    )
    grid = affine_grid(matrix[None], [1, len(stack), rows, columns], align_corners=False)
    moved = grid_sample(torch.from_numpy(stack)[None], grid, align_corners=False)[0].numpy()
    turned = {name: moved[3 + index] > 127.5 for index, name in enumerate(names)}
    centre = np.array([columns / 2, rows / 2])
    # Where the grid looks back by the angle, a point moves forward by it.
    turn = np.array([[cos, sin], [-sin, cos]])
    placed: Boxes = {}
    for name, found in boxes.items():
        new = []
        for x0, y0, x1, y1 in found:
            x, y = turn @ (np.array([(x0 + x1) / 2, (y0 + y1) / 2]) - centre) + centre
            half_x, half_y = (x1 - x0) / 2, (y1 - y0) / 2
            wide = np.hypot(half_x * cos, half_y * sin)
            tall = np.hypot(half_x * sin, half_y * cos)
            box = np.clip([x - wide, y - tall, x + wide, y + tall], 0, [columns, rows, columns, rows])
            if box[2] - box[0] > 2 and box[3] - box[1] > 2:
                new.append(tuple(float(edge) for edge in box))
        placed[name] = tuple(new)  # type: ignore[arg-type]
    return moved[:3].round().clip(0, 255).astype(np.uint8).transpose(1, 2, 0).copy(), turned, placed


def _cropped(pixels: Pixels, masks: Masks, boxes: Boxes, random: Generator) -> tuple[Pixels, Masks, Boxes]:
    """A tenth is cut off every side."""
    rows, columns = pixels.shape[:2]
    top, left = rows // 10, columns // 10
    down, across = slice(top, rows - top), slice(left, columns - left)
    kept: Boxes = {}
    for name, found in boxes.items():
        moved = []
        for x0, y0, x1, y1 in found:
            box = (
                max(0.0, x0 - left),
                max(0.0, y0 - top),
                min(columns - 2.0 * left, x1 - left),
                min(rows - 2.0 * top, y1 - top),
            )
            if box[2] - box[0] > 2 and box[3] - box[1] > 2:
                moved.append(box)
        kept[name] = tuple(moved)
    return pixels[down, across].copy(), {name: mask[down, across] for name, mask in masks.items()}, kept


def _jpeg(pixels: Pixels, masks: Masks, boxes: Boxes, random: Generator) -> tuple[Pixels, Masks, Boxes]:
    return compressed(pixels, 15), masks, boxes


PERTURBATIONS: Mapping[str, Change] = {
    "noise": _values(_noise),
    "blur": _values(lambda values, random: blurred(values, 1.5)),
    "bias field": _values(_bias),
    "gamma": _values(lambda values, random: values ** (0.6 if random.random() < 0.5 else 1.6)),
    "contrast inversion": _values(lambda values, random: 1 - values),
    "resolution": _values(lambda values, random: coarser(values, 2.5)),
    "rotation": _rotated,
    "crop": _cropped,
    "JPEG": _jpeg,
    "intensity scale": _values(lambda values, random: values * (0.6 if random.random() < 0.5 else 1.4)),
}
"""By name. Strengths: noise 8 % of the range, blur 1.5 pixels, JPEG quality 15; the others are in the code above."""
