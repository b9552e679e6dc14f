"""Equipment for a server under test: real graph, trace and reader, and a reasoner that does as it is told.

Installed in the server's own process. The question's first word is what the reasoner does: `weigh`,
`secret` (needs a yes), `slow`, `lie`, `markup`.
"""

import time
from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

import ui.chat_house
import ui.chat_root
from graphs.conversation import Equipment
from graphs.home import Home
from graphs.setup import Reasoner
from knowledge.blobs import BlobStore
from knowledge.briefing import read_evidence
from knowledge.evidence import Evidence, Mask
from tests.graphs.scripted import Scripted, Secret, Weigh, call
from tools.imaging.volume import store_mask
from tools.tool import Context, ImageArguments, Services

LEAVES = "May this case be sent to the reasoner of example.org?"


class Slow(Weigh):
    """Takes a quarter of a second."""

    name = "slow"
    purpose = "Waiting"

    def run(self, arguments: ImageArguments, context: Context) -> list[Evidence]:
        time.sleep(0.25)
        return super().run(arguments, context)


class Outline(Weigh):
    """Outlines everything brighter than zero."""

    name = "outline"
    purpose = "Outlining"
    returns = ("mask",)

    def run(self, arguments: ImageArguments, context: Context) -> list[Evidence]:
        volume = context.volume(arguments.image)
        mask = volume.array > 0
        blob = store_mask(mask, volume, context.blobs)
        slices = (0, volume.shape[0])
        box = (0, 0, volume.shape[2], volume.shape[1])
        return [Mask(image=arguments.image, target="body", blob=blob, voxels=int(mask.sum()), box=box, slices=slices)]


def _reply(messages: Sequence[BaseMessage]) -> AIMessage:
    asked = max(at for at, message in enumerate(messages) if isinstance(message, HumanMessage) and not message.name)
    word = str(messages[asked].text).split()[0].lower()
    done = [message for message in messages[asked:] if isinstance(message, ToolMessage)]
    if word == "slow" and len(done) < 6:
        return call("slow", image="I1")
    if word in ("weigh", "secret", "outline", "markup") and not done:
        return call("weigh" if word == "markup" else word, image="I1")
    if word == "lie":
        return AIMessage("The body has a volume of 999 mL [E1].")
    found = read_evidence(done[-1])[0] if done else {"id": "E1"}
    identifier = found["id"]
    if found.get("kind") == "measurement":
        odd = ' "<img src=x onerror=alert(1)> ![x](https://example.org/x.png)"' if word == "markup" else ""
        return AIMessage(f"The volume of the body{odd} is {found['text']} [{identifier}].")
    if found.get("kind") == "mask":
        return AIMessage(f"The body is outlined [{identifier}].")
    return AIMessage(f"This is not possible [{identifier}].")


def _equip(home: Home, name: str = "protocol", bounds: object = None) -> Equipment:
    tools = {tool.name: tool for tool in (Weigh(), Secret(), Slow(), Outline())}
    leaves = LEAVES if name == "remote" else None

    def reasoner(blobs: BlobStore) -> Reasoner:
        return Reasoner(name, Scripted(script=[_reply]), {}, leaves_machine=leaves)

    return Equipment(reasoner, dict(tools), Services(), {}, None)


def install() -> None:
    """Equip this process with it."""
    ui.chat_house.equip = _equip
    ui.chat_root.PAUSE = 0.5


def install_spleens() -> None:
    """Equip this process with a reasoner that knows the criteria of the spleen, and eyes that find it."""
    from agents.protocol import ProtocolReasoner
    from tests.graphs.test_guideline_turn import equipment

    ui.chat_house.equip = lambda home, name="protocol": equipment(ProtocolReasoner())
