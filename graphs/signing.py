"""Signatures of what a person filed: an Ed25519 key of this installation vouches for who said it.

The chain of hashes shows that a line was changed by one who could not rewrite all that follows. The
signature also holds against one who could, as long as the key stayed where it is. It covers the
conversation, the place in its record and the words, so it cannot be moved.
"""

import os
from pathlib import Path
from typing import Any, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from graphs.events import Corrected, Event, Judged, Opened
from graphs.trace import Entry, TraceError, canonical

Signable = TypeVar("Signable", Judged, Corrected)
"""What a person files under their name."""


def signed(event: Signable, conversation: str, file: Path) -> Signable:
    """`event` with the signature of the key in `file`, which is made on first use, readable by its owner only."""
    key = _private(file)
    named = event.model_copy(update={"key_used": key.public_key().public_bytes_raw().hex()})
    return named.model_copy(update={"signature": key.sign(_covered(named, conversation)).hex()})


def check_signatures(entries: list[Entry], name: str) -> int:
    """How many signatures a trace holds, each of them good.

    Raises:
        TraceError: One does not fit what it stands under; the message says where.
    """
    count = 0
    conversation = ""
    for entry in entries:
        event: Event = entry.event
        if isinstance(event, Opened):
            conversation = event.conversation
        if isinstance(event, Judged | Corrected):
            count += 1
            try:
                key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(event.key_used))
                key.verify(bytes.fromhex(event.signature), _covered(event, conversation))
                placed = event.head == entry.prev
            except (InvalidSignature, ValueError):
                placed = False
            if not placed:
                raise TraceError(f"{name}, line {entry.seq + 1}: its signature does not fit what it says")
    return count


def _covered(event: Judged | Corrected, conversation: str) -> bytes:
    words: dict[str, Any] = event.model_dump(mode="json", exclude={"signature"})
    return canonical({"conversation": conversation, "event": words})


def _private(file: Path) -> Ed25519PrivateKey:
    try:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(file.read_text(encoding="ascii").strip()))
    except FileNotFoundError:
        pass
    except ValueError:
        raise TraceError(f"{file}: holds no key to sign with") from None
    key = Ed25519PrivateKey.generate()
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        # Another process made one meanwhile.
        return _private(file)
    with os.fdopen(descriptor, "w", encoding="ascii") as written:
        written.write(f"{key.private_bytes_raw().hex()}\n")
    return key
