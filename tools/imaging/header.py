"""What a DICOM file says, read once and carefully: codes, numbers and geometry, never free text."""

import logging
import math
import re
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless

from knowledge.case import BURNED_IN, Modality, Window
from tools.imaging.facts import Facts, Memory, items
from tools.imaging.identity import Identity
from tools.imaging.limits import Limits, Unreadable
from tools.imaging.patient import Sex, age_years, identify, sex
from tools.imaging.physical import Scale, plane_scale
from tools.imaging.source import Source
from tools.imaging.vocabulary import body_part, modality, plain, view, window_name

Vector3 = tuple[float, float, float]
Vector6 = tuple[float, float, float, float, float, float]

PHASES = ("StackID", "AcquisitionNumber", "TemporalPositionIdentifier", "TemporalPositionIndex", "EchoNumbers",
           "EchoTime", "EffectiveEchoTime", "InversionTime", "DiffusionBValue", "ImageType", "FrameType",
           "FlipAngle", "TriggerTime", "NominalCardiacTriggerDelayTime", "ContentTime", "AcquisitionTime",
           "AcquisitionDateTime")  # fmt: skip
"""Header fields that tell acquisitions at the same place apart, most telling first."""

_NO_IMAGE = (
    ("1.2.840.10008.5.1.4.1.1.88.", "a structured report"),
    ("1.2.840.10008.5.1.4.1.1.104.", "an enclosed document (PDF, CDA or a 3D model)"),
    ("1.2.840.10008.5.1.4.1.1.481.2", "a radiotherapy dose grid"),
    ("1.2.840.10008.5.1.4.1.1.481.3", "a radiotherapy structure set"),
    ("1.2.840.10008.5.1.4.1.1.481.5", "a radiotherapy plan"),
    ("1.2.840.10008.5.1.4.1.1.481.8", "a radiotherapy plan"),
    ("1.2.840.10008.5.1.4.1.1.66.4", "a segmentation"),
    ("1.2.840.10008.5.1.4.1.1.66.5", "a surface segmentation"),
    ("1.2.840.10008.5.1.4.1.1.66", "raw data or a registration"),
    ("1.2.840.10008.5.1.4.1.1.30", "a parametric map"),
    ("1.2.840.10008.5.1.4.1.1.11.", "a presentation state"),
    ("1.2.840.10008.5.1.4.1.1.9.", "a waveform"),
    ("1.2.840.10008.5.1.4.1.1.4.2", "MR spectroscopy"),
    ("1.2.840.10008.1.3.10", "a DICOMDIR, which lists the files of its folder"),
)  # fmt: skip
_PICTURES = (Modality.US, Modality.XC, Modality.ES, Modality.OP, Modality.OT)
_PROJECTIONS = (Modality.CR, Modality.DX, Modality.MG, Modality.XA, Modality.RF)
_LOSSY = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless)
_DIRECTORY = re.compile(rb"1\.2\.840\.10008\.1\.3\.10(?![.\d])")
_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"


@dataclass(frozen=True)
class Instance:
    """One DICOM file with pixels.

    Attributes:
        patient: A key that differs between patients; it stays in memory.
        series: Key of its series.
        uid: SOP instance UID, or empty.
        pixels_at: Offset of the Pixel Data element, or None where the file is deflated.
        towards: Sides of the patient that rows and columns run to ("L", "F"), or empty strings.
        padding: Lowest and highest stored value of padding, or None.
    """

    source: Source
    patient: str
    series: tuple[str, ...]
    uid: str
    number: int
    syntax: UID
    pixels_at: int | None
    modality: Modality
    body_part: str | None
    view: str | None
    rows: int
    columns: int
    samples: int
    frames: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    signed: bool
    padding: tuple[int, int] | None
    has_modality_lut: bool
    towards: tuple[str, str]
    localizer: bool
    projection: bool
    hu: bool
    age: float | None
    sex: Sex | None
    caveats: tuple[str, ...]


