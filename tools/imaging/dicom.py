"""DICOM files to images: headers first, then series by series the pixels, in several threads."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from knowledge.case import Modality, Origin
from knowledge.quantity import SpacingSource
from tools.imaging.calibrate import calibrate
from tools.imaging.draft import Draft, grey_or_colour, note
from tools.imaging.facts import Memory
from tools.imaging.geometry import plane_of, towards_lps
from tools.imaging.header import Frame, quiet, read_header
from tools.imaging.identity import Identity
from tools.imaging.limits import Limits, Unreadable
from tools.imaging.pixels import check_pixels, read_frames, stored_type
from tools.imaging.series import Stack, place, stacks, without
from tools.imaging.source import Refusal, Source

Progress = Callable[[str], None]


def read_dicom(
    sources: Iterable[Source], identity: Identity, limits: Limits, progress: Progress
) -> Iterator[Draft | Refusal]:
    """Every image in these files, one at a time; files that do not open as refusals."""
    with quiet():
        series: dict[tuple[str, ...], list[Frame]] = {}
        copies: dict[tuple[str, ...], int] = {}
        memory: Memory = {}
        seen: set[tuple[str, str]] = set()
        for source in sources:
            try:
                frames = read_header(source, identity, limits, memory)
            except Unreadable as error:
                yield Refusal(source.label, source.name, error.reason)
                continue
            instance = frames[0].instance
            key = (instance.patient, *instance.series)
            if instance.uid and (instance.patient, instance.uid) in seen:
                copies[key] = copies.get(key, 0) + 1
                continue
            seen.add((instance.patient, instance.uid))
            series.setdefault(key, []).extend(frames)
        for key, frames in series.items():
            for stack in stacks(frames):
                if copies.get(key):
                    stack.caveats.append(f"{copies[key]} file(s) were copies of others in the series and left out")
                yield from _read_stack(stack, limits, progress)


def _read_stack(stack: Stack, limits: Limits, progress: Progress) -> Iterator[Draft | Refusal]:
    source = stack.frames[0].instance.source
    try:
        array, lost = _read_pixels(stack, limits, progress)
    except Unreadable as error:
        yield Refusal(source.label, source.name, error.reason)
        return
    for source, reason in {frame.instance.source: reason for frame, reason in lost.values()}.items():
        yield Refusal(source.label, source.name, reason)
    if len(lost) == len(stack.frames):
        return
    if lost:
        array = np.delete(array, list(lost), axis=0)
        stack = without(stack, set(lost))
        stack.caveats.append(f"{len(lost)} slice(s) of this series could not be read")
    yield _draft(stack, array)


def _each(function: Callable[[int], None], indices: Iterable[int]) -> None:
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        list(pool.map(function, indices))


def _read_pixels(stack: Stack, limits: Limits, progress: Progress) -> tuple[Any, dict[int, tuple[Frame, str]]]:
    """Stored values in stack order, and the frames that could not be read with the reasons."""
    first = stack.frames[0].instance
    dtype = stored_type(first)
    colour = (3,) if first.photometric not in ("MONOCHROME1", "MONOCHROME2") else ()
    shape = (len(stack.frames), first.rows, first.columns, *colour)
    if int(np.prod(shape, dtype=object)) > limits.samples:
        raise Unreadable(
            f"The series holds {len(stack.frames)} slices, more than the limit of {limits.samples} values."
        )
    progress(f"Reading {first.modality.value}: {len(stack.frames)} slice(s)")
    array = np.empty(shape, dtype)
    jobs: dict[int, list[int]] = {}
    for at, frame in enumerate(stack.frames):
        jobs.setdefault(id(frame.instance), []).append(at)
    work = list(jobs.values())
    lost: dict[int, tuple[Frame, str]] = {}

    def read(job: int) -> None:
        places = work[job]
        instance = stack.frames[places[0]].instance
        try:
            check_pixels(instance)
            read_frames(instance, [stack.frames[at].index for at in places], [array[at] for at in places])
        except Unreadable as error:
            lost.update({at: (stack.frames[at], error.reason) for at in places})

    _each(read, range(len(work)))
    return array, lost


def _draft(stack: Stack, array: Any) -> Draft:
    frames = stack.frames
    instance = frames[0].instance
    array, windows, hu, words = calibrate(frames, array, _each)
    placement = place(stack)
    single = len(frames) == 1 or stack.cine
    draft = Draft(
        array=grey_or_colour(array),
        name=instance.source.name,
        stem=_stem(stack),
        format="dicom",
        modality=instance.modality,
        modality_origin=Origin.UNKNOWN if instance.modality is Modality.UNKNOWN else Origin.HEADER,
        body_part=instance.body_part,
        view=instance.view,
        frames=len(frames) if stack.cine else 1,
        spacing=placement.spacing,
        spacing_source=SpacingSource.NONE if placement.spacing is None else SpacingSource.HEADER,
        slice_thickness=frames[0].thickness,
        calibrated=hu,
        windows=windows,
        patient=instance.patient,
        age=next((frame.instance.age for frame in frames if frame.instance.age is not None), None),
        sex=instance.sex,
    )
    for caveat in (
        *(c for frame in frames for c in frame.instance.caveats),
        *stack.caveats,
        *placement.caveats,
        *words,
    ):
        note(draft, caveat)
    if instance.projection:
        _hang(draft, instance.towards)
    if placement.affine is not None:
        affine = placement.affine
        draft.plane = plane_of(np.cross(affine[:3, 0], affine[:3, 1]))
        draft.orientation_origin = Origin.HEADER
        if not single:
            moved, affine = towards_lps(draft.array, affine)
            draft.array = np.ascontiguousarray(moved)
            draft.spacing = _turned_spacing(placement.affine, affine, placement.spacing)
        draft.affine = affine
    return draft


def _hang(draft: Draft, towards: tuple[str, str]) -> None:
    """Turn a frontal projection as films are hung, left of the patient at the right, head up."""
    across, down = towards
    if across in ("L", "R") and down in ("H", "F"):
        if across == "R" or down == "H":
            draft.array = draft.array[:, :: -1 if down == "H" else 1, :: -1 if across == "R" else 1]
            note(draft, "stored mirrored or upside down; turned so that the patient's left is at the right, head up")
        draft.orientation_origin = Origin.HEADER
    elif across in ("H", "F") or down in ("L", "R"):
        note(draft, "stored turned on its side: what is left and right in the picture is not so in the patient")


def _turned_spacing(before: Any, after: Any, spacing: tuple[float, float, float] | None) -> Any:
    """Spacing in the order of the turned axes: each keeps the figure it had before."""
    if spacing is None:
        return None
    by_axis = dict(zip((2, 1, 0), spacing, strict=True))
    turned = []
    for axis in (2, 1, 0):
        match = max(
            range(3), key=lambda old: abs(float(before[:3, old] @ after[:3, axis])) / _lengths(before, after, old, axis)
        )
        turned.append(by_axis[match])
    return tuple(turned)


def _lengths(before: Any, after: Any, old: int, new: int) -> float:
    return float(np.linalg.norm(before[:3, old]) * np.linalg.norm(after[:3, new]))


def _stem(stack: Stack) -> str:
    instance = stack.frames[0].instance
    code = "" if instance.modality is Modality.UNKNOWN else f"{instance.modality.value} "
    if instance.localizer:
        return f"{code}localizer"
    if stack.cine:
        return f"{code}cine"
    return f"{code}series" if len(stack.frames) > 1 else f"{code}image"
