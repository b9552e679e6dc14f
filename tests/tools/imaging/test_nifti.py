"""NIfTI: orientation, units, types, damage, and what its values are."""

import gzip
from itertools import permutations, product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.blobs import BlobStore
from knowledge.case import Modality, Origin, Plane
from knowledge.quantity import SpacingSource
from tests.shared import shared
from tests.tools.imaging.reading import one, refused
from tools.imaging.ct_values import looks_like_hu
from tools.imaging.limits import Limits

ORIENTATIONS = [
    np.array([[sign[row] * (order[row] == column) for column in range(3)] for row in range(3)], float)
    for order in permutations(range(3))
    for sign in product((1, -1), repeat=3)
]


def _save(array: np.ndarray, affine: np.ndarray | None, path: Path, code: int = 1, unit: str = "mm") -> Path:
    image = nib.Nifti1Image(array, np.eye(4) if affine is None else affine)
    image.header.set_xyzt_units(unit)
    image.set_sform(image.affine, code=0 if affine is None else code)
    image.set_qform(image.affine, code=0)
    nib.save(image, path)
    return path


@settings(max_examples=48, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    axes=st.sampled_from(ORIENTATIONS),
    zooms=st.tuples(*[st.floats(0.3, 6)] * 3),
    shear=st.floats(-0.15, 0.15),
    suffix=st.sampled_from([".nii", ".nii.gz"]),
)
def test_every_voxel_keeps_its_place(
    tmp_path_factory: pytest.TempPathFactory,
    axes: np.ndarray,
    zooms: tuple[float, float, float],
    shear: float,
    suffix: str,
) -> None:
    folder = tmp_path_factory.mktemp("nifti")
    array = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5)
    affine = np.eye(4)
    affine[:3, :3] = (axes + shear * np.roll(axes, 1, axis=0)) * zooms
    affine[:3, 3] = [7, -8, 9]
    affine = affine.astype(np.float32).astype(np.float64)
    _, volume = one(BlobStore(folder / "blobs"), _save(array, affine, folder / f"a{suffix}"))
    assert volume.affine is not None
    k, j, i = np.indices(volume.array.shape).reshape(3, -1)
    lps = volume.to_lps(np.stack([i, j, k], axis=1))
    ras = lps * [-1, -1, 1]
    index = np.rint((np.linalg.inv(affine) @ np.column_stack([ras, np.ones(len(ras))]).T)[:3].T).astype(int)
    assert np.array_equal(array[tuple(index.T)], volume.array.reshape(-1))
    assert np.diag(volume.affine)[:3].min() > 0


def test_a_real_ct_against_nibabel(blobs: BlobStore) -> None:
    path = shared("data", "ct_organs", "example_ct.nii.gz")
    image, volume = one(blobs, path)
    file = nib.as_closest_canonical(nib.load(path))  # RAS
    theirs = np.asarray(file.dataobj)[::-1, ::-1].transpose(2, 1, 0)
    assert np.array_equal(volume.array, theirs)
    corner = np.array([theirs.shape[2] - 1, theirs.shape[1] - 1, 0])
    assert volume.to_lps(corner[np.newaxis])[0] == pytest.approx(file.affine[:3, 3] * [-1, -1, 1])
    assert (image.modality, image.modality_origin, image.intensity) == (Modality.CT, Origin.INFERRED, "HU")


def test_mr_volumes_are_not_taken_for_ct(blobs: BlobStore) -> None:
    paths = sorted(shared("data", "hippocampus_mri", "images").glob("*.nii.gz"))
    assert len(paths) > 100
    for path in paths:
        assert not looks_like_hu(np.asarray(nib.load(path).dataobj)), path.name


@pytest.mark.parametrize("folder", ["example_seg_dicom.nii.gz", "example_seg_fast_force_split.nii.gz"])
def test_label_maps_are_not_taken_for_ct(folder: str, blobs: BlobStore) -> None:
    image, _ = one(blobs, shared("data", "ct_organs", folder))
    assert image.modality is Modality.UNKNOWN and any("labels" in caveat for caveat in image.caveats)


def test_images_are_not_taken_for_labels(blobs: BlobStore) -> None:
    for path in sorted(shared("data", "hippocampus_mri", "images").glob("*.nii.gz"))[:20]:
        image, _ = one(blobs, path)
        assert not any("labels" in caveat for caveat in image.caveats), path.name


