"""Labels and pictures out of files that others made: inside their folder, of a bounded size."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from agents.citrus_v.training.examples import Box

MOST_PIXELS = 64_000_000
"""The most pixels a picture may have: no more than a film scanned at twice its usual resolution."""


def inside(folder: Path, name: str) -> Path:
    """The file of that name in a folder.

    Raises:
        ValueError: The name leads out of the folder.
    """
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(f"{name!r} leads out of {folder}")
    return path


def picture(path: Path) -> NDArray[np.uint8]:
    """(rows, columns, 3).

    Raises:
        ValueError: It is too large.
    """
    with _opened(path) as stored:
        return np.asarray(stored.convert("RGB"))


def mask(path: Path) -> NDArray[np.bool_]:
    """(rows, columns), set where the stored picture is not black.

    Raises:
        ValueError: It is too large.
    """
    with _opened(path) as stored:
        return np.asarray(stored.convert("L")) > 0


def numbers(path: Path) -> NDArray[Any]:
    """(rows, columns) of a picture that numbers its instances, 0 for none.

    Raises:
        ValueError: It is too large.
    """
    with _opened(path) as stored:
        return np.asarray(stored)


def box(values: Sequence[float]) -> Box:
    """A box of two corners, in whatever order they come."""
    x0, y0, x1, y1 = (float(value) for value in values)
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _opened(path: Path) -> PIL.Image.Image:
    opened = PIL.Image.open(path)
    if opened.width * opened.height > MOST_PIXELS:
        raise ValueError(f"{path.name} has {opened.width} x {opened.height} pixels; at most {MOST_PIXELS} are read")
    return opened
