"""A question in clauses, and what the words of each betray."""

import re

from agents.protocol.intents import CUES, MEASURED, TALK, Intent
from agents.protocol.structures import MASKED

_CLAUSE = re.compile(
    r"\s*[?;.!]\s*|\s*,\s*(?:and\s+|but\s+)?|\s+(?:and|but)\s+(?=(?:what|how|is|are|does|do|where|which|show|tell|can|why|should|"
    r"measure|compare|any|give|segment|outline)\b)"
)
_THIS_PATIENT = re.compile(r"\b(this|these|that|those|it|its|here|his|her|he|she|patient|patients|my|our|we)\b")
_ASKING = re.compile(r"(?:what|which|who|how|when|where|why|is|are|was|were|do|does|did|has|have|will|would|should)\b")
_ASKING_OF_IT = re.compile(
    rf"{_ASKING.pattern}|(?:please )?(?:(?:can|could) (?:you|we|one)|(?:tell|give) (?:me|us))\b|i (?:want|need) to\b"
)
_ASKING_OTHERWISE = re.compile(
    r"\b(?:do|should|shall|must|may|can) i\b|\b(?:should|shall|must|may) we\b|\bwould you\b|\b(?:he|she)\b"
)
_LIMIT = re.compile(
    r"\b(?:than|over|above|under|below|least|most|exceeds?) \d+(?:\.\d+)? ?(?:mm|cm|millimet\w+|centimet\w+)\b"
)


def clauses(text: str) -> list[str]:
    """The clauses of a question, in order."""
    return [clause.strip() for clause in _CLAUSE.split(text) if clause and clause.strip()]


def cued(clause: str) -> list[Intent]:
    """The intents that a clause's words betray, in the order they stand; empty where none do.

    Args:
        clause: Mended, with structures written "organ".
    """
    return _settle({intent: match for intent, cue in CUES.items() if (match := cue.search(clause))}, clause)


def asks(clause: str) -> bool:
    """Whether a clause that betrays nothing is a question all the same, by the word it begins with."""
    return _ASKING.match(clause) is not None


def asks_of_it(clause: str, marked: bool) -> bool:
    """Whether a clause asks what something is or is like, and not what to do about it or how the patient lives.

    Args:
        marked: Whether a question mark follows it.
    """
    return (marked or _ASKING_OF_IT.match(clause) is not None) and _ASKING_OTHERWISE.search(clause) is None


def _settle(matches: dict[Intent, re.Match[str]], clause: str) -> list[Intent]:
    """Decide between intents whose words overlap."""
    found = set(matches)
    if Intent.ABILITIES in found:
        return [Intent.ABILITIES]
    if Intent.WHY in found:
        return [Intent.WHY]
    if Intent.KNOWLEDGE in found and not _THIS_PATIENT.search(clause):
        return [Intent.KNOWLEDGE]
    if Intent.PICTURE in found:
        found -= set() if MASKED in clause else {Intent.SIZE}
        found -= {Intent.COUNT, Intent.REPORT, Intent.SHOW, Intent.PLACE, Intent.DIAMETER, Intent.PRESENCE}
    if Intent.CHANGE in found:
        found -= {Intent.SIDES, Intent.NORMALITY, Intent.PRESENCE}
    if Intent.COUNT in found:
        found -= {Intent.PRESENCE}
        if re.search(r"how many (?:millimet\w+|centimet\w+|mm|cm)", clause):
            found = (found - {Intent.COUNT}) | {Intent.DIAMETER}
        if re.search(r"how many (?:millilit\w+|lit\w+|ml|cc|hounsfield)", clause):
            found = (found - {Intent.COUNT}) | {Intent.DENSITY if "hounsfield" in clause else Intent.SIZE}
    if found & {Intent.PLACE, Intent.REPORT, Intent.SIDES}:
        found -= {Intent.PRESENCE}
    if re.search(r"\b(?:box(?:es)?|rectangles?)\b", clause):
        found -= {Intent.SHOW}
    if Intent.PRESENCE in found and matches[Intent.PRESENCE].group().startswith("does"):
        found -= {Intent.SHOW}
    if Intent.RATIO in found:
        found -= {Intent.SIZE, Intent.DIAMETER, Intent.SIDES}
    if _LIMIT.search(clause):
        found = (found - {Intent.SIZE, Intent.SIDES}) | {Intent.DIAMETER}
    general = re.compile(r"measur|quantif|extent|how much|bigger|larger|smaller|largest|smallest")
    other = found & {Intent.DIAMETER, Intent.DENSITY, Intent.COUNT}
    if other and Intent.SIZE in found and general.match(matches[Intent.SIZE].group()):
        found -= {Intent.SIZE}
    if Intent.SIDES in found and Intent.NORMALITY in found and not re.search(r"left|right|side|symmetr|both", clause):
        found -= {Intent.SIDES}
    if Intent.PLACE in found and "slice" in matches[Intent.PLACE].group():
        found -= {Intent.SHOW}
    if Intent.REPORT in found and found & MEASURED and matches[Intent.REPORT].group() == "report":
        found -= {Intent.REPORT}
    if found & MEASURED:
        found -= {Intent.SHOW, Intent.OUTLINE, Intent.PRESENCE}
    if Intent.REPORT in found and MASKED not in clause:
        found -= {Intent.NORMALITY}
    if Intent.OUTSIDE in found and not found & (MEASURED | {Intent.KNOWLEDGE}):
        return [Intent.OUTSIDE]
    found -= {Intent.OUTSIDE}
    if found - TALK:
        found -= TALK
    return sorted(found, key=lambda intent: matches[intent].start() if intent in matches else 0)
