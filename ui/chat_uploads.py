"""Uploads laid out as the reader of images expects them: by their own names, DICOM files together."""

import os
import shutil
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.imaging.header import is_dicom
from ui.chat_chart import is_document

_HEAD = 1024


@dataclass(frozen=True)
class Upload:
    """One file as the browser sent it: its own name, and where it was put."""

    name: str
    path: Path


def lay_out(uploads: Sequence[Upload], folder: Path) -> list[Path]:
    """Paths to read: one folder with every DICOM file in it, and each other file on its own.

    Slices that were dropped one by one belong together, so that they are sorted into series. The
    files are linked, not copied, into `folder`, under their own names without folders and control
    characters.

    Args:
        uploads: In the order in which they were sent.
        folder: A new folder for them.
    """
    slices, paths = folder / "dicom", []
    for number, upload in enumerate(uploads):
        with upload.path.open("rb") as file:
            together = is_dicom(file.read(_HEAD))
        # Two files may have one name; a folder for each keeps both, and the name is still what is shown.
        place = (slices if together else folder) / f"{number:05d}" / safe_name(upload.name)
        place.parent.mkdir(parents=True)
        _link(upload.path, place)
        if not together:
            paths.append(place)
    return [slices, *paths] if slices.exists() else paths


def parted(uploads: Sequence[Upload]) -> tuple[list[Upload], list[Upload]]:
    """Images, and the letters and tables among them."""
    images: list[Upload] = []
    documents: list[Upload] = []
    for upload in uploads:
        with upload.path.open("rb") as file:
            found = documents if is_document(upload.name, file.read(_HEAD)) else images
        found.append(upload)
    return images, documents


def safe_name(name: str) -> str:
    """A file name for one folder: no separators, no control characters, 200 bytes, its ending kept."""
    base = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    base = "".join(letter for letter in base if unicodedata.category(letter)[0] != "C").strip().lstrip(".")
    while len(base.encode()) > 200:
        base = base[1:]
    return base or "file"


def own_name(label: str, names: Mapping[str, str]) -> str:
    """What the person calls the file of a neutral label; the label where that is not known."""
    real = names.get(label)
    return safe_name(real) if real else label


def _link(source: Path, place: Path) -> None:
    try:
        os.link(source, place)
    except OSError:
        shutil.copyfile(source, place)
