"""What was refused and who signed in, for whoever looks after the server.

A line tells when, what, from which address and by which user; never a file's name, an id, a
question or a password, since an address of a page may hold any of these.
"""

import json
import logging
import os
import re
from collections.abc import Mapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

FILE = "access.log"
USER_KEY = "citrus.user"
"""Where a request's scope holds its user once that is known."""

_log = logging.getLogger("citrus.access")
_ROOM = re.compile(r"/[a-z][a-z-]{0,19}")
_BYTES, _KEPT = 5 << 20, 4


class _Private(RotatingFileHandler):
    def _open(self) -> Any:
        os.close(os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        return super()._open()


def keep(home: Path) -> None:
    """Write to `access.log` in the home folder, readable by its owner only; a few older ones are kept."""
    handler = _Private(home / FILE, maxBytes=_BYTES, backupCount=_KEPT, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    _log.propagate = False


def note(what: str, **facts: str | int | None) -> None:
    """One line: `what` happened, with `facts` about it, each written so that it stays on its line."""
    told = " ".join(f"{name}={json.dumps(value)}" for name, value in facts.items() if value is not None)
    _log.info("%s %s", what, told)


def refused(scope: Mapping[str, Any], status: int, why: str = "") -> None:
    """A request that was not answered as asked."""
    client = scope.get("client")
    note(
        "refused",
        status=status,
        method=scope.get("method", scope["type"]),
        room=room(str(scope.get("path", ""))),
        address=client[0] if client else None,
        user=scope.get(USER_KEY),
        why=why or None,
    )


def room(path: str) -> str:
    """The first part of an address, which names no case and no person."""
    found = _ROOM.match(path)
    whole = found is not None and path[found.end() : found.end() + 1] in ("", "/")
    return found[0] if found is not None and whole else "/" if path == "/" else "other"
