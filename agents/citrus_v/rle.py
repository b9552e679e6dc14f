"""Masks in COCO's run-length encoding, as the published server sends them, read with suspicion."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_SIDE = 4096
"""Rows or columns of an encoded mask; the published server's have 256."""


class RleError(ValueError):
    """What was sent is not a mask in this encoding."""


def decode_rle(encoded: Any) -> NDArray[np.bool_]:
    """The mask (rows, columns) of `{"size": [rows, columns], "counts": ...}`.

    Counts are runs of unset and set pixels in turn, down the columns; a list of numbers, or COCO's
    text: each number in 5-bit groups from the lowest, as characters from "0", the next-to-last bit
    saying that more follow, and from the fourth run on the difference to the run two before
    (cocoapi, common/maskApi.c).

    Raises:
        RleError: Sizes, characters or runs do not make a mask of that size.
    """
    if not isinstance(encoded, dict):
        raise RleError(f"a mask is an object, not {type(encoded).__name__}")
    size = encoded.get("size")
    if not (isinstance(size, list) and len(size) == 2 and all(type(side) is int for side in size)):
        raise RleError(f"a mask's size is two whole numbers, not {str(size)[:60]}")
    rows, columns = size
    if not (0 < rows <= MAX_SIDE and 0 < columns <= MAX_SIDE):
        raise RleError(f"a mask of {rows} x {columns} is not between 1 and {MAX_SIDE} pixels a side")
    counts = encoded.get("counts")
    runs = _runs(counts, rows * columns) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or len(runs) > rows * columns + 1:
        raise RleError("a mask's counts are text or a list of runs")
    if not all(type(run) is int and 0 <= run <= rows * columns for run in runs) or sum(runs) != rows * columns:
        raise RleError(f"the runs do not fill a mask of {rows} x {columns}")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(columns, rows).T


def encode_rle(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """The mask (rows, columns) in COCO's text form."""
    flat = mask.T.reshape(-1)
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = np.diff([0, *edges.tolist(), flat.size]).tolist()
    if flat.size and flat[0]:
        runs = [0, *runs]
    return {"size": list(mask.shape), "counts": _text(runs)}


def _runs(text: str, pixels: int) -> list[int]:
    runs: list[int] = []
    value, shift = 0, 0
    for character in text:
        code = ord(character) - 48
        if not 0 <= code < 64 or shift > 40 or len(runs) > pixels:
            raise RleError("a mask's counts hold characters or runs that cannot be")
        value |= (code & 31) << shift
        shift += 5
        if code & 32:
            continue
        if code & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value, shift = 0, 0
    if shift:
        raise RleError("a mask's counts are cut short")
    return runs


def _text(runs: Sequence[int]) -> str:
    characters = []
    for index, run in enumerate(runs):
        value = run - runs[index - 2] if index > 2 else run
        more = True
        while more:
            code = value & 31
            value >>= 5
            more = value != (-1 if code & 16 else 0)
            characters.append(chr(code + (32 if more else 0) + 48))
    return "".join(characters)
