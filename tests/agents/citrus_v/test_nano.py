"""The small model that ships: what it may weigh, that it opens, and that it sees on pictures it has not learned."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from agents.citrus_v.abilities import Abilities
from agents.citrus_v.evaluation.eyes import ReaderEyes
from agents.citrus_v.evaluation.figures import average_precision, matched, overlap
from agents.citrus_v.pictures import Picture
from agents.citrus_v.reader import Reader
from agents.citrus_v.recognise import Recogniser
from agents.citrus_v.shipped import NANO, installed
from agents.citrus_v.training.folders import read_folder
from agents.citrus_v.training.targets import INSTANCES, TARGETS
from graphs.nano import NanoEyes, NanoGrounder
from knowledge.case import Image, Modality, Origin
from knowledge.quantity import SpacingSource
from tests.shared import shared
from tools.imaging.volume import Volume

MOST_PARAMETERS, MOST_BYTES, MOST_SHARD = 30_000_000, 64 * 2**20, 16 * 2**20


@pytest.fixture(scope="module")
def abilities() -> Abilities:
    found = Abilities.of(NANO)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader.from_pretrained(NANO)


def some(folder: str, count: int = 6):
    held = [example for example in read_folder(shared("data", folder), "dev") if example.masks or example.boxes]
    return [held[int(index)] for index in np.linspace(0, len(held) - 1, count)]


def test_it_is_small_and_whole() -> None:
    assert installed()
    files = [path for path in NANO.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= MOST_BYTES
    count = 0
    for path in NANO.glob("*.safetensors"):
        assert path.stat().st_size <= MOST_SHARD
        with safe_open(path, framework="pt") as shard:
            for name in shard.keys():  # noqa: SIM118 - not a mapping
                count += int(np.prod(shard.get_slice(name).get_shape()))
    assert 0 < count <= MOST_PARAMETERS


def test_its_card_tells_the_figures_that_it_was_measured_to_have(abilities) -> None:
    card = (NANO / "README.md").read_text(encoding="utf-8")
    for ability in abilities.targets:
        assert ability.offer.name in card
    for word in ("research", "CC BY 4.0", "CC BY-SA 4.0", "CC0", "MIT", "not a medical device"):
        assert word in card


def test_every_target_it_offers_was_measured(abilities) -> None:
    assert {ability.offer.name for ability in abilities.targets} <= set(TARGETS)
    assert all(ability.pictures > 0 and ability.confidence for ability in abilities.targets)
    json.loads((NANO / "abilities.json").read_text())


@pytest.mark.parametrize(("folder", "target"), [("cardiac_mri", "left ventricle cavity"), ("chest_xray", "lungs")])
def test_it_outlines_pictures_it_has_not_learned(reader, abilities, folder, target) -> None:
    eyes = ReaderEyes(reader, abilities)
    found = [overlap(eyes.look(one.pixels, [target], [])[target].mask, one.masks[target])[0] for one in some(folder)]
    promised = next(ability.dice for ability in abilities.targets if ability.offer.name == target)
    # Six pictures scatter around the mean of all; a model that sees nothing is far below.
    assert np.mean(found) > promised - 0.2


def test_it_says_absent_of_what_is_not_there(reader, abilities) -> None:
    eyes = ReaderEyes(reader, abilities, looks=1)
    there = [eyes.look(one.pixels, ["lungs"], [])["lungs"].presence for one in some("chest_xray")]
    missing = [eyes.look(one.pixels, ["lungs"], [])["lungs"].presence for one in some("brain_mri")]
    assert np.mean(there) > np.mean(missing) + 0.5


def test_it_recognises_kinds_of_picture_and_not_noise(reader, abilities) -> None:
    recogniser = Recogniser(reader, "test", abilities)
    kinds = {
        "brain_mri": (Modality.MR, "brain"),
        "cardiac_mri": (Modality.MR, "heart"),
        "nuclei": (Modality.SM, None),
        "blood_cells": (Modality.SM, None),
        "chest_xray": (Modality.CR, "chest"),
    }
    right, wrong = 0, 0
    for folder, kind in kinds.items():
        for one in some(folder, 4):
            found = recogniser.kind(Picture.from_array(one.pixels))
            right += found is not None and (found.modality, found.body_part) == kind
            wrong += found is not None and found.modality is not kind[0]
    assert right >= 14
    assert wrong == 0
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    assert recogniser.kind(Picture.from_array(noise)) is None
    assert recogniser.kind(Picture.from_array(np.full((200, 200, 3), 90, np.uint8))) is None


def test_its_answers_are_the_same_each_time(reader) -> None:
    picture = Picture.from_array(np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    first, second = (
        reader.decode(picture, torch.ones(1, reader.model.config.mllm_config.text_config.hidden_size)) for _ in range(2)
    )
    assert torch.equal(first.logits, second.logits)


def test_no_picture_of_the_training_data_is_shipped() -> None:
    kinds = {path.suffix for path in Path(NANO).rglob("*") if path.is_file()}
    assert kinds <= {".json", ".safetensors", ".md", ".jinja", ".txt", ".png"}


def test_it_boxes_every_kind_of_cell_one_by_one() -> None:
    eyes = NanoEyes.installed()
    assert eyes is not None
    assert {target.name for target in NanoGrounder(eyes).targets()} == set(INSTANCES)


def test_red_cells_in_heaps_get_a_box_each(reader) -> None:
    target = "red blood cell"
    scored: list[tuple[float, bool]] = []
    boxes = 0
    for example in some("blood_cells"):
        true = example.boxes.get(target, ())
        scored += matched(ReaderEyes(reader, looks=2).look(example.pixels, [target], [target])[target].boxes, true)
        boxes += len(true)
    # Cut where they are narrow, as cells of any size are, these reach 0.52.
    assert average_precision(scored, boxes) > 0.6


def test_boxes_given_to_a_reader_are_those_worth_giving(abilities) -> None:
    eyes = NanoEyes.installed()
    assert eyes is not None
    target = "white blood cell"
    boxing = next(ability.boxing for ability in abilities.targets if ability.offer.name == target)
    assert boxing is not None
    assert boxing.precision > 0.8
    given, true = 0, 0
    for example in some("blood_cells"):
        picture = example.pixels[None]
        image = Image(
            id="I1", label="smear", format="raster", modality=Modality.SM, modality_origin=Origin.HEADER,
            shape=picture.shape[:3], channels=3, intensity="colour", pixels="0" * 64, content="0" * 64,
        )  # fmt: skip
        boxes = NanoGrounder(eyes).ground(image, Volume(picture, None, None, SpacingSource.NONE), target)
        assert all(box.caveats == (boxing.measured,) and box.confidence is not None for box in boxes)
        given += len(boxes)
        true += len(example.boxes.get(target, ()))
    # All that are told apart, down to the least sure, are about twice as many as there are.
    assert abs(given - true) <= 2
