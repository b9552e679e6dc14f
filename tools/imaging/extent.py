"""Sizes along the rows and columns of an image, and of a line between two points."""

from dataclasses import dataclass

import numpy as np

from tools.imaging.hull import Frame
from tools.imaging.outline import Reading, size


@dataclass(frozen=True, eq=False)
class Extent:
    """What a box spans on one slice, edge to edge.

    Every edge is uncertain by one pixel, save those at the border of the image.

    Attributes:
        box: (x0, y0, x1, y1) in pixels, half open: pixel 0 reaches from 0 to 1.
        z: The slice it is drawn on.
        grid: (slices, rows, columns) of the image.
        frame: 3 x 3; its columns are the steps along i, j and k.
    """

    box: tuple[float, float, float, float]
    z: int
    grid: tuple[int, int, int]
    frame: Frame

    @property
    def cut(self) -> bool:
        """Whether it reaches the border of the image."""
        x0, y0, x1, y1 = self.box
        return x0 <= 0 or y0 <= 0 or x1 >= self.grid[2] or y1 >= self.grid[1]

    def width(self) -> Reading:
        """Along the rows."""
        x0, y0, x1, y1 = self.box
        middle = (y0 + y1 - 1) / 2
        points = ((x0 - 0.5, middle, float(self.z)), (x1 - 0.5, middle, float(self.z)))
        step = float(np.linalg.norm(self.frame[:, 0]))
        value, low, high = (length * step for length in self._spans(0))
        return size(value, low, high, points)

    def height(self) -> Reading:
        """Along the columns."""
        x0, y0, x1, y1 = self.box
        middle = (x0 + x1 - 1) / 2
        points = ((middle, y0 - 0.5, float(self.z)), (middle, y1 - 0.5, float(self.z)))
        step = float(np.linalg.norm(self.frame[:, 1]))
        value, low, high = (length * step for length in self._spans(1))
        return size(value, low, high, points)

    def area(self) -> Reading:
        """Of the box, which is more than that of what it holds."""
        pixel = float(np.linalg.norm(np.cross(self.frame[:, 0], self.frame[:, 1])))
        value, low, high = (wide * tall * pixel for wide, tall in zip(self._spans(0), self._spans(1), strict=True))
        return size(value, low, high, notes=("area of the box, not of what it holds",))

    def _spans(self, axis: int) -> tuple[float, float, float]:
        """Length in pixels, and at most one pixel shorter and longer at each edge."""
        start, stop, last = self.box[axis], self.box[axis + 2], self.grid[2 - axis]
        inner = (stop - (stop < last)) - (start + (start > 0))
        outer = min(stop + 1, max(last, stop)) - max(start - 1, min(0, start))
        return stop - start, max(inner, 0.0), outer


def ratio(part: Extent, whole: Extent) -> Reading:
    """Width of one over width of the other, which needs no spacing: it is of the same rows.

    For the cardiothoracic ratio, `part` is the heart and `whole` the inside of the chest: the
    distance between vertical lines at the outermost points of the heart, over the distance between
    those at the widest points of the inner chest wall. The first is also the sum of the largest
    projections of the heart to the right and to the left of any midline (Danzer 1919, Am J Med Sci
    157:513-554; Truszkiewicz et al. 2021, J Clin Med 10:2016, doi 10.3390/jcm10092016).

    Raises:
        ZeroDivisionError: `whole` is so narrow that one pixel less at each edge leaves nothing.
    """
    one, other = part.width(), whole.width()
    return Reading(
        one.value / other.value,
        one.low / other.high,
        one.high / other.low,
        (*one.points, *other.points),
        (*one.notes, *other.notes),
    )


def distance(a: tuple[float, float, float], b: tuple[float, float, float], frame: Frame) -> Reading:
    """Between two points in voxel coordinates, each placed to within half a voxel along the line.

    The interval is the line one voxel step shorter and longer, where a step is the part of the line
    that crosses one voxel along the axis it crosses most of.
    """
    steps = np.subtract(b, a)
    length = float(np.linalg.norm(frame @ steps))
    step = length / float(np.abs(steps).max())
    return Reading(length, max(length - step, 0.0), length + step, (a, b))
