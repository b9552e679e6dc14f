"""The equipment that users get, joined once for all tests that need it."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from graphs.conversation import Conversation, Equipment
from graphs.equipment import equip
from graphs.events import Answered
from graphs.home import Home
from knowledge.case import Modality
from tools.imaging.read import read_case


@cache
def equipment() -> Equipment:
    """The protocol reasoner with every installed tool."""
    return equip(Home())


@contextmanager
def conversation(folder: Path, *files: Path, **options: Any) -> Iterator[Conversation]:
    """A conversation over real files, its home in `folder`."""
    home = Home(home=folder, checkpoints="")
    with Conversation.start(home, equipment(), lambda blobs: read_case(files, blobs, **options), {}) as opened:
        yield opened


def ask(folder: Path, question: str, *files: Path, modality: Modality | None = None) -> tuple[Conversation, Answered]:
    """One question about real files."""
    with conversation(folder, *files, modality=modality) as opened:
        return opened, opened.ask(question)
