"""Pixels joined with their place in the patient, and how both become blobs and return.

Array axes are (slices, rows, columns); voxel coordinates are (i, j, k) = (column, row, slice) of
voxel centres, as in DICOM. The affine maps (i, j, k, 1) to patient LPS in millimetres: +x towards
the patient's left, +y posterior, +z superior (DICOM PS3.3 C.7.6.2.1.1).
"""

import gzip
import io
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import nibabel as nib
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from knowledge.blobs import BlobStore
from knowledge.case import Affine, Image, Sha256
from knowledge.quantity import SpacingSource

_LPS_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def as_affine(matrix: NDArray[Any]) -> Affine:
    """The 4 x 4 matrix as the nested tuple that `Image` keeps."""
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        raise ValueError(f"an affine is a finite 4 x 4 matrix, not {matrix!r}")
    return tuple(tuple(float(value) for value in row) for row in matrix)  # type: ignore[return-value]


@dataclass(frozen=True, eq=False)
class Volume:
    """An image's values on its grid, never without its geometry.

    Attributes:
        array: (slices, rows, columns), or (slices, rows, columns, 3) for colour; read only.
        affine: 4 x 4, voxel (i, j, k, 1) to LPS in mm, or None where the position is unknown.
        spacing: mm as (slices, rows, columns), or None where the physical size is unknown.
        spacing_source: Where `spacing` comes from.
    """

    array: NDArray[Any]
    affine: NDArray[np.float64] | None
    spacing: tuple[float, float, float] | None
    spacing_source: SpacingSource

    def __post_init__(self) -> None:
        if self.array.ndim not in (3, 4) or (self.array.ndim == 4 and self.array.shape[3] != 3):
            raise ValueError(f"a volume is (slices, rows, columns[, 3]), not {self.array.shape}")
        if (self.spacing is None) != (self.spacing_source is SpacingSource.NONE):
            raise ValueError("a spacing has a source, and a source a spacing")
        self.array.setflags(write=False)

    @classmethod
    def load(cls, image: Image, blobs: BlobStore) -> Self:
        """Read the pixels of `image` back from `blobs`.

        Raises:
            BlobError: The pixels are missing or changed.
        """
        array = decode_pixels(blobs.get(image.pixels))
        if image.slope != 1.0 or image.intercept != 0.0:
            array = array.astype(np.float32) * np.float32(image.slope) + np.float32(image.intercept)
        expected = image.shape if image.channels == 1 else (*image.shape, 3)
        if array.shape != expected:
            raise ValueError(f"{image.id}: pixels of shape {array.shape}, not {expected}")
        affine = None if image.affine is None else np.array(image.affine, dtype=np.float64)
        return cls(array, affine, image.spacing, image.spacing_source)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slices, rows, columns)."""
        slices, rows, columns = self.array.shape[:3]
        return slices, rows, columns

    @cached_property
    def voxel_volume(self) -> float | None:
        """Volume of a voxel in mm3, also for sheared grids, or None without spacing."""
        if self.affine is not None and self.spacing is not None:
            return float(abs(np.linalg.det(self.affine[:3, :3])))
        return None if self.spacing is None else float(np.prod(self.spacing))

    def to_lps(self, voxels: NDArray[Any]) -> NDArray[np.float64]:
        """Map voxel coordinates (n, 3) in (i, j, k) order to LPS mm, (n, 3).

        Raises:
            ValueError: The position in the patient is unknown.
        """
        if self.affine is None:
            raise ValueError("the position of this image in the patient is unknown")
        points = np.asarray(voxels, dtype=np.float64)
        moved: NDArray[np.float64] = points @ self.affine[:3, :3].T + self.affine[:3, 3]
        return moved


def encode_pixels(array: NDArray[Any], affine: NDArray[Any] | None) -> bytes:
    """Pixels as a file anyone can open: PNG for a plane without position, else NIfTI.

    Args:
        array: (slices, rows, columns[, 3]). A plane for PNG is uint8, or uint16 grey.
        affine: Voxel to LPS. A volume or a signed or float plane without a known position is
            written with an identity matrix and the NIfTI code "unknown".
    """
    if array.ndim == 4 or (affine is None and array.shape[0] == 1 and array.dtype in (np.uint8, np.uint16)):
        if array.shape[0] != 1:
            stacked = array.reshape(-1, *array.shape[2:])
            return _encode_png(stacked, frames=array.shape[0])
        return _encode_png(array[0], frames=1)
    return _encode_nifti(array, affine)


def decode_pixels(data: bytes) -> NDArray[Any]:
    """The array that `encode_pixels` wrote, as (slices, rows, columns[, 3])."""
    if data.startswith(b"\x89PNG"):
        with warnings.catch_warnings(action="ignore", category=PIL.Image.DecompressionBombWarning):
            picture = PIL.Image.open(io.BytesIO(data))
        with picture:
            frames = int(picture.info.get("frames", 1))
            array = np.asarray(picture)
        if array.dtype == np.int32:
            array = array.astype(np.uint16)
        return array.reshape(frames, array.shape[0] // frames, *array.shape[1:])
    return _decode_nifti(data)


def encode_mask(mask: NDArray[np.bool_], affine: NDArray[Any] | None) -> bytes:
    """A mask (slices, rows, columns) as a 1-bit PNG for a plane, gzipped NIfTI for a volume.

    The bytes depend on the mask and affine only, so equal masks are the same blob.
    """
    if mask.shape[0] == 1:
        buffer = io.BytesIO()
        PIL.Image.fromarray(mask[0]).save(buffer, "PNG")
        return buffer.getvalue()
    return gzip.compress(_encode_nifti(mask.astype(np.uint8), affine), compresslevel=1, mtime=0)


def decode_mask(data: bytes) -> NDArray[np.bool_]:
    """The mask that `encode_mask` wrote, as (slices, rows, columns)."""
    if data.startswith(b"\x89PNG"):
        with PIL.Image.open(io.BytesIO(data)) as picture:
            return np.asarray(picture.convert("1"), dtype=np.bool_)[np.newaxis]
    return _decode_nifti(gzip.decompress(data)).astype(np.bool_)


def store_mask(mask: NDArray[np.bool_], volume: Volume, blobs: BlobStore) -> Sha256:
    """Put a mask on the grid of `volume` into `blobs`.

    Raises:
        ValueError: The mask is not on that grid.
    """
    if mask.shape != volume.shape:
        raise ValueError(f"a mask of shape {mask.shape} is not on the grid {volume.shape}")
    return blobs.put(encode_mask(mask, volume.affine))


def _encode_png(plane: NDArray[Any], frames: int) -> bytes:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("frames", str(frames))
    buffer = io.BytesIO()
    PIL.Image.fromarray(np.ascontiguousarray(plane)).save(buffer, "PNG", pnginfo=info, compress_level=1)
    return buffer.getvalue()


def _encode_nifti(array: NDArray[Any], affine: NDArray[Any] | None) -> bytes:
    # NIfTI wants (i, j, k) and RAS; transposing is free, the flip lies in the affine.
    matrix = np.eye(4) if affine is None else _LPS_RAS @ affine
    header = nib.Nifti1Header()
    header.set_data_dtype(array.dtype.newbyteorder("<"))
    header.set_data_shape(array.shape[::-1])
    header.set_xyzt_units("mm" if affine is not None else "unknown")
    header.set_qform(matrix, code=0 if affine is None else 1)
    header.set_sform(matrix, code=0 if affine is None else 1)
    header.set_slope_inter(1, 0)
    header["magic"], header["vox_offset"] = b"n+1", header.single_vox_offset
    # Joined by hand, which copies a large volume once; nibabel's own writer copies it three times.
    values = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return b"".join([header.binaryblock, b"\0" * 4, values.data.cast("B")])


def _decode_nifti(data: bytes) -> NDArray[Any]:
    picture = nib.Nifti1Image.from_bytes(data)
    array: NDArray[Any] = np.asanyarray(picture.dataobj).transpose(2, 1, 0)
    return array
