"""Small conversations with every kind of evidence in them, made by the real graph over a painted cube."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from fastapi import HTTPException
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from graphs.conversation import Conversation, Equipment
from graphs.home import Home, HomeError
from graphs.setup import Reasoner
from knowledge.blobs import BlobStore
from knowledge.briefing import read_evidence
from knowledge.case import Case, Patient, Problem
from knowledge.evidence import Absence, Evidence, Mask, Measurement, Passage, Region, Source, View
from knowledge.quantity import Quantity, SpacingSource, Unit
from tests.graphs.scripted import Scripted, Weigh, call, home, reader
from tools.imaging.identity import Identity
from tools.imaging.read import Reading
from tools.imaging.render import render
from tools.imaging.volume import as_affine, encode_pixels, store_mask
from tools.tool import Context, ImageArguments, Services

HOSTILE = "</script><script>window.broken=1</script><img src=x onerror=window.broken=1><!-- & \u202e \u2028 中文 é"
"""What a file's name, a header or a person may hold."""


class Survey(Weigh):
    """Files one of everything about the bright part of an image."""

    name = "survey"
    purpose = "Surveying"
    returns = ("mask", "measurement", "region", "absence", "passage", "view")

    def run(self, arguments: ImageArguments, context: Context) -> list[Evidence]:
        volume = context.volume(arguments.image)
        image = context.case.image(arguments.image)
        name = arguments.image
        mask = volume.array > 50
        blob = store_mask(mask, volume, context.blobs)
        source = Source(title="On cubes", organisation="Society of Cubes", year=2020, doi="10.1000/cubes")
        view = context.blobs.put(render(image, volume, size=200))
        name_of = {"card": "cubes", "title": "Cubes", "text": "A cube has six faces.", "locator": "Table 1"}
        ends = ((2, 4, 4), (7, 4, 4))
        length = Quantity(name="long axis", value=5, unit=Unit.MM, low=4.5, high=5.5, spacing=SpacingSource.HEADER)
        return [
            Mask(image=name, target="cube", blob=blob, voxels=int(mask.sum()), box=(2, 2, 7, 7), slices=(2, 7)),
            Measurement(image=name, target="cube", quantity=length, points=ends, caveats=("truncated",)),
            Region(image=name, target="cube", box=(2, 2, 7, 7), slices=(2, 7)),
            Absence(image=name, target="sphere", searched="all voxels above 50"),
            Passage(**name_of, source=source, relevance=1.0),
            View(image=name, blob=view, description=f"{name}: slice 6 of 10"),
        ]


def _reply(messages: Sequence[BaseMessage]) -> AIMessage:
    asked = max(at for at, message in enumerate(messages) if isinstance(message, HumanMessage) and not message.name)
    word = str(messages[asked].text).split()[0].lower()
    done = [message for message in messages[asked:] if isinstance(message, ToolMessage)]
    if not done:
        return call("survey" if word == "survey" else "weigh", image="I1")
    found = {item["kind"]: item for item in read_evidence(done[-1])}
    measured = found["measurement"]
    said = f"The {measured['target']} measures {measured['text']} [{measured['id']}]."
    if word == "survey":
        said += f" No sphere was found [{found['absence']['id']}]."
        said += f' The library says: "A cube has six faces" [{found["passage"]["id"]}].'
    if word == "lie":
        said = f"The body has a volume of 999 mL [{measured['id']}]."
    return AIMessage(said)


def equipment() -> Equipment:
    """A reasoner that surveys, weighs or lies as the question's first word says."""

    def reasoner(blobs: BlobStore) -> Reasoner:
        return Reasoner("scripted", Scripted(script=[_reply]), {})

    tools = {tool.name: tool for tool in (Weigh(), Survey())}
    return Equipment(reasoner, dict(tools), Services(), {}, None)


def cube(side: int = 5, hostile: bool = False, may_name: bool = False):  # type: ignore[no-untyped-def]
    """Reads a grid of 10 mm³ voxels with a bright cube in it instead of a file."""

    def read(blobs: BlobStore) -> Reading:
        array = np.zeros((10, 10, 10), np.int16)
        array[2 : 2 + side, 2 : 2 + side, 2 : 2 + side] = 100
        affine = np.diag([1.0, 1.0, 10.0, 1.0])
        reading = reader()(blobs)
        image = reading.case.images[0].model_copy(
            update={
                "pixels": blobs.put(encode_pixels(array, affine)),
                "affine": as_affine(affine),
                "body_part": HOSTILE if hostile else "chest",
                "caveats": ("text burned into the picture, such as a name, is possible",) if may_name else (),
            }
        )
        problem = Problem(file="file 2", reason=HOSTILE if hostile else "It is empty.")
        patient = Patient(age_years=61, sex="female", complaint=HOSTILE if hostile else "cough")
        case = Case(patient=patient, images=(image,), problems=(problem,))
        return Reading(case=case, identity=Identity(), names={})

    return read


def conversation(folder: Path, *questions: str, side: int = 5, hostile: bool = False, may_name: bool = False) -> Path:
    """Hold one in the home at `folder`, and give its trace."""
    with Conversation.start(home(folder), equipment(), cube(side, hostile, may_name), {}) as opened:
        for question in questions:
            opened.ask(question)
        return opened.trace.file


class OneHouse:
    """What the pages' routers ask of a house."""

    def __init__(self, folder: Path) -> None:
        self.home: Home = home(folder)


class Doors:
    """Access by a header that names the user, who owns what `owners` says."""

    def __init__(self, house: OneHouse) -> None:
        self.house = house
        self.owners: dict[str, str] = {}

    def user(self, request) -> str:  # type: ignore[no-untyped-def]
        name = request.headers.get("x-user")
        if not name:
            raise HTTPException(401, "Sign in first.")
        return str(name)

    def may_open(self, user: str, conversation: str) -> bool:
        try:
            there = (self.house.home.conversation(conversation) / "trace.jsonl").is_file()
        except HomeError:
            return False
        return there and self.owners.get(conversation) == user
