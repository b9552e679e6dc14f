"""The pages beside the chat: whatever has a router of its own, before Chainlit's catch-all takes the address."""

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from fastapi import FastAPI

from ui.access import Access
from ui.chat_house import House

log = logging.getLogger("citrus.pages")

App = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]

_PREFIXES = ("/viewer", "/trace", "/report")
_MODULES = ("ui.viewer", "ui.trace_page", "ui.report")


def pages(house: House, access: Access) -> FastAPI:
    """An application with the routers of every page that is installed."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    for name in _MODULES:
        if find_spec(name) is not None and hasattr(module := import_module(name), "router"):
            app.include_router(module.router(house, access))
    return app


class Beside:
    """Hands the addresses of the pages to them, and everything else to the chat."""

    def __init__(self, chat: App, pages: App) -> None:
        self._chat, self._pages = chat, pages

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Pass a request on."""
        path = str(scope.get("path", ""))
        own = scope["type"] == "http" and any(path == one or path.startswith(f"{one}/") for one in _PREFIXES)
        await (self._pages if own else self._chat)(scope, receive, send)
