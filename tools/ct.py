"""A segmenter for CT volumes that needs no weights: body, lungs, air, bone, fat and soft tissue by HU."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from knowledge.case import Image, Modality
from knowledge.evidence import TRUNCATED, Side
from tools import ct_body
from tools.backends import Segmentation, Target
from tools.ct_body import AIR, BONE, FAT, SOFT, Body, find_body
from tools.ct_grid import NO_DATA, Bits, Grid, at_border, dilate
from tools.ct_lungs import LEFT, RIGHT, Lungs, find_lungs
from tools.imaging.volume import Volume
from tools.tool import ToolRefusal

_KEPT = 2
_SIDES = {"left lung": (Side.LEFT, LEFT), "right lung": (Side.RIGHT, RIGHT)}
_PARENCHYMA = "lung parenchyma"

_LUNG_CAVEATS = (
    "the outline holds lung that contains air, and its vessels; lung without air is not in it",
    "air beside a lung, as in pneumothorax, is not told from lung",
)


def _target(name: str, *synonyms: str, parts: tuple[str, ...] = ()) -> Target:
    return Target(name=name, synonyms=synonyms, parts=parts, modalities=(Modality.CT,), dimensions=(3,))


_TARGETS = (
    _target(
        "body", "body outline", "body contour", "whole body", "patient outline", "external contour", "skin contour"
    ),
    _target("left lung", "left pulmonary", "left-sided lung", "left lung field", "pulmo sinister"),
    _target("right lung", "right pulmonary", "right-sided lung", "right lung field", "pulmo dexter"),
    _target(
        "lungs",
        *("lung", "both lungs", "left and right lung", "right and left lung", "bilateral lungs", "pulmonary"),
        *("lung fields", "lung field", "each lung", "pulmones"),
        parts=("left lung", "right lung"),
    ),
    _target(_PARENCHYMA, "lung tissue", "aerated lung", "lungs as a whole", "pulmonary parenchyma"),
    _target("air", "gas", "air inside the body", "intracorporeal air", "gas inside the body"),
    _target("bone", "skeleton", "osseous structures", "bony structures", "bone tissue", "osseous tissue"),
    _target("fat", "adipose tissue", "fat tissue", "fatty tissue", "body fat", "adipose"),
    _target("soft tissue", "lean tissue", "lean soft tissue", "soft tissue structures"),
)


class Anatomy:
    """One CT volume with what was worked out about it; each part is found once, when first asked for."""

    def __init__(self, volume: Volume) -> None:
        self.array = volume.array
        self.grid = Grid.of(volume)

    @cached_property
    def body(self) -> Body | None:
        """The body's outline."""
        return find_body(self.grid)

    @cached_property
    def lungs(self) -> Lungs:
        """The lungs; needs a body."""
        assert self.body is not None  # noqa: S101 - the caller has looked
        return find_lungs(self.grid, self.body)


class CtSegmenter:
    """Fulfils `tools.backends.Segmenter` for CT volumes in HU with a known voxel size.

    No result carries a confidence: rules yield none that is calibrated. What was worked out is kept for
    the last two volumes, recognised by their content and geometry.
    """

    name = "ct-rules"
    version = "1"

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[object, ...], Anatomy] = OrderedDict()
        self._lock = threading.Lock()

    def targets(self) -> Sequence[Target]:
        """What it can segment, all on CT volumes."""
        return _TARGETS

    def segment(self, image: Image, volume: Volume, targets: Sequence[str]) -> Sequence[Segmentation]:
        """One result for each of `targets`, in order.

        Raises:
            ToolRefusal: Not a calibrated CT volume, no voxel size, or a side without an orientation.
        """
        _admit(image, volume, targets)
        with self._lock:
            anatomy = self._anatomy(image, volume)
            return [_segment(anatomy, target) for target in targets]

    def _anatomy(self, image: Image, volume: Volume) -> Anatomy:
        affine = None if volume.affine is None else volume.affine.tobytes()
        key = (image.content, volume.shape, volume.spacing, affine)
        kept = self._kept.pop(key, None)
        # One content hash should mean one array; a wrong one must not show another patient's lungs.
        if kept is None or not (kept.array is volume.array or np.array_equal(kept.array, volume.array)):
            kept = Anatomy(volume)
        self._kept[key] = kept
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return kept


