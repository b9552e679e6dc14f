"""A short question about a picture, answered by a model that sees: heard word for word, never taken as fact."""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from knowledge.evidence import Evidence, Statement
from tools.tool import Context, ImageArguments, Tool, ToolRefusal

Question = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200)]

LEAST = 0.5
"""Below this confidence of its own the model's answer is not passed on."""


class LookArguments(ImageArguments):
    """An image, a question, and where to look."""

    question: Question = Field(description="A short question about what is seen, in one sentence.")
    slice: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Slice or frame to look at, counted from 1; the middle one if left out."
    )
    box: Annotated[list[int], Field(min_length=4, max_length=4)] | None = Field(
        None, description="Region [x0, y0, x1, y1] in pixels, half open; the whole picture if left out."
    )


class Look(Tool):
    """A visual question through the `Looker` protocol."""

    name: ClassVar[str] = "look"
    description: ClassVar[str] = (
        "Asks a model that sees a short question about an image or a region of it, such as what kind of tumour it "
        "shows. The answer is what the model says, with its own confidence: quote it as the model's words, never as "
        "a finding."
    )
    purpose: ClassVar[str] = "Asking a model what it sees"
    arguments: ClassVar[type[LookArguments]] = LookArguments
    returns: ClassVar[tuple[str, ...]] = ("statement",)
    intents: ClassVar[tuple[str, ...]] = (
        "What kind of tumour is this?",
        "Which type of brain tumour does this image show?",
        "What does the model say this picture shows?",
    )
    version: ClassVar[str] = "1"

    def run(self, arguments: LookArguments, context: Context) -> list[Evidence]:
        """What the model answers, as a statement.

        Raises:
            ToolRefusal: No model is there, the place is not in the image, or the model is not sure.
        """
        looker = context.services.looker
        if looker is None:
            raise ToolRefusal("No model that answers questions about pictures is installed (CITRUS_MODEL names one).")
        image = context.image(arguments.image)
        place = None if arguments.slice is None else arguments.slice - 1
        if place is not None and place >= image.shape[0] * image.frames:
            raise ToolRefusal(f"{image.id} has slices 1 to {image.shape[0]}, not {arguments.slice}.")
        box = None
        if arguments.box is not None:
            x0, y0, x1, y1 = arguments.box
            box = (x0, y0, x1, y1)
        found = looker.look(image, context.volume(image.id), arguments.question, place, box)
        if found.confidence.value < LEAST:
            raise ToolRefusal(
                f"{looker.name} is not sure enough to answer that: its own confidence is {found.confidence.value:.2f}, "
                f"and below {LEAST:.2f} its answer is not passed on."
            )
        return [
            Statement(
                image=image.id,
                speaker="model",
                text=found.answer,
                confidence=found.confidence,
                caveats=(
                    f"words of {looker.name} about a picture, verified by nothing",
                    f"confidence {found.confidence.value:.2f}: {found.confidence.method}",
                    *image.caveats,
                ),
            )
        ]
