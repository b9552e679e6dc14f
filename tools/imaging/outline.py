"""The size and shape of one mask, each figure with the interval that its outline leaves open.

Every interval is the same measurement on the mask eroded and dilated by one voxel (face neighbours):
a voxel at the border is only partly filled, and which ones are set is uncertain by about one step.
In-plane sizes are eroded and dilated in the plane, others along all three axes. At the border of the
image there is nothing to be uncertain about: the mask is neither eroded from there nor dilated beyond.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tools.imaging.hull import TIE, Frame, Lines, chord, longest, reach, vertices
from tools.imaging.runs import Ints, Parts, Runs

Bits = NDArray[np.bool_]
Line = tuple[tuple[float, float, float], ...]

VOXEL_SIZE = (
    "the structure is only one or two voxels across: eroded by one voxel nothing is left of it, "
    "so the interval begins at 0"
)


@dataclass(frozen=True)
class Reading:
    """One figure in the frame's unit: the value, its interval, and what must be said about it.

    Attributes:
        points: Voxel coordinates (i, j, k) of the line that was measured.
        notes: Sentences for the reader.
    """

    value: float
    low: float
    high: float
    points: Line = ()
    notes: tuple[str, ...] = ()


def size(value: float, eroded: float, dilated: float, points: Line = (), notes: Sequence[str] = ()) -> Reading:
    """A size between that of the eroded and that of the dilated mask."""
    # Rounding may put equal lengths in the wrong order by a hair.
    low, high = min(value, eroded), max(value, dilated)
    return Reading(value, low, high, points, (*notes, *((VOXEL_SIZE,) if eroded == 0 else ())))


def erode(mask: Bits, axes: Sequence[int] = (0, 1, 2)) -> Bits:
    """Unset voxels with an unset neighbour along `axes`; what lies outside the array counts as set."""
    out = mask.copy()
    for axis in axes:
        inside, source = np.moveaxis(out, axis, 0), np.moveaxis(mask, axis, 0)
        inside[1:] &= source[:-1]
        inside[:-1] &= source[1:]
    return out


def dilate(mask: Bits, axes: Sequence[int] = (0, 1, 2)) -> Bits:
    """Set voxels with a set neighbour along `axes`."""
    out = mask.copy()
    for axis in axes:
        inside, source = np.moveaxis(out, axis, 0), np.moveaxis(mask, axis, 0)
        inside[1:] |= source[:-1]
        inside[:-1] |= source[1:]
    return out


class Outline:
    """A mask cut down to its surroundings, with the geometry of its grid.

    Args:
        mask: (slices, rows, columns), with at least one set voxel.
        frame: 3 x 3; its columns are the steps along i, j and k in mm, or the identity for pixels.
        first_slice: Index in the image of the mask's first slice, for one frame of many.

    Attributes:
        crop: The mask with one voxel around it, where the image has one.
        origin: Slice, row and column in the image of the first voxel of `crop`.
        touches: Whether the mask reaches the border of the image along slices, rows and columns.
        box: First and one past last slice, row and column with a set voxel.
        grid: Shape of the mask.

    Raises:
        ValueError: The mask is empty.
    """

    def __init__(self, mask: Bits, frame: Frame, first_slice: int = 0) -> None:
        self.frame = frame
        self.grid = mask.shape
        self.box = _box(mask)
        self.touches = tuple(
            start == 0 or stop == length for (start, stop), length in zip(self.box, mask.shape, strict=True)
        )
        around = tuple(
            slice(max(start - 1, 0), min(stop + 1, length))
            for (start, stop), length in zip(self.box, mask.shape, strict=True)
        )
        self.first_slice = first_slice
        self.origin = (around[0].start + first_slice, around[1].start, around[2].start)
        self.crop = mask[around]

    @cached_property
    def eroded(self) -> Bits:
        """`crop` eroded by one voxel along all axes; may be empty."""
        return erode(self.crop)

    @cached_property
    def dilated(self) -> Bits:
        """`crop` dilated by one voxel along all axes."""
        return dilate(self.crop)

    @cached_property
    def runs(self) -> Runs:
        """The mask's runs, in voxel coordinates of the image."""
        return Runs.of(self.crop, self.origin)

    @cached_property
    def _variants(self) -> list[Runs]:
        return [Runs.of(mask, self.origin) for mask in (self.eroded, self.dilated)]

    @cached_property
    def labels(self) -> Ints:
        """The connected part that each of `runs` belongs to."""
        return self.runs.parts(across_slices=True)

    @property
    def parts(self) -> int:
        """How many separate parts there are; voxels that share a corner are connected."""
        return int(self.labels.max()) + 1

    @property
    def within(self) -> tuple[slice, slice, slice]:
        """Where `crop` lies in the image."""
        z, y, x = (slice(start, start + length) for start, length in zip(self.origin, self.crop.shape, strict=True))
        return z, y, x

    def volume(self) -> Reading:
        """Count of voxels times the volume of one, which is the frame's determinant also where it is sheared."""
        one = abs(float(np.linalg.det(self.frame)))
        eroded, dilated = (int(np.count_nonzero(mask)) for mask in (self.eroded, self.dilated))
        return size(self.runs.voxels * one, eroded * one, dilated * one)

    def area(self) -> Reading:
        """The largest cross-section in the acquisition plane, all of the mask on that slice."""
        pixel = float(np.linalg.norm(np.cross(self.frame[:, 0], self.frame[:, 1])))
        counts = np.count_nonzero(self.crop, axis=(1, 2))
        largest = int(counts.argmax())
        plane = self.crop[largest : largest + 1]
        notes = () if self.grid[0] == 1 else (f"largest cross-section, on slice {largest + self.origin[0] + 1}",)
        eroded, dilated = (int(np.count_nonzero(change(plane, (1, 2)))) for change in (erode, dilate))
        return size(float(counts[largest]) * pixel, eroded * pixel, dilated * pixel, notes=notes)

    @cached_property
    def axes(self) -> tuple[Reading, Reading]:
        """Long and short axis in the acquisition plane, as RECIST 1.1 asks for them.

        The long axis is the longest diameter of any connected region (8 neighbours) on any slice.
        The short axis is the longest line across that region's hull at right angles to it, on the
        same slice. Of equally long axes, the one with the longest short axis is taken.
        Their intervals are the same lines on that region eroded and dilated in the plane: the
        longest diameter, and the longest line in the direction of the short axis.

        Eisenhauer et al. 2009, Eur J Cancer 45:228-247.
        """
        frame = _flattened(self.frame)
        best: tuple[float, float] = (0.0, 0.0)
        found: tuple[Runs, Line, Line, NDArray[np.float64]] | None = None
        for runs, limit in self._regions(frame):
            if limit < best[0] * (1 - TIE):
                break
            corners = vertices(runs.ends()[:, :2])
            lines = longest(corners, frame)
            if lines.length < best[0] * (1 - TIE):
                continue
            for ends in lines.ends:
                direction = frame @ (ends[1] - ends[0])
                width, across = chord(corners, frame, direction)
                if lines.length > best[0] * (1 + TIE) or width > best[1] * (1 + TIE):
                    best = (lines.length, width)
                    z = int(runs.slices[0])
                    found = (runs, _line(ends, z), _line(across, z), direction)
        if found is None:
            raise ValueError("an outline needs at least one voxel")
        runs, long, short, direction = found
        extremes = []
        for variant in self._varied(runs, (1, 2)):
            if not len(variant):
                extremes.append((0.0, 0.0))
                continue
            corners = vertices(variant.ends()[:, :2])
            extremes.append((longest(corners, frame).length, chord(corners, frame, direction)[0]))
        (low, narrow), (high, wide) = extremes
        notes = self._one_of_several()
        return size(best[0], low, high, long, notes), size(best[1], narrow, wide, short, notes)

    def diameter(self) -> Reading:
        """The longest line across any one connected part in three dimensions."""
        parts = Parts(self.runs, self.labels)
        limits = reach(parts.extents, self.frame)
        best, winner = Lines(0.0, np.zeros((0, 2, 3))), 0
        for part in np.argsort(-limits, kind="stable"):
            if limits[part] <= best.length * (1 + TIE):
                break
            lines = longest(vertices(parts[part].ends()), self.frame)
            if lines.length > best.length:
                best, winner = lines, int(part)
        variants = self._variants if len(parts) == 1 else self._varied(parts[winner], (0, 1, 2))
        low, high = (
            longest(vertices(variant.ends()), self.frame).length if len(variant) else 0.0 for variant in variants
        )
        a, b = best.ends[0]
        return size(best.length, low, high, (_point(a), _point(b)), self._one_of_several())

    @cached_property
    def centroids(self) -> list[NDArray[np.float64]]:
        """Mean voxel (i, j, k) of the mask, then of the eroded (unless empty) and the dilated one."""
        return [self.runs.centroid(), *(runs.centroid() for runs in self._variants if len(runs))]

    def _one_of_several(self) -> tuple[str, ...]:
        if self.parts == 1:
            return ()
        return (f"the mask has {self.parts} separate parts; this is the longest diameter within one of them",)

    def _regions(self, frame: Frame) -> Iterator[tuple[Runs, float]]:
        """Regions of every slice with the longest line that could fit their box, longest first."""
        regions = Parts(self.runs, self.runs.parts(across_slices=False))
        extents = regions.extents[:, :2]
        limits = reach(extents, frame)
        # Full boxes of one extent measure the same, so one of them is enough.
        full = regions.voxels == extents.prod(axis=1)
        alike = np.where(full[:, None], extents, np.stack([np.zeros(len(full)), -np.arange(len(full))], axis=1))
        kept = np.sort(np.unique(alike, axis=0, return_index=True)[1])
        for region in kept[np.argsort(-limits[kept], kind="stable")]:
            yield regions[region], float(limits[region])

    def _varied(self, runs: Runs, axes: tuple[int, ...]) -> list[Runs]:
        """Some of the mask's runs, eroded and dilated along `axes` as if the others were not there."""
        where = (runs.slices - self.first_slice, runs.rows, runs.starts)
        starts = [max(int(index.min()) - 1, 0) for index in where]
        ends = (int(where[0].max()), int(where[1].max()), int(runs.stops.max()) - 1)
        stops = [min(end + 2, length) for end, length in zip(ends, self.grid, strict=True)]
        painted = np.zeros([stop - start for start, stop in zip(starts, stops, strict=True)], dtype=np.bool_)
        for z, y, start, stop in zip(*where, runs.stops, strict=True):
            painted[z - starts[0], y - starts[1], start - starts[2] : stop - starts[2]] = True
        origin = (starts[0] + self.first_slice, starts[1], starts[2])
        return [Runs.of(change(painted, axes), origin) for change in (erode, dilate)]


def _box(mask: Bits) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    slices = np.flatnonzero(mask.any(axis=(1, 2)))
    if not len(slices):
        raise ValueError("the mask is empty")
    seen: Bits = np.any(mask[slices[0] : slices[-1] + 1], axis=0)
    rows, columns = (np.flatnonzero(np.any(seen, axis=axis)) for axis in (1, 0))
    z, y, x = ((int(some[0]), int(some[-1]) + 1) for some in (slices, rows, columns))
    return z, y, x


def _flattened(frame: Frame) -> Frame:
    """The acquisition plane's own 2 x 2 frame: the same lengths and angles as the first two columns have."""
    flat: Frame = np.linalg.qr(frame[:, :2])[1]
    return flat


def _line(ends: NDArray[np.float64], z: int) -> Line:
    return tuple((float(i), float(j), float(z)) for i, j in ends)


def _point(voxel: NDArray[np.float64]) -> tuple[float, float, float]:
    i, j, k = (float(value) for value in voxel)
    return i, j, k
