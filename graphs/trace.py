"""The event log of a conversation: a chain of hashes that shows every change.

One JSON object a line: `{"seq", "time", "prev", "event"}`, where `prev` is the SHA-256 of the line
before (64 zeros on the first). Blobs lie in `blobs/` beside it. `head` beside it holds the hash of
the last line that was written, so that a cut tail shows even to one who was not told the head.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic import ValidationError

from graphs.events import EVENT, Event
from knowledge.blobs import BlobError, BlobStore

GENESIS = "0" * 64
TRACE_FILE = "trace.jsonl"
HEAD_FILE = "head"


class TraceError(Exception):
    """A trace is not intact, or cannot be opened; the message says where and why."""


@dataclass(frozen=True)
class Entry:
    """One line of a trace."""

    seq: int
    time: datetime
    prev: str
    hash: str
    event: Event


def line_hash(line: bytes) -> str:
    """SHA-256 of a line without its newline."""
    return hashlib.sha256(line).hexdigest()


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces: equal values are equal bytes."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Lines:
    """The complete lines of a trace file and what follows the last newline."""

    lines: tuple[bytes, ...]
    tail: bytes


def _split(data: bytes) -> Lines:
    *lines, tail = data.split(b"\n")
    return Lines(tuple(lines), tail)


def _parse(line: bytes, seq: int, prev: str, where: str) -> Entry:
    try:
        raw = json.loads(line)
        entry = Entry(raw["seq"], datetime.fromisoformat(raw["time"]), raw["prev"], line_hash(line), raw["event"])
    except (ValueError, KeyError, TypeError) as error:
        raise TraceError(f"{where}: not a trace event ({error})") from None
    if entry.seq != seq:
        raise TraceError(f"{where}: its number is {entry.seq}, but {seq} is due: a line is missing, added or moved")
    if entry.prev != prev:
        raise TraceError(f"{where}: it does not follow from the line before, which was changed or exchanged")
    try:
        event = EVENT.validate_python(raw["event"])
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise TraceError(f"{where}: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from None
    return Entry(entry.seq, entry.time, entry.prev, entry.hash, event)


def read_lines(lines: tuple[bytes, ...], name: str) -> list[Entry]:
    """Parse lines and check the chain.

    Raises:
        TraceError: At the first line that is not intact.
    """
    entries: list[Entry] = []
    prev = GENESIS
    for seq, line in enumerate(lines):
        entries.append(_parse(line, seq, prev, f"{name}, line {seq + 1}"))
        prev = entries[-1].hash
    return entries


def _read_file(file: Path) -> Lines:
    try:
        return _split(file.read_bytes())
    except OSError as error:
        raise TraceError(f"{file}: cannot be read ({error.strerror})") from None


def read_trace(file: Path) -> list[Entry]:
    """The events of a trace, its chain checked; blobs and head are `verify_trace`'s.

    Raises:
        TraceError: A line was changed, is missing or moved.
    """
    return read_lines(_read_file(file).lines, file.name)


@dataclass(frozen=True)
class Verified:
    """A trace that is intact: how many events and blobs, and the hash of its last line."""

    events: int
    blobs: int
    head: str
    interrupted: bool


def verify_trace(file: Path, head: str | None = None) -> Verified:
    """Check every line, every link, every signature and every blob.

    Args:
        head: The hash that was printed with an answer. Without it the `head` file beside the
            trace is used, which a forger who rewrites everything can rewrite too.

    Raises:
        TraceError: At the first thing that is not intact.
    """
    from graphs.signing import check_signatures  # which speaks of entries, so it cannot come first

    # Before the lines: a conversation that goes on meanwhile adds to them, and then to the head.
    kept = _read_head(file) if head is None else None
    content = _read_file(file)
    entries = read_lines(content.lines, file.name)
    if not entries:
        raise TraceError(f"{file}: holds no complete event")
    hashes = [entry.hash for entry in entries]
    if head is not None:
        if head != hashes[-1]:
            raise TraceError(
                f"{file}: its last line is {hashes[-1]}, not {head}: the tail was cut, added to or rewritten"
            )
        if content.tail:
            raise TraceError(f"{file}: {len(content.tail)} bytes follow the last event")
    elif kept not in hashes and not (kept == GENESIS and len(hashes) == 1):
        raise TraceError(f"{file}: the last recorded event {kept} is not in it: the tail was cut or rewritten")
        # What follows the recorded head is a write that a dying process did not finish; bytes
        # torn off an event that had been recorded would have failed above.
    check_signatures(entries, file.name)
    blobs = BlobStore(file.parent / "blobs")
    digests = dict.fromkeys(digest for entry in entries for digest in entry.event.blobs)
    for digest in digests:
        try:
            blobs.get(digest)
        except (BlobError, OSError, ValueError) as error:
            raise TraceError(f"{file}: {error}") from None
    return Verified(len(entries), len(digests), hashes[-1], interrupted=bool(content.tail))


def _read_head(file: Path) -> str:
    path = file.parent / HEAD_FILE
    try:
        return path.read_text().strip()
    except OSError as error:
        raise TraceError(f"{path}: the record of the last event cannot be read ({error.strerror})") from None


class Trace:
    """A conversation's log, open for appending by one process at a time."""

    def __init__(self, folder: Path) -> None:
        """Open or create the trace in `folder`; a torn last write is cut off and remembered.

        Raises:
            TraceError: Another process has it open, or it is not intact.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.file = folder / TRACE_FILE
        self.blobs = BlobStore(folder / "blobs")
        self._descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._head = -1
        try:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise TraceError(f"{self.file}: this conversation is open in another process") from None
            content = _read_file(self.file)
            self.entries = read_lines(content.lines, self.file.name)
            if len(self.entries) > 1 and _read_head(self.file) not in {entry.hash for entry in self.entries}:
                raise TraceError(f"{self.file}: the tail was cut or rewritten; it will not be continued")
            self.torn = len(content.tail)
            if self.torn:
                os.ftruncate(self._descriptor, sum(len(line) + 1 for line in content.lines))
            self._head = os.open(folder / HEAD_FILE, os.O_RDWR | os.O_CREAT, 0o600)
            if not self.entries:
                os.pwrite(self._head, GENESIS.encode(), 0)
        except BaseException:
            self.close()
            raise

    @property
    def head(self) -> str:
        """Hash of the last line; of nothing, 64 zeros."""
        return self.entries[-1].hash if self.entries else GENESIS

    def append(self, event: Event) -> Entry:
        """Write `event` and sync it to disk before returning.

        The entry holds the event as a reader of the file gets it, so that what follows from it
        cannot depend on anything that was not written.
        """
        now = datetime.now(UTC)
        seq, prev = len(self.entries), self.head
        line = canonical({"seq": seq, "time": now.isoformat(), "prev": prev, "event": event.model_dump(mode="json")})
        data = memoryview(line + b"\n")
        while data:
            data = data[os.write(self._descriptor, data) :]
        os.fsync(self._descriptor)
        entry = Entry(seq, now, prev, line_hash(line), EVENT.validate_python(json.loads(line)["event"]))
        self.entries.append(entry)
        # Not synced: a head that lags behind is still found in the chain.
        os.pwrite(self._head, entry.hash.encode(), 0)
        return entry

    def close(self) -> None:
        """Release the conversation for other processes."""
        for descriptor in (self._descriptor, self._head):
            if descriptor >= 0:
                os.close(descriptor)
        self._descriptor = self._head = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Event]:
        return (entry.event for entry in self.entries)
