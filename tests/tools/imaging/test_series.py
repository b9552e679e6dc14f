"""DICOM series: order, geometry, division and what is said about them."""

import random
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedMRImageStorage, RLELossless

from knowledge.blobs import BlobStore
from knowledge.case import Modality, Origin, Plane
from knowledge.quantity import SpacingSource
from tests.shared import shared
from tests.tools.imaging.dicom_files import ct_slice, dataset, save
from tests.tools.imaging.reading import one, read
from tools.imaging.volume import Volume

ROWS, COLUMNS, SLICES = 9, 7, 5
SPACING = (0.8, 0.7, 2.5)


def _unit(vector: list[float]) -> np.ndarray:
    return np.array(vector) / np.linalg.norm(vector)


def _write(
    folder: Path, row: np.ndarray, column: np.ndarray, step: np.ndarray, seed: int = 0, **fields: object
) -> np.ndarray:
    """A series of random values with shuffled names and numbers; (slices, rows, columns) HU."""
    noise = np.random.default_rng(seed)
    values = noise.integers(-1000, 3000, (SLICES, ROWS, COLUMNS)).astype(np.int16)
    names, numbers = list(range(SLICES)), list(range(1, SLICES + 1))
    random.Random(seed).shuffle(names)
    random.Random(seed + 1).shuffle(numbers)
    for at in range(SLICES):
        made = ct_slice(
            (values[at] + 1024).astype(np.uint16),
            number=numbers[at],
            ImageOrientationPatient=[*row, *column],
            ImagePositionPatient=list(np.array([10.0, -20.0, 30.0]) + at * step),
            PixelSpacing=list(SPACING[:2]),
            **fields,
        )
        save(made, folder / f"{names[at]:03d}.dcm")
    return values


def _truth(row: np.ndarray, column: np.ndarray, step: np.ndarray) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = row * SPACING[1], column * SPACING[0], step
    affine[:3, 3] = [10.0, -20.0, 30.0]
    return affine


def _assert_same_place(volume: Volume, values: np.ndarray, truth: np.ndarray) -> None:
    """Every voxel keeps its value at its place in the patient."""
    assert volume.affine is not None
    k, j, i = np.indices(volume.array.shape).reshape(3, -1)
    places = volume.to_lps(np.stack([i, j, k], axis=1))
    back = (np.linalg.inv(truth) @ np.column_stack([places, np.ones(len(places))]).T)[:3].T
    index = np.rint(back).astype(int)
    assert np.abs(back - index).max() < 1e-3
    assert np.array_equal(values[index[:, 2], index[:, 1], index[:, 0]], volume.array.reshape(-1))


AXES = [np.eye(3)[axis] * sign for axis in range(3) for sign in (1, -1)]


@settings(max_examples=48, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    row=st.sampled_from(AXES),
    column=st.sampled_from(AXES),
    forward=st.booleans(),
    turn=st.tuples(*[st.floats(-0.2, 0.2)] * 3),
    seed=st.integers(0, 1000),
)
def test_every_voxel_keeps_its_place(
    tmp_path_factory: pytest.TempPathFactory,
    row: np.ndarray,
    column: np.ndarray,
    forward: bool,
    turn: tuple[float, float, float],
    seed: int,
) -> None:
    if abs(row @ column) > 0.5:
        column = np.roll(np.abs(row), 1)
    # A small turn about each axis, so that no direction is exact.
    for axis, angle in enumerate(turn):
        a, b = [other for other in range(3) if other != axis]
        rotation = np.eye(3)
        rotation[a, a] = rotation[b, b] = np.cos(angle)
        rotation[a, b], rotation[b, a] = -np.sin(angle), np.sin(angle)
        row, column = rotation @ row, rotation @ column
    step = np.cross(row, column) * SPACING[2] * (1 if forward else -1)
    folder = tmp_path_factory.mktemp("series")
    values = _write(folder, row, column, step, seed)
    image, volume = one(BlobStore(folder / "blobs"), folder)
    _assert_same_place(volume, values, _truth(row, column, step))
    assert volume.affine is not None
    directions = volume.affine[:3, :3] / np.linalg.norm(volume.affine[:3, :3], axis=0)
    assert np.diag(directions).min() > 0.5  # i to the left, j posterior, k superior
    assert np.prod(image.spacing or ()) == pytest.approx(np.prod(SPACING), rel=1e-6)
    across = int(np.argmax(np.abs(np.cross(row, column))))
    assert image.plane is (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL)[across]


