"""The pictures of a report: every cited mark on its image, what belongs together in one picture."""

from collections.abc import Sequence
from dataclasses import dataclass

from knowledge.case import Case, Image
from knowledge.evidence import Evidence, Mask, Measurement, Region
from ui.trace_page.record import Record
from ui.trace_page.thumbnails import Thumbnails

SIZE = 720
"""Longest side in pixels."""
MOST = 12
"""Pictures of a report; the record has the others."""

Mark = Mask | Region | Measurement


@dataclass(frozen=True)
class Picture:
    """A slice with marks on it."""

    title: str
    png: bytes


def pictures(record: Record, case: Case, cited: Sequence[Evidence]) -> tuple[Picture, ...]:
    """Draw what is cited, image by image: outlines and boxes that share slices, then each measured line."""
    drawn = Thumbnails(record, size=SIZE)
    found: list[Picture] = []
    for image in case.images:
        for group in grouped([item for item in cited if item.image == image.id]):
            if len(found) == MOST:
                return tuple(found)
            png = drawn.group(image, group)
            if png is not None:
                found.append(Picture(_title(image, group), png))
    return tuple(found)


def grouped(items: Sequence[Evidence]) -> list[list[Mark]]:
    """Marks of one image that can be seen on one slice together."""
    groups: list[list[Mark]] = []
    for item in items:
        if not isinstance(item, Mask | Region):
            continue
        home = next((group for group in groups if all(_seen_with(item, other) for other in group)), None)
        if home is None:
            groups.append([item])
        else:
            home.append(item)
    lines: dict[tuple[tuple[str, ...], int], list[Mark]] = {}
    masks = {item.id: item for item in items if isinstance(item, Mask)}
    for item in items:
        if isinstance(item, Measurement) and item.points:
            depth = round(item.points[0][2]) if len(item.points[0]) == 3 else 0
            together = lines.setdefault((item.of, depth), [masks[name] for name in item.of if name in masks])
            together.append(item)
    return groups + list(lines.values())


def _seen_with(one: Mask | Region, other: Mark) -> bool:
    """Whether two marks of one kind share at least half the slices of the shorter."""
    if type(one) is not type(other) or isinstance(other, Measurement):
        return False
    shared = min(one.slices[1], other.slices[1]) - max(one.slices[0], other.slices[0])
    return 2 * shared >= min(one.slices[1] - one.slices[0], other.slices[1] - other.slices[0])


def _title(image: Image, items: Sequence[Mark]) -> str:
    named = [
        f"{item.target}, {item.quantity.name} ({item.id})"
        if isinstance(item, Measurement)
        else f"{item.target} ({item.id})"
        for item in items
    ]
    return f"{image.id}, {image.label}: {'; '.join(named)}"