def test_signed_maps_are_not_ct() -> None:
    noise = np.random.default_rng(0)
    phase = noise.integers(-4096, 4096, (20, 40, 40))
    difference = noise.normal(0, 400, (20, 40, 40)).astype(np.int16)
    assert not looks_like_hu(phase) and not looks_like_hu(difference)


def test_the_user_names_the_modality(tmp_path: Path, blobs: BlobStore) -> None:
    array = np.random.default_rng(0).integers(0, 900, (6, 6, 6)).astype(np.int16)
    path = _save(array, np.eye(4), tmp_path / "a.nii")
    image, _ = one(blobs, path, modality=Modality.MR)
    assert (image.modality, image.modality_origin, image.intensity) == (Modality.MR, Origin.USER, "signal")
    image, _ = one(blobs, path, modality=Modality.CT)
    assert image.intensity == "signal" and any("do not reach down to air" in caveat for caveat in image.caveats)


def test_codes_of_zero_leave_orientation_unknown(tmp_path: Path, blobs: BlobStore) -> None:
    image = nib.Nifti1Image(np.zeros((4, 5, 6), np.int16), np.diag([1, 2, 3, 1]))
    image.set_sform(None, code=0)
    image.set_qform(None, code=0)
    image.header["pixdim"][1:4] = [1, 2, 3]
    image.header.set_xyzt_units("mm")
    nib.save(image, tmp_path / "a.nii")
    read, volume = one(blobs, tmp_path / "a.nii")
    assert volume.affine is None and read.plane is None and read.orientation_origin is Origin.UNKNOWN
    assert read.spacing == (3, 2, 1) and read.spacing_source is SpacingSource.HEADER
    assert any("left and right are unknown" in caveat for caveat in read.caveats)


def test_sform_goes_before_qform(tmp_path: Path, blobs: BlobStore) -> None:
    image = nib.Nifti1Image(np.zeros((4, 5, 6), np.int16), np.eye(4))
    image.set_sform(np.diag([2.0, 2, 2, 1]), code=1)
    image.set_qform(np.diag([3.0, 3, 3, 1]), code=1)
    nib.save(image, tmp_path / "a.nii")
    assert one(blobs, tmp_path / "a.nii")[0].spacing == (2, 2, 2)


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1), ("meter", 1000), ("micron", 0.001), ("unknown", 1)])
def test_units_become_mm(unit: str, factor: float, tmp_path: Path, blobs: BlobStore) -> None:
    image, _ = one(blobs, _save(np.zeros((4, 5, 6), np.int16), np.diag([1.0, 2, 3, 1]), tmp_path / "a.nii", unit=unit))
    assert image.spacing == pytest.approx((3 * factor, 2 * factor, factor))
    assert any("unit of length" in caveat for caveat in image.caveats) == (unit == "unknown")


@pytest.mark.parametrize("thin", [0, 1, 2])
def test_a_plane_is_turned_as_it_is_looked_at(thin: int, tmp_path: Path, blobs: BlobStore) -> None:
    shape = [4, 5, 6]
    shape[thin] = 1
    array = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    image, volume = one(blobs, _save(array, np.diag([1.0, 2, 3, 1]), tmp_path / "a.nii"))
    assert image.plane is (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL)[thin] and image.shape[0] == 1
    assert volume.affine is not None
    right, down = volume.affine[:3, 0], volume.affine[:3, 1]
    expected = {0: ([0, 1, 0], [0, 0, -1]), 1: ([1, 0, 0], [0, 0, -1]), 2: ([1, 0, 0], [0, 1, 0])}[thin]
    assert right / np.linalg.norm(right) == pytest.approx(np.array(expected[0]))
    assert down / np.linalg.norm(down) == pytest.approx(np.array(expected[1]))
    j, i = np.indices(volume.array.shape[1:]).reshape(2, -1)
    ras = volume.to_lps(np.stack([i, j, 0 * i], axis=1)) * [-1, -1, 1]
    index = np.rint(ras / [1, 2, 3]).astype(int)
    assert np.array_equal(array[tuple(index.T)], volume.array[0].reshape(-1))


def test_the_first_of_several_volumes(tmp_path: Path, blobs: BlobStore) -> None:
    array = np.random.default_rng(0).integers(0, 99, (4, 5, 6, 3)).astype(np.int16)
    image, volume = one(blobs, _save(array, np.diag([-1.0, -1, 1, 1]), tmp_path / "a.nii.gz"))
    assert np.array_equal(volume.array, array[..., 0].transpose(2, 1, 0))
    assert any("3 volumes" in caveat for caveat in image.caveats)


