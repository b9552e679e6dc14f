"""Limits that a program can apply, and how they are said."""

from typing import Literal

from knowledge.case import Record
from knowledge.quantity import Unit


class Threshold(Record):
    """One machine-readable limit: `name` `comparison` `value` `unit`, for a population.

    Attributes:
        name: What is limited; what the limit means may follow after a comma.
        comparison: "=" is a mean or a size, and no limit.
        category: What a value that meets the limit is called, such as "splenomegaly".
        quantity: Names of the quantities it may be held against, such as "long axis".
        target: Names of the structures it may be held against, such as "spleen".
    """

    name: str
    comparison: Literal["<", "<=", ">", ">=", "=", "between"]
    value: float
    high: float | None = None
    unit: str
    population: str = "adults"
    # None and not empty where nothing is said: a reasoner's prompt leaves None out, as it did before there were these.
    category: str | None = None
    quantity: tuple[str, ...] | None = None
    target: tuple[str, ...] | None = None

    @property
    def meaning(self) -> str:
        """What a value that meets the limit is called; empty where nobody says."""
        return self.category or self.name.partition(", ")[2]

    def same_limit(self, other: "Threshold") -> bool:
        """Whether both set the same limit for the same people, however it is called."""
        own = (self.name, self.comparison, self.value, self.high, self.unit, self.population)
        return own == (other.name, other.comparison, other.value, other.high, other.unit, other.population)

    def text(self) -> str:
        """The limit in words, such as "30 mm or more"."""
        label = UNIT_LABELS.get(self.unit, f" {self.unit.strip('{}[]')}")
        value = f"{self.value:g}{label}"
        match self.comparison:
            case ">":
                return f"more than {value}"
            case ">=":
                return f"{value} or more"
            case "<":
                return f"less than {value}"
            case "<=":
                return f"{value} or less"
            case "between":
                return f"{self.value:g} to {self.high:g}{label}"
        return value


UNIT_LABELS = {unit.value: f" {unit.label}" for unit in Unit if unit.label} | {
    "1": "", "ratio": "", "{count}": "", "{score}": "", "um": " μm", "mm3": " mm³", "a": " years", "d": " days",
    "deg": " degrees",
}  # fmt: skip
"""How a limit's unit is printed after its value; other units stand as they are written."""


def compares(value: float, comparison: str, limit: float) -> bool:
    """Whether `value` `comparison` `limit` holds; anything but an inequality means equality."""
    match comparison:
        case "<":
            return value < limit
        case "<=":
            return value <= limit
        case ">":
            return value > limit
        case ">=":
            return value >= limit
        case _:
            return value == limit
