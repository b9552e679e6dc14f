"""Citrus-V as segmenter and grounder: by shape the tools' own, and honest about what it did."""

import dataclasses
import json

import numpy as np
import pytest

from agents.citrus_v import backends
from agents.citrus_v.backends import CitrusVGrounder, CitrusVSegmenter
from agents.citrus_v.offered import OFFERED, SOFT_TISSUE
from agents.citrus_v.reader import CannotRead
from agents.citrus_v.slices import SliceView, coarse, neighbours
from knowledge.case import Image, Modality, Origin, Window
from knowledge.quantity import SpacingSource
from tests.agents.citrus_v import tiny
from tools.backends import Box, Grounder, Segmentation, Segmenter, Target
from tools.imaging.volume import Volume

SEG = tiny.SEG


def image_of(array: np.ndarray, modality=Modality.CT, intensity="HU", windows=()) -> tuple[Image, Volume]:
    image = Image(
        id="I1",
        label="image 1",
        format="nifti",
        modality=modality,
        modality_origin=Origin.HEADER,
        shape=array.shape[:3],
        channels=3 if array.ndim == 4 else 1,
        intensity=intensity,
        windows=windows,
        pixels="0" * 64,
        content="0" * 64,
    )
    return image, Volume(array, None, None, SpacingSource.NONE)


def noise(slices: int, height: int = 60, width: int = 84) -> np.ndarray:
    return np.random.default_rng(1).normal(40, 80, (slices, height, width)).astype(np.float32)


@pytest.fixture(scope="module")
def built():
    return tiny.model()


class Scripted:
    """A reader whose answers are given by what stands in the picture; the rest is the real one."""

    def __init__(self, reader, say):
        self.real, self.say = reader, say
        self.resized = reader.resized
        self.asked = []

    def read(self, turns, max_new_tokens, choose=None):
        pictures = [turn.pictures[0] for turn in turns]
        self.asked += pictures
        return self.real.read(turns, max_new_tokens, tiny.script(*[self.say(picture) for picture in pictures]))


def test_they_are_segmenter_and_grounder_by_shape(built):
    reader = tiny.reader(built)
    assert isinstance(CitrusVSegmenter(reader, "tiny"), Segmenter)
    assert isinstance(CitrusVGrounder(reader, "tiny"), Grounder)
    assert {field.name for field in dataclasses.fields(backends.Outline)} == {
        field.name for field in dataclasses.fields(Segmentation)
    }
    assert {field.name for field in dataclasses.fields(backends.LocatedBox)} == {
        field.name for field in dataclasses.fields(Box)
    }
    for offer in OFFERED:
        assert Target.model_validate(offer.model_dump()).model_dump() == offer.model_dump()
    assert len({offer.name for offer in OFFERED}) == len(OFFERED)
    assert not any("left" in offer.name or "right" in offer.name for offer in OFFERED)


def test_the_model_itself_answers_through_the_whole_path(built):
    image, volume = image_of(noise(1))
    found = CitrusVSegmenter(tiny.reader(built), "tiny").segment(image, volume, ["liver", "spleen"])
    assert [outline.target for outline in found] == ["liver", "spleen"]
    assert all(outline.mask is None or outline.mask.shape == (1, 60, 84) for outline in found)


def test_both_open_from_one_folder(built, tmp_path):
    built.save_pretrained(tmp_path)
    tiny.processor(built).save_pretrained(tmp_path)
    segmenter, grounder = backends.open_backends(tmp_path)
    assert segmenter.reader is grounder.reader
    assert segmenter.version == grounder.version
    image, volume = image_of(noise(1))
    direct = CitrusVSegmenter(tiny.reader(built), "t").segment(image, volume, ["liver"])[0]
    assert segmenter.segment(image, volume, ["liver"])[0].scores == direct.scores


def bright(value: int):
    """Draw where the picture's mean grey passes `value`; else say something without a mask."""
    return lambda picture: [SEG] if picture.pixels.mean() > value else [65]


def always_there(monkeypatch):
    monkeypatch.setattr("agents.citrus_v.masks.OBJECT_THRESHOLD", 0.0)


def test_a_volume_is_asked_where_the_target_is(built, monkeypatch):
    always_there(monkeypatch)
    array = np.full((100, 56, 56), -120, np.float32)
    array[41:60] = 200
    image, volume = image_of(array)
    reader = Scripted(tiny.reader(built), bright(128))
    steps = []
    segmenter = CitrusVSegmenter(reader, "tiny", batch=4, candidates=10, progress=lambda *step: steps.append(step))

    found = segmenter.segment(image, volume, ["liver"])[0]

    assert found.mask is not None
    assert sorted(np.flatnonzero(found.mask.any(axis=(1, 2)))) == list(range(41, 60))
    assert len(reader.asked) < 50
    assert any("of 100 slices were asked" in caveat for caveat in found.caveats)
    assert any("Dice of 0.64" in caveat for caveat in found.caveats)
    assert {f"iou@{index}" for index in range(41, 60)} <= set(found.scores)
    assert found.scores["iou"] == min(found.scores[f"iou@{index}"] for index in range(41, 60))
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert steps[-1][0] == steps[-1][1] == len(reader.asked)
    assert found.confidence is None
    assert found.side is None


