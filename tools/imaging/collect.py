"""What the named paths hold: every file that starts as an image, and why the others are refused."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from tools.imaging.archive import ARCHIVES, members, open_zip
from tools.imaging.header import is_dicom, is_directory
from tools.imaging.limits import Unreadable
from tools.imaging.nifti import is_nifti
from tools.imaging.raster import is_raster
from tools.imaging.source import Budget, Refusal, Source, known_suffix, label, walk

_IMAGE_SUFFIXES = (".dcm", ".ima", ".nii", ".nii.gz", ".png", ".jpg", ".jpeg", ".tif", ".tiff")
_UNKNOWN = "It is none of DICOM, NIfTI, PNG, JPEG and TIFF."


class Kind(Enum):
    """The family of formats a file starts as."""

    DICOM = "dicom"
    NIFTI = "nifti"
    RASTER = "raster"


@dataclass(frozen=True)
class Found:
    """A file that starts as an image."""

    source: Source
    kind: Kind


def collect(number: int, path: Path, budget: Budget, stack: ExitStack) -> list[Found | Refusal]:
    """Look into one path the caller named.

    A folder is searched to its depths, an archive member by member; what is no image there is
    passed over, unless its name says that it should be one.

    Args:
        number: The path's place among those named, for neutral labels.
        stack: Closes opened archives when the reading is over.
    """
    own = label(number, path.name)
    try:
        if path.is_dir():
            return _several(_in_folder(number, path, budget))
        if not path.is_file():
            raise Unreadable("There is no file or folder of this name.")
        budget.take(size := path.stat().st_size)
        if _is_archive(path):
            if path.suffix.lower() not in (".zip", "") and known_suffix(path.name) in ARCHIVES:
                raise Unreadable("Of archives only zip is opened; unpack it first.")
            archive = stack.enter_context(open_zip(path, budget.limits))
            return _several(members(archive, path, number, budget))
        return [_sniffed(Source(own, str(path), size, own, path)) or Refusal(own, str(path), _UNKNOWN)]
    except Unreadable as error:
        return [Refusal(own, str(path), error.reason)]
    except OSError:
        return [Refusal(own, str(path), "It cannot be read from the disk.")]


def _is_archive(path: Path) -> bool:
    if known_suffix(path.name) in ARCHIVES:
        return True
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _in_folder(number: int, folder: Path, budget: Budget) -> Iterator[Source | Refusal]:
    for item, path in enumerate(walk(folder, budget.limits.depth), start=1):
        own = label(number, path.name, item)
        try:
            size = path.stat().st_size
            budget.take(size)
        except Unreadable as error:
            yield Refusal(own, str(path), error.reason)
        except OSError:
            yield Refusal(own, str(path), "It cannot be read from the disk.")
        else:
            yield Source(own, str(path), size, f"file {number}", path)


def _several(items: Iterable[Source | Refusal]) -> list[Found | Refusal]:
    found: list[Found | Refusal] = []
    for item in items:
        looked_at = item if isinstance(item, Refusal) else _sniffed(item)
        if looked_at is not None:
            found.append(looked_at)
        elif isinstance(item, Source) and known_suffix(item.name) in _IMAGE_SUFFIXES:
            found.append(Refusal(item.label, item.name, _UNKNOWN))
    found = [item for item in found if not _is_listing(item)]
    if any(isinstance(item, Found) and item.kind is Kind.DICOM for item in found):
        # Pictures beside DICOM are icons of a viewer's disc.
        found = [item for item in found if not (isinstance(item, Found) and item.kind is Kind.RASTER)]
    if not found:
        raise Unreadable("It holds no image that can be opened.")
    return found


def _is_listing(item: Found | Refusal) -> bool:
    return isinstance(item, Found) and item.kind is Kind.DICOM and is_directory(item.source)


def _sniffed(source: Source) -> Found | Refusal | None:
    """By its first bytes, whatever its name says."""
    if source.size == 0:
        return Refusal(source.label, source.name, "It is empty.")
    try:
        head = source.head()
    except Exception:  # noqa: BLE001 - unpacking hostile bytes raises anything
        return Refusal(source.label, source.name, "It is damaged.")
    if is_dicom(head):  # first: a DICOM preamble may look like TIFF
        return Found(source, Kind.DICOM)
    if is_raster(head):
        return Found(source, Kind.RASTER)
    return Found(source, Kind.NIFTI) if is_nifti(head) else None
