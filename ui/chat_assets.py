"""The scripts and styles of Chainlit's page, sent without compressing five megabytes anew for every browser."""

import gzip
import mimetypes
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

_LOCAL = ("127.0.0.1", "::1")
_WORTH = (".js", ".mjs", ".css", ".svg")
_LEVEL = 6


class Assets:
    """An ASGI application for the files of one folder, which do not change while it runs."""

    def __init__(self, folder: Path) -> None:
        self._files = {file.name: file for file in folder.iterdir() if file.suffix != ".map"}
        self._packed: dict[str, bytes] = {}

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Send one file: as it is to this machine, for which packing takes longer than sending; else packed once."""
        request = Request(scope)
        name = str(scope["path"]).rpartition("/")[2]
        file = self._files.get(name)
        if file is None or request.method not in ("GET", "HEAD"):
            await PlainTextResponse("There is nothing here.", 404)(scope, receive, send)
            return
        headers = {"vary": "accept-encoding"}
        near = request.client is not None and request.client.host in _LOCAL
        if file.suffix in _WORTH and not near and "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            data = await run_in_threadpool(self._pack, name, file)
        else:
            data = await run_in_threadpool(file.read_bytes)
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        kind = "text/javascript" if file.suffix in (".js", ".mjs") else kind
        await Response(data, headers=headers, media_type=kind)(scope, receive, send)

    def _pack(self, name: str, file: Path) -> bytes:
        if name not in self._packed:
            self._packed[name] = gzip.compress(file.read_bytes(), _LEVEL, mtime=0)
        return self._packed[name]
