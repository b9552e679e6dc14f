"""What the small model is taught to outline, and on which pictures a target may be called absent."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from agents.citrus_v.training.examples import Box, Example
from agents.citrus_v.training.folders import CELLS, TUMOURS

CENTRE = "centre of {}"
"""The inner part of each instance: where instances touch, their centres do not."""

CENTRE_SHARE = 0.55
"""Side of a centre over the side of its instance."""

TILES = dict.fromkeys(("cell nuclei", *CELLS), 2)
"""Parts a side that a picture is looked at in, for targets too small for one look."""

CLOSER = dict.fromkeys(("brain tumour", *TUMOURS), 2.6) | {"left ventricle cavity": 1.7}
"""Things that are alone on a wide picture, and the room that a second look leaves around them: its side over theirs.

Chosen on pictures of the training split.
"""

TRANSPLANTED = ("glioma", "meningioma")
"""What may grow where another patient's did; a pituitary tumour has one place, which is taken."""

JOINED_LOOKS = {"left ventricle cavity": 2}
"""Of the looks at a picture, the first ones that make an outline, where not all do: the cavity is outlined worse on
turned pictures. Chosen on pictures of the training split.
"""

CONVEX = frozenset({"left ventricle cavity"})
"""Things marked without dents: on the training split the marks fill 0.999 of their hull, papillary muscles within."""

RADIUS = {"red blood cell": 0.075}
"""Of things in heaps that are round and of one size: radius over the longer side of the picture.

The median of the training split, where nine in ten lie within a fifth of it.
"""

INSTANCES = CELLS
"""Targets that are told apart one by one."""

TARGETS = (
    "brain tumour",
    *TUMOURS,
    "left ventricle cavity",
    "hippocampus",
    "anterior hippocampus",
    "posterior hippocampus",
    "cell nuclei",
    *CELLS,
    *(CENTRE.format(cell) for cell in CELLS),
    "lungs",
    "left lung",
    "right lung",
)
"""Every target of our folders, in an order that never changes: a row of the prompt table each."""

_HOME = {
    "brain_mri": ("brain tumour", *TUMOURS),
    "cardiac_mri": ("left ventricle cavity",),
    "hippocampus_mri": ("hippocampus", "anterior hippocampus", "posterior hippocampus"),
    "nuclei": ("cell nuclei",),
    "blood_cells": (*CELLS, *(CENTRE.format(cell) for cell in CELLS)),
    "chest_xray": ("lungs", "left lung", "right lung"),
}

_UNTOLD = {
    "brain_mri": _HOME["hippocampus_mri"],
    "hippocampus_mri": _HOME["brain_mri"],
    "cardiac_mri": _HOME["chest_xray"],
    "nuclei": _HOME["blood_cells"],
    "blood_cells": _HOME["nuclei"],
    "chest_xray": _HOME["cardiac_mri"],
}
"""Targets that may be on the pictures of a folder although nobody marked them there."""


def targets_of(examples: Iterable[Example]) -> tuple[str, ...]:
    """Ours, and after them those of other folders in alphabetical order."""
    others = {target for example in examples for target in (*example.masks, *example.boxes, *example.absent)}
    return (*TARGETS, *sorted(others - set(TARGETS)))


def home(folder: str) -> tuple[str, ...]:
    """Targets that the pictures of a folder are labelled for; none for a folder that is not ours."""
    return _HOME.get(folder, ())


def foreign(folder: str) -> tuple[str, ...]:
    """Targets that are surely not on the pictures of a folder; none for one that is not ours."""
    if folder not in _HOME:
        return ()
    return tuple(target for target in TARGETS if target not in (*_HOME[folder], *_UNTOLD[folder]))


def masks(example: Example) -> dict[str, NDArray[np.bool_]]:
    """Every mask of an example: those given, and for boxed instances the ellipses in their boxes.

    Absent instances have an empty mask.
    """
    found: dict[str, NDArray[np.bool_]] = dict(example.masks)
    shape = example.pixels.shape[:2]
    for target in INSTANCES:
        if target in example.boxes and target not in found:
            found[target] = ellipses(example.boxes[target], shape)
            found[CENTRE.format(target)] = ellipses(example.boxes[target], shape, CENTRE_SHARE)
    return found


def ellipses(boxes: tuple[Box, ...], shape: tuple[int, ...], share: float = 1.0) -> NDArray[np.bool_]:
    """The union of the ellipses inscribed in the boxes, their axes scaled by `share`."""
    mask = np.zeros(shape, dtype=np.bool_)
    for x0, y0, x1, y1 in boxes:
        left, top = max(0, int(x0)), max(0, int(y0))
        right, bottom = min(shape[1], int(np.ceil(x1))), min(shape[0], int(np.ceil(y1)))
        if right <= left or bottom <= top:
            continue
        rows, columns = np.mgrid[top:bottom, left:right] + 0.5
        across = (columns - (x0 + x1) / 2) / max((x1 - x0) / 2 * share, 0.5)
        down = (rows - (y0 + y1) / 2) / max((y1 - y0) / 2 * share, 0.5)
        mask[top:bottom, left:right] |= across**2 + down**2 <= 1
    return mask


def present(example: Example) -> Mapping[str, bool]:
    """Whether each target that is known about is on the picture."""
    known = {target: bool(mask.any()) for target, mask in masks(example).items()}
    known |= {target: True for target, boxes in example.boxes.items() if boxes}
    known |= dict.fromkeys(example.absent, False)
    return known
