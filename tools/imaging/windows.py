"""Which grey values a display shows: presets for CT, what a header asks for, or the values' range."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge.case import Image, Window

PRESETS = {
    "lung": Window(name="lung", center=-600, width=1500),
    "soft tissue": Window(name="soft tissue", center=50, width=400),
    "mediastinum": Window(name="mediastinum", center=50, width=350),
    "bone": Window(name="bone", center=400, width=1800),
    "brain": Window(name="brain", center=40, width=80),
}
"""Centre and width in HU as commonly published: Radiopaedia, "Windowing (CT)",
https://radiopaedia.org/articles/windowing-ct."""

_SAMPLES = 1_000_000


def preset_names(image: Image) -> tuple[str, ...]:
    """Windows that can be asked for by name: the header's own, and for HU the presets."""
    own = tuple(window.name for window in image.windows)
    return own + tuple(name for name in PRESETS if name not in own) if image.intensity == "HU" else own


def named_window(image: Image, name: str) -> Window | None:
    """The window of that name, the header's before a preset; None where there is none."""
    wanted = name.strip().lower()
    for window in image.windows:
        if window.name == wanted:
            return window
    return PRESETS.get(wanted) if image.intensity == "HU" else None


def default_window(image: Image, array: NDArray[Any]) -> Window:
    """The header's first window; else soft tissue for HU, all 8 bits of a picture, else percentiles."""
    if image.windows:
        return image.windows[0]
    if image.intensity == "HU":
        return PRESETS["soft tissue"]
    if image.dimensions == 2 and array.dtype == np.uint8 and array.max() > 127:
        return Window(name="full range", center=127.5, width=255)
    return percentile_window(array)


def percentile_window(array: NDArray[Any]) -> Window:
    """From the 0.5th to the 99.5th percentile of an even sample, so that a few bright voxels do not rule."""
    values = array.reshape(-1)[:: max(1, array.size // _SAMPLES)]
    low, high = np.percentile(values, [0.5, 99.5])
    if high <= low:
        low, high = float(array.min()), float(array.max())
    return Window(name="percentiles", center=float(low + high) / 2, width=max(float(high - low), 1e-6))


def apply_window(values: NDArray[Any], window: Window) -> NDArray[np.uint8]:
    """Grey levels 0 to 255, linear over the window (PS3.3 C.11.2.1.3.2, LINEAR_EXACT)."""
    low = window.center - window.width / 2
    scaled = (values.astype(np.float32) - np.float32(low)) * np.float32(255 / window.width)
    levels: NDArray[np.uint8] = np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)
    return levels
