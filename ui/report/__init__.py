"""The report: what a conversation established, as HTML and PDF, from its record alone."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import APIRouter

    from ui.trace_page.routes import Access, House


def router(house: "House", access: "Access") -> "APIRouter":
    """Everything under /report; a command that writes a report needs no server."""
    from ui.report.routes import router as routes

    return routes(house, access)
