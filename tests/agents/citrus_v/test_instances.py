"""Instances told apart: of any size by marks and narrow places, round ones of one size by discs."""

import numpy as np
import pytest
import torch

from agents.citrus_v.discs import discs_of
from agents.citrus_v.evaluation.figures import box_iou
from agents.citrus_v.instances import boxes_of, told_apart

RADIUS = 24 / 320


def discs(*placed: tuple[int, int, int], rows: int = 240, columns: int = 320) -> tuple[np.ndarray, np.ndarray]:
    """Outline and marks of discs at (row, column) with a radius."""
    down, across = np.mgrid[:rows, :columns]
    outline, marks = np.zeros((rows, columns), np.float32), np.zeros((rows, columns), np.float32)
    for row, column, radius in placed:
        far = np.hypot(down - row, across - column)
        outline[far <= radius] = 0.9
        marks[far <= radius / 2] = 0.8
    return outline, marks


def test_things_that_touch_get_a_box_each() -> None:
    placed = [(60, 60, 24), (60, 104, 24), (94, 82, 24), (180, 250, 22)]
    found = [box for box, _ in boxes_of(*discs(*placed))]
    assert len(found) == len(placed)
    for row, column, radius in placed:
        wanted = (column - radius, row - radius, column + radius + 1, row + radius + 1)
        assert max(box_iou(box, wanted) for box in found) > 0.6


def test_a_thing_without_a_mark_comes_last_and_noise_not_at_all() -> None:
    outline, marks = discs((60, 60, 24), (170, 200, 24))
    marks[:120] = 0
    outline[230:232, 10:12] = 0.9
    (first, sure_), (second, doubted) = boxes_of(outline, marks)
    assert first == pytest.approx((176, 146, 225, 195), abs=2)
    assert second == pytest.approx((36, 36, 85, 85), abs=2)
    assert sure_ > 0.4 > doubted


def test_a_large_thing_among_small_ones_is_one() -> None:
    small = [(20 + 50 * row, 20, 14) for row in range(4)]
    outline, marks = discs(*small, (120, 200, 70))
    outline[50:190, 197:203] = 0.56  # a fold: the outline is unsure there
    found = [box for box, _ in boxes_of(outline, marks)]
    assert len(found) == 5
    assert max(box_iou(box, (130, 50, 271, 191)) for box in found) > 0.9


def test_things_that_are_pale_in_the_middle_are_whole() -> None:
    placed = [(60, 60, 24), (60, 106, 24), (150, 200, 24)]
    outline, marks = discs(*placed)
    down, across = np.mgrid[:240, :320]
    for row, column, _ in placed:
        outline[np.hypot(down - row, across - column) < 5] = 0.1
    found = [box for box, _ in boxes_of(outline, marks)]
    assert len(found) == 3
    assert min(box[2] - box[0] for box in found) > 40


def test_what_the_edge_cuts_is_less_sure_than_what_is_whole() -> None:
    (whole, sure_), (cut, doubted) = boxes_of(*discs((60, 60, 24), (150, 0, 24)))
    assert whole[0] > 0
    assert cut[0] == 0
    assert doubted < 0.9 * sure_


def test_where_nothing_is_outlined_there_are_no_boxes() -> None:
    assert boxes_of(*discs()) == []


def test_boxes_are_in_pixels_of_a_large_picture_too() -> None:
    ((x0, y0, x1, y1), _) = boxes_of(*discs((600, 900, 120), rows=1200, columns=1600))[0]
    assert (x0, y0, x1, y1) == pytest.approx((780, 480, 1020, 720), abs=8)


def heap(*placed: tuple[int, int], rows: int = 240, columns: int = 320, radius: int = 24) -> np.ndarray:
    return discs(*((row, column, radius) for row, column in placed), rows=rows, columns=columns)[0]


def square(row: int, column: int, radius: int = 24) -> tuple[float, float, float, float]:
    return column - radius, row - radius, column + radius + 1, row + radius + 1


def test_a_heap_of_round_things_gets_a_box_each() -> None:
    # Three rows, packed so that no gap is seen between them.
    placed = [(70 + 40 * row, 80 + 44 * column + 22 * (row % 2)) for row in range(3) for column in range(4)]
    found = [box for box, _ in discs_of(heap(*placed), RADIUS)]
    assert len(found) == len(placed)
    assert min(max(box_iou(box, square(*place)) for box in found) for place in placed) > 0.6


def test_things_alone_say_how_large_the_others_are() -> None:
    alone = [(40, 40), (40, 120), (200, 40), (200, 280)]
    touching = [(120, 150), (120, 180)]
    found = [box for box, _ in discs_of(heap(*alone, *touching, radius=16), RADIUS)]
    assert len(found) == 6
    assert min(max(box_iou(box, square(*place, 16)) for box in found) for place in alone + touching) > 0.6


def test_specks_say_nothing_of_how_large_the_others_are() -> None:
    placed = [(70 + 40 * row, 80 + 44 * column + 22 * (row % 2)) for row in range(3) for column in range(4)]
    outline = heap(*placed)
    for row, column in ((10, 20), (10, 300), (230, 20), (230, 300)):
        outline[row - 2 : row + 3, column - 2 : column + 3] = 1
    found = [box for box, _ in discs_of(outline, RADIUS)]
    assert len(found) == len(placed)
    assert min(max(box_iou(box, square(*place)) for box in found) for place in placed) > 0.6


def test_discs_at_the_edge_are_cut_off_and_less_sure() -> None:
    found = dict(discs_of(heap((120, 160), (120, 0)), RADIUS))
    edge, whole = min(found), max(found)
    assert edge[0] == 0
    assert box_iou(edge, (0, 96, 25, 145)) > 0.6
    assert found[edge] < 0.9 * found[whole]


def test_pale_middles_are_part_of_a_disc() -> None:
    outline = heap((120, 100), (120, 200))
    down, across = np.mgrid[:240, :320]
    outline[np.hypot(down - 120, across - 100) < 8] = 0.1
    assert len(discs_of(outline, RADIUS)) == 2


def test_nothing_and_noise_are_no_discs() -> None:
    assert discs_of(np.zeros((240, 320), np.float32), RADIUS) == []
    speck = np.zeros((240, 320), np.float32)
    speck[100:104, 100:104] = 1
    assert discs_of(speck, RADIUS) == []


def test_discs_on_odd_and_tiny_pictures() -> None:
    (box, _), *others = discs_of(heap((333, 501), rows=671, columns=997, radius=75), RADIUS)
    assert not others
    assert box_iou(box, square(333, 501, 75)) > 0.8
    for shape in ((1, 1), (3, 500), (7, 5)):
        for (x0, y0, x1, y1), sure in discs_of(np.ones(shape, np.float32), RADIUS):
            assert 0 <= x0 < x1 <= shape[1]
            assert 0 <= y0 < y1 <= shape[0]
            assert 0 <= sure <= 1


def test_without_mark_and_radius_nothing_tells_instances_apart() -> None:
    with pytest.raises(ValueError, match="a mark or a radius"):
        told_apart(None, [], [torch.zeros(1, 8)], 1, None)  # type: ignore[arg-type]
