"""Locating structures: boxes around a target, or the word that it is not there."""

from collections.abc import Sequence
from typing import Any, ClassVar

from knowledge.case import Image
from knowledge.evidence import Absence, Evidence, Region
from tools import targets
from tools.backends import Box, Grounder, Segmentation, Segmenter, Target
from tools.imaging.volume import Volume
from tools.segment import TargetArguments, absence, empty, extent
from tools.tool import Context, Services, Tool


class MaskGrounder:
    """Fulfils `tools.backends.Grounder` with the boxes of a segmenter's masks."""

    def __init__(self, segmenter: Segmenter) -> None:
        self.segmenter = segmenter
        self.name = f"boxes of {segmenter.name}"
        self.version = segmenter.version

    def targets(self) -> Sequence[Target]:
        """What the segmenter declares."""
        return self.segmenter.targets()

    def ground(self, image: Image, volume: Volume, target: str) -> Sequence[Box]:
        """The box around the mask of `target`; none where it is absent."""
        return self.boxes(self.segmentation(image, volume, target))

    def segmentation(self, image: Image, volume: Volume, target: str) -> Segmentation:
        """What the boxes come from."""
        (found,) = self.segmenter.segment(image, volume, [target])
        return found

    @staticmethod
    def boxes(found: Segmentation) -> list[Box]:
        """The box around a mask, half open; none where it is empty."""
        if found.mask is None or empty(found):
            return []
        (x0, y0, x1, y1), slices = extent(found.mask)
        return [Box(found.target, (x0, y0, x1, y1), slices, found.side, found.confidence)]


class Ground(Tool):
    """Boxes through the `Grounder` protocol, or from masks where no grounder knows the target."""

    name: ClassVar[str] = "ground"
    description: ClassVar[str] = (
        "Locate structures in an image and put a box around each. Use it when a box is enough, to say where "
        "something is or on which slices. It answers absent where it finds nothing."
    )
    purpose: ClassVar[str] = "Locating structures"
    arguments = TargetArguments
    returns: ClassVar[tuple[str, ...]] = ("region", "absence")
    may_be_absent: ClassVar[bool] = True
    intents: ClassVar[tuple[str, ...]] = (
        "Where is the left lung?",
        "Locate the structure.",
        "Put a box around the lungs.",
        "On which slices can the bone be seen?",
        "Find the organ in this scan.",
        "Point to it.",
    )
    version: ClassVar[str] = "1"

    def targets(self, services: Services) -> tuple[Target, ...]:
        """All that the grounders and the segmenters declare."""
        return targets.union(_grounders(services))

    def run(self, arguments: Any, context: Context) -> list[Evidence]:
        """Regions, or one Absence, for each target, groups replaced by their parts.

        Raises:
            ToolRefusal: A target is unknown, or cannot be located in such an image.
        """
        image = context.image(arguments.image)
        wanted = targets.resolve(arguments.targets, _grounders(context.services), image, "located")
        volume = context.volume(image.id)
        return [region for item in wanted for region in _located(item.backend, image, volume, item.target.name)]


def _grounders(services: Services) -> list[Grounder]:
    return [*services.grounders, *(MaskGrounder(segmenter) for segmenter in services.segmenters)]


def _located(grounder: Grounder, image: Image, volume: Volume, target: str) -> list[Evidence]:
    caveats: tuple[str, ...] = ()
    if isinstance(grounder, MaskGrounder):
        found = grounder.segmentation(image, volume, target)
        if empty(found):
            return [absence(found, image.id)]
        boxes: Sequence[Box] = grounder.boxes(found)
        caveats = found.caveats
    else:
        boxes = grounder.ground(image, volume, target)
    if not boxes:
        kind = f"all {image.shape[0]} slices" if image.dimensions == 3 else "the whole image"
        return [Absence(image=image.id, target=target, searched=f"{kind}, by {grounder.name} {grounder.version}")]
    return [
        Region(
            image=image.id,
            target=box.target,
            side=box.side,
            box=box.box,
            slices=box.slices,
            confidence=box.confidence,
            caveats=(*caveats, *box.caveats),
        )
        for box in boxes
    ]
