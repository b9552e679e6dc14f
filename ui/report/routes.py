"""The report's addresses; each asks first whether the user may open the conversation."""

from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from graphs.trace import TraceError
from ui.report.content import Report, report
from ui.report.html import html, policy
from ui.report.pdf import pdf
from ui.trace_page.routes import Access, Conversations, House

_FRAMES = "; frame-ancestors 'none'"


def router(house: House, access: Access) -> APIRouter:
    """Everything under /report."""
    conversations = Conversations(house, access)
    routes = APIRouter(prefix="/report")

    @routes.get("/{identifier}.pdf")
    def as_pdf(request: Request, identifier: str) -> Response:
        made = _made(conversations.file(request, identifier))
        # A viewer of PDF is a page of the browser's own, so the policy only forbids to load and to frame.
        headers = {
            "content-disposition": f'inline; filename="citrus-{identifier}.pdf"',
            "content-security-policy": f"default-src 'none'; object-src 'self'; style-src 'unsafe-inline'{_FRAMES}",
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
        }
        return Response(pdf(made), media_type="application/pdf", headers=headers)

    @routes.get("/{identifier}.html")
    def as_file(request: Request, identifier: str) -> Response:
        made = _made(conversations.file(request, identifier))
        return _page(html(made), {"content-disposition": f'attachment; filename="citrus-{identifier}.html"'})

    @routes.get("/{identifier}")
    def page(request: Request, identifier: str) -> Response:
        made = _made(conversations.file(request, identifier))
        links = {
            "PDF": f"/report/{identifier}.pdf",
            "Save as HTML": f"/report/{identifier}.html",
            "Record": f"/trace/{identifier}",
            "Chat": f"/thread/{identifier}",
        }
        return _page(html(made, links), {})

    return routes


def _page(document: str, more: dict[str, str]) -> Response:
    headers = {"content-security-policy": policy() + _FRAMES, "cache-control": "no-store", **more}
    return HTMLResponse(document, headers=headers)


def _made(file: Path) -> Report:
    try:
        return report(file)
    except TraceError as error:
        words = str(error).replace(f"{file.parent}/", "")
        raise HTTPException(409, f"There is no report of a record that is not intact: {words}") from None
