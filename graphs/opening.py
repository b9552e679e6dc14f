"""The first event of a conversation: all that its outcome may depend on."""

from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import TYPE_CHECKING, Any

from graphs.events import Opened
from graphs.setup import Reasoner

if TYPE_CHECKING:
    from graphs.conversation import Equipment

PACKAGES = ("citrus-v", "langgraph", "langchain-core", "transformers", "torch", "numpy", "pydicom", "nibabel")
"""Packages whose versions an outcome may depend on."""


def opened(identifier: str, equipment: "Equipment", reasoner: Reasoner, settings: dict[str, Any]) -> Opened:
    """The first event: all that the outcome may depend on."""
    return Opened(
        conversation=identifier,
        versions={"python": python_version()} | {name: _version(name) for name in PACKAGES},
        reasoner={
            "name": reasoner.name,
            "pictures": reasoner.pictures,
            "leaves_machine": reasoner.leaves_machine,
            **reasoner.describe,
        },
        tools={name: tool.version for name, tool in equipment.tools.items()},
        backends=equipment.backends,
        library=equipment.library,
        settings=settings | {"bounds": vars(equipment.bounds)},
        seed=equipment.seed,
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
