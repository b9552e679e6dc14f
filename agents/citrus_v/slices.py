"""Slices of an image as pictures for the model, and which of them to ask about."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from agents.citrus_v.offered import Display
from agents.citrus_v.pictures import Picture
from knowledge.case import Image

_TAILS = (0.5, 99.5)
"""Percentiles of a signal that become black and white, so that a few bright pixels do not darken the rest."""


class Values(Protocol):
    """An image's values on its grid, (slices, rows, columns[, 3])."""

    @property
    def array(self) -> NDArray[Any]:
        """The values."""


class SliceView:
    """The slices of one image, each as a picture of its own pixels, all in one window.

    Args:
        image: Says what the values mean, and names display windows.
        values: (slices, rows, columns) in HU or signal, or (slices, rows, columns, 3) uint8.
        display: The window for a CT that names none.
    """

    def __init__(self, image: Image, values: Values, display: Display) -> None:
        self.array = values.array
        self._low, self._high = 0.0, 255.0
        # Eight bits of a NIfTI are a signal that was stored in little room, no picture as it was shown.
        picture = self.array.dtype == np.uint8 and image.format != "nifti"
        as_shown = picture and image.intensity != "HU" and not image.windows
        if self.array.ndim == 3 and not as_shown:
            self._low, self._high = _window(image, self.array, display)

    def __len__(self) -> int:
        return len(self.array)

    @property
    def plane(self) -> tuple[int, int]:
        """(rows, columns)."""
        return int(self.array.shape[1]), int(self.array.shape[2])

    def __getitem__(self, index: int) -> Picture:
        plane = self.array[index]
        if plane.dtype == np.uint8 and (self._low, self._high) == (0.0, 255.0):
            return Picture.from_array(plane)
        scaled = (plane.astype(np.float32) - self._low) / max(self._high - self._low, 1e-6)
        grey = np.nan_to_num(np.clip(scaled, 0, 1)) * 255
        return Picture.from_array(np.round(grey).astype(np.uint8))


def coarse(count: int, most: int) -> list[int]:
    """At most `most` slices spread evenly over `count`, the middle of each stretch."""
    if count <= most:
        return list(range(count))
    return sorted({int((index + 0.5) * count / most) for index in range(most)})


def neighbours(hits: list[int], asked: list[int], count: int) -> list[int]:
    """Slices not asked yet between a hit and the nearest asked slices on either side of it."""
    known = set(asked)
    near: set[int] = set()
    for hit in hits:
        for step in (-1, 1):
            index = hit + step
            while 0 <= index < count and index not in known:
                near.add(index)
                index += step
    return sorted(near)


def _window(image: Image, array: NDArray[Any], display: Display) -> tuple[float, float]:
    if image.windows:
        first = image.windows[0]
        return first.center - first.width / 2, first.center + first.width / 2
    if image.intensity == "HU":
        return display.center - display.width / 2, display.center + display.width / 2
    # A sample is enough for percentiles, and quick on a large volume.
    sample = array.reshape(-1)[:: max(1, array.size // 1_000_000)]
    finite = sample[np.isfinite(sample)]
    low, high = np.percentile(finite, _TAILS) if finite.size else (0.0, 1.0)
    return float(low), float(high)
