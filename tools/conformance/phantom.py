"""A made patient whose anatomy is known, stored in as many ways as files come.

The anatomy is a function of patient space (LPS, mm), so that any grid can sample it: the same body
appears flipped, turned, with thick slices or without spacing. Its shapes are ellipsoids and
cylinders of about a thorax's size; they are not anatomy, only something that must stay itself.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from knowledge.blobs import BlobError, BlobStore
from knowledge.case import Case, Image, Modality, Origin, Plane
from knowledge.evidence import Evidence, Mask, Measurement, Region, Side
from knowledge.quantity import Quantity, SpacingSource, Unit
from tools.imaging.volume import as_affine, encode_mask, encode_pixels

Bits = NDArray[np.bool_]
IMAGE = "I1"
"""Id of the one image of every phantom case."""

_GRID = (5.0, 5.0, 5.0)
_THICK = (10.0, 2.5, 5.0)
_EXTENT = (300.0, 260.0, 380.0)
_FINE_MM = 2.5


class MemoryStore(BlobStore):
    """Blobs that are gone with the check: nothing is written to disk."""

    def __init__(self) -> None:
        super().__init__(Path("memory"))
        self._blobs: dict[str, bytes] = {}

    def put(self, data: bytes) -> str:
        """Keep `data` and return its SHA-256."""
        digest = hashlib.sha256(data).hexdigest()
        self._blobs[digest] = data
        return digest

    def get(self, digest: str) -> bytes:
        """Return the blob's bytes.

        Raises:
            BlobError: It is missing.
        """
        try:
            return self._blobs[digest]
        except KeyError:
            raise BlobError(f"blob {digest} is missing") from None

    def __contains__(self, digest: str) -> bool:
        return digest in self._blobs


@dataclass(frozen=True)
class Structure:
    """A structure of the made patient with its truth."""

    target: str
    side: Side | None
    bits: Bits


@dataclass(frozen=True)
class Phantom:
    """One image of the made patient, not yet in any store.

    Attributes:
        name: What is special about it, for the report.
        array: (slices, rows, columns[, 3]).
        affine: Voxel (i, j, k) to LPS in mm, or None.
        spacing: mm as (slices, rows, columns), or None.
        structures: What is in it; their masks and one box are filed as evidence E1, E2, ...
    """

    name: str
    modality: Modality
    array: NDArray[Any]
    affine: NDArray[np.float64] | None
    spacing: tuple[float, float, float] | None
    structures: tuple[Structure, ...] = ()

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slices, rows, columns)."""
        slices, rows, columns = self.array.shape[:3]
        return slices, rows, columns

    def image(self, pixels: str) -> Image:
        """The image's facts; `pixels` is the blob of its array."""
        colour, known = self.array.ndim == 4, self.affine is not None
        intensity: Literal["HU", "signal", "colour"] = "HU" if self.modality is Modality.CT else "signal"
        film = self.modality is Modality.DX
        return Image(
            id=IMAGE,
            label=self.name,
            format="dicom" if known else "raster",
            modality=self.modality,
            modality_origin=Origin.USER,
            body_part=None if colour else "chest",
            body_part_origin=Origin.UNKNOWN if colour else Origin.USER,
            view="PA" if film else None,
            shape=self.shape,
            channels=3 if colour else 1,
            affine=None if self.affine is None else as_affine(self.affine),
            orientation_origin=Origin.HEADER if known else Origin.UNKNOWN,
            spacing=self.spacing,
            spacing_source=SpacingSource.NONE if self.spacing is None else SpacingSource.HEADER,
            plane=None if self.affine is None else _plane(self.affine),
            intensity="colour" if colour else intensity,
            pixels=pixels,
            content=hashlib.sha256(np.ascontiguousarray(self.array).tobytes()).hexdigest(),
        )

    def store(self) -> tuple[Case, BlobStore, dict[str, Evidence]]:
        """The case, its blobs, and the truth filed as evidence: masks, one box, on a film a ratio measured on them."""
        blobs = MemoryStore()
        case = Case(images=(self.image(blobs.put(encode_pixels(self.array, self.affine))),))
        filed: list[Evidence] = [self._mask(structure, blobs) for structure in self.structures]
        masks = [item for item in filed if isinstance(item, Mask)]
        filed += [_box(mask) for mask in masks[:1]]
        if self.modality is Modality.DX:
            filed += _ratio(masks)
        numbered = [
            item.model_copy(update={"id": f"E{number}", "produced_by": "phantom"})
            for number, item in enumerate(filed, 1)
        ]
        return case, blobs, {item.id: item for item in numbered}

    def _mask(self, structure: Structure, blobs: BlobStore) -> Mask:
        where = np.argwhere(structure.bits) if structure.bits.any() else np.zeros((1, 3), np.int64)
        (k0, y0, x0), (k1, y1, x1) = where.min(axis=0).tolist(), (where.max(axis=0) + 1).tolist()
        return Mask(
            image=IMAGE,
            target=structure.target,
            side=structure.side,
            blob=blobs.put(encode_mask(structure.bits, self.affine)),
            voxels=len(where),
            box=(x0, y0, x1, y1),
            slices=(k0, k1),
        )

    def flipped(self, axis: int) -> "Phantom":
        """The same body stored backwards along an axis of the array."""
        affine, _ = self._placed()
        step = np.eye(4)
        step[2 - axis, 2 - axis], step[2 - axis, 3] = -1, self.array.shape[axis] - 1
        structures = tuple(replace(one, bits=np.flip(one.bits, axis)) for one in self.structures)
        name = f"flipped {('slices', 'rows', 'columns')[axis]}"
        array = np.flip(self.array, axis).copy()
        return replace(self, name=name, array=array, affine=affine @ step, structures=structures)

    def turned(self, order: tuple[int, int, int]) -> "Phantom":
        """The same body with its array's axes in another order."""
        before, spacing = self._placed()
        affine = before.copy()
        for new, old in enumerate(order):
            affine[:, 2 - new] = before[:, 2 - old]
        return replace(
            self,
            name=f"axes in the order {order}",
            array=np.ascontiguousarray(self.array.transpose(order)),
            affine=affine,
            spacing=(spacing[order[0]], spacing[order[1]], spacing[order[2]]),
            structures=tuple(replace(one, bits=one.bits.transpose(order)) for one in self.structures),
        )

    def _placed(self) -> tuple[NDArray[np.float64], tuple[float, float, float]]:
        if self.affine is None or self.spacing is None:
            raise ValueError(f"{self.name} has no known place in the patient")
        return self.affine, self.spacing

    def unscaled(self) -> "Phantom":
        """The same pixels without spacing or position."""
        sideless = tuple(replace(one, side=None, target=_sideless(one.target)) for one in self.structures)
        return replace(self, name="no spacing", affine=None, spacing=None, structures=sideless)

    def hollow(self) -> "Phantom":
        """The same image with masks that claim pixels and hold none."""
        empty = tuple(replace(one, bits=np.zeros_like(one.bits)) for one in self.structures)
        return replace(self, name="empty masks", structures=empty)

    def emptied(self) -> "Phantom":
        """The same grid with one value everywhere: air for CT, else the least."""
        value = -1000 if self.modality is Modality.CT else 0
        return replace(self, name=f"blank {self.name}", array=np.full_like(self.array, value), structures=())


