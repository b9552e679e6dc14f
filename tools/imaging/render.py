"""Pictures of an image for people and for models: a slice, a window, and what was found marked on it.

Radiological convention: the patient's right is at the left of axial and coronal pictures, head up.
Letters at the edges (L, R, A, P, H, F) appear only where the orientation is known, a scale bar in mm
only where the spacing is. Text stands beside the picture or on its edge, never on findings.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from knowledge.case import Image, Plane, Window
from tools.imaging.canvas import Canvas
from tools.imaging.geometry import letter
from tools.imaging.volume import Volume
from tools.imaging.windows import apply_window, default_window

_AXES = {Plane.AXIAL: 0, Plane.CORONAL: 1, Plane.SAGITTAL: 2}
"""Array axis across each plane, on the LPS grid of volumes."""


@dataclass(frozen=True)
class MarkedBox:
    """A box to draw: (x0, y0, x1, y1) and slices [start, stop), half open, as in `Region`."""

    box: tuple[float, float, float, float]
    label: str
    slices: tuple[int, int] = (0, 1)


@dataclass(frozen=True)
class MarkedLine:
    """A line to draw between voxel coordinates (x, y[, z]), with its measured text."""

    ends: tuple[tuple[float, ...], tuple[float, ...]]
    text: str


@dataclass(frozen=True)
class MarkedPoint:
    """A point to draw at voxel coordinates (x, y[, z])."""

    at: tuple[float, ...]
    label: str


@dataclass(frozen=True)
class Cut:
    """How one picture is cut out of a volume.

    Attributes:
        across: Voxel axis (0 i, 1 j, 2 k) that the slice is taken across.
        right, down: Voxel axes along the picture's columns and rows.
        upside_down: Rows run against their axis, so that the head is up.
    """

    across: int
    right: int
    down: int
    upside_down: bool

    @classmethod
    def of(cls, image: Image, plane: Plane | None) -> "Cut":
        """The cut for a plane; single planes and volumes of unknown orientation have one only."""
        axis = 0 if image.dimensions == 2 or image.affine is None or plane is None else _AXES[plane]
        return (cls(2, 0, 1, False), cls(1, 0, 2, True), cls(0, 1, 2, True))[axis]

    def slice(self, array: NDArray[Any], index: int) -> NDArray[Any]:
        """(rows, columns[, 3]) of an array (slices, rows, columns[, 3])."""
        plane: NDArray[Any] = np.moveaxis(array, 2 - self.across, 0)[index]
        return plane[::-1] if self.upside_down else plane

    def count(self, shape: tuple[int, ...]) -> int:
        """How many slices there are across."""
        return int(shape[2 - self.across])

    def place(self, point: Sequence[float], shape: tuple[int, ...]) -> tuple[float, float, float]:
        """(column, row, distance along the slice axis) of voxel coordinates in this picture."""
        full = (*point, 0.0)[:3]
        row = full[self.down]
        if self.upside_down:
            row = shape[2 - self.down] - 1 - row
        return full[self.right], row, full[self.across]


def default_plane(image: Image) -> Plane | None:
    """The plane to show first: that of acquisition, axial where it is unknown, None for plain pictures."""
    if image.plane is not None:
        return image.plane
    return Plane.AXIAL if image.dimensions == 3 and image.affine is not None else None


def slice_count(image: Image, plane: Plane | None) -> int:
    """How many slices, or frames, can be shown in a plane."""
    return Cut.of(image, plane).count(image.shape)


def best_slice(mask: NDArray[np.bool_], plane: Plane | None = None) -> int:
    """The slice on which the most of a mask is seen; the first of equals.

    Raises:
        ValueError: The mask is empty.
    """
    if not mask.any():
        raise ValueError("an empty mask has no best slice")
    across = 0 if plane is None else _AXES[plane]
    return int(np.argmax(np.count_nonzero(mask, axis=tuple(axis for axis in range(3) if axis != across))))


def render(
    image: Image,
    volume: Volume,
    *,
    plane: Plane | None = None,
    index: int | None = None,
    window: Window | None = None,
    masks: Sequence[tuple[NDArray[np.bool_], str]] = (),
    boxes: Sequence[MarkedBox] = (),
    lines: Sequence[MarkedLine] = (),
    points: Sequence[MarkedPoint] = (),
    size: int = 768,
    caption: str | None = None,
) -> bytes:
    """Draw one slice as PNG.

    Args:
        image: What is known of the image.
        volume: Its pixels and geometry.
        plane: Axial, coronal or sagittal; None for the plane of acquisition.
        index: Slice, or frame; None for the best slice of the first mask, else the middle.
        window: Values to show; None for the header's or a default. Colour takes none.
        masks: (slices, rows, columns) on the image's grid, each with its label.
        boxes, lines, points: Drawn where they lie on this slice.
        size: Longest side of the picture in pixels, without the legend.
        caption: First line of the legend; None for plane, slice and window.

    Raises:
        IndexError: There is no slice of that index.
        ValueError: A mask is not on the image's grid.
    """
    plane = plane if plane is not None else default_plane(image)
    cut = Cut.of(image, plane)
    count = cut.count(volume.shape)
    for mask, text in masks:
        if mask.shape != volume.shape:
            raise ValueError(f"the mask of {text} has shape {mask.shape}, not {volume.shape}")
    if index is None:
        across = {2: Plane.AXIAL, 1: Plane.CORONAL, 0: Plane.SAGITTAL}[cut.across]
        index = best_slice(masks[0][0], across) if masks and masks[0][0].any() else count // 2
    if not 0 <= index < count:
        raise IndexError(f"slice {index} is not among 0 to {count - 1}")
    values = cut.slice(volume.array, index)
    if image.channels == 1:
        window = window or default_window(image, volume.array)
        values = apply_window(values, window)
    pixel = _pixel(cut, volume)
    canvas = Canvas(values, pixel or (1.0, 1.0), size)
    for mask, text in masks:
        canvas.mask(cut.slice(mask, index), text)
    _draw_marks(canvas, cut, volume.shape, index, boxes, lines, points)
    if volume.affine is not None:
        _draw_letters(canvas, cut, volume.affine)
    if pixel is not None:
        canvas.scale_bar()
    canvas.legend(describe(image, plane, index, window) if caption is None else caption)
    buffer = io.BytesIO()
    canvas.finish().save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def describe(image: Image, plane: Plane | None, index: int, window: Window | None) -> str:
    """Plane, slice (counted from 1) and window in words."""
    count = slice_count(image, plane)
    named = plane is not None and image.affine is not None
    parts = [f"{image.id}: {plane.value if named and plane is not None else 'as stored'}"]
    if count > 1:
        parts.append(f"{'frame' if image.frames > 1 else 'slice'} {index + 1} of {count}")
    if window is not None and image.channels == 1:
        unit = " HU" if image.intensity == "HU" else ""
        parts.append(f"window {window.name} (center {window.center:g}{unit}, width {window.width:g}{unit})")
    return ", ".join(parts)


def _pixel(cut: Cut, volume: Volume) -> tuple[float, float] | None:
    """Height and width of a pixel in mm, or None."""
    if volume.spacing is None:
        return None
    return volume.spacing[2 - cut.down], volume.spacing[2 - cut.right]


def _draw_letters(canvas: Canvas, cut: Cut, affine: NDArray[np.float64]) -> None:
    right = affine[:3, cut.right]
    down = affine[:3, cut.down] * (-1 if cut.upside_down else 1)
    canvas.letters(left=letter(-right), right=letter(right), top=letter(-down), bottom=letter(down))


def _draw_marks(
    canvas: Canvas,
    cut: Cut,
    shape: tuple[int, int, int],
    index: int,
    boxes: Sequence[MarkedBox],
    lines: Sequence[MarkedLine],
    points: Sequence[MarkedPoint],
) -> None:
    for box in boxes:
        x0, y0, x1, y1 = box.box
        # Half-open edges lie half a pixel before the centre of the pixel they start with.
        one = cut.place((x0 - 0.5, y0 - 0.5, box.slices[0] - 0.5), shape)
        other = cut.place((x1 - 0.5, y1 - 0.5, box.slices[1] - 0.5), shape)
        if min(one[2], other[2]) <= index <= max(one[2], other[2]):
            canvas.box(one[:2], other[:2], box.label)
    for line in lines:
        start, end = (cut.place(point, shape) for point in line.ends)
        if abs(start[2] - index) <= 0.5 and abs(end[2] - index) <= 0.5:
            canvas.line(start[:2], end[:2], line.text)
    for point in points:
        at = cut.place(point.at, shape)
        if abs(at[2] - index) <= 0.5:
            canvas.point(at[:2], point.label)


def picture(data: bytes) -> PIL.Image.Image:
    """A rendered PNG as a Pillow image."""
    with PIL.Image.open(io.BytesIO(data)) as opened:
        return opened.convert("RGB")
