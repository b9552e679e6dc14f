"""Short answers: in words with the model's own confidence, or chosen by what is seen and refused otherwise."""

import numpy as np
import pytest

from agents.citrus_v.abilities import Calibration, Choice, Option
from agents.citrus_v.looking import answer, choose, look, shown
from agents.citrus_v.pictures import Picture
from agents.citrus_v.reader import CannotRead, Reader
from agents.citrus_v.shipped import NANO
from agents.citrus_v.training.folders import TUMOURS, read_folder
from knowledge.case import Modality
from tests.agents.citrus_v import tiny
from tests.agents.citrus_v.test_backends import image_of, noise
from tests.shared import shared

TUMOUR = Choice(
    question="What kind of tumour is this?",
    words=(("kind", "type", "glioma"), ("tumour", "tumor", "glioma")),
    options=tuple(Option(answer=f"It looks like a {kind}.", targets=(kind,)) for kind in TUMOURS),
    modalities=(Modality.MR,),
    body_parts=("brain", "head"),
    confidence=Calibration(scores=(0.4, 1.0), values=(0.5, 0.9)),
    right=0.8,
    pictures=20,
)
ASKED = "What kind of tumor is it?"


@pytest.fixture(scope="module")
def nano() -> Reader:
    return Reader.from_pretrained(NANO)


def head(**more):
    return image_of(noise(1), Modality.MR, "signal")[0].model_copy(update={"body_part": "brain", **more})


def test_words_come_with_the_models_own_confidence() -> None:
    reader = tiny.reader(tiny.model())
    image, volume = image_of(noise(5))
    seen = look(reader, shown(image, volume, "?", None, None), "Is there fluid?", max_new_tokens=5)
    assert 0 < seen.confidence.value < 1
    assert "not calibrated" in seen.confidence.method
    part = look(reader, shown(image, volume, "?", 0, (10, 10, 50, 40)), "Is there fluid?", max_new_tokens=5)
    assert part.confidence.value != seen.confidence.value


def test_a_place_that_is_not_in_the_image_is_refused() -> None:
    image, volume = image_of(noise(5))
    with pytest.raises(CannotRead, match="slices 0 to 4, not 5"):
        shown(image, volume, "?", 5, None)
    with pytest.raises(CannotRead, match="is not in the 84 x 60 pixels"):
        shown(image, volume, "?", None, (10, 10, 85, 40))


def test_a_question_that_was_not_measured_is_refused_with_those_that_were(nano) -> None:
    picture = Picture.from_array(np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(CannotRead, match=r"it was measured on \"What kind of tumour is this\" only"):
        answer(nano, picture, head(), [TUMOUR], "How old is the patient?")
    with pytest.raises(CannotRead, match="words were wrong too often"):
        answer(nano, picture, head(), [], ASKED)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"modality": Modality.CT}, "MR of the brain or head only; I1 is CT"),
        ({"body_part": "heart"}, "is MR of the heart"),
        ({"body_part": None}, "body part unknown"),
    ],
)
def test_another_kind_of_image_is_refused(nano, changed, told) -> None:
    picture = Picture.from_array(np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(CannotRead, match=told):
        answer(nano, picture, head(**changed), [TUMOUR], ASKED)


def test_where_nothing_is_seen_nothing_is_said(nano) -> None:
    picture = Picture.from_array(np.full((128, 128, 3), 90, np.uint8))
    with pytest.raises(CannotRead, match="sees nothing on I1"):
        answer(nano, picture, head(), [TUMOUR], ASKED)


def test_kinds_of_tumour_are_told_apart_with_measured_confidence(nano) -> None:
    held = list(read_folder(shared("data", "brain_mri"), "dev"))
    some = [held[int(index)] for index in np.linspace(0, len(held) - 1, 12)]
    right = 0
    for one in some:
        picture = Picture.from_array(one.pixels)
        said = answer(nano, picture, head(), [TUMOUR.model_copy(update={"present_above": 0.0})], ASKED)
        right += str(one.facts["label"]) in said.answer
        share = choose(nano, picture, TUMOUR.options).share
        assert said.confidence.value == pytest.approx(TUMOUR.confidence(share))
        assert "held-out pictures" in said.confidence.method
    # A guess is right four times of twelve.
    assert right >= 7
