"""Uploads, taken in piece by piece: Chainlit's own way would hold each whole volume in memory.

Imported by `ui.serve` alone, after Chainlit's settings are furnished.
"""

import asyncio
import shutil
import uuid
from typing import Annotated, Any

from chainlit.session import WebsocketSession
from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import JSONResponse
from starlette.datastructures import UploadFile

from ui.access import Access
from ui.chat_root import UPLOAD_MB

_MOST_FILES = 20_000
"""As many as the reader of images takes in for one case."""


class Arriving:
    """What sessions have stored, and what they are sending now, so that many at once cannot pass a limit together."""

    def __init__(self) -> None:
        self._bytes: dict[str, int] = {}

    def stored(self, session_id: str) -> int | None:
        """Bytes of a session, or None where there is no such session."""
        session = WebsocketSession.get_by_id(session_id)
        if session is None:
            return None
        return int(sum(file["size"] for file in session.files.values())) + self._bytes.get(session_id, 0)

    def router(self, access: Access) -> APIRouter:
        """The route of uploads, in place of Chainlit's."""
        routes = APIRouter()

        @routes.post("/project/file")
        async def upload(request: Request, session_id: Annotated[str, Query(max_length=36)]) -> JSONResponse:
            session = WebsocketSession.get_by_id(session_id)
            if session is None or session.user is None or session.user.identifier != access.user(request):
                raise HTTPException(404, "There is no such session.")
            if len(session.files) >= _MOST_FILES:
                raise HTTPException(413, f"A session may have {_MOST_FILES} files.")
            length = int(request.headers["content-length"])
            self._bytes[session_id] = self._bytes.get(session_id, 0) + length
            try:
                return JSONResponse({"id": await _take(request, session)})
            finally:
                self._bytes[session_id] -= length
                if not self._bytes[session_id]:
                    del self._bytes[session_id]

        return routes


async def _take(request: Request, session: Any) -> str:
    async with request.form(max_files=1, max_fields=4) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile) or not file.filename:
            raise HTTPException(400, "A file is sent in the field called file, with its name.")
        if file.size is not None and file.size > UPLOAD_MB << 20:
            raise HTTPException(413, f"A file may have {UPLOAD_MB} MB.")
        identifier = str(uuid.uuid4())
        place = session.files_dir / identifier

        def store() -> int:
            place.parent.mkdir(exist_ok=True)
            with place.open("xb") as target:
                shutil.copyfileobj(file.file, target, 1 << 20)
            return int(place.stat().st_size)

        try:
            size = await asyncio.to_thread(store)
        except OSError as error:
            place.unlink(missing_ok=True)
            raise HTTPException(507, f"The file could not be stored ({error.strerror}).") from None
        session.files[identifier] = {
            "id": identifier,
            "path": place,
            "name": file.filename,
            "type": "application/octet-stream",
            "size": size,
        }
    return identifier
