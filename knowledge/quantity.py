"""A measured value that never loses its unit, its uncertainty or the origin of its scale."""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, FiniteFloat, model_validator


class SpacingSource(StrEnum):
    """Where the physical size of a pixel comes from."""

    HEADER = "header"
    USER = "user"
    NONE = "none"


class Unit(StrEnum):
    """Units by their UCUM code; pixel units stand for grids whose physical size is unknown."""

    MM = "mm"
    MM2 = "mm2"
    ML = "mL"
    HU = "[hnsf'U]"
    SIGNAL = "{signal}"
    ONE = "1"
    COUNT = "{count}"
    SLICE = "{slice}"
    PERCENT = "%"
    PX = "px"
    PX2 = "px2"
    PX3 = "px3"

    @property
    def physical(self) -> bool:
        """Whether the unit needs a known pixel spacing."""
        return self in (Unit.MM, Unit.MM2, Unit.ML)

    @property
    def grid(self) -> bool:
        """Whether the unit counts pixels of a grid without physical size."""
        return self in (Unit.PX, Unit.PX2, Unit.PX3)

    @property
    def label(self) -> str:
        """The unit as a reader expects it, empty for pure numbers."""
        return _LABELS.get(self, self.value)


_LABELS = {
    Unit.MM2: "mm²",
    Unit.HU: "HU",
    Unit.SIGNAL: "signal units",
    Unit.ONE: "",
    Unit.COUNT: "",
    Unit.SLICE: "",
    Unit.PX2: "px²",
    Unit.PX3: "voxels",
}


class Quantity(BaseModel):
    """One number with its unit, its uncertainty interval and the source of its scale.

    Attributes:
        name: What was measured in the field's words, such as "volume" or "long axis".
        value: In `unit`.
        low, high: Ends of the uncertainty interval in `unit`; both or neither.
        spacing: Origin of the pixel spacing the value rests on; `none` for values that need none.

    Raises:
        ValueError: A physical unit without a known spacing, a pixel unit with one, or an interval
            that does not contain the value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    value: FiniteFloat
    unit: Unit
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    spacing: SpacingSource = SpacingSource.NONE

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.unit.physical and self.spacing is SpacingSource.NONE:
            raise ValueError(f"{self.name}: {self.unit.value} needs a known pixel spacing")
        if self.unit.grid and self.spacing is not SpacingSource.NONE:
            raise ValueError(f"{self.name}: with a known spacing the unit is physical, not {self.unit.value}")
        if (self.low is None) != (self.high is None):
            raise ValueError(f"{self.name}: an interval has two ends")
        if self.low is not None and self.high is not None and not self.low <= self.value <= self.high:
            raise ValueError(f"{self.name}: {self.value} lies outside its interval {self.low} to {self.high}")
        return self

    @property
    def decimals(self) -> int:
        """Decimals worth printing: none from 100 up, two for ratios and below 1, else one."""
        if self.unit in (Unit.COUNT, Unit.SLICE, Unit.PX3):
            return 0
        if self.unit is Unit.ONE or (self.value != 0 and abs(self.value) < 1):
            return 2
        return 0 if abs(self.value) >= 100 else 1

    def text(self) -> str:
        """The value, its interval and its unit, such as "1234 mL (1180 to 1290)"."""
        shown = f"{self.value:.{self.decimals}f} {self.unit.label}".rstrip()
        if self.low is None or self.high is None:
            return shown
        return f"{shown} ({self.low:.{self.decimals}f} to {self.high:.{self.decimals}f})"
