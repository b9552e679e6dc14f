"""A case as the viewer is told it: its images and how they lie, its evidence, its answers as they stand."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from graphs.events import Admitted, Asked, Event, Revision
from graphs.home import Home
from graphs.standing import Standing
from graphs.trace import TRACE_FILE, TraceError, read_trace
from knowledge.blobs import BlobStore
from knowledge.case import Case, Image, Plane
from knowledge.evidence import CAVEATS, Evidence, Mask, Measurement, Passage, Region
from tools.imaging.geometry import letter
from tools.imaging.placement import frame_of
from tools.imaging.render import Cut
from tools.imaging.windows import PRESETS
from ui import viewer_pixels
from ui.terminal import facts, summary
from ui.viewer_pixels import Shelf

_RECORDS = Shelf(32)


@dataclass(frozen=True)
class Shown:
    """One conversation's record, as it was when it was read."""

    events: tuple[Event, ...]
    times: tuple[str, ...]
    head: str
    blobs: BlobStore

    @classmethod
    def open(cls, home: Home, identifier: str) -> "Shown":
        """Read the record of a conversation, which may be open elsewhere.

        Raises:
            HomeError: `identifier` is no conversation's id.
            TraceError: There is none, it is not intact, or its files were never read.
        """
        folder = home.conversation(identifier)
        file = folder / TRACE_FILE
        try:
            stat = file.stat()
        except OSError as error:
            raise TraceError(f"{identifier}: cannot be read ({error.strerror})") from None
        return _RECORDS.get((file, stat.st_size, stat.st_mtime_ns), lambda: cls._read(file))

    @classmethod
    def _read(cls, file: Path) -> "Shown":
        entries = read_trace(file)
        if not any(isinstance(entry.event, Admitted) for entry in entries):
            raise TraceError(f"{file.parent.name}: its files were never read")
        return cls(
            tuple(entry.event for entry in entries),
            tuple(entry.time.isoformat(timespec="seconds") for entry in entries),
            entries[-1].hash,
            BlobStore(file.parent / "blobs"),
        )

    @cached_property
    def case(self) -> Case:
        """The images and what is known of them."""
        return next(event.case for event in self.events if isinstance(event, Admitted))

    @cached_property
    def standing(self) -> Standing:
        """Evidence and answers, with what corrections changed."""
        return Standing.of(self.events)

    def told(self) -> dict[str, Any]:
        """All of it as one JSON object, without a pixel."""
        standing = self.standing
        asked = {event.turn: event.question for event in self.events if isinstance(event, Asked)}
        made = [time for event, time in zip(self.events, self.times, strict=True) if event.type == "corrected"]
        return {
            "head": self.head,
            "images": [image_told(image, self.blobs) for image in self.case.images],
            "problems": [problem.model_dump() for problem in self.case.problems],
            "evidence": [evidence_told(item, standing) for item in standing.evidence.values()],
            "answers": [
                {
                    "turn": turn,
                    "question": asked.get(turn, ""),
                    "answer": answer.answer,
                    "revised": isinstance(answer, Revision),
                    "withheld": [{"text": claim.text, "reason": claim.reason} for claim in answer.withheld],
                }
                for turn, answer in sorted(standing.answers.items())
            ],
            "corrections": [
                {
                    "number": event.number,
                    "of": event.of,
                    "new": event.evidence[0].id if event.evidence else None,
                    "by": event.by,
                    "reason": event.reason,
                    "time": time,
                    "replaced": revised.replaced if revised else {},
                    "withdrawn": revised.withdrawn if revised else (),
                    "answers": [revision.turn for revision in revised.answers] if revised else [],
                    "differential": revised is not None and revised.differential is not None,
                }
                for (event, revised), time in zip(standing.corrections, made, strict=True)
            ],
        }


def image_told(image: Image, blobs: BlobStore) -> dict[str, Any]:
    """An image's grid, planes, values and windows."""
    window = viewer_pixels.window(image, blobs)
    # Of two of one name the file's own counts.
    presets = {
        preset.name: preset for preset in (*(PRESETS.values() if image.intensity == "HU" else ()), *image.windows)
    }
    return {
        "id": image.id,
        "label": image.label,
        "facts": facts(image),
        "caveats": list(image.caveats),
        "shape": image.shape,
        "channels": image.channels,
        "frames": image.frames > 1,
        "type": viewer_pixels.wire_type(image, blobs),
        "slope": image.slope,
        "intercept": image.intercept,
        "unit": {"HU": "HU", "signal": "", "colour": ""}[image.intensity],
        "length": "mm" if image.spacing is not None else "px",
        "steps": frame_of(image).tolist(),
        "affine": image.affine,
        "planes": _planes(image),
        "first": image.plane.value if image.plane is not None and image.dimensions == 3 else None,
        "window": window and window.model_dump(),
        "presets": [preset.model_dump() for preset in presets.values()],
    }


def _planes(image: Image) -> list[dict[str, Any]]:
    """The planes it can be seen in: across which axis, with which letters at the edges and which pixel size."""
    wanted = tuple(Plane) if image.dimensions == 3 and image.affine is not None else (None,)
    planes = []
    for plane in wanted:
        cut = Cut.of(image, plane)
        pixel = (1.0, 1.0)
        if image.spacing is not None:
            pixel = image.spacing[2 - cut.right], image.spacing[2 - cut.down]
        planes.append(
            {
                "name": plane.value if plane is not None else "as stored",
                "across": cut.across,
                "right": cut.right,
                "down": cut.down,
                "flipped": cut.upside_down,
                "pixel": pixel,
                "letters": _letters(image, cut),
            }
        )
    return planes


def _letters(image: Image, cut: Cut) -> dict[str, str] | None:
    if image.affine is None:
        return None
    affine = np.array(image.affine)
    right, down = affine[:3, cut.right], affine[:3, cut.down] * (-1 if cut.upside_down else 1)
    return {"left": letter(-right), "right": letter(right), "top": letter(-down), "bottom": letter(down)}


def evidence_told(item: Evidence, standing: Standing) -> dict[str, Any]:
    """One piece of evidence, with what took its place where it no longer stands."""
    told: dict[str, Any] = {
        "id": item.id,
        "kind": item.kind,
        "image": item.image,
        "target": getattr(item, "target", None) or "",
        "words": summary(item),
        "caveats": [f"{caveat}: {CAVEATS[caveat]}" if caveat in CAVEATS else caveat for caveat in item.caveats],
        "of": getattr(item, "of", ()),
        "stands": item.id not in standing.fates,
        "now": standing.now(item.id),
    }
    if isinstance(item, Mask | Region):
        told |= {"box": item.box, "slices": item.slices}
    if isinstance(item, Mask):
        told["voxels"] = item.voxels
    if isinstance(item, Measurement):
        told |= {"name": item.quantity.name, "text": item.quantity.text(), "points": item.points}
    if isinstance(item, Passage):
        source = item.source
        told |= {"title": item.title, "source": f"{source.title}, {source.organisation}, {source.year}"}
    return told
