import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tests.tools.measuring import ellipsoid
from tools.imaging.outline import VOXEL_SIZE, Outline, dilate, erode


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.tuples(*[st.integers(1, 7)] * 3))
def test_erosion_and_dilation_are_scipys(seed, shape):
    mask = np.random.default_rng(seed).random(shape) < 0.6
    assert np.array_equal(erode(mask), ndimage.binary_erosion(mask, border_value=1))
    assert np.array_equal(dilate(mask), ndimage.binary_dilation(mask))
    in_plane = np.zeros((3, 3, 3), bool)
    in_plane[1] = ndimage.generate_binary_structure(2, 1)
    assert np.array_equal(erode(mask, (1, 2)), ndimage.binary_erosion(mask, in_plane, border_value=1))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), st.tuples(*[st.integers(1, 8)] * 3), st.sampled_from([0.05, 0.3, 0.7, 1.0]))
def test_every_interval_holds_its_value(seed, shape, density):
    generator = np.random.default_rng(seed)
    mask = generator.random(shape) < density
    mask[tuple(generator.integers(0, shape))] = True
    outline = Outline(mask, generator.normal(size=(3, 3)) + 3 * np.eye(3))
    for reading in (outline.volume(), outline.area(), *outline.axes, outline.diameter()):
        assert 0 <= reading.low <= reading.value <= reading.high
        assert reading.value > 0
        assert (reading.low == 0) == (VOXEL_SIZE in reading.notes)
    long, short = outline.axes
    assert short.value <= long.value * (1 + 1e-9) <= outline.diameter().value * (1 + 2e-9)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (5.0, 0.7, 0.7), (1.5, 0.8, 1.2)])
def test_ellipsoid_measures_what_it_is(spacing):
    radii = np.array([30.0, 24.0, 18.0])  # mm along slices, rows, columns
    steps = np.array(spacing)
    shape = tuple(int(value) for value in 2 * np.ceil(radii / steps) + 9)
    centre = tuple((length - 1) / 2 for length in shape)
    mask = ellipsoid(shape, centre, tuple(radii / steps))
    outline = Outline(mask, np.diag(steps[::-1]))
    long, short = outline.axes
    truths = (
        (outline.volume(), 4 / 3 * np.pi * radii.prod()),
        (outline.area(), np.pi * 24 * 18),
        (long, 48.0),
        (short, 36.0),
        (outline.diameter(), 60.0),
    )
    for reading, truth in truths:
        assert reading.low <= truth <= reading.high
    assert outline.volume().value == pytest.approx(truths[0][1], rel=0.02)
    assert long.value == pytest.approx(48, abs=steps[1:].max())
    assert short.value == pytest.approx(36, abs=steps[1:].max())
    assert outline.diameter().value == pytest.approx(60, abs=steps.max())


@pytest.mark.parametrize("degrees", [0, 17, 30, 45, 80])
def test_rotated_rectangle(degrees):
    angle = np.radians(degrees)
    y, x = np.mgrid[:160, :160] - 79.5
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    mask = ((np.abs(u) <= 50) & (np.abs(v) <= 15))[np.newaxis]
    long, short = Outline(mask, np.eye(3)).axes
    assert long.value == pytest.approx(np.hypot(100, 30), abs=1)
    # The widest chord at right angles to a rectangle's diagonal leans on its two long sides.
    assert short.value == pytest.approx(30 / np.cos(np.arctan2(30, 100)), abs=1.5)
    assert long.low <= np.hypot(100, 30) <= long.high
    assert Outline(mask, np.eye(3)).area().value == pytest.approx(3000, rel=0.03)


def test_axes_stand_at_right_angles_on_one_slice():
    generator = np.random.default_rng(5)
    for _ in range(20):
        mask = ndimage.binary_dilation(generator.random((5, 20, 24)) < 0.01, iterations=3)
        mask[2, 10, 10] = True
        frame = np.diag([0.6, 0.9, 4.0])
        frame[:, 2] += (0, 1.5, 0)  # gantry tilt
        long, short = Outline(mask, frame).axes
        one, other = (frame @ np.subtract(*axis.points) for axis in (long, short))
        assert abs(one @ other) < 1e-6
        assert np.linalg.norm(one) == pytest.approx(long.value)
        assert np.linalg.norm(other) == pytest.approx(short.value)
        assert {point[2] for point in (*long.points, *short.points)} == {long.points[0][2]}


