"""Axes and planes of patient space: which way an array lies, and how to turn it.

Array axes are (slices, rows, columns); affine columns are (i column, j row, k slice). LPS in mm.
"""

from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge.case import Origin, Plane

Matrix = NDArray[np.float64]

_NORMALS = (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL)
_LETTERS = (("R", "L"), ("A", "P"), ("F", "H"))


def plane_of(normal: Matrix) -> Plane:
    """The anatomical plane nearest to the one with this normal in LPS."""
    return _NORMALS[int(np.argmax(np.abs(normal)))]


def tilt(direction: Matrix) -> float:
    """Degrees between a direction and the nearest patient axis."""
    length = float(np.linalg.norm(direction))
    return float(np.degrees(np.arccos(min(1.0, float(np.abs(direction).max()) / length))))


def letter(direction: Matrix) -> str:
    """The letter of the side a direction in LPS points to: L, R, A, P, H (head) or F (feet)."""
    axis = int(np.argmax(np.abs(direction)))
    return _LETTERS[axis][int(direction[axis] > 0)]


def spacing_of(affine: Matrix) -> tuple[float, float, float]:
    """(slices, rows, columns) in mm: in-plane steps, and the distance between slice planes.

    For a sheared grid (gantry tilt) the first is measured along the normal, so that the product
    of the three is the volume of a voxel.
    """
    column, row, step = affine[:3, 0], affine[:3, 1], affine[:3, 2]
    normal = np.cross(column, row)
    normal = normal / np.linalg.norm(normal)
    return abs(float(step @ normal)), float(np.linalg.norm(row)), float(np.linalg.norm(column))


def towards_lps(array: NDArray[Any], affine: Matrix) -> tuple[NDArray[Any], Matrix]:
    """Permute and flip a volume so that i runs nearest to left, j posterior and k superior.

    Args:
        array: (slices, rows, columns[, channels]).
        affine: 4 x 4, voxel (i, j, k, 1) to LPS in mm.

    Returns:
        A view of `array` and its affine; every voxel keeps its value and its place.
    """
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    order = max(permutations(range(3)), key=lambda p: sum(abs(axes[row, p[row]]) for row in range(3)))
    turned = affine[:, [*order, 3]].copy()
    # Voxel axis v = (i, j, k)[v] is array axis 2 - v.
    moved = array.transpose(*(2 - order[2 - axis] for axis in range(3)), *range(3, array.ndim))
    for axis in range(3):
        if turned[axis, axis] < 0:
            last = moved.shape[2 - axis] - 1
            turned[:3, 3] += last * turned[:3, axis]
            turned[:3, axis] *= -1
            moved = np.flip(moved, 2 - axis)
    return moved, turned


def as_displayed(array: NDArray[Any], affine: Matrix) -> tuple[NDArray[Any], Matrix]:
    """Turn a grid with one voxel along an axis into a plane as radiologists look at it.

    The thin axis becomes the slice axis; axial planes show left at the right and posterior below,
    coronal left at the right and feet below, sagittal posterior at the right and feet below.

    Returns:
        A view of `array` as (1, rows, columns) and its affine.
    """
    array, affine = towards_lps(array, affine)
    if array.shape[0] == 1:
        return array, affine
    thin = 1 if array.shape[1] == 1 else 2
    if thin == 1:  # coronal: (slices S, 1, columns L) -> (1, rows, columns)
        array, affine = array.transpose(1, 0, 2, *range(3, array.ndim)), affine[:, [0, 2, 1, 3]].copy()
    else:  # sagittal: (slices S, rows P, 1) -> (1, rows S, columns P)
        array, affine = array.transpose(2, 0, 1, *range(3, array.ndim)), affine[:, [1, 2, 0, 3]].copy()
    affine[:3, 3] += (array.shape[1] - 1) * affine[:3, 1]
    affine[:3, 1] *= -1
    return np.flip(array, 1), affine


def acquisition_plane(spacing: tuple[float, float, float]) -> tuple[Plane, Origin]:
    """The plane in which a volume near LPS was probably acquired, where no header says.

    Slices are usually farther apart than pixels: the plane is across the axis that is at least a
    fifth coarser than both others. Otherwise axial is assumed.

    Args:
        spacing: mm as (slices, rows, columns) along superior, posterior and left.
    """
    planes = (Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL)
    order = sorted(range(3), key=lambda axis: spacing[axis])
    if spacing[order[2]] >= 1.2 * spacing[order[1]]:
        return planes[order[2]], Origin.INFERRED
    return Plane.AXIAL, Origin.ASSUMED