def thorax(spacing: tuple[float, float, float] = _GRID) -> Phantom:
    """A CT of the made patient: right lung larger than left, heart to the left, all in view."""
    values, structures, affine = _sample(spacing)
    array = np.round(values).astype(np.int16)
    return Phantom("CT", Modality.CT, array, affine, spacing, structures)


def thick_thorax() -> Phantom:
    """The CT with voxels four times longer along one axis than along another."""
    return replace(thorax(_THICK), name="anisotropic")


def resonance() -> Phantom:
    """The made patient's signal as an MR image might show it; it is not in HU."""
    values, structures, affine = _sample(_GRID)
    array = np.interp(values, [-1000, -850, -100, 50, 500], [3, 20, 600, 220, 40]).astype(np.int16)
    return Phantom("MR", Modality.MR, array, affine, _GRID, structures)


def film() -> Phantom:
    """A frontal projection with unknown pixel size, as a chest film from the web is."""
    values, structures, _ = _sample(_GRID)
    sums = (values + 1000).clip(0).sum(axis=1)[::-1]
    grey = np.round(255 * np.sqrt(sums / sums.max())).astype(np.uint8)
    flat = tuple(
        Structure(_sideless(one.target), None, np.any(one.bits, axis=1)[np.newaxis, ::-1].copy()) for one in structures
    )
    return Phantom("film without spacing", Modality.DX, grey[np.newaxis], None, None, flat)


def photograph() -> Phantom:
    """A colour photograph of a dark spot on skin."""
    y, x = np.arange(90.0)[:, np.newaxis], np.arange(120.0)
    spot: Bits = ((x - 70) / 22) ** 2 + ((y - 40) / 15) ** 2 <= 1
    ripple = np.round(6 * np.sin(x / 7) * np.cos(y / 5)).astype(np.int16)
    colour = np.where(spot[..., np.newaxis], (95, 60, 45), (225, 180, 160)) + ripple[..., np.newaxis]
    array = colour.clip(0, 255).astype(np.uint8)[np.newaxis]
    return Phantom("photograph", Modality.XC, array, None, None, (Structure("skin lesion", None, spot[np.newaxis]),))


