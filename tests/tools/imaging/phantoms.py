"""Small images with known content, stored as a reader stores them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge.blobs import BlobStore
from knowledge.case import Image, Modality, Origin, Plane
from knowledge.quantity import SpacingSource
from tools.imaging.volume import Volume, as_affine, encode_pixels


def ct_volume(
    array: NDArray[np.int16], blobs: BlobStore, spacing: tuple[float, float, float] = (3.0, 1.0, 2.0)
) -> Image:
    """An axial CT on the LPS grid with its first voxel at the origin."""
    affine = np.diag([spacing[2], spacing[1], spacing[0], 1.0])
    return _image(
        array, blobs, affine=as_affine(affine), spacing=spacing, spacing_source=SpacingSource.HEADER,
        modality=Modality.CT, modality_origin=Origin.HEADER, orientation_origin=Origin.HEADER, plane=Plane.AXIAL,
        intensity="HU", matrix=affine,
    )  # fmt: skip


def film(array: NDArray[Any], blobs: BlobStore, image_id: str = "I1") -> Image:
    """A picture of unknown size and orientation, (rows, columns[, 3])."""
    colour = array.ndim == 3
    return _image(
        array[np.newaxis], blobs, id=image_id, format="raster", modality=Modality.UNKNOWN,
        modality_origin=Origin.UNKNOWN, intensity="colour" if colour else "signal", channels=3 if colour else 1,
    )  # fmt: skip


def _image(array: NDArray[Any], blobs: BlobStore, matrix: NDArray[Any] | None = None, **fields: Any) -> Image:
    pixels = blobs.put(encode_pixels(array, matrix))
    defaults = {"id": "I1", "label": "test image", "format": "dicom", "shape": array.shape[:3], "content": pixels}
    return Image.model_validate(defaults | {"pixels": pixels} | fields)


def load(image: Image, blobs: BlobStore) -> Volume:
    return Volume.load(image, blobs)
