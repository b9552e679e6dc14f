"""Boxes of things that lie close together, from the marks in their middles."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

LEAST = 0.0002
"""Share of the picture below which a mark is noise: a tenth of a platelet's on a smear of 640 x 480 pixels."""


def boxes_of(marks: NDArray[np.floating], share: float) -> list[tuple[tuple[float, float, float, float], float]]:
    """The box of each instance, and the mean probability of its mark, the surest first.

    Args:
        marks: (rows, columns) probabilities of being in the middle of an instance.
        share: Side of a mark over the side of its instance.
    """
    rows, columns = marks.shape
    parts, count = ndimage.label(marks > 0.5)
    places = ndimage.find_objects(parts)
    found = []
    for index, (down, across) in enumerate(places[:count], start=1):
        inside = parts[down, across] == index
        if inside.sum() < LEAST * rows * columns:
            continue
        y, x = (down.start + down.stop) / 2, (across.start + across.stop) / 2
        tall, wide = (down.stop - down.start) / share, (across.stop - across.start) / share
        box = (
            float(np.clip(x - wide / 2, 0, columns)),
            float(np.clip(y - tall / 2, 0, rows)),
            float(np.clip(x + wide / 2, 0, columns)),
            float(np.clip(y + tall / 2, 0, rows)),
        )
        found.append((box, float(marks[down, across][inside].mean())))
    return sorted(found, key=lambda one: -one[1])
