"""Outlining structures: the pixels of a target, or the word that it is not there."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, StringConstraints

from knowledge.case import Image
from knowledge.evidence import Absence, Evidence, Mask
from tools import targets
from tools.backends import Segmentation, Segmenter, Target
from tools.imaging.volume import Volume, store_mask
from tools.targets import Wanted
from tools.tool import Context, ImageArguments, Services, Tool

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


class TargetArguments(ImageArguments):
    """An image, and what to look for in it."""

    targets: list[Name] = Field(
        min_length=1, max_length=8, description='Structures by name, such as ["left lung"]; groups like "lungs" too.'
    )


class Segment(Tool):
    """Masks through the `Segmenter` protocol."""

    name: ClassVar[str] = "segment"
    description: ClassVar[str] = (
        "Outline structures in an image, pixel by pixel. Use it before measuring a structure or when asked "
        "where it is, whether it is there, or what its extent is. It answers absent where it finds nothing."
    )
    purpose: ClassVar[str] = "Outlining structures"
    arguments = TargetArguments
    returns: ClassVar[tuple[str, ...]] = ("mask", "absence")
    may_be_absent: ClassVar[bool] = True
    intents: ClassVar[tuple[str, ...]] = (
        "Segment the lungs.",
        "Outline the left lung.",
        "Show me the extent of this organ.",
        "Mark the bone in this scan.",
        "Delineate the structure.",
        "Is the right lung in the field of view?",
        "Draw the contour of the organ.",
    )
    version: ClassVar[str] = "1"

    def targets(self, services: Services) -> tuple[Target, ...]:
        """All that the segmenters declare."""
        return targets.union(services.segmenters)

    def run(self, arguments: Any, context: Context) -> list[Evidence]:
        """One Mask or Absence for each target, groups replaced by their parts.

        Raises:
            ToolRefusal: A target is unknown, or cannot be segmented in such an image.
        """
        image = context.image(arguments.image)
        wanted = targets.resolve(arguments.targets, context.services.segmenters, image, "segmented")
        volume = context.volume(image.id)
        return [
            absence(found, image.id) if empty(found) else _mask(found, image.id, volume, context)
            for found in segmentations(wanted, image, volume)
        ]


def segmentations(wanted: Sequence[Wanted[Segmenter]], image: Image, volume: Volume) -> list[Segmentation]:
    """Ask each segmenter once for all that it is to find; the results in the order wanted."""
    found: dict[str, Segmentation] = {}
    for item in wanted:
        if item.target.name not in found:
            names = [other.target.name for other in wanted if other.backend is item.backend]
            found.update(zip(names, item.backend.segment(image, volume, names), strict=True))
    return [found[item.target.name] for item in wanted]


def empty(found: Segmentation) -> bool:
    """Whether the target is not there; a mask without a pixel says so as well."""
    return found.mask is None or not found.mask.any()


def absence(found: Segmentation, image_id: str) -> Absence:
    """The word that a target was looked for and not found."""
    return Absence(
        image=image_id,
        target=found.target,
        side=found.side,
        searched=found.searched,
        confidence=found.confidence,
        caveats=found.caveats,
    )


def extent(mask: NDArray[np.bool_]) -> tuple[tuple[int, int, int, int], tuple[int, int]]:
    """Box (x0, y0, x1, y1) and slices [first, one past last] of a mask (slices, rows, columns) that is not empty."""
    (z0, z1), (y0, y1), (x0, x1) = (
        (int(set_[0]), int(set_[-1]) + 1)
        for set_ in (np.flatnonzero(mask.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1)))
    )
    return (x0, y0, x1, y1), (z0, z1)


def _mask(found: Segmentation, image_id: str, volume: Volume, context: Context) -> Mask:
    assert found.mask is not None  # noqa: S101 - empty ones became absences
    box, slices = extent(found.mask)
    return Mask(
        image=image_id,
        target=found.target,
        side=found.side,
        blob=store_mask(found.mask, volume, context.blobs),
        voxels=int(np.count_nonzero(found.mask)),
        box=box,
        slices=slices,
        scores=found.scores,
        confidence=found.confidence,
        caveats=found.caveats,
    )
