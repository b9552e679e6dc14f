"""Small pictures of evidence and images, drawn from the record alone: each mark on the slice that shows it best."""

import io
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable

import numpy as np
import PIL.Image

from knowledge.blobs import BlobError
from knowledge.case import Image, Window
from knowledge.evidence import Evidence, Mask, Measurement, Region, View
from tools.imaging.render import (
    MarkedBox,
    MarkedLine,
    MarkedPoint,
    best_slice,
    default_plane,
    describe,
    render,
    slice_count,
)
from tools.imaging.volume import Volume, decode_mask
from ui.pictures import rests_on
from ui.trace_page.record import Record

SIZE = 420
"""Longest side of a picture in pixels."""
_KEPT = 200
_BLACK = Window(name="none", center=1000, width=1)


class Thumbnails:
    """Draws pictures of one record, each once.

    Attributes:
        hidden: Whether an image's pixels stay out of its pictures, which then show the marks alone.
    """

    def __init__(
        self, record: Record, *, size: int = SIZE, hidden: Callable[[Image], bool] = lambda image: False
    ) -> None:
        self.record = record
        self.hidden = hidden
        self._size = size
        self._case, self._evidence = record.case, record.evidence
        self._volumes: OrderedDict[str, Volume | None] = OrderedDict()
        self._drawn: OrderedDict[str, bytes | None] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def names(self) -> list[str]:
        """Ids of everything that can have a picture, image by image."""
        marks = [item for item in self._evidence.values() if isinstance(item, Mask | Region | Measurement | View)]
        images = [image.id for image in self._case.images]
        return [name for image in images for name in (image, *(item.id for item in marks if item.image == image))]

    def png(self, name: str) -> bytes | None:
        """The picture of an image or a piece of evidence, or None where there is nothing to show."""
        with self._lock:
            if name not in self._drawn:
                self._drawn[name] = self._png(name)
                while len(self._drawn) > _KEPT:
                    self._drawn.popitem(last=False)
            return self._drawn[name]

    def let_go(self) -> None:
        """Drop the volume that pictures were drawn from; the pictures stay."""
        if self._lock.acquire(blocking=False):
            self._volumes.clear()
            self._lock.release()

    def group(self, image: Image, items: Iterable[Evidence]) -> bytes | None:
        """One picture of `image` with all that is marked on it among `items`; None where nothing is."""
        with self._lock:
            return self._marked(image, list(items))

    def _png(self, name: str) -> bytes | None:
        images = {image.id: image for image in self._case.images}
        if name in images:
            return self._plain(images[name])
        item = self._evidence.get(name)
        image = images.get(item.image or "") if item is not None else None
        if item is None or image is None:
            return None
        if isinstance(item, View):
            return None if self.hidden(image) else self._view(item)
        return self._marked(image, rests_on(self._evidence, [name]))

    def _plain(self, image: Image) -> bytes | None:
        volume, seen = self._volume(image)
        return render(image, volume, size=self._size) if seen else None

    def _view(self, item: View) -> bytes | None:
        try:
            data = self.record.get(item.blob)
            with PIL.Image.open(io.BytesIO(data)) as picture:
                small = picture.convert("RGB")
        except (BlobError, OSError):
            return None
        small.thumbnail((self._size, self._size * 2))
        buffer = io.BytesIO()
        small.save(buffer, "PNG")
        return buffer.getvalue()

    def _volume(self, image: Image) -> tuple[Volume, bool]:
        """The pixels of an image, and whether they may be seen; else its grid, empty."""
        if image.id not in self._volumes:
            self._volumes[image.id] = self._load(image)
            while len(self._volumes) > 1:
                self._volumes.popitem(last=False)
        volume = self._volumes[image.id]
        return (volume, True) if volume is not None else (_empty(image), False)

    def _load(self, image: Image) -> Volume | None:
        if self.hidden(image):
            return None
        try:
            # Of a store, `load` uses `get` alone, which a record has too.
            return Volume.load(image, self.record)  # type: ignore[arg-type]
        except (BlobError, ValueError, OSError):
            return None

    def _marked(self, image: Image, items: list[Evidence]) -> bytes | None:
        on_it = [item for item in items if item.image == image.id]
        volume, seen = self._volume(image)
        masks = [(pixels, _named(item)) for item in on_it if isinstance(item, Mask) for pixels in self._mask(item)]
        masks = [(pixels, text) for pixels, text in masks if pixels.shape == volume.shape]
        boxes = [MarkedBox(item.box, _named(item), item.slices) for item in on_it if isinstance(item, Region)]
        measured = [item for item in on_it if isinstance(item, Measurement)]
        lines = [
            MarkedLine((item.points[0], item.points[1]), f"{item.quantity.name} {item.quantity.text()}")
            for item in measured
            if len(item.points) == 2
        ]
        points = [MarkedPoint(item.points[0], _named(item)) for item in measured if len(item.points) == 1]
        if not (masks or boxes or lines or points):
            return None
        plane = default_plane(image)
        count = slice_count(image, plane)
        index = count // 2
        # A line or a point lies on one slice of the image's own grid, which is across the third axis.
        marked = [line.ends[0] for line in lines] + [point.at for point in points]
        deep = [place for place in marked if len(place) == 3]
        if deep and count == image.shape[0]:
            index = round(deep[0][2])
        elif masks:
            index = best_slice(np.logical_or.reduce([pixels for pixels, _ in masks]), plane)
        elif boxes and count == image.shape[0]:
            index = (boxes[0].slices[0] + boxes[0].slices[1] - 1) // 2
        index = min(max(index, 0), count - 1)
        window = None if seen else _BLACK
        caption = None if seen else f"{describe(image, plane, index, None)}; marks only, without the image"
        return render(
            image,
            volume,
            plane=plane,
            index=index,
            window=window,
            masks=masks,
            boxes=boxes,
            lines=lines,
            points=points,
            size=self._size,
            caption=caption,
        )

    def _mask(self, item: Mask) -> list[np.ndarray]:
        try:
            return [decode_mask(self.record.get(item.blob))]
        except (BlobError, OSError, ValueError, EOFError):
            return []


def _named(item: Mask | Region | Measurement) -> str:
    return f"{item.id} {item.target}"


def _empty(image: Image) -> Volume:
    shape = image.shape if image.channels == 1 else (*image.shape, 3)
    affine = None if image.affine is None else np.array(image.affine, dtype=np.float64)
    return Volume(np.broadcast_to(np.uint8(0), shape), affine, image.spacing, image.spacing_source)