def everything() -> tuple[Phantom, ...]:
    """One image of each sort, in the order in which a tool's own sort is looked for."""
    return thorax(), resonance(), film(), photograph()


@cache
def _sample(
    spacing: tuple[float, float, float],
) -> tuple[NDArray[np.float64], tuple[Structure, ...], NDArray[np.float64]]:
    """HU on a grid, the structures on it and its affine; +k is superior, +j posterior, +i left.

    Each voxel is the mean of several samples, as a scanner's voxel is of what lies in it.
    """
    parts = [max(1, round(step / _FINE_MM)) for step in spacing]
    counts = [round(extent / step) * part for extent, step, part in zip(_EXTENT, spacing, parts, strict=True)]
    steps = [step / part for step, part in zip(spacing, parts, strict=True)]
    # The middle of the field lies on a voxel's edge, so that no structure is favoured.
    z, y, x = np.meshgrid(
        *((np.arange(count) - (count - 1) / 2) * step for count, step in zip(counts, steps, strict=True)),
        indexing="ij",
        sparse=True,
    )

    def mean(values: NDArray[Any]) -> NDArray[np.float64]:
        blocks = [size for count, part in zip(counts, parts, strict=True) for size in (count // part, part)]
        averaged: NDArray[np.float64] = np.broadcast_to(values, counts).reshape(blocks).mean(axis=(1, 3, 5))
        return averaged

    def ellipsoid(cx: float, cy: float, cz: float, rx: float, ry: float, rz: float) -> Bits:
        inside: Bits = ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 + ((z - cz) / rz) ** 2 <= 1
        return inside

    def cylinder(cx: float, cy: float, rx: float, ry: float) -> Bits:
        inside: Bits = ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1
        return inside

    body, lean = cylinder(0, 0, 170, 112), cylinder(0, 0, 160, 102)
    ribs = cylinder(0, 0, 158, 99) & ~cylinder(0, 0, 152, 93) & (np.mod(z, 24) < 12)
    heart = ellipsoid(24, -38, -42, 46, 36, 46)
    chest = cylinder(0, 0, 148, 89)
    right = chest & ellipsoid(-80, 0, 8, 90, 100, 112) & (x < -22) & ~heart
    left = chest & ellipsoid(84, 4, 0, 76, 96, 100) & (x > 30) & ~heart
    values = np.full(counts, -1000.0)
    for bits, level in ((body, -100), (lean, 50), (cylinder(0, 70, 19, 17) | ribs, 500), (right | left, -850)):
        values[np.broadcast_to(bits, counts)] = level
    values[heart] = 40
    values[cylinder(0, 14, 9, 9) & (z > 40)] = -1000
    # A texture of patient space: the same in every storage, so that nothing is a plain constant.
    values += 9 * np.sin(x / 5.3 + 1) * np.cos(y / 4.1 + 2) * np.sin(z / 6.7 + 3)
    affine = np.diag([spacing[2], spacing[1], spacing[0], 1.0])
    affine[:3, 3] = [-step * (extent / step - 1) / 2 for step, extent in zip(spacing[::-1], _EXTENT[::-1], strict=True)]
    structures = (
        Structure("right lung", Side.RIGHT, mean(right) >= 0.5),
        Structure("left lung", Side.LEFT, mean(left) >= 0.5),
        Structure("heart", None, mean(heart) >= 0.5),
        Structure("thorax", None, mean(chest & (abs(z) < 120)) >= 0.5),
    )
    return mean(values), structures, affine


def _ratio(masks: Sequence[Mask]) -> list[Evidence]:
    """The width of the heart over that of the chest; nothing where the masks are empty."""
    widths = {mask.target: mask.box[2] - mask.box[0] for mask in masks}
    if not {"heart", "thorax"} <= widths.keys() or widths["heart"] >= widths["thorax"]:
        return []
    value = widths["heart"] / widths["thorax"]
    quantity = Quantity(name="cardiothoracic ratio", value=value, unit=Unit.ONE)
    return [Measurement(image=IMAGE, target="heart", quantity=quantity)]


def _box(mask: Mask) -> Region:
    x0, y0, x1, y1 = mask.box
    return Region(
        image=mask.image,
        target=mask.target,
        side=mask.side,
        box=(float(x0), float(y0), float(x1), float(y1)),
        slices=mask.slices,
    )


def _plane(affine: NDArray[np.float64]) -> Plane:
    normal = int(np.argmax(abs(affine[:3, 2])))
    return (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL)[normal]


def _sideless(target: str) -> str:
    return target.removeprefix("left ").removeprefix("right ")
