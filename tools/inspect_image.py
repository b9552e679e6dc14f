"""Look at an image: what is known about it and how, and a picture of it."""

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, FiniteFloat

from knowledge.case import Image, Modality, Origin, Plane, Window
from knowledge.evidence import Evidence, ImageFacts, Mask, Measurement, Region, View
from knowledge.quantity import SpacingSource
from tools.imaging.geometry import acquisition_plane
from tools.imaging.render import (
    Cut,
    MarkedBox,
    MarkedLine,
    MarkedPoint,
    best_slice,
    default_plane,
    describe,
    render,
    slice_count,
)
from tools.imaging.windows import default_window, named_window, preset_names
from tools.tool import Context, ImageArguments, Tool, ToolRefusal

_MODALITIES = {
    Modality.CT: "computed tomography (CT)",
    Modality.MR: "magnetic resonance (MR)",
    Modality.CR: "computed radiography (CR)",
    Modality.DX: "digital radiography (DX)",
    Modality.MG: "mammography (MG)",
    Modality.US: "ultrasound (US)",
    Modality.PT: "positron emission tomography (PT)",
    Modality.NM: "nuclear medicine (NM)",
    Modality.XA: "X-ray angiography (XA)",
    Modality.RF: "radiofluoroscopy (RF)",
    Modality.SM: "slide microscopy (SM)",
    Modality.OP: "ophthalmic photography (OP)",
    Modality.ES: "endoscopy (ES)",
    Modality.XC: "photography (XC)",
    Modality.OT: "other (OT)",
    Modality.UNKNOWN: "unknown",
}


class InspectArguments(ImageArguments):
    """What to look at, and how."""

    plane: Plane | None = Field(None, description="Plane to show; the plane of acquisition if left out.")
    slice: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Slice or frame to show, counted from 1; if left out, the one that shows most of the marks."
    )
    window: str | None = Field(
        None, description='Window by name: for CT "lung", "soft tissue", "mediastinum", "bone", "brain".'
    )
    center: FiniteFloat | None = Field(None, description="Center of the window in the image's values; needs width.")
    width: Annotated[FiniteFloat, Field(gt=0)] | None = Field(None, description="Width of the window; needs center.")
    marks: tuple[str, ...] = Field(
        (), max_length=16, description='Ids of masks, regions or measurements to mark, such as "E3".'
    )


class InspectImage(Tool):
    """Facts about one image with the origin of each, and a rendered view."""

    name: ClassVar[str] = "inspect_image"
    description: ClassVar[str] = (
        "Says what an image is (modality, body part, plane, size, spacing, where each is known from, and what to be "
        "careful about) and shows a slice of it in a chosen plane and window, with masks, boxes or measurements "
        "marked on it. Use it first, and whenever a picture is asked for."
    )
    purpose: ClassVar[str] = "Looking at the image"
    arguments: ClassVar[type[InspectArguments]] = InspectArguments
    returns: ClassVar[tuple[str, ...]] = ("image_facts", "view")
    intents: ClassVar[tuple[str, ...]] = (
        "what kind of image is this",
        "what do we know about this image",
        "describe the image",
        "which body part does it show",
        "is this a CT or an MRI",
        "what is the slice thickness and the pixel spacing",
        "how many slices does it have",
        "is the orientation known",
        "is there anything wrong with the image",
        "show me the image",
        "show the slice in a lung window",
        "show a coronal view",
        "show the overlay of what was found",
    )
    version: ClassVar[str] = "1"

    def run(self, arguments: InspectArguments, context: Context) -> list[Evidence]:
        """Facts and a view.

        Raises:
            ToolRefusal: The plane, slice, window or a mark does not fit the image.
        """
        image = context.image(arguments.image)
        marks = _Marks(image, context, arguments.marks)
        plane = _plane(image, arguments.plane)
        volume = context.volume(image.id)
        window = _window(image, arguments, volume.array)
        index = _index(image, plane, arguments.slice, marks)
        blob = context.blobs.put(
            render(
                image,
                volume,
                plane=plane,
                index=index,
                window=window,
                masks=marks.masks,
                boxes=marks.boxes,
                lines=marks.lines,
                points=marks.points,
            )
        )
        facts = ImageFacts(image=image.id, modality=image.modality, facts=facts_of(image), caveats=image.caveats)
        view = View(
            image=image.id,
            blob=blob,
            plane=plane if image.affine is not None else None,
            slice_index=index if slice_count(image, plane) > 1 else None,
            description=describe(image, plane, index, window),
            shows=arguments.marks,
        )
        return [facts, view]


def facts_of(image: Image) -> dict[str, tuple[str, str]]:
    """Each fact about an image as (value in words, origin); what is not known says so."""
    slices, rows, columns = image.shape
    kind = "frames" if image.frames > 1 else "slices"
    size = f"{columns} x {rows} pixels" + (f", {slices} {kind}" if slices > 1 else "")
    facts = {
        "modality": (_MODALITIES[image.modality], image.modality_origin.value),
        "body part": (image.body_part or "unknown", image.body_part_origin.value),
        "view": (image.view or "unknown", (Origin.HEADER if image.view else Origin.UNKNOWN).value),
        "size": (size, Origin.HEADER.value),
        "values": (_VALUES[image.intensity], Origin.HEADER.value if image.intensity != "HU" else _hu_origin(image)),
        "plane": _plane_fact(image),
        "orientation": (_orientation(image), image.orientation_origin.value),
        "spacing": _spacing_fact(image),
        "file format": (image.format, Origin.HEADER.value),
    }
    if image.slice_thickness is not None:
        facts["slice thickness"] = (f"{image.slice_thickness:g} mm", Origin.HEADER.value)
    return facts


