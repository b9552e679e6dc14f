"""A reasoner that follows a script, and equipment around it: real graph, real trace, real store."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field

from graphs.conversation import Equipment
from graphs.home import Home
from graphs.setup import Bounds, Reasoner
from knowledge.blobs import BlobStore
from knowledge.case import Case, Image, Modality, Origin, Problem
from knowledge.evidence import Absence, Evidence, Measurement
from knowledge.quantity import Quantity, SpacingSource, Unit
from tools.imaging.identity import Identity
from tools.imaging.read import Reading
from tools.imaging.volume import as_affine, encode_pixels
from tools.tool import Context, ImageArguments, Services, Tool, ToolRefusal

Reply = AIMessage | Callable[[Sequence[BaseMessage]], AIMessage]


class Scripted(BaseChatModel):
    """Says the replies of `script` one after the other."""

    script: list[Any]
    said: int = 0
    seen: list[Any] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> "Scripted":
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        self.seen.append(list(messages))
        reply = self.script[self.said % len(self.script)]
        self.said += 1
        message = reply(messages) if callable(reply) else reply
        return ChatResult(generations=[ChatGeneration(message=message)])


def call(tool: str, **arguments: Any) -> AIMessage:
    """A reply that calls one tool."""
    return AIMessage("", tool_calls=[{"name": tool, "args": arguments, "id": "x", "type": "tool_call"}])


class Weigh(Tool):
    """Sums the pixels: a small tool with a number that a test can predict."""

    name = "weigh"
    description = "Measure the volume of everything brighter than zero."
    purpose = "Weighing"
    arguments = ImageArguments
    returns = ("measurement",)
    may_be_absent = True
    version = "1"
    runs = 0

    def run(self, arguments: ImageArguments, context: Context) -> list[Evidence]:
        type(self).runs += 1
        volume = context.volume(arguments.image)
        count = int((volume.array > 0).sum())
        if not count:
            return [Absence(image=arguments.image, target="body", searched="all voxels above 0")]
        if volume.voxel_volume is None:
            raise ToolRefusal("this image has no spacing")
        millilitres = count * volume.voxel_volume / 1000
        return [
            Measurement(
                image=arguments.image,
                target="body",
                quantity=Quantity(name="volume", value=millilitres, unit=Unit.ML, spacing=SpacingSource.HEADER),
            )
        ]


class Secret(Weigh):
    """A tool that needs consent."""

    name = "secret"
    consent = "May the image be weighed?"


class Broken(Weigh):
    """A tool with a fault."""

    name = "broken"

    def run(self, arguments: ImageArguments, context: Context) -> list[Evidence]:
        raise RuntimeError("a fault")


def reader(fill: int = 1) -> Callable[[BlobStore], Reading]:
    """Reads a 10 mL cube instead of a file."""

    def read(blobs: BlobStore) -> Reading:
        array = np.full((10, 10, 10), fill, np.int16)
        affine = np.diag([1.0, 1.0, 10.0, 1.0])
        image = Image(
            id="I1",
            label="a cube",
            format="nifti",
            modality=Modality.CT,
            modality_origin=Origin.USER,
            shape=(10, 10, 10),
            affine=as_affine(affine),
            orientation_origin=Origin.HEADER,
            spacing=(10.0, 1.0, 1.0),
            spacing_source=SpacingSource.HEADER,
            intensity="HU",
            pixels=blobs.put(encode_pixels(array, affine)),
            content="0" * 64,
        )
        case = Case(images=(image,), problems=(Problem(file="file 2", reason="It is empty."),))
        return Reading(case=case, identity=Identity(), names={})

    return read


def equipment(script: Sequence[Reply], bounds: Bounds | None = None, leaves: str | None = None) -> Equipment:
    """Equipment with the scripted reasoner and three small tools."""
    model = Scripted(script=list(script))
    tools: dict[str, Tool] = {tool.name: tool for tool in (Weigh(), Secret(), Broken())}
    return Equipment(
        reasoner=lambda blobs: Reasoner("scripted", model, {}, leaves_machine=leaves),
        tools=tools,
        services=Services(),
        backends={},
        library=None,
        bounds=bounds or Bounds(),
    )


def home(folder: Path) -> Home:
    """A home folder of the test's own."""
    return Home(home=folder, checkpoints="")
