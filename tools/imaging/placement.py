"""Where a mask lies in the patient, and the steps of the grid it lies on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge.case import Image
from knowledge.evidence import Side
from knowledge.quantity import SpacingSource
from tools.imaging.hull import Frame
from tools.imaging.outline import Outline

UNEVEN = 2.0
"""Voxels this many times longer along one axis than along another are called anisotropic. An outline
is uncertain by a part of a step; above 2, the step along one axis outweighs those of the other two
together, and sizes along it decide the error."""


def frame_of(image: Image) -> Frame:
    """Steps along i, j and k in mm as the columns of a 3 x 3 matrix; the identity without spacing.

    Directions and shear come from the affine. Where the user gave the spacing, the steps are brought
    to it: along i and j their lengths, along k the distance between slice planes.
    """
    if image.spacing is None:
        return np.eye(3)
    slices, rows, columns = image.spacing
    if image.affine is None:
        return np.diag([columns, rows, slices])
    matrix: Frame = np.array(image.affine, dtype=np.float64)[:3, :3]
    if image.spacing_source is SpacingSource.USER:
        normal = np.cross(matrix[:, 0], matrix[:, 1])
        depth = abs(float(matrix[:, 2] @ normal)) / float(np.linalg.norm(normal))
        lengths = np.array([np.linalg.norm(matrix[:, 0]), np.linalg.norm(matrix[:, 1]), depth])
        matrix = matrix * (np.array([columns, rows, slices]) / lengths)
    return matrix


def to_lps(image: Image, voxels: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Voxel coordinates (i, j, k) to LPS mm, (n, 3), by the affine of `image`."""
    affine = np.array(image.affine, dtype=np.float64)
    places: NDArray[np.float64] = np.array(voxels) @ affine[:3, :3].T + affine[:3, 3]
    return places


def uneven(image: Image, dimensions: int) -> bool:
    """Whether voxels are anisotropic: in the plane (2), or along any axis (3)."""
    if image.spacing is None:
        return False
    steps = image.spacing if dimensions == 3 and image.dimensions == 3 else image.spacing[1:]
    return max(steps) > UNEVEN * min(steps)


@dataclass(frozen=True)
class Lateral:
    """On which side of the midline a mask lies.

    Attributes:
        crosses: Whether voxels lie on both sides.
        share_left: Part of the voxels whose centre lies to the patient's left.
    """

    side: Side
    crosses: bool
    share_left: float


def side_of(outline: Outline, affine: NDArray[np.float64], middle: float) -> Lateral:
    """The side of the sagittal plane x = `middle` (LPS mm, +x to the patient's left).

    Left or right where all of the mask lies there; midline where a connected part crosses the
    plane; both where separate parts lie on either side of it.
    """
    runs = outline.runs
    weights = affine[0, :3]
    base = runs.rows * weights[1] + runs.slices * weights[2] + affine[0, 3] - middle
    first, last = base + runs.starts * weights[0], base + (runs.stops - 1) * weights[0]
    low, high = np.minimum(first, last), np.maximum(first, last)
    lengths = runs.stops - runs.starts
    left = np.where(low > 0, lengths, 0)
    split = np.flatnonzero((low <= 0) & (high > 0))
    for run in split:  # few: the runs that cross the plane
        left[run] = np.count_nonzero(base[run] + np.arange(runs.starts[run], runs.stops[run]) * weights[0] > 0)
    share = float(left.sum() / lengths.sum())
    if low.min() > 0:
        return Lateral(Side.LEFT, False, share)
    if high.max() < 0:
        return Lateral(Side.RIGHT, False, share)
    for part in range(outline.parts):
        some = outline.labels == part
        if low[some].min() <= 0 <= high[some].max():
            return Lateral(Side.MIDLINE, True, share)
    return Lateral(Side.BOTH, True, share)
