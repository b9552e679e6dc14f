"""What a reasoner that sees is shown of a case at its beginning: one picture of each image."""

from knowledge.blobs import BlobStore
from knowledge.case import Case
from tools.imaging.render import render
from tools.imaging.volume import Volume

MAX_PICTURES = 8
"""Each is read as some seven hundred tokens; further images are looked at with tools."""

BURNED_IN = "burned into the picture"
"""Stands in the caveat of an image whose pixels may hold a name."""


def overview(case: Case, blobs: BlobStore, *, leaves_machine: bool) -> tuple[str, ...]:
    """Hashes of PNG pictures in `blobs`, the middle slice of each image, which its legend names.

    Args:
        leaves_machine: Whether the reasoner is elsewhere: then no picture is shown that may hold a name.
    """
    shown = [
        image for image in case.images if not (leaves_machine and any(BURNED_IN in caveat for caveat in image.caveats))
    ]
    return tuple(blobs.put(render(image, Volume.load(image, blobs))) for image in shown[:MAX_PICTURES])
