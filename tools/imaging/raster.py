"""PNG, JPEG and TIFF pictures: values and colours, never a physical size.

The resolution in pHYs, JFIF or EXIF is a wish for a printer, not the size of a pixel in a patient,
so it is not read.
"""

import io
import warnings
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageOps
from numpy.typing import NDArray

from tools.imaging.draft import Draft, compact, grey_or_colour, note, without_gaps
from tools.imaging.limits import Limits, Unreadable
from tools.imaging.source import Source

_FORMATS = ("PNG", "JPEG", "TIFF")
_SILENT = (
    "a picture file does not say how it was made, which way it lies or how large a pixel is, and may have text in it"
)
_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*")
_GREY = {"L": np.uint8, "I;16": np.uint16, "I;16L": np.uint16, "I;16B": np.uint16, "I": np.int32, "F": np.float32}


def is_raster(head: bytes) -> bool:
    """Whether a file starts as PNG, JPEG or TIFF."""
    return head.startswith(_MAGIC)


def read_raster(source: Source, limits: Limits) -> Draft:
    """Read a picture upright (EXIF rotation applied), or the pages of a TIFF as frames.

    Raises:
        Unreadable: It is damaged, too large or of a kind that is not supported.
    """
    data = source.read()
    caveats: list[str] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with PIL.Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
                if picture.format in ("JPEG", "MPO"):
                    caveats.append("JPEG compression: fine detail may have been lost")
                array = _pages(picture, limits, caveats)
    except PIL.Image.DecompressionBombError:
        raise Unreadable("It has more pixels than the limit on one picture.") from None
    except Unreadable:
        raise
    except Exception:  # noqa: BLE001 - decoders of hostile bytes raise anything; the message may quote them
        raise Unreadable("It is cut off or damaged, so it cannot be decoded.") from None
    draft = Draft(grey_or_colour(array), source.name, "picture", "raster", frames=array.shape[0], caveats=caveats)
    try:
        without_gaps(draft)
    except ValueError:
        raise Unreadable("None of its values is a finite number.") from None
    note(draft, _SILENT)
    return draft


def _pages(picture: PIL.Image.Image, limits: Limits, caveats: list[str]) -> NDArray[Any]:
    count = int(getattr(picture, "n_frames", 1)) if picture.format == "TIFF" else 1
    _check(picture, count, limits)
    first = _plane(picture, caveats)
    pages = [first]
    for page in range(1, count):
        picture.seek(page)
        _check(picture, count, limits)
        plane = _plane(picture, caveats)
        if plane.shape != first.shape or plane.dtype != first.dtype:
            caveats.append(f"the file holds {count} pages of different size or kind; only the first is shown")
            return first[np.newaxis]
        pages.append(plane)
    return np.stack(pages)


def _check(picture: PIL.Image.Image, count: int, limits: Limits) -> None:
    width, height = picture.size
    if width * height * max(1, len(picture.getbands())) * count > limits.samples:
        raise Unreadable(f"It has {width} x {height} pixels, more than the limit of {limits.samples} values.")


def _plane(picture: PIL.Image.Image, caveats: list[str]) -> NDArray[Any]:
    """(rows, columns[, 3])."""
    upright = PIL.ImageOps.exif_transpose(picture)
    mode = upright.mode
    if mode in _GREY:
        if mode.startswith("I;16"):
            return np.asarray(upright).astype(np.uint16)
        return compact(np.asarray(upright))
    if mode == "1":
        return np.asarray(upright.convert("L"))
    if mode in ("LA", "RGBA", "PA", "La", "RGBa") or "transparency" in picture.info:
        flat = upright.convert("RGBA")
        if flat.getchannel("A").getextrema() != (255, 255):
            caveats.append("transparent parts of the picture are shown on black")
        ground = PIL.Image.new("RGBA", flat.size, (0, 0, 0, 255))
        return np.asarray(PIL.Image.alpha_composite(ground, flat).convert("RGB"))
    return np.asarray(upright.convert("RGB"))