def test_agrees_with_simpleitk(tmp_path: Path, blobs: BlobStore) -> None:
    row, column = _unit([1, 0.1, 0]), _unit([-0.1, 1, 0])
    _write(tmp_path / "s", row, column, np.cross(row, column) * 2.5)
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "s")))
    theirs = reader.Execute()
    image, volume = one(blobs, tmp_path / "s")
    assert np.array_equal(SimpleITK.GetArrayFromImage(theirs), volume.array)
    assert volume.array.dtype == np.int16
    assert image.spacing == pytest.approx(theirs.GetSpacing()[::-1])
    assert volume.to_lps(np.array([[3, 2, 1]]))[0] == pytest.approx(
        np.array(theirs.TransformIndexToPhysicalPoint((3, 2, 1)))
    )


def _height(path: Path) -> float:
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    return reader.GetOrigin()[2]


def test_agrees_with_simpleitk_on_a_real_series(blobs: BlobStore) -> None:
    folder = shared("data", "ct_organs", "example_ct_dicom")
    image, volume = one(blobs, folder)
    files = sorted(folder.iterdir(), key=_height)
    theirs = SimpleITK.ReadImage([str(path) for path in files])
    assert np.array_equal(SimpleITK.GetArrayFromImage(theirs), volume.array)
    assert volume.to_lps(np.array([[5, 6, 7]]))[0] == pytest.approx(
        np.array(theirs.TransformIndexToPhysicalPoint((5, 6, 7)))
    )
    assert (image.modality, image.intensity, image.plane) == (Modality.CT, "HU", Plane.AXIAL)
    assert image.spacing_source is SpacingSource.HEADER
    assert [(window.center, window.width) for window in image.windows] == [(40, 300), (300, 1500)]
    assert image.caveats == ()


def test_a_gap_is_named_and_spacing_is_that_of_the_rest(tmp_path: Path, blobs: BlobStore) -> None:
    for number, z in enumerate((0, 2, 4, 10, 12, 14)):
        save(
            ct_slice(np.full((4, 4), number, np.uint16), z=z, SpacingBetweenSlices=9), tmp_path / "s" / f"{number}.dcm"
        )
    image, _ = one(blobs, tmp_path / "s")
    assert image.spacing is not None and image.spacing[0] == pytest.approx(2.0)
    (caveat,) = image.caveats
    assert caveat.startswith("missing slices: about 2 between slices 3 and 4") and "4.0 mm" in caveat


def test_the_slices_of_a_gap_are_counted_as_they_are_shown(tmp_path: Path, blobs: BlobStore) -> None:
    for number, z in enumerate((0, 2, 8, 10, 12, 14)):
        made = ct_slice(np.zeros((4, 4), np.uint16), z=z, ImageOrientationPatient=[1, 0, 0, 0, -1, 0])
        save(made, tmp_path / "s" / f"{number}.dcm")
    image, volume = one(blobs, tmp_path / "s")
    assert "between slices 2 and 3;" in image.caveats[0]
    assert volume.affine is not None and volume.affine[2, 2] > 0


def test_uneven_spacing_is_named(tmp_path: Path, blobs: BlobStore) -> None:
    for number, z in enumerate((0, 2, 4.4, 6.4)):
        save(ct_slice(np.zeros((4, 4), np.uint16), z=z), tmp_path / "s" / f"{number}.dcm")
    image, _ = one(blobs, tmp_path / "s")
    assert any(caveat.startswith("uneven spacing") for caveat in image.caveats)


