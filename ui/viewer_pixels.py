"""Pixels for the viewer: raw values of a few slices at a time, and masks as packed bits.

A volume's blob is an uncompressed NIfTI file, so its slices are read in place: its hash is checked
once, then no volume is held in memory. What is kept is kept by conversation and hash together.
"""

import hashlib
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from knowledge.blobs import BlobError, BlobStore
from knowledge.case import Image, Window
from knowledge.evidence import Mask
from tools.imaging.volume import decode_mask, decode_pixels
from tools.imaging.windows import default_window

Kept = TypeVar("Kept")

CHUNK = 64 << 20
"""Bytes of pixels that one answer may hold."""
_DIRECT = ("int8", "uint8", "int16", "uint16", "float32")
"""Types of values that a page holds as they are; others are sent as float32."""
_HEADER = 348


class Shelf:
    """Keeps the last few of something, each made once."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._items: OrderedDict[tuple[object, ...], Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[object, ...], make: Callable[[], Kept]) -> Kept:
        """The item of `key`, made now if it is not kept."""
        with self._lock:
            if key in self._items:
                self._items.move_to_end(key)
                found: Kept = self._items[key]
                return found
        made = make()
        with self._lock:
            self._items[key] = made
            while len(self._items) > self._size:
                self._items.popitem(last=False)
        return made


_ARRAYS, _MASKS, _WINDOWS = Shelf(24), Shelf(48), Shelf(256)


def _stored(image: Image, blobs: BlobStore) -> NDArray[Any]:
    """The stored values of an image, (slices, rows, columns[, 3]), before slope and intercept.

    Raises:
        BlobError: The pixels are missing or changed.
    """
    array = _ARRAYS.get((blobs.folder, image.pixels), lambda: _opened(blobs.path(image.pixels), image.pixels, blobs))
    expected = image.shape if image.channels == 1 else (*image.shape, 3)
    if array.shape != expected:
        raise ValueError(f"{image.id}: pixels of shape {array.shape}, not {expected}")
    return array


def _opened(path: Path, digest: str, blobs: BlobStore) -> NDArray[Any]:
    try:
        with path.open("rb") as file:
            start = file.read(_HEADER)
            file.seek(0)
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BlobError(f"blob {digest} cannot be read ({error.strerror})") from None
    if found != digest:
        raise BlobError(f"blob {digest} was changed")
    if start.startswith(b"\x89PNG"):
        return decode_pixels(blobs.get(digest))
    header = nib.Nifti1Header(start)
    shape = header.get_data_shape()[::-1]
    return np.memmap(path, header.get_data_dtype(), "r", int(header["vox_offset"]), shape)


def wire_type(image: Image, blobs: BlobStore) -> str:
    """The type in which values are sent, by its numpy name; bytes are little-endian."""
    name = _stored(image, blobs).dtype.name
    return name if name in _DIRECT else "float32"


def slices(image: Image, blobs: BlobStore, first: int, last: int) -> bytes:
    """Stored values of slices [first, last), row by row.

    Raises:
        IndexError: There are no such slices, or they are too many for one answer.
        BlobError: The pixels are missing or changed.
    """
    array = _stored(image, blobs)
    if not 0 <= first < last <= array.shape[0]:
        raise IndexError(f"{image.id} has slices 0 to {array.shape[0]}, not {first} to {last}")
    part = array[first:last]
    if part.nbytes > max(CHUNK, array[0].nbytes):
        raise IndexError(f"{last - first} slices of {image.id} are too many for one answer")
    kind = np.dtype(wire_type(image, blobs)).newbyteorder("<")
    return np.ascontiguousarray(part, dtype=kind).tobytes()


def window(image: Image, blobs: BlobStore) -> Window | None:
    """The window to begin with, in calibrated values; None for colour."""
    if image.channels == 3:
        return None

    def make() -> Window:
        array = _stored(image, blobs)
        if image.windows or image.intensity == "HU":
            return default_window(image, array)
        values = array[:: max(1, array.shape[0] // 32)]
        if image.slope != 1.0 or image.intercept != 0.0:
            values = values.astype(np.float32) * np.float32(image.slope) + np.float32(image.intercept)
        return default_window(image, values)

    return _WINDOWS.get((blobs.folder, image.pixels, image.slope, image.intercept, image.windows), make)


def packed(mask: Mask, blobs: BlobStore) -> bytes:
    """The mask's box as bits, eight a byte, first bit highest, slice by slice and row by row; zlib around it."""

    def make() -> bytes:
        x0, y0, x1, y1 = mask.box
        part = decode_mask(blobs.get(mask.blob))[mask.slices[0] : mask.slices[1], y0:y1, x0:x1]
        return zlib.compress(np.packbits(part).tobytes(), 1)

    return _MASKS.get((blobs.folder, mask.blob, mask.box, mask.slices), make)


def unpacked(data: bytes, box: tuple[int, int, int, int, int, int], shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    """A mask (slices, rows, columns) from bits as `packed` writes them.

    Args:
        box: (x0, y0, z0, x1, y1, z1), half open.

    Raises:
        ValueError: The box is not on the grid, or the bits are not those of the box.
    """
    x0, y0, z0, x1, y1, z1 = box
    if not (0 <= x0 < x1 <= shape[2] and 0 <= y0 < y1 <= shape[1] and 0 <= z0 < z1 <= shape[0]):
        raise ValueError(f"the box {box} is not on the grid {shape}")
    count = (x1 - x0) * (y1 - y0) * (z1 - z0)
    length = -(-count // 8)
    reader = zlib.decompressobj()
    try:
        # Never more than the box can hold, whatever was sent.
        bits = reader.decompress(data, length)
        if len(bits) < length or (not reader.eof and reader.decompress(reader.unconsumed_tail, 1)):
            raise ValueError("the outline has another size than its box")
    except zlib.error as error:
        raise ValueError(f"the outline cannot be read ({error})") from None
    mask = np.zeros(shape, np.bool_)
    values = np.unpackbits(np.frombuffer(bits, np.uint8), count=count).astype(np.bool_)
    mask[z0:z1, y0:y1, x0:x1] = values.reshape(z1 - z0, y1 - y0, x1 - x0)
    return mask
