"""Evidence by address: what an answer's marks open beside it, in words and as a picture.

    /cases/ID/exhibits/E3       one piece of evidence in full, as Markdown
    /cases/ID/pictures/E3.png   its picture, drawn where it was found

An address stays good after the page was closed and the server was started again, and is answered to
those alone who may open the case.
"""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Path, Request
from fastapi.responses import PlainTextResponse, Response

from graphs.home import Home, HomeError
from graphs.standing import Standing
from graphs.trace import TraceError
from knowledge.blobs import BlobStore
from knowledge.case import Case
from knowledge.evidence import Evidence, Mask, Measurement, Region, View
from tools.imaging.volume import Volume
from ui import chat_words as words
from ui.access import Access
from ui.pictures import draw, rests_on
from ui.viewer_case import Shown
from ui.viewer_pixels import Shelf

_PICTURES = Shelf(200)
_VOLUMES = Shelf(2)
"""Volumes may have a gigabyte each; answers about one image come together."""

Identifier = Annotated[str, Path(pattern=r"^E[0-9]{1,9}$")]


def address(conversation: str, identifier: str) -> str:
    """Where the words about a piece of evidence lie."""
    return f"/cases/{quote(conversation)}/exhibits/{identifier}"


def is_drawn(item: Evidence) -> bool:
    """Whether there is a picture of it."""
    return item.image is not None and (isinstance(item, View | Mask | Region) or _has_ground(item))


def _has_ground(item: Evidence) -> bool:
    return isinstance(item, Measurement) and bool(item.of or item.points)


def exhibit(conversation: str, item: Evidence, standing: Standing) -> str:
    """One piece of evidence in full, with its picture, a way to the viewer, and whether it still stands."""
    picture = f"/cases/{quote(conversation)}/pictures/{item.id}.png" if is_drawn(item) else None
    viewer = f"/viewer/{quote(conversation)}?evidence={item.id}" if item.image else None
    fate = standing.now(item.id)
    return words.exhibit(item, picture, viewer, "" if fate == item.id else fate or "rejected")


def picture(conversation: str, case: Case, standing: Standing, blobs: BlobStore, item: Evidence) -> bytes | None:
    """PNG of one piece of evidence on its image, kept for a while; None where there is nothing to draw."""
    if isinstance(item, View):
        return blobs.get(item.blob)
    image = next((image for image in case.images if image.id == item.image), None)
    if image is None or not is_drawn(item):
        return None
    shown = rests_on(standing.evidence, [item.id])

    def make() -> bytes | None:
        volume = _VOLUMES.get((conversation, image.pixels), lambda: Volume.load(image, blobs))
        return draw(image, shown, volume, blobs)

    # The content is part of the key, so a picture can be of nothing else.
    drawn: bytes | None = _PICTURES.get((conversation, *(one.model_dump_json() for one in shown)), make)
    return drawn


def router(home: Home, access: Access) -> APIRouter:
    """The routes above."""
    routes = APIRouter(prefix="/cases")

    def found(request: Request, case: str, identifier: str) -> tuple[Shown, Evidence]:
        if not access.may_open(access.user(request), case):
            raise HTTPException(404, "There is no such case.")
        try:
            shown = Shown.open(home, case)
        except (HomeError, TraceError):
            raise HTTPException(404, "There is no such case.") from None
        item = shown.standing.evidence.get(identifier)
        if item is None:
            raise HTTPException(404, "There is no such evidence in this case.")
        return shown, item

    @routes.get("/{case}/exhibits/{identifier}")
    def tell(request: Request, case: str, identifier: Identifier) -> Response:
        shown, item = found(request, case, identifier)
        return PlainTextResponse(exhibit(case, item, shown.standing))

    @routes.get("/{case}/pictures/{identifier}.png")
    def show(request: Request, case: str, identifier: Identifier) -> Response:
        shown, item = found(request, case, identifier)
        data = picture(case, shown.case, shown.standing, shown.blobs, item)
        if data is None:
            raise HTTPException(404, "There is no picture of it.")
        return Response(data, media_type="image/png")

    return routes
