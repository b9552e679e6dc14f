"""One patient's images and story, without anything that names the patient."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from knowledge.quantity import SpacingSource

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""Content address of a blob: lower-case hexadecimal SHA-256 of its bytes."""

Vector4 = tuple[float, float, float, float]
Affine = tuple[Vector4, Vector4, Vector4, Vector4]
"""Maps homogeneous voxel indices (i column, j row, k slice, 1) to patient LPS in mm."""


BURNED_IN = "text burned into the picture, such as a name, is possible"
"""Caveat of an image whose pixels may name the patient."""


class Modality(StrEnum):
    """DICOM modality codes (PS3.3 C.7.3.1.1.1) that this system reads."""

    CT = "CT"
    MR = "MR"
    CR = "CR"
    DX = "DX"
    MG = "MG"
    US = "US"
    PT = "PT"
    NM = "NM"
    XA = "XA"
    RF = "RF"
    SM = "SM"
    OP = "OP"
    ES = "ES"
    XC = "XC"
    OT = "OT"
    UNKNOWN = "unknown"


class Origin(StrEnum):
    """How a fact about an image came to be known."""

    HEADER = "header"
    USER = "user"
    INFERRED = "inferred"
    ASSUMED = "assumed"
    UNKNOWN = "unknown"


class Plane(StrEnum):
    """The anatomical plane in which an image was acquired or is shown."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"


class Record(BaseModel):
    """Base of every type that is written to a trace: immutable, with no unknown field."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Window(Record):
    """A display window: `center` and `width` in the image's own values (HU for CT)."""

    name: str
    center: float
    width: Annotated[float, Field(gt=0)]


class Image(Record):
    """One image or volume: what is known about it and where each fact came from.

    The pixels lie in the blob store under `pixels`; array and affine are joined again by
    `tools.imaging.volume.Volume`. Grids are given as (slices, rows, columns).

    Attributes:
        id: "I1", "I2", ... within its case.
        label: A neutral name for people, never one taken from the patient's data.
        format: "dicom", "nifti" or "raster".
        shape: (slices, rows, columns); slices is 1 for a plane.
        channels: 1 for grey values, 3 for RGB.
        affine: Voxel indices to LPS in mm, or None where the position in the patient is unknown.
        spacing: Pixel size in mm as (slices, rows, columns), or None where it is unknown. The
            first is the distance between slice centres.
        slice_thickness: Nominal thickness in mm where a header gives it.
        plane: The plane of acquisition, or None where orientation is unknown.
        frames: Frames of a cine or multi-frame plane, 1 otherwise.
        intensity: "HU" for calibrated CT, else "signal"; "colour" for RGB.
        content: SHA-256 of the decoded pixel values, to recognise the same image in another file.
        caveats: What a reader must know before trusting a measurement.
    """

    id: str
    label: str
    format: Literal["dicom", "nifti", "raster"]
    modality: Modality
    modality_origin: Origin
    body_part: str | None = None
    body_part_origin: Origin = Origin.UNKNOWN
    view: str | None = None
    shape: tuple[int, int, int]
    channels: Literal[1, 3] = 1
    frames: int = 1
    affine: Affine | None = None
    orientation_origin: Origin = Origin.UNKNOWN
    spacing: tuple[float, float, float] | None = None
    spacing_source: SpacingSource = SpacingSource.NONE
    slice_thickness: float | None = None
    plane: Plane | None = None
    intensity: Literal["HU", "signal", "colour"]
    slope: float = 1.0
    intercept: float = 0.0
    windows: tuple[Window, ...] = ()
    pixels: Sha256
    content: Sha256
    caveats: tuple[str, ...] = ()

    @property
    def dimensions(self) -> Literal[2, 3]:
        """3 for a volume of two slices or more, else 2."""
        return 3 if self.shape[0] > 1 and self.frames == 1 else 2

    @property
    def may_name_patient(self) -> bool:
        """Whether its pixels may hold a name: a header says so, or none could have said otherwise."""
        return BURNED_IN in self.caveats or self.format == "raster"


class Problem(Record):
    """A file that could not be opened, and why, in a sentence for the person who sent it."""

    file: str
    reason: str


class Patient(Record):
    """What the clinician or the chart says about the patient; nothing that identifies."""

    age_years: Annotated[float, Field(ge=0, le=130)] | None = None
    sex: Literal["female", "male", "other"] | None = None
    complaint: str | None = None
    history: str | None = None


class Case(Record):
    """The images of one patient that opened, and the files that did not."""

    patient: Patient = Patient()
    images: tuple[Image, ...] = ()
    problems: tuple[Problem, ...] = ()

    def image(self, image_id: str) -> Image:
        """Return the image called `image_id`.

        Raises:
            KeyError: No image of this case has that id.
        """
        for image in self.images:
            if image.id == image_id:
                return image
        raise KeyError(image_id)