def test_a_thin_target_between_the_candidates_is_not_called_absent(built, monkeypatch):
    always_there(monkeypatch)
    array = np.full((50, 56, 56), -120, np.float32)
    array[7] = 200
    image, volume = image_of(array)
    reader = Scripted(tiny.reader(built), bright(128))
    found = CitrusVSegmenter(reader, "tiny", candidates=5).segment(image, volume, ["liver"])[0]
    assert len(reader.asked) == 50
    assert found.mask is not None
    assert list(np.flatnonzero(found.mask.any(axis=(1, 2)))) == [7]


def test_absence_says_where_it_was_looked_for(built):
    image, volume = image_of(noise(3))
    silent = Scripted(tiny.reader(built), lambda picture: [65, 66])
    found = CitrusVSegmenter(silent, "8B-abc").segment(image, volume, ["liver"])[0]
    assert found.mask is None
    assert found.searched == ("all 3 slices, by citrus-v 8B-abc: Please help segment the liver in this scan.")


def test_a_low_object_score_is_absence(built, monkeypatch):
    image, volume = image_of(noise(1))
    eager = Scripted(tiny.reader(built), lambda picture: [SEG])
    monkeypatch.setattr("agents.citrus_v.masks.OBJECT_THRESHOLD", 1.1)
    assert CitrusVSegmenter(eager, "t").segment(image, volume, ["liver"])[0].mask is None
    monkeypatch.setattr("agents.citrus_v.masks.OBJECT_THRESHOLD", 0.0)
    assert CitrusVSegmenter(eager, "t").segment(image, volume, ["liver"])[0].mask is not None


def test_weak_modalities_are_named_as_weak(built):
    for modality, words in (
        (Modality.DX, "0.15; too weak"),
        (Modality.MR, "0.43; too weak"),
        (Modality.OT, "not published"),
    ):
        image, volume = image_of(noise(1), modality, "signal")
        found = CitrusVSegmenter(tiny.reader(built), "t").segment(image, volume, ["heart"])[0]
        assert words in found.caveats[0]


def test_boxes_return_to_the_original_pixels(built):
    image, volume = image_of(noise(1, 120, 300))
    resized = tiny.processor(built).resized(120, 300)
    written = {"bbox_2d": [30, 40, resized[1], 20], "label": "liver"}
    reader = Scripted(tiny.reader(built), lambda picture: json.dumps(written))
    boxes = CitrusVGrounder(reader, "t").ground(image, volume, "liver")
    scale = 300 / resized[1], 120 / resized[0]
    assert len(boxes) == 1
    assert boxes[0].box == pytest.approx((30 * scale[0], 20 * scale[1], 300, 40 * scale[1]))
    assert boxes[0].slices == (0, 1)
    none = Scripted(tiny.reader(built), lambda picture: "There is none.")
    assert CitrusVGrounder(none, "t").ground(image, volume, "liver") == []
    nonsense = Scripted(tiny.reader(built), lambda picture: "bbox [9000, 9000, 9001, 9001]")
    with pytest.raises(CannotRead, match="make no sense"):
        CitrusVGrounder(nonsense, "t").ground(image, volume, "liver")


def test_grounding_is_offered_for_single_pictures_only(built):
    assert {offer.dimensions for offer in CitrusVGrounder(tiny.reader(built), "t").targets()} == {(2,)}


def test_a_strip_is_refused_in_words(built):
    image, volume = image_of(noise(1, 1, 300))
    with pytest.raises(CannotRead, match="aspect ratio") as caught:
        CitrusVSegmenter(tiny.reader(built), "t").segment(image, volume, ["liver"])
    assert caught.value.target == "liver"


def test_windows_make_pictures():
    array = np.array([[[-2000.0, -125.0, 50.0, 225.0, 3000.0, np.nan]]], np.float32)
    image, volume = image_of(array)
    assert SliceView(image, volume, SOFT_TISSUE)[0].pixels[0, :, 0].tolist() == [0, 0, 128, 255, 255, 0]
    image, volume = image_of(array, windows=(Window(name="bone", center=500, width=2000),))
    assert SliceView(image, volume, SOFT_TISSUE)[0].pixels[0, 2, 0] == round(550 / 2000 * 255)
    grey, volume = image_of(np.arange(200, dtype=np.uint16).reshape(1, 10, 20) * 50, Modality.MR, "signal")
    shown = SliceView(grey, volume, SOFT_TISSUE)[0].pixels[..., 0]
    assert (shown.min(), shown.max()) == (0, 255)
    colour, volume = image_of(np.full((1, 4, 4, 3), 7, np.uint8), Modality.XC, "colour")
    assert (SliceView(colour, volume, SOFT_TISSUE)[0].pixels == 7).all()


@pytest.mark.parametrize(("stored", "shown"), [("nifti", (0, 255)), ("raster", (0, 99))])
def test_eight_bits_of_a_nifti_are_a_signal_and_of_a_picture_what_was_shown(stored, shown):
    image, volume = image_of(np.arange(100, dtype=np.uint8).reshape(1, 10, 10), Modality.UNKNOWN, "signal")
    pixels = SliceView(image.model_copy(update={"format": stored}), volume, SOFT_TISSUE)[0].pixels
    assert (pixels.min(), pixels.max()) == shown


def test_slices_to_ask_about():
    assert coarse(5, 10) == [0, 1, 2, 3, 4]
    assert coarse(100, 4) == [12, 37, 62, 87]
    assert neighbours([37], [12, 37, 62, 87], 100) == [*range(13, 37), *range(38, 62)]
    assert neighbours([], [12], 100) == []
