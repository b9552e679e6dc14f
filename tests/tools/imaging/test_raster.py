"""PNG, JPEG and TIFF."""

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from knowledge.blobs import BlobStore
from knowledge.case import Modality, Origin
from knowledge.quantity import SpacingSource
from tests.shared import shared
from tests.tools.imaging.reading import one, read, refused
from tools.imaging.limits import Limits

NOISE = np.random.default_rng(5)
GREY8 = NOISE.integers(0, 256, (20, 30), dtype=np.uint8)
GREY16 = NOISE.integers(0, 65536, (20, 30), dtype=np.uint16)
RGB = NOISE.integers(0, 256, (20, 30, 3), dtype=np.uint8)


def _save(array: np.ndarray, path: Path, **options: object) -> Path:
    PIL.Image.fromarray(array).save(path, **options)
    return path


@pytest.mark.parametrize("array", [GREY8, GREY16, RGB], ids=["grey8", "grey16", "rgb"])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_values_are_kept(array: np.ndarray, suffix: str, tmp_path: Path, blobs: BlobStore) -> None:
    if array is GREY16 and suffix == ".tif":
        PIL.Image.fromarray(array).save(tmp_path / "a.tif", compression="tiff_lzw")
    image, volume = one(blobs, _save(array, tmp_path / f"a{suffix}"))
    assert np.array_equal(volume.array[0], array) and volume.array.dtype == array.dtype
    assert (image.modality, image.affine, image.spacing) == (Modality.UNKNOWN, None, None)
    assert image.channels == (3 if array is RGB else 1)


def test_grey_stored_as_rgb_becomes_grey(tmp_path: Path, blobs: BlobStore) -> None:
    image, volume = one(blobs, _save(np.stack([GREY8] * 3, axis=-1), tmp_path / "a.png"))
    assert image.intensity == "signal" and np.array_equal(volume.array[0], GREY8)


def test_resolution_is_never_a_size(tmp_path: Path, blobs: BlobStore) -> None:
    path = _save(GREY8, tmp_path / "a.png", dpi=(254, 254))
    assert one(blobs, path)[0].spacing is None
    image, _ = one(blobs, path, spacing=(0.1, 0.2), modality=Modality.DX)
    assert image.spacing == (1.0, 0.2, 0.1) and image.spacing_source is SpacingSource.USER
    assert image.modality_origin is Origin.USER


def test_exif_rotation_is_applied(tmp_path: Path, blobs: BlobStore) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    _, volume = one(blobs, _save(RGB, tmp_path / "a.png", exif=exif))
    assert np.array_equal(volume.array[0], np.rot90(RGB, -1))


def test_palette_transparency_and_cmyk(tmp_path: Path, blobs: BlobStore) -> None:
    PIL.Image.fromarray(RGB).quantize(16).save(tmp_path / "p.png")
    assert one(blobs, tmp_path / "p.png")[0].channels == 3
    clear = np.dstack([RGB, np.full((20, 30), 255, np.uint8)])
    clear[0, 0, 3] = 0
    image, volume = one(blobs, _save(clear, tmp_path / "a.png"))
    assert volume.array[0, 0, 0].tolist() == [0, 0, 0] and np.array_equal(volume.array[0, 1:], RGB[1:])
    assert any("transparent" in caveat for caveat in image.caveats)
    PIL.Image.fromarray(RGB).convert("CMYK").save(tmp_path / "c.jpg", quality=95)
    assert one(blobs, tmp_path / "c.jpg")[0].channels == 3


def test_pages_are_frames(tmp_path: Path, blobs: BlobStore) -> None:
    pages = [PIL.Image.fromarray(np.full((5, 6), value, np.uint8)) for value in (1, 2, 3)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    image, volume = one(blobs, tmp_path / "a.tif")
    assert image.frames == 3 and volume.array[:, 0, 0].tolist() == [1, 2, 3]
    pages[0].save(tmp_path / "b.tif", save_all=True, append_images=[PIL.Image.new("L", (9, 9))])
    image, _ = one(blobs, tmp_path / "b.tif")
    assert image.frames == 1 and any("2 pages" in caveat for caveat in image.caveats)


def test_damage_and_size(tmp_path: Path, blobs: BlobStore) -> None:
    path = _save(RGB, tmp_path / "a.png")
    path.write_bytes(path.read_bytes()[:-400])
    assert "cut off" in refused(blobs, path)
    assert "limit" in refused(blobs, _save(RGB, tmp_path / "b.png"), limits=Limits(samples=1000))
    PIL.Image.new("1", (20000, 20000)).save(tmp_path / "c.png")
    assert "more pixels than the limit" in refused(blobs, tmp_path / "c.png")


def test_films_open(blobs: BlobStore) -> None:
    paths = sorted(shared("data", "chest_xray", "images").iterdir())[:6]
    case = read(blobs, *paths).case
    assert len(case.images) == 6 and case.problems == () and all(image.spacing is None for image in case.images)
