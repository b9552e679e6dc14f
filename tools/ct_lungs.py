"""The lungs on CT: which of the body's air is lung, and which lung it is.

The steps follow Hu et al. 2001 (doi:10.1109/42.929615): threshold, remove the airways, part left from
right, smooth. To them comes one question that scans beyond the chest raise: is this air lung at all? The
answer rests on what lung is, not on where a chest scan would have it:

- Lung is tissue. Normal lungs average -770 to -875 HU (doi:10.1016/s0009-9260(05)80245-4, 1991), gas is
  -1000 HU. Away from its wall a pocket of gas is mostly below `GAS`, a lung mostly above it, also with
  emphysema, whose extent is counted below a limit near there (Mueller et al. 1988,
  doi:10.1378/chest.94.4.782).
- Lung is large, or cut by the end of the scan: a whole lung is never a few millilitres.
- Lung lies between soft tissues. Air cells of the skull are as dense by partial volume, but walled by bone.
- Lung lines the chest wall, so where ribs are in view much of its surface lies next to bone. Stool
  with gas in it, which can be as dense as lung, lies in the belly away from them. A pocket of half a
  litre or more that is as dense as lung is taken for lung wherever bone lies (our judgement): to miss a
  whole lung and call it absent would be the worse mistake.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tools.ct_airway import find_airway
from tools.ct_body import AIR, BONE, Body
from tools.ct_grid import NO_DATA, Bits, Grid, at_border, close, dilate, erode, pieces

LEFT, RIGHT, UNSIDED = 1, 2, 3

GAS = -950.0
_GAS_SHARE = 0.5
_DENSE = -500.0
_LEAST_CUT_ML = 10.0
_LEAST_WHOLE_ML = 40.0
_LEAST_RIBLESS_ML = 100.0
_LEAST_BUBBLE_ML = 3.0
_MINERAL = 200.0
_RIB_MM = 12.0
_RIB_SHARE = 0.1  # lung bases of a real scan reach 0.65 and 0.76, its bowel 0.02
_BEYOND_BOWEL_ML = 500.0  # as dense as lung and this large, it is lung wherever the bone lies
_AXIAL = ndimage.generate_binary_structure(2, 1)[np.newaxis]
_LEAST_BONE_ML = 2.0
_VESSEL_MM = 4.0
_SPLIT_MM = (2.0, 4.0, 6.0, 8.0, 11.0, 14.0)
_SPLIT_SHARE = 0.2
_STRAY_SHARE = 0.05


@dataclass(frozen=True)
class Pocket:
    """One connected air-filled space, in the terms by which lung is told from gas.

    Attributes:
        ml: Volume.
        core: Mean HU away from its wall, where no voxel is part wall; None where it is all wall.
        gas: Share of the core below `GAS`.
        cut: Whether the border of the field of view cuts it.
        wall: Median HU of what it lies in.
        ribbed: Share of its surface within 12 mm of bone, or None where ribs may be out of view: no bone
            is beside it, or a side of the field of view cuts it.
    """

    ml: float
    core: float | None
    gas: float
    cut: bool
    wall: float
    ribbed: float | None

    @classmethod
    def of(cls, grid: Grid, pocket: Bits, bone: Bits, ribs: Bits) -> Self:
        """Describe `pocket`; `ribs` is all within 12 mm of `bone`. All masks are coarse."""
        cut = at_border(pocket)
        beside = bone[pocket.any(axis=(1, 2))].sum() * grid.voxel_ml
        ribs_in_view = beside >= _LEAST_BONE_ML and not at_border(pocket, (1, 2))
        window = grid.window(pocket, 4 * max(grid.mm))
        hu, pocket, ribs = grid.coarse[window], pocket[window], ribs[window]
        core = hu[ndimage.binary_erosion(pocket, border_value=1)]
        filled = close(pocket, grid.mm, _VESSEL_MM)
        # In the axial plane, so that the share does not depend on how thick the slices are.
        surface = filled & ~ndimage.binary_erosion(filled, _AXIAL, border_value=1)
        return cls(
            ml=float(pocket.sum()) * grid.voxel_ml,
            core=float(core.mean()) if core.size else None,
            gas=float((core < GAS).mean()) if core.size else 0.0,
            cut=cut,
            wall=float(np.median(hu[rim])) if (rim := _rim(pocket)).any() else 0.0,
            ribbed=float(ribs[surface].mean()) if ribs_in_view and surface.any() else None,
        )

    @property
    def is_lung(self) -> bool:
        """Whether all of the rules above hold; without ribs to go by, it must be a larger piece."""
        least = _LEAST_CUT_ML if self.cut else _LEAST_WHOLE_ML
        if self.ribbed is None:
            least = _LEAST_RIBLESS_ML
        return (
            self.core is not None
            and self.core < _DENSE
            and self.gas < _GAS_SHARE
            and self.ml >= least
            and self.wall < BONE / 2
            and (self.ribbed is None or self.ribbed >= _RIB_SHARE or self.ml >= _BEYOND_BOWEL_ML)
        )


@dataclass(frozen=True, eq=False)
class Lungs:
    """What was found.

    Attributes:
        labels: `LEFT`, `RIGHT` or, without a known orientation, `UNSIDED`, on the fine grid.
        pockets: Every air-filled space of 1 mL or more that was judged.
    """

    labels: NDArray[np.uint8]
    pockets: tuple[Pocket, ...]


def find_lungs(grid: Grid, body: Body) -> Lungs:
    """Find the lungs, part left from right, and draw them on the fine grid.

    Vessels and nodules inside are part of a lung; trachea, main bronchi and the great vessels at the hilum
    are not.
    """
    bone = body.inside & (grid.coarse > _MINERAL)
    ribs = dilate(bone, grid.mm, _RIB_MM)
    middle = _midline(body, bone)
    air = body.air & ~find_airway(grid, body.air, middle)
    air &= ~_bubbles(grid, air, ribs)
    found = np.zeros(air.shape, np.bool_)
    pockets = []
    for pocket in pieces(air, _LEAST_CUT_ML / grid.voxel_ml):
        pockets.append(Pocket.of(grid, pocket, bone, ribs))
        if pockets[-1].is_lung:
            found |= pocket
    sides = _sided(grid, found, middle) if grid.oriented else found * np.uint8(UNSIDED)
    return Lungs(_drawn(grid, sides, body.air & ~found), tuple(pockets))


def _midline(body: Body, bone: Bits) -> float:
    """Index of the midsagittal plane: the middle of the skeleton, or of the body where it has none."""
    columns = np.nonzero(bone)[2] if bone.any() else np.nonzero(body.inside)[2]
    return float(np.median(columns))


def _rim(mask: Bits) -> Bits:
    """The second voxel around a mask: the first is part of it by partial volume."""
    return np.asarray(ndimage.binary_dilation(mask, iterations=2) & ~ndimage.binary_dilation(mask))


def _bubbles(grid: Grid, air: Bits, ribs: Bits) -> Bits:
    """Gas of stomach or bowel that partial volume of the diaphragm joins to a lung.

    A bulla lies mostly in lung, or like a pneumothorax along the ribs; such gas is left where it is.
    """
    gas = air & (grid.coarse < GAS)
    broad = dilate(erode(gas, grid.mm, _VESSEL_MM), grid.mm, _VESSEL_MM) & gas
    bubbles = np.zeros_like(air)
    for bubble in pieces(broad, _LEAST_BUBBLE_ML / grid.voxel_ml):
        window = grid.window(bubble, 4 * max(grid.mm))
        rim = _rim(bubble[window])
        lung = rim & air[window] & (grid.coarse[window] > GAS)
        if lung.sum() < 0.5 * rim.sum() and ribs[window][rim].sum() < _RIB_SHARE * rim.sum():
            bubbles |= bubble
    return np.asarray(ndimage.binary_dilation(bubbles, iterations=2) & air)


def _sided(grid: Grid, lungs: Bits, middle: float) -> NDArray[np.uint8]:
    """Left and right by the side of the midline each piece's centre lies on; +x is the patient's left."""
    sides = np.zeros(lungs.shape, np.uint8)
    for piece in pieces(lungs):
        for part in _parted(grid, piece, middle):
            sides[part] = LEFT if _centre(part) > middle else RIGHT
    return sides


def _centre(mask: Bits) -> float:
    return float(np.nonzero(mask)[2].mean())


def _parted(grid: Grid, piece: Bits, middle: float) -> list[Bits]:
    """The two lungs of a piece where they touch, or the piece where it is one lung.

    Lungs touch at the thin junction before the heart, so eroding opens it first. A piece that leaves no
    large part on either side of the midline is one lung, even one that has grown across it.
    """
    across = np.nonzero(piece)[2] > middle
    if not _STRAY_SHARE < across.mean() < 1 - _STRAY_SHARE:
        return [piece]
    window = grid.window(piece, 2 * max(grid.mm))
    whole = piece[window]
    for depth in _SPLIT_MM:
        eroded = erode(whole, grid.mm, depth)
        large = list(pieces(eroded, _SPLIT_SHARE * float(eroded.sum())))
        left = [part for part in large if window[2].start + _centre(part) > middle]
        right = [part for part in large if window[2].start + _centre(part) <= middle]
        if left and right:
            part = np.zeros_like(piece)
            part[window] = whole & (_distance(grid, left) < _distance(grid, right))
            return [part, piece & ~part]
    return [piece]


def _distance(grid: Grid, parts: list[Bits]) -> NDArray[np.float64]:
    return np.asarray(ndimage.distance_transform_edt(~np.logical_or.reduce(parts), sampling=grid.mm))


def _drawn(grid: Grid, sides: NDArray[np.uint8], other: Bits) -> NDArray[np.uint8]:
    """The lungs with their vessels, their surface drawn on the fine grid where HU passes `AIR`."""
    fine = np.zeros(grid.fine.shape, np.uint8)
    for side in (side for side in (LEFT, RIGHT, UNSIDED) if (sides == side).any()):
        window = grid.window(sides == side, 2 * _VESSEL_MM)
        part = grid.fine_window(window)
        lung = sides[window] == side
        free = ~other[window] & ((sides[window] == 0) | lung)
        whole = ndimage.binary_fill_holes(close(lung, grid.mm, _VESSEL_MM)) & free
        core = ndimage.binary_erosion(whole, border_value=1) | (whole & ~lung)
        band = ndimage.binary_dilation(whole) & free
        air = (grid.fine[part] < AIR) & (grid.fine[part] > NO_DATA)
        fine[part][grid.enlarge(core, window) | (grid.enlarge(band, window) & air)] = side
    return fine
