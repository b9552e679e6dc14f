"""From stored values to what they mean: Hounsfield units, signal, and bright for high."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels.processing import apply_modality_lut

from knowledge.case import Modality, Window
from tools.imaging.draft import compact
from tools.imaging.header import Frame

Each = Callable[[Callable[[int], None], Iterable[int]], None]
"""Runs a function for every index, perhaps in several threads."""

AIR = -1024
"""HU given to padding: the lowest value of the 12-bit scale, as air outside the field of view."""

_MEASURED = (Modality.CT, Modality.MR, Modality.PT, Modality.NM)


def calibrate(
    frames: list[Frame], array: NDArray[Any], each: Each
) -> tuple[NDArray[Any], tuple[Window, ...], bool, list[str]]:
    """Apply the Modality LUT of every frame, then turn MONOCHROME1 projections bright for high.

    Rescale Slope and Intercept may differ from slice to slice (PS3.3 C.11.1). Whole-number
    results that fit are int16 or as stored, all others float32.

    Args:
        frames: In the order of `array`.
        array: (slices, rows, columns[, 3]) as stored; it may be changed and returned.

    Returns:
        Values, display windows on them, whether they are Hounsfield units, and caveats.
    """
    first = frames[0]
    windows = frames[len(frames) // 2].windows
    if array.ndim == 4:
        return array, (), False, []
    caveats: list[str] = []
    hu = first.instance.hu and all(frame.rescaled for frame in frames)
    if first.instance.hu and not hu:
        caveats.append("the header gives no rescale to Hounsfield units, so values are plain signal")
    padded = _padding(frames, array)
    if first.instance.has_modality_lut:
        array = _looked_up(frames, array)
        hu = False
    else:
        array = _rescaled(frames, array, each)
    if first.instance.photometric == "MONOCHROME1" and first.instance.modality not in _MEASURED:
        array, windows = _inverted(frames, array, windows)
        caveats.append("stored dark for high (MONOCHROME1); values were turned so that high is bright")
    if padded is not None:
        if hu:
            padded &= array < AIR
        inside = array[~padded]
        if padded.any() and inside.size:
            array = array.copy() if not array.flags.writeable else array
            array[padded] = AIR if hu else inside.min()
            caveats.append(
                f"padding outside the field of view was set to {AIR} HU"
                if hu
                else "padding outside the field of view was set to the lowest value"
            )
    return array, windows, hu, caveats


def _padding(frames: list[Frame], array: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Where stored values are padding (PS3.3 C.7.5.1.1.2), or None where none are."""
    if all(frame.instance.padding is None for frame in frames):
        return None
    mask = np.zeros(array.shape, np.bool_)
    for at, frame in enumerate(frames):
        if frame.instance.padding is not None:
            low, high = frame.instance.padding
            mask[at] = (array[at] >= low) & (array[at] <= high)
    return mask if mask.any() else None


def _looked_up(frames: list[Frame], array: NDArray[Any]) -> NDArray[Any]:
    planes = []
    for at, frame in enumerate(frames):
        with frame.instance.source.open() as file:
            dataset = pydicom.dcmread(file, stop_before_pixels=True, force=True)
        planes.append(apply_modality_lut(array[at], dataset))
    return compact(np.stack(planes))


def _rescaled(frames: list[Frame], array: NDArray[Any], each: Each) -> NDArray[Any]:
    if all(frame.slope == 1 and frame.intercept == 0 for frame in frames):
        return compact(array)
    whole = all(frame.slope.is_integer() and frame.intercept.is_integer() for frame in frames)
    ends = np.empty((len(frames), 2))
    if whole and array.dtype.kind in "iu":

        def measure(at: int) -> None:
            low, high = array[at].min(), array[at].max()
            ends[at] = np.array([low, high], dtype=np.float64) * frames[at].slope + frames[at].intercept

        each(measure, range(len(frames)))
        if ends.min() >= -32768 and ends.max() <= 32767:
            return _to_int16(frames, array, each)
    scaled = np.empty(array.shape, np.float32)

    def scale(at: int) -> None:
        np.multiply(array[at], frames[at].slope, out=scaled[at], casting="unsafe")
        scaled[at] += np.float32(frames[at].intercept)

    each(scale, range(len(frames)))
    return scaled


def _to_int16(frames: list[Frame], array: NDArray[Any], each: Each) -> NDArray[np.int16]:
    """In place where the stored values have 16 bits: no second copy of a large volume."""
    out = array.view(np.int16) if array.dtype.itemsize == 2 else np.empty(array.shape, np.int16)

    def convert(at: int) -> None:
        frame = frames[at]
        if array.dtype.itemsize == 2 and frame.slope == 1 and abs(frame.intercept) <= 32767:
            # Modulo 65536 the sum is right, and the result is known to fit.
            np.add(out[at], np.int16(frame.intercept), out=out[at])
        else:
            out[at] = array[at].astype(np.int64) * int(frame.slope) + int(frame.intercept)

    each(convert, range(len(frames)))
    return out


def _inverted(
    frames: list[Frame], array: NDArray[Any], windows: tuple[Window, ...]
) -> tuple[NDArray[Any], tuple[Window, ...]]:
    """Mirror values about the middle of their range: of the bits stored, else of what occurs."""
    first = frames[0]
    plain = first.slope == 1 and first.intercept == 0 and not first.instance.has_modality_lut
    if plain and array.dtype.kind == "u":
        total: float = max((1 << first.instance.bits_stored) - 1, int(array.max()))
    else:
        total = float(array.min()) + float(array.max())
    if array.dtype.kind == "f":
        array = np.float32(total) - array
    else:
        array = (int(total) - array.astype(np.int64)).astype(array.dtype)
    return array, tuple(window.model_copy(update={"center": total - window.center}) for window in windows)
