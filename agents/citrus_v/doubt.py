"""How sure a mask is: the same picture mirrored, turned, brighter and darker should give the same mask."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage
from torch import Tensor

from agents.citrus_v.abilities import Ability
from agents.citrus_v.masks import OBJECT_THRESHOLD, DrawnMask, resize, rounded, stability
from agents.citrus_v.model import MaskLogits
from agents.citrus_v.pictures import Picture
from agents.citrus_v.reader import CannotRead
from agents.citrus_v.tiles import Tile, closer, joined
from agents.citrus_v.tiles import tiles as cut
from knowledge.evidence import SIZE_HIGH, SIZE_LOW, Confidence

GAMMAS = (0.8, 1.25)
"""Exponents of the brightness shifts, as far from 1 as customary display settings are from each other."""

TURN = 10.0
"""Degrees by which pictures are turned: about as far as training turns them."""

_EXPECTED = "Dice to expect, from the agreement of several looks, calibrated on held-out pictures"


class Decoding(Protocol):
    """Who draws, as `Reader` does."""

    def decode(self, picture: Picture, segments: Tensor) -> MaskLogits:
        """Mask logits on the model's own grid for hidden states of `[SEG]`."""


@dataclass(frozen=True)
class Variant:
    """A picture changed in a way that leaves its meaning, and how to take the change back from a mask."""

    picture: Picture
    back: Callable[[Tensor], Tensor]


def variants(picture: Picture) -> list[Variant]:
    """The picture itself, mirrored, turned and brighter, and turned the other way and darker."""
    mirrored = Picture.from_array(np.ascontiguousarray(picture.pixels[:, ::-1]))
    turned = (_turned(_shaded(picture, gamma), angle) for gamma, angle in zip(GAMMAS, (TURN, -TURN), strict=True))
    return [Variant(picture, _same), Variant(mirrored, _unmirrored), *turned]


