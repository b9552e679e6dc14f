"""Figures with units in the text of a report, in the units they are compared in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from knowledge.findings.finding import Measure

_NUMBER = r"\d{1,6}(?:[.,]\d{1,4})?"
_UNIT = r"mm|millimet(?:er|re)s?|cm3|cm³|cm|centimet(?:er|re)s?|ml|millilit(?:er|re)s?|cc|l|lit(?:er|re)s?|hu|%"
_FIGURE = re.compile(
    rf"(?<![\d.])({_NUMBER}(?:\s*(?:x|×|by|-|to)\s*{_NUMBER}){{0,2}})[ -]*({_UNIT})(?![A-Za-z0-9])", re.IGNORECASE
)
_SPLIT = re.compile(r"\s*(?:x|×|by|-|to)\s*", re.IGNORECASE)
_UNITS = {"mm": ("mm", 1.0), "cm": ("mm", 10.0), "ml": ("mL", 1.0), "cc": ("mL", 1.0), "cm3": ("mL", 1.0),
          "cm³": ("mL", 1.0), "l": ("mL", 1000.0), "hu": ("[hnsf'U]", 1.0), "%": ("%", 1.0)}  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """Figures that share one unit, and where they stand as offsets into the text."""

    measures: tuple[Measure, ...]
    start: int
    end: int
    text: str


def _unit(text: str) -> tuple[str, float]:
    text = text.lower()
    for begin, unit in (("millim", "mm"), ("centim", "cm"), ("millil", "ml"), ("lit", "l")):
        if text.startswith(begin):
            return _UNITS[unit]
    return _UNITS[text]


def figures(text: str) -> Iterator[Figure]:
    """Lengths in mm, volumes in mL, HU and percentages, in the order of the text."""
    for match in _FIGURE.finditer(text):
        unit, scale = _unit(match.group(2))
        measures = []
        for number in _SPLIT.split(match.group(1)):
            plain = number.replace(",", "." if len(number.split(",")[-1]) != 3 else "")
            decimals = len(plain.partition(".")[2])
            measures.append(Measure(value=float(plain) * scale, unit=unit, step=0.5 * scale / 10**decimals))
        yield Figure(tuple(measures), match.start(), match.end(), match.group())
