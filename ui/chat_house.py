"""What all sessions of a server share: where things lie and what conversations are equipped with."""

import asyncio
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from graphs.conversation import Conversation, Equipment
from graphs.equipment import equip
from graphs.home import Home
from tools.backends import Target
from ui.access import Access

if TYPE_CHECKING:
    from knowledge.case import Image
    from ui.chat_sitting import Sitting

_OFFERED = 3

Result = TypeVar("Result")


class House:
    """Set up once by the server, before the page is loaded.

    Attributes:
        reasoner: The one that sessions begin with.
        leave: Called when the server ends.
        access: Who may open what.
        sittings: The places at which conversations are open in this server.
    """

    def __init__(self) -> None:
        self.home = Home()
        self.reasoner = "protocol"
        self.leave: Callable[[], None] = lambda: None
        self.access = Access(self.home, lambda _: None)
        self.sittings: weakref.WeakSet[Sitting] = weakref.WeakSet()
        self._equipment: dict[str, Equipment] = {}
        self._visited = asyncio.Lock()
        self._lock = threading.Lock()

    def equipment(self, reasoner: str) -> Equipment:
        """Equipment for a conversation, made once for each reasoner; it holds no case.

        Raises:
            EquipmentError: There is no such reasoner, or it is not configured.
        """
        with self._lock:
            if reasoner not in self._equipment:
                self._equipment[reasoner] = equip(self.home, reasoner)
            return self._equipment[reasoner]

    async def work_on(self, identifier: str, work: Callable[[Conversation], Result]) -> Result:
        """Run `work` on a conversation in a thread: where it is open, after any running turn; else it is opened for it.

        Raises:
            HomeError, TraceError: There is no such conversation, another process has it open, or it is not intact.
        """
        for sitting in list(self.sittings):
            if sitting.identifier == identifier:
                await sitting.wake()
                return await sitting.work_on(work)

        def visit() -> Result:
            with Conversation.resume(self.home, self.equipment(self.reasoner), identifier) as conversation:
                return work(conversation)

        async with self._visited:
            return await asyncio.to_thread(visit)

    def questions(self, conversation: Conversation) -> list[str]:
        """A few questions that can be asked about a case, by what can be outlined on its images."""
        known = [target for one in self.equipment(self.reasoner).services.segmenters for target in one.targets()]
        # Targets that stand for several, such as both lungs, tell most.
        known.sort(key=lambda target: not target.parts)
        images = conversation.case.images
        asked = [
            f"How large {'are' if target.parts else 'is'} the {target.name}?"
            for target in known
            if any(_may_show(image, target) for image in images)
        ]
        return ["What is this image?", *dict.fromkeys(asked)][:_OFFERED]


def _may_show(image: "Image", target: Target) -> bool:
    return (
        (not target.modalities or image.modality in target.modalities)
        and (not target.body_parts or image.body_part is None or image.body_part in target.body_parts)
        and image.dimensions in target.dimensions
    )


HOUSE = House()
