"""The stored values of a DICOM file: read in place where they are plain, decoded where packed."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGExtended12Bit,
    RLELossless,
)

from tools.imaging.codestream import claimed_size, is_complete
from tools.imaging.header import Instance
from tools.imaging.limits import Unreadable

_PLAIN = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)
_LONG = (b"OB", b"OW", b"UN", b"OF", b"OD", b"OL")
_GREY = ("MONOCHROME1", "MONOCHROME2")
_PIXEL_DATA = (b"\xe0\x7f\x10\0", b"\x7f\xe0\0\x10")
_TRUNCATED = "Its pixel data is cut off."
_NO_PIXELS = "It is DICOM but holds no pixels."


def stored_type(instance: Instance) -> np.dtype[Any]:
    """The type that `read_frames` fills: uint8 RGB for colour, else as stored."""
    if instance.photometric not in _GREY:
        return np.dtype(np.uint8)
    size = max(1, instance.bits_allocated // 8)
    return np.dtype(f"{'i' if instance.signed else 'u'}{size}")


def check_pixels(instance: Instance) -> None:
    """Refuse, before anything is decoded, what no decoder here reads.

    Raises:
        Unreadable: The syntax is unknown or needs a package that is missing, or the kind of
            colour is not supported.
    """
    if instance.photometric not in (*_GREY, "RGB", "PALETTECOLOR") and not instance.photometric.startswith("YBR"):
        raise Unreadable("Its kind of colour is not supported.")
    if instance.bits_allocated > 32:
        raise Unreadable(f"Its pixels have {instance.bits_allocated} bits, which is not supported.")
    if instance.syntax in _PLAIN:
        return
    name = instance.syntax.name if instance.syntax.is_transfer_syntax else "an unknown transfer syntax"
    try:
        decoder = get_decoder(instance.syntax)
    except NotImplementedError:
        raise Unreadable(f"Its pixels are packed as {name}, which is not supported.") from None
    if not decoder.is_available:
        needed = " or ".join(decoder.missing_dependencies)
        raise Unreadable(f"Its pixels are packed as {name}; to read them, install: {needed}.")


def read_frames(instance: Instance, indices: Sequence[int], into: Sequence[NDArray[Any]]) -> None:
    """Fill each array of `into`, (rows, columns[, 3]) of `stored_type`, with the frame at the index.

    Raises:
        Unreadable: The pixel data is cut off or damaged.
    """
    try:
        if _is_plain(instance):
            _read_plain(instance, indices, into)
            return
        for target, values in zip(into, _decoded(instance, indices), strict=True):
            target[...] = values
    except Unreadable:
        raise
    except Exception:  # noqa: BLE001 - decoders of hostile bytes raise anything; the message may quote them
        if instance.syntax == JPEGExtended12Bit and instance.bits_stored > 8 and not _has_libjpeg():
            raise Unreadable(
                f"Its pixels are packed as {instance.syntax.name}; to read 12 bits, install: pylibjpeg-libjpeg."
            ) from None
        raise Unreadable("Its pixel data is cut off or damaged, so it cannot be decoded.") from None


def _has_libjpeg() -> bool:
    """Whether the one decoder for 12-bit lossy JPEG is installed."""
    return "pylibjpeg" in get_decoder(JPEGExtended12Bit).available_plugins


def _is_plain(instance: Instance) -> bool:
    return (
        instance.syntax in _PLAIN
        and instance.pixels_at is not None
        and instance.photometric in _GREY
        and instance.samples == 1
        and instance.bits_allocated in (8, 16, 32)
        and not (instance.syntax == ExplicitVRBigEndian and instance.bits_allocated == 8)
    )


def _read_plain(instance: Instance, indices: Sequence[int], into: Sequence[NDArray[Any]]) -> None:
    """Read uncompressed grey frames straight into place."""
    order = "big" if instance.syntax == ExplicitVRBigEndian else "little"
    size = instance.rows * instance.columns * (instance.bits_allocated // 8)
    with instance.source.open() as file:
        file.seek(instance.pixels_at or 0)
        head = file.read(12)
        start = (instance.pixels_at or 0) + 8
        if head[:4] != _PIXEL_DATA[order == "big"]:
            raise Unreadable(_NO_PIXELS)
        if instance.syntax != ImplicitVRLittleEndian and head[4:6] in _LONG:
            start += 4
            length = int.from_bytes(head[8:12], order)  # type: ignore[arg-type]
        else:
            length = int.from_bytes(head[4:8], order)  # type: ignore[arg-type]
        if length < size * instance.frames:
            raise Unreadable(_TRUNCATED)
        for index, target in zip(indices, into, strict=True):
            file.seek(start + index * size)
            if _fill(file, target) != size:
                raise Unreadable(_TRUNCATED)
            if order == "big":
                target.byteswap(inplace=True)
            _drop_unused_bits(target, instance)


def _fill(file: Any, target: NDArray[Any]) -> int:
    view = memoryview(target.data).cast("B")
    filled = 0
    while filled < len(view):
        count = file.readinto(view[filled:])
        if not count:
            break
        filled += count
    return filled


def _drop_unused_bits(target: NDArray[Any], instance: Instance) -> None:
    """Clear bits above Bits Stored, where old files keep overlays; extend the sign."""
    unused = instance.bits_allocated - instance.bits_stored
    if unused == 0:
        return
    if instance.signed:
        np.left_shift(target, unused, out=target)
        np.right_shift(target, unused, out=target)
    else:
        np.bitwise_and(target, (1 << instance.bits_stored) - 1, out=target)


def _decoded(instance: Instance, indices: Sequence[int]) -> Iterator[NDArray[Any]]:
    with instance.source.open() as file:
        dataset = pydicom.dcmread(file, force=True)
        if "PixelData" not in dataset:
            # pydicom leaves out an element that the file ends within.
            file.seek(instance.pixels_at or 0)
            raise Unreadable(_TRUNCATED if file.read(4) in _PIXEL_DATA else _NO_PIXELS)
    # Only known values may drive the decoder; a file without meta information names no syntax.
    if instance.syntax.is_compressed and instance.syntax not in _PLAIN:
        _check_streams(dataset, instance)
    decoder = get_decoder(instance.syntax)
    # Asked for one by one, frames are found anew each time; all in order, in one pass.
    wanted = None if list(indices) == list(range(instance.frames)) else list(indices)
    for values, _ in islice(decoder.iter_array(dataset, indices=wanted), len(indices)):
        palette = instance.photometric == "PALETTECOLOR"
        yield _as_stored(apply_color_lut(values, dataset) if palette else values, instance)


def _check_streams(dataset: pydicom.Dataset, instance: Instance) -> None:
    """Hold every codestream against the header before it is decoded."""
    if instance.syntax == RLELossless:
        return
    for stream in generate_frames(dataset.PixelData, number_of_frames=instance.frames):
        if (size := claimed_size(stream)) is None:
            continue
        if size != (instance.rows, instance.columns):
            raise Unreadable("Its compressed picture has another size than its header says.")
        if not is_complete(stream):
            raise Unreadable(_TRUNCATED)


def _as_stored(values: NDArray[Any], instance: Instance) -> NDArray[Any]:
    """Colour as 8 bits; grey unchanged."""
    if instance.photometric in _GREY:
        return values
    if values.dtype == np.uint8:
        return values
    bits = 16 if instance.photometric == "PALETTECOLOR" else instance.bits_stored
    narrowed: NDArray[np.uint8] = np.right_shift(values, max(0, bits - 8)).astype(np.uint8)
    return narrowed