def test_gantry_tilt_shears_the_grid_and_is_named(tmp_path: Path, blobs: BlobStore) -> None:
    row, column, step = np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), np.array([0, 0.5, 2.5])
    values = _write(tmp_path / "s", row, column, step)
    image, volume = one(blobs, tmp_path / "s")
    _assert_same_place(volume, values, _truth(row, column, step))
    assert any("gantry tilt" in caveat and "11.3 degrees" in caveat for caveat in image.caveats)
    assert image.spacing is not None and image.spacing[0] == pytest.approx(2.5)
    assert volume.voxel_volume == pytest.approx(0.8 * 0.7 * 2.5)


def test_a_series_named_file_by_file_is_one_series(tmp_path: Path, blobs: BlobStore) -> None:
    paths = [save(ct_slice(np.full((4, 4), z, np.uint16), z=z * 3.0), tmp_path / f"{z}" / "a.dcm") for z in (2, 0, 1)]
    image, volume = one(blobs, *paths)
    assert volume.array[:, 0, 0].tolist() == [-1024, -1023, -1022] and image.spacing == (3.0, 0.8, 0.7)


def test_echoes_at_the_same_places_are_divided_not_interleaved(tmp_path: Path, blobs: BlobStore) -> None:
    number = 0
    for z in range(4):
        for echo in (5.0, 20.0):
            number += 1
            plane = np.full((4, 4), int(echo), np.uint16)
            made = ct_slice(plane, z=z * 3.0, number=number, EchoTime=echo, Modality="MR")
            del made.RescaleSlope, made.RescaleIntercept, made.RescaleType
            save(made, tmp_path / "s" / f"{number}.dcm")
    reading = read(blobs, tmp_path / "s")
    volumes = [Volume.load(image, blobs).array for image in reading.case.images]
    assert [array.shape for array in volumes] == [(4, 4, 4), (4, 4, 4)]
    assert sorted(
        set(array.reshape(-1).tolist()) == {value} for array, value in zip(volumes, (5, 20), strict=True)
    ) == [True, True]


def test_a_cine_at_one_place_becomes_frames_in_time(tmp_path: Path, blobs: BlobStore) -> None:
    for name, time in enumerate((30.0, 0.0, 10.0, 20.0)):
        save(ct_slice(np.full((4, 4), int(time), np.uint16), Modality="MR", TriggerTime=time, RescaleIntercept=0),
             tmp_path / "s" / f"{name}.dcm")  # fmt: skip
    image, volume = one(blobs, tmp_path / "s")
    assert (image.frames, image.dimensions, image.shape[0]) == (4, 2, 4)
    assert volume.array[:, 0, 0].tolist() == [0, 10, 20, 30]


def test_a_localizer_is_an_image_of_its_own(tmp_path: Path, blobs: BlobStore) -> None:
    for z in range(3):
        save(ct_slice(np.zeros((4, 4), np.uint16), z=z * 3.0), tmp_path / "s" / f"{z}.dcm")
    save(
        ct_slice(
            np.zeros((4, 4), np.uint16),
            ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
            ImageOrientationPatient=[1, 0, 0, 0, 0, -1],
        ),
        tmp_path / "s" / "scout.dcm",
    )
    scout = next(image for image in read(blobs, tmp_path / "s").case.images if image.shape[0] == 1)
    assert "localizer" in scout.label and scout.intensity == "signal" and scout.plane is Plane.CORONAL
    assert any(caveat.startswith("localizer") for caveat in scout.caveats)


def test_copies_of_an_instance_are_left_out(tmp_path: Path, blobs: BlobStore) -> None:
    for z in range(3):
        made = ct_slice(np.full((4, 4), z, np.uint16), z=z * 3.0)
        save(made, tmp_path / "s" / f"{z}.dcm")
        save(made, tmp_path / "s" / "again" / f"{z}.dcm")
    image, _ = one(blobs, tmp_path / "s")
    assert image.shape[0] == 3
    assert any("3 file(s) were copies" in caveat for caveat in image.caveats)


