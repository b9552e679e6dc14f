"""What a reasoner that sees is shown of a case at its beginning: one picture of each image."""

from knowledge.blobs import BlobStore
from knowledge.case import BURNED_IN, Case
from tools.imaging.render import render
from tools.imaging.volume import Volume

MAX_PICTURES = 8
"""Each is read as some seven hundred tokens; further images are looked at with tools."""


def overview(case: Case, blobs: BlobStore, *, leaves_machine: bool) -> tuple[str, ...]:
    """Hashes of PNG pictures in `blobs`, the middle slice of each image, which its legend names.

    Args:
        leaves_machine: Whether the reasoner is elsewhere: then no picture is shown whose header
            leaves open that it holds a name. A picture file has no header; sending it is the person's choice.
    """
    shown = [image for image in case.images if not (leaves_machine and BURNED_IN in image.caveats)]
    return tuple(blobs.put(render(image, Volume.load(image, blobs))) for image in shown[:MAX_PICTURES])
