"""The small model that ships, as eyes that open when first looked through."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from agents.citrus_v.abilities import Abilities
from agents.citrus_v.files import fingerprint
from agents.citrus_v.offered import Offer
from agents.citrus_v.shipped import NANO, installed
from knowledge.case import Image
from tools.backends import Box, Look, Recognition, Segmentation, Target
from tools.imaging.volume import Volume

if TYPE_CHECKING:
    from agents.citrus_v.chooser import ChoosingReasoner
    from graphs.local_model import LocalModel


class NanoEyes:
    """Everything the small model sees with; loading it takes seconds, so it waits for the first image.

    Attributes:
        version: Names the weights.
    """

    def __init__(self, abilities: Abilities) -> None:
        self.abilities = abilities
        self.version = fingerprint(NANO)[:12]

    @staticmethod
    @lru_cache(maxsize=1)
    def installed() -> "NanoEyes | None":
        """Those of this distribution; None where it carries none.

        Raises:
            ValueError: Its files are damaged.
        """
        abilities = Abilities.of(NANO) if installed() else None
        return NanoEyes(abilities) if abilities else None

    @property
    def model(self) -> "LocalModel":
        """The model, opened once in a process."""
        from graphs.local_model import LocalModel

        return LocalModel.open(NANO)


class NanoSegmenter:
    """Its outlines."""

    def __init__(self, eyes: NanoEyes) -> None:
        self.eyes = eyes
        self.name, self.version = eyes.abilities.name, eyes.version

    def targets(self) -> Sequence[Target]:
        """What it was measured on."""
        return [_target(offer) for offer in self.eyes.abilities.offers]

    def segment(self, image: Image, volume: Volume, targets: Sequence[str]) -> Sequence[Segmentation]:
        """One result for each of `targets`, in order.

        Raises:
            ToolRefusal: The model cannot read this image, or is not sure enough.
        """
        return self.eyes.model.segmenter().segment(image, volume, targets)


class NanoGrounder:
    """Its boxes of things that come one by one, such as blood cells."""

    def __init__(self, eyes: NanoEyes) -> None:
        self.eyes = eyes
        self.name, self.version = f"{eyes.abilities.name} instances", eyes.version

    def targets(self) -> Sequence[Target]:
        """What comes as instances."""
        return [_target(offer) for offer in self.eyes.abilities.instances]

    def ground(self, image: Image, volume: Volume, target: str) -> Sequence[Box]:
        """Every instance of `target`.

        Raises:
            ToolRefusal: The model cannot read this image.
        """
        return self.eyes.model.instances().ground(image, volume, target)


class NanoLooker:
    """Its answers to questions about pictures."""

    def __init__(self, eyes: NanoEyes) -> None:
        self.eyes = eyes
        self.name, self.version = eyes.abilities.name, eyes.version

    def look(
        self,
        image: Image,
        volume: Volume,
        question: str,
        slice_index: int | None = None,
        box: tuple[int, int, int, int] | None = None,
    ) -> Look:
        """Answer about one slice, or the middle one, or a box on it.

        Raises:
            ToolRefusal: The slice or box is not in the image, or it cannot be read.
        """
        return self.eyes.model.looker().look(image, volume, question, slice_index, box)


class NanoRecogniser:
    """What it takes an image for."""

    def __init__(self, eyes: NanoEyes) -> None:
        self.eyes = eyes
        self.name, self.version = eyes.abilities.name, eyes.version

    def recognise(self, image: Image, volume: Volume) -> Recognition | None:
        """What the image is; None where that is not clear."""
        return self.eyes.model.recognise(image, volume)


def choosing(folder: Path) -> "ChoosingReasoner":
    """A checkpoint as a reasoner that chooses the first tool of a turn.

    Raises:
        ValueError, OSError: It cannot be opened.
    """
    from agents.citrus_v.chooser import ChoosingReasoner, ToolChooser
    from graphs.local_model import LocalModel

    model = LocalModel.open(folder)
    return ChoosingReasoner(chooser=ToolChooser(model.reader, model.grammars), weights=model.weights)


def _target(offer: Offer) -> Target:
    return Target(**offer.model_dump())
