"""The body's outline on CT, and the tissues inside it by their HU.

Ranges, as published:

- adipose tissue -190 to -30 HU and lean soft tissue -29 to 150 HU, the limits of CT body composition
  (Table 1 of doi:10.1038/s41598-025-96238-6, 2025);
- mineralised bone from 300 HU: with a lower threshold of 300 or 400 HU models of the skull were right
  to 0.4 mm on average ("Image data acquisition and segmentation for accurate modeling of the
  calvarium"). Spongy bone is softer, 226 HU (SD 44) in the first lumbar vertebra before the age of
  30 and 89 HU (SD 38) from 90 on (Jang et al. 2019, doi:10.1148/radiol.2019181648), so next to such
  bone all above 150 HU, where lean soft tissue ends, is counted with it;
- air is -1000 HU by definition; `AIR` is half way between lung and soft tissue. Normal lungs average
  -817 HU (-770 to -875; doi:10.1016/s0009-9260(05)80245-4, 1991), soft tissue about 50 HU. A voxel that
  is half lung, half tissue lies there, which is also where optimal thresholding of the lungs settles
  (Hu et al. 2001, doi:10.1109/42.929615).
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from tools.ct_grid import NO_DATA, Bits, Grid, dilate, erode, fill_slices, open_boxes

AIR = -400.0
FAT = (-190.0, -30.0)
SOFT = (-29.0, 150.0)
BONE = 300.0

_SKIN = -500.0
_OUTSIDE = -930.0
_IN_BODY = 0.2
_STRUT_MM = 2.5
_REGROWN_MM = 30.0
_CAVITY_MM = 7.0
_IN_PLANE = ndimage.generate_binary_structure(3, 1) & np.array([False, True, False])[:, None, None]
_LEAST_BODY_ML = 20.0
_LEAST_BONE_MM3 = 200.0
_SPONGY_MM = 15.0


@dataclass(frozen=True, eq=False)
class Body:
    """The body on the coarse grid.

    Attributes:
        inside: The body with all it encloses, such as lungs and bowel gas.
        air: What is air-filled inside it.
    """

    inside: Bits
    air: Bits


def find_body(grid: Grid) -> Body | None:
    """The largest object denser than air without the table, its cavities filled slice by slice.

    Lungs and airways are open where the volume ends, so cavities are filled in axial slices. Air that
    is joined to the outside through a gap wider than about 14 mm, such as between arm and trunk, is
    outside. Where a narrow field of view cuts through a lung, that lung lies at the border without being
    outside: outside air is below -930 HU, and lungs are not.

    Returns:
        None where nothing of 20 mL or more is denser than air.
    """
    hu = grid.coarse
    solid = hu > _SKIN
    # Eroding parts the body from table tops, tubes and blankets; regrowth gives thin walls back.
    trunk = _largest(erode(solid, grid.mm, max(_STRUT_MM, *grid.mm[1:])))
    if trunk is None or trunk.sum() * grid.voxel_ml < _LEAST_BODY_ML:
        return None
    steps = max(1, round(_REGROWN_MM / min(grid.mm[1:])))
    tissue = ndimage.binary_dilation(trunk, iterations=steps, mask=solid)
    air = ~solid & (hu > NO_DATA)
    cut = _lung_at_border(grid, air, tissue)
    inside = fill_slices(tissue | cut) & ~_open_air(grid, ~solid & ~cut)
    inside |= tissue
    inside &= hu > NO_DATA
    return Body(inside, inside & (hu < AIR))


def body_mask(grid: Grid, body: Body) -> Bits:
    """The body on the fine grid: its skin is drawn where HU passes half way to air."""
    deep = grid.enlarge(erode(body.inside, grid.mm, max(grid.mm)))
    near = grid.enlarge(dilate(body.inside, grid.mm, max(grid.mm)))
    return np.asarray(deep | (near & (grid.fine > _SKIN)) | (grid.enlarge(body.inside) & (grid.fine > NO_DATA)))


def air_mask(grid: Grid, body: Body) -> Bits:
    """Air inside the body on the fine grid: lungs, airways, bowel gas and sinuses."""
    return np.asarray(grid.enlarge(body.inside) & (grid.fine < AIR) & (grid.fine > NO_DATA))


def fat_mask(grid: Grid, body: Body) -> Bits:
    """Adipose tissue on the fine grid."""
    return _within(grid, body, *FAT) & ~_air_edge(grid, body)


def soft_tissue_mask(grid: Grid, body: Body) -> Bits:
    """Lean soft tissue on the fine grid."""
    return _within(grid, body, *SOFT)


def bone_mask(grid: Grid, body: Body) -> Bits:
    """Bone on the fine grid: pieces of 0.2 mL or more above 300 HU, and what is above 150 HU beside them.

    Spongy bone is followed for up to 15 mm, about half the width of a vertebral body, and no further,
    since vessels and bowel with contrast medium touch bone.
    """
    inside = grid.enlarge(body.inside)
    labels, _ = ndimage.label(inside & (grid.fine >= BONE), structure=np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel()) * float(np.prod(grid.fine_mm))
    sizes[0] = 0
    cortex = (sizes >= _LEAST_BONE_MM3)[labels]
    mineral = inside & (grid.fine > SOFT[1])
    reached, spongy = _any_in_block(grid, cortex), _any_in_block(grid, mineral)
    step = max(grid.mm)
    for _ in range(max(1, round(_SPONGY_MM / step))):
        reached |= dilate(reached, grid.mm, step) & spongy
    return np.asarray(cortex | (mineral & grid.enlarge(reached)))


def _within(grid: Grid, body: Body, low: float, high: float) -> Bits:
    return np.asarray(grid.enlarge(body.inside) & (grid.fine >= low) & (grid.fine <= high))


def _air_edge(grid: Grid, body: Body) -> Bits:
    # A voxel that is part air, part tissue has the HU of fat without being fat.
    return grid.enlarge(dilate(body.air, grid.mm, max(grid.mm) * 1.01))


def _any_in_block(grid: Grid, fine: Bits) -> Bits:
    for axis, block in enumerate(grid.blocks):
        if block > 1:
            fine = np.logical_or.reduceat(fine, np.arange(0, fine.shape[axis], block), axis=axis)
    return fine


def _largest(mask: Bits) -> Bits | None:
    labels, count = ndimage.label(mask)
    if not count:
        return None
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == int(sizes.argmax()))


def _lung_at_border(grid: Grid, air: Bits, tissue: Bits) -> Bits:
    """Air-filled regions of a slice that reach the end of its data, but not as thin as outside air.

    Where outside air is in the slice as well, they must border on tissue of the body: between table
    and border there are regions of partial volume.
    """
    padding = grid.coarse <= NO_DATA
    end = ndimage.binary_dilation(padding, _IN_PLANE) if padding.any() else np.zeros_like(air)
    end[:, (0, -1)] = end[:, :, (0, -1)] = True
    cut = np.zeros_like(air)
    for index, (plane, hu, body) in enumerate(zip(air, grid.coarse, tissue, strict=True)):
        labels, _ = ndimage.label(plane)
        regions = [labels == label for label in np.unique(labels[end[index]]) if label > 0]
        dense = [region for region in regions if np.median(hu[region]) > _OUTSIDE]
        for region in dense:
            rim = ndimage.binary_dilation(region) & ~region & ~padding[index]
            if len(dense) == len(regions) or body[rim].sum() > _IN_BODY * rim.sum():
                cut[index] |= region
    return cut


def _open_air(grid: Grid, air: Bits) -> Bits:
    """Air joined to the sides of the volume by passages wider than about twice `_CAVITY_MM`."""
    sides = np.zeros_like(air)
    sides[:, (0, -1)] = sides[:, :, (0, -1)] = True
    return open_boxes(air, grid.mm, _CAVITY_MM, sides)
