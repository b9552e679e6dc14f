"""A small conversation with outlines and measurements, for the viewer to show and a reader to correct."""

from pathlib import Path

import numpy as np
from langchain_core.messages import AIMessage

from graphs.conversation import Conversation, Equipment
from graphs.home import Home
from knowledge.blobs import BlobStore
from knowledge.briefing import read_evidence
from knowledge.case import Case, Image, Modality, Origin
from knowledge.evidence import Evidence, Mask
from knowledge.quantity import SpacingSource
from tests.graphs.scripted import Weigh, call, equipment
from tools.imaging.identity import Identity
from tools.imaging.read import Reading
from tools.imaging.volume import as_affine, encode_pixels, store_mask
from tools.measure import Measure
from tools.tool import Context, ImageArguments

SHAPE = (12, 40, 48)
SPACING = (5.0, 1.5, 1.5)
SIDES = (("right blob", slice(6, 18)), ("left blob", slice(30, 42)))


class Blobs(Weigh):
    """Outlines a block on either side."""

    name = "outline"
    purpose = "Outlining"
    returns = ("mask",)

    def run(self, arguments: ImageArguments, context: Context) -> list[Evidence]:
        volume = context.volume(arguments.image)
        found: list[Evidence] = []
        for target, columns in SIDES:
            mask = np.zeros(volume.shape, np.bool_)
            mask[3:9, 10:30, columns] = True
            blob = store_mask(mask, volume, context.blobs)
            found.append(
                Mask(
                    image=arguments.image,
                    target=target,
                    blob=blob,
                    voxels=int(mask.sum()),
                    box=(columns.start, 10, columns.stop, 30),
                    slices=(3, 9),
                )
            )
        return found


def values(mark: int = 0) -> np.ndarray:
    """Pixels whose value tells their place: 10 k + j, with blocks of 100 more, and a case's own mark in a corner."""
    k, j, _ = np.indices(SHAPE)
    array = (10 * k + j - 500).astype(np.int16)
    for _, columns in SIDES:
        array[3:9, 10:30, columns] += 600
    array[0, 0, 0] = mark
    return array


def reading(blobs: BlobStore, mark: int = 0, spacing: bool = True) -> Reading:
    affine = np.diag([SPACING[2], SPACING[1], SPACING[0], 1.0])
    image = Image(
        id="I1",
        label='a block <img src=x onerror="document.title=1">',
        format="nifti",
        modality=Modality.CT,
        modality_origin=Origin.USER,
        shape=SHAPE,
        affine=as_affine(affine) if spacing else None,
        orientation_origin=Origin.HEADER if spacing else Origin.UNKNOWN,
        spacing=SPACING if spacing else None,
        spacing_source=SpacingSource.HEADER if spacing else SpacingSource.NONE,
        intensity="HU",
        pixels=blobs.put(encode_pixels(values(mark), affine if spacing else None)),
        content="0" * 64,
    )
    return Reading(case=Case(images=(image,)), identity=Identity(), names={})


def _answer(messages: object) -> AIMessage:
    told = {
        item["id"]: item.get("text", "")
        for message in messages  # type: ignore[attr-defined]
        if message.type == "tool"
        for item in read_evidence(message)
    }
    return AIMessage(
        f"The volume of the right blob is {told['E3']} [E3]. The volume of the left blob is {told['E5']} [E5]. "
        f"The long axis of the right blob is {told['E4']} [E4]."
    )


def blobs_equipment() -> Equipment:
    wanted = ["volume", "long axis"]
    joined = equipment(
        [call("outline", image="I1"), call("measure", image="I1", of=["E1", "E2"], quantities=wanted), _answer]
    )
    joined.tools.update({"outline": Blobs(), "measure": Measure()})
    return joined


def asked(folder: Path, mark: int = 0, spacing: bool = True) -> str:
    """A conversation with one answer in the home `folder`; its id."""
    home = Home(home=folder, checkpoints="")
    with Conversation.start(home, blobs_equipment(), lambda blobs: reading(blobs, mark, spacing), {}) as conversation:
        answer = conversation.ask("How large are they?")
        assert not answer.withheld
        return conversation.identifier
