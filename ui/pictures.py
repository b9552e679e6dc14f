"""Pictures of evidence: what a claim rests on, drawn where it was found."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from knowledge.evidence import Evidence, Mask, Measurement, Region
from tools.imaging.render import MarkedBox, MarkedLine, best_slice, default_plane, render
from tools.imaging.volume import Volume, decode_mask

if TYPE_CHECKING:
    from pathlib import Path

    from graphs.conversation import Conversation
    from knowledge.blobs import BlobStore
    from knowledge.case import Image


def rests_on(evidence: Mapping[str, Evidence], cited: Iterable[str]) -> list[Evidence]:
    """What is cited and what that was taken from, in the order of filing: a measurement is seen on its mask."""
    wanted = [identifier for identifier in cited if identifier in evidence]
    found: set[str] = set()
    while wanted:
        identifier = wanted.pop()
        if identifier not in found:
            found.add(identifier)
            wanted += [under for under in getattr(evidence[identifier], "of", ()) if under in evidence]
    return [item for identifier, item in evidence.items() if identifier in found]


def draw(image: "Image", items: Iterable[Evidence], volume: Volume, blobs: "BlobStore") -> bytes | None:
    """One slice of `image` with the masks, boxes and lines among `items` on it.

    Returns:
        PNG, or None where nothing among them can be drawn on this image.
    """
    of_image = [item for item in items if item.image == image.id]
    masks = [(decode_mask(blobs.get(item.blob)), item.target) for item in of_image if isinstance(item, Mask)]
    boxes = [MarkedBox(item.box, item.target, item.slices) for item in of_image if isinstance(item, Region)]
    lines = [
        MarkedLine((item.points[0], item.points[1]), item.quantity.text())
        for item in of_image
        if isinstance(item, Measurement) and len(item.points) == 2
    ]
    if not (masks or boxes or lines):
        return None
    plane = default_plane(image)
    index = None
    if lines and len(lines[0].ends[0]) == 3:
        index = round(lines[0].ends[0][2])
    elif masks:
        index = best_slice(np.logical_or.reduce([mask for mask, _ in masks]), plane)
    elif boxes and image.shape[0] > 1:
        index = (boxes[0].slices[0] + boxes[0].slices[1] - 1) // 2
    return render(image, volume, plane=plane, index=index, masks=masks, boxes=boxes, lines=lines)


def write_pictures(conversation: "Conversation", turn: int) -> "list[Path]":
    """Draw what the answer of `turn` cites, as files beside the trace: one for each image with something to mark."""
    answered = dict(enumerate((answer for _, answer in conversation.turns), 1)).get(turn)
    if answered is None:
        return []
    cited = {identifier for claim in answered.claims for identifier in claim.evidence}
    shown = rests_on(conversation.evidence, cited)
    blobs = conversation.trace.blobs
    folder = conversation.trace.folder / "pictures"
    written: list[Path] = []
    for image in conversation.case.images:
        if not any(item.image == image.id and isinstance(item, Mask | Region | Measurement) for item in shown):
            continue
        data = draw(image, shown, Volume.load(image, blobs), blobs)
        if data is None:
            continue
        folder.mkdir(exist_ok=True)
        path = folder / f"turn-{turn}-{image.id}.png"
        path.write_bytes(data)
        written.append(path)
    return written
