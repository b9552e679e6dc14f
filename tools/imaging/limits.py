"""How much a reader takes in before it says no: files are hostile until parsed."""

from dataclasses import dataclass


class Unreadable(Exception):  # noqa: N818 - a finding about a file, not a fault of the program
    """A file that cannot be opened, in one sentence for the person who sent it.

    The sentence is written here and never quotes the file: what a file says about itself may hold
    a name, or words meant for a model.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Limits:
    """Upper bounds; the defaults hold the largest studies met in practice and a small server.

    Attributes:
        files: Files and archive members of one case.
        file_bytes: Size of one file, an archive member unpacked included (2 GiB).
        total_bytes: Sum over the case, archives unpacked (8 GiB).
        ratio: Unpacked to packed size of one archive member. Deflate cannot exceed 1032; real
            DICOM stays under 20 and blank test images under 200.
        ratio_from: Members smaller than this when unpacked are not held to `ratio` (16 MiB).
        samples: Decoded values of one image, colour channels counted: 500 million is
            512 x 512 x 1907, 1 GB at 16 bits.
        images: Images of one case.
        depth: Folders within folders.
    """

    files: int = 20_000
    file_bytes: int = 2 << 30
    total_bytes: int = 8 << 30
    ratio: float = 200.0
    ratio_from: int = 16 << 20
    samples: int = 500_000_000
    images: int = 100
    depth: int = 32


def shown_bytes(count: int) -> str:
    """A size for people, such as "1.5 GB"."""
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
