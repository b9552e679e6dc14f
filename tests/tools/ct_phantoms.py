"""Synthetic CT volumes with known truth, drawn in patient millimetres on any grid.

A phantom is drawn on points (x left, y posterior, z superior) in mm, so one body can be sampled on grids
of any spacing, axis order and direction.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge.case import Image, Modality, Origin
from knowledge.quantity import SpacingSource
from tools.imaging.volume import Volume, as_affine

Points = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
Mask = NDArray[np.bool_]
LUNG, TISSUE, SKIN_FAT, GAS, RIB = -850.0, 45.0, -100.0, -1000.0, 500.0


@dataclass
class Phantom:
    """HU on a grid, and the truth: names of structures to masks."""

    hu: NDArray[np.float32]
    truth: dict[str, Mask] = field(default_factory=dict)
    affine: NDArray[np.float64] | None = None
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def volume(self, *, placed: bool = True) -> Volume:
        return Volume(
            np.round(self.hu).astype(np.int16), self.affine if placed else None, self.spacing, SpacingSource.HEADER
        )

    def image(self, content: str = "0" * 64, *, modality: Modality = Modality.CT, placed: bool = True) -> Image:
        return Image(
            id="I1",
            label="phantom",
            format="nifti",
            modality=modality,
            modality_origin=Origin.HEADER,
            shape=self.hu.shape,
            affine=as_affine(self.affine) if placed and self.affine is not None else None,
            spacing=self.spacing,
            spacing_source=SpacingSource.HEADER,
            intensity="HU",
            pixels="0" * 64,
            content=content,
        )

    def turned(self, axes: tuple[int, int, int], flips: tuple[bool, bool, bool]) -> "Phantom":
        """The same patient stored in another order and direction: array and affine change together."""
        assert self.affine is not None

        def turn(array: NDArray[Any]) -> NDArray[Any]:
            return np.ascontiguousarray(np.flip(array.transpose(axes), [a for a in range(3) if flips[a]]))

        # Array axis a is voxel axis 2 - a; column a of `columns` is its step in LPS.
        columns = self.affine[:3, :3][:, ::-1][:, list(axes)]
        origin = self.affine[:3, 3].copy()
        for axis in range(3):
            if flips[axis]:
                origin += columns[:, axis] * (self.hu.shape[axes[axis]] - 1)
                columns[:, axis] *= -1
        affine = np.eye(4)
        affine[:3, :3] = columns[:, ::-1]
        affine[:3, 3] = origin
        spacing = tuple(self.spacing[axis] for axis in axes)
        return Phantom(turn(self.hu), {name: turn(mask) for name, mask in self.truth.items()}, affine, spacing)


def grid(
    extent: tuple[tuple[float, float], ...], spacing: tuple[float, float, float]
) -> tuple[Points, NDArray[np.float64]]:
    """Points of a grid over (z, y, x) ranges in mm, and its affine to LPS."""
    steps = [np.arange(low, high, size) for (low, high), size in zip(extent, spacing, strict=True)]
    z, y, x = np.meshgrid(*steps, indexing="ij", sparse=True)
    affine = np.diag([spacing[2], spacing[1], spacing[0], 1.0])
    affine[:3, 3] = [steps[2][0], steps[1][0], steps[0][0]]
    return (x, y, z), affine


def ellipsoid(points: Points, centre: tuple[float, float, float], radii: tuple[float, float, float]) -> Mask:
    def inside(local: Points) -> Mask:
        return sum(((p - c) / r) ** 2 for p, c, r in zip(local, centre, radii, strict=True)) <= 1

    return _drawn(points, np.subtract(centre, radii), np.add(centre, radii), inside)


def tube(points: Points, start: tuple[float, float, float], end: tuple[float, float, float], radius: float) -> Mask:
    axis = np.subtract(end, start)
    length = float(axis @ axis)

    def inside(local: Points) -> Mask:
        offsets = [point - origin for point, origin in zip(local, start, strict=True)]
        along = np.clip(sum(offset * step for offset, step in zip(offsets, axis, strict=True)) / length, 0, 1)
        return sum((offset - along * step) ** 2 for offset, step in zip(offsets, axis, strict=True)) <= radius**2

    return _drawn(points, np.minimum(start, end) - radius, np.maximum(start, end) + radius, inside)


def _drawn(points: Points, low: NDArray[Any], high: NDArray[Any], inside: Callable[[Points], Mask]) -> Mask:
    """Evaluate `inside` only within the box from `low` to `high`, in (x, y, z)."""
    mask = np.zeros(np.broadcast_shapes(*(axis.shape for axis in points)), np.bool_)
    window = []
    for axis, least, most in zip(reversed(points), reversed(low), reversed(high), strict=True):
        values = axis.ravel()
        window.append(slice(int(np.searchsorted(values, least)), int(np.searchsorted(values, most, side="right"))))
    z, y, x = window
    if mask[z, y, x].size:
        mask[z, y, x] = inside((points[0][:, :, x], points[1][:, y], points[2][z]))
    return mask


def _noisy(hu: NDArray[np.float32], sd: float = 20.0) -> NDArray[np.float32]:
    return hu + np.random.default_rng(7).normal(0, sd, hu.shape).astype(np.float32)


def _ribs(points: Points, low: float, high: float, rx: float, ry: float) -> Mask:
    """Hoops around the chest every 25 mm, 10 mm high and 6 mm thick, open in front."""
    x, y, z = points
    hoop = np.abs(np.hypot(x / rx, y / ry) - 1) * min(rx, ry) <= 3
    level = (z >= low) & (z <= high) & (np.mod(z - low, 25) < 10)
    return hoop & level & (y > -0.8 * ry)


def thorax(
    spacing: tuple[float, float, float] = (3.0, 2.0, 2.0),
    z: tuple[float, float] = (-60.0, 270.0),
    *,
    lungs: tuple[str, ...] = ("left", "right"),
    lung_hu: float = LUNG,
    touching: bool = False,
    diaphragm_mm: float = 6.0,
    edit: Callable[[Points, Phantom], None] | None = None,
) -> Phantom:
    """A chest from below the diaphragm (z < 0) to above the shoulders, arms beside it, on a table.

    Lungs hold vessels, and trachea and main bronchi run into them; the stomach's gas lies under the left
    dome. The truth "left lung" and "right lung" holds vessels, not airways.
    """
    points, affine = grid((z, (-125, 155), (-240, 240)), spacing)
    x, y, zz = points
    shape = np.broadcast_shapes(x.shape, y.shape, zz.shape)
    hu = np.full(shape, GAS, np.float32)
    trunk = (x / 165) ** 2 + (y / 110) ** 2 <= 1
    neck = (x / 60) ** 2 + ((y - 10) / 60) ** 2 <= 1
    body = np.where(zz < 225, trunk, neck)
    for side in (-1, 1):
        arm = ((x - side * 205) / 30) ** 2 + ((y - 20) / 30) ** 2 <= 1
        hu[np.broadcast_to(arm & (zz < 200), shape)] = TISSUE
    hu[np.broadcast_to(body, shape)] = SKIN_FAT
    muscle = np.where(zz < 225, (x / 150) ** 2 + (y / 95) ** 2 <= 1, (x / 55) ** 2 + ((y - 10) / 55) ** 2 <= 1)
    hu[np.broadcast_to(muscle, shape)] = TISSUE
    hu[np.broadcast_to(np.abs(y - 135) < 8, shape)] = -920.0  # the pad
    hu[np.broadcast_to((np.abs(y - 146) < 3) & (np.abs(x) < 220), shape)] = 300.0  # the table
    hu[_ribs(points, -40, 210, 143, 90)] = RIB
    hu[np.broadcast_to(((x / 22) ** 2 + ((y - 75) / 18) ** 2 <= 1), shape)] = 250.0  # the spine

    truth: dict[str, Mask] = {}
    chest = (x / 138) ** 2 + (y / 85) ** 2 <= 1
    airway = tube(points, (0, 10, 120), (0, 10, 400), 9) | np.zeros(shape, np.bool_)
    wall = tube(points, (0, 10, 118), (0, 10, 400), 11)
    for side, name in ((1, "left"), (-1, "right")):
        if name in lungs:
            airway |= tube(points, (0, 10, 120), (side * 70, 20, 100), 6)
            wall |= tube(points, (0, 10, 120), (side * 58, 18.3, 103.4), 7.5)  # open into the lung
    stomach = ellipsoid(points, (70, -20, 0), (40, 35, 22))
    for side, name in ((1, "left"), (-1, "right")):
        dome = 45 * np.sqrt(np.clip(1 - ((x - side * 75) / 90) ** 2 - (y / 110) ** 2, 0, 1))
        inner = (side * x > 6.0) & (y < -20) | (side * x > 38)
        if touching:  # a junction before the heart, 14 mm deep and 80 mm high
            inner = inner | (side * x > -0.01) & (y < -62) & (y > -76) & (zz > 90) & (zz < 170)
        top = 215 - 0.6 * np.abs(side * x - 60)
        lung = chest & inner & (zz > dome - 18 + (diaphragm_mm - 6.0 if side > 0 else 0.0)) & (zz < top)
        if name not in lungs:
            continue
        vessels = np.zeros(shape, np.bool_)
        for angle in np.linspace(-1.2, 1.2, 6):
            for rise in (-60, 0, 60):
                end = (side * (70 + 50 * np.cos(angle)), 60 * np.sin(angle), 100 + rise)
                vessels |= tube(points, (side * 60, 0, 100), end, 2.5)
        hu[lung] = lung_hu
        hu[lung & vessels] = TISSUE
        truth[f"{name} lung"] = lung & ~wall
    hu[wall] = TISSUE
    hu[airway] = GAS
    truth["trachea"] = airway
    hu[stomach & ~np.logical_or.reduce([*truth.values(), wall])] = GAS
    truth["stomach"] = stomach
    truth["body"] = np.broadcast_to(body, shape) | (hu > GAS) & (np.abs(x) > 170) & (y < 60)
    phantom = Phantom(hu, truth, affine, spacing)
    if edit is not None:
        edit(points, phantom)
    phantom.hu = _noisy(phantom.hu)
    return phantom


def head(spacing: tuple[float, float, float] = (3.0, 1.5, 1.5), bottom: float = -80.0) -> Phantom:
    """A head: skull, brain, paranasal sinuses, mastoid cells as dense as lung, the pharynx open below."""
    points, affine = grid(((bottom, 110), (-120, 120), (-110, 110)), spacing)
    x, y, z = points
    hu = np.full(np.broadcast_shapes(x.shape, y.shape, z.shape), GAS, np.float32)
    hu[ellipsoid(points, (0, 0, 0), (85, 105, 100))] = TISSUE
    hu[tube(points, (0, 30, -200), (0, 30, -40), 55)] = TISSUE
    hu[ellipsoid(points, (0, 10, 15), (76, 90, 82))] = 900.0
    hu[ellipsoid(points, (0, 10, 15), (70, 84, 76))] = 35.0
    for side in (-1, 1):
        hu[ellipsoid(points, (side * 30, -60, -35), (20, 22, 24))] = 600.0
        hu[ellipsoid(points, (side * 30, -60, -35), (17, 19, 21))] = GAS
        hu[ellipsoid(points, (side * 58, 35, -45), (19, 24, 34))] = 700.0
        hu[ellipsoid(points, (side * 58, 35, -45), (15, 20, 30))] = -700.0
    hu[tube(points, (0, 0, -200), (0, 0, -30), 9)] = GAS
    inside = ellipsoid(points, (0, 0, 0), (85, 105, 100)) | tube(points, (0, 30, -200), (0, 30, -40), 55)
    holes = (hu < -400) & (inside | ((np.abs(x) > 40) & (np.abs(x) < 90)) & (y > 0) & (hu > -990))
    return Phantom(_noisy(hu), {"air": holes}, affine, spacing)


def abdomen(spacing: tuple[float, float, float] = (3.0, 2.0, 2.0)) -> Phantom:
    """A belly full of gas and of stool as dense as lung, loops of it cut by both ends; spine and pelvis."""
    points, affine = grid(((0, 240), (-125, 125), (-180, 180)), spacing)
    x, y, z = points
    shape = np.broadcast_shapes(x.shape, y.shape, z.shape)
    hu = np.full(shape, GAS, np.float32)
    hu[np.broadcast_to((x / 165) ** 2 + (y / 110) ** 2 <= 1, shape)] = SKIN_FAT
    hu[np.broadcast_to((x / 150) ** 2 + (y / 95) ** 2 <= 1, shape)] = TISSUE
    hu[np.broadcast_to((x / 22) ** 2 + ((y - 60) / 18) ** 2 <= 1, shape)] = 250.0
    for side in (-1, 1):
        hu[ellipsoid(points, (side * 110, 40, 0), (10, 40, 60))] = 400.0
        hu[tube(points, (side * 105, 0, 60), (side * 105, 0, 300), 24)] = -750.0  # stool with gas
    hu[tube(points, (-90, -50, 190), (90, -50, 190), 28)] = GAS
    for centre in ((0, -30, 60), (40, -60, 20), (-50, -40, 100), (20, 0, 230)):
        hu[ellipsoid(points, centre, (30, 25, 25))] = GAS
    return Phantom(_noisy(hu), {}, affine, spacing)


def dice(found: Mask, truth: Mask) -> float:
    return float(2 * (found & truth).sum() / (found.sum() + truth.sum()))
