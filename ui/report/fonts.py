"""Fonts for the PDF: Noto Sans, and others where a character is not in it."""

import logging
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fpdf import FPDF
from pymupdf_fonts import fontbuffers  # type: ignore[import-untyped]

SANS, MONO = "sans", "mono"
OWN_FONT = "CITRUS_FONT"
"""Variable that names a TrueType font for scripts that the fonts here lack, such as Chinese."""

_STYLES = {"": "notos", "B": "notosbo", "I": "notosit"}
_FALLBACKS = ("figo", "symbol2", "symbol1", "math")
"""FiraGO (Arabic, Devanagari, Georgian, Hebrew, Thai and others), then symbols."""


# What it leaves out of a subset is of no use in a PDF.
logging.getLogger("fontTools").setLevel(logging.ERROR)


@contextmanager
def fonts(pdf: FPDF, needed: Iterable[str]) -> Iterator[set[int]]:
    """Give `pdf` its fonts while it is written.

    Args:
        needed: Every character that will be printed.

    Yields:
        The code points that can be printed.

    Raises:
        OSError: The font that `CITRUS_FONT` names is not there.
    """
    with tempfile.TemporaryDirectory(prefix="citrus-fonts-") as folder:
        for style, name in _STYLES.items():
            pdf.add_font(SANS, style, _file(Path(folder), name))
        pdf.add_font(MONO, "", _file(Path(folder), "fimo"))
        known = _covered(pdf, SANS)
        fallbacks: list[str] = []
        own = os.environ.get(OWN_FONT)
        for name in (*_FALLBACKS, *((own,) if own else ())):
            if all(ord(letter) in known for letter in needed):
                break
            file = name if name == own else str(_file(Path(folder), name))
            pdf.add_font(name, "", file)
            known |= _covered(pdf, name)
            fallbacks.append(name)
        pdf.set_fallback_fonts(fallbacks, exact_match=False)
        pdf.set_text_shaping(True)
        yield known


def _file(folder: Path, name: str) -> Path:
    file = folder / f"{name}.ttf"
    if not file.exists():
        file.write_bytes(fontbuffers[name]())
    return file


def _covered(pdf: FPDF, family: str) -> set[int]:
    font = pdf.fonts[family.lower()]
    return set(getattr(font, "cmap", {}))
