"""All forms of boxes, hostile ones too, land on the original pixels."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.citrus_v.boxes import MAX_BOXES, read_boxes, to_original, to_resized, written_boxes
from tests.agents.citrus_v import tiny

SAME = (100, 200), (100, 200)

FORMS = [
    ('{"bbox_2d": [10, 20, 30, 40], "label": "left lung"}', "left lung"),
    ('[{"bbox_2d": [10, 20, 30, 40], "label": "left lung"}]', "left lung"),
    ('```json\n[\n\t{"bbox_2d": [10, 20, 30, 40], "label": "left lung"}\n]\n```', "left lung"),
    ("{'bbox_2d': [10, 20, 30, 40], 'label': 'left lung'}", "left lung"),
    ('{"bbox_2d": ["10", "20", "30", "40"]}', None),
    ("<|box_start|>(10,20),(30,40)<|box_end|>", None),
    ("<|box_start|>( 10, 20 ), ( 30 , 40 )<|box_end|>", None),
    ("<|object_ref_start|>left lung<|object_ref_end|><|box_start|>(10,20),(30,40)<|box_end|>", "left lung"),
    ('<bbox>{"Part": "left lung", "bbox": [10, 20, 30, 40]}</bbox>', "left lung"),
    ("'left lung' with bbox [10, 20, 30, 40]", "left lung"),
    ("‘left lung’ with bbox ［10，20，30，40］。", "left lung"),
    ("“left lung” with bbox【10、20、30、40】", "left lung"),
    ('"left lung": bbox [１０, ２０, 30, 40]', "left lung"),
    ("bbox: [10, 20, 30, 40]", None),
    ("<think>Look at 'left lung' here.</think><answer>bbox [10, 20, 30, 40]</answer>", None),
]


@pytest.mark.parametrize(("answer", "label"), FORMS)
def test_every_form_is_read_once(answer, label):
    boxes = read_boxes(answer, *SAME)
    assert [box.box for box in boxes.found] == [(10, 20, 30, 40)]
    assert boxes.found[0].label == label
    assert boxes.refused == ()


def test_several_forms_in_one_answer_keep_their_order():
    answer = (
        "'a' with bbox [1, 2, 3, 4], then <|box_start|>(5,6),(7,8)<|box_end|> and "
        '{"bbox_2d": [9, 10, 11, 12], "label": "c"}, {"bbox_2d": [[13, 14, 15, 16], [17, 18, 19, 20]], "label": "d"}'
    )
    boxes = read_boxes(answer, *SAME).found
    assert [box.box for box in boxes] == [(n, n + 1, n + 2, n + 3) for n in (1, 5, 9, 13, 17)]
    assert [box.label for box in boxes] == ["a", None, "c", "d", "d"]


def test_corners_are_put_in_order_and_edges_cut():
    assert read_boxes("bbox [30, 40, 10, 20]", *SAME).found[0].box == (10, 20, 30, 40)
    assert read_boxes("bbox [30, 20, 10, 40]", *SAME).found[0].box == (10, 20, 30, 40)
    assert read_boxes("bbox [-5, -2, 210, 104]", *SAME).found[0].box == (0, 0, 200, 100)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("bbox [10, 20, 10, 40]", "empty"),
        ("bbox [900, 20, 950, 40]", "outside the picture of 200 x 100"),
        ("bbox [0, 0, 2000, 1000]", "outside"),
        ("bbox [10, 20, 30]", "four numbers"),
        ("bbox [a, b, c, d]", "four numbers"),
        ("bbox [nan, 1, 2, 3]", "four numbers"),
        ("bbox [1e999, 1, 2, 3]", "four numbers"),
        ('{"bbox_2d": [NaN, 0, 1, 1]}', "four numbers"),
        ('{"bbox_2d": [1e999, 0, 1, 1]}', "four numbers"),
        ('{"bbox_2d": [true, 0, 1, 1]}', "four numbers"),
        ('{"bbox_2d": {}}', None),
        ('{"bbox_2d": "10, 20, 30, 40"}', "four numbers"),
        ('{"bbox_2d": []}', "four numbers"),
        ("<|box_start|>(10,20)<|box_end|>", "four numbers"),
        ("<|box_start|>(" + "9" * 39 + ",20),(30,40)<|box_end|>", "outside"),
        ('{"bbox_2d": [' + "9" * 1000 + ", 0, 1, 1]}", "four numbers"),
    ],
)
def test_nonsense_is_refused_and_named(answer, reason):
    boxes = read_boxes(answer, *SAME)
    assert boxes.found == ()
    if reason:
        assert len(boxes.refused) == 1
        assert reason in boxes.refused[0]


def test_one_bad_box_does_not_spoil_the_others():
    boxes = read_boxes('{"bbox_2d": [1, 1, 1, 1]} {"bbox_2d": [10, 20, 30, 40]}', *SAME)
    assert [box.box for box in boxes.found] == [(10, 20, 30, 40)]
    assert len(boxes.refused) == 1


def test_words_without_boxes_hold_none():
    for answer in ("", "There is no fracture.", "{}", "[1, 2, 3, 4]", "mybbox [1, 2, 3, 4]", "SUV [1, 2, 3, 4]"):
        assert written_boxes(answer) == []


def test_an_answer_cut_short_gives_only_whole_boxes():
    answer = '[{"bbox_2d": [10, 20, 30, 40], "label": "a"}, {"bbox_2d": [50, 60, 7'
    assert [box.box for box in read_boxes(answer, *SAME).found] == [(10, 20, 30, 40)]


def test_repetition_is_one_box_and_floods_are_bounded():
    assert len(read_boxes("bbox [1, 2, 3, 4] " * 50, *SAME).found) == 1
    flood = " ".join(f"bbox [{n % 100}, {n % 50}, {n % 100 + 9}, {n % 50 + 1 + n // 100}]" for n in range(2000))
    assert len(written_boxes(flood)) == MAX_BOXES


@pytest.mark.timeout(20)
def test_hostile_length_and_depth_are_survived():
    for answer in (
        "{" * 200_000,
        '{"bbox_2d": ' + "[" * 100_000,
        "'" * 100_000,
        "<|box_start|>" * 20_000,
        "bbox [" * 20_000,
    ):
        assert read_boxes(answer, *SAME).found == ()


@given(st.text(alphabet="<|>{}[]()'\",:0123456789.-ebox_2dpart \n", max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_text_gives_sane_boxes_or_none(answer):
    for found in read_boxes(answer, (84, 112), (300, 500)).found:
        x0, y0, x1, y1 = found.box
        assert 0 <= x0 < x1 <= 500
        assert 0 <= y0 < y1 <= 300


def test_boxes_return_within_a_pixel_for_a_thousand_sizes():
    """Written in whole numbers on the resized grid, a box returns within one pixel of that grid."""
    processor = tiny.processor(tiny.model(), min_pixels=56 * 56, max_pixels=1003520)
    rng = random.Random(3)
    for _ in range(1000):
        height, width = rng.randint(28, 3000), rng.randint(28, 3000)
        if max(height, width) > 200 * min(height, width):
            continue
        original = (height, width)
        resized = processor.resized(height, width)
        x0, y0 = rng.uniform(0, width * 0.8), rng.uniform(0, height * 0.8)
        box = (x0, y0, rng.uniform(x0 + width * 0.1, width), rng.uniform(y0 + height * 0.1, height))
        back = to_original(tuple(float(n) for n in to_resized(box, resized, original)), resized, original)
        coarse = (width / resized[1], height / resized[0]) * 2
        for mine, theirs, pixel in zip(box, back, coarse, strict=True):
            assert abs(mine - theirs) <= max(1.0, pixel / 2 + 1e-9)
        exact = tuple(value / pixel for value, pixel in zip(box, coarse, strict=True))
        for mine, theirs in zip(box, to_original(exact, resized, original), strict=True):
            assert abs(mine - theirs) < 1e-6