def test_slope_and_intercept_of_each_slice_are_its_own(tmp_path: Path, blobs: BlobStore) -> None:
    for z, (slope, intercept) in enumerate([(1, -1000), (2, -1000), (1, 0)]):
        save(
            ct_slice(np.full((4, 4), 100, np.uint16), z=z * 3.0, RescaleSlope=slope, RescaleIntercept=intercept),
            tmp_path / "s" / f"{z}.dcm",
        )
    _, volume = one(blobs, tmp_path / "s")
    assert volume.array[:, 0, 0].tolist() == [-900, -800, 100] and volume.array.dtype == np.int16


def test_fractions_are_kept_as_float(tmp_path: Path, blobs: BlobStore) -> None:
    path = save(
        ct_slice(np.full((4, 4), 3, np.uint16), RescaleSlope="0.5", RescaleIntercept="-0.25"), tmp_path / "a.dcm"
    )
    _, volume = one(blobs, path)
    assert volume.array.dtype == np.float32 and volume.array[0, 0, 0] == np.float32(1.25)


def test_without_positions_the_distance_is_not_guessed_from_thickness(tmp_path: Path, blobs: BlobStore) -> None:
    for number in range(3):
        made = ct_slice(np.full((4, 4), number, np.uint16), number=3 - number)
        del made.ImagePositionPatient
        save(made, tmp_path / "s" / f"{number}.dcm")
    image, volume = one(blobs, tmp_path / "s")
    assert image.shape[0] == 3 and image.spacing is None and image.affine is None
    assert volume.array[:, 0, 0].tolist() == [-1022, -1023, -1024]
    assert any("positions are not given" in caveat for caveat in image.caveats)


def test_one_unreadable_slice_leaves_the_rest(tmp_path: Path, blobs: BlobStore) -> None:
    for z in range(5):
        made = ct_slice(np.full((4, 4), z, np.uint16), z=z * 3.0)
        if z == 2:
            made.PixelData = made.PixelData[:8]
        save(made, tmp_path / "s" / f"{z}.dcm")
    reading = read(blobs, tmp_path / "s")
    (image,), (problem,) = reading.case.images, reading.case.problems
    assert image.shape[0] == 4 and "cut off" in problem.reason
    assert any("could not be read" in caveat for caveat in image.caveats)
    assert any("missing slices: about 1 between slices 2 and 3" in caveat for caveat in image.caveats)


@pytest.mark.parametrize("packed", [False, True])
def test_enhanced_multiframe_becomes_a_volume(packed: bool, tmp_path: Path, blobs: BlobStore) -> None:
    def item(**fields: object) -> Dataset:
        made = Dataset()
        for keyword, value in fields.items():
            setattr(made, keyword, value)
        return made

    heights = [6.0, 0.0, 9.0, 3.0]
    pixels = np.stack([np.full((4, 4), int(z), np.uint16) for z in heights])
    made = dataset(pixels, EnhancedMRImageStorage, "MR")
    made.SharedFunctionalGroupsSequence = [
        item(
            PixelMeasuresSequence=[item(PixelSpacing=[0.5, 0.6], SliceThickness=3)],
            PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
            PixelValueTransformationSequence=[item(RescaleSlope=1, RescaleIntercept=0, RescaleType="US")],
        )
    ]
    made.PerFrameFunctionalGroupsSequence = [
        item(PlanePositionSequence=[item(ImagePositionPatient=[0, 0, z])]) for z in heights
    ]
    if packed:
        made.compress(RLELossless, generate_instance_uid=False)
    image, volume = one(blobs, save(made, tmp_path / "enhanced.dcm"))
    assert (image.shape, image.frames, image.dimensions) == ((4, 4, 4), 1, 3)
    assert volume.array[:, 0, 0].tolist() == [0, 3, 6, 9]
    assert image.spacing == pytest.approx((3.0, 0.5, 0.6)) and image.orientation_origin is Origin.HEADER
