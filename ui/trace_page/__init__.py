"""The trace page: a conversation's record as a timeline that checks itself in the reader's browser."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import APIRouter

    from ui.trace_page.routes import Access, House


def router(house: "House", access: "Access") -> "APIRouter":
    """Everything under /trace; a command that writes the page as a file needs no server."""
    from ui.trace_page.routes import router as routes

    return routes(house, access)