def test_lines_stay_within_one_of_two_parts():
    mask = np.zeros((5, 40, 90), bool)
    mask[1:4, 10:20, 5:15] = True
    mask[1:4, 10:30, 70:80] = True
    outline = Outline(mask, np.eye(3))
    assert outline.parts == 2
    long = outline.axes[0]
    assert long.value == pytest.approx(np.hypot(20, 9))
    assert all(point[0] > 60 for point in long.points)
    assert outline.diameter().value == pytest.approx(np.sqrt(20**2 + 9**2 + 2**2))
    assert "2 separate parts" in long.notes[0]
    assert outline.volume().value == 3 * (100 + 200)
    assert outline.area().value == 300


def test_volume_of_a_sheared_grid_is_its_determinant():
    mask = np.zeros((6, 20, 20), bool)
    mask[1:5, 4:14, 4:14] = True
    frame = np.diag([0.5, 0.5, 3.0])
    straight = Outline(mask, frame)
    frame = frame.copy()
    frame[1, 2] = 1.1
    tilted = Outline(mask, frame)
    assert tilted.volume() == straight.volume()
    assert tilted.volume().value == pytest.approx(4 * 100 * 0.75)
    assert tilted.axes == straight.axes
    # Opposite corners of a leaning box lie farther apart.
    assert tilted.diameter().value > straight.diameter().value


def test_against_simpleitk():
    generator = np.random.default_rng(8)
    for spacing in ((1.0, 1.0, 1.0), (0.7, 0.9, 2.5)):
        mask = ndimage.gaussian_filter(generator.normal(size=(20, 30, 40)), 3) > 0.02
        label, _ = ndimage.label(mask)
        mask = label == 1 + np.argmax(np.bincount(label.ravel())[1:])
        picture = SimpleITK.GetImageFromArray(mask.astype(np.uint8))
        picture.SetSpacing(spacing)
        shape = SimpleITK.LabelShapeStatisticsImageFilter()
        shape.ComputeFeretDiameterOn()
        shape.Execute(picture)
        outline = Outline(mask, np.diag(spacing))
        assert outline.volume().value == pytest.approx(shape.GetPhysicalSize(1))
        centroid = np.diag(spacing) @ outline.runs.centroid()
        assert centroid == pytest.approx(shape.GetCentroid(1))
        # It measures from centre to centre, so a line is shorter by up to one step.
        feret = shape.GetFeretDiameter(1)
        assert feret < outline.diameter().value <= feret + max(spacing) * (1 + 1e-9)
        x, y, z, *size = shape.GetBoundingBox(1)
        assert outline.box == ((z, z + size[2]), (y, y + size[1]), (x, x + size[0]))


def test_the_border_of_the_image_is_no_edge():
    outline = Outline(np.ones((4, 6, 8), bool), np.eye(3))
    assert outline.touches == (True, True, True)
    for reading in (outline.volume(), outline.area(), *outline.axes, outline.diameter()):
        assert reading.low == reading.value == reading.high
    half = np.zeros((4, 6, 8), bool)
    half[:, :, :3] = True
    volume = Outline(half, np.eye(3)).volume()
    assert (volume.low, volume.value, volume.high) == (48, 72, 96)


def test_an_empty_mask_is_an_error():
    with pytest.raises(ValueError, match="empty"):
        Outline(np.zeros((2, 3, 4), bool), np.eye(3))


def test_scattered_pixels_are_measured_in_time():
    mask = np.zeros((4, 600, 600), bool)
    mask[:, ::3, ::3] = True
    long, short = Outline(mask, np.eye(3)).axes
    assert (long.value, short.value) == (1, 1)
