"""Whether numbers without a name are Hounsfield units, and whether they are labels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_SAMPLES = 1_000_000


def looks_like_hu(array: NDArray[Any]) -> bool:
    """Whether grey values are those of a CT.

    By definition air is -1000 HU and water 0 HU, and a scan of a patient holds both air and soft
    tissue. The rule, on an even sample of the values; all must hold:

    - the lowest value is at most -900 (air) and the highest at least 100;
    - 1 % or more lie in -1100 to -900 (air around or in the patient), and ten times as many as
      below, since nothing is thinner than air;
    - 5 % or more lie in -150 to 200 (fat, water, soft tissue);
    - above -300, where the soft tissues are, the fullest 10 HU wide bin lies in -150 to 150;
    - at most 1 % lie outside -1100 to 3100, fill values below -1900 not counted.

    Whole numbers are not asked for: resampled scans have fractions. Signal images fail the first
    line, and signed ones (phase, difference) the second or the last.
    """
    step = max(1, array.size // _SAMPLES)
    values = array.reshape(-1)[::step].astype(np.float32, copy=False)
    values = values[np.isfinite(values) & (values > -1900)]
    if values.size < 1000 or values.min() > -900 or values.max() < 100:
        return False

    def share(low: float, high: float) -> float:
        return float(np.count_nonzero((values >= low) & (values <= high)) / values.size)

    air = share(-1100, -900)
    if air < max(0.01, 10 * share(-1900, -1100)) or share(-150, 200) < 0.05 or share(-1100, 3100) < 0.99:
        return False
    counts, edges = np.histogram(values, bins=np.arange(-300, 1001, 10))
    peak = float(edges[int(np.argmax(counts))])
    return -150 <= peak <= 150


def looks_like_labels(array: NDArray[Any]) -> bool:
    """Whether grey values are labels of structures rather than an image.

    Labels are few whole numbers from 0 up, and neighbours nearly always share one: at most 256
    different values, and 95 % of neighbours along a row equal.
    """
    if array.dtype.kind not in "iuf" or array.shape[-1] < 2 or array.min() < 0:
        return False
    sample = array[:: max(1, array.shape[0] // 32)]
    if sample.dtype.kind == "f" and not np.array_equal(sample, np.rint(sample)):
        return False
    if np.unique(sample).size > 256:
        return False
    return bool(np.mean(sample[..., 1:] == sample[..., :-1]) >= 0.95)
