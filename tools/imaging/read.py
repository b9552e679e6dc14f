"""Files in, a case out: the one door through which images enter.

    reading = read_case(["scan.zip", "film.png"], blobs)
    reading.case       # images I1, I2, ... and the problems of files that did not open
    reading.identity   # reading.identity.scrub(text) before any text leaves the person's screen
    reading.names      # {"file 2 (.png)": "/home/.../film.png", "CT series 1, 20 slices": ...}

What is read: DICOM (a file, a folder, a zip), NIfTI (.nii, .nii.gz), PNG, JPEG and TIFF. Nothing in
`case` comes from free text of a file: codes are mapped to known words, and labels are neutral. Real
names of files and patients are in `names` and `identity` only, which stay in memory.

One broken, hostile or unsupported file becomes one `Problem` with a sentence that says why; the rest
of the case still opens. Nothing is written outside `blobs`.
"""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge.blobs import BlobStore
from knowledge.case import Case, Image, Modality, Origin, Patient, Problem
from knowledge.quantity import SpacingSource
from tools.imaging.collect import Found, Kind, collect
from tools.imaging.dicom import read_dicom
from tools.imaging.draft import Draft, note
from tools.imaging.identity import Identity
from tools.imaging.limits import Limits, Unreadable
from tools.imaging.nifti import read_nifti
from tools.imaging.raster import read_raster
from tools.imaging.source import Budget, Refusal, Source
from tools.imaging.volume import as_affine, encode_pixels

__all__ = ["Limits", "Reading", "read_case"]

NOBODY = Patient()
DEFAULTS = Limits()
_MANY = 5
"""More files than this with the same trouble make one problem."""
_OTHER_PATIENT = "the header names another patient than that of the first image"


@dataclass(frozen=True)
class Reading:
    """A case that was read, and what must not leave the person's own screen.

    Attributes:
        names: Neutral label in the case -> the real name of the file.
    """

    case: Case
    identity: Identity = field(repr=False)
    names: dict[str, str] = field(repr=False)


def read_case(
    paths: Sequence[str | PathLike[str]],
    blobs: BlobStore,
    *,
    spacing: tuple[float, float] | None = None,
    modality: Modality | None = None,
    patient: Patient = NOBODY,
    limits: Limits = DEFAULTS,
    progress: Callable[[str], None] | None = None,
) -> Reading:
    """Read files, folders and zip archives into one case.

    Args:
        paths: Files, folders (searched to their depths) and zip archives of one patient.
        blobs: Where pixels go.
        spacing: In-plane pixel size (x, y) in mm as the user states it; used where no header
            gives one.
        modality: As the user states it; used where no header gives one.
        patient: What is known of the patient. Age and sex are added from DICOM headers where
            absent, ages above 89 as 90.
        limits: Bounds on what is taken in.
        progress: Told in a few neutral words what is being read.

    Returns:
        The case with its images in the order of `paths`; DICOM files are read together, where the
        first of them stands, so that a series may be named file by file. It has no images where
        nothing opened; the problems say why.

    Raises:
        ValueError: `spacing` is not two positive sizes in mm.
    """
    if spacing is not None and not all(np.isfinite(size) and 0 < size < 1000 for size in spacing):
        raise ValueError(f"a pixel spacing is two positive sizes in mm, not {spacing}")
    reader = _Reader(blobs, limits, spacing, modality, progress or (lambda _: None))
    reader.read([Path(path) for path in paths])
    return reader.reading(patient)


@dataclass(frozen=True)
class _Person:
    """Whom one header speaks of; the key stays in memory."""

    key: str = field(repr=False)
    age: float | None
    sex: str | None


