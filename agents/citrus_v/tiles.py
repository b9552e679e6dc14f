"""A picture of small things looked at part by part, and the parts' answers joined without seams."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from agents.citrus_v.pictures import Picture

OVERLAP = 0.15
"""Share of a tile's side that it has in common with its neighbour."""

CLOSEST = 4.0
"""Shorter side of a picture over the smallest side of a closer look at a part of it."""

_CLOSER_GAIN = 1.2
"""Sides of the picture over those of a closer look below which it would show nothing new."""


@dataclass(frozen=True, eq=False)
class Tile:
    """One part, and where it lies: rows [top, bottom), columns [left, right)."""

    picture: Picture
    top: int
    bottom: int
    left: int
    right: int


def tiles(picture: Picture, count: int) -> Iterator[Tile]:
    """`count` x `count` parts that overlap; the picture itself where `count` is 1."""
    if count == 1:
        yield Tile(picture, 0, picture.height, 0, picture.width)
        return
    for top, bottom in _spans(picture.height, count):
        for left, right in _spans(picture.width, count):
            part = Picture.from_array(np.ascontiguousarray(picture.pixels[top:bottom, left:right]))
            yield Tile(part, top, bottom, left, right)


def closer(picture: Picture, mask: NDArray[np.bool_], room: float) -> Tile | None:
    """The square around the largest connected part of a mask, for a second look.

    Args:
        mask: (rows, columns), not empty.
        room: Side of the square over the longer side of that part.

    Returns:
        None where the square would be nearly the whole picture.
    """
    parts, count = ndimage.label(mask)
    largest = int(np.argmax(np.bincount(parts.ravel(), minlength=count + 1)[1:]))
    down, across = ndimage.find_objects(parts)[largest]
    least = min(picture.height, picture.width) / CLOSEST
    side = round(max(least, room * max(down.stop - down.start, across.stop - across.start)))
    if side * _CLOSER_GAIN > min(picture.height, picture.width):
        return None
    top = int(np.clip((down.start + down.stop - side) // 2, 0, picture.height - side))
    left = int(np.clip((across.start + across.stop - side) // 2, 0, picture.width - side))
    part = Picture.from_array(np.ascontiguousarray(picture.pixels[top : top + side, left : left + side]))
    return Tile(part, top, top + side, left, left + side)


def joined(parts: list[tuple[Tile, Tensor]], height: int, width: int) -> Tensor:
    """Values (rows, columns) of each tile as one picture; where tiles overlap their middles weigh most."""
    total, weight = torch.zeros(height, width), torch.zeros(height, width)
    for tile, values in parts:
        rows, columns = tile.bottom - tile.top, tile.right - tile.left
        share = torch.outer(_ramp(rows), _ramp(columns))
        place = slice(tile.top, tile.bottom), slice(tile.left, tile.right)
        total[place] += values.cpu() * share
        weight[place] += share
    return total / weight


def _spans(length: int, count: int) -> list[tuple[int, int]]:
    side = min(length, round(length / count * (1 + OVERLAP)))
    starts = np.linspace(0, length - side, count).round().astype(int)
    return [(int(start), int(start) + side) for start in starts]


def _ramp(length: int) -> Tensor:
    steps = torch.arange(length) + 0.5
    return torch.minimum(steps, length - steps).clamp(max=max(1.0, OVERLAP * length)) / max(1.0, OVERLAP * length)
