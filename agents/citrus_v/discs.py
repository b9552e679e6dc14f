"""Boxes of round things of one size that lie in heaps: their outline is covered with discs, the best place first."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.signal import fftconvolve

from agents.citrus_v.masks import filled

GRID = 10
"""Pixels of a radius that are enough to place a disc."""

_INSIDE = 0.5
_HOLE = 0.004
"""Share of the picture up to which a hole in the outline belongs to it: red cells are pale in the middle."""

_AROUND = 0.35
"""Width of the ring around a disc, in radii: what lies there too tells that the disc lies off its thing."""

_RING_COST = 0.25
_COVERED = 0.5
"""What a pixel that another disc has taken counts against the next one."""

_FULL = 0.4
"""Least mean of what is left of the outline under a disc."""

_REACH = 1.4
"""How far a thing goes from its middle, in radii."""

_ALONE = 1.5
"""Area of a part over that of the largest disc in it, up to which the part is a single thing."""

_ENOUGH_ALONE = 3
_SPECK = GRID / 4
"""Radius, in pixels of the grid, from which a part is a thing and no speck: a smaller one is not told apart there."""

_MOST = 500

Box = tuple[float, float, float, float]


def discs_of(outline: NDArray[np.floating], radius: float) -> list[tuple[Box, float]]:
    """The box of each thing with its score, the surest first.

    Where at least three things stand alone their radius is taken, else the usual one: in a heap it cannot be seen.

    Args:
        outline: (rows, columns) probabilities of belonging to any thing.
        radius: Usual radius of a thing over the longer side of the picture.
    """
    rows, columns = outline.shape
    step = max(1, round(radius * max(rows, columns) / GRID))
    body = ndimage.gaussian_filter(_reduced(outline, step), 0.5)
    inside = filled(body > _INSIDE, _HOLE * body.size)
    r = _radius_alone(inside) or max(1.0, radius * max(rows, columns) / step)
    discs = _placed(np.where(inside, np.maximum(body, 0.7), body), r)
    if not discs:
        return []
    middles = np.array([place for place, _ in discs])
    # Every pixel goes to the nearest middle.
    seeds = np.ones(body.shape, dtype=np.bool_)
    seeds[tuple(middles.T)] = False
    far, (down, across) = ndimage.distance_transform_edt(seeds, return_indices=True)
    number = np.zeros(body.shape, dtype=np.int_)
    number[tuple(middles.T)] = np.arange(1, len(middles) + 1)
    found = []
    own = np.where(inside & (far <= _REACH * r), number[down, across], 0)
    for index, place in enumerate(ndimage.find_objects(own, len(discs)), start=1):
        if place is None:
            continue
        (row, column), full = discs[index - 1]
        # Half way between the disc and what is seen of the thing.
        top, bottom = (row + 0.5 - r + place[0].start) / 2, (row + 0.5 + r + place[0].stop) / 2
        left, right = (column + 0.5 - r + place[1].start) / 2, (column + 0.5 + r + place[1].stop) / 2
        box = (
            float(max(0, round(left * step))),
            float(max(0, round(top * step))),
            float(min(columns, round(right * step))),
            float(min(rows, round(bottom * step))),
        )
        wide, tall = box[2] - box[0], box[3] - box[1]
        if min(wide, tall) < 1:
            continue
        sure = float(body[place][own[place] == index].mean()) * full * (min(wide, tall) / max(wide, tall)) ** 0.5
        found.append((box, min(1.0, sure)))
    return sorted(found, key=lambda one: -one[1])


def _placed(shown: NDArray[np.floating], r: float) -> list[tuple[tuple[int, int], float]]:
    """Middles of discs of radius `r` that cover what is shown, each with how full it was when placed."""
    disc, ring = _disc_and_ring(r)
    ones = np.ones_like(shown)
    # Near an edge only the part of a disc that is on the picture counts, and counts a little less.
    area = fftconvolve(ones, disc, "same")
    weight = np.sqrt(np.clip(area / disc.sum(), 0, 1)) / area
    beside = fftconvolve(shown, ring, "same") / np.maximum(fftconvolve(ones, ring, "same"), 1)
    cost = _RING_COST * np.clip(beside, 0, 1)
    rows, columns = np.ogrid[: shown.shape[0], : shown.shape[1]]
    left = shown.copy()
    discs: list[tuple[tuple[int, int], float]] = []
    while len(discs) < _MOST:
        full = fftconvolve(left, disc, "same") * weight
        row, column = np.unravel_index(int(np.argmax(full - cost)), full.shape)
        if full[row, column] < _FULL:
            break
        discs.append(((int(row), int(column)), float(full[row, column])))
        left[(rows - row) ** 2 + (columns - column) ** 2 <= r**2] = -_COVERED
    return discs


def _disc_and_ring(r: float) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    reach = int(np.ceil(r * (1 + _AROUND))) + 1
    steps = np.arange(-reach, reach + 1)
    far = np.hypot(steps[:, None], steps[None])
    disc = np.clip(r - far + 0.5, 0, 1)
    return disc, np.clip(r * (1 + _AROUND) - far + 0.5, 0, 1) - disc


def _radius_alone(inside: NDArray[np.bool_]) -> float | None:
    """The middle radius, by area, of things that stand alone and whole on the picture; None where too few do."""
    parts, count = ndimage.label(inside)
    numbers = range(1, count + 1)
    if count < _ENOUGH_ALONE:
        return None
    depth = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    deepest = np.asarray(ndimage.maximum(depth, parts, numbers))
    area = np.bincount(parts.ravel(), minlength=count + 1)[1:]
    things = deepest >= _SPECK
    if things.sum() < _ENOUGH_ALONE:
        return None
    alone = things & (area < _ALONE * np.pi * deepest**2) & (area > 0.2 * np.median(area[things]))
    edge = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    alone[edge[edge > 0] - 1] = False
    if alone.sum() < _ENOUGH_ALONE:
        return None
    sizes = np.sort(area[alone])
    total = np.cumsum(sizes)
    return float(np.sqrt(sizes[np.searchsorted(total, total[-1] / 2)] / np.pi))


def _reduced(values: NDArray[np.floating], step: int) -> NDArray[np.floating]:
    """Means of step x step pixels; what is left over at the far edges is repeated to a whole one."""
    rows, columns = values.shape
    padded = np.pad(values, ((0, -rows % step), (0, -columns % step)), mode="edge")
    blocks = padded.reshape(padded.shape[0] // step, step, padded.shape[1] // step, step)
    reduced: NDArray[np.floating] = blocks.mean(axis=(1, 3))
    return reduced
