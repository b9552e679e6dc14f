"""The drawing surface under a rendered slice: marks, letters, scale bar and legend."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
from numpy.typing import NDArray

COLOURS = (
    (86, 180, 233), (230, 159, 0), (0, 158, 115), (240, 228, 66), (204, 121, 167), (213, 94, 0),
)  # fmt: skip
"""Told apart by colour-blind readers and bright on grey: Okabe and Ito 2008, "Color Universal Design"."""

_FILL = 0.22
_WHITE = (255, 255, 255)
_BLACK = (0, 0, 0)
_GROUND = (24, 24, 24)
_LONGEST_TEXT = 90
_NICE = (1, 2, 5, 10, 20, 50, 100, 200, 500)
_Point = tuple[float, float]


@dataclass
class Canvas:
    """A slice enlarged to the right aspect, to be drawn on in pixel coordinates of the slice.

    Args:
        values: (rows, columns[, 3]), uint8.
        pixel: Height and width of a pixel in mm, or any two numbers of their ratio.
        size: Longest side of the enlarged slice.
    """

    values: NDArray[np.uint8]
    pixel: _Point
    size: int
    _picture: PIL.Image.Image = field(init=False)
    _entries: list[tuple[tuple[int, int, int] | None, str]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        rows, columns = self.values.shape[:2]
        high, wide = rows * self.pixel[0], columns * self.pixel[1]
        scale = self.size / max(high, wide)
        self._across = max(1, round(wide * scale)) / columns
        self._down = max(1, round(high * scale)) / rows
        self._mm = self.pixel[1] / self._across
        whole = (max(1, round(wide * scale)), max(1, round(high * scale)))
        source = PIL.Image.fromarray(np.ascontiguousarray(self.values)).convert("RGB")
        smaller = whole[0] < columns or whole[1] < rows
        kind = PIL.Image.Resampling.LANCZOS if smaller else PIL.Image.Resampling.BICUBIC
        self._picture = source.resize(whole, kind)
        self._font_size = max(12, self.size // 42)
        self._stroke = max(1, self.size // 380)

    def mask(self, plane: NDArray[np.bool_], label: str) -> None:
        """Light fill and a contour; named in the legend also where it is not on this slice."""
        colour = self._colour(label if plane.any() else f"{label} (not on this slice)")
        if not plane.any():
            return
        soft = PIL.Image.fromarray(plane.astype(np.float32)).resize(self._picture.size, PIL.Image.Resampling.BILINEAR)
        inside = np.asarray(soft) >= 0.5
        contour = inside & ~_eroded(inside, self._stroke + 1)
        pixels = np.asarray(self._picture).astype(np.float32)
        pixels[inside] = (1 - _FILL) * pixels[inside] + _FILL * np.array(colour, np.float32)
        pixels[contour] = colour
        self._picture = PIL.Image.fromarray(np.rint(pixels).astype(np.uint8))

    def box(self, one: _Point, other: _Point, label: str) -> None:
        """A rectangle between two corners."""
        colour = self._colour(label)
        (x0, y0), (x1, y1) = self._at(one), self._at(other)
        corners = (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
        self._draw().rectangle(corners, outline=colour, width=self._stroke + 1)

    def line(self, start: _Point, end: _Point, text: str) -> None:
        """A line with cross ticks at its ends, and its text beside the end."""
        colour = self._colour(text)
        a, b = np.array(self._at(start)), np.array(self._at(end))
        length = float(np.linalg.norm(b - a))
        normal = np.array([-(b - a)[1], (b - a)[0]]) / length if length > 0 else np.array([0.0, 1.0])
        tick = normal * (self._stroke * 4)
        for one, other in ((a, b), (a - tick, a + tick), (b - tick, b + tick)):
            for width, shade in ((self._stroke + 3, _BLACK), (self._stroke + 1, colour)):
                self._draw().line([*map(float, one), *map(float, other)], fill=shade, width=width)

    def point(self, at: _Point, label: str) -> None:
        """A small cross in a ring."""
        colour = self._colour(label)
        x, y = self._at(at)
        radius = self._stroke * 5
        for width, shade in ((self._stroke + 3, _BLACK), (self._stroke + 1, colour)):
            self._draw().ellipse((x - radius, y - radius, x + radius, y + radius), outline=shade, width=width)
        self._draw().line((x - radius, y, x + radius, y), fill=colour, width=self._stroke)
        self._draw().line((x, y - radius, x, y + radius), fill=colour, width=self._stroke)

    def letters(self, *, left: str, right: str, top: str, bottom: str) -> None:
        """The patient's sides at the edges."""
        wide, high = self._picture.size
        edge = self._font_size // 2
        for text, place, anchor in (
            (left, (edge, high // 2), "lm"),
            (right, (wide - edge, high // 2), "rm"),
            (top, (wide // 2, edge), "mt"),
            (bottom, (wide // 2, high - edge), "mb"),
        ):
            self._write(text, place, anchor, bold=True)

    def scale_bar(self) -> None:
        """A bar of a round length at the lower right, at most a quarter of the width."""
        wide, high = self._picture.size
        fitting = [length for length in _NICE if length / self._mm <= wide / 4]
        if not fitting:
            return
        length = fitting[-1]
        edge = self._font_size
        x1, y = wide - 2 * edge, high - edge
        x0 = x1 - length / self._mm
        for width, shade in ((self._stroke + 4, _BLACK), (self._stroke + 2, _WHITE)):
            self._draw().line((x0, y, x1, y), fill=shade, width=width)
        self._write(f"{length} mm", (round((x0 + x1) / 2), round(y - edge / 3)), "mb")

    def legend(self, caption: str) -> None:
        """The first line of the legend."""
        self._entries.insert(0, (None, caption))

    def finish(self) -> PIL.Image.Image:
        """The slice with its legend below."""
        font = PIL.ImageFont.load_default(self._font_size)
        wide, high = self._picture.size
        wide = max(wide, self.size // 2)
        step, swatch = round(self._font_size * 1.5), self._font_size
        rows = [
            (colour if at == 0 else None, line, colour is not None)
            for colour, text in self._entries
            for at, line in enumerate(_wrapped(_clean(text), font, wide - 3 * swatch))
        ]
        sheet = PIL.Image.new("RGB", (wide, high + step * len(rows) + step // 3), _GROUND)
        sheet.paste(self._picture, ((wide - self._picture.size[0]) // 2, 0))
        draw = PIL.ImageDraw.Draw(sheet)
        for at, (colour, line, indented) in enumerate(rows):
            y = high + step * at + step // 6
            if colour is not None:
                top = y + step // 6
                draw.rectangle((swatch // 2, top, swatch // 2 + swatch, top + swatch), fill=colour)
            draw.text((swatch * 2 if indented else swatch // 2, y + step // 2), line, _WHITE, font, "lm")
        return sheet

    def _colour(self, label: str) -> tuple[int, int, int]:
        """The colour of a mark; the same label keeps its colour."""
        for colour, text in self._entries:
            if text == label and colour is not None:
                return colour
        used = sum(colour is not None for colour, _ in self._entries)
        colour = COLOURS[used % len(COLOURS)]
        self._entries.append((colour, label))
        return colour

    def _at(self, point: _Point) -> _Point:
        """Pixel centres of the slice are whole numbers; the surface starts half a pixel before."""
        return (point[0] + 0.5) * self._across, (point[1] + 0.5) * self._down

    def _draw(self) -> PIL.ImageDraw.ImageDraw:
        return PIL.ImageDraw.Draw(self._picture)

    def _write(self, text: str, place: tuple[int, int], anchor: str, bold: bool = False) -> None:
        font = PIL.ImageFont.load_default(self._font_size + (4 if bold else 0))
        self._draw().text(place, text, _WHITE, font, anchor, stroke_width=2, stroke_fill=_BLACK)


def _eroded(inside: NDArray[np.bool_], steps: int) -> NDArray[np.bool_]:
    """Without a rim of `steps` pixels; beyond the picture counts as outside, so cut edges are drawn."""
    padded: NDArray[Any] = np.pad(inside, 1)
    for _ in range(steps):
        core = padded[1:-1, 1:-1]
        core = core & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
        padded = np.pad(core, 1)
    return padded[1:-1, 1:-1]


def _clean(text: str) -> str:
    """One printable line."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= _LONGEST_TEXT else f"{line[: _LONGEST_TEXT - 1]}…"


def _wrapped(text: str, font: Any, wide: int) -> list[str]:
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > wide:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
