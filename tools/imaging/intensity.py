"""Statistics of an image's values inside a mask."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.imaging.outline import Outline, Reading

PERCENTILES = (5, 25, 50, 75, 95)

STATISTICS: dict[str, Callable[[NDArray[Any]], float]] = {
    "mean": lambda values: float(values.mean(dtype=np.float64)),
    "standard deviation": lambda values: float(values.std(dtype=np.float64)),
    "minimum": lambda values: float(values.min()),
    "maximum": lambda values: float(values.max()),
}
"""The standard deviation is that of the voxels themselves (divided by n)."""

_ALL_BORDER = (
    "the structure is only one or two voxels across: every voxel of it lies at its border, "
    "where the value is partly that of the surroundings"
)


def percentile_name(percent: int) -> str:
    """What a percentile is called, such as "5th percentile"."""
    return f"{percent}th percentile"


def intensities(array: NDArray[Any], outline: Outline, names: Iterable[str]) -> dict[str, Reading]:
    """Statistics of `array` (slices, rows, columns) inside the mask, by name.

    Each interval spans the same statistic of the mask, of the mask eroded by one voxel (which
    leaves out border voxels that are partly something else) and of the mask dilated by one.
    Percentiles are interpolated linearly between order statistics (Hyndman and Fan 1996, type 7).
    Values that are not finite are left out.

    Raises:
        ValueError: The mask holds no finite value.
    """
    names = list(names)
    there = array[outline.within]
    masks = (outline.crop, outline.eroded, outline.dilated)
    samples, omitted = [], 0
    for index, mask in enumerate(masks):
        values = there[mask]
        if values.dtype.kind == "f":
            finite = values[np.isfinite(values)]
            if index == 0:
                omitted = len(values) - len(finite)
            values = finite
        if index == 0 and not len(values):
            raise ValueError("the mask holds no finite value")
        if len(values):
            samples.append(values)
    notes = [] if outline.eroded.any() else [_ALL_BORDER]
    if omitted:
        notes.append(f"{omitted} values that are not finite numbers were left out")
    wanted = [percent for percent in PERCENTILES if percentile_name(percent) in names]
    ranked = [np.percentile(values, wanted) if wanted else [] for values in samples]
    readings = {}
    for name in names:
        if name in STATISTICS:
            figures = [STATISTICS[name](values) for values in samples]
        else:
            place = [percentile_name(percent) for percent in wanted].index(name)
            figures = [float(some[place]) for some in ranked]
        readings[name] = Reading(figures[0], min(figures), max(figures), notes=tuple(notes))
    return readings
