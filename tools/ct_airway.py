"""Trachea and main bronchi on CT, so that they are not taken for lung.

In an axial slice the trachea is a small, round, isolated hole near the midline, filled with gas. Its upper
limits of normal are 25 mm (coronal) by 27 mm (sagittal) in men (Breatnach et al. 1984,
doi:10.2214/ajr.142.5.903); `_WIDEST_MM` leaves room for a wide one.
"""

import numpy as np
from scipy import ndimage

from tools.ct_grid import Bits, Grid, dilate

_WIDEST_MM = 35.0
_NARROWEST_MM2 = 20.0
_OFF_MIDLINE_MM = 35.0
_LONG_MM = 20.0
_GAS = -900.0
_RING_MM = 3.0
_CONTRAST = 60.0
_LEAST_LUNG_ML = 40.0


def find_airway(grid: Grid, air: Bits, middle: float) -> Bits:
    """Trachea and main bronchi with the rim of their wall that is part air, on the coarse grid.

    The tracheal column is found slice by slice, then grown through gas: what is nearer in HU to the
    column than to the lungs. The wall of a bronchus is thin, so growth may leak into lung; then the
    limit is lowered, and in the end the column alone is taken.

    Args:
        grid: The scan.
        air: All air inside the body, coarse.
        middle: Index of the midsagittal plane along the last axis.
    """
    column = _column(grid, air, middle)
    if not column.any():
        return column
    return dilate(_grown(grid, air, column), grid.mm, _RING_MM) & air


def _column(grid: Grid, air: Bits, middle: float) -> Bits:
    holes = np.zeros_like(air)
    _, height, width = grid.mm
    for plane, hu, out in zip(air, grid.coarse, holes, strict=True):
        labels, _ = ndimage.label(plane)
        for label, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
            tall, wide = (rows.stop - rows.start) * height, (columns.stop - columns.start) * width
            centre = (columns.start + columns.stop - 1) / 2
            if max(tall, wide) > _WIDEST_MM or abs(centre - middle) * width > _OFF_MIDLINE_MM:
                continue
            hole = labels[rows, columns] == label
            area = float(hole.sum()) * height * width
            round_enough = area >= 0.5 * tall * wide
            if area >= _NARROWEST_MM2 and round_enough and np.percentile(hu[rows, columns][hole], 25) < _GAS:
                out[rows, columns] |= hole
    labels, _ = ndimage.label(holes)
    long = [
        label
        for label, (slices, *_) in enumerate(ndimage.find_objects(labels), start=1)
        if (slices.stop - slices.start) * grid.mm[0] >= min(_LONG_MM, 0.6 * len(air) * grid.mm[0])
    ]
    return np.isin(labels, long)


def _grown(grid: Grid, air: Bits, column: Bits) -> Bits:
    hu = grid.coarse
    labels, _ = ndimage.label(air & ~dilate(column, grid.mm, _RING_MM))
    large = np.bincount(labels.ravel()) * grid.voxel_ml >= _LEAST_LUNG_ML
    large[0] = False
    rest = hu[large[labels]]
    gas = float(np.median(hu[column]))
    if not rest.size or float(np.median(rest)) - gas < _CONTRAST:
        return column
    limit = (float(np.median(rest)) + gas) / 2
    most = 3 * column.sum()
    for lowered in (0.0, 20.0, 40.0):
        grown = ndimage.binary_propagation(column, mask=column | (air & (hu < limit - lowered)))
        if grown.sum() <= most:
            return np.asarray(grown)
    return column