def _shaded(picture: Picture, gamma: float) -> Picture:
    table = np.round(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
    return Picture.from_array(table[picture.pixels])


def _turned(picture: Picture, angle: float) -> Variant:
    """The picture turned, all of it still in view."""
    image = PillowImage.fromarray(picture.pixels)
    turned = image.rotate(angle, PillowImage.Resampling.BILINEAR, expand=True)

    def back(logits: Tensor) -> Tensor:
        plane = PillowImage.fromarray(logits.float().cpu().numpy())
        upright = np.asarray(plane.rotate(-angle, PillowImage.Resampling.BILINEAR))
        top, left = (upright.shape[0] - picture.height) // 2, (upright.shape[1] - picture.width) // 2
        return torch.from_numpy(upright[top : top + picture.height, left : left + picture.width].copy()).to(logits)

    return Variant(Picture.from_array(np.asarray(turned)), back)


@dataclass(frozen=True, eq=False)
class DoubtedMask(DrawnMask):
    """A mask of the mean probability over variants, with the mean scores.

    Attributes:
        agreement: Mean Dice of the variants' own masks with it, in [0, 1].
        low, high: Smallest and largest area among the variants over the area of the mask.
        present_above: Object score above which the target is said to be there.
    """

    agreement: float = 1.0
    low: float = 1.0
    high: float = 1.0
    present_above: float = OBJECT_THRESHOLD

    @property
    def absent(self) -> bool:
        """Whether this says that the object is not there."""
        return (self.object_score or 0.0) < self.present_above or not self.mask.any()

    @property
    def scores(self) -> dict[str, float]:
        """The scores there are, by name."""
        return super().scores | {"agreement": self.agreement}

    @property
    def sureness(self) -> float:
        """One figure in [0, 1] for calibration: expected overlap times agreement."""
        return (self.iou or 0.0) * self.agreement


@torch.inference_mode()
def doubt(
    reader: Decoding,
    seen: Sequence[Variant],
    segments: Tensor,
    present_above: float = OBJECT_THRESHOLD,
    tiles: int = 1,
    room: float | None = None,
    convex: bool = False,
    joined_looks: int | None = None,
) -> list[DoubtedMask]:
    """Draw each `[SEG]` on every variant and join what comes out.

    Args:
        segments: (k, hidden).
        tiles: Parts a side that each variant is looked at in.
        room: Side of a second, closer look over the longer side of what the first found; None for no second look.
        convex: Whether each is one thing without dents, whose hull is taken.
        joined_looks: How many of the variants, from the first on, make the mask; the others only doubt it. All where
            None.
    """
    found = []
    looks = [look_at(reader, variant, segments, tiles) for variant in seen]
    for index in range(len(segments)):
        each_look = [look[index] for look in looks]
        if room is not None:
            each_look = _closer(reader, seen, segments[index : index + 1], each_look, room)
        drawn = [look.logits.sigmoid() for look in each_look]
        mean = torch.stack(drawn[:joined_looks]).mean(dim=0)
        each = [(share > 0.5).cpu().numpy() for share in (mean, *drawn)]
        mask, *each = [rounded(one) for one in each] if convex else each
        area = int(mask.sum())
        areas = [int(one.sum()) / area for one in each] if area else [1.0]
        found.append(
            DoubtedMask(
                mask=mask,
                iou=float(np.mean([look.iou for look in each_look])),
                object_score=float(np.mean([look.object_score for look in each_look])),
                stability=float(np.mean([stability(look.logits) for look in each_look])),
                agreement=float(np.mean([dice(one, mask) for one in each])),
                low=min(1.0, *areas),
                high=max(1.0, *areas),
                present_above=present_above,
            )
        )
    return found


@dataclass(frozen=True)
class OneLook:
    """One mask on one variant, the change taken back: logits on the picture's pixels, and scores."""

    logits: Tensor
    iou: float
    object_score: float


def look_at(reader: Decoding, variant: Variant, segments: Tensor, count: int) -> list[OneLook]:
    """Each `[SEG]` on one variant, in `count` x `count` parts."""
    parts: list[list[tuple[Tile, Tensor]]] = [[] for _ in segments]
    ious: list[list[float]] = [[] for _ in segments]
    objects: list[list[float]] = [[] for _ in segments]
    for tile in cut(variant.picture, count):
        decoded = reader.decode(tile.picture, segments)
        best, iou = decoded.best()
        for index in range(len(segments)):
            logits = resize(best[index], tile.picture.height, tile.picture.width)
            parts[index].append((tile, logits))
            ious[index].append(float(iou[index].clamp(0, 1)))
            objects[index].append(float(decoded.object_logit[index].sigmoid()))
    height, width = variant.picture.height, variant.picture.width
    looks = []
    for index in range(len(segments)):
        whole = parts[index][0][1] if count == 1 else joined(parts[index], height, width)
        # A target is there if any part shows it; only parts that do tell how good the mask is.
        telling = [iou for iou, there in zip(ious[index], objects[index], strict=True) if there >= OBJECT_THRESHOLD]
        looks.append(OneLook(variant.back(whole), float(np.mean(telling or ious[index])), max(objects[index])))
    return looks


@torch.inference_mode()
def shares(reader: Decoding, seen: Sequence[Variant], segments: Tensor, tiles: int) -> Tensor:
    """Mean probability of each `[SEG]` over variants, (k, rows, columns)."""
    looks = [look_at(reader, variant, segments, tiles) for variant in seen]
    return torch.stack([torch.stack([one.logits.sigmoid() for one in look]) for look in looks]).mean(dim=0)


def _closer(
    reader: Decoding, seen: Sequence[Variant], segment: Tensor, looks: list[OneLook], room: float
) -> list[OneLook]:
    """The looks with what a second one, close to what they found, says there; whether it is there stays theirs."""
    picture = seen[0].picture
    mask = torch.stack([look.logits.sigmoid() for look in looks]).mean(dim=0) > 0.5
    part = closer(picture, mask.cpu().numpy(), room) if bool(mask.any()) else None
    if part is None:
        return looks
    place = slice(part.top, part.bottom), slice(part.left, part.right)
    second = []
    for variant, first in zip(variants(part.picture), looks, strict=False):
        near = look_at(reader, variant, segment, 1)[0]
        logits = first.logits.clone()
        logits[place] = near.logits
        second.append(OneLook(logits, near.iou, first.object_score))
    return second


def sure(ability: Ability, masks: Sequence[DoubtedMask]) -> Confidence | None:
    """The Dice to expect of a mask, from held-out pictures; of a volume the mean over its slices by area.

    Raises:
        CannotRead: It is lower than the ability allows.
    """
    if ability.confidence is None or not masks:
        return None
    areas = [int(mask.mask.sum()) for mask in masks]
    score = sum(mask.sureness * area for mask, area in zip(masks, areas, strict=True)) / sum(areas)
    value = ability.confidence(score)
    if value < ability.abstain_below:
        raise CannotRead(
            f"The {ability.offer.name} cannot be outlined here with any certainty: an overlap of {value:.2f} with the "
            f"truth is expected, and below {ability.abstain_below:.2f} no outline is given.",
            target=ability.offer.name,
        )
    return Confidence(value=value, method=_EXPECTED)


def spread(masks: Sequence[DoubtedMask]) -> dict[str, float]:
    """By how much the size of a mask may be too small or too large, as shares of its size."""
    areas = [int(mask.mask.sum()) for mask in masks]
    if not sum(areas):
        return {}
    low = sum(mask.low * area for mask, area in zip(masks, areas, strict=True)) / sum(areas)
    high = sum(mask.high * area for mask, area in zip(masks, areas, strict=True)) / sum(areas)
    return {SIZE_LOW: low, SIZE_HIGH: high}


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Overlap of two masks, 1 where both are empty."""
    both = int(one.sum()) + int(other.sum())
    return 2 * int((one & other).sum()) / both if both else 1.0


def _same(logits: Tensor) -> Tensor:
    return logits


def _unmirrored(logits: Tensor) -> Tensor:
    return logits.flip(-1)