def _admit(image: Image, volume: Volume, targets: Sequence[str]) -> None:
    known = [target.name for target in _TARGETS]
    for target in targets:
        if target not in known or target == "lungs":
            raise ToolRefusal(f"The CT rules do not segment {target!r}.", target=target, known=known)
    if image.modality is not Modality.CT or image.dimensions != 3:
        raise ToolRefusal(f"The CT rules take CT volumes only; {image.id} is not one.", target=", ".join(targets))
    if image.intensity != "HU" or volume.array.ndim != 3:
        raise ToolRefusal(f"The CT rules need HU; the values of {image.id} are not calibrated.")
    if volume.spacing is None:
        raise ToolRefusal(f"The CT rules need the voxel size in mm, which {image.id} lacks.")
    sided = [target for target in targets if target in _SIDES]
    if volume.affine is None and sided:
        raise ToolRefusal(
            f"Left and right cannot be told in {image.id}: its orientation is unknown. "
            f'The lungs can be segmented as one, as "{_PARENCHYMA}".',
            target=", ".join(sided),
            known=[name for name in known if name not in _SIDES and name != "lungs"],
        )


def _segment(anatomy: Anatomy, target: str) -> Segmentation:
    grid = anatomy.grid
    where = f"all {len(grid.fine)} slices"
    if anatomy.body is None:
        return Segmentation(target, None, f"{where}: no body, nothing of 20 mL or more is denser than air")
    if target in _SIDES or target == _PARENCHYMA:
        return _lung(grid, anatomy.lungs, target, where)
    draw, rule, caveats = _TISSUES[target]
    return _result(grid, target, draw(grid, anatomy.body), f"{where}: {rule}", caveats=caveats)


def _lung(grid: Grid, lungs: Lungs, target: str, where: str) -> Segmentation:
    side, label = _SIDES.get(target, (Side.BOTH, 0))
    mask = lungs.labels == label if label else lungs.labels > 0
    accepted = sum(pocket.is_lung for pocket in lungs.pockets)
    searched = (
        f"air-filled spaces of 10 mL or more below {AIR:.0f} HU inside the body on {where}, told from gas by "
        f"their HU, size, walls and nearness to bone: {len(lungs.pockets)} found, {accepted or 'none'} of them accepted"
    )
    if label and not mask.any() and (lungs.labels > 0).any():
        searched += ", on the other side"
    return _result(grid, target, mask, searched, side=side, caveats=_LUNG_CAVEATS)


def _result(
    grid: Grid, target: str, fine: Bits, searched: str, side: Side | None = None, caveats: tuple[str, ...] = ()
) -> Segmentation:
    if not fine.any():
        return Segmentation(target, None, searched, side=side)
    if _cut(grid, fine):
        caveats = (TRUNCATED, *caveats)
    return Segmentation(target, grid.to_volume(fine), searched, side=side, caveats=caveats)


def _cut(grid: Grid, fine: Bits) -> bool:
    """Whether the mask reaches the border of the volume or of the data in it."""
    if at_border(fine):
        return True
    padding = grid.coarse <= NO_DATA
    return bool(padding.any() and (grid.enlarge(dilate(padding, grid.mm, max(grid.mm))) & fine).any())


_Draw = Callable[[Grid, Body], NDArray[np.bool_]]
_TISSUES: dict[str, tuple[_Draw, str, tuple[str, ...]]] = {
    "body": (ct_body.body_mask, "the largest object denser than air with all it encloses, table left out", ()),
    "air": (
        ct_body.air_mask,
        f"below {AIR:.0f} HU inside the body",
        ("all air inside the body's outline counts: lungs, airways, bowel gas",),
    ),
    "bone": (
        ct_body.bone_mask,
        f"from {BONE:.0f} HU inside the body, and above {SOFT[1]:.0f} HU next to that",
        ("contrast medium, calcification and metal can count as bone; marrow below 150 HU does not",),
    ),
    "fat": (ct_body.fat_mask, f"{FAT[0]:.0f} to {FAT[1]:.0f} HU inside the body, except at the edge of air", ()),
    "soft tissue": (ct_body.soft_tissue_mask, f"{SOFT[0]:.0f} to {SOFT[1]:.0f} HU inside the body", ()),
}
