"""Exact diameters of sets of voxels.

A voxel reaches half a step from its centre along each axis of the grid. A mask is the hull of the
centres of its voxels' faces, so a straight line of n voxels measures n steps, neither n - 1 (centre
to centre) nor the diagonal of a box (corner to corner). Where an outline crosses a grid line between
a set and an unset centre, the face between them is its unbiased estimate; scikit-image's
`feret_diameter_max` takes the same points.

Points are integer voxel coordinates (i, j) or (i, j, k). A frame is a square matrix whose columns are
the steps along the axes in mm (or the identity, for pixels); it may be sheared.
"""

from dataclasses import dataclass
from functools import cache
from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

Points = NDArray[Any]
Frame = NDArray[np.float64]

TIE = 1e-9
"""Lengths that differ by less than this part are equal: far above rounding, far below a voxel."""

_WHOLE = 1024
"""Up to this many vertices all pairs are compared at once."""

_SQUARES = 16
"""Squares along each side of the cube that lays out directions: 768, within 5.1 degrees of any line."""


@dataclass(frozen=True, eq=False)
class Lines:
    """The equally longest lines: `ends` (n, 2, d) in voxel coordinates, `length` in the frame's unit."""

    length: float
    ends: NDArray[np.float64]


def vertices(points: Points) -> Points:
    """Vertices of the convex hull of integer points (n, d), also where they are flat or one point."""
    if len(points) > _WHOLE:
        points = _outermost(points)
    if len(points) == 1:
        return points
    centred = (points - points.min(axis=0)).astype(np.float64)
    centred -= centred.mean(axis=0)
    scatter = centred.T @ centred
    rank = int(np.linalg.matrix_rank(scatter))
    if rank == 0:
        return points[:1]
    # A flat set is seen along the axis that keeps it widest: that loses no vertex.
    axes = max(
        combinations(range(points.shape[1]), rank), key=lambda some: float(np.linalg.det(scatter[np.ix_(some, some)]))
    )
    if rank == 1:
        along = points[:, axes[0]]
        return points[[int(along.argmin()), int(along.argmax())]]
    corners: Points = points[ConvexHull(points[:, axes]).vertices]
    return corners


