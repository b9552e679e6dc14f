"""Figures against values worked out by hand, and their intervals against theory."""

import numpy as np
import pytest

from agents.citrus_v.evaluation import figures
from agents.citrus_v.evaluation.calibrate import boxing, fit, fit_right
from agents.citrus_v.evaluation.suite import Record


def test_average_precision_is_the_area_under_every_point() -> None:
    # Precision 1 at recall 1/3, 2/3 at recall 2/3; the third true box is never found.
    scored = [(0.9, True), (0.8, False), (0.7, True)]
    assert figures.average_precision(scored, 3) == pytest.approx(1 / 3 + 2 / 9)
    assert figures.average_precision([], 3) == 0
    assert np.isnan(figures.average_precision([], 0))


def test_a_true_box_is_taken_once_and_by_the_surest() -> None:
    truth = [(0.0, 0.0, 10.0, 10.0)]
    found = [((0.0, 0.0, 10.0, 9.0), 0.6), ((0.0, 0.0, 10.0, 10.0), 0.9), ((50.0, 50.0, 60.0, 60.0), 0.8)]
    assert figures.matched(found, truth) == [(0.9, True), (0.8, False), (0.6, False)]


def test_box_overlap_by_hand() -> None:
    assert figures.box_iou((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert figures.box_iou((0, 0, 10, 10), (10, 0, 20, 10)) == 0


def test_auroc_counts_ties_half_and_needs_both_kinds() -> None:
    assert figures.auroc([0.9, 0.5, 0.5, 0.1], [True, True, False, False]) == pytest.approx(0.875)
    assert np.isnan(figures.auroc([0.5], [True]))


def test_two_empty_masks_agree() -> None:
    empty = np.zeros((4, 4), dtype=bool)
    assert figures.overlap(empty, empty) == (1.0, 1.0)
    half = empty.copy()
    half[:2] = True
    assert figures.overlap(half, ~empty) == pytest.approx((2 / 3, 1 / 2))


def test_balanced_accuracy_weighs_classes_alike() -> None:
    true = ["a"] * 8 + ["b"] * 2
    said = ["a"] * 10
    assert figures.balanced_accuracy(said, true) == 0.5
    assert figures.confusion(said, true) == {"a": {"a": 8, "b": 0}, "b": {"a": 2, "b": 0}}


def test_the_interval_covers_by_groups_not_by_items() -> None:
    random = np.random.default_rng(4)
    centres = random.normal(0.7, 0.1, 40)
    values = np.repeat(centres, 25)
    groups = np.repeat([f"P{index}" for index in range(40)], 25)
    found = figures.mean(list(values), list(groups))
    assert found is not None
    assert found.n == 40
    width = 2 * 1.96 * centres.std() / np.sqrt(40)
    assert found.high - found.low == pytest.approx(width, rel=0.25)
    slow = figures.figure(lambda chosen: float(values[list(chosen)].mean()), list(groups), resamples=400)
    assert slow is not None
    assert slow.value == pytest.approx(found.value)
    assert slow.high - slow.low == pytest.approx(found.high - found.low, rel=0.3)


def test_calibration_error_is_the_distance_of_what_came() -> None:
    assert figures.calibration_error([0.9] * 10, [0.7] * 10) == pytest.approx(0.2)
    assert figures.calibration_error([0.2, 0.8] * 20, [0.2, 0.8] * 20) == pytest.approx(0)


def test_nothing_to_measure_is_no_figure() -> None:
    assert figures.mean([], []) is None
    assert figures.figure(lambda _: float("nan"), ["a"]) is None


def test_boxes_are_given_from_the_score_where_precision_and_recall_balance() -> None:
    rows = [Record("blood_cells", str(at), "platelet", True, 1.0, 1.0, boxes=2) for at in range(10)]
    for row in rows:
        row.instances = [(0.9, True), (0.6, True), (0.3, False), (0.1, False)]
    held = boxing(rows)
    assert held is not None
    assert (held.above, held.precision, held.recall, held.pictures) == (0.6, 1.0, 1.0, 10)
    assert held.confidence is not None
    assert held.confidence(0.9) == pytest.approx(5 / 6, abs=1e-4)
    assert held.confidence(0.1) == pytest.approx(1 / 6, abs=1e-4)
    assert boxing([Record("brain_mri", "1", "brain tumour", True, 1.0, 1.0)]) is None


def test_no_run_of_right_answers_makes_a_certainty() -> None:
    scores = [index / 40 for index in range(40)]
    always = fit_right(scores, [True] * 40)
    assert always is not None
    assert set(always.values) == {round(5 / 6, 4)}, "four of four in each part: (4 + 1) / (4 + 2)"
    wrong_below = fit_right(scores, [index >= 20 for index in range(40)])
    assert wrong_below is not None
    assert (wrong_below.values[0], wrong_below.values[-1]) == (round(1 / 6, 4), round(5 / 6, 4))
    assert fit_right(scores[:7], [True] * 7) is None
    means = fit(scores, [0.9] * 40)
    assert means is not None
    assert set(means.values) == {0.9}, "a mean of overlaps is not a count"
