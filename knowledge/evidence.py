"""What a conversation has established, piece by piece; every claim of an answer cites these."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, FiniteFloat, TypeAdapter, model_validator

from knowledge.case import Modality, Plane, Record, Sha256
from knowledge.quantity import Quantity, Unit
from knowledge.threshold import Threshold

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


class Status(StrEnum):
    """How a case stands to a criterion."""

    MET = "met"
    NOT_MET = "not met"
    OPEN = "open"
    NOT_ASSESSED = "not assessed"


class Criterion(EvidenceBase):
    """Something on record, held by code against a criterion of a cited passage.

    Attributes:
        name: The criterion in words, such as "abdominal aorta of 30 mm or more".
        category: What follows where it is met, such as "abdominal aortic aneurysm".
        target: The structure or finding it is about.
        limit: The limit of the passage, or None where something is to be seen or not.
        beyond: Whether the criterion is met where the limit does not hold, as beyond a normal range.
        quantity: What was measured, as it is recorded.
        of: Ids of what it rests on: the measurement, mask, box or absence, then the passage.
        reason: Why it is open or was not assessed; empty otherwise.
        text: All of it in one sentence without its full stop; made from the other fields, and refused if it
            says anything else.
    """

    kind: Literal["criterion"] = "criterion"
    name: str
    category: str
    target: str
    side: Side | None = None
    status: Status
    limit: Threshold | None = None
    beyond: bool = False
    quantity: Quantity | None = None
    of: tuple[str, ...] = ()
    reason: str = ""
    text: str = ""

    @model_validator(mode="after")
    def _say(self) -> Self:
        _tell(self, self._sentence())
        return self

    def _sentence(self) -> str:
        if self.status is Status.NOT_ASSESSED or (self.quantity is None and self.status is Status.OPEN):
            return f"A criterion for {self.category}, {self.name}, is not assessed: {self.reason}"
        if self.quantity is None or self.limit is None:
            seen, met = self.status is Status.MET, "meets" if self.status is Status.MET else "does not meet"
            what = f"The {self.target} is seen" if seen != self.beyond else f"No {self.target} is seen"
            return f"{what}, which {met} a criterion for {self.category}"
        of = "" if self.quantity.unit is Unit.ONE else f" of the {self.target}"
        what = f"The {quantity_words(self.quantity)}{of} is {self.quantity.text()}"
        limit = f"the limit of {self.limit.text()}"
        if self.status is Status.OPEN:
            return f"{what}, and its uncertainty spans {limit} for {self.category}"
        meets = "meets" if self.status is Status.MET else "does not meet"
        if self.beyond:
            lies = "beyond" if self.status is Status.MET else "within"
            return f"{what}, which lies {lies} {limit} and so {meets} a criterion for {self.category}"
        return f"{what}, which {meets} {limit} for {self.category}"


class Appraisal(EvidenceBase):
    """The criteria of one disease, held together against the case: how many are met, and whether that is enough.

    Attributes:
        needs: How many must be met: any one, all, or a number.
        of: Ids of the criteria, each of them a `Criterion`.
        met, not_met, open, not_assessed: How many of them stand so.
        sources: How many different publications they come from.
        text: All of it in one sentence without its full stop, as a criterion's.

    Raises:
        ValueError: The counts do not add up to the criteria.
    """

    kind: Literal["appraisal"] = "appraisal"
    disease: str
    side: Side | None = None
    needs: Literal["any", "all"] | Annotated[int, Field(ge=1)]
    of: tuple[str, ...]
    met: Annotated[int, Field(ge=0)]
    not_met: Annotated[int, Field(ge=0)]
    open: Annotated[int, Field(ge=0)]
    not_assessed: Annotated[int, Field(ge=0)]
    sources: Annotated[int, Field(ge=1)]
    text: str = ""

    @model_validator(mode="after")
    def _say(self) -> Self:
        if self.met + self.not_met + self.open + self.not_assessed != len(self.of) or not self.of:
            raise ValueError(f"{self.disease}: the counts do not add up to {len(self.of)} criteria")
        _tell(self, self._sentence())
        return self

    @property
    def recall(self) -> float:
        """Guideline recall: the share of the criteria that the evidence decides."""
        return (self.met + self.not_met) / max(1, len(self.of))

    @property
    def verdict(self) -> Status:
        """Whether the criteria together are met; open where what is undecided could decide it."""
        enough = {"any": 1, "all": len(self.of)}.get(str(self.needs)) or int(self.needs)
        if self.met >= enough:
            return Status.MET
        return Status.NOT_MET if len(self.of) - self.not_met < enough else Status.OPEN

    @property
    def name(self) -> str:
        """The disease with its side."""
        return f"{self.disease} on the {self.side.value}" if self.side in (Side.LEFT, Side.RIGHT) else self.disease

    def _sentence(self) -> str:
        many = len(self.of)
        enough = {"any": "any one is enough", "all": "all are needed"}.get(str(self.needs), f"{self.needs} are needed")
        counts = (
            (self.met, "met"), (self.not_met, "not met"), (self.open, "open"), (self.not_assessed, "not assessed")
        )  # fmt: skip
        told = ", ".join(f"{count} {word}" for count, word in counts if count)
        where = "one source" if self.sources == 1 else f"{self.sources} sources"
        so = {Status.MET: "are met", Status.NOT_MET: "are not met"}.get(self.verdict, "stay open")
        of = f"{many} criteria, from {where}, {enough}" if many > 1 else "one criterion"
        return f"The criteria for {self.name} {so}: of {of}: {told}; guideline recall {self.recall:.2f}"


def _tell(item: Criterion | Appraisal, sentence: str) -> None:
    """Give `item` its sentence, which nobody may write otherwise."""
    if item.text not in ("", sentence):
        raise ValueError(f"the text of a {item.kind} is {sentence!r}, not {item.text!r}")
    object.__setattr__(item, "text", sentence)


_AVERAGES = frozenset({"mean", "minimum", "maximum", "median", "standard deviation"})


def quantity_words(quantity: Quantity) -> str:
    """What a quantity is called in a sentence: a mean of HU is a mean attenuation."""
    if quantity.name.lower() in _AVERAGES:
        return f"{quantity.name} {'attenuation' if quantity.unit is Unit.HU else 'signal'}"
    return quantity.name


Evidence = Annotated[
    ImageFacts
    | View
    | Region
    | Mask
    | Measurement
    | Passage
    | Absence
    | Limitation
    | Statement
    | Criterion
    | Appraisal,
    Field(discriminator="kind"),
]

EVIDENCE: TypeAdapter[Evidence] = TypeAdapter(Evidence)
EVIDENCE_LIST: TypeAdapter[list[Evidence]] = TypeAdapter(list[Evidence])


def blobs_of(evidence: EvidenceBase) -> tuple[str, ...]:
    """SHA-256 of every blob the evidence points at."""
    return (evidence.blob,) if isinstance(evidence, Mask | View) else ()
