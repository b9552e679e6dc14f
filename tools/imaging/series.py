"""Which frames belong together, in which order, and where the stack lies in the patient."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from knowledge.case import Modality
from tools.imaging.geometry import Matrix, plane_of, tilt
from tools.imaging.header import PHASES, Frame, Vector6

_SAME_PLACE = 0.01
"""mm: positions nearer than this are the same place."""
_SAME_DIRECTION = 1e-3
"""Largest difference of direction cosines within one stack, about 0.06 degrees."""
_EVEN = 0.05
"""Distances within 5 % of their median are even."""
_MISSING = 1.5
"""A step of 1.5 medians or more is a gap."""
_TILTED = 0.5
_OBLIQUE = 10.0
"""Degrees."""
_SECTIONS = (Modality.CT, Modality.MR, Modality.PT)


@dataclass
class Stack:
    """Frames of one image, in order.

    Attributes:
        cine: All lie at one place and differ in time.
    """

    frames: list[Frame]
    cine: bool = False
    caveats: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Placement:
    """Where a stack lies: affine (LPS mm) of its array in stack order, spacing, and caveats."""

    affine: Matrix | None
    spacing: tuple[float, float, float] | None
    caveats: tuple[str, ...] = ()


def stacks(frames: Sequence[Frame]) -> list[Stack]:
    """Divide the frames of one series into stacks that are each one image.

    Frames are together when they have the same size, kind and orientation. Where positions
    repeat, they are divided by acquisition, echo, phase and so on, never interleaved. The order
    is by position along the normal; file names and instance numbers do not matter.
    """
    found: list[Stack] = []
    for alike in _split(frames, _likeness):
        for turned in _by_orientation(alike):
            found += _divide(turned)
    return found


def _split(frames: Iterable[Frame], key: Callable[[Frame], Hashable]) -> list[list[Frame]]:
    groups: dict[Hashable, list[Frame]] = {}
    for frame in frames:
        groups.setdefault(key(frame), []).append(frame)
    return list(groups.values())


def _likeness(frame: Frame) -> Hashable:
    instance = frame.instance
    spacing = None if frame.scale.spacing is None else tuple(round(size, 4) for size in frame.scale.spacing)
    own = None if _stackable(frame) else (id(instance) if frame.instance.frames > 1 else id(frame))
    return (
        instance.rows, instance.columns, instance.photometric, instance.bits_allocated, instance.signed,
        instance.localizer, instance.hu, instance.modality, spacing, own,
    )  # fmt: skip


def _stackable(frame: Frame) -> bool:
    """Whether the frame can be one slice of a volume: cross-sections can, projections cannot."""
    if frame.instance.projection:
        return False
    return frame.position is not None or frame.location is not None or frame.instance.modality in _SECTIONS


def _by_orientation(frames: list[Frame]) -> list[list[Frame]]:
    groups: list[tuple[Vector6 | None, list[Frame]]] = []
    for frame in frames:
        for orientation, group in groups:
            if _same(orientation, frame.orientation):
                group.append(frame)
                break
        else:
            groups.append((frame.orientation, [frame]))
    return [group for _, group in groups]


def _same(one: Vector6 | None, other: Vector6 | None) -> bool:
    if one is None or other is None:
        return one is other
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) < _SAME_DIRECTION


def _divide(frames: list[Frame]) -> list[Stack]:
    """Stacks of frames alike in size and orientation."""
    if len(frames) == 1:
        return [Stack(frames)]
    if not all(_stackable(frame) for frame in frames):
        return [Stack(sorted(frames, key=lambda frame: frame.index), cine=True)]
    places = _places(frames)
    if max(places) == 0:
        return [Stack(sorted(frames, key=_time), cine=True)]
    if len(set(places)) == len(places):
        return [Stack(_ordered(frames))]
    parts = _by_phase(frames, places)
    if parts is not None:
        return [Stack(_ordered(part)) for part in parts]
    caveat = "several images lie at the same place and the header does not say how they differ; divided by their order"
    taken: dict[int, int] = {}
    turns: dict[int, list[Frame]] = {}
    for frame, place in sorted(zip(frames, places, strict=True), key=lambda pair: _time(pair[0])):
        turn = taken[place] = taken.get(place, -1) + 1
        turns.setdefault(turn, []).append(frame)
    return [Stack(_ordered(part), caveats=[caveat]) for part in turns.values()]


def _places(frames: Sequence[Frame]) -> list[int]:
    """A number for each frame, equal where frames lie at the same place."""
    along = [_along(frame) for frame in frames]
    order = sorted(range(len(frames)), key=lambda at: along[at])
    places = [0] * len(frames)
    for before, at in pairwise(order):
        places[at] = places[before] + (along[at] - along[before] > _SAME_PLACE)
    return places


def _by_phase(frames: list[Frame], places: list[int]) -> list[list[Frame]] | None:
    """Divide by the first header fields that leave no position twice, or None."""
    place = dict(zip(map(id, frames), places, strict=True))

    def unique(parts: list[list[Frame]]) -> bool:
        return all(len({place[id(frame)] for frame in part}) == len(part) for part in parts)

    most = max(places.count(one) for one in set(places))
    for width in (1, 2, len(PHASES)):
        for first in range(len(PHASES)):
            columns = range(first, len(PHASES)) if width > 1 else (first,)
            for second in columns if width == 2 else (first,):
                chosen = range(len(PHASES)) if width == len(PHASES) else {first, second}
                parts = _split(frames, lambda frame, chosen=chosen: tuple(frame.phase[at] for at in chosen))  # type: ignore[misc]
                # Fields that differ at every slice, such as a time, would leave single slices.
                if unique(parts) and len(parts) <= 2 * most:
                    return parts
    return None


def _time(frame: Frame) -> tuple[float, int, int]:
    trigger = frame.phase[PHASES.index("TriggerTime")] or frame.phase[PHASES.index("NominalCardiacTriggerDelayTime")]
    try:
        at = float(trigger)
    except ValueError:
        at = 0.0
    return at, frame.instance.number, frame.index


def _along(frame: Frame) -> float:
    """Place along the normal in mm; Slice Location or else the number where no position is given."""
    if frame.orientation is not None and frame.position is not None:
        normal = np.cross(frame.orientation[:3], frame.orientation[3:])
        return float(normal @ np.array(frame.position))
    return float(frame.instance.number + frame.index) if frame.location is None else frame.location


def _ordered(frames: list[Frame]) -> list[Frame]:
    """By position along the normal, turned so that a volume needs no flip to reach LPS."""
    ordered = sorted(frames, key=_along)
    orientation = ordered[0].orientation
    if orientation is not None:
        normal = np.cross(orientation[:3], orientation[3:])
        if normal[int(np.argmax(np.abs(normal)))] < 0:
            ordered.reverse()
    return ordered


def place(stack: Stack) -> Placement:
    """The affine and spacing of a stack from the positions of its frames.

    The step from slice to slice is the mean over evenly spaced slices, and the median where
    slices are missing. Spacing Between Slices is used only where no positions are given.
    """
    first, last = stack.frames[0], stack.frames[-1]
    scale = first.scale.spacing
    caveats = list(dict.fromkeys(caveat for frame in stack.frames for caveat in frame.scale.caveats))
    single = len(stack.frames) == 1 or stack.cine
    depth = first.thickness or 1.0
    if first.orientation is None or first.position is None or scale is None or first.instance.projection:
        if single:
            return Placement(None, None if scale is None else (depth, *scale), tuple(caveats))
        between, words = _distance_without_positions(stack)
        spacing = None if scale is None or between is None else (between, *scale)
        return Placement(None, spacing, (*caveats, *words))
    row, column = np.array(first.orientation[:3]), np.array(first.orientation[3:])
    normal = np.cross(row, column)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = row * scale[1], column * scale[0]
    affine[:3, 3] = first.position
    if single:
        affine[:3, 2] = normal * depth
        return Placement(affine, (depth, *scale), (*caveats, *_obliquity(normal)))
    positions = np.array([frame.position for frame in stack.frames], dtype=np.float64)
    steps = np.diff(positions @ normal)
    words, regular = _spacing_caveats(np.abs(steps))
    travel = (np.array(last.position) - np.array(first.position)) / (len(stack.frames) - 1)
    if not regular:
        travel = travel * (float(np.median(np.abs(steps))) / abs(float(travel @ normal)))
    affine[:3, 2] = travel
    lean = float(np.degrees(np.arccos(min(1.0, abs(float(travel @ normal)) / float(np.linalg.norm(travel))))))
    if lean > _TILTED:
        words.append(f"gantry tilt: the slices are shifted by {lean:.1f} degrees, so the grid is sheared")
    return Placement(affine, (abs(float(travel @ normal)), *scale), (*caveats, *words, *_obliquity(normal)))


def _spacing_caveats(steps: NDArray[np.float64]) -> tuple[list[str], bool]:
    """Words on gaps and uneven steps, and whether the mean step is the one to use."""
    middle = float(np.median(steps))
    wide = steps >= _MISSING * middle
    if wide.any() and np.all(np.abs(steps[~wide] - middle) <= _EVEN * middle):
        missing = int(np.sum(np.rint(steps[wide] / middle) - 1))
        at = ", ".join(f"{int(index) + 1} and {int(index) + 2}" for index in np.flatnonzero(wide)[:5])
        beyond = float(np.sum(steps[wide] - middle))
        return [
            f"missing slices: about {missing} between slices {at}; sizes and positions across a gap are wrong by"
            f" up to {beyond:.1f} mm"
        ], False
    if np.any(np.abs(steps - middle) > max(_EVEN * middle, _SAME_PLACE)):
        return [
            f"uneven spacing: slices are {steps.min():.2f} to {steps.max():.2f} mm apart and shown as if even;"
            " sizes across slices are uncertain"
        ], True
    return [], True


def _obliquity(normal: NDArray[np.float64]) -> list[str]:
    angle = tilt(normal)
    if angle <= _OBLIQUE:
        return []
    return [f"oblique: the slices are {angle:.0f} degrees from the {plane_of(normal).value} plane"]


def _distance_without_positions(stack: Stack) -> tuple[float | None, list[str]]:
    words = ["slice positions are not given; the slices are in the order of their locations or numbers"]
    locations = [frame.location for frame in stack.frames if frame.location is not None]
    steps = np.abs(np.diff(locations))
    if len(locations) == len(stack.frames) > 1 and steps.min() > _SAME_PLACE:
        more, _ = _spacing_caveats(steps)
        return float(median(steps)), words + more
    between = stack.frames[0].between
    return (between if between is not None and between > 0 else None), words


def without(stack: Stack, lost: set[int]) -> Stack:
    """The stack without the frames at these places in it."""
    return replace(stack, frames=[frame for at, frame in enumerate(stack.frames) if at not in lost])