_VALUES = {"HU": "Hounsfield units", "signal": "signal without a physical unit", "colour": "colour"}


def _orientation(image: Image) -> str:
    if image.affine is not None:
        return "known"
    if image.orientation_origin is Origin.UNKNOWN:
        return "unknown: left and right cannot be told from the file"
    return "the patient's left is at the right of the picture, head up"


def _hu_origin(image: Image) -> str:
    return image.modality_origin.value


def _plane_fact(image: Image) -> tuple[str, str]:
    if image.plane is None:
        return "unknown", Origin.UNKNOWN.value
    origin = image.orientation_origin
    if image.format == "nifti" and image.dimensions == 3 and image.spacing is not None:
        origin = acquisition_plane(image.spacing)[1]
    return image.plane.value, origin.value


def _spacing_fact(image: Image) -> tuple[str, str]:
    if image.spacing is None:
        return "unknown: sizes can be given in pixels only", SpacingSource.NONE.value
    between, row, column = image.spacing
    text = f"{column:.3g} x {row:.3g} mm pixels"
    if image.dimensions == 3:
        text += f", {between:.3g} mm between slices"
    return text, image.spacing_source.value


def _plane(image: Image, wanted: Plane | None) -> Plane | None:
    if wanted is None or wanted is image.plane:
        return default_plane(image)
    if image.dimensions == 2:
        raise ToolRefusal(
            f"{image.id} is a single plane and can be shown as it is only.",
            known=() if image.plane is None else (image.plane.value,),
        )
    if image.affine is None:
        raise ToolRefusal(f"The orientation of {image.id} is unknown, so no {wanted.value} plane can be cut.")
    return wanted


def _window(image: Image, arguments: InspectArguments, array: NDArray[np.generic]) -> Window | None:
    if image.channels == 3:
        if arguments.window is not None or arguments.center is not None:
            raise ToolRefusal(f"{image.id} is in colour; it is shown without a window.")
        return None
    if (arguments.center is None) != (arguments.width is None):
        raise ToolRefusal("A window needs both a center and a width.")
    if arguments.center is not None and arguments.width is not None:
        return Window(name="chosen", center=arguments.center, width=arguments.width)
    if arguments.window is None:
        return default_window(image, array)
    window = named_window(image, arguments.window)
    if window is None:
        raise ToolRefusal(
            f"There is no window {arguments.window!r} for {image.id}.",
            target=arguments.window,
            known=preset_names(image),
        )
    return window


def _index(image: Image, plane: Plane | None, wanted: int | None, marks: "_Marks") -> int:
    count = slice_count(image, plane)
    if wanted is not None:
        if wanted > count:
            raise ToolRefusal(f"{image.id} has slices 1 to {count} in this plane, not {wanted}.")
        return wanted - 1
    return min(max(marks.best(plane, count), 0), count - 1)


class _Marks:
    """What the cited evidence looks like on the image."""

    def __init__(self, image: Image, context: Context, ids: tuple[str, ...]) -> None:
        self.image = image
        self.masks: list[tuple[NDArray[np.bool_], str]] = []
        self.boxes: list[MarkedBox] = []
        self.lines: list[MarkedLine] = []
        self.points: list[MarkedPoint] = []
        for evidence_id in dict.fromkeys(ids):
            item = context.find(evidence_id)
            if item.image != image.id:
                raise ToolRefusal(f"{evidence_id} does not speak of {image.id}, so it cannot be marked on it.")
            label = f"{evidence_id} {getattr(item, 'target', '')}".strip()
            if isinstance(item, Mask):
                self.masks.append((context.mask(item), label))
            elif isinstance(item, Region):
                self.boxes.append(MarkedBox(item.box, label, item.slices))
            elif isinstance(item, Measurement):
                self._measurement(item, evidence_id, label)
            else:
                raise ToolRefusal(f"{evidence_id} is no mask, region or measurement, so it cannot be marked.")

    def _measurement(self, item: Measurement, evidence_id: str, label: str) -> None:
        text = f"{label}: {item.quantity.name} {item.quantity.text()}"
        if len(item.points) == 2:
            self.lines.append(MarkedLine((item.points[0], item.points[1]), text))
        elif len(item.points) == 1:
            self.points.append(MarkedPoint(item.points[0], text))
        else:
            raise ToolRefusal(f"{evidence_id} was not measured between points, so there is nothing to draw.")

    def best(self, plane: Plane | None, count: int) -> int:
        """The slice that shows the first mark best, else the middle."""
        cut = Cut.of(self.image, plane)
        for mask, _ in self.masks:
            if mask.any():
                across = {2: Plane.AXIAL, 1: Plane.CORONAL, 0: Plane.SAGITTAL}[cut.across]
                return best_slice(mask, across)
        if self.lines:
            return round(cut.place(self.lines[0].ends[0], self.image.shape)[2])
        if self.points:
            return round(cut.place(self.points[0].at, self.image.shape)[2])
        if self.boxes:
            box = self.boxes[0]
            middle = ((box.box[0] + box.box[2]) / 2, (box.box[1] + box.box[3]) / 2, sum(box.slices) / 2)
            return int(cut.place(middle, self.image.shape)[2])
        return count // 2