class _Reader:
    def __init__(
        self,
        blobs: BlobStore,
        limits: Limits,
        spacing: tuple[float, float] | None,
        modality: Modality | None,
        progress: Callable[[str], None],
    ) -> None:
        self.blobs, self.limits, self.progress = blobs, limits, progress
        self.spacing, self.modality = spacing, modality
        self.budget = Budget(limits)
        self.identity = Identity()
        self.names: dict[str, str] = {}
        self.images: list[Image] = []
        self.problems: list[Problem] = []
        self.people: list[_Person] = []
        self.counts: dict[str, int] = {}

    def read(self, paths: Sequence[Path]) -> None:
        """Read everything; all DICOM together, since a series may be named file by file."""
        with ExitStack() as stack:
            found = [item for at, path in enumerate(paths, 1) for item in collect(at, path, self.budget, stack)]
            dicom = [item.source for item in found if isinstance(item, Found) and item.kind is Kind.DICOM]
            for item in found:
                if isinstance(item, Refusal):
                    self._refuse(item)
                elif self._is_full():
                    break
                elif item.kind is Kind.DICOM:
                    self._take_dicom(dicom)
                    dicom = []
                else:
                    self._take_one(item.source, read_nifti if item.kind is Kind.NIFTI else read_raster)
        self._gather()

    def _is_full(self) -> bool:
        if len(self.images) < self.limits.images:
            return False
        self._say(f"The case has more images than the limit of {self.limits.images}; the rest was not opened.")
        return True

    def _take_dicom(self, sources: list[Source]) -> None:
        for draft in read_dicom(sources, self.identity, self.limits, self.progress) if sources else ():
            if isinstance(draft, Refusal):
                self._refuse(draft)
            elif self._is_full():
                break
            else:
                self._take(draft)

    def _say(self, reason: str) -> None:
        """A problem of the case as a whole, once."""
        problem = Problem(file="case", reason=reason)
        if problem not in self.problems:
            self.problems.append(problem)

    def _gather(self) -> None:
        """Say once what is wrong with many files of one folder or archive."""
        groups: dict[tuple[str, str], list[Problem]] = {}
        for problem in self.problems:
            groups.setdefault((problem.file.partition(", item ")[0], problem.reason), []).append(problem)
        self.problems = []
        for (own, reason), alike in groups.items():
            if len(alike) <= _MANY:
                self.problems += alike
            else:
                first = alike[0].file
                shown = f"{own}, {len(alike)} items from item {first.partition(', item ')[2].partition(' ')[0]}"
                self.names[shown] = self.names.get(first, "")
                self.problems.append(Problem(file=shown, reason=reason))

    def _take_one(self, source: Source, reader: Callable[[Source, Limits], Draft]) -> None:
        self.progress(f"Reading {source.label}")
        try:
            self._take(reader(source, self.limits))
        except Unreadable as error:
            self._refuse(Refusal(source.label, source.name, error.reason))
        except Exception:  # noqa: BLE001 - parsers of hostile bytes raise anything; the message may quote them
            self._refuse(Refusal(source.label, source.name, "It is damaged, so it cannot be read."))

    def _refuse(self, refusal: Refusal) -> None:
        self.names[refusal.label] = refusal.name
        self.problems.append(Problem(file=refusal.label, reason=refusal.reason))

    def _take(self, draft: Draft) -> None:
        self._apply_user(draft)
        self._check_patient(draft)
        self.images.append(self._store(draft))

    def _apply_user(self, draft: Draft) -> None:
        """Use what the user states where the file is silent; say so where it is not."""
        if self.modality is not None and self.modality is not Modality.UNKNOWN:
            if draft.modality_origin is Origin.HEADER:
                if draft.modality is not self.modality:
                    note(
                        draft, f"the header says {draft.modality.value}, so the modality given by the user is not used"
                    )
            else:
                _set_modality(draft, self.modality)
        if self.spacing is None:
            return
        x, y = self.spacing
        if draft.spacing is not None:
            note(draft, "the header gives a pixel spacing, so the one given by the user is not used")
        elif not draft.single:
            note(draft, "the distance between slices is unknown, so the spacing given by the user is not enough")
        else:
            draft.spacing, draft.spacing_source = (draft.slice_thickness or 1.0, y, x), SpacingSource.USER

    def _check_patient(self, draft: Draft) -> None:
        if draft.format != "dicom":
            return
        named = [other.key for other in self.people if other.key]
        if draft.patient and named and draft.patient != named[0]:
            note(draft, _OTHER_PATIENT)
            self._say("The files name more than one patient; a case is about one. Open them apart.")
        self.people.append(_Person(draft.patient, draft.age, draft.sex))

    def _store(self, draft: Draft) -> Image:
        array = np.ascontiguousarray(draft.array)
        number = self.counts[draft.stem] = self.counts.get(draft.stem, 0) + 1
        slices = array.shape[0]
        size = f", {slices} {'frames' if draft.frames > 1 else 'slices'}" if slices > 1 else ""
        shown = f"{draft.stem} {number}{size}"
        self.names[shown] = draft.name
        with ThreadPoolExecutor(1) as pool:
            content = pool.submit(_content, array)
            pixels = self.blobs.put(encode_pixels(array, draft.affine))
        return Image(
            id=f"I{len(self.images) + 1}",
            label=shown,
            format=draft.format,
            modality=draft.modality,
            modality_origin=draft.modality_origin,
            body_part=draft.body_part,
            body_part_origin=Origin.UNKNOWN if draft.body_part is None else Origin.HEADER,
            view=draft.view,
            shape=array.shape[:3],
            channels=draft.channels,
            frames=draft.frames,
            affine=None if draft.affine is None else as_affine(draft.affine + 0.0),  # no -0.0
            orientation_origin=draft.orientation_origin,
            spacing=draft.spacing,
            spacing_source=draft.spacing_source,
            slice_thickness=draft.slice_thickness,
            plane=draft.plane,
            intensity="colour" if draft.channels == 3 else "HU" if draft.calibrated else "signal",
            windows=() if draft.channels == 3 else draft.windows,
            pixels=pixels,
            content=content.result(),
            caveats=tuple(draft.caveats),
        )

    def reading(self, patient: Patient) -> Reading:
        """The case as far as it was read; age and sex only where the headers speak of one person."""
        if len({person.key for person in self.people if person.key}) <= 1:
            known = {key: value for key, value in patient.model_dump().items() if value is not None}
            ages = [person.age for person in self.people if person.age is not None]
            sexes = [person.sex for person in self.people if person.sex is not None]
            patient = Patient.model_validate({"age_years": _first(ages), "sex": _first(sexes)} | known)
        case = Case(patient=patient, images=tuple(self.images), problems=tuple(self.problems))
        return Reading(case, self.identity, self.names)


def _first(values: Sequence[Any]) -> Any:
    return values[0] if values else None


def _set_modality(draft: Draft, modality: Modality) -> None:
    draft.modality, draft.modality_origin = modality, Origin.USER
    if modality is not Modality.CT:
        draft.calibrated = False
    elif draft.format == "nifti" and not draft.calibrated:
        # Without air there is nothing to tell Hounsfield units from any other signal.
        draft.calibrated = draft.channels == 1 and float(draft.array.min()) <= -500
        if not draft.calibrated:
            note(draft, "the values do not reach down to air, so they are not taken for Hounsfield units")
    draft.caveats[:] = [caveat for caveat in draft.caveats if not caveat.startswith("NIfTI names no modality")]


def _content(array: NDArray[Any]) -> str:
    """SHA-256 of type, shape and values, row by row, whatever file they came from."""
    digest = hashlib.sha256(f"{array.dtype.newbyteorder('<').str}{array.shape}".encode())
    digest.update(memoryview(array.data).cast("B"))
    return digest.hexdigest()
