"""Short ways to read files in tests."""

from pathlib import Path
from typing import Any

from knowledge.blobs import BlobStore
from knowledge.case import Image
from tools.imaging.read import Reading, read_case
from tools.imaging.volume import Volume


def read(blobs: BlobStore, *paths: Path, **options: Any) -> Reading:
    return read_case(list(paths), blobs, **options)


def one(blobs: BlobStore, *paths: Path, **options: Any) -> tuple[Image, Volume]:
    """The only image of these files, which must all open."""
    reading = read(blobs, *paths, **options)
    assert reading.case.problems == ()
    (image,) = reading.case.images
    return image, Volume.load(image, blobs)


def refused(blobs: BlobStore, *paths: Path, **options: Any) -> str:
    """The reason of the only problem of files of which none opens."""
    reading = read(blobs, *paths, **options)
    assert reading.case.images == ()
    (problem,) = reading.case.problems
    return problem.reason
