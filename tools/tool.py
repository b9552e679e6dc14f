"""The contract of a tool: what it declares, what it is given, what it returns."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from langchain_core.tools import StructuredTool
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from knowledge.blobs import BlobStore
from knowledge.case import Case, Image, Modality
from knowledge.evidence import Evidence, Mask
from knowledge.index import Library
from tools.backends import Grounder, Looker, Recogniser, Segmenter, Target
from tools.imaging.volume import Volume, decode_mask


class ToolRefusal(Exception):  # noqa: N818 - an answer for the reasoner, not a fault
    """A tool declines, in words for the reasoner; any other exception is a fault.

    Attributes:
        target: What was asked for, where the refusal is about a target.
        known: What could be asked for instead.
    """

    def __init__(self, reason: str, *, target: str | None = None, known: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.target = target
        self.known = tuple(known)


class Arguments(BaseModel):
    """Base of a tool's arguments; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid")


class ImageArguments(Arguments):
    """Arguments of a tool that works on one image."""

    image: str = Field(description='Id of the image, such as "I1".')


@dataclass
class Services:
    """What graphs joins to the tools: who sees, and what medicine says."""

    segmenters: tuple[Segmenter, ...] = ()
    grounders: tuple[Grounder, ...] = ()
    library: Library | None = None
    recogniser: Recogniser | None = None
    looker: Looker | None = None


@dataclass
class Context:
    """One conversation as a tool sees it; a tool can reach nothing of any other.

    Attributes:
        evidence: Everything filed so far, by id.
    """

    case: Case
    blobs: BlobStore
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    services: Services = field(default_factory=Services)
    _volumes: dict[str, Volume] = field(default_factory=dict, repr=False)

    def image(self, image_id: str) -> Image:
        """The image called `image_id`.

        Raises:
            ToolRefusal: There is none in this case.
        """
        try:
            return self.case.image(image_id)
        except KeyError:
            known = [image.id for image in self.case.images]
            raise ToolRefusal(f"There is no image {image_id!r} in this case.", known=known) from None

    def volume(self, image_id: str) -> Volume:
        """The pixels and geometry of an image, read once."""
        image = self.image(image_id)
        if image.pixels not in self._volumes:
            self._volumes[image.pixels] = Volume.load(image, self.blobs)
        return self._volumes[image.pixels]

    def find(self, evidence_id: str) -> Evidence:
        """The evidence called `evidence_id`.

        Raises:
            ToolRefusal: Nothing of that id was filed in this conversation.
        """
        try:
            return self.evidence[evidence_id]
        except KeyError:
            raise ToolRefusal(
                f"There is no evidence {evidence_id!r} in this conversation.", known=list(self.evidence)
            ) from None

    def mask(self, evidence: Mask) -> NDArray[np.bool_]:
        """The mask's pixels, (slices, rows, columns)."""
        return decode_mask(self.blobs.get(evidence.blob))


class Tool(ABC):
    """One thing that can be done.

    Class attributes:
        name: As the reasoner calls it: lower case with underscores.
        description: What it does and when to use it, for the reasoner.
        purpose: Plain words for the clinician who watches it run, such as "Measuring".
        arguments: Its pydantic model; an `image` field means that it works on one image.
        modalities: Those it accepts; empty means any, also an unknown one.
        dimensions: 2 for planes, 3 for volumes.
        returns: Kinds of evidence it may file.
        may_be_absent: Whether it may answer that something is not there.
        consent: The question a person must say yes to before it runs, or None.
        intents: Questions it answers, by which the protocol reasoner recognises it.
        examples: Calls for the conformance kit, where it cannot find them from the schema.
        version: Changes whenever its results may.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    purpose: ClassVar[str]
    arguments: ClassVar[type[Arguments]]
    modalities: ClassVar[frozenset[Modality]] = frozenset()
    dimensions: ClassVar[frozenset[int]] = frozenset({2, 3})
    returns: ClassVar[tuple[str, ...]]
    may_be_absent: ClassVar[bool] = False
    consent: ClassVar[str | None] = None
    intents: ClassVar[tuple[str, ...]] = ()
    examples: ClassVar[tuple[dict[str, Any], ...]] = ()
    version: ClassVar[str]

    def targets(self, services: Services) -> tuple[Target, ...]:
        """What it can look for; empty where it takes no target."""
        return ()

    @abstractmethod
    def run(self, arguments: Any, context: Context) -> list[Evidence]:
        """Do it. `arguments` is an instance of `self.arguments`, already admitted.

        Raises:
            ToolRefusal: It cannot be done with this image or these arguments, and why.
        """

    def admit(self, raw: Mapping[str, Any], context: Context) -> Arguments:
        """Check a call against the schema and against the image, before anything runs.

        Raises:
            ToolRefusal: The call does not fit, in words that let the reasoner mend it.
        """
        try:
            arguments = self.arguments.model_validate(dict(raw))
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(str(part) for part in fault['loc']) or 'arguments'}: {fault['msg']}"
                for fault in error.errors(include_url=False)
            )
            raise ToolRefusal(f"The arguments of {self.name} do not fit: {faults}.") from None
        if isinstance(arguments, ImageArguments):
            self._admit_image(context.image(arguments.image))
        return arguments

    def _admit_image(self, image: Image) -> None:
        if self.modalities and image.modality not in self.modalities:
            accepted = " or ".join(sorted(self.modalities))
            raise ToolRefusal(
                f"{self.name} takes {accepted} only; {image.id} is {image.modality.value}.",
                known=sorted(self.modalities),
            )
        if image.dimensions not in self.dimensions:
            wanted = "volumes" if 3 in self.dimensions else "single planes"
            raise ToolRefusal(f"{self.name} takes {wanted} only; {image.id} has {image.shape[0]} slice(s).")

    def as_langchain(self, services: Services) -> StructuredTool:
        """The tool as a chat model binds it; its metadata carries intents and targets."""

        def uncallable(**_: Any) -> None:
            raise RuntimeError("tools run in the graph, which files and traces what they return")

        return StructuredTool.from_function(
            func=uncallable,
            name=self.name,
            description=self.description,
            args_schema=self.arguments,
            metadata={
                "intents": list(self.intents),
                "targets": [target.model_dump(mode="json") for target in self.targets(services)],
                "modalities": sorted(self.modalities),
                "dimensions": sorted(self.dimensions),
                "returns": list(self.returns),
            },
        )
