"""Ways in which a reasoner may be wrong, made from sentences that are right."""

import re
from collections.abc import Callable, Iterator

from tests.graphs.evidence_sets import Findings

_CITED = re.compile(r"\s*\[E\d+(?:, E\d+)*\]")
_NUMBER = re.compile(r"(?<![\w.\[(-])\d+(?:\.\d+)?(?![\w.]*[\]\d])")
_UNITS = {" mm²": " cm²", " mm": " cm", " cm": " mm", " mL": " L", " L": " mL", " px²": " mm²", " HU": " mL"}
_DENIALS = (
    ("which does not meet ", "which meets "), ("which meets ", "which does not meet "),
    (" needs no ", " needs "), (" need no ", " need "), ("cannot", "can"), ("could not be", "could be"),
    ("not possible", "possible"), ("was not found", "was found"), (" is absent", " is present"),
    ("is unknown", "is known"), ("There is no evidence of a", "There is evidence of a"), ("There is no", "There is a"),
    (" is not enlarged", " is enlarged"), (" is enlarged", " is not enlarged"), ("measures", "does not measure"),
    (" is ", " is not "), (" has ", " does not have "),
    (" measure ", " do not measure "), (" are ", " are not "), (" was ", " was not "), ("spans", "does not span"),
)  # fmt: skip


def _outside(text: str, change: Callable[[str], str]) -> str:
    """Change only what stands outside citation marks."""
    parts = re.split(r"(\[E\d+(?:, E\d+)*\])", text)
    return "".join(part if part.startswith("[E") else change(part) for part in parts)


def _values(findings: Findings) -> list[str]:
    """The two volumes as printed."""
    return [f"{item.quantity.value:.{item.quantity.decimals}f}" for item in (findings.left, findings.right)]


def wrong_number(text: str, findings: Findings) -> Iterator[str]:
    for match in _NUMBER.finditer(_CITED.sub(lambda mark: "#" * len(mark[0]), text)):
        first = match[0][0]
        other = str((int(first) + 4) % 9 + 1)
        if other == first:
            continue
        yield text[: match.start()] + other + match[0][1:] + text[match.end() :]


def wrong_side(text: str, findings: Findings) -> Iterator[str]:
    if "left" in text.lower() and "right" in text.lower() and len(set(_values(findings))) == 1:
        return  # both sides print the same value
    other = {"left": "right", "right": "left", "Left": "Right", "Right": "Left"}
    changed = _outside(text, lambda part: re.sub(r"\b([Ll]eft|[Rr]ight)\b", lambda side: other[side[0]], part))
    if changed != text:
        yield changed


def denial_flipped(text: str, findings: Findings) -> Iterator[str]:
    if text.startswith("No "):
        yield "A " + text[3:]
        return
    for there, instead in _DENIALS:
        if there in text:
            yield text.replace(there, instead, 1)
            return


def unit_changed(text: str, findings: Findings) -> Iterator[str]:
    for unit, other in _UNITS.items():
        if re.search(rf"\d{re.escape(unit)}(?!\w)", text):
            yield re.sub(rf"(?<=\d){re.escape(unit)}(?!\w)", other, text)
            return


def citation_removed(text: str, findings: Findings) -> Iterator[str]:
    yield _CITED.sub("", text)


def dangling(text: str, findings: Findings) -> Iterator[str]:
    yield re.sub(r"\[E\d+", "[E77", text)


def moved(text: str, findings: Findings) -> Iterator[str]:
    """The two values of a sentence change places, or the sentence cites the other side."""
    a, b = _values(findings)
    if a == b:
        return
    if a in text and b in text:
        yield _outside(text, lambda part: part.replace(a, "#").replace(b, a).replace("#", b))
    elif f"[{findings.left.id}]" in text and a in text:
        yield text.replace(f"[{findings.left.id}]", f"[{findings.right.id}]")
        yield text.replace(f"[{findings.left.id}]", f"[{findings.left.id}, {findings.right.id}]").replace(a, b)


def quote_misattributed(text: str, findings: Findings) -> Iterator[str]:
    if '"' in text:
        yield text.replace(findings.reference.id, findings.limit.id).replace(findings.statement.id, findings.limit.id)


def quote_invented(text: str, findings: Findings) -> Iterator[str]:
    if '"' in text:
        yield text.replace("nodule", "lesion").replace("coughs", "cough")
        yield re.sub(r'"[^"]*"', '"The patient has a solid nodule."', text)


MUTATIONS = (
    wrong_number, wrong_side, denial_flipped, unit_changed, citation_removed, dangling, moved, quote_misattributed,
    quote_invented,
)  # fmt: skip
