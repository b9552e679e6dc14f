"""Who is measured: one shape for the model that ships and for the baseline beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from agents.citrus_v.abilities import Abilities
from agents.citrus_v.backends import SEGMENT
from agents.citrus_v.doubt import Decoding, Variant, doubt, variants
from agents.citrus_v.instances import told_apart
from agents.citrus_v.pictures import Picture
from agents.citrus_v.reader import Reader, Turn
from agents.citrus_v.training.targets import CENTRE, CLOSER, CONVEX, JOINED_LOOKS, RADIUS, TILES

_TOKENS = 16

Box = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Seen:
    """What someone sees of one target on one picture.

    Attributes:
        mask: (rows, columns), drawn whether or not the target is said to be there.
        presence: Score in [0, 1] that the target is there at all.
        sureness: Score in [0, 1] of the mask, before calibration.
        boxes: Of each instance with its score, where the target comes as instances.
    """

    mask: NDArray[np.bool_]
    presence: float
    sureness: float
    boxes: tuple[tuple[Box, float], ...] = field(default=())


class Eyes(Protocol):
    """Looks at pictures for targets."""

    name: str

    def look(self, pixels: NDArray[np.uint8], targets: Sequence[str], instances: Sequence[str]) -> Mapping[str, Seen]:
        """What is seen of each target on (rows, columns, 3) pixels; of `instances` with boxes."""


class ReaderEyes:
    """The model as it ships: `[SEG]` answered by the language model, each mask from several looks.

    Args:
        looks: How many variants of a picture are looked at, 1 to 4.
    """

    def __init__(self, reader: Reader, abilities: Abilities | None = None, looks: int = 4) -> None:
        self.reader, self.looks = reader, looks
        self.name = abilities.name if abilities else "citrus-v"

    def look(self, pixels: NDArray[np.uint8], targets: Sequence[str], instances: Sequence[str]) -> Mapping[str, Seen]:
        """Every target in one batch of short conversations, on one encoding of each variant."""
        picture = Picture.from_array(pixels)
        asked = [*targets, *marks(instances)]
        turns = [Turn.ask(SEGMENT.format(target=target), picture) for target in asked]
        replies = self.reader.read(turns, _TOKENS)
        segments = {
            target: reply.segments[:1]
            for target, reply in zip(asked, replies, strict=True)
            if reply.segments is not None and len(reply.segments)
        }
        return drawn(self.reader, variants(picture)[: self.looks], segments, targets, instances)


def marks(instances: Sequence[str]) -> list[str]:
    """Targets that mark the middles of those instances which are told apart by marks."""
    return [CENTRE.format(target) for target in instances if target not in RADIUS]


def drawn(
    decoder: Decoding,
    seen: Sequence[Variant],
    segments: Mapping[str, Tensor],
    targets: Sequence[str],
    instances: Sequence[str],
) -> dict[str, Seen]:
    """What a decoder draws of each target on the variants of one picture, as the backends look at it.

    Args:
        segments: (1, hidden) for each target and each mark of `instances`; one without is not there.
    """
    picture = seen[0].picture
    size = picture.height, picture.width
    found = {}
    for target in targets:
        if target not in segments:
            found[target] = Seen(np.zeros(size, dtype=np.bool_), 0.0, 0.0)
            continue
        tiles = TILES.get(target, 1)
        mask = doubt(
            decoder,
            seen,
            segments[target],
            tiles=tiles,
            room=CLOSER.get(target),
            convex=target in CONVEX,
            joined_looks=JOINED_LOOKS.get(target),
        )[0]
        boxes: tuple[tuple[Box, float], ...] = ()
        names = [target, *marks([target])]
        if target in instances and all(name in segments for name in names):
            boxes = tuple(told_apart(decoder, seen, [segments[name] for name in names], tiles, RADIUS.get(target)))
        found[target] = Seen(mask.mask, mask.object_score or 0.0, mask.sureness, boxes)
    return found
