"""Which passage answers, which of its sentences, and whether its limit applies to a measurement."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from agents.protocol.conversation import Piece
from agents.protocol.meaning import vector, vectors
from agents.protocol.sentences import without_interval
from agents.protocol.words import stems
from knowledge.threshold import compares

RELEVANT = 0.35
"""Least cosine between a question and a passage that is worth quoting."""

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_TOGETHER = re.compile(r"\b(both|total|whole|combined|together|pair)\b")
_FILLER = frozenset(("normal", "of", "the", "in", "on", "and", "adult", "a", "an"))


def relevant(query: str, passages: Sequence[Piece], must_name: Sequence[str] = ()) -> list[Piece]:
    """Passages worth quoting for a query, best first.

    Args:
        must_name: Structures of which a passage must name one, where any are given.
    """
    if not passages:
        return []
    texts = [f"{piece.text('title')}. {piece.text('text')}" for piece in passages]
    scores = (vectors(texts) @ vector(query)).tolist()
    for at, passage in enumerate(passages):
        scores[at] += 0.1 * _meets_number(query, passage)
    order = sorted(range(len(passages)), key=lambda at: (-round(scores[at], 4), at))
    return [
        passages[at]
        for at in order
        if scores[at] >= RELEVANT and (not must_name or any(_names(texts[at], name) for name in must_name))
    ]


def _names(text: str, structure: str) -> bool:
    """Whether the last word of a structure's name stands in `text`."""
    return stems(structure)[-1] in stems(text)


def _meets_number(query: str, passage: Piece) -> bool:
    """Whether a size in the question falls within a limit of the passage, as "5 mm" does in "< 6 mm"."""
    for value, unit in re.findall(r"(\d+(?:\.\d+)?)\s*-?(mm|cm|ml|hu)\b", query.lower()):
        size = float(value) * (10 if unit == "cm" else 1)
        for threshold in thresholds(passage):
            named = {"mm": "mm", "cm": "mm", "ml": "mL", "hu": "[hnsf'U]"}[unit]
            if threshold.get("unit") == named and _holds(size, threshold):
                return True
    return False


def _holds(value: float, threshold: dict[str, Any]) -> bool:
    limit, comparison = float(threshold["value"]), threshold["comparison"]
    if comparison == "between":
        return limit <= value <= float(threshold.get("high") or limit)
    return comparison != "=" and compares(value, comparison, limit)


def thresholds(passage: Piece) -> list[dict[str, Any]]:
    """The machine-readable limits of a passage."""
    rows = passage.data.get("thresholds") or ()
    return [row for row in rows if isinstance(row, dict) and {"name", "comparison", "value", "unit"} <= row.keys()]


def telling(query: str, passage: Piece, count: int, numbers: bool = False) -> list[str]:
    """The sentences of a passage nearest to a query, a run of at most `count` without gaps.

    Args:
        numbers: Whether to begin with a sentence that holds a number, where any does; what a figure is
            of often stands in the sentence after it.
    """
    sentences = [sentence for sentence in _SENTENCE.split(passage.text("text").strip()) if '"' not in sentence]
    if len(sentences) <= count:
        return sentences
    scores = np.round(vectors(sentences) @ vector(query), 4)
    if numbers and any(map(_NUMBER.search, sentences)):
        scores[[_NUMBER.search(sentence) is None for sentence in sentences]] = -1
        start = int(np.argmax(scores))
    else:
        sums = [float(scores[at : at + count].sum()) for at in range(len(sentences) - count + 1)]
        start = int(np.argmax(sums))
    return sentences[start : start + count]


def limit_for(measurement: Piece, passage: Piece, patient: dict[str, Any]) -> dict[str, Any] | None:
    """The passage's limit that applies to a measurement, or None.

    It must have the unit, name the quantity or the structure in the same words, be for a population the
    patient may belong to, and not be for both sides together where one side was measured. A mean is no limit.
    """
    quantity = measurement.quantity
    wished = set(stems(str(quantity.get("name", ""))))
    target = set(stems(measurement.target or "")) - {"left", "right"}
    sided = measurement.text("side") in ("left", "right") or (measurement.target or "").startswith(("left ", "right "))
    for threshold in thresholds(passage):
        name = set(stems(str(threshold["name"])))
        ratio = quantity.get("unit") == "1"
        if (
            threshold["comparison"] != "="
            and threshold["unit"] == quantity.get("unit")
            and wished - _FILLER <= name
            and (ratio or target <= name)
            and not (sided and _TOGETHER.search(f"{threshold['name']} {passage.text('title')}".lower()))
            and applies_to(str(threshold.get("population") or "adults"), patient)
            and _as_written(float(threshold["value"]), passage) is not None
        ):
            return threshold
    return None


def applies_to(population: str, patient: dict[str, Any]) -> bool:
    """Whether a population is one the patient is in, as far as is known: adults, men or women."""
    words = set(stems(population))
    age, sex = patient.get("age_years"), patient.get("sex")
    if isinstance(age, int | float) and age < 18:
        return False
    if words <= {"adult"}:
        return True
    if words <= {"adult", "man", "men", "male"}:
        return bool(sex == "male")
    if words <= {"adult", "woman", "women", "female"}:
        return bool(sex == "female")
    return False


def _as_written(value: float, passage: Piece) -> str | None:
    """The number as the passage writes it, since an answer may print only such."""
    return next((n for n in _NUMBER.findall(passage.text("text")) if abs(float(n) - value) < 1e-9), None)


def compared(measurement: Piece, passage: Piece, threshold: dict[str, Any]) -> tuple[str, str]:
    """How a measurement stands to a limit, and the two figures side by side; neither judges.

    Where the limit lies within the measurement's uncertainty both are the latter.
    """
    quantity = measurement.quantity
    value, limit, high = float(quantity["value"]), float(threshold["value"]), threshold.get("high")
    unit = _LABELS.get(str(threshold["unit"]), "")
    name = str(quantity.get("name", "value"))
    of = "" if quantity.get("unit") == "1" else f" of the {measurement.target}"
    subject = f"The {name}{of} is {without_interval(measurement)}"
    ends = [float(end) for end in (quantity.get("low"), quantity.get("high")) if end is not None] or [value]
    first = _as_written(limit, passage)
    if threshold["comparison"] == "between" and high is not None:
        second = _as_written(float(high), passage)
        beside = f"{subject}; the range in the passage is {first} to {second} {unit}".rstrip()
        inside = [limit <= end <= float(high) for end in ends]
        if len(set(inside)) > 1:
            return beside, beside
        return (
            f"{subject}, {'within' if inside[0] else 'outside'} the range of {first} to {second} {unit}".rstrip(),
            beside,
        )
    beside = f"{subject}; the limit in the passage is {first} {unit}".rstrip()
    holds = [_holds(end, threshold) for end in ends]
    if len(set(holds)) > 1:
        return beside, beside
    stands = _STANDS[str(threshold["comparison"]), holds[0]]
    return f"{subject}, {stands} the limit of {first} {unit}".rstrip(), beside


_STANDS = {
    ("<", True): "below", ("<", False): "not below", ("<=", True): "not above", ("<=", False): "above",
    (">", True): "above", (">", False): "not above", (">=", True): "not below", (">=", False): "below",
}  # fmt: skip
"""How a value stands to a limit, by the limit's comparison and whether it holds."""

_LABELS = {"[hnsf'U]": "HU", "1": "", "mm2": "mm²"} | {unit: unit for unit in ("mm", "mL", "%")}
