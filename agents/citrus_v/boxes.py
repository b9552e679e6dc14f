"""Boxes out of an answer's text: every form the model writes, mapped back to the original pixels.

The model answers on the grid of the resized picture (`CitrusVProcessor.resized`). What it writes is
text from outside: read by patterns and a JSON parser, with bounds, and never trusted to be sane.
"""

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

MAX_ANSWER = 100_000
"""Characters of an answer that are read; the model's longest answers are far shorter."""

MAX_BOXES = 256

_INSIDE = 0.5
"""A box with less than this share of its area in the picture is nonsense, not a slip at the edge."""

Numbers = tuple[float, float, float, float]


@dataclass(frozen=True)
class WrittenBox:
    """A box as it stands in the text, on the grid of the resized picture.

    Attributes:
        corners: x, y of one corner and x, y of the opposite one, in any order.
        label: What the text calls it, or None.
    """

    corners: Numbers
    label: str | None


@dataclass(frozen=True)
class FoundBox:
    """A box on the original pixels: (x0, y0, x1, y1), half open, inside the picture, never empty."""

    box: Numbers
    label: str | None


@dataclass(frozen=True)
class Boxes:
    """What an answer holds: boxes, and why others were refused."""

    found: tuple[FoundBox, ...]
    refused: tuple[str, ...] = ()


_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | str.maketrans(
    {"【": "[", "】": "]", "「": '"', "」": '"', "、": ",", "“": '"', "”": '"', "‘": "'", "’": "'", "\u3000": " "}
)
_BRACES = re.compile(r"\{[^{}]{1,2000}\}")
_KEY = re.compile(r"""["']?bbox(?:_2d)?["']?\s*:\s*\[([^\[\]]{1,200})\]""", re.IGNORECASE)
_LABEL = re.compile(r"""["'](?:label|part|name)["']\s*:\s*(?:"([^"]{1,200})"|'([^']{1,200})')""", re.IGNORECASE)
_MARKED = re.compile(
    r"(?:<\|object_ref_start\|>(?P<label>[^<>]{1,200})<\|object_ref_end\|>\s*)?"
    r"<\|box_start\|>(?P<box>[^<>]{1,200})<\|box_end\|>"
)
_PAIRS = re.compile(r"\s*\(([^(),]{1,40}),([^(),]{1,40})\)\s*,\s*\(([^(),]{1,40}),([^(),]{1,40})\)\s*")
_PLAIN = re.compile(
    r"""(?:(?P<quote>["'])(?P<label>[^"'\n]{1,200})(?P=quote)[^\S\n]*(?:(?:with|has|at|:|,)[^\S\n]*)?)?"""
    r"""(?<![\w"'])bbox(?:_2d)?[^\S\n]*[:=]?[^\S\n]*\[(?P<box>[^\[\]]{1,200})\]""",
    re.IGNORECASE,
)


def read_boxes(answer: str, resized: tuple[int, int], original: tuple[int, int]) -> Boxes:
    """Every box in an answer, on the original pixels.

    Swapped corners are put in order and what hangs over the edge is cut off; what is not a box, or
    lies mostly outside the picture, is refused with the reason.

    Args:
        answer: The model's words.
        resized: (height, width) of the picture as the model saw it.
        original: (height, width) of its own pixels.
    """
    found: list[FoundBox] = []
    refused: list[str] = []
    for written in written_boxes(answer):
        if isinstance(written, str):
            refused.append(written)
            continue
        try:
            box = FoundBox(to_original(written.corners, resized, original), written.label)
        except ValueError as error:
            refused.append(str(error))
            continue
        if box not in found:
            found.append(box)
    return Boxes(tuple(found), tuple(refused))


def to_original(corners: Numbers, resized: tuple[int, int], original: tuple[int, int]) -> Numbers:
    """A box on the grid of the resized picture to (x0, y0, x1, y1) on the original pixels.

    Raises:
        ValueError: It is empty, not finite, or mostly outside the picture.
    """
    if not all(math.isfinite(corner) for corner in corners):
        raise ValueError(f"the box {_shown(corners)} is not finite")
    height, width = resized
    (x0, x1), (y0, y1) = sorted(corners[0::2]), sorted(corners[1::2])
    area = (x1 - x0) * (y1 - y0)
    if not area > 0:
        raise ValueError(f"the box {_shown(corners)} is empty")
    cut = (max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height)))
    inside = max(cut[2] - cut[0], 0.0) * max(cut[3] - cut[1], 0.0)
    if inside < _INSIDE * area:
        raise ValueError(f"the box {_shown(corners)} lies outside the picture of {width} x {height}")
    scale_x, scale_y = original[1] / width, original[0] / height
    x0, y0, x1, y1 = cut[0] * scale_x, cut[1] * scale_y, cut[2] * scale_x, cut[3] * scale_y
    # The product can pass the edge by a rounding.
    return x0, y0, min(x1, float(original[1])), min(y1, float(original[0]))


