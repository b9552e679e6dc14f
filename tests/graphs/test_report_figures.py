"""The report check on real chest reports it was not developed on: scores, order, and finding labels.

A part of the reported half, so that it stays quick; `tests/bench/bench_report_check.py` prints the whole.
"""

import pytest

from tests.iu_labels import CONCEPTS, f1, most_common
from tests.iu_reports import iu_reports
from tests.report_changes import OTHER, SAME, changed
from tests.report_figures import LIMITS, ORDERED, Figures, measure


@pytest.fixture(scope="module")
def figures() -> Figures:
    return measure(iu_reports(reported=True)[::8])


@pytest.mark.parametrize("name", SAME)
def test_the_same_meaning_scores_high(figures: Figures, name: str) -> None:
    assert len(figures.scores[name]) > 100
    assert figures.mean(name) >= LIMITS[name]


@pytest.mark.parametrize("name", OTHER)
def test_another_meaning_scores_low(figures: Figures, name: str) -> None:
    assert len(figures.scores[name]) >= 20
    assert figures.mean(name) <= LIMITS[name]


def test_every_change_of_meaning_scores_below_every_paraphrase(figures: Figures) -> None:
    assert figures.ordered_part >= ORDERED
    assert figures.unreadable <= 1


def test_the_finding_labels_of_people_are_found() -> None:
    labels = most_common((*iu_reports(False), *iu_reports(True)), 10)
    assert set(labels) <= CONCEPTS.keys()
    for label, (score, count) in f1(iu_reports(reported=True)[::4], labels).items():
        assert count >= 10, label
        assert score >= 0.85, label


def test_the_changes_do_change_and_are_always_the_same() -> None:
    reports = iu_reports(reported=False)[:40]
    for name in (*SAME, *OTHER):
        made = [(report, changed(report, name)) for report in reports]
        assert any(text for _, text in made), name
        assert made == [(report, changed(report, name)) for report in reports]
        if name != "sentence shuffle":
            assert sum(text != report.text for report, text in made if text) > len([t for _, t in made if t]) / 2
