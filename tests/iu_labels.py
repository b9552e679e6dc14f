"""The finding labels that people gave the IU reports, by name, and what the extractor calls them."""

from collections import Counter
from collections.abc import Iterable

from knowledge.findings.extract import read_findings
from knowledge.findings.finding import Status
from tests.iu_reports import IuReport

_OF_PLACE = {
    # A MeSH label may be a place with the finding as its qualifier: "Lung/hypoinflation".
    "hypoinflation": "low lung volume",
    "hyperdistention": "hyperinflation",
    "tortuous": "tortuous aorta",
    "degenerative": "degenerative change",
    "elevated": "elevated diaphragm",
    "flattened": "flattened diaphragm",
    "blunted": "blunted costophrenic angle",
}
_NO_FINDING = frozenset(("normal", "No Indexing", "Technical Quality of Image Unsatisfactory "))
_PLACES = frozenset(
    ("Lung", "Thoracic Vertebrae", "Lumbar Vertebrae", "Cervical Vertebrae", "Spine", "Aorta", "Aorta, Thoracic",
     "Diaphragm", "Costophrenic Angle", "Cardiac Shadow", "Mediastinum", "Heart", "Shoulder", "Ribs", "Sulcus")
)  # fmt: skip

CONCEPTS: dict[str, frozenset[str]] = {
    "degenerative change": frozenset({"degenerative change"}),
    "Opacity": frozenset({"opacity", "nodular opacity"}),
    "Cardiomegaly": frozenset({"cardiomegaly"}),
    "Pulmonary Atelectasis": frozenset({"atelectasis"}),
    "Calcinosis": frozenset({"calcification", "aortic calcification", "calcified lymph node"}),
    "low lung volume": frozenset({"low lung volume"}),
    "Calcified Granuloma": frozenset({"calcified granuloma"}),
    "tortuous aorta": frozenset({"tortuous aorta"}),
    "hyperinflation": frozenset({"hyperinflation"}),
    "Cicatrix": frozenset({"scar"}),
    "Markings": frozenset({"interstitial markings", "bronchovascular markings"}),
    "Pleural Effusion": frozenset({"pleural effusion"}),
    "Atherosclerosis": frozenset({"atherosclerosis"}),
    "Airspace Disease": frozenset({"airspace disease"}),
}
"""Concepts of the extractor that say the label."""


def labelled(report: IuReport) -> frozenset[str]:
    """Findings among the labels of a report."""
    found = set()
    for label in report.labels:
        head, *qualifiers = label.split("/")
        if head == "Cardiac Shadow" and "enlarged" in qualifiers:
            found.add("Cardiomegaly")
        elif head not in _PLACES | _NO_FINDING:
            found.add(head)
        found.update(_OF_PLACE[item] for item in qualifiers if head in _PLACES and item in _OF_PLACE)
        if "degenerative" in qualifiers:
            found.add("degenerative change")
    return frozenset(found)


def extracted(report: IuReport) -> frozenset[str]:
    """Labels whose finding the text states: as there, not as possible, save for a heart of borderline size."""
    stated = {
        item.concept
        for item in read_findings(report.text)
        if item.abnormal and (item.status is Status.PRESENT or item.severities)
    }
    return frozenset(label for label, concepts in CONCEPTS.items() if concepts & stated)


def most_common(reports: Iterable[IuReport], count: int) -> list[str]:
    """The labels that most reports have."""
    return [name for name, _ in Counter(label for item in reports for label in labelled(item)).most_common(count)]


def f1(reports: Iterable[IuReport], labels: Iterable[str]) -> dict[str, tuple[float, int]]:
    """F1 of each label, and in how many reports people gave it."""
    pairs = [(labelled(item), extracted(item)) for item in reports]
    found = {}
    for label in labels:
        both = sum(label in ours and label in theirs for ours, theirs in pairs)
        one = sum((label in ours) != (label in theirs) for ours, theirs in pairs)
        found[label] = (2 * both / (2 * both + one) if both or one else 1.0, sum(label in ours for ours, _ in pairs))
    return found
