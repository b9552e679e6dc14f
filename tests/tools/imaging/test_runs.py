import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tools.imaging.runs import Parts, Runs


@st.composite
def masks(draw):
    shape = draw(st.tuples(*[st.integers(1, 6)] * 3))
    density = draw(st.sampled_from([0.1, 0.3, 0.6, 1.0]))
    return np.random.default_rng(draw(st.integers(0, 10**6))).random(shape) < density


@settings(max_examples=200, deadline=None)
@given(masks(), st.tuples(*[st.integers(0, 50)] * 3))
def test_runs_are_the_mask(mask, origin):
    runs = Runs.of(mask, origin)
    again = np.zeros_like(mask)
    for z, y, start, stop in zip(runs.slices, runs.rows, runs.starts, runs.stops, strict=True):
        assert not again[z - origin[0], y - origin[1], start - origin[2] : stop - origin[2]].any()
        again[z - origin[0], y - origin[1], start - origin[2] : stop - origin[2]] = True
    assert np.array_equal(again, mask)
    assert runs.voxels == mask.sum()
    if mask.any():
        mean = np.argwhere(mask).mean(axis=0) + origin
        assert runs.centroid() == pytest.approx(mean[::-1])


@settings(max_examples=200, deadline=None)
@given(masks())
def test_parts_are_those_of_scipy(mask):
    runs = Runs.of(mask)
    in_plane = np.zeros((3, 3, 3))
    in_plane[1] = 1
    for across, neighbours in ((True, np.ones((3, 3, 3))), (False, in_plane)):
        labels, count = ndimage.label(mask, neighbours)
        if not count:
            assert len(runs) == 0
            continue
        parts = Parts(runs, runs.parts(across))
        assert len(parts) == count
        for part in range(count):
            some = parts[part]
            found = {int(labels[z, y, x]) for z, y, x in zip(some.slices, some.rows, some.starts, strict=True)}
            assert len(found) == 1
            voxels = np.argwhere(labels == found.pop())
            assert parts.voxels[part] == len(voxels)
            assert tuple(parts.extents[part]) == tuple(np.ptp(voxels, axis=0)[::-1] + 1)
