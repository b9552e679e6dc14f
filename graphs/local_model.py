"""The Citrus-V model of this machine, opened once, as a reasoner and as those who see for the tools."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from langgraph.config import get_stream_writer

from agents.citrus_v.abilities import Abilities
from agents.citrus_v.backends import CitrusVGrounder, CitrusVSegmenter, InstanceGrounder
from agents.citrus_v.chat import CitrusVReasoner
from agents.citrus_v.files import fingerprint
from agents.citrus_v.grammar import Grammars
from agents.citrus_v.looking import answer, look, shown
from agents.citrus_v.memory import Shelf
from agents.citrus_v.offered import Offer
from agents.citrus_v.reader import CannotRead, Reader
from agents.citrus_v.recognise import Recogniser
from knowledge.case import Image
from tools.backends import Box, Grounder, Look, Looker, Recognition, Segmentation, Segmenter, Target
from tools.imaging.volume import Volume
from tools.tool import ToolRefusal


@dataclass(frozen=True)
class LocalModel:
    """A checkpoint in memory; every conversation of this process shares it, and none what it reads.

    Attributes:
        weights: Fingerprint of the checkpoint.
        abilities: What it was measured to do, where it says so.
        shelf: Bounds the memory that all conversations take together.
    """

    reader: Reader
    grammars: Grammars
    weights: str
    shelf: Shelf
    abilities: Abilities | None = None

    @classmethod
    @lru_cache(maxsize=2)
    def open(cls, folder: Path) -> "LocalModel":
        """Load a checkpoint, on the GPU where there is one; the last two stay loaded.

        Raises:
            ValueError: It is not complete, or not a checkpoint.
            OSError: It has no tokenizer.
        """
        weights = fingerprint(folder)
        reader = Reader.from_pretrained(folder, device_map="auto")
        grammars = Grammars(reader.processor, reader.model.config)
        return cls(reader, grammars, weights, Shelf(), Abilities.of(folder))

    def reasoner(self, resolve: Callable[[str], bytes]) -> CitrusVReasoner:
        """The reasoner of one conversation; `resolve` reads that conversation's blobs only."""
        return CitrusVReasoner(
            reader=self.reader, grammars=self.grammars, shelf=self.shelf, weights=self.weights, resolve=resolve
        )

    def segmenter(self) -> Segmenter:
        """Who outlines for the tools."""
        return ModelSegmenter(
            CitrusVSegmenter(self.reader, self.weights[:12], progress=tell_slices, abilities=self.abilities)
        )

    def grounder(self) -> Grounder:
        """Who draws boxes for the tools."""
        return ModelGrounder(CitrusVGrounder(self.reader, self.weights[:12]))

    def instances(self) -> Grounder:
        """Who draws a box for each instance, where the checkpoint was measured on any.

        Raises:
            ValueError: It was not.
        """
        if self.abilities is None:
            raise ValueError("this checkpoint names no abilities, so it tells no instances apart")
        return ModelGrounder(InstanceGrounder(self.reader, self.weights[:12], self.abilities))

    def looker(self) -> Looker:
        """Who answers questions about pictures."""
        return ModelLooker(self.reader, self.weights[:12], self.abilities)

    def recognise(self, image: Image, volume: Volume) -> Recognition | None:
        """What an image is taken for; None where that is not clear or the checkpoint knows no families."""
        if self.abilities is None or not self.abilities.families:
            return None
        found = Recogniser(self.reader, self.weights[:12], self.abilities).recognise(image, volume)
        return Recognition(**vars(found)) if found else None


class ModelSegmenter:
    """The model's outlines in the words of the tools."""

    def __init__(self, model: CitrusVSegmenter) -> None:
        self.model = model
        self.name = model.name
        self.version = model.version

    def targets(self) -> Sequence[Target]:
        """What it can segment, and where."""
        return _targets(self.model.targets())

    def segment(self, image: Image, volume: Volume, targets: Sequence[str]) -> Sequence[Segmentation]:
        """One result for each of `targets`, in order.

        Raises:
            ToolRefusal: The model cannot read this image.
        """
        with _refusals():
            return [Segmentation(**vars(outline)) for outline in self.model.segment(image, volume, targets)]


class ModelGrounder:
    """The model's boxes in the words of the tools."""

    def __init__(self, model: CitrusVGrounder | InstanceGrounder) -> None:
        self.model = model
        self.name = model.name
        self.version = model.version

    def targets(self) -> Sequence[Target]:
        """What it can locate, and where."""
        return _targets(self.model.targets())

    def ground(self, image: Image, volume: Volume, target: str) -> Sequence[Box]:
        """Every box of `target`.

        Raises:
            ToolRefusal: The model cannot read this image, or its boxes make no sense.
        """
        with _refusals():
            return [Box(**vars(box)) for box in self.model.ground(image, volume, target)]


class ModelLooker:
    """The model's answers in the words of the tools.

    A checkpoint whose words were measured to be wrong too often answers the questions that it was
    measured on, by what it sees, and no others.
    """

    def __init__(self, reader: Reader, version: str, abilities: Abilities | None) -> None:
        self.reader, self.version, self.abilities = reader, version, abilities
        self.name = abilities.name if abilities else "citrus-v"

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
            ToolRefusal: The slice or box is not in the image, it cannot be read, or the question was not measured.
        """
        with _refusals():
            picture = shown(image, volume, question, slice_index, box)
            if self.abilities is None or self.abilities.speaks:
                found = look(self.reader, picture, question)
            else:
                found = answer(self.reader, picture, image, self.abilities.choices, question)
        return Look(found.answer, found.confidence)


def tell_slices(done: int, known: int) -> None:
    """Tell who follows the turn how many of a volume's slices, of those known to need it, were asked about."""
    if known == 1:  # a picture, which is no wait
        return
    try:
        writer = get_stream_writer()
    except RuntimeError:  # outside a turn nobody follows
        return
    writer({"type": "slices", "done": done, "known": known})


def _targets(offers: Sequence[Offer]) -> list[Target]:
    return [Target(**offer.model_dump()) for offer in offers]


@contextmanager
def _refusals() -> Iterator[None]:
    """What the model cannot read becomes a refusal, which the reasoner reads, and not a fault."""
    try:
        yield
    except CannotRead as error:
        raise ToolRefusal(error.reason, target=error.target, known=error.known) from error
