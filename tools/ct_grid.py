"""A CT turned to the patient's axes, and a coarser copy of it on which anatomy is reasoned about.

Rules about anatomy need directions and millimetres, not array indices. So the array is viewed with its
axes along (superior, posterior, left), each ascending, and averaged over blocks to about `COARSE_MM`,
which also tames noise. Masks go back the same way to the volume's own grid.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tools.imaging.volume import Volume

Bits = NDArray[np.bool_]
Size = tuple[float, float, float]
Window = tuple[slice, slice, slice]

_LARGE_BALL = 150  # voxels; from there on a distance map is faster
COARSE_MM = 2.0
"""Block size aimed at: half of the thinnest wall that matters here, the diaphragm over the stomach."""

NO_DATA = -1500.0
"""HU below this are padding outside the reconstructed circle: air is -1000, and no noise adds 500."""


@dataclass(frozen=True, eq=False)
class Grid:
    """A CT volume seen along the patient's axes.

    Attributes:
        fine: HU, axes (superior, posterior, left) ascending where `oriented`, else as stored. A view.
        fine_mm: Voxel size of `fine` in mm.
        oriented: Whether the axes are the patient's; without an affine they are not known to be.
        axes: Array axis of the volume that each axis of `fine` is.
        flipped: Whether that axis runs the other way in the volume.
        blocks: Voxels of `fine` per voxel of `coarse`, along each axis.
    """

    fine: NDArray[Any]
    fine_mm: Size
    oriented: bool
    axes: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]
    blocks: tuple[int, int, int]

    @classmethod
    def of(cls, volume: Volume) -> Self:
        """View `volume` along the patient's axes.

        Raises:
            ValueError: It is in colour, or its voxel size is unknown.
        """
        if volume.array.ndim != 3 or volume.spacing is None:
            raise ValueError("a CT grid needs grey values and a known voxel size")
        axes, flipped = ((0, 1, 2), (False, False, False)) if volume.affine is None else _orientation(volume.affine)
        fine = volume.array.transpose(axes)
        fine = fine[tuple(slice(None, None, -1 if flip else 1) for flip in flipped)]
        spacing = [volume.spacing[axis] for axis in axes]
        blocks = [min(max(1, int(COARSE_MM // mm)), size) for mm, size in zip(spacing, fine.shape, strict=True)]
        return cls(fine, tuple(spacing), volume.affine is not None, axes, flipped, tuple(blocks))  # type: ignore[arg-type]

    @cached_property
    def coarse(self) -> NDArray[np.float32]:
        """Mean HU of every block; values that are not numbers count as padding."""
        values: NDArray[Any] = self.fine
        for axis, block in enumerate(self.blocks):
            if block > 1:
                values = _block_mean(values, axis, block)
        return np.nan_to_num(values.astype(np.float32, copy=False), nan=2 * NO_DATA, posinf=0, neginf=2 * NO_DATA)

    @cached_property
    def mm(self) -> Size:
        """Voxel size of `coarse` in mm."""
        z, y, x = (size * block for size, block in zip(self.fine_mm, self.blocks, strict=True))
        return z, y, x

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel of `coarse` in mL."""
        return float(np.prod(self.mm)) / 1000

    def enlarge(self, coarse: NDArray[Any], window: Window | None = None) -> NDArray[Any]:
        """Values on a window of `coarse`, or on all of it, repeated onto the same part of `fine`."""
        sizes = self.fine.shape if window is None else self.fine[self.fine_window(window)].shape
        for axis, block in enumerate(self.blocks):
            if block > 1:
                whole = np.repeat(coarse, block, axis=axis)
                coarse = whole[tuple(slice(sizes[axis]) if a == axis else slice(None) for a in range(3))]
        return coarse

    def fine_window(self, window: Window) -> Window:
        """The part of `fine` that a window of `coarse` covers."""
        z, y, x = (
            slice(part.start * block, part.stop * block) for part, block in zip(window, self.blocks, strict=True)
        )
        return z, y, x

    def to_volume(self, fine: Bits) -> Bits:
        """A mask on `fine` as a mask (slices, rows, columns) of the volume."""
        turned = fine[tuple(slice(None, None, -1 if flip else 1) for flip in self.flipped)]
        return np.ascontiguousarray(turned.transpose(np.argsort(self.axes)))

    def window(self, mask: Bits, margin_mm: float) -> Window:
        """The part of the coarse grid that holds `mask` and `margin_mm` around it."""
        found = ndimage.find_objects(mask.astype(np.uint8))[0]
        cells = [int(np.ceil(margin_mm / size)) for size in self.mm]
        z, y, x = (slice(max(0, part.start - cell), part.stop + cell) for part, cell in zip(found, cells, strict=True))
        return z, y, x


