"""One labelled picture, whatever it was stored as."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Example:
    """One picture with what is known to be on it.

    Attributes:
        id: Names it in messages; slices of a volume share what comes before "@".
        folder: Where it comes from.
        split: "train", "dev" or another that the data names.
        pixels: (rows, columns, 3) uint8, as displayed.
        masks: By target, (rows, columns). An empty mask says that the target is absent.
        boxes: By target, every instance, (x0, y0, x1, y1) half open in pixels.
        absent: Targets that are known not to be on it.
        facts: What else is known: modality, body_part, label, finding, view, count, ...
    """

    id: str
    folder: str
    split: str
    pixels: NDArray[np.uint8]
    masks: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    boxes: Mapping[str, tuple[Box, ...]] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def group(self) -> str:
        """What must not be parted between splits or in a confidence interval: the volume or the patient."""
        return str(self.facts.get("patient") or self.id.split("@")[0])
