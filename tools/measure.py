"""Measures masks, boxes and lines: each figure with its unit, its interval and what limits it.

Sizes follow the affine, so tilted (sheared) and non-square grids measure true. Without a known
spacing they are in pixels and never in millimetres. What exactly is measured, and how its interval
arises, is written at `tools.imaging.outline`, `tools.imaging.hull`, `tools.imaging.intensity`,
`tools.imaging.placement` and `tools.imaging.extent`. Slices and frames are counted from 1, as
viewers do; fields of evidence that index an array count from 0.
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Self

from pydantic import Field, FiniteFloat, model_validator

from knowledge.case import Image, Origin, Plane
from knowledge.evidence import ANISOTROPIC, NO_SPACING, TRUNCATED, Evidence, Mask, Measurement, Region
from tools.imaging.extent import distance, ratio
from tools.imaging.placement import frame_of, uneven
from tools.measurable import OF_MASKS, PLACE, VOLUME_ONLY, M, Measurable, expanded, quantity_of, words
from tools.subject import Subject, exactly, joined
from tools.tool import Context, ImageArguments, Tool, ToolRefusal

Coordinates = Annotated[list[FiniteFloat], Field(min_length=2, max_length=3)]


class MeasureArguments(ImageArguments):
    """What is measured, and which quantities of it."""

    of: list[str] = Field(default=[], description="Evidence ids of the masks or boxes to measure.")
    points: Annotated[list[Coordinates], Field(min_length=2, max_length=2)] | None = Field(
        default=None,
        description="Two points to measure between: voxel coordinates [column, row] or [column, row, slice] "
        "of pixel centres, counted from 0.",
    )
    heart: str | None = Field(
        default=None, description="For the cardiothoracic ratio: evidence id of the heart's mask or box."
    )
    chest: str | None = Field(
        default=None,
        description="For the cardiothoracic ratio: evidence id of the mask or box of the inside of the chest, "
        "or of both lungs together.",
    )
    quantities: list[Measurable] = Field(
        default=[], description="What to measure; left out: volume of volumes, area of planes."
    )
    frame: int | None = Field(
        default=None,
        ge=1,
        description="Frame of a cine to measure on, counted from 1; left out: where the mask is largest.",
    )
    midline: str | None = Field(
        default=None,
        description="For the side: evidence id of a mask centred on the body's midline, such as the body; "
        "left out: the middle of the image.",
    )

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if (self.heart is None) != (self.chest is None):
            raise ValueError("the cardiothoracic ratio needs both heart and chest")
        if sum((bool(self.of), self.points is not None, self.heart is not None)) != 1:
            raise ValueError("give one of: of (masks or boxes), points, heart with chest")
        return self


class Measure(Tool):
    """Measurements of masks, boxes and lines."""

    name: ClassVar[str] = "measure"
    description: ClassVar[str] = (
        "Measures what was segmented or located: size (volume, area, long and short axis by RECIST 1.1, 3-D diameter, "
        "width, height), place (centroid, side, slice range), number of parts of a mask, count of boxes, density or "
        "signal (mean, standard deviation, minimum, maximum, percentiles), the distance of two points, the "
        "cardiothoracic ratio. Each figure comes with an uncertainty interval. Segment or locate first, then "
        "measure the evidence by its id."
    )
    purpose: ClassVar[str] = "Measuring"
    arguments: ClassVar[type[MeasureArguments]] = MeasureArguments
    returns: ClassVar[tuple[str, ...]] = ("measurement",)
    intents: ClassVar[tuple[str, ...]] = (
        "how large is it",
        "how big is the lesion",
        "what is its size",
        "what is the volume",
        "what is the diameter of the nodule",
        "measure the long and short axis",
        "what is its area",
        "how wide is it",
        "what is its density in Hounsfield units",
        "what is the mean signal",
        "on which side is it",
        "on which slices can it be seen",
        "how many are there",
        "how far apart are these points",
        "is the heart enlarged",
        "what is the cardiothoracic ratio",
    )
    version: ClassVar[str] = "1"

    def run(self, arguments: MeasureArguments, context: Context) -> list[Evidence]:
        """Measure; one Measurement for each quantity of each mask or box, in the order asked for, a count first.

        Raises:
            ToolRefusal: The evidence is of another image or kind, or the image does not allow a quantity.
        """
        image = context.image(arguments.image)
        wanted = expanded(arguments.quantities)
        if arguments.points is not None:
            return [_distance(image, arguments.points, wanted)]
        if arguments.heart is not None and arguments.chest is not None:
            heart, chest = (
                Subject(_named(evidence_id, image, context), image, arguments.frame, context)
                for evidence_id in (arguments.heart, arguments.chest)
            )
            return [_cardiothoracic(image, heart, chest, wanted)]
        _allow(image, wanted)
        midline = None
        if arguments.midline is not None:
            midline = Subject(_named(arguments.midline, image, context), image, arguments.frame, context)
        each = [_named(evidence_id, image, context) for evidence_id in dict.fromkeys(arguments.of)]
        items: list[Evidence] = []
        if M.COUNT in wanted:
            items.append(_count(image, each))
            wanted.remove(M.COUNT)
            if not wanted:
                return items
        for one in each:
            items += Subject(one, image, arguments.frame, context).measurements(wanted, midline)
        return items


def _named(evidence_id: str, image: Image, context: Context) -> Mask | Region:
    """The mask or box called so, of this image and no other."""
    evidence = context.find(evidence_id)
    if not isinstance(evidence, Mask | Region):
        known = [item.id for item in context.evidence.values() if isinstance(item, Mask | Region)]
        raise ToolRefusal(f"{evidence_id} is a {evidence.kind}; measured are masks and boxes.", known=known)
    if evidence.image != image.id:
        raise ToolRefusal(f"{evidence_id} belongs to {evidence.image}, not to {image.id}.", target=evidence.target)
    return evidence


def _allow(image: Image, wanted: Sequence[Measurable]) -> None:
    """Refuse what this image cannot give."""
    flat = [name for name in wanted if name in VOLUME_ONLY]
    if flat and image.dimensions == 2:
        known = [name for name in OF_MASKS if name not in VOLUME_ONLY]
        raise ToolRefusal(f"{image.id} is a plane, so it has no {flat[0].value}.", known=words(known))
    placed = [name for name in wanted if name in PLACE]
    if placed and (image.affine is None or image.orientation_origin is Origin.UNKNOWN or image.spacing is None):
        raise ToolRefusal(
            f"How {image.id} lies in the patient is unknown, so the {placed[0].value} cannot be told.",
            known=words(name for name in OF_MASKS if name not in PLACE),
        )


def _distance(image: Image, points: Sequence[Sequence[float]], wanted: Sequence[Measurable]) -> Measurement:
    if any(name is not M.DISTANCE for name in wanted):
        raise ToolRefusal("Between two points only the distance is measured.", known=[M.DISTANCE.value])
    a, b = (_placed(image, point) for point in points)
    if image.dimensions == 2 and a[2] != b[2]:
        raise ToolRefusal(f"The two points lie on different frames of {image.id}, {a[2]:g} and {b[2]:g}.")
    if a == b:
        raise ToolRefusal(f"The two points are the same, {list(points[0])}, so there is nothing to measure.")
    reading = distance(a, b, frame_of(image))
    codes = [] if image.spacing is not None else [NO_SPACING]
    if uneven(image, 2 if a[2] == b[2] else 3):
        codes.append(ANISOTROPIC)
    return Measurement(
        image=image.id,
        target="line between two points",
        quantity=quantity_of(M.DISTANCE, reading, image),
        points=reading.points,
        caveats=joined(codes, image.caveats),
    )


def _placed(image: Image, point: Sequence[float]) -> tuple[float, float, float]:
    """The point as (i, j, k); pixels reach half a step from their centres."""
    if len(point) == 2 and image.shape[0] > 1:
        raise ToolRefusal(f"{image.id} has {image.shape[0]} slices: give {list(point)} a third coordinate.")
    i, j, k = (*point, 0.0)[:3]
    if not all(-0.5 <= place <= length - 0.5 for place, length in zip((k, j, i), image.shape, strict=True)):
        raise ToolRefusal(f"{list(point)} lies outside {image.id}, which is {image.shape} (slices, rows, columns).")
    return float(i), float(j), float(k)


def _count(image: Image, each: Sequence[Mask | Region]) -> Measurement:
    """How many boxes of one target there are; a mask does not tell what touches apart."""
    boxes = [one for one in each if isinstance(one, Region)]
    if len(boxes) < len(each):
        raise ToolRefusal(
            "Counted are boxes, one for each: locate them. Of a mask the components are counted, "
            "and what touches is one component.",
            target=each[0].target,
            known=[M.COMPONENTS.value],
        )
    if len({box.target for box in boxes}) > 1:
        raise ToolRefusal("Counted are boxes of one target: count each target on its own.")
    rows, columns = image.shape[1:]
    cut = sum(x0 <= 0 or y0 <= 0 or x1 >= columns or y1 >= rows for x0, y0, x1, y1 in (box.box for box in boxes))
    notes = [f"{cut} of {len(boxes)} lie at the edge of the image and may be cut off"] if cut else []
    return Measurement(
        image=image.id,
        target=boxes[0].target,
        quantity=quantity_of(M.COUNT, exactly(len(boxes)), image),
        of=tuple(box.id for box in boxes),
        caveats=joined(notes, *(box.caveats for box in boxes), image.caveats),
    )


def _cardiothoracic(image: Image, heart: Subject, chest: Subject, wanted: Sequence[Measurable]) -> Measurement:
    name = M.CARDIOTHORACIC_RATIO
    if any(other is not name for other in wanted):
        raise ToolRefusal(f"Of heart and chest together only the {name.value} is measured.", known=[name.value])
    if image.dimensions == 3 or image.plane not in (None, Plane.CORONAL) or _projection(image) == "other":
        raise ToolRefusal(f"The {name.value} is defined on a frontal chest film, which {image.id} is not.")
    if heart.frame != chest.frame:
        raise ToolRefusal(f"Heart and chest are largest on different frames of {image.id}: name one frame.")
    one, whole = heart.extent.width(), chest.extent.width()
    if one.value > whole.value:
        raise ToolRefusal(
            f"The heart ({heart.evidence.id}) is wider than the chest ({chest.evidence.id}): are they mixed up?"
        )
    if whole.low == 0:
        raise ToolRefusal(f"The chest ({chest.evidence.id}) is only one or two pixels wide.")
    reading = ratio(heart.extent, chest.extent)
    return Measurement(
        image=image.id,
        target=heart.evidence.target,
        quantity=quantity_of(name, reading, image),
        of=(heart.evidence.id, chest.evidence.id),
        points=reading.points,
        caveats=joined(
            [TRUNCATED] if heart.truncated or chest.truncated else [],
            _VIEW_NOTES[_projection(image)],
            reading.notes,
            heart.caveats,
            chest.caveats,
        ),
    )


_VIEW_NOTES = {
    "PA": (),
    "AP": ("anteroposterior view: the heart is magnified, and the ratio is reliable on posteroanterior films only",),
    "unknown": ("the view is unknown: the ratio is reliable on posteroanterior films only",),
}
"""Chon et al. 2011, J Korean Med Sci 26(11), PMC3207047."""


def _projection(image: Image) -> str:
    """The direction of the beam: "PA", "AP", "unknown", or "other" where it is not frontal."""
    words_of_view = (image.view or "").upper().split()
    if not words_of_view or words_of_view[0] == "FRONTAL":
        return "unknown"
    return words_of_view[0] if words_of_view[0] in ("PA", "AP") else "other"
