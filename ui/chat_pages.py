"""The pages beside the chat: whatever has a router of its own, before Chainlit's catch-all takes the address."""

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from fastapi import APIRouter, FastAPI

from ui import chat_gallery
from ui.access import Access
from ui.chat_house import House

log = logging.getLogger("citrus.pages")

App = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]

_PREFIXES = ("/viewer", "/trace", "/report", "/cases")
_UPLOADS = "/project/file"
_MODULES = ("ui.viewer", "ui.trace_page", "ui.report")


def pages(house: House, access: Access, *further: APIRouter) -> FastAPI:
    """An application with the routers of every page that is installed, and `further` ones."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    for router in further:
        app.include_router(router)
    app.include_router(chat_gallery.router(house.home, access))
    for name in _MODULES:
        if find_spec(name) is not None and hasattr(module := import_module(name), "router"):
            app.include_router(module.router(house, access))
    return app


class Beside:
    """Hands the addresses of the pages to them, the page's own files to `assets`, and everything else to the chat."""

    def __init__(self, chat: App, pages: App, assets: App) -> None:
        self._chat, self._pages, self._assets = chat, pages, assets

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Pass a request on."""
        await self._wanted(scope)(scope, receive, send)

    def _wanted(self, scope: MutableMapping[str, Any]) -> App:
        path = str(scope.get("path", ""))
        if scope["type"] != "http":
            return self._chat
        if path.startswith("/assets/"):
            return self._assets
        own = any(path == one or path.startswith(f"{one}/") for one in _PREFIXES)
        return self._pages if own or (path == _UPLOADS and scope["method"] == "POST") else self._chat
