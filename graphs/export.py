"""A conversation as one self-contained file that can be handed on: redacted, checkable, replayable.

JSON Lines with the chain of a trace (`seq`, `prev`), in this order: one `export` line, the events,
the blobs in base64, one `end` line. Clock times become seconds since the opening; source pixels
stay behind unless asked for, and so do pictures of images that may carry burned-in text.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from graphs.events import EVENT, Admitted, Event, Opened, ReasonerStarted, ToolFinished
from graphs.trace import GENESIS, Entry, TraceError, Verified, canonical, line_hash, read_trace, verify_trace
from knowledge.blobs import BlobStore
from knowledge.evidence import View
from tools.imaging.identity import Identity

FORMAT = "citrus-v export 1"
_HEXADECIMAL = re.compile(r"[0-9a-f]{64}")

Redact = Callable[[str], str]


def export(file: Path, target: Path, *, pixels: bool = False, words: Sequence[str] = ()) -> str:
    """Write the trace at `file` to `target` and return the hash of its last line.

    Args:
        pixels: Whether the images' own pixels go with it.
        words: Further words to strike out, such as a name that was typed into a question.

    Raises:
        TraceError: The trace is not intact; nothing is exported.
        FileExistsError: `target` is already there.
    """
    verify_trace(file)
    entries = read_trace(file)
    redact = _redactor(words)
    source = BlobStore(file.parent / "blobs")
    omitted = set() if pixels else _sensitive(entry.event for entry in entries)
    renamed: dict[str, str] = {}
    blobs: dict[str, bytes] = {}
    for digest in dict.fromkeys(digest for entry in entries for digest in entry.event.blobs):
        if digest in omitted:
            continue
        data = source.get(digest)
        if any(isinstance(entry.event, ReasonerStarted) and entry.event.prompt == digest for entry in entries):
            data = canonical(_redacted(json.loads(data), redact, {}))
        renamed[digest] = hashlib.sha256(data).hexdigest()
        blobs[renamed[digest]] = data
    header = {
        "export": {
            "format": FORMAT,
            "original_head": entries[-1].hash,
            "omitted": sorted(omitted),
            "struck_words": len(words),
        }
    }
    rows: list[dict[str, Any]] = [header]
    rows += [_event_row(entry, entries[0], redact, renamed) for entry in entries]
    rows += [{"blob": digest, "data": base64.b64encode(data).decode()} for digest, data in blobs.items()]
    rows.append({"end": {"events": len(entries), "blobs": len(blobs)}})
    return _write(rows, target)


def _event_row(entry: Entry, first: Entry, redact: Redact, renamed: dict[str, str]) -> dict[str, Any]:
    event = _redacted(entry.event.model_dump(mode="json"), redact, renamed)
    if isinstance(entry.event, Opened):
        event["conversation"] = hashlib.sha256(entry.event.conversation.encode()).hexdigest()[:16]
    return {"after": round((entry.time - first.time).total_seconds(), 3), "event": event}


def _write(rows: Iterable[dict[str, Any]], target: Path) -> str:
    prev = GENESIS
    with target.open("xb") as out:
        for seq, row in enumerate(rows):
            line = canonical({"seq": seq, "prev": prev, **row})
            out.write(line + b"\n")
            prev = line_hash(line)
    return prev


def _redactor(words: Sequence[str]) -> Redact:
    general = Identity()
    struck = [re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE) for word in words if word.strip()]

    def redact(text: str) -> str:
        if _HEXADECIMAL.fullmatch(text):
            return text
        for pattern in struck:
            text = pattern.sub("[redacted]", text)
        scrubbed: str = general.scrub(text)
        return scrubbed

    return redact


def _redacted(value: Any, redact: Redact, renamed: dict[str, str]) -> Any:
    if isinstance(value, str):
        return renamed.get(value) or redact(value)
    if isinstance(value, list):
        return [_redacted(item, redact, renamed) for item in value]
    if isinstance(value, dict):
        return {key: _redacted(item, redact, renamed) for key, item in value.items()}
    return value


def _sensitive(events: Iterable[Event]) -> set[str]:
    """Source pixels, and pictures of images that may have a name burned in."""
    digests: set[str] = set()
    marked: set[str | None] = set()
    for event in events:
        if isinstance(event, Admitted):
            digests |= {image.pixels for image in event.case.images}
            marked = {image.id for image in event.case.images if image.may_name_patient}
            digests |= set(event.pictures) if marked else set()
        if isinstance(event, ToolFinished):
            digests |= {item.blob for item in event.evidence if isinstance(item, View) and item.image in marked}
    return digests


def is_export(file: Path) -> bool:
    """Whether `file` begins as an export does."""
    try:
        with file.open("rb") as opened:
            return b'{"export":' in opened.readline(4096)[:64]
    except OSError as error:
        raise TraceError(f"{file}: cannot be read ({error.strerror})") from None


def read_export(file: Path) -> tuple[list[Event], Verified]:
    """The events of an export, everything in it checked.

    Raises:
        TraceError: A line was changed, is missing, moved or cut off.
    """
    rows, head = _rows(file)
    try:
        header, end = rows[0]["export"], rows[-1]["end"]
        events = [EVENT.validate_python(row["event"]) for row in rows if "event" in row]
        present = [row["blob"] for row in rows if "blob" in row]
        counted = (end["events"], end["blobs"])
        omitted = set(header["omitted"])
    except (KeyError, TypeError, ValueError) as error:
        raise TraceError(f"{file.name}: not a complete export ({error})") from None
    if counted != (len(events), len(present)):
        raise TraceError(
            f"{file.name}: holds {len(events)} events and {len(present)} blobs, but {counted} were written"
        )
    for row in rows:
        if "blob" in row and _digest(row["data"]) != row["blob"]:
            raise TraceError(f"{file.name}: blob {row['blob']} was changed")
    for digest in {digest for event in events for digest in event.blobs} - set(present) - omitted:
        raise TraceError(f"{file.name}: blob {digest} is missing")
    return events, Verified(len(events), len(present), head, interrupted=False)


def _digest(data: str) -> str | None:
    try:
        return hashlib.sha256(base64.b64decode(data, validate=True)).hexdigest()
    except (binascii.Error, TypeError):
        return None


def _rows(file: Path) -> tuple[list[dict[str, Any]], str]:
    prev, rows = GENESIS, []
    lines = file.read_bytes().split(b"\n")
    if lines.pop() != b"":
        raise TraceError(f"{file.name}: its last line was cut")
    for seq, line in enumerate(lines):
        try:
            row = json.loads(line)
            intact = row["seq"] == seq and row["prev"] == prev
        except (ValueError, KeyError, TypeError) as error:
            raise TraceError(f"{file.name}, line {seq + 1}: not a line of an export ({error})") from None
        if not intact:
            raise TraceError(f"{file.name}, line {seq + 1}: it does not follow from the line before")
        rows.append(row)
        prev = line_hash(line)
    if not rows:
        raise TraceError(f"{file.name}: is empty")
    return rows, prev
