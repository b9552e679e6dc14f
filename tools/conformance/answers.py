"""Checks on single answers: that evidence is what it says, and that nothing is a silent zero."""

import io
import re
from collections.abc import Iterator

import numpy as np
import PIL.Image

from knowledge.blobs import BlobError, BlobStore
from knowledge.evidence import (
    EVIDENCE,
    Absence,
    Evidence,
    EvidenceBase,
    ImageFacts,
    Mask,
    Measurement,
    Passage,
    Region,
    Side,
    View,
)
from knowledge.quantity import SpacingSource, Unit
from tools.conformance.kit import Kit, Outcome
from tools.conformance.phantom import IMAGE, Phantom
from tools.imaging.volume import decode_mask

_SIZES = (Unit.MM, Unit.MM2, Unit.ML, Unit.PX, Unit.PX2, Unit.PX3, Unit.COUNT)
_MILLIMETRES = re.compile(r"\d\s*(mm|cm|ml|cc)\b", re.IGNORECASE)


def answers(kit: Kit) -> Iterator[str]:
    """Its example calls are answered, with whole evidence of the kinds it declares."""
    made = [(phantom, outcome) for phantom in kit.phantoms for outcome in kit.answers(phantom)]
    if made and not any(outcome.answered for _, outcome in made):
        yield f"no example call was answered; the first: {made[0][1].refusal or made[0][1].fault}"
    for phantom, outcome in made:
        if outcome.fault:
            yield f"{phantom.name}, {outcome.call}: {outcome.fault}"
        for item in outcome.evidence:
            for fault in unsound(item, kit, phantom, outcome.blobs):
                yield f"{phantom.name}, {outcome.call}: {fault}"


def unsound(item: Evidence, kit: Kit, phantom: Phantom, blobs: BlobStore) -> Iterator[str]:
    """What is wrong with one piece of evidence, not yet filed, on this phantom."""
    if not isinstance(item, EvidenceBase):
        yield f"it returned {type(item).__name__}, which is no evidence"
        return
    if item.kind not in kit.tool.returns:
        yield f"it returned {item.kind}, but declares {', '.join(kit.tool.returns)}"
    if isinstance(item, Absence) and not kit.tool.may_be_absent:
        yield f"it answered that {item.target} is absent, but declares that it never does"
    if item.id or item.produced_by:
        yield f"{item.kind} has id {item.id!r} and produced_by {item.produced_by!r}, which filing sets"
    if kit.takes_image and item.image != IMAGE and not isinstance(item, Passage):
        yield f"{item.kind} is of image {item.image!r}, the call was about {IMAGE}"
    if EVIDENCE.validate_json(item.model_dump_json()) != item:
        yield f"{item.kind} changes when it is written as JSON and read again"
    if any(not caveat.strip() for caveat in item.caveats) or len(set(item.caveats)) < len(item.caveats):
        yield f"{item.kind} has an empty or a repeated caveat"
    if item.confidence is not None and not item.confidence.method.strip():
        yield f"{item.kind} has a confidence without a method"
    if isinstance(item, Mask | View):
        try:
            yield from _unsound_mask(item, phantom, blobs) if isinstance(item, Mask) else _unsound_view(item, blobs)
        except (BlobError, OSError, ValueError) as error:
            yield f"the blob of the {item.kind} cannot be read: {type(error).__name__}: {str(error)[:100]}"
    elif isinstance(item, Region):
        yield from _unsound_box(item, phantom)
    elif isinstance(item, Measurement):
        yield from _unsound_measurement(item, phantom, kit)
    elif isinstance(item, Passage) and not (item.source.doi or item.source.url):
        yield f"the passage {item.card} leads to no source"
    if phantom.spacing is None:
        yield from _scaled(item)
    side = getattr(item, "side", None)
    target = str(getattr(item, "target", "") or "")
    if phantom.affine is None and not _has_view(phantom) and not isinstance(item, Absence):
        if side in (Side.LEFT, Side.RIGHT):
            yield f"{item.kind} of {target} has side {side}, but the orientation is unknown"
        elif target.startswith(("left ", "right ")):
            yield f"{item.kind} is of {target!r}, but the orientation is unknown"


def zeros(outcome: Outcome) -> Iterator[str]:
    """Sizes of nothing, which an Absence or a refusal should say in words."""
    for item in outcome.evidence:
        if isinstance(item, Measurement) and item.quantity.unit in _SIZES and item.quantity.value == 0:
            yield f"{item.target or 'what is not there'} has {item.quantity.name} {item.quantity.text()}: a silent zero"


def _has_view(phantom: Phantom) -> bool:
    return phantom.image("0" * 64).view is not None


def _scaled(item: Evidence) -> Iterator[str]:
    if isinstance(item, Measurement) and (item.quantity.unit.physical or item.quantity.spacing != SpacingSource.NONE):
        yield f"{item.quantity.name} is {item.quantity.text()}, but the pixel size is unknown"
    words = [item.description] if isinstance(item, View) else []
    if isinstance(item, ImageFacts):
        words = [value for value, _ in item.facts.values()]
    for text in words:
        if _MILLIMETRES.search(text):
            yield f"{item.kind} says {text!r}, but the pixel size is unknown"


def _unsound_mask(item: Mask, phantom: Phantom, blobs: BlobStore) -> Iterator[str]:
    bits = decode_mask(blobs.get(item.blob))
    if bits.shape != phantom.shape:
        yield f"the mask of {item.target} has shape {bits.shape}, its image {phantom.shape}"
        return
    where = np.argwhere(bits)
    if len(where) != item.voxels:
        yield f"the mask of {item.target} has {len(where)} pixels, it says {item.voxels}"
    if len(where):
        (k0, y0, x0), (k1, y1, x1) = where.min(axis=0).tolist(), (where.max(axis=0) + 1).tolist()
        if ((x0, y0, x1, y1), (k0, k1)) != (item.box, item.slices):
            yield f"the mask of {item.target} fills {(x0, y0, x1, y1)} of slices {(k0, k1)}, it says otherwise"


def _unsound_view(item: View, blobs: BlobStore) -> Iterator[str]:
    with PIL.Image.open(io.BytesIO(blobs.get(item.blob))) as picture:
        if picture.format != "PNG":
            yield f"the view is {picture.format}, not PNG"
        picture.load()


def _unsound_box(item: Region, phantom: Phantom) -> Iterator[str]:
    slices, rows, columns = phantom.shape
    x0, y0, x1, y1 = item.box
    if not (0 <= x0 < x1 <= columns and 0 <= y0 < y1 <= rows and 0 <= item.slices[0] < item.slices[1] <= slices):
        yield f"the box {item.box} of slices {item.slices} does not lie in an image of {phantom.shape}"


def _unsound_measurement(item: Measurement, phantom: Phantom, kit: Kit) -> Iterator[str]:
    quantity = item.quantity
    if quantity.unit.physical and phantom.spacing is not None and quantity.spacing != SpacingSource.HEADER:
        yield f"{quantity.name} says that its spacing is from {quantity.spacing}, it is from the header"
    if quantity.unit is Unit.HU and phantom.image("0" * 64).intensity != "HU":
        yield f"{quantity.name} is in HU, but the image is not"
    known = kit.context(phantom).evidence
    if unknown := [name for name in item.of if name not in known]:
        yield f"{quantity.name} is measured of {', '.join(unknown)}, which is not filed"
    slices, rows, columns = phantom.shape
    for point in item.points:
        if any(not -0.5 <= at <= size - 0.5 for at, size in zip(point, (columns, rows, slices), strict=False)):
            yield f"{quantity.name} has a point {point} outside the image of {phantom.shape}"
