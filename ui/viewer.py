"""The viewer's routes: a page, a case as JSON, its pixels slice by slice, its masks, and a reader's corrections.

Every route that shows something of a case asks who is there and whether they may open it; to others
a case does not exist.
"""

import base64
import binascii
import logging
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from graphs.conversation import Conversation
from graphs.correction import CorrectionError
from graphs.home import HomeError
from graphs.trace import TraceError
from knowledge.blobs import BlobError
from knowledge.case import Image
from knowledge.evidence import Mask
from ui import viewer_pixels
from ui.access import Access
from ui.chat_house import House
from ui.viewer_case import Shown

log = logging.getLogger("citrus.viewer")

_PAGE = files("ui").joinpath("viewer_page")
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}
_NOTHING = HTTPException(404, "There is no such case.")


class Asked(BaseModel):
    """A correction as the page asks for it.

    Attributes:
        evidence: Id of what is put right.
        box: (x0, y0, z0, x1, y1, z1) of the new outline, half open; None to reject.
        mask: Its bits as `viewer_pixels.packed` writes them, in base64.
    """

    model_config = ConfigDict(extra="forbid")

    action: Literal["correct", "reject"]
    evidence: Annotated[str, Field(pattern=r"^E[0-9]{1,9}$")]
    box: tuple[int, int, int, int, int, int] | None = None
    mask: Annotated[str, Field(max_length=4 << 20)] | None = None
    reason: Annotated[str, Field(max_length=2000)] = ""


def router(house: House, access: Access) -> APIRouter:
    """Routes under /viewer for the conversations of `house`, as far as `access` lets anybody in."""
    routes = APIRouter(prefix="/viewer")

    def opened(request: Request, case: str) -> Shown:
        if not access.may_open(access.user(request), case):
            raise _NOTHING
        try:
            return Shown.open(house.home, case)
        except HomeError:
            raise _NOTHING from None
        except TraceError as error:
            raise HTTPException(409, str(error)) from None

    @routes.get("/_/{name}")
    def asset(request: Request, name: str) -> Response:
        access.user(request)
        file = next((file for file in _PAGE.iterdir() if file.name == name), None)
        kind = _TYPES.get(f".{name.rpartition('.')[2]}")
        if file is None or kind is None:
            raise HTTPException(404, "There is nothing here.")
        return Response(file.read_bytes(), media_type=kind, headers=_HEADERS)

    @routes.get("/{case}")
    def page(request: Request, case: str) -> Response:
        if not access.may_open(access.user(request), case):
            raise _NOTHING
        return Response(_PAGE.joinpath("viewer.html").read_bytes(), media_type="text/html", headers=_HEADERS)

    @routes.get("/{case}/case")
    def told(request: Request, case: str) -> Response:
        return _answer(lambda: opened(request, case).told())

    @routes.get("/{case}/pixels/{image}")
    def pixels(request: Request, case: str, image: str, first: int, last: int) -> Response:
        shown = opened(request, case)
        return _raw(lambda: viewer_pixels.slices(_image(shown, image), shown.blobs, first, last))

    @routes.get("/{case}/masks/{evidence}")
    def mask(request: Request, case: str, evidence: str) -> Response:
        shown = opened(request, case)
        item = shown.standing.evidence.get(evidence)
        if not isinstance(item, Mask):
            raise HTTPException(404, "There is no such mask in this case.")
        return _raw(lambda: viewer_pixels.packed(item, shown.blobs))

    @routes.post("/{case}/corrections")
    async def correct(request: Request, case: str, asked: Asked) -> Response:
        user = access.user(request)
        # A page of another server cannot send JSON here without asking first, and is never answered.
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise HTTPException(415, "A correction is sent as JSON.")
        shown = await run_in_threadpool(opened, request, case)
        try:
            drawn = await run_in_threadpool(_drawn, asked, shown)
            key = house.home.signing_key
            await house.work_on(case, lambda conversation: _correct(conversation, asked, drawn, user, key))
        except CorrectionError as error:
            raise HTTPException(422, f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
        except (HomeError, TraceError) as error:
            raise HTTPException(409, str(error)) from None
        return await run_in_threadpool(_answer, lambda: opened(request, case).told())

    return routes


def _correct(conversation: Conversation, asked: Asked, drawn: Any, user: str, key: Path) -> None:
    conversation.correct(asked.evidence, drawn, by=user, key=key, reason=asked.reason)


def _drawn(asked: Asked, shown: Shown) -> Any:
    """The outline that was sent, on the grid of its image; None to reject.

    Raises:
        CorrectionError: It cannot be read.
    """
    if asked.action == "reject":
        return None
    item = shown.standing.evidence.get(asked.evidence)
    if item is None or item.image is None:
        raise CorrectionError(f"there is no evidence {asked.evidence} on an image of this case")
    if asked.box is None or asked.mask is None:
        raise CorrectionError("the outline is empty; to say that nothing is there, reject it")
    try:
        data = base64.b64decode(asked.mask, validate=True)
        return viewer_pixels.unpacked(data, asked.box, shown.case.image(item.image).shape)
    except (binascii.Error, ValueError) as error:
        raise CorrectionError(f"the outline was not taken: {error}") from None


def _image(shown: Shown, name: str) -> Image:
    try:
        return shown.case.image(name)
    except KeyError:
        raise HTTPException(404, "There is no such image in this case.") from None


def _answer(make: Any) -> Response:
    try:
        return JSONResponse(make(), headers=_HEADERS)
    except (BlobError, ValueError) as error:
        raise _damaged(error) from None


def _raw(make: Any) -> Response:
    try:
        return Response(make(), media_type="application/octet-stream", headers=_HEADERS)
    except IndexError as error:
        raise HTTPException(416, str(error)) from None
    except (BlobError, ValueError) as error:
        raise _damaged(error) from None


def _damaged(error: Exception) -> HTTPException:
    log.error("pixels of a case cannot be shown: %s", type(error).__name__)
    return HTTPException(409, "The pixels of this case are missing or were changed.")
