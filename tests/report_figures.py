"""How the report check answers to changed reports: mean scores, and whether every change of meaning shows."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import fmean

from graphs.report_check import ReportError, check_report
from tests.iu_reports import IuReport
from tests.report_changes import EXTRA, OTHER, SAME, changed

LIMITS = {
    "paraphrase": 0.97, "sentence shuffle": 0.97, "telegraphic style": 0.97,
    "side swap": 0.88, "side swap in one sentence": 0.88, "severity flip": 0.94,
    "negation flip": 0.70, "omission": 0.70, "false finding": 0.70,
}  # fmt: skip
"""Mean scores to reach: at least for the same meaning, at most for another."""
ORDERED = 0.95
"""Part of the reports in which every change of meaning is to score below every paraphrase."""


@dataclass
class Figures:
    """Scores by kind of change; `ordered` holds a yes or no for each report."""

    scores: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    ordered: list[bool] = field(default_factory=list)
    unreadable: int = 0

    def mean(self, name: str) -> float:
        return fmean(self.scores[name])

    @property
    def ordered_part(self) -> float:
        return fmean(self.ordered)


def measure(reports: Iterable[IuReport]) -> Figures:
    """Every report against each of its changed versions."""
    figures = Figures()
    for report in reports:
        scores = {}
        for name in (*SAME, *OTHER, *EXTRA):
            text = changed(report, name)
            if text is None:
                continue
            try:
                scores[name] = check_report(text, report.text).score
            except ReportError:
                figures.unreadable += 1
                break
        for name, score in scores.items():
            figures.scores[name].append(score)
        others = [scores[name] for name in OTHER if name in scores]
        if scores and others:
            figures.ordered.append(max(others) < min(scores[name] for name in SAME))
    return figures
