"""A conversation's record as an auditor gets it: the exact lines and the blobs, of a trace or an export.

Nothing is checked here: a record that somebody changed must still open, so that the page can show
where. Whoever needs an intact record asks `graphs.trace` or `graphs.export` first.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from graphs.events import EVENT, Admitted, Corrected, Event, ToolFinished
from graphs.export import is_export
from graphs.trace import HEAD_FILE, TraceError
from knowledge.blobs import BlobError, BlobStore
from knowledge.case import Case
from knowledge.evidence import Evidence


@dataclass(frozen=True)
class Record:
    """The bytes of a record and what can be read of them.

    Attributes:
        data: The file as it is, a torn last line included.
        head: Hash of the last line as it was noted beside a trace; None for an export.
        events: Every event that can be read, in order.
        times: When each was written, ISO 8601, or seconds since the opening in an export.
    """

    data: bytes
    head: str | None
    events: tuple[Event, ...]
    times: tuple[str | float, ...]
    _store: BlobStore | None = None
    _carried: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, file: Path) -> "Record":
        """Read the record at `file`.

        Raises:
            TraceError: It cannot be read.
        """
        exported = is_export(file)
        try:
            # The head first: a running conversation may add to the file between the two.
            head = None if exported else (file.parent / HEAD_FILE).read_text().strip()
        except (OSError, UnicodeDecodeError):
            head = ""
        try:
            data = file.read_bytes()
        except OSError as error:
            raise TraceError(f"{file}: cannot be read ({error.strerror})") from None
        return cls.of(data, head, None if exported else BlobStore(file.parent / "blobs"))

    @classmethod
    def of(cls, data: bytes, head: str | None, store: BlobStore | None) -> "Record":
        """Read what can be read of `data`; blobs come from `store`, or from lines that carry them."""
        events: list[Event] = []
        times: list[str | float] = []
        carried: dict[str, str] = {}
        for line in data.split(b"\n"):
            row = _row(line)
            if isinstance(row.get("blob"), str) and isinstance(row.get("data"), str):
                carried[row["blob"]] = row["data"]
            if "event" not in row:
                continue
            try:
                events.append(EVENT.validate_python(row["event"]))
            except ValidationError:
                continue
            time = row.get("time", row.get("after", ""))
            times.append(time if isinstance(time, str | int | float) else "")
        return cls(data, head, tuple(events), tuple(times), store, carried)

    @property
    def case(self) -> Case:
        """The case as it was read; empty where that is not on record."""
        return next((event.case for event in self.events if isinstance(event, Admitted)), Case())

    @property
    def evidence(self) -> dict[str, Evidence]:
        """Everything that was filed, by id, in order."""
        filed = (event for event in self.events if isinstance(event, Admitted | ToolFinished | Corrected))
        return {item.id: item for event in filed for item in event.evidence}

    @property
    def blobs(self) -> tuple[str, ...]:
        """SHA-256 of every blob that an event points at."""
        return tuple(dict.fromkeys(digest for event in self.events for digest in event.blobs))

    def get(self, digest: str) -> bytes:
        """The bytes of a blob.

        Raises:
            BlobError: The record does not have it, or it was changed.
        """
        if self._store is not None:
            try:
                return self._store.get(digest)
            except (OSError, ValueError) as error:
                raise BlobError(f"blob {digest} cannot be read: {error}") from None
        try:
            return base64.b64decode(self._carried[digest], validate=True)
        except KeyError:
            raise BlobError(f"blob {digest} was left out of this export") from None
        except binascii.Error:
            raise BlobError(f"blob {digest} was changed") from None


def _row(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}
