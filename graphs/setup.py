"""What a run of the graph needs beside its state: who reasons, with what, within which bounds."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseChatModel

from graphs.events import Admitted
from graphs.journal import Journal
from knowledge.blobs import BlobStore
from tools.tool import Services, Tool


@dataclass(frozen=True)
class Bounds:
    """What one turn may cost: steps of the reasoner, seconds of work, drafts sent back."""

    steps: int = 16
    seconds: float = 300.0
    objections: int = 2


@dataclass(frozen=True)
class Reasoner:
    """A chat model that reasons, and what the trace must know of it.

    Attributes:
        describe: Versions, hashes of weights and settings; no secrets.
        pictures: Whether it wants to see an overview picture of each image.
        leaves_machine: The question a person must say yes to before anything is sent to it,
            or None where nothing leaves the machine.
    """

    name: str
    model: BaseChatModel
    describe: dict[str, Any]
    pictures: bool = False
    leaves_machine: str | None = None


@dataclass
class Setup:
    """What a run of the graph needs beside its state; never checkpointed.

    Attributes:
        admit: Reads the files into `blobs`; called once in the life of a conversation.
        stop: Set by a person who does not want to wait; the turn ends at its next step.
    """

    journal: Journal
    blobs: BlobStore
    reasoner: Reasoner
    tools: Mapping[str, Tool]
    services: Services
    admit: Callable[[], Admitted]
    bounds: Bounds = field(default_factory=Bounds)
    stop: threading.Event = field(default_factory=threading.Event)