@dataclass(frozen=True)
class Frame:
    """One plane of an instance: where it lies, how its values are scaled, what sets it apart."""

    instance: Instance
    index: int
    orientation: Vector6 | None
    position: Vector3 | None
    scale: Scale
    between: float | None
    location: float | None
    thickness: float | None
    slope: float
    intercept: float
    rescaled: bool
    windows: tuple[Window, ...]
    phase: tuple[str, ...]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom from printing header values, which may identify the patient."""
    logger = logging.getLogger("pydicom")
    level, mode = logger.level, pydicom.config.settings.reading_validation_mode
    logger.setLevel(logging.CRITICAL + 1)
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        pydicom.config.settings.reading_validation_mode = mode
        logger.setLevel(level)


def is_dicom(head: bytes) -> bool:
    """Whether a file starts as DICOM, with or without the preamble."""
    return (
        head[128:132] == b"DICM"
        or (head[:2] in (b"\x08\x00", b"\x02\x00") and head[3:4] == b"\0")
        or (head[:2] in (b"\x00\x08", b"\x00\x02") and head[4:6].isalpha() and head[4:6].isupper())
    )


def is_directory(source: Source) -> bool:
    """Whether a DICOM file is a DICOMDIR, which lists other files and holds no image."""
    return _DIRECTORY.search(source.head(1024)) is not None


def read_header(source: Source, identity: Identity, limits: Limits, memory: Memory | None = None) -> list[Frame]:
    """Every plane of a DICOM file, without its pixels.

    What identifies the patient goes to `identity` and nowhere else.

    Raises:
        Unreadable: It is damaged or holds no image that can be shown.
    """
    try:
        with source.open() as file:
            dataset, pixels_at = _parse(file, limits)
        facts = Facts(dataset, memory=memory)
        identify(facts, identity)
        return _frames(source, dataset, facts, pixels_at, limits)
    except Unreadable:
        raise
    except Exception:  # noqa: BLE001 - parsers of hostile bytes raise anything; the message may quote them
        raise Unreadable("It is not complete, correct DICOM.") from None


def _parse(file: IO[bytes], limits: Limits) -> tuple[Dataset, int | None]:
    _check_deflated(file, limits)
    dataset = pydicom.dcmread(file, stop_before_pixels=True, force=True)
    syntax = dataset.file_meta.get("TransferSyntaxUID") if hasattr(dataset, "file_meta") else None
    if syntax == DeflatedExplicitVRLittleEndian:
        return dataset, None
    return dataset, file.tell()


def _check_deflated(file: IO[bytes], limits: Limits) -> None:
    """Refuse a deflated file that unpacks beyond the limit, before pydicom unpacks it."""
    head = file.read(144)
    if head[128:136] == b"DICM\2\0\0\0" and DeflatedExplicitVRLittleEndian.encode() in file.read(2048):
        file.seek(144 + int.from_bytes(head[140:144], "little"))
        unpacker, size = zlib.decompressobj(-15), 0
        piece = file.read(1 << 16)
        while piece and not unpacker.eof:
            size += len(unpacker.decompress(piece, 1 << 24))
            if size > limits.file_bytes:
                raise Unreadable("It unpacks to more than the limit on one file.")
            piece = unpacker.unconsumed_tail or file.read(1 << 16)
    file.seek(0)


def _kind(uid: str) -> str | None:
    """What a SOP class without a picture is, in words, or None."""
    return next(
        (
            words
            for start, words in _NO_IMAGE
            if uid == start or uid.startswith(start if start.endswith(".") else f"{start}.")
        ),
        None,
    )


def _frames(source: Source, dataset: Dataset, facts: Facts, pixels_at: int | None, limits: Limits) -> list[Frame]:
    meta = Facts(getattr(dataset, "file_meta", None))
    sop_class = facts.text("SOPClassUID") or meta.text("MediaStorageSOPClassUID")
    kind = _kind(sop_class)
    if kind is not None:
        raise Unreadable(f"It is {kind}, not an image.")
    rows, columns = facts.whole("Rows"), facts.whole("Columns")
    if len(dataset) == 0:
        raise Unreadable("It is not complete, correct DICOM.")
    if rows < 1 or columns < 1:
        raise Unreadable("It is DICOM but holds no image.")
    samples, frames = facts.whole("SamplesPerPixel", 1), facts.whole("NumberOfFrames", 1) or 1
    if samples not in (1, 3) or frames < 1 or facts.whole("BitsAllocated") not in (1, 8, 16, 32, 64):
        raise Unreadable("Its header names an impossible kind of pixel.")
    if rows * columns * frames * samples > limits.samples:
        raise Unreadable(
            f"Its header names {frames} frame(s) of {columns} x {rows} pixels, more than the limit of"
            f" {limits.samples} values."
        )
    types = [plain(str(item)) for item in items(facts.raw("ImageType"))]
    if sop_class.startswith(_SLIDE) and (frames > 1 or "LABEL" in types):
        raise Unreadable("It is a whole-slide image in tiles (or its label), which is not supported.")
    instance = _instance(source, facts, meta, types, sop_class, rows, columns, samples, frames, pixels_at)
    shared = facts.first("SharedFunctionalGroupsSequence")
    groups = items(facts.raw("PerFrameFunctionalGroupsSequence"))
    if not groups and shared is None:
        lone = _frame(instance, 0, facts, instance.caveats)
        return [lone] if frames == 1 else [replace(lone, index=index) for index in range(frames)]
    return [
        _frame(
            instance,
            index,
            Facts(*_macros(groups[index] if index < len(groups) else None), *_macros(shared), dataset),
            (),
        )
        for index in range(frames)
    ]


def _macros(group: Dataset | None) -> list[Dataset]:
    """The functional group macros of a frame, flat: each is a sequence of one item (PS3.3 C.7.6.16)."""
    if group is None:
        return []
    found = []
    for element in group:
        if element.VR == "SQ" and element.value:
            found.append(element.value[0])
            inner = Facts(element.value[0]).first("DiffusionGradientDirectionSequence")
            found += [inner] if inner is not None else []
    return found


def _instance(
    source: Source, facts: Facts, meta: Facts, types: list[str], sop_class: str,
    rows: int, columns: int, samples: int, frames: int, pixels_at: int | None,
) -> Instance:  # fmt: skip
    code = modality(facts.text("Modality"))
    localizer = "LOCALIZER" in types
    secondary = sop_class.startswith("1.2.840.10008.5.1.4.1.1.7") or code in _PICTURES
    allocated = facts.whole("BitsAllocated")
    stored = facts.whole("BitsStored", allocated)
    signed = facts.whole("PixelRepresentation") == 1
    unit = plain(facts.text("RescaleType") or "HU")
    caveats = []
    burned_in = plain(facts.text("BurnedInAnnotation"))
    if burned_in == "YES" or (burned_in != "NO" and secondary):
        caveats.append(BURNED_IN)
    if localizer:
        caveats.append("localizer: made to plan other images, not to measure on")
    lossy = plain(facts.text("LossyImageCompression")) in ("01", "1")
    syntax = UID(meta.text("TransferSyntaxUID") or _guess_syntax(facts))
    if lossy or syntax in _LOSSY:
        caveats.append("lossy compression: fine detail may have been lost")
    return Instance(
        source=source,
        patient=facts.text("PatientID"),
        series=(facts.text("StudyInstanceUID"), facts.text("SeriesInstanceUID") or source.group),
        uid=facts.text("SOPInstanceUID") or meta.text("MediaStorageSOPInstanceUID"),
        number=facts.whole("InstanceNumber"),
        syntax=syntax,
        pixels_at=pixels_at,
        modality=code,
        body_part=body_part(facts.text("BodyPartExamined")) or ("breast" if code is Modality.MG else None),
        view=view(facts.text("ViewPosition")),
        rows=rows,
        columns=columns,
        samples=samples,
        frames=frames,
        photometric=plain(facts.text("PhotometricInterpretation").replace("_", "")),
        bits_allocated=allocated,
        bits_stored=stored if 1 <= stored <= allocated else allocated,
        signed=signed,
        padding=_padding(facts, signed, allocated),
        has_modality_lut=facts.first("ModalityLUTSequence") is not None,
        towards=_towards(facts),
        localizer=localizer,
        projection=code in _PROJECTIONS,
        hu=code is Modality.CT
        and not localizer
        and samples == 1
        and unit == "HU"
        and not sop_class.startswith("1.2.840.10008.5.1.4.1.1.7"),
        age=age_years(facts),
        sex=sex(facts),
        caveats=tuple(caveats),
    )


def _guess_syntax(facts: Facts) -> str:
    """A file without meta information is implicit or explicit little endian; pydicom saw which."""
    return facts.syntax()


def _frame(instance: Instance, index: int, facts: Facts, caveats: tuple[str, ...]) -> Frame:
    slope, intercept = facts.number("RescaleSlope"), facts.number("RescaleIntercept")
    orientation = facts.numbers("ImageOrientationPatient", 6)
    position = facts.numbers("ImagePositionPatient", 3)
    return Frame(
        instance=instance,
        index=index,
        orientation=_orthogonal(orientation),
        position=position if len(position) == 3 and max(map(abs, position)) < 1e5 else None,
        scale=plane_scale(facts, instance.projection),
        between=facts.number("SpacingBetweenSlices"),
        location=facts.number("SliceLocation"),
        thickness=_positive(facts.number("SliceThickness")),
        slope=1.0 if slope is None or slope == 0 else slope,
        intercept=0.0 if intercept is None else intercept,
        rescaled=slope is not None and slope != 0 and intercept is not None,
        windows=_windows(facts),
        phase=tuple(facts.text(keyword)[:64] for keyword in PHASES),
    )


def _towards(facts: Facts) -> tuple[str, str]:
    """Patient Orientation (PS3.3 C.7.6.1.1.1), the main letter of each direction."""
    letters = [str(item).strip()[:1] for item in items(facts.raw("PatientOrientation"))]
    if len(letters) == 2 and all(letter in ("L", "R", "A", "P", "H", "F") for letter in letters):
        return letters[0], letters[1]
    return "", ""


def _orthogonal(values: tuple[float, ...]) -> Vector6 | None:
    """Direction cosines, or None where they are not two unit vectors at right angles."""
    if len(values) != 6:
        return None
    row, column = values[:3], values[3:]
    lengths = (math.hypot(*row), math.hypot(*column))
    if min(lengths) < 0.9 or max(lengths) > 1.1 or abs(sum(a * b for a, b in zip(row, column, strict=True))) > 0.01:
        return None
    return (*(value / lengths[0] for value in row), *(value / lengths[1] for value in column))  # type: ignore[return-value]


def _positive(number: float | None) -> float | None:
    return number if number is not None and 0 < number < 1e4 else None


def _padding(facts: Facts, signed: bool, allocated: int) -> tuple[int, int] | None:
    value = facts.number("PixelPaddingValue")
    if value is None:
        return None
    other = facts.number("PixelPaddingRangeLimit")
    ends = [int(value), int(value if other is None else other)]
    if signed:
        ends = [end - (1 << allocated) if end >= 1 << (allocated - 1) else end for end in ends]
    else:
        ends = [end + (1 << allocated) if end < 0 else end for end in ends]
    return min(ends), max(ends)


def _windows(facts: Facts) -> tuple[Window, ...]:
    """Each valid pair of Window Center and Width, with a known name or a number."""
    centers, widths = facts.numbers("WindowCenter"), facts.numbers("WindowWidth")
    names = [str(item) for item in items(facts.raw("WindowCenterWidthExplanation"))]
    windows: list[Window] = []
    for number, (center, width) in enumerate(zip(centers, widths, strict=False), start=1):
        if width > 0 and number <= 8:
            name = window_name(names[number - 1] if number <= len(names) else "", number)
            if any(window.name == name for window in windows):
                name = f"header {number}"
            windows.append(Window(name=name, center=center, width=width))
    return tuple(windows)
