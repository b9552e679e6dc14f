"""Where bytes come from: a plain file or a member of an archive, under a neutral label."""

import os
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tools.imaging.limits import Limits, Unreadable, shown_bytes

SUFFIXES = (".nii.gz", ".nii", ".dcm", ".ima", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".zip",
            ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".pdf", ".txt", ".hdr", ".img", ".mha",
            ".nrrd")  # fmt: skip
"""Endings that may be shown; any other ending could carry a name and is left out."""


@dataclass(frozen=True)
class Source:
    """One file to be read.

    Attributes:
        label: Neutral, such as "file 3 (.dcm)"; the only name that reaches a case.
        name: The real name, for the person's own screen.
        size: Bytes, unpacked.
        group: Label of the folder or archive it came with, or its own.
    """

    label: str
    name: str
    size: int
    group: str
    path: Path
    member: zipfile.ZipInfo | None = None
    archive: zipfile.ZipFile | None = None

    @property
    def suffix(self) -> str:
        """The ending in lower case where it is a known one, else empty."""
        return known_suffix(self.name)

    def open(self) -> IO[bytes]:
        """A fresh reader at the first byte; several threads may hold one each."""
        if self.archive is not None and self.member is not None:
            return self.archive.open(self.member)
        return self.path.open("rb")

    def read(self) -> bytes:
        """All bytes."""
        with self.open() as file:
            return file.read()

    def head(self, count: int = 352) -> bytes:
        """The first bytes, to tell what kind of file it is."""
        with self.open() as file:
            return file.read(count)


@dataclass(frozen=True)
class Refusal:
    """A file that was not opened: its neutral label, its real name, and why, in a sentence."""

    label: str
    name: str
    reason: str


def known_suffix(name: str) -> str:
    """The ending of a file name where it is one of `SUFFIXES`, else an empty string."""
    lower = name.lower()
    return next((suffix for suffix in SUFFIXES if lower.endswith(suffix)), "")


def label(number: int, name: str, item: int | None = None) -> str:
    """A neutral label: "file 3 (.dcm)", or "file 3, item 12 (.dcm)" within a folder or archive."""
    inner = "" if item is None else f", item {item}"
    suffix = known_suffix(name)
    return f"file {number}{inner}" + (f" ({suffix})" if suffix else "")


class Budget:
    """What is left of the limits of a case; shared by everything that is read for it."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._files = limits.files
        self._bytes = limits.total_bytes
        self._lock = threading.Lock()

    def take(self, size: int) -> None:
        """Count one more file of `size` bytes.

        Raises:
            Unreadable: It is too large, or one too many.
        """
        if size > self.limits.file_bytes:
            raise Unreadable(
                f"It holds {shown_bytes(size)}, more than the limit of {shown_bytes(self.limits.file_bytes)} a file."
            )
        with self._lock:
            if self._files < 1:
                raise Unreadable(f"The case has more files than the limit of {self.limits.files}.")
            if size > self._bytes:
                raise Unreadable(
                    f"The case holds more than the limit of {shown_bytes(self.limits.total_bytes)} in all."
                )
            self._files -= 1
            self._bytes -= size


def walk(folder: Path, depth: int) -> Iterator[Path]:
    """Regular files below `folder` in a fixed order; hidden files and links are left out.

    Raises:
        Unreadable: The folders are nested deeper than `depth`.
    """
    if depth < 0:
        raise Unreadable("Its folders are nested too deeply.")
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        raise Unreadable("A folder in it cannot be read.") from None
    for entry in entries:
        if entry.name.startswith(".") or entry.is_symlink():
            continue
        if entry.is_dir():
            yield from walk(Path(entry.path), depth - 1)
        elif entry.is_file():
            yield Path(entry.path)
