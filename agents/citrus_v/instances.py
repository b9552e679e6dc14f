"""Boxes of things that lie close together: their outline is cut apart where it is narrow, or covered with discs."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from agents.citrus_v.discs import discs_of
from agents.citrus_v.doubt import Decoding, Variant, shares
from agents.citrus_v.masks import filled

LOOKS = 2
"""Variants of a picture that are enough to tell things apart."""

LEAST = 0.0002
"""Share of the picture below which a part is noise: a tenth of a platelet's on a smear of 640 x 480 pixels."""

_HOLE = 0.0015
"""Share of the picture up to which a hole in the outline is filled: red cells are pale in the middle."""

_WORKED_ON = 320
"""Pixels of the longer side that are enough to tell things apart."""

_INSIDE = 0.55
_APART = 0.6
"""Least distance of two middles, in radii of a usual one."""

_REACH = 1.7
"""How far a thing goes from its middle, in the same radii."""

_DEEP = 1.8
"""Depth beyond which it is all the same how deep, in the same radii."""

_MOST_OF_A_DISC = 1.8
"""Area of a part over that of the largest disc in it, up to which the part counts as a single thing."""


def told_apart(
    reader: Decoding, seen: Sequence[Variant], segments: Sequence[Tensor], tiles: int, radius: float | None
) -> list[tuple[tuple[float, float, float, float], float]]:
    """The box of each instance of what a `[SEG]` outlines, with its score, the surest first.

    Args:
        segments: (1, hidden) each: of the outline and, where no radius tells them apart, of the mark in their middles.
        tiles: Parts a side that each variant is looked at in.
        radius: Usual radius over the longer side of the picture, of things that are round and of one size.

    Raises:
        ValueError: Neither a mark nor a radius is given.
    """
    if radius is None and len(segments) < 2:
        raise ValueError("instances are told apart by a mark or a radius")
    outline, *marks = shares(reader, seen[:LOOKS], torch.cat(list(segments)), tiles).cpu().numpy()
    return boxes_of(outline, marks[0]) if radius is None else discs_of(outline, radius)


def boxes_of(
    outline: NDArray[np.floating], marks: NDArray[np.floating]
) -> list[tuple[tuple[float, float, float, float], float]]:
    """The box of each instance with its score, the surest first.

    A middle is where the outline is deepest; every pixel of the outline belongs to the nearest middle.

    Args:
        outline: (rows, columns) probabilities of belonging to any instance.
        marks: (rows, columns) probabilities of being in the middle of one; they tell how sure an instance is.
    """
    rows, columns = outline.shape
    step = max(1, max(rows, columns) // _WORKED_ON)
    body, middle = outline[::step, ::step], ndimage.gaussian_filter(marks[::step, ::step], 4 / step)
    inside = filled(ndimage.gaussian_filter(body, 2 / step) > _INSIDE, _HOLE * body.size)
    parts, count = ndimage.label(inside)
    depth = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    radius = _usual_radius(parts, count, depth, LEAST * body.size)
    if radius is None:
        return []
    seeds = _middles(depth, radius, inside)
    far, nearest = ndimage.distance_transform_edt(seeds == 0, return_indices=True)
    rows_at, columns_at = nearest
    belongs = inside & (parts[rows_at, columns_at] == parts) & (far <= _REACH * radius)
    own = np.where(belongs, seeds[rows_at, columns_at], 0)
    found = []
    for index, place in enumerate(ndimage.find_objects(own), start=1):
        if place is None:
            continue
        here = own[place] == index
        if here.sum() < LEAST * body.size:
            continue
        down, across = place
        box = (
            float(across.start * step),
            float(down.start * step),
            float(min(columns, across.stop * step)),
            float(min(rows, down.stop * step)),
        )
        # What is cut at the edge or out of a heap is longer than wide, and less sure to be one whole thing.
        tall, wide = down.stop - down.start, across.stop - across.start
        even = min(tall, wide) / max(tall, wide)
        found.append((box, float(body[place][here].mean() * middle[place][here].max() * even**0.5)))
    return sorted(found, key=lambda one: -one[1])


def _usual_radius(parts: NDArray[np.int_], count: int, depth: NDArray[np.floating], least: float) -> float | None:
    """The middle radius of single things, or of all where fewer than three stand alone; None where there is none."""
    numbers = range(1, count + 1)
    deepest = np.asarray(ndimage.maximum(depth, parts, numbers))
    area = np.asarray(ndimage.sum(parts > 0, parts, numbers))
    large = area > least
    if not large.any():
        return None
    alone = large & (area < _MOST_OF_A_DISC * np.pi * deepest**2)
    return float(np.median(deepest[alone if alone.sum() >= 3 else large]))


def _middles(depth: NDArray[np.floating], radius: float, inside: NDArray[np.bool_]) -> NDArray[np.int_]:
    """Where the outline is deepest within a radius, numbered."""
    # What is deeper than usual is one large thing: its depth becomes a flat top, which is one middle.
    smooth = np.minimum(ndimage.gaussian_filter(depth, max(0.5, 0.06 * radius)), _DEEP * radius)
    reach = max(1, int(_APART * radius))
    steps = np.arange(-reach, reach + 1)
    disc = steps[:, None] ** 2 + steps[None] ** 2 <= reach**2
    top = (ndimage.maximum_filter(smooth, footprint=disc) == smooth) & (depth > 0.3 * radius)
    # Two pixels of one flat top are one middle.
    seeds: NDArray[np.int_] = ndimage.label(ndimage.binary_dilation(top, iterations=2) & inside)[0]
    return seeds
