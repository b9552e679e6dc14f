"""Zip archives, read in place: nothing is ever written to disk, so no member can escape."""

import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from tools.imaging.limits import Limits, Unreadable
from tools.imaging.source import Budget, Refusal, Source, known_suffix, label

ARCHIVES = frozenset({".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz"})
_END = b"PK\x05\x06"
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA})


def open_zip(path: Path, limits: Limits) -> zipfile.ZipFile:
    """Open an archive after a look at its directory.

    Raises:
        Unreadable: It is damaged, lists too many members, or its members overlap, which no
            honest archiver writes (Fifield 2019, "A better zip bomb").
    """
    _check_directory(path, limits)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RecursionError):
        raise Unreadable("It is not a complete zip archive.") from None
    members = archive.infolist()
    if len(members) > limits.files:
        archive.close()
        raise Unreadable(f"It lists {len(members)} members, more than the limit of {limits.files}.")
    if sum(member.compress_size for member in members) > path.stat().st_size:
        archive.close()
        raise Unreadable("Its members overlap, as in an archive made to overwhelm a reader.")
    return archive


def members(archive: zipfile.ZipFile, path: Path, number: int, budget: Budget) -> Iterator[Source | Refusal]:
    """Each member of an archive, the ones that may not be read as refusals."""
    item = 0
    for member in archive.infolist():
        if member.is_dir():
            continue
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        if any(part.startswith(".") and part != ".." for part in parts) or "__MACOSX" in parts:
            continue
        item += 1
        member_label = label(number, member.filename, item)
        try:
            _check_member(member, budget.limits)
            budget.take(member.file_size)
        except Unreadable as error:
            yield Refusal(member_label, member.filename, error.reason)
        else:
            yield Source(member_label, member.filename, member.file_size, f"file {number}", path, member, archive)


def _check_directory(path: Path, limits: Limits) -> None:
    """Refuse a directory too large to be parsed before it is parsed (PKWARE APPNOTE 4.3.16)."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - 65_557))
        tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise Unreadable("It is not a complete zip archive.")
    directory = int.from_bytes(tail[at + 12 : at + 16], "little")
    if directory == 0xFFFFFFFF:
        raise Unreadable("Its directory is larger than any real study needs.")
    if directory > limits.files * 1024:
        raise Unreadable(f"Its directory lists more members than the limit of {limits.files}.")


def _check_member(member: zipfile.ZipInfo, limits: Limits) -> None:
    name = member.filename.replace("\\", "/")
    if name.startswith("/") or ":" in name.split("/")[0] or ".." in name.split("/"):
        raise Unreadable("Its path leads out of the archive.")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise Unreadable("It is a link, not a file.")
    if member.flag_bits & 0x1:
        raise Unreadable("It is encrypted; unpack it with its password first.")
    if member.compress_type not in _METHODS:
        raise Unreadable("It is packed by a method that is not supported.")
    if known_suffix(name) in ARCHIVES:
        raise Unreadable("It is an archive within an archive; unpack it first.")
    if member.file_size > limits.ratio_from and member.file_size > limits.ratio * max(member.compress_size, 1):
        raise Unreadable(f"It unpacks to more than {limits.ratio:.0f} times its size, as a zip bomb does.")
