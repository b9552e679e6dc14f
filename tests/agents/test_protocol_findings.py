"""Questions for a finding of no kind, for anything that is wrong, and for what has changed."""

from typing import Any

import pytest
from langchain_core.tools import StructuredTool

from agents.protocol.intents import Intent
from agents.protocol.kit import BoundTool, Kit
from agents.protocol.understanding import Understanding
from knowledge.case import Image, Modality
from knowledge.evidence import Evidence
from tests.agents.protocol_messages import World, case, image, said, standard_tools, tool

TARGETS = [
    {"name": name, "synonyms": words, "modalities": ["MR"], "body_parts": [], "dimensions": [2, 3]}
    for name, words in (("brain tumour", ["tumour"]), ("left ventricle cavity", ["ventricle"]), ("hippocampus", []))
]


def tools() -> list[StructuredTool]:
    found = [each for each in standard_tools() if each.name not in ("segment", "ground")]
    fields = {"image": (str, ...), "targets": (list[str], ...)}
    return [*found, tool("segment", fields, ["mask", "absence"], targets=TARGETS)]


def brain(*identifiers: str) -> World:
    """A world of MR images of a brain."""
    return World(case(*(image(one, modality=Modality.MR) for one in identifiers or ("I1",))), tools())


@pytest.mark.parametrize(
    ("question", "others"),
    [
        ("Is there a lesion?", "lesions"),
        ("Any mass?", "masses"),
        ("Is there a focal brain lesion?", "lesions"),
        ("Is there any abnormality?", "abnormalities"),
        ("Is this scan normal?", "abnormalities"),
    ],
)
def test_the_finding_that_can_be_looked_for_is_and_the_rest_is_refused(question: str, others: str) -> None:
    answer = said(brain(), question)
    assert "The brain tumour is seen" in answer
    assert f"{others} cannot be assessed here" in answer
    assert "ventricle is" not in answer and "hippocampus is" not in answer


def test_that_none_is_there_is_said_of_the_one_that_was_looked_for() -> None:
    world = brain()
    world.absent = {"brain tumour"}
    answer = said(world, "Is there a mass?")
    assert "No brain tumour is in the field of view" in answer
    assert "Other masses cannot be assessed here" in answer


def test_a_lesion_is_measured_in_the_next_turn() -> None:
    world = brain()
    said(world, "Is there a lesion?")
    assert "The brain tumour measures" in said(world, "How large is it?")


@pytest.mark.parametrize("question", ["Is there a liver lesion?", "Is there a pneumothorax?", "Is there a renal mass?"])
def test_what_is_elsewhere_or_of_another_kind_is_no_brain_tumour(question: str) -> None:
    answer = said(brain(), question)
    assert "cannot be assessed here" in answer and "is seen" not in answer


def test_whether_the_scan_is_normal_is_not_about_what_was_measured() -> None:
    world = brain()
    said(world, "How large is the hippocampus?")
    answer = said(world, "Is this scan normal?")
    assert "The brain tumour is seen" in answer and "hippocampus measures" not in answer


def test_is_it_normal_is_about_what_was_measured() -> None:
    world = brain()
    said(world, "How large is the hippocampus?")
    assert "tumour" not in said(world, "Is it abnormal?")


@pytest.mark.parametrize(
    "question",
    [
        "Has it grown?",
        "Compare it with the previous scan",
        "Is it larger than before?",
        "any change since the last study?",
    ],
)
def test_change_needs_an_earlier_image(question: str) -> None:
    world = brain()
    said(world, "Is there a tumour?")
    answer = said(world, question)
    assert "The brain tumour measures" in answer
    assert "Could you send the earlier image" in answer


@pytest.mark.parametrize("question", ["Has it grown since the last scan?", "Compare it with the previous MR"])
def test_change_is_measured_in_every_image_that_shows_it(question: str) -> None:
    world = brain("I1", "I2")
    said(world, "How large is the tumour?")
    answer = said(world, question)
    assert "in I1 [" in answer and "in I2 [" in answer
    assert "Could you send" not in answer


@pytest.mark.parametrize(
    "question",
    [
        "What does a nodule larger than 6 mm need?",
        "How often should a meningioma be scanned?",
        "What does pneumonia look like?",
    ],
)
def test_what_a_finding_needs_in_general_is_looked_up(question: str) -> None:
    understanding = Understanding(Kit([BoundTool.of(each) for each in tools()]))
    assert understanding.read(question, None, [{"id": "I1"}]).intents == (Intent.KNOWLEDGE,)


def test_a_finding_asked_for_by_name_is_no_question_of_its_kind() -> None:
    fields = {"image": (str, ...), "question": (str, ...)}
    look = tool("look", fields, ["statement"], targets=TARGETS[:1], intents=["Which type of brain tumour is this?"])
    understanding = Understanding(Kit([BoundTool.of(each) for each in (*tools(), look)]))
    image_brief = [{"id": "I1", "modality": "MR", "dimensions": 3}]
    assert understanding.read("Any tumour?", None, image_brief).special is None
    assert understanding.read("What type of tumour is this?", None, image_brief).special == "look"


@pytest.mark.parametrize("thing", ["fat stranding", "bone bruise", "air trapping", "lung abnormality"])
def test_what_begins_with_a_structures_name_is_not_that_structure(thing: str) -> None:
    world = World()
    answer = said(world, f"Is there {thing}?")
    assert "cannot be assessed here" in answer and " seen" not in answer


@pytest.mark.parametrize("question", ["Is there fat?", "Is there a left lung somewhere?", "Is there lung tissue?"])
def test_a_structure_alone_is_looked_for(question: str) -> None:
    assert "seen in this image" in said(World(), question)


def test_a_caveat_of_two_images_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = brain("I1", "I2")
    inspect = world._inspect

    def scanned(subject: Image, arguments: dict[str, Any]) -> list[Evidence]:
        facts, *rest = inspect(subject, arguments)
        return [facts.model_copy(update={"caveats": ("this is a scanned film",)}), *rest]

    monkeypatch.setattr(world, "_inspect", scanned)
    answer = said(world, "Is there a tumour on both images?")
    assert "seen in I1" in answer and "seen in I2" in answer
    assert answer.count("This is a scanned film [E1, E3]") == 1
