"""A folder of files that is whole or not there: written apart, sealed with SHA-256, then renamed."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

_SEAL = "seal.json"


class ShelfError(Exception):
    """The folder is not as it was written; the message says what is wrong."""


def check(folder: Path) -> None:
    """See that every file is as it was sealed, and that there is no other.

    Raises:
        ShelfError: It is not so.
    """
    try:
        sealed = json.loads((folder / _SEAL).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ShelfError(f"{folder}: no seal ({error})") from None
    present = _digests(folder)
    if not isinstance(sealed, dict) or sealed != present:
        changed = sorted(present.items() ^ sealed.items()) if isinstance(sealed, dict) else []
        names = ", ".join(dict.fromkeys(str(name) for name, _ in changed)) or _SEAL
        raise ShelfError(f"{folder}: changed since it was written: {names}")


def write(folder: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write into a new folder, seal it and put it in the place of `folder`.

    A reader, also of another process, finds the old folder, none, or the new one whole.

    Raises:
        OSError: It cannot be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
    try:
        fill(fresh)
        (fresh / _SEAL).write_text(json.dumps(_digests(fresh)), encoding="utf-8")
        for path in fresh.iterdir():
            _sync(path)
        if folder.exists():
            folder.replace(fresh.with_name(fresh.name.replace(".new-", ".old-")))
        fresh.replace(folder)
        _sync(folder.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(fresh.with_name(fresh.name.replace(".new-", ".old-")), ignore_errors=True)


def _digests(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.iterdir()):
        if path.name != _SEAL:
            with path.open("rb") as file:
                found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
