"""A recorded measurement held against a limit of a passage, by code alone.

It refuses what does not fit: another structure or quantity, a unit that cannot be compared, pixels without
a known size, a structure that is cut off, a patient the limit is not for. Where the measurement's interval
spans the limit, the outcome is open.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from knowledge.case import Patient
from knowledge.evidence import TRUNCATED, Measurement, Status
from knowledge.population import belongs
from knowledge.quantity import Unit
from knowledge.threshold import Threshold, compares

Misfit = Literal["", "meaning", "unit", "spacing", "field of view", "population"]

_FACTORS = {
    ("um", "mm"): 1e-3, ("cm", "mm"): 10.0, ("cm2", "mm2"): 100.0, ("mm3", "mL"): 1e-3, ("cm3", "mL"): 1.0,
    ("L", "mL"): 1000.0, ("%", "1"): 0.01, ("1", "%"): 100.0,
}  # fmt: skip
"""From a limit's UCUM unit to a measurement's."""

_GRIDS = {Unit.PX: "mm", Unit.PX2: "mm2", Unit.PX3: "mL"}
_WORD = re.compile(r"[^\W_]+")
_SIDES = frozenset({"left", "right", "both"})
_NEUTRAL = frozenset({"of", "the", "on", "in", "a", "an", "size"})


@dataclass(frozen=True)
class Held:
    """The outcome of one comparison.

    Attributes:
        status: Met, not met, open, or not assessed where they cannot be compared.
        reason: Why it is open or was not assessed, in words for a reader.
        misfit: What does not fit, where it was not assessed.
        caveat: What a reader must know of a comparison that was made.
    """

    status: Status
    reason: str = ""
    misfit: Misfit = ""
    caveat: str = ""


def hold(measurement: Measurement, limit: Threshold, patient: Patient, said: Sequence[str] = ()) -> Held:
    """Hold a measurement against a limit.

    Args:
        said: What the clinician or the chart said, in sentences: whom a limit is for may stand there.
    """
    quantity = measurement.quantity
    if why := _another(measurement, limit):
        return Held(Status.NOT_ASSESSED, why, "meaning")
    if _GRIDS.get(quantity.unit) and factor(limit.unit, _GRIDS[quantity.unit]) is not None:
        return Held(Status.NOT_ASSESSED, "the physical size of a pixel is not known", "spacing")
    scale = factor(limit.unit, quantity.unit.value)
    if scale is None:
        return Held(
            Status.NOT_ASSESSED,
            f"{quantity.text()} cannot be compared with {limit.text()}, which has another unit",
            "unit",
        )
    if TRUNCATED in measurement.caveats:
        return Held(Status.NOT_ASSESSED, f"the {measurement.target} is cut off by the field of view", "field of view")
    fits, why = belongs(limit.population, patient, said)
    if fits is not Status.MET:
        return Held(Status.NOT_ASSESSED, why, "population")
    ends = [end for end in (quantity.value, quantity.low, quantity.high) if end is not None]
    outcomes = {_holds(end, limit, scale) for end in ends}
    # Both ends outside a range, one below and one above it, leave open whether the value is inside.
    spanned = limit.comparison == "between" and _spans(ends, limit, scale)
    if len(outcomes) > 1 or spanned:
        return Held(Status.OPEN, f"the uncertainty of {quantity.text()} spans {limit.text()}", "", why)
    return Held(Status.MET if outcomes.pop() else Status.NOT_MET, "", "", why)


def factor(limit_unit: str, unit: str) -> float | None:
    """What a limit's value is multiplied by to stand in `unit`, or None where that cannot be."""
    if limit_unit == unit:
        return 1.0
    return _FACTORS.get((limit_unit, unit))


def named_alike(one: str, other: str) -> bool:
    """Whether two names are of the same structure, whatever the side and number."""
    return _name(one) == _name(other)


def applies(measurement: Measurement, limit: Threshold) -> bool:
    """Whether a limit is about what was measured."""
    return not _another(measurement, limit)


def _another(measurement: Measurement, limit: Threshold) -> str:
    """Why a limit is about something else, or nothing."""
    quantity, target = measurement.quantity, measurement.target
    of = f"the {quantity.name} of the {target}"
    if limit.comparison == "=":
        return f"{limit.name!r} is a mean or a size, and no limit"
    if limit.target is None and limit.quantity is None:
        # Nobody says what it may be held against, so its name must: the quantity's and the structure's words, no other.
        words = _words(limit.name.partition(",")[0]) - _NEUTRAL
        own = _words(quantity.name) - _NEUTRAL
        bare = quantity.unit is Unit.ONE and own <= words
        fits = own <= words <= own | set(_name(target)) and (bare or set(_name(target)) <= words)
        return "" if fits else f"{limit.name!r} is not about {of}"
    if limit.target is not None and not any(named_alike(target, name) for name in limit.target):
        return f"{limit.name!r} is about the {' or '.join(limit.target)}, not the {target}"
    if limit.quantity is not None and quantity.name.lower() not in (name.lower() for name in limit.quantity):
        return f"{limit.name!r} is about the {' or '.join(limit.quantity)}, not {of}"
    return ""


def _words(text: str) -> set[str]:
    return {_singular(word) for word in _WORD.findall(text.lower())}


def _name(target: str) -> tuple[str, ...]:
    return tuple(_singular(word) for word in _WORD.findall(target.lower()) if word not in _SIDES)


def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "as")):
        return word[:-1]
    return word


def _holds(value: float, limit: Threshold, scale: float) -> bool:
    if limit.comparison == "between" and limit.high is not None:
        return limit.value * scale <= value <= limit.high * scale
    return compares(value, limit.comparison, limit.value * scale)


def _spans(ends: Sequence[float], limit: Threshold, scale: float) -> bool:
    high = limit.value if limit.high is None else limit.high
    return min(ends) < limit.value * scale and max(ends) > high * scale
