"""A sentence of an answer, the evidence it cites, and whether that evidence carries it."""

from enum import StrEnum

from knowledge.case import Record


class Verdict(StrEnum):
    """What the verifier found."""

    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"
    CONTRADICTED = "contradicted"


class Claim(Record):
    """One sentence of fact.

    Attributes:
        text: The sentence without its citation marks.
        evidence: Ids it cites, in order.
        reason: Why it is not supported; empty where it is.
    """

    text: str
    evidence: tuple[str, ...]
    verdict: Verdict
    reason: str = ""
