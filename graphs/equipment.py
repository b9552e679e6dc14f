"""Join reasoners, tools and services into what a conversation needs."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from agents.citrus_v.shipped import NANO
from graphs.conversation import Equipment
from graphs.home import Home
from graphs.nano import NanoEyes, NanoGrounder, NanoLooker, NanoRecogniser, NanoSegmenter, choosing
from graphs.setup import Bounds, Reasoner
from knowledge.blobs import BlobStore
from knowledge.index import Library
from tools.backends import Grounder, Looker, Segmenter
from tools.registry import load_grounders, load_segmenters, load_tools
from tools.tool import Services

if TYPE_CHECKING:
    from graphs.local_model import LocalModel


class EquipmentError(Exception):
    """Something that was asked for is not there; the message says what and how to get it."""


def services(home: Home) -> Services:
    """Every installed segmenter and grounder, after them the models, and the library.

    Rules with known truth come first, then the small model for what it was measured on, then the
    model of this machine for the rest.

    Raises:
        EquipmentError: CITRUS_MODEL names a folder that cannot be opened.
    """
    segmenters, grounders = list(load_segmenters().items.values()), list(load_grounders().items.values())
    recogniser: NanoRecogniser | None = None
    looker: Looker | None = None
    if home.nano and (eyes := _nano()) is not None:
        segmenters.append(NanoSegmenter(eyes))
        grounders.append(NanoGrounder(eyes))
        recogniser = NanoRecogniser(eyes)
        # A small model that is often wrong in words may still outline well: it is asked for what it can.
        looker = NanoLooker(eyes) if eyes.abilities.speaks or eyes.abilities.choices else None
    if home.model is not None:
        segmenter, grounder, looker = _seers(home.model)
        segmenters.append(segmenter)
        grounders.append(grounder)
    return Services(
        tuple(segmenters),
        tuple(grounders),
        recogniser=recogniser,
        looker=looker,
        library=Library.open(cache=home.cache, documents=home.documents),
    )


def equip(home: Home, reasoner: str = "protocol", bounds: Bounds | None = None) -> Equipment:
    """Everything for a conversation led by the reasoner of that name.

    Raises:
        EquipmentError: There is no such reasoner, it is not configured, or no tool could be loaded.
    """
    make = _REASONERS.get(reasoner)
    if make is None:
        raise EquipmentError(f"--reasoner {reasoner}: unknown; known are {', '.join(_REASONERS)}")
    loaded = load_tools()
    if not loaded.tools:
        raise EquipmentError(f"no tool could be loaded: {'; '.join(loaded.problems) or 'is citrus-v installed?'}")
    joined = services(home)
    return Equipment(
        reasoner=make(home),
        tools=loaded.tools,
        services=joined,
        backends={seer.name: seer.version for seer in joined.segmenters}
        | {seer.name: seer.version for seer in joined.grounders},
        library=joined.library.fingerprint if joined.library else None,
        bounds=bounds or Bounds(),
    )


def reasoners() -> tuple[str, ...]:
    """The names that `equip` knows."""
    return tuple(_REASONERS)


def _nano() -> NanoEyes | None:
    try:
        return NanoEyes.installed()
    except (ValueError, OSError) as error:
        raise EquipmentError(f"the small model that ships is damaged (CITRUS_NANO=0 leaves it out): {error}") from None


def _opened(folder: Path) -> "LocalModel":
    from graphs.local_model import LocalModel

    try:
        return LocalModel.open(folder.resolve())
    except (ValueError, OSError) as error:
        raise EquipmentError(f"CITRUS_MODEL={folder}: {error}") from None


def _seers(folder: Path) -> tuple[Segmenter, Grounder, Looker]:
    model = _opened(folder)
    return model.segmenter(), model.grounder(), model.looker()


def _citrus_v(home: Home) -> Callable[[BlobStore], Reasoner]:
    if home.model is None:
        raise EquipmentError("--reasoner citrus-v needs CITRUS_MODEL, the folder of a Citrus-V checkpoint")
    model = _opened(home.model)

    def make(blobs: BlobStore) -> Reasoner:
        chat = model.reasoner(blobs.get)
        return Reasoner("citrus-v", chat, dict(chat._identifying_params), pictures=True)

    return make


def _nano_reasoner(home: Home) -> Callable[[BlobStore], Reasoner]:
    if not home.nano or _nano() is None:
        raise EquipmentError(
            "--reasoner nano: this installation carries no small model, or CITRUS_NANO=0 leaves it out"
        )
    model = choosing(NANO)
    describe = {"version": model.version, "weights": model.weights}
    return lambda blobs: Reasoner("nano", model, describe)


def _protocol(_home: Home) -> Callable[[BlobStore], Reasoner]:
    from agents.protocol import ProtocolReasoner
    from knowledge.embedding import WEIGHTS_SHA256

    model = ProtocolReasoner()
    describe = {"version": model.version, "embeddings": WEIGHTS_SHA256}
    return lambda blobs: Reasoner("protocol", model, describe)


def _remote(_home: Home) -> Callable[[BlobStore], Reasoner]:
    from agents.remote import ReasonerUnavailable, remote_reasoner

    def make(blobs: BlobStore) -> Reasoner:
        model = remote_reasoner(resolve=blobs.get)
        settings = dict(model._identifying_params)
        return Reasoner("remote", model, settings, pictures=model.settings.images, leaves_machine=model.leaves_machine)

    try:
        remote_reasoner()
    except ReasonerUnavailable as error:
        raise EquipmentError(str(error)) from None
    return make


_REASONERS: dict[str, Callable[[Home], Callable[[BlobStore], Reasoner]]] = {
    "protocol": _protocol,
    "nano": _nano_reasoner,
    "citrus-v": _citrus_v,
    "remote": _remote,
}
