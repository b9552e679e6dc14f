"""Whether two answers on the same body agree, however it was stored."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge.blobs import BlobStore
from knowledge.evidence import Evidence, Mask, Measurement, Region
from knowledge.quantity import Quantity, Unit
from tools.imaging.volume import decode_mask

DICE = 0.98
"""Least overlap of one structure's masks; rules may break ties by the order of voxels."""

SAME = 0.02
"""Largest relative difference of a quantity on the same voxels stored otherwise."""

ALIKE = 0.15
"""Largest relative difference of a size on another grid, whose voxels cut the body's edge otherwise."""

_FREE = (Unit.ML, Unit.HU, Unit.SIGNAL, Unit.ONE, Unit.COUNT, Unit.PERCENT, Unit.PX3)
"""Units of what no choice of slices changes; lengths and areas may be meant in the plane."""


@dataclass(frozen=True)
class Storage:
    """How the array's axes were changed: new axis n is old axis order[n], backwards if in `flips`."""

    order: tuple[int, int, int] = (0, 1, 2)
    flips: tuple[int, ...] = ()

    @property
    def turned(self) -> bool:
        """Whether slices are no longer what they were."""
        return self.order != (0, 1, 2)

    def bits_back(self, bits: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """A mask on the grid as it was before."""
        return np.flip(bits, self.flips).transpose(np.argsort(self.order))

    def box_back(self, region: Region, shape: Sequence[int]) -> NDArray[np.float64]:
        """(3, 2) ends of the box along the axes as they were; `shape` is of the changed array."""
        x0, y0, x1, y1 = region.box
        ends = np.array([region.slices, (y0, y1), (x0, x1)], dtype=np.float64)
        for axis in self.flips:
            ends[axis] = shape[axis] - ends[axis, ::-1]
        return ends[np.argsort(self.order)]


Key = tuple[str, ...]


def differences(
    before: tuple[Sequence[Evidence], BlobStore],
    after: tuple[Sequence[Evidence], BlobStore],
    storage: Storage,
    shape: Sequence[int],
) -> list[str]:
    """What an answer says otherwise once the same voxels are stored otherwise.

    Args:
        before, after: Evidence and the store of its masks.
        shape: (slices, rows, columns) of the array as it is stored after.
    """
    groups, others = _grouped(before[0], storage), _grouped(after[0], storage)
    if faults := _missing(groups, others):
        return faults
    found = []
    for key, items in groups.items():
        for old, new in zip(items, others[key], strict=True):
            if isinstance(old, Mask) and isinstance(new, Mask):
                a = decode_mask(before[1].get(old.blob))
                b = storage.bits_back(decode_mask(after[1].get(new.blob)))
                overlap = 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))
                if overlap < DICE:
                    found.append(f"the {_words(key)} lies elsewhere (Dice {overlap:.2f})")
            elif isinstance(old, Region) and isinstance(new, Region) and len(items) == 1:
                gap = abs(Storage().box_back(old, shape) - storage.box_back(new, shape)).max()
                if gap > 1:
                    found.append(f"the {_words(key)} lies elsewhere (by {gap:.0f} px)")
            elif isinstance(old, Measurement) and isinstance(new, Measurement):
                found += _unequal(key, old.quantity, new.quantity, SAME)
    return found


def unlikeness(before: Sequence[Evidence], after: Sequence[Evidence], voxel: float) -> list[str]:
    """What an answer says otherwise of the same body on another grid: its sizes, within `ALIKE`.

    Args:
        voxel: Longest edge of either grid's voxels in mm, within which lengths may differ.
    """
    groups, others = _grouped(before, Storage()), _grouped(after, Storage())
    if faults := _missing(groups, others):
        return faults
    found = []
    for key, items in groups.items():
        for old, new in zip(items, others[key], strict=True):
            if isinstance(old, Measurement) and isinstance(new, Measurement) and old.quantity.unit.physical:
                slack = voxel if old.quantity.unit is Unit.MM else 0.0
                found += _unequal(key, old.quantity, new.quantity, ALIKE, slack)
    return found


def _grouped(evidence: Sequence[Evidence], storage: Storage) -> dict[Key, list[Any]]:
    """Evidence by what it says of what, leaving out what depends on the choice of slices."""
    groups: dict[Key, list[Any]] = defaultdict(list)
    for item in evidence:
        key: Key = (item.kind, getattr(item, "target", None) or "", str(getattr(item, "side", None) or ""))
        if isinstance(item, Measurement):
            unit = item.quantity.unit
            if unit is Unit.SLICE or (storage.turned and unit not in _FREE):
                continue
            key += (item.quantity.name, unit.value)
        groups[key].append(item)
    for items in groups.values():
        if isinstance(items[0], Measurement):
            items.sort(key=lambda item: float(item.quantity.value))
        elif isinstance(items[0], Mask):
            items.sort(key=lambda item: int(item.voxels))
    return groups


def _missing(groups: dict[Key, list[Any]], others: dict[Key, list[Any]]) -> list[str]:
    counts = {key: (len(groups.get(key, ())), len(others.get(key, ()))) for key in {*groups, *others}}
    return [
        f"{before} of the {_words(key)} became {after}"
        for key, (before, after) in sorted(counts.items())
        if before != after
    ]


def _unequal(key: Key, old: Quantity, new: Quantity, relative: float, slack: float = 0.0) -> list[str]:
    room = max(relative * max(abs(old.value), abs(new.value)), slack, 1e-3)
    if abs(old.value - new.value) <= room:
        return []
    return [f"the {_words(key)} was {old.text()} and became {new.text()}"]


def _words(key: Key) -> str:
    return " ".join(part for part in key if part)