def erode(mask: Bits, mm: Size, by: float) -> Bits:
    """What lies deeper than `by` mm, for voxels of size `mm`; the border of the volume is no surface."""
    ball = _ball(mm, by)
    if ball.sum() <= _LARGE_BALL:
        return np.asarray(ndimage.binary_erosion(mask, ball, border_value=1))
    return mask.copy() if mask.all() else np.asarray(ndimage.distance_transform_edt(mask, sampling=mm) > by)


def dilate(mask: Bits, mm: Size, by: float) -> Bits:
    """All within `by` mm of the mask, for voxels of size `mm`."""
    ball = _ball(mm, by)
    if ball.sum() <= _LARGE_BALL:
        return np.asarray(ndimage.binary_dilation(mask, ball))
    return mask.copy() if not mask.any() else np.asarray(ndimage.distance_transform_edt(~mask, sampling=mm) <= by)


def close(mask: Bits, mm: Size, by: float) -> Bits:
    """The mask with gaps narrower than about twice `by` mm bridged."""
    return erode(dilate(mask, mm, by), mm, by) | mask


def open_boxes(mask: Bits, mm: Size, by: float, seeds: Bits) -> Bits:
    """Where a box reaching `by` mm to all sides fits in the mask and can be pushed to from `seeds`."""
    size = [2 * int(by / length) + 1 for length in mm]
    wide = ndimage.minimum_filter(mask.view(np.uint8), size=size, mode="nearest")
    labels, _ = ndimage.label(wide)
    reached = np.unique(labels[seeds])
    pushed = np.isin(labels, reached[reached > 0])
    return np.asarray(ndimage.maximum_filter(pushed.view(np.uint8), size=size) > 0) & mask


def _ball(mm: Size, radius: float) -> Bits:
    # The tolerance keeps a voxel exactly at the radius in, whatever its size rounds to.
    within = radius * (1 + 1e-6)
    reach = [int(within / size) for size in mm]
    offsets = np.ogrid[tuple(slice(-cells, cells + 1) for cells in reach)]
    squares = sum((offset * size) ** 2 for offset, size in zip(offsets, mm, strict=True))
    return np.asarray(squares <= within**2)


def fill_slices(mask: Bits) -> Bits:
    """The mask with everything it encloses in an axial slice: lungs may be open at the volume's ends."""
    return np.stack([ndimage.binary_fill_holes(plane) for plane in mask])


def pieces(mask: Bits, least: float = 1) -> Iterator[Bits]:
    """The connected pieces of a mask that have `least` voxels or more."""
    labels, _ = ndimage.label(mask)
    for label, size in enumerate(np.bincount(labels.ravel())):
        if label > 0 and size >= least:
            yield labels == label


def at_border(mask: Bits, axes: tuple[int, ...] = (0, 1, 2)) -> bool:
    """Whether the mask reaches the first or last voxel along any of `axes`."""
    return any(bool(np.take(mask, end, axis=axis).any()) for axis in axes for end in (0, -1))


def _orientation(affine: NDArray[np.float64]) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    # Row v of the orientation is (world axis, direction) of voxel axis v; the array is (k, j, i).
    orientation = nib.orientations.io_orientation(affine)
    axes, flipped = [], []
    for world in (2, 1, 0):
        voxel = int(np.flatnonzero(orientation[:, 0] == world)[0])
        axes.append(2 - voxel)
        flipped.append(bool(orientation[voxel, 1] < 0))
    return tuple(axes), tuple(flipped)  # type: ignore[return-value]


def _block_mean(values: NDArray[Any], axis: int, block: int) -> NDArray[np.float32]:
    starts = np.arange(0, values.shape[axis], block)
    counts = np.diff(np.append(starts, values.shape[axis])).astype(np.float32)
    sums = np.add.reduceat(values, starts, axis=axis, dtype=np.float32)
    return np.asarray(sums / counts.reshape([-1 if a == axis else 1 for a in range(3)]), dtype=np.float32)