def longest(corners: Points, frame: Frame) -> Lines:
    """The longest lines across the voxels at the hull's vertices `corners` (n, d).

    Many vertices are not compared pair by pair. Directions are laid out so that every line is
    within an angle d of one of them, u. A line of length L then spans L cos(d) or more along u, so
    both its ends lie that near to the two planes that bound the hull along u. Only vertices that
    near are compared, and only for directions along which the hull is wide enough: nothing longer
    can be missed.
    """
    if len(corners) <= _WHOLE:
        return _longest_between(corners, corners, frame)
    directions, cosine = _directions()
    positions = corners @ frame.T
    tops, bottoms = [], []
    for some in np.array_split(directions, max(1, len(corners) * len(directions) // 2**22)):
        heights = some @ positions.T
        tops.append(heights.argmax(axis=1))
        bottoms.append(heights.argmin(axis=1))
    top, bottom = np.concatenate(tops), np.concatenate(bottoms)
    apart = positions[top] - positions[bottom]
    widths = (apart * directions).sum(axis=1) + np.abs(directions @ frame).max(axis=1)
    best = Lines(float(np.sqrt(_squared(apart, frame)[0].max())) * (1 - TIE), np.zeros((0, 2, frame.shape[0])))
    for index in np.argsort(-widths, kind="stable"):
        slack = widths[index] - best.length * cosine
        if slack < 0:
            break
        heights = positions @ directions[index]
        upper = corners[heights >= heights[top[index]] - slack]
        lower = corners[heights <= heights[bottom[index]] + slack]
        lines = _longest_between(upper, lower, frame)
        if lines.length > best.length:
            best = lines
    return best


def reach(extents: NDArray[Any], frame: Frame) -> NDArray[np.float64]:
    """Longest line in full boxes of `extents` (n, d) voxels: no mask inside such a box has a longer one."""
    signs = np.array([(1, *rest) for rest in product((1, -1), repeat=frame.shape[0] - 1)])
    steps = (extents[:, None, :] - 1) * signs[None]
    squared: NDArray[np.float64] = _squared(steps @ frame.T, frame)[0].max(axis=1)
    return np.sqrt(squared)


def chord(corners: Points, frame: Frame, direction: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """The longest chord of a plane hull at right angles to `direction`.

    The length of parallel chords of a convex polygon is concave and piecewise linear between its
    vertices, so the longest one ends at a vertex and is found exactly.

    Args:
        corners: Hull vertices (n, 2).
        frame: 2 x 2.
        direction: In the frame's unit, any length above 0.

    Returns:
        Its length in the frame's unit, and its ends (2, 2) in voxel coordinates.
    """
    halves = np.array([(1, 0), (-1, 0), (0, 1), (0, -1)])
    doubled = (2 * corners[:, None, :] + halves).reshape(-1, 2)
    hull = ConvexHull(doubled)
    outline = (doubled / 2) @ frame.T
    along = direction / np.linalg.norm(direction)
    across = np.array([-along[1], along[0]])
    t, s = outline @ along, outline @ across
    a, b = hull.simplices.T
    at = t[hull.vertices][:, None]
    crossed = (np.minimum(t[a], t[b]) <= at) & (at <= np.maximum(t[a], t[b])) & (t[a] != t[b])
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (at - t[a]) / (t[b] - t[a])
    heights = s[a] + share * (s[b] - s[a])
    low = np.where(crossed, heights, np.inf).min(axis=1)
    high = np.where(crossed, heights, -np.inf).max(axis=1)
    widest = int((high - low).argmax())
    ends = at[widest] * along + np.array([[low[widest]], [high[widest]]]) * across
    return float(high[widest] - low[widest]), np.linalg.solve(frame, ends.T).T


def _longest_between(ones: Points, others: Points, frame: Frame) -> Lines:
    apart = ones[:, None, :] - others[None, :, :]
    squared, turns = _squared(apart @ frame.T, frame)
    best = float(squared.max())
    ends = []
    for a, b in np.argwhere(squared >= best * (1 - 2 * TIE)):
        for axis, turn in enumerate(turns[a, b]):
            step = np.zeros(frame.shape[0])
            step[axis] = 0.5 if turn >= 0 else -0.5
            line = np.array([ones[a] + step, others[b] - step])
            if np.sum((frame @ (line[0] - line[1])) ** 2) >= best * (1 - 2 * TIE):
                ends.append(line)
    return Lines(float(np.sqrt(best)), np.array(ends))


def _squared(apart: NDArray[np.float64], frame: Frame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Squared length of the longest line between two voxels whose centres are `apart`.

    The faces add one step along one axis, whichever lengthens the line most.

    Returns:
        The squares (...), and the dot products of `apart` with each axis' step (..., d).
    """
    turns = apart @ frame
    gain = 2 * np.abs(turns) + (frame**2).sum(axis=0)
    return (apart**2).sum(axis=-1) + gain.max(axis=-1), turns


def _outermost(points: Points) -> Points:
    """Only the first and last point along every line of the grid, along each axis: vertices are both."""
    for axis in range(points.shape[1]):
        others = [points[:, other] for other in range(points.shape[1]) if other != axis]
        points = points[np.lexsort((points[:, axis], *others))]
        fresh = np.any(np.diff(np.delete(points, axis, axis=1), axis=0) != 0, axis=1)
        points = points[np.concatenate(([True], fresh)) | np.concatenate((fresh, [True]))]
    return points


@cache
def _directions() -> tuple[NDArray[np.float64], float]:
    """Unit vectors over half of space, and the cosine of the angle within which each direction finds one.

    They point to the middles of squares on three faces of a cube of half-width 1. Seen from its
    centre, two points of a face are no farther apart in angle than they are on the face.
    """
    middles = (np.arange(_SQUARES) + 0.5) * 2 / _SQUARES - 1
    face = np.array([(1.0, a, b) for a in middles for b in middles])
    vectors = np.concatenate([np.roll(face, turn, axis=1) for turn in range(3)])
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), float(np.cos(np.sqrt(2) / _SQUARES))
