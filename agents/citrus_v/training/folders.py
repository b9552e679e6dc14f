"""The labelled folders that the small model is trained and measured on, read into examples.

A folder holds index.jsonl, one JSON object a line, with paths relative to it. What its rows mean is
known by the folder's name.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from numpy.typing import NDArray
from scipy import ndimage

from agents.citrus_v.training import stored
from agents.citrus_v.training.examples import Box, Example
from agents.citrus_v.training.formats import jsonl

TUMOURS = ("meningioma", "glioma", "pituitary tumour")
"""Kinds of brain tumour in the words of the targets."""

CELLS = ("red blood cell", "white blood cell", "platelet")

_TAILS = (0.5, 99.5)
_SIDES = {"Left Lung": "left lung", "Right Lung": "right lung"}


class FolderError(ValueError):
    """A data folder is not what it should be; the message names the file and the reason."""


def read(root: Path, split: str | None = None) -> Iterator[Example]:
    """Every example of every known folder under `root`, or of `root` if it is itself one.

    Args:
        split: Only these; all where None.

    Raises:
        FolderError: There is no known folder, or a row or file in it is broken.
    """
    folders = known(root)
    if not folders:
        raise FolderError(f"{root} holds no folder with an index.jsonl, such as {', '.join(READERS)}")
    for folder in folders:
        yield from read_folder(folder, split)


def known(root: Path) -> list[Path]:
    """The folders under `root` that hold an index: ours in their order, then others, read as `formats.jsonl`."""
    if (root / "index.jsonl").is_file():
        return [root]
    found = [file.parent for file in sorted(root.glob("*/index.jsonl"))]
    return sorted(found, key=lambda folder: ([*READERS, folder.name].index(folder.name), folder.name))


def read_folder(folder: Path, split: str | None = None) -> Iterator[Example]:
    """Every example of one folder, in the order of its index.

    Raises:
        FolderError: A row or file in it is broken.
    """
    if folder.name not in READERS:
        yield from (example for example in jsonl(folder) if split in (None, example.split))
        return
    for number, row in enumerate(rows(folder), start=1):
        if split is not None and row.get("split") != split:
            continue
        try:
            yield from READERS[folder.name](folder, row)
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise FolderError(f"{folder / 'index.jsonl'} line {number}: {error}") from error


def rows(folder: Path) -> list[dict[str, Any]]:
    """The rows of a folder's index.

    Raises:
        FolderError: A line is not a JSON object.
    """
    found = []
    for number, line in enumerate((folder / "index.jsonl").read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise FolderError(f"{folder / 'index.jsonl'} line {number}: {error}") from None
        if not isinstance(row, dict):
            raise FolderError(f"{folder / 'index.jsonl'} line {number}: not an object")
        found.append(row)
    return found


def _brain(folder: Path, row: dict[str, Any]) -> Iterator[Example]:
    kind = {"pituitary": "pituitary tumour"}.get(row["label"], row["label"])
    mask = stored.mask(stored.inside(folder, row["mask"]))
    masks = {"brain tumour": mask, kind: mask}
    absent = frozenset(TUMOURS) - {kind}
    yield _example(folder, row, masks=masks, absent=absent, facts={"label": kind})


def _heart(folder: Path, row: dict[str, Any]) -> Iterator[Example]:
    yield _example(folder, row, masks={"left ventricle cavity": stored.mask(stored.inside(folder, row["mask"]))})


def _hippocampus(folder: Path, row: dict[str, Any]) -> Iterator[Example]:
    values = _axial(stored.inside(folder, row["image"]))
    labels = _axial(stored.inside(folder, row["labels"]))
    names = {int(value): str(name) for value, name in row["label_values"].items()}
    low, high = np.percentile(values, _TAILS)
    shown = np.clip((values - low) / max(float(high - low), 1e-6) * 255, 0, 255).astype(np.uint8)
    for index, (plane, marked) in enumerate(zip(shown, labels, strict=True)):
        masks = {name: marked == value for value, name in names.items()}
        masks["hippocampus"] = marked > 0
        yield _example(folder, row, pixels=_rgb(plane), masks=masks, slice_index=index)


def _nuclei(folder: Path, row: dict[str, Any]) -> Iterator[Example]:
    instances = stored.numbers(stored.inside(folder, row["instances"]))
    found = ndimage.find_objects(instances.astype(np.int32))
    boxes = tuple((float(s[1].start), float(s[0].start), float(s[1].stop), float(s[0].stop)) for s in found if s)
    yield _example(folder, row, masks={"cell nuclei": instances > 0}, boxes={"cell nuclei": boxes})


def _blood(folder: Path, row: dict[str, Any]) -> Iterator[Example]:
    boxes: dict[str, tuple[Box, ...]] = dict.fromkeys(CELLS, ())
    for one in row["boxes"]:
        boxes[one["label"]] = (*boxes[one["label"]], stored.box(one["box"]))
    absent = frozenset(cell for cell, found in boxes.items() if not found)
    yield _example(folder, row, boxes=boxes, absent=absent)


def _chest(folder: Path, row: dict[str, Any]) -> Iterator[Example]:
    boxes = {
        _SIDES[one["label"]]: (stored.box(one["box"]),) for one in row.get("boxes") or () if one["label"] in _SIDES
    }
    masks = {}
    if row.get("mask"):
        lungs = stored.mask(stored.inside(folder, row["mask"]))
        masks["lungs"] = lungs
        if len(boxes) == 2:
            masks |= _sides(lungs, boxes)
    yield _example(folder, row, masks=masks, boxes=boxes)


READERS: dict[str, Callable[[Path, dict[str, Any]], Iterator[Example]]] = {
    "brain_mri": _brain,
    "cardiac_mri": _heart,
    "hippocampus_mri": _hippocampus,
    "nuclei": _nuclei,
    "blood_cells": _blood,
    "chest_xray": _chest,
}


def _example(folder: Path, row: dict[str, Any], **known: Any) -> Example:
    identifier = str(row["id"])
    index = known.pop("slice_index", None)
    facts = {key: value for key, value in row.items() if key not in _NOT_FACTS} | known.pop("facts", {})
    pixels = known.pop("pixels", None)
    if pixels is None:
        pixels = stored.picture(stored.inside(folder, row["image"]))
    for target, mask in known.get("masks", {}).items():
        if mask.shape != pixels.shape[:2]:
            raise ValueError(f"the mask of {target} is {mask.shape}, the picture {pixels.shape[:2]}")
    return Example(
        id=identifier if index is None else f"{identifier}@{index}",
        folder=folder.name,
        split=str(row.get("split", "test")),
        pixels=pixels,
        facts=facts,
        **known,
    )


_NOT_FACTS = {"id", "image", "mask", "labels", "label_values", "instances", "boxes", "split"}


def _rgb(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(plane[..., None], 3, axis=-1)


def _axial(path: Path) -> NDArray[Any]:
    """Values as slices from foot to head, rows from front to back, columns from right to left (LPS)."""
    image = nib.load(path)
    turn = ornt_transform(io_orientation(image.affine), axcodes2ornt("LPS"))
    return np.ascontiguousarray(np.asarray(image.as_reoriented(turn).dataobj).T)


def _sides(lungs: NDArray[np.bool_], boxes: Mapping[str, tuple[Box, ...]]) -> dict[str, NDArray[np.bool_]]:
    """Give each connected part of the lungs to the side whose box holds more of it."""
    parts, count = ndimage.label(lungs)
    sides = {side: np.zeros_like(lungs) for side in boxes}
    for part in range(1, count + 1):
        inside = parts == part
        rows, columns = np.nonzero(inside)
        held = {
            side: int(((columns >= x0) & (columns < x1) & (rows >= y0) & (rows < y1)).sum())
            for side, ((x0, y0, x1, y1),) in boxes.items()
        }
        sides[max(held, key=lambda side: held[side])] |= inside
    return sides
