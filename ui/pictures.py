"""Pictures of the evidence of a turn, as PNG files beside the trace."""

from typing import TYPE_CHECKING

import numpy as np

from knowledge.evidence import Mask, Measurement, Region
from tools.imaging.render import MarkedBox, MarkedLine, best_slice, default_plane, render
from tools.imaging.volume import Volume, decode_mask

if TYPE_CHECKING:
    from pathlib import Path

    from graphs.conversation import Conversation


def write_pictures(conversation: "Conversation", turn: int) -> "list[Path]":
    """Draw what the answer of `turn` cites: one picture for each image with something to mark."""
    answered = dict(enumerate((answer for _, answer in conversation.turns), 1)).get(turn)
    if answered is None:
        return []
    evidence = conversation.evidence
    cited = {identifier for claim in answered.claims for identifier in claim.evidence}
    # A measurement is seen on the mask that it was taken from.
    cited |= {under for item in evidence.values() if item.id in cited for under in getattr(item, "of", ())}
    shown = [evidence[identifier] for identifier in evidence if identifier in cited]
    written: list[Path] = []
    folder = conversation.trace.folder / "pictures"
    for image in conversation.case.images:
        of_image = [item for item in shown if item.image == image.id]
        masks = [
            (decode_mask(conversation.trace.blobs.get(item.blob)), item.target)
            for item in of_image
            if isinstance(item, Mask)
        ]
        boxes = [MarkedBox(item.box, item.target, item.slices) for item in of_image if isinstance(item, Region)]
        lines = [
            MarkedLine((item.points[0], item.points[1]), item.quantity.text())
            for item in of_image
            if isinstance(item, Measurement) and len(item.points) == 2
        ]
        if not (masks or boxes or lines):
            continue
        plane = default_plane(image)
        index = None
        if lines and len(lines[0].ends[0]) == 3:
            index = round(lines[0].ends[0][2])
        elif masks:
            index = best_slice(np.logical_or.reduce([mask for mask, _ in masks]), plane)
        elif boxes and image.shape[0] > 1:
            index = (boxes[0].slices[0] + boxes[0].slices[1] - 1) // 2
        volume = Volume.load(image, conversation.trace.blobs)
        data = render(image, volume, plane=plane, index=index, masks=masks, boxes=boxes, lines=lines)
        folder.mkdir(exist_ok=True)
        path = folder / f"turn-{turn}-{image.id}.png"
        path.write_bytes(data)
        written.append(path)
    return written
