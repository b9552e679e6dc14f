"""Real cases from end to end, asked as a clinician would ask."""

import re
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from graphs.conversation import Conversation
from graphs.events import Answered
from graphs.replay import replay
from graphs.trace import verify_trace
from knowledge.case import Modality
from knowledge.claim import Verdict
from knowledge.evidence import TRUNCATED, Absence, Limitation, Mask, Measurement, Passage
from knowledge.quantity import SpacingSource, Unit
from tests.real import ask, conversation
from tests.shared import shared

LUNGS = "How large are the lungs, and is the volume normal for an adult?"
MILLIMETRES = re.compile(r"\bmm\b|millimet|\bcm\b|\bmL\b")


def sound(opened: Conversation, answer: Answered) -> None:
    """What holds for every answer."""
    assert answer.claims
    assert all(claim.verdict is Verdict.SUPPORTED for claim in answer.claims)
    assert not answer.withheld
    assert verify_trace(opened.trace.file, opened.trace.head)
    assert replay(opened.trace.file).transcript


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Conversation, Answered]:
    return ask(tmp_path_factory.mktemp("bases"), LUNGS, shared("data", "ct_organs", "example_ct.nii.gz"))


def test_lung_bases_are_measured_and_not_compared_with_whole_lungs(bases: tuple[Conversation, Answered]) -> None:
    opened, answer = bases
    sound(opened, answer)
    volumes = [item for item in opened.evidence.values() if isinstance(item, Measurement)]
    assert {item.target for item in volumes} == {"left lung", "right lung"}
    for item in volumes:
        assert item.quantity.unit is Unit.ML
        assert item.quantity.spacing is SpacingSource.HEADER
        assert item.quantity.low is not None
        assert item.quantity.low < item.quantity.value < (item.quantity.high or 0)
        assert TRUNCATED in item.caveats
    cited = {identifier for claim in answer.claims for identifier in claim.evidence}
    passages = [item for item in opened.evidence.values() if isinstance(item, Passage) and item.id in cited]
    assert passages
    assert passages[0].source.doi or passages[0].source.url
    assert "cannot be compared" in answer.answer


def test_lung_masks_agree_with_the_lobes(bases: tuple[Conversation, Answered]) -> None:
    opened, _ = bases
    labels = nib.load(shared("data", "ct_organs", "example_seg_fast_force_split.nii.gz"))
    lobes = np.asarray(labels.dataobj)
    for item in [item for item in opened.evidence.values() if isinstance(item, Mask)]:
        mask = nib.Nifti1Image.from_bytes(__import__("gzip").decompress(opened.trace.blobs.get(item.blob)))
        # Both to the orientation of the label map, through their own affines.
        found = nib.as_closest_canonical(mask).get_fdata() > 0
        truth = np.isin(
            nib.as_closest_canonical(labels).get_fdata(),
            {"left lung": (10, 11), "right lung": (12, 13, 14)}[item.target],
        )
        dice = 2 * (found & truth).sum() / (found.sum() + truth.sum())
        assert dice >= 0.90, f"{item.target}: {dice:.3f}"
    assert lobes.any()


def test_no_lung_in_the_field_of_view_is_absence_never_zero(tmp_path: Path) -> None:
    opened, answer = ask(tmp_path, LUNGS, shared("data", "ct_organs", "example_ct_dicom"))
    sound(opened, answer)
    absent = {item.target for item in opened.evidence.values() if isinstance(item, Absence)}
    assert {"left lung", "right lung"} <= absent
    assert not [item for item in opened.evidence.values() if isinstance(item, Measurement)]
    assert "No lung is in the field of view" in answer.answer
    assert not re.search(r"\b0(\.0)? mL", answer.answer)


@pytest.mark.parametrize(
    "question", ["How large is the heart?", "How wide are the lungs?", "What kind of image is this?"]
)
def test_a_film_without_spacing_never_gets_millimetres(tmp_path: Path, question: str) -> None:
    film = shared("data", "chest_xray", "images", "00870a9c.jpg")
    opened, answer = ask(tmp_path, question, film, modality=Modality.CR)
    sound(opened, answer)
    assert not MILLIMETRES.search(answer.answer)


@pytest.mark.parametrize(
    ("question", "target", "file"),
    [
        ("How large are the lungs?", "lungs", ("chest_xray", "images", "00870a9c.jpg")),
        (
            "How large is the left ventricle?",
            "left ventricle cavity",
            ("cardiac_mri", "images", "Sunnybrook_Part1_SC_HF_I_01_IM_0001_0068_dcm.jpg"),
        ),
        ("How large is the hippocampus?", "hippocampus", ("hippocampus_mri", "images", "hippocampus_001.nii.gz")),
        ("How large are the nuclei?", "cell nuclei", ("nuclei", "images", "07761fa39f60dc37.jpg")),
    ],
)
def test_what_the_model_knows_is_measured(tmp_path: Path, question: str, target: str, file: tuple[str, ...]) -> None:
    opened, answer = ask(tmp_path, question, shared("data", *file))
    sound(opened, answer)
    sizes = [item for item in opened.evidence.values() if isinstance(item, Measurement)]
    assert {item.target for item in sizes} == {target}
    cited = {identifier for claim in answer.claims for identifier in claim.evidence}
    assert {item.id for item in sizes} <= cited


@pytest.mark.parametrize("modality", [None, Modality.MR])
def test_lungs_are_refused_on_a_brain_volume(tmp_path: Path, modality: Modality | None) -> None:
    brain = shared("data", "hippocampus_mri", "images", "hippocampus_001.nii.gz")
    opened, answer = ask(tmp_path, "How large are the lungs?", brain, modality=modality)
    sound(opened, answer)
    assert [item for item in opened.evidence.values() if isinstance(item, Limitation)]
    assert not [item for item in opened.evidence.values() if isinstance(item, Mask | Measurement)]
    assert "CT" in answer.answer


def test_an_unknown_organ_is_refused_with_what_is_known(tmp_path: Path) -> None:
    opened, answer = ask(tmp_path, "How big is the spleen?", shared("data", "ct_organs", "example_ct.nii.gz"))
    sound(opened, answer)
    refusals = [item for item in opened.evidence.values() if isinstance(item, Limitation)]
    assert "left lung" in refusals[0].known
    assert "left lung" in answer.answer


def test_follow_ups_keep_the_thread_and_reuse_the_mask(tmp_path: Path) -> None:
    with conversation(tmp_path, shared("data", "ct_organs", "example_ct.nii.gz")) as opened:
        first = opened.ask("How big is the left lung?")
        masks = sum(isinstance(item, Mask) for item in opened.evidence.values())
        other = opened.ask("And on the other side?")
        dense = opened.ask("And its density?")
        for answer in (first, other, dense):
            sound(opened, answer)
    assert "right lung" in other.answer
    assert "left" not in other.answer.replace("left and right", "")
    assert "HU" in dense.answer
    assert sum(isinstance(item, Mask) for item in opened.evidence.values()) <= masks + 1
