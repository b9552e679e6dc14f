"""The first tool: facts with their origin, and a view with what was found."""

from pathlib import Path

import numpy as np
import pytest

from knowledge.blobs import BlobStore
from knowledge.case import Case, Image, Plane
from knowledge.evidence import Absence, Evidence, ImageFacts, Mask, Measurement, Region, View
from knowledge.quantity import Quantity, SpacingSource, Unit
from tests.shared import shared
from tests.tools.imaging.phantoms import ct_volume, film
from tools.imaging.read import read_case
from tools.imaging.volume import Volume, store_mask
from tools.inspect_image import InspectImage
from tools.tool import Context, ToolRefusal

SHAPE = (10, 20, 30)


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


def _run(context: Context, **arguments: object) -> tuple[ImageFacts, View]:
    tool = InspectImage()
    facts, view = tool.run(tool.admit({"image": "I1", **arguments}, context), context)
    assert isinstance(facts, ImageFacts) and isinstance(view, View)
    return facts, view


def _context(image: Image, blobs: BlobStore, **evidence: Evidence) -> Context:
    return Context(Case(images=(image,)), blobs, evidence)


def test_facts_of_a_ct_with_their_origin(blobs: BlobStore) -> None:
    image = ct_volume(np.zeros(SHAPE, np.int16), blobs)
    facts, view = _run(_context(image, blobs))
    assert facts.facts["modality"] == ("computed tomography (CT)", "header")
    assert facts.facts["spacing"] == ("2 x 1 mm pixels, 3 mm between slices", "header")
    assert facts.facts["size"] == ("30 x 20 pixels, 10 slices", "header")
    assert facts.facts["body part"] == ("unknown", "unknown")
    assert facts.facts["plane"] == ("axial", "header") and facts.image == view.image == "I1"
    assert (view.plane, view.slice_index) == (Plane.AXIAL, 5)
    assert blobs.get(view.blob).startswith(b"\x89PNG")
    assert view.description == "I1: axial, slice 6 of 10, window soft tissue (center 50 HU, width 400 HU)"


def test_what_is_unknown_is_said(blobs: BlobStore) -> None:
    facts, view = _run(_context(film(np.zeros((20, 30), np.uint8), blobs), blobs))
    assert facts.facts["modality"] == ("unknown", "unknown")
    assert facts.facts["spacing"] == ("unknown: sizes can be given in pixels only", "none")
    assert facts.facts["orientation"][0].startswith("unknown")
    assert view.plane is None and view.slice_index is None
    assert "mm" not in view.description


def test_marks_choose_the_slice_and_are_recorded(blobs: BlobStore) -> None:
    image = ct_volume(np.zeros(SHAPE, np.int16), blobs)
    volume = Volume.load(image, blobs)
    array = np.zeros(SHAPE, bool)
    array[7, 3:6, 4:9] = True
    mask = Mask(
        id="E1", image="I1", target="left lung", blob=store_mask(array, volume, blobs), voxels=15, box=(4, 3, 9, 6),
        slices=(7, 8),
    )  # fmt: skip
    region = Region(id="E2", image="I1", target="nodule", box=(4, 3, 9, 6), slices=(2, 4))
    size = Quantity(name="long axis", value=10, unit=Unit.MM, spacing=SpacingSource.HEADER)
    measurement = Measurement(id="E3", image="I1", target="nodule", quantity=size, points=((4, 3, 2), (9, 3, 2)))
    context = _context(image, blobs, E1=mask, E2=region, E3=measurement)
    plain = _run(context, slice=8)[1]
    _, view = _run(context, marks=["E1"])
    assert (view.slice_index, view.shows) == (7, ("E1",)) and view.blob != plain.blob
    assert _run(context, marks=["E2"])[1].slice_index in (2, 3)
    assert _run(context, marks=["E3"])[1].slice_index == 2
    assert _run(context, marks=["E1"], plane="coronal")[1].slice_index in (3, 4, 5)


def test_an_empty_mask_is_named_but_chooses_no_slice(blobs: BlobStore) -> None:
    image = ct_volume(np.zeros(SHAPE, np.int16), blobs)
    empty = store_mask(np.zeros(SHAPE, bool), Volume.load(image, blobs), blobs)
    mask = Mask(id="E1", image="I1", target="nodule", blob=empty, voxels=1, box=(0, 0, 1, 1))
    assert _run(_context(image, blobs, E1=mask), marks=["E1"])[1].slice_index == 5


def test_planes_and_windows(blobs: BlobStore) -> None:
    context = _context(ct_volume(np.zeros(SHAPE, np.int16), blobs), blobs)
    _, view = _run(context, plane="sagittal", window="lung", slice=30)
    assert view.plane is Plane.SAGITTAL and "slice 30 of 30, window lung (center -600 HU" in view.description
    _, view = _run(context, center=10, width=20)
    assert "window chosen (center 10 HU, width 20 HU)" in view.description


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"slice": 11}, "slices 1 to 10"),
        ({"window": "x-ray"}, "no window"),
        ({"center": 4}, "both a center and a width"),
        ({"marks": ["E9"]}, "no evidence"),
        ({"marks": ["E1"]}, "cannot be marked"),
        ({"marks": ["E2"]}, "does not speak of I1"),
        ({"marks": ["E1"] * 17}, "do not fit"),
        ({"plane": "diagonal"}, "do not fit"),
        ({"width": -1, "center": 0}, "do not fit"),
        ({"image": "I7"}, "no image"),
        ({"colour": "red"}, "do not fit"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(arguments: dict[str, object], words: str, blobs: BlobStore) -> None:
    context = _context(
        ct_volume(np.zeros(SHAPE, np.int16), blobs),
        blobs,
        E1=Absence(id="E1", image="I1", target="nodule", searched="everywhere"),
        E2=Region(id="E2", image="I2", target="nodule", box=(0, 0, 1, 1)),
    )
    with pytest.raises(ToolRefusal, match=words):
        _run(context, **arguments)


def test_a_film_has_one_plane_and_no_ct_window(blobs: BlobStore) -> None:
    context = _context(film(np.zeros((20, 30), np.uint8), blobs), blobs)
    with pytest.raises(ToolRefusal, match="single plane"):
        _run(context, plane="coronal")
    with pytest.raises(ToolRefusal, match="no window"):
        _run(context, window="lung")
    colour = _context(film(np.zeros((20, 30, 3), np.uint8), blobs), blobs)
    with pytest.raises(ToolRefusal, match="colour"):
        _run(colour, window="lung")


def test_an_inferred_modality_says_so(blobs: BlobStore) -> None:
    case = read_case([shared("data", "ct_organs", "example_ct.nii.gz")], blobs).case
    facts, view = _run(Context(case, blobs))
    assert facts.facts["modality"] == ("computed tomography (CT)", "inferred")
    assert facts.facts["plane"] == ("axial", "assumed")
    assert any("inferred" in caveat for caveat in facts.caveats) and view.slice_index == 56


def test_equal_calls_give_equal_evidence(blobs: BlobStore) -> None:
    context = _context(ct_volume(np.zeros(SHAPE, np.int16), blobs), blobs)
    assert _run(context) == _run(context)
