"""Questions that are answered by what is seen: measured on held-out pictures, and known by their words."""

import re

import numpy as np
import pytest

from agents.citrus_v.abilities import Abilities
from agents.citrus_v.evaluation.answers import choices
from agents.citrus_v.reader import Reader
from agents.citrus_v.shipped import NANO
from agents.citrus_v.training.folders import read_folder
from knowledge.case import Modality
from tests.shared import shared

TUMOUR, PICTURE = "What kind of tumour is this?", "What kind of image is this?"


def some(folder: str, count: int):
    held = list(read_folder(shared("data", folder), "dev"))
    return [held[int(index)] for index in np.linspace(0, len(held) - 1, count)]


def test_choices_are_measured_on_what_there_is() -> None:
    reader = Reader.from_pretrained(NANO)
    tumour, picture = choices(reader, [*some("brain_mri", 16), *some("nuclei", 4), *some("chest_xray", 4)])
    assert (tumour.question, picture.question) == (TUMOUR, PICTURE)
    assert tumour.pictures == 16
    # A guess is right five times of sixteen.
    assert tumour.right > 0.5
    assert tumour.modalities == (Modality.MR,)
    assert len(picture.options) == 3
    assert choices(reader, some("nuclei", 3)) == ()


@pytest.mark.parametrize(
    ("question", "known"),
    [
        ("What kind of tumour is this?", TUMOUR),
        ("Which type of brain tumor does this image show?", TUMOUR),
        ("Is this a glioma or a meningioma?", TUMOUR),
        ("What kind of image is this?", PICTURE),
        ("What does the model say this picture shows?", PICTURE),
        ("How large is the tumour?", None),
        ("Which lobe is the tumour in?", None),
        ("What is wrong in this picture?", None),
        ("How old is the patient?", None),
        ("Is there a fracture?", None),
    ],
)
def test_a_question_is_known_by_its_words(question: str, known: str | None) -> None:
    abilities = Abilities.of(NANO)
    assert abilities is not None
    assert not abilities.speaks
    words = set(re.findall(r"[a-z]+", question.lower()))
    found = next((one.question for one in abilities.choices if one.is_asked(words)), None)
    assert found == known