def test_scale_factors_and_values_that_are_no_numbers(tmp_path: Path, blobs: BlobStore) -> None:
    image = nib.Nifti1Image(np.arange(60, dtype=np.int16).reshape(3, 4, 5), np.diag([-1.0, -1, 1, 1]))
    image.header.set_slope_inter(2.5, -3)
    image.to_filename(tmp_path / "a.nii")
    data = bytearray((tmp_path / "a.nii").read_bytes())
    _, volume = one(blobs, tmp_path / "a.nii")
    header = nib.Nifti1Header.from_fileobj(__import__("io").BytesIO(bytes(data)))
    assert np.allclose(volume.array.transpose(2, 1, 0), nib.load(tmp_path / "a.nii").get_fdata()), header
    array = np.array([np.nan, np.inf, -2, 5] * 6, np.float32).reshape(2, 3, 4)
    read, volume = one(blobs, _save(array, np.eye(4), tmp_path / "b.nii"))
    assert set(volume.array.reshape(-1).tolist()) == {-2, 5} and any("12 values" in caveat for caveat in read.caveats)
    assert "finite" in refused(blobs, _save(np.full((2, 2, 2), np.nan, np.float32), np.eye(4), tmp_path / "c.nii"))


def test_colour_voxels(tmp_path: Path, blobs: BlobStore) -> None:
    rgb = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
    array = np.random.default_rng(0).integers(0, 255, (4, 5, 6, 3), dtype=np.uint8)
    image = nib.Nifti1Image(array.view(rgb)[..., 0], np.diag([-1.0, -1, 1, 1]))
    nib.save(image, tmp_path / "a.nii")
    read, volume = one(blobs, tmp_path / "a.nii")
    assert read.intensity == "colour" and np.array_equal(volume.array, array.transpose(2, 1, 0, 3))


def test_nifti2(tmp_path: Path, blobs: BlobStore) -> None:
    array = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
    nib.save(nib.Nifti2Image(array, np.diag([-1.0, -1, 1, 1])), tmp_path / "a.nii.gz")
    assert np.array_equal(one(blobs, tmp_path / "a.nii.gz")[1].array, array.transpose(2, 1, 0))


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_damage_is_one_clear_sentence(suffix: str, tmp_path: Path, blobs: BlobStore) -> None:
    path = _save(
        np.random.default_rng(0).integers(0, 99, (9, 9, 9)).astype(np.int16), np.eye(4), tmp_path / f"a{suffix}"
    )
    path.write_bytes(path.read_bytes()[:-200])
    assert "cut off" in refused(blobs, path)


def test_a_small_file_that_claims_much_costs_nothing(tmp_path: Path, blobs: BlobStore) -> None:
    header = nib.Nifti1Header()
    header.set_data_dtype(np.int16)
    header.set_data_shape((30000, 30000, 30000))
    header["magic"], header["vox_offset"] = b"n+1", 352
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(header.binaryblock + b"\0" * 4))
    assert "more than the limit" in refused(blobs, path)
    header.set_data_shape((700, 700, 700))
    path.write_bytes(gzip.compress(header.binaryblock + b"\0" * 4))
    assert "cut off" in refused(blobs, path)


def test_a_bomb_is_read_no_further_than_its_voxels(tmp_path: Path, blobs: BlobStore) -> None:
    path = _save(np.ones((4, 4, 4), np.int16), np.eye(4), tmp_path / "a.nii")
    path_gz = tmp_path / "b.nii.gz"
    path_gz.write_bytes(gzip.compress(path.read_bytes() + b"\0" * (64 << 20)))
    image, _ = one(blobs, path_gz, limits=Limits(file_bytes=1 << 20))
    assert image.shape == (4, 4, 4)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 351), st.integers(0, 255)), min_size=1, max_size=6))
def test_any_header_opens_or_is_refused(tmp_path: Path, changes: list[tuple[int, int]]) -> None:
    data = bytearray(nib.Nifti1Image(np.ones((4, 4, 4), np.int16), np.eye(4)).to_bytes())
    for at, value in changes:
        data[at] = value
    (tmp_path / "a.nii").write_bytes(data)
    from tools.imaging.read import read_case

    case = read_case([tmp_path / "a.nii"], BlobStore(tmp_path / "blobs")).case
    assert len(case.images) + len(case.problems) == 1
    assert not any("damaged, so it cannot be read" in problem.reason for problem in case.problems)
