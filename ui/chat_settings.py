"""What a person may choose on the page before files are opened."""

from dataclasses import dataclass
from typing import Any

from knowledge.case import Modality

UNSTATED = "as the files say"
_MM = (1e-4, 1000.0)


@dataclass(frozen=True)
class Choices:
    """How files are read and who reasons.

    Attributes:
        spacing: Pixel size (x, y) in mm where the files give none, or None.
    """

    reasoner: str = "protocol"
    modality: Modality | None = None
    spacing: tuple[float, float] | None = None

    @classmethod
    def of(cls, settings: dict[str, Any], reasoner: str) -> "Choices":
        """Read the page's settings.

        Raises:
            ValueError: One of them cannot be used; the message says which and why.
        """
        code = str(settings.get("modality") or UNSTATED)
        modality = None if code == UNSTATED else Modality(code)
        spacing = str(settings.get("spacing") or "").strip()
        return cls(str(settings.get("reasoner") or reasoner), modality, _spacing(spacing) if spacing else None)

    def recorded(self) -> dict[str, Any]:
        """As the trace keeps them."""
        return {"spacing": self.spacing, "modality": self.modality.value if self.modality else None}


def _spacing(text: str) -> tuple[float, float]:
    parts = text.replace(" ", "").split(",")
    try:
        sizes = [float(part) for part in parts]
    except ValueError:
        sizes = []
    if len(sizes) == 1:
        sizes *= 2
    if len(sizes) != 2 or not all(_MM[0] <= size <= _MM[1] for size in sizes):
        raise ValueError(f"The pixel spacing is two sizes in mm such as 0.2, 0.2, not {text!r}.")
    return sizes[0], sizes[1]


def modalities() -> list[str]:
    """What may be chosen as modality."""
    return [UNSTATED, *(code.value for code in Modality if code is not Modality.UNKNOWN)]