def to_resized(box: Numbers, resized: tuple[int, int], original: tuple[int, int]) -> tuple[int, int, int, int]:
    """A box on the original pixels as the model writes it: whole numbers on the resized grid."""
    scale_x, scale_y = resized[1] / original[1], resized[0] / original[0]
    x0, y0, x1, y1 = box
    return round(x0 * scale_x), round(y0 * scale_y), round(x1 * scale_x), round(y1 * scale_y)


def written_boxes(answer: str) -> list[WrittenBox | str]:
    """Every box as written, in the order of the text; a text where something is no box of four numbers."""
    text = answer[:MAX_ANSWER].translate(_FULL_WIDTH)
    written: list[tuple[int, WrittenBox | str]] = []
    taken = [False] * (len(text) + 1)
    for reading in (_marked, _braced, _plain):
        for start, end, box in reading(text):
            if not taken[start] and not taken[end - 1]:
                written.append((start, box))
                taken[start:end] = [True] * (end - start)
    written.sort(key=lambda item: item[0])
    return [box for _, box in written[:MAX_BOXES]]


def _marked(text: str) -> Iterator[tuple[int, int, WrittenBox | str]]:
    """`<|box_start|>(x1,y1),(x2,y2)<|box_end|>`, with or without the name before it."""
    for match in _MARKED.finditer(text):
        pairs = _PAIRS.fullmatch(match["box"])
        values = list(pairs.groups()) if pairs else match["box"].strip(" []()").split(",")
        yield match.start(), match.end(), _box(values, match["label"])


def _braced(text: str) -> Iterator[tuple[int, int, WrittenBox | str]]:
    """`{"bbox_2d": [...], "label": "..."}` and `{"Part": "...", "bbox": [...]}`, wherever they stand."""
    for match in _BRACES.finditer(text):
        try:
            content = json.loads(match[0])
        except (ValueError, RecursionError):
            # Written as Python, or cut short: the key and its list are still there.
            if key := _KEY.search(match[0]):
                label = _LABEL.search(match[0])
                yield match.start(), match.end(), _box(key[1].split(","), label and (label[1] or label[2]))
            continue
        named = {str(key).lower(): value for key, value in content.items()}
        values = named.get("bbox_2d", named.get("bbox"))
        if values is None:
            continue
        label = next((named[key] for key in ("label", "part", "name") if isinstance(named.get(key), str)), None)
        several = isinstance(values, list) and values and all(isinstance(value, list) for value in values)
        for index, box in enumerate(values if several else [values]):
            # Boxes of one object stand at one place; a character each keeps them apart.
            start = match.start() + index
            end = match.end() if index == len(values) - 1 or not several else start + 1
            if start < match.end():
                yield start, end, _box(box, label)


def _plain(text: str) -> Iterator[tuple[int, int, WrittenBox | str]]:
    """`'right_lung' with bbox [x1, y1, x2, y2]`."""
    for match in _PLAIN.finditer(text):
        yield match.start(), match.end(), _box(match["box"].split(","), match["label"])


def _box(values: Any, label: str | None) -> WrittenBox | str:
    name = label.strip() if label and label.strip() else None
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != 4:
        return f"{_shown(values)} is not a box of four numbers"
    numbers = [_number(value) for value in values]
    if any(number is None for number in numbers):
        return f"{_shown(values)} is not a box of four numbers"
    x0, y0, x1, y1 = (number for number in numbers if number is not None)
    return WrittenBox((x0, y0, x1, y1), name)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    # float() also takes "1_0", "nan" and digits of other scripts.
    plain = not isinstance(value, str) or re.fullmatch(r"\s*[+-]?[0-9]+(?:\.[0-9]*)?\s*", value)
    return number if plain and math.isfinite(number) else None


def _shown(values: Any) -> str:
    text = str(list(values) if isinstance(values, tuple) else values)
    return text if len(text) <= 80 else text[:77] + "..."
