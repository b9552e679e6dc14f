"""Whom a conversation is about, over restarts: fingerprints beside its record, under a key of this installation.

So a name that is typed in a conversation that was taken up again is taken out as it was before. Neither file is
part of the record, and no export holds them.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from tools.imaging.fingerprints import Fingerprints, Remembered
from tools.imaging.identity import Identity

FILE = "identity"
_BYTES = 32


def keep(identity: Identity, folder: Path, key: Path) -> None:
    """Keep the fingerprints of `identity` in the folder of a conversation.

    Args:
        key: File of the key, made on first use, readable by its owner only.
    """
    prints = Fingerprints.of(identity, _key(key))
    _written(folder / FILE, prints.model_dump_json())


def recall(folder: Path, key: Path) -> Identity | None:
    """The identity kept in `folder`, or None where none was kept or the key is another."""
    try:
        prints = Fingerprints.model_validate_json((folder / FILE).read_text(encoding="utf-8"))
        return Remembered(prints, bytes.fromhex(key.read_text(encoding="ascii")))
    except (OSError, ValueError, ValidationError):
        return None


def _key(file: Path) -> bytes:
    try:
        return bytes.fromhex(file.read_text(encoding="ascii"))
    except FileNotFoundError:
        pass
    with suppress(FileExistsError):  # another process made one meanwhile
        _written(file, secrets.token_hex(_BYTES))
    return _key(file)


def _written(file: Path, text: str) -> None:
    """Write a file that was not there, whole or not at all, readable by its owner only.

    Raises:
        FileExistsError: It was there.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as written:
            written.write(text)
            written.flush()
            os.fsync(written.fileno())
        os.link(part, file)
    finally:
        part.unlink()
