"""The trace page's addresses; each asks first whether the user may open the conversation."""

import json
import re
import tempfile
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.background import BackgroundTask
from starlette.requests import HTTPConnection

from graphs.export import export
from graphs.home import Home, HomeError
from graphs.journal import Divergence
from graphs.replay import replay
from graphs.trace import TRACE_FILE, TraceError
from knowledge.blobs import BlobError
from ui.trace_page.page import served, write_html
from ui.trace_page.record import Record
from ui.trace_page.thumbnails import Thumbnails

_KEPT = 8
_LISTED = 50
_DIGEST = re.compile(r"[0-9a-f]{64}")
_ALONE = {"content-security-policy": "default-src 'none'; sandbox", "x-content-type-options": "nosniff"}
"""For what is no page: opened by itself it may do nothing."""

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Access(Protocol):
    """Who asks, and what they may open."""

    def user(self, request: HTTPConnection) -> str:
        """The user, or a refusal with status 401."""

    def may_open(self, user: str, conversation: str) -> bool:
        """Whether `user` may see `conversation`; False also where there is none."""


class House(Protocol):
    """Where conversations lie."""

    home: Home


class Wanted(BaseModel):
    """An export that somebody asked for."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["html", "jsonl"]
    words: Annotated[list[Word], Field(max_length=200)] = []
    pixels: bool = False


class Conversations:
    """The records of a house that one may open.

    Records and pictures are kept for a few conversations, each under its own file and state; the
    volume that pictures are drawn from is held for one conversation at a time.
    """

    def __init__(self, house: House, access: Access) -> None:
        self._house, self._access = house, access
        self._kept: OrderedDict[tuple[str, int, int], Thumbnails] = OrderedDict()
        self._lock = threading.Lock()

    def file(self, request: HTTPConnection, identifier: str) -> Path:
        """The trace of a conversation.

        Raises:
            HTTPException: 401, nobody has signed in; 404, it is not this user's or not there.
        """
        user = self._access.user(request)
        if not self._access.may_open(user, identifier):
            raise HTTPException(404, "There is no such conversation.")
        try:
            return self._house.home.conversation(identifier) / TRACE_FILE
        except HomeError:
            raise HTTPException(404, "There is no such conversation.") from None

    def thumbnails(self, file: Path) -> Thumbnails:
        """The record as it is now, with its pictures.

        Raises:
            HTTPException: 409; it cannot be read.
        """
        with self._lock:
            state = file.stat()
            key = (str(file), state.st_size, state.st_mtime_ns)
            if key not in self._kept:
                self._kept[key] = Thumbnails(_opened(file))
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            for other, kept in self._kept.items():
                if other != key:
                    kept.let_go()
            return self._kept[key]

    def others(self, request: HTTPConnection, identifier: str) -> list[dict[str, str]]:
        """The user's latest other conversations, each with its first question."""
        user = self._access.user(request)
        folder = self._house.home.conversations
        names = sorted((one.name for one in folder.iterdir()), reverse=True) if folder.is_dir() else []
        found = []
        for name in names:
            if name == identifier or not self._access.may_open(user, name):
                continue
            found.append({"conversation": name, "question": _first_question(folder / name / TRACE_FILE)})
            if len(found) == _LISTED:
                break
        return found


def _first_question(file: Path) -> str:
    """What was asked first, empty where nothing was; the lines after it are not read."""
    try:
        with file.open("rb") as lines:
            for line in lines:
                event = json.loads(line)["event"]
                if event["type"] == "asked":
                    return str(event["question"])[:200]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return ""


_WAYS = {"Chat": "thread", "Report": "report", "Viewer": "viewer"}


def router(house: House, access: Access) -> APIRouter:
    """Everything under /trace."""
    conversations = Conversations(house, access)
    replaying = threading.Lock()
    routes = APIRouter(prefix="/trace")

    @routes.get("/{identifier}", response_class=HTMLResponse)
    def page(request: Request, identifier: str) -> Response:
        conversations.file(request, identifier)
        links = {name: f"/{way}/{identifier}" for name, way in _WAYS.items()}
        document, policy = served(identifier, links)
        return HTMLResponse(document, headers={"content-security-policy": policy, "cache-control": "no-store"})

    @routes.get("/{identifier}/lines")
    def lines(request: Request, identifier: str) -> Response:
        record = _opened(conversations.file(request, identifier))
        headers = _ALONE | {"x-citrus-head": record.head or "", "cache-control": "no-store"}
        return Response(record.data, media_type="application/x-ndjson", headers=headers)

    @routes.get("/{identifier}/blob/{digest}")
    def blob(request: Request, identifier: str, digest: str) -> Response:
        record = conversations.thumbnails(conversations.file(request, identifier)).record
        if not _DIGEST.fullmatch(digest) or digest not in record.blobs:
            raise HTTPException(404, "There is no such blob in this conversation.")
        try:
            data = record.get(digest)
        except BlobError as error:
            raise HTTPException(404, str(error).split(" in /")[0].split(" from /")[0]) from None
        return Response(data, media_type="application/octet-stream", headers=_ALONE | {"cache-control": "no-store"})

    @routes.get("/{identifier}/picture/{name}.png")
    def picture(request: Request, identifier: str, name: str) -> Response:
        file = conversations.file(request, identifier)
        png = conversations.thumbnails(file).png(name)
        if png is None:
            raise HTTPException(404, "There is nothing to show of it.")
        return Response(png, media_type="image/png", headers=_ALONE | {"cache-control": "no-store"})

    @routes.get("/{identifier}/others")
    def others(request: Request, identifier: str) -> list[dict[str, str]]:
        conversations.file(request, identifier)
        return conversations.others(request, identifier)

    @routes.get("/{identifier}/replay")
    def replayed(request: Request, identifier: str) -> dict[str, Any]:
        file = conversations.file(request, identifier)
        try:
            with replaying:
                found = replay(file)
        except TraceError as error:
            return {"reproduced": False, "message": f"Not intact: {_without_place(error, file)}"}
        except Divergence as divergence:
            return {"reproduced": False, "message": f"It differs at {divergence}"}
        end = " The record ends inside a turn." if found.unfinished else ""
        return {"reproduced": True, "message": f"Reproduced exactly: {found.steps} events.{end}"}

    @routes.post("/{identifier}/export")
    def exported(request: Request, identifier: str, wanted: Wanted) -> Response:
        file = conversations.file(request, identifier)
        scratch = tempfile.TemporaryDirectory(prefix="citrus-export-")
        target = Path(scratch.name) / f"export.{wanted.format}"
        write = write_html if wanted.format == "html" else export
        try:
            head = write(file, target, pixels=wanted.pixels, words=wanted.words)
        except TraceError as error:
            scratch.cleanup()
            raise HTTPException(
                409, f"It is not intact, so it is not exported: {_without_place(error, file)}"
            ) from None
        except BaseException:
            scratch.cleanup()
            raise
        return FileResponse(
            target,
            media_type="text/html" if wanted.format == "html" else "application/x-ndjson",
            filename=f"{identifier}.{wanted.format}",
            headers=_ALONE | {"x-citrus-head": head, "cache-control": "no-store"},
            background=BackgroundTask(scratch.cleanup),
        )

    return routes


def _opened(file: Path) -> Record:
    try:
        return Record.open(file)
    except TraceError as error:
        raise HTTPException(409, _without_place(error, file)) from None


def _without_place(error: Exception, file: Path) -> str:
    """The error's words without the folders of this machine."""
    return str(error).replace(f"{file.parent}/", "")
