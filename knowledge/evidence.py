"""What a conversation has established, piece by piece; every claim of an answer cites these."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, TypeAdapter

from knowledge.case import Modality, Plane, Record, Sha256
from knowledge.quantity import Quantity

Score = Annotated[float, Field(ge=0, le=1)]
Point = tuple[FiniteFloat, ...]

TRUNCATED = "truncated"
ANISOTROPIC = "anisotropic"
NO_SPACING = "no spacing"

CAVEATS = {
    TRUNCATED: "the structure reaches the border of the field of view, so the whole may be larger",
    ANISOTROPIC: "voxels are longer along one axis, so sizes along it are less certain",
    NO_SPACING: "the physical pixel size is unknown, so sizes are in pixels",
}
"""Caveats of measurements, with the words for a reader. Other caveats are sentences of their own."""


class Side(StrEnum):
    """The patient's side, as an affine or a stated view establishes it."""

    LEFT = "left"
    RIGHT = "right"
    MIDLINE = "midline"
    BOTH = "both"


class Confidence(Record):
    """How sure the producer is, in [0, 1], and how that figure was obtained."""

    value: Score
    method: str


class Source(Record):
    """Where a passage comes from; `url` or `doi` leads a reader to it.

    Attributes:
        year: None where a user's own document does not tell.
    """

    title: str
    organisation: str
    year: Annotated[int, Field(ge=1800, le=2200)] | None = None
    doi: str | None = None
    url: str | None = None
    licence: str | None = None

    @property
    def issued(self) -> str:
        """Who published it and when, as far as that is known."""
        return f"{self.organisation} {self.year}" if self.year else self.organisation


class Threshold(Record):
    """One machine-readable limit: `name` `comparison` `value` `unit`, for a population."""

    name: str
    comparison: Literal["<", "<=", ">", ">=", "=", "between"]
    value: float
    high: float | None = None
    unit: str
    population: str = "adults"


def compares(value: float, comparison: str, limit: float) -> bool:
    """Whether `value` `comparison` `limit` holds; anything but an inequality means equality."""
    match comparison:
        case "<":
            return value < limit
        case "<=":
            return value <= limit
        case ">":
            return value > limit
        case ">=":
            return value >= limit
        case _:
            return value == limit


class EvidenceBase(Record):
    """Shared by every kind.

    Attributes:
        id: "E1", "E2", ... in the order of filing; empty until the graph files it.
        image: Id of the image it speaks of, or None.
        produced_by: Id of the tool call, "admit", or "clinician"; set when filed.
        confidence: None where the producer has no calibrated figure.
        caveats: Short codes (see CAVEATS) or sentences, each to be shown with the evidence.
    """

    id: str = ""
    image: str | None = None
    produced_by: str = ""
    confidence: Confidence | None = None
    caveats: tuple[str, ...] = ()


class ImageFacts(EvidenceBase):
    """What an image is: `facts` maps a name ("modality") to (value in words, origin)."""

    kind: Literal["image_facts"] = "image_facts"
    modality: Modality
    facts: dict[str, tuple[str, str]]


class View(EvidenceBase):
    """A rendered picture of an image: PNG in `blob`; `description` says slice, plane and window."""

    kind: Literal["view"] = "view"
    blob: Sha256
    plane: Plane | None = None
    slice_index: int | None = None
    description: str
    shows: tuple[str, ...] = ()


class Region(EvidenceBase):
    """A box around a target.

    Attributes:
        box: (x0, y0, x1, y1) in pixels of the image's own grid, half open.
        slices: First and one past last slice the box spans; (0, 1) for planes.
    """

    kind: Literal["region"] = "region"
    target: str
    side: Side | None = None
    box: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]
    slices: tuple[int, int] = (0, 1)
    of: tuple[str, ...] = ()


SIZE_LOW, SIZE_HIGH = "size low", "size high"
"""Scores of a mask by a producer that looked several times: its smallest and largest size over its size."""


class Mask(EvidenceBase):
    """The pixels of a target on the image's own grid.

    Attributes:
        blob: 1-bit PNG for a plane; gzipped NIfTI (0 and 1, uint8) for a volume.
        voxels: How many are set; at least 1, since nothing found is an Absence.
        slices: First and one past last slice with a set voxel.
        scores: Named scores of the producer, such as {"iou": 0.93, "stability": 0.97}.
    """

    kind: Literal["mask"] = "mask"
    target: str
    side: Side | None = None
    blob: Sha256
    voxels: Annotated[int, Field(ge=1)]
    box: tuple[int, int, int, int]
    slices: tuple[int, int] = (0, 1)
    scores: dict[str, FiniteFloat] = Field(default_factory=dict)


class Measurement(EvidenceBase):
    """One quantity of a target.

    Attributes:
        of: Ids of the masks, regions or points' evidence it was measured on.
        points: Ends of the line or the centre that was measured, for drawing, as voxel
            coordinates (x column, y row, z slice) of pixel centres.
        side: The target's side where known.
    """

    kind: Literal["measurement"] = "measurement"
    target: str
    side: Side | None = None
    quantity: Quantity
    of: tuple[str, ...] = ()
    points: tuple[Point, ...] = ()


class Passage(EvidenceBase):
    """Words from the library, verbatim, with their source and the place in it."""

    kind: Literal["passage"] = "passage"
    card: str
    title: str
    text: str
    source: Source
    locator: str | None = None
    thresholds: tuple[Threshold, ...] = ()
    relevance: FiniteFloat


class Absence(EvidenceBase):
    """A target was looked for and is not there; `searched` says where and by what rule."""

    kind: Literal["absence"] = "absence"
    target: str
    side: Side | None = None
    searched: str


class Limitation(EvidenceBase):
    """Something asked for that cannot be done here, why, and what can be done instead."""

    kind: Literal["limitation"] = "limitation"
    tool: str
    target: str | None = None
    reason: str
    known: tuple[str, ...] = ()


class Statement(EvidenceBase):
    """What the clinician, the chart or a model said, word for word: it is heard, not verified."""

    kind: Literal["statement"] = "statement"
    speaker: Literal["clinician", "chart", "model"]
    text: str


Evidence = Annotated[
    ImageFacts | View | Region | Mask | Measurement | Passage | Absence | Limitation | Statement,
    Field(discriminator="kind"),
]

EVIDENCE: TypeAdapter[Evidence] = TypeAdapter(Evidence)
EVIDENCE_LIST: TypeAdapter[list[Evidence]] = TypeAdapter(list[Evidence])


def blobs_of(evidence: EvidenceBase) -> tuple[str, ...]:
    """SHA-256 of every blob the evidence points at."""
    return (evidence.blob,) if isinstance(evidence, Mask | View) else ()
