"""What tools need from those who see: small protocols that segmenters and grounders fulfil."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from knowledge.case import Image, Modality, Record
from knowledge.evidence import Confidence, Side
from tools.imaging.volume import Volume


class Target(Record):
    """A structure or finding that a backend can look for.

    Attributes:
        name: RadLex or SNOMED CT wording in lower case, such as "left lung".
        synonyms: Other words for it, such as "left pulmonary".
        parts: Names of the targets this one stands for, such as "lungs" for left and right.
        modalities: Where it can be seen; empty means any.
        body_parts: DICOM body parts in lower case ("chest") that may show it; empty means any.
        dimensions: 2 for planes, 3 for volumes.
        several: Whether a grounder tells its instances apart, one box each, so that they can be counted.
    """

    name: str
    synonyms: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    modalities: tuple[Modality, ...] = ()
    body_parts: tuple[str, ...] = ()
    dimensions: tuple[int, ...] = (2, 3)
    several: bool = False

    @property
    def declared_for(self) -> tuple[object, ...]:
        """Its name and the images it is for: what one who looks declares once."""
        return self.name, self.modalities, self.body_parts, self.dimensions


@dataclass(frozen=True)
class Segmentation:
    """One target's mask on the grid of the volume, or the word that it is not there.

    Attributes:
        mask: (slices, rows, columns), or None where the target was not found.
        searched: Where and by what rule it was looked for, a sentence for the reader.
    """

    target: str
    mask: NDArray[np.bool_] | None
    searched: str
    side: Side | None = None
    confidence: Confidence | None = None
    scores: dict[str, float] = field(default_factory=dict)
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True)
class Box:
    """One box, (x0, y0, x1, y1) half open in the image's own pixels, on slices [start, stop)."""

    target: str
    box: tuple[float, float, float, float]
    slices: tuple[int, int] = (0, 1)
    side: Side | None = None
    confidence: Confidence | None = None
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recognition:
    """What an image is taken for where its file does not say.

    Attributes:
        body_part: In DICOM's words in lower case, or None where only the modality is clear.
        probability: Among the kinds of image that the recogniser knows.
    """

    modality: Modality
    body_part: str | None
    probability: float


@runtime_checkable
class Recogniser(Protocol):
    """Tells what kind of image something is, from its pixels."""

    name: str
    version: str

    def recognise(self, image: Image, volume: Volume) -> Recognition | None:
        """What it is, or None where that is not clear; never a guess."""


@dataclass(frozen=True)
class Look:
    """What a model answers to a question about a picture, in its own words."""

    answer: str
    confidence: Confidence


@runtime_checkable
class Looker(Protocol):
    """Answers short questions about pictures."""

    name: str
    version: str

    def look(
        self,
        image: Image,
        volume: Volume,
        question: str,
        slice_index: int | None = None,
        box: tuple[int, int, int, int] | None = None,
    ) -> Look:
        """Answer about one slice, or the middle one, or a box (x0, y0, x1, y1) on it, half open.

        Raises:
            tools.tool.ToolRefusal: The slice or box is not in the image, or it cannot be read.
        """


@runtime_checkable
class Segmenter(Protocol):
    """Finds the pixels of targets it declares."""

    name: str
    version: str

    def targets(self) -> Sequence[Target]:
        """What it can segment, and where."""

    def segment(self, image: Image, volume: Volume, targets: Sequence[str]) -> Sequence[Segmentation]:
        """One result for each of `targets`, in order; each is the name of a declared target
        without parts, admissible for `image`.

        Raises:
            tools.tool.ToolRefusal: The image does not allow it, in words for the reasoner.
        """


@runtime_checkable
class Grounder(Protocol):
    """Finds boxes of targets it declares."""

    name: str
    version: str

    def targets(self) -> Sequence[Target]:
        """What it can locate, and where."""

    def ground(self, image: Image, volume: Volume, target: str) -> Sequence[Box]:
        """Every box of `target`; empty where it is absent.

        Raises:
            tools.tool.ToolRefusal: The image does not allow it, in words for the reasoner.
        """
