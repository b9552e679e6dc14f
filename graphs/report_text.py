"""The text of a report from where it lies: a text file, standard input, an answer as JSON, or a trace."""

import json
from pathlib import Path
from typing import IO

from graphs.events import Answered
from graphs.home import Home, HomeError
from graphs.replay import events_of
from graphs.report_check import ReportError
from graphs.trace import TRACE_FILE, TraceError
from knowledge.findings.extract import LONGEST

_LARGEST = 8 * LONGEST
"""Bytes of a text file that are read; a trace is not a text and may be larger."""


def read_report(source: str, stdin: IO[bytes]) -> str:
    """The report that `source` names.

    Args:
        source: A text file; "-" for `stdin`; an answer as `citrus ask --json` prints it; a trace, its folder,
            an export or the id of a conversation, of which the last answer is taken.

    Raises:
        ReportError: It cannot be read, is no text, is empty or holds no answer; the message names it.
    """
    if source == "-":
        return _text(stdin.read(_LARGEST + 1), "standard input")
    path = Path(source)
    try:
        if path.is_dir():
            return _answer(path / TRACE_FILE)
        if not path.exists():
            kept = _conversation(source)
            if kept is None:
                raise ReportError(f"{source}: no such file, and no conversation of that id")
            return _answer(kept)
        with path.open("rb") as file:
            if file.readline(_LARGEST).startswith(b'{"event":'):
                return _answer(path)
            file.seek(0)
            return _text(file.read(_LARGEST + 1), source)
    except OSError as error:
        raise ReportError(f"{source}: cannot be read ({error.strerror})") from None


def _conversation(source: str) -> Path | None:
    try:
        kept = Home().conversation(source) / TRACE_FILE
    except HomeError:
        return None
    return kept if kept.exists() else None


def _answer(file: Path) -> str:
    try:
        events = events_of(file)
    except TraceError as error:
        raise ReportError(str(error)) from None
    answers = [event.answer for event in events if isinstance(event, Answered)]
    if not answers:
        raise ReportError(f"{file}: no question was answered in it")
    return answers[-1]


def _text(data: bytes, name: str) -> str:
    if len(data) > _LARGEST:
        raise ReportError(f"{name}: more than {_LARGEST} bytes, which is no report")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReportError(f"{name}: not text in UTF-8 (byte {error.start})") from None
    if text.lstrip().startswith("{"):
        text = _from_json(text, name)
    if not text.strip():
        raise ReportError(f"{name}: empty")
    return text


def _from_json(text: str, name: str) -> str:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return text
    answer = content.get("answer") if isinstance(content, dict) else None
    if not isinstance(answer, str):
        raise ReportError(f'{name}: JSON without an "answer"')
    return answer
