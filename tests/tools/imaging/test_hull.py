import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from skimage.measure import regionprops

from tools.imaging import hull
from tools.imaging.runs import Runs


def faces(points, frame):
    """Every face centre of every voxel, by brute force."""
    size = points.shape[1]
    halves = np.concatenate([np.eye(size), -np.eye(size)]) / 2
    return (points[:, None] + halves).reshape(-1, size) @ frame.T


def frames(size):
    cell = st.floats(-3, 3, allow_subnormal=False)
    return st.lists(cell, min_size=size * size, max_size=size * size).map(
        lambda values: np.array(values).reshape(size, size) + 4 * np.eye(size)
    )


def clouds(size):
    return st.lists(st.tuples(*[st.integers(0, 6)] * size), min_size=1, max_size=30).map(np.array)


@settings(max_examples=150, deadline=None)
@given(clouds(3), frames(3))
def test_longest_line_equals_brute_force(points, frame):
    lines = hull.longest(hull.vertices(points), frame)
    assert lines.length == pytest.approx(pdist(faces(points, frame)).max(), rel=1e-12)
    for ends in lines.ends:
        assert np.linalg.norm(frame @ (ends[0] - ends[1])) == pytest.approx(lines.length, rel=1e-8)


@settings(max_examples=150, deadline=None)
@given(clouds(2), frames(2), st.floats(0, 2 * np.pi))
def test_chord_is_the_longest_across(points, frame, angle):
    along = np.array([np.cos(angle), np.sin(angle)])
    length, ends = hull.chord(hull.vertices(points), frame, along)
    line = frame @ (ends[1] - ends[0])
    assert np.linalg.norm(line) == pytest.approx(length, rel=1e-9)
    assert abs(line @ along) <= 1e-9 * max(length, 1)
    # No other chord at right angles, cut at many places, is longer.
    outline = faces(points, frame)
    shape = hull.ConvexHull(outline)
    across = np.array([-along[1], along[0]])
    for place in np.linspace((outline @ along).min(), (outline @ along).max(), 23):
        low, high = -np.inf, np.inf
        for a, b, offset in shape.equations:
            normal = np.array([a, b])
            slope, rest = normal @ across, -offset - place * (normal @ along)
            if abs(slope) > 1e-12:
                low, high = (low, min(high, rest / slope)) if slope > 0 else (max(low, rest / slope), high)
        assert high - low <= length + 1e-7


def test_many_vertices_lose_nothing():
    grid = np.mgrid[-40:41, -40:41, -40:41]
    generator = np.random.default_rng(4)
    for frame in (np.eye(3), np.diag([0.5, 0.7, 2.0]), generator.normal(size=(3, 3))):
        ball = (grid**2).sum(axis=0) <= 38**2
        corners = hull.vertices(Runs.of(ball).ends())
        assert len(corners) > hull._WHOLE
        exact = max(hull._longest_between(some, corners, frame).length for some in np.array_split(corners, 6))
        assert hull.longest(corners, frame).length == pytest.approx(exact, rel=1e-12)


def test_every_direction_is_near_one_of_those_laid_out():
    directions, cosine = hull._directions()
    vectors = np.random.default_rng(0).normal(size=(4000, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert np.abs(vectors @ directions.T).max(axis=1).min() >= cosine


@pytest.mark.parametrize(
    "points",
    [
        [(3, 4, 5)],
        [(3, 4, 5)] * 4,
        [(i, 2 * i, -i) for i in range(40)],
        [(i, j, i + j) for i in range(40) for j in range(40)],
        [(7, j, k) for j in range(40) for k in range(40)],
    ],
    ids=["point", "same point", "line", "slanted plane", "sagittal plane"],
)
def test_flat_sets_keep_their_corners(points):
    points = np.array(points)
    kept = hull.vertices(points)
    assert len(kept) <= 8
    assert pdist(np.concatenate([kept, kept])).max() == pytest.approx(pdist(np.concatenate([points, points])).max())


def test_far_away_points_are_exact():
    square = np.array([(0, 0, 0), (9, 0, 0), (0, 9, 0), (9, 9, 0)])
    near, far = (hull.longest(hull.vertices(square + shift), np.eye(3)).length for shift in (0, 10**9))
    assert near == far


@pytest.mark.parametrize("length", [1, 2, 7])
def test_a_row_of_pixels_measures_its_pixels(length):
    row = np.stack([np.arange(length), np.zeros(length, int)], axis=1)
    assert hull.longest(hull.vertices(row), np.eye(2)).length == length


def test_same_points_as_scikit_image():
    generator = np.random.default_rng(2)
    for _ in range(30):
        corners = generator.integers(0, 40, size=(6, 2))
        mask = np.zeros((44, 44), bool)
        for row, column in corners:
            mask[row : row + 4, column : column + 3] = True
        whole = regionprops(mask.astype(int))[0]
        points = np.argwhere(mask)[:, ::-1]
        length = hull.longest(hull.vertices(points), np.eye(2)).length
        # It measures a picture of the hull, whose pixels may stick out of the hull by a part of one.
        assert length <= whole.feret_diameter_max + 1e-9
        assert length > whole.feret_diameter_max - 1


def test_no_line_in_a_box_exceeds_its_reach():
    generator = np.random.default_rng(3)
    for _ in range(40):
        frame = generator.normal(size=(3, 3))
        extent = generator.integers(1, 6, size=3)
        full = np.argwhere(np.ones(extent))
        assert hull.reach(extent[None], frame)[0] == pytest.approx(hull.longest(hull.vertices(full), frame).length)
