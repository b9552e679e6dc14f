"""An image between its reader and the case: values and facts, not yet stored."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from knowledge.case import Modality, Origin, Plane, Window
from knowledge.quantity import SpacingSource


@dataclass
class Draft:
    """What a reader found out about one image; the fields mean what they mean in `Image`.

    Attributes:
        array: (slices, rows, columns[, 3]) in final values: HU for calibrated CT.
        name: The real name of the file or folder it came from; never stored in the case.
        stem: Neutral start of the label, such as "CT series" or "picture".
        calibrated: The values are Hounsfield units.
        patient, age, sex: Who the header speaks of; `patient` is an identifier and stays here.
    """

    array: NDArray[Any]
    name: str
    stem: str
    format: Literal["dicom", "nifti", "raster"]
    modality: Modality = Modality.UNKNOWN
    modality_origin: Origin = Origin.UNKNOWN
    body_part: str | None = None
    view: str | None = None
    frames: int = 1
    affine: NDArray[np.float64] | None = None
    orientation_origin: Origin = Origin.UNKNOWN
    spacing: tuple[float, float, float] | None = None
    spacing_source: SpacingSource = SpacingSource.NONE
    slice_thickness: float | None = None
    plane: Plane | None = None
    calibrated: bool = False
    windows: tuple[Window, ...] = ()
    caveats: list[str] = field(default_factory=list)
    patient: str = ""
    age: float | None = None
    sex: Literal["female", "male", "other"] | None = None

    @property
    def channels(self) -> Literal[1, 3]:
        """1 for grey values, 3 for RGB."""
        return 3 if self.array.ndim == 4 else 1

    @property
    def single(self) -> bool:
        """Whether it is a plane, or frames of one, rather than a volume."""
        return self.array.shape[0] == 1 or self.frames > 1


def note(draft: Draft, caveat: str) -> None:
    """Add a caveat once."""
    if caveat not in draft.caveats:
        draft.caveats.append(caveat)


def grey_or_colour(array: NDArray[Any]) -> NDArray[Any]:
    """One channel where all three are equal, else the array as it is."""
    if (
        array.ndim == 4
        and np.array_equal(array[..., 0], array[..., 1])
        and np.array_equal(array[..., 1], array[..., 2])
    ):
        return np.ascontiguousarray(array[..., 0])
    return array


def compact(array: NDArray[Any]) -> NDArray[Any]:
    """The same values in the smallest of uint8, int16, uint16 and float32 that a case keeps.

    Integers beyond 16 bits become float32, which holds them exactly up to 2**24.
    """
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype in (np.uint8, np.int16, np.uint16, np.float32):
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8)
    if array.dtype.kind in "iu":
        low, high = int(array.min()), int(array.max())
        for kind in (np.int16, np.uint16):
            limits = np.iinfo(kind)
            if limits.min <= low and high <= limits.max:
                return array.astype(kind)
    return array.astype(np.float32)


def without_gaps(draft: Draft) -> None:
    """Replace values that are no numbers by the lowest number, and say so.

    Raises:
        ValueError: No value is a finite number.
    """
    if draft.array.dtype.kind != "f":
        return
    finite = np.isfinite(draft.array)
    if finite.all():
        return
    if not finite.any():
        raise ValueError("no finite value")
    count = int(draft.array.size - np.count_nonzero(finite))
    draft.array = np.where(finite, draft.array, draft.array[finite].min())
    note(draft, f"{count} values were not finite numbers and were set to the lowest value")
