"""What the protocol reasoner takes a question to mean."""

from collections.abc import Sequence
from typing import Any

import pytest

from agents.protocol.conversation import Conversation, Turn
from agents.protocol.intents import Intent
from agents.protocol.kit import BoundTool, Kit
from agents.protocol.reasoner import requests
from agents.protocol.request import Request
from agents.protocol.understanding import Understanding
from agents.protocol.words import mend, slips, stem, tokens
from tests.agents.protocol_messages import standard_tools, tool
from tests.agents.protocol_questions import BOTH, LEFT, RIGHT, SEEN, WRITTEN, Row

CT: list[dict[str, Any]] = [{"id": "I1", "modality": "CT", "dimensions": 3}]
THREE = [*CT, {"id": "I2", "modality": "MR", "dimensions": 3}, {"id": "I3", "modality": "DX", "dimensions": 2}]


@pytest.fixture(scope="module")
def understanding() -> Understanding:
    return Understanding(Kit([BoundTool.of(each) for each in standard_tools()]))


def names(request: Request) -> set[str]:
    return {wanted.name for wanted in request.wanted}


@pytest.mark.parametrize("row", WRITTEN + SEEN, ids=lambda row: row[0][:40])
def test_question_is_understood(understanding: Understanding, row: Row) -> None:
    question, intents, structures = row
    request = understanding.read(question, None, CT)
    assert set(request.intents) == intents
    if intents != {Intent.KNOWLEDGE}:  # a question about medicine looks for nothing in the image
        assert names(request) == structures


Dialogue = tuple[Sequence[str], set[Intent], set[str]]

FOLLOW_UPS: list[Dialogue] = [
    (["How large is the left lung?", "and on the other side?"], {Intent.SIZE}, RIGHT),
    (["How large is the left lung?", "and the right one?"], {Intent.SIZE}, RIGHT),
    (["Is there a left lung?", "how big is it?"], {Intent.SIZE}, LEFT),
    (["lung volume?", "and its density?"], {Intent.DENSITY}, BOTH),
    (["volume of the right lung", "is that normal?"], {Intent.NORMALITY}, RIGHT),
    (["volume of the right lung", "show me"], {Intent.SHOW}, RIGHT),
    (["volume of the right lung", "why?"], {Intent.WHY}, RIGHT),
    (["volume of the right lung", "what about bone?"], {Intent.SIZE}, {"bone"}),
    (["mean HU of bone", "same for fat"], {Intent.DENSITY}, {"fat"}),
    (["How big is the spleen?", "where is it?"], {Intent.PLACE}, {"spleen"}),
    (["How large is the left lung?", "thanks", "and the other side?"], {Intent.SIZE}, RIGHT),
    (["How large is the left lung?", "Describe the findings", "how dense is it?"], {Intent.DENSITY}, LEFT),
    (["Where is the left lung?", "What does Fleischner say?", "how long is it?"], {Intent.DIAMETER}, LEFT),
    (["How large are the lungs?", "only the left"], {Intent.SIZE}, LEFT),
]


@pytest.mark.parametrize("dialogue", FOLLOW_UPS, ids=lambda row: row[0][-1])
def test_follow_up_points_back(
    understanding: Understanding, dialogue: tuple[Sequence[str], set[Intent], set[str]]
) -> None:
    questions, intents, structures = dialogue
    turns = tuple(Turn(number, question) for number, question in enumerate(questions, start=1))
    _, request = requests(Conversation({"images": CT}, turns), understanding)
    assert set(request.intents) == intents
    assert names(request) == structures


def test_normal_keeps_the_measurement_it_is_about(understanding: Understanding) -> None:
    before = understanding.read("How dense is the left lung?", None, CT)
    assert understanding.read("is that normal?", before, CT).measured == (Intent.DENSITY,)


@pytest.mark.parametrize(
    ("question", "images"),
    [
        ("lung volume on the CT", ("I1",)),
        ("what does the second image show", ("I2",)),
        ("lung size on image 3", ("I3",)),
        ("is there a lung on I2?", ("I2",)),
        ("describe the film", ("I3",)),
        ("what is on the last image?", ("I3",)),
        ("lung volume in all images", ("I1", "I2", "I3")),
        ("lung volume", ("I1",)),
        ("what are these images?", ("I1", "I2", "I3")),
        ("lung volume on image 9", ("I1",)),
    ],
)
def test_image_is_found(understanding: Understanding, question: str, images: tuple[str, ...]) -> None:
    assert understanding.read(question, None, THREE).images == images


def test_image_stays_until_another_is_named(understanding: Understanding) -> None:
    first = understanding.read("what is the second image?", None, THREE)
    assert understanding.read("how big is the left lung?", first, THREE).images == ("I2",)
    assert understanding.read("and in the first image?", first, THREE).images == ("I1",)


@pytest.mark.parametrize("organ", ["liver", "heart", "spleen", "left kidney", "trachea", "aorta", "brain"])
def test_no_paraphrase_turns_an_organ_into_another(understanding: Understanding, organ: str) -> None:
    request = understanding.read(f"How big is the {organ}?", None, CT)
    assert [(wanted.name, wanted.known) for wanted in request.wanted] == [(organ, False)]


def test_finding_in_a_known_structure_is_not_that_structure(understanding: Understanding) -> None:
    for question in ("How big is the nodule in the left lung?", "Is there a nodule within the lungs?"):
        assert names(understanding.read(question, None, CT)) == {"nodule"}


def test_bone_window_is_no_bone(understanding: Understanding) -> None:
    request = understanding.read("show the left lung in a bone window", None, CT)
    assert names(request) == LEFT


def test_right_is_not_always_a_side(understanding: Understanding) -> None:
    before = understanding.read("volume of the left lung", None, CT)
    assert names(understanding.read("is that right?", before, CT)) == LEFT


def test_structure_is_asked_for_where_none_is_named(understanding: Understanding) -> None:
    assert understanding.read("What is the volume?", None, CT).unclear


@pytest.mark.parametrize(
    ("question", "strange"),
    [
        ("Are the lungs clear?", ("clear",)),
        ("Is the left lung collapsed?", ("collapsed",)),
        ("Could you tell me whether the left lung is inflamed?", ("inflamed",)),
        ("Is the tumour benign?", ("benign",)),
        ("What shape is the left lung?", ("shape",)),
        ("What is the ejection fraction of the heart?", ("ejection fraction",)),
        ("What is the ejection fraction?", ("ejection fraction",)),
        ("Is John Smith's left lung collapsed?", ("collapsed",)),
        ("What is the stroke volume?", ("stroke-volume",)),
        ("ratio of fat to soft tissue", ("ratio",)),
        ("texture of the left lung", ("texture",)),
    ],
)
def test_what_is_strange_here_is_taken_for_nothing_else(
    understanding: Understanding, question: str, strange: tuple[str, ...]
) -> None:
    request = understanding.read(question, None, CT)
    assert (request.intents, request.strange) == ((Intent.QUALITY,), strange)


@pytest.mark.parametrize(
    "question", ["Has the right lung been captured by the scan?", "Could you kindly ascertain where the left lung is?"]
)
def test_another_wording_of_what_can_be_asked_is_not_strange(understanding: Understanding, question: str) -> None:
    assert not understanding.read(question, None, CT).strange


def test_a_strange_question_beside_a_plain_one_takes_nothing_from_it(understanding: Understanding) -> None:
    request = understanding.read("How large is the left lung, and is it collapsed?", None, CT)
    assert (request.intents, request.strange) == ((Intent.SIZE, Intent.QUALITY), ("collapsed",))
    assert names(request) == LEFT


def test_a_strange_question_does_not_repeat_the_one_before(understanding: Understanding) -> None:
    before = understanding.read("How large is the left lung?", None, CT)
    for question in ("What is the ejection fraction?", "and its texture?", "is it calcified?"):
        assert understanding.read(question, before, CT).intents == (Intent.QUALITY,)
    assert understanding.read("blah blah", before, CT).intents == (Intent.ABILITIES,)
    again = understanding.read("can you repeat that?", before, CT)
    assert (again.intents, names(again)) == ((Intent.SIZE,), LEFT)


@pytest.mark.parametrize(
    ("question", "thing"),
    [
        ("Is there a midline shift?", "midline shift"),
        ("Is there any necrosis in it?", "necrosis"),
        ("Where is the fissure?", "fissure"),
        ("How large is it at the widest point?", "left lung"),
        ("Is there any chance that it is enlarged?", "left lung"),
    ],
)
def test_what_is_named_anew_is_not_what_was_spoken_of(understanding: Understanding, question: str, thing: str) -> None:
    before = understanding.read("How large is the left lung?", None, CT)
    assert names(understanding.read(question, before, CT)) == {thing}


def test_a_strange_question_is_asked_again_of_another_structure(understanding: Understanding) -> None:
    before = understanding.read("Is the left lung collapsed?", None, CT)
    other = understanding.read("and the right one?", before, CT)
    assert (names(other), other.strange) == (RIGHT, ("collapsed",))
    size = understanding.read("how large is it?", before, CT)
    assert (size.intents, names(size), size.strange) == ((Intent.SIZE,), LEFT, ())


@pytest.mark.parametrize(
    ("question", "cells"),
    [
        ("How many red and white cells are there?", ["red blood cell", "white blood cell"]),
        ("Are there more white than red cells?", ["white blood cell", "red blood cell"]),
        ("Count the RBCs", ["red blood cell"]),
        ("How many blood and white cells are there?", ["white blood cell"]),
    ],
)
def test_two_that_share_a_noun_are_both_meant(question: str, cells: list[str]) -> None:
    known = [
        {"name": f"{colour} blood cell", "synonyms": [f"{colour} cells", f"{colour[0]}bc"], "modalities": ["SM"]}
        for colour in ("red", "white")
    ]
    smear = tool("outline", {"image": (str, ...), "targets": (list[str], ...)}, ["mask"], targets=known)
    understanding = Understanding(Kit([BoundTool.of(smear)]))
    request = understanding.read(question, None, [{"id": "I1", "modality": "SM", "dimensions": 2}])
    assert [wanted.name for wanted in request.wanted] == cells
    assert request.intents == (Intent.COUNT,)


def test_tool_of_another_maker_is_chosen_by_its_declared_intents() -> None:
    triage = tool("triage", {"image": (str, ...)}, ["measurement"], intents=["Is there a pneumothorax?"])
    kit = Kit([BoundTool.of(each) for each in (*standard_tools(), triage)])
    understanding = Understanding(kit)
    assert understanding.read("any pneumothorax?", None, CT).special == "triage"
    assert understanding.read("How large are the lungs?", None, CT).special is None


@pytest.mark.parametrize(
    ("word", "meant"),
    [("volum", "volume"), ("lugn", "lung"), ("diamter", "diameter"), ("long", "long"), ("weather", "weather")],
)
def test_spelling_is_mended_only_where_a_word_is_near(word: str, meant: str) -> None:
    wanted = ["volume", "lung", "diameter"]
    assert mend([word], [*wanted, "long", "weather"].__contains__, wanted) == [meant]


def test_slips_count_a_swap_once() -> None:
    assert (slips("lugn", "lung"), slips("lung", "lung"), slips("spleen", "lung")) == (1, 0, 5)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("R lung vol?", ["right", "lung", "volume", "?"]),
        ("b/l lungs", ["both", "lungs"]),
        ("1.2 L", ["1.2", "l"]),
        ("Patient’s CTR", ["patient", "cardiothoracic", "ratio"]),
        ("", []),
    ],
)
def test_abbreviations_are_written_out(typed: str, words: list[str]) -> None:
    assert tokens(typed) == words


@pytest.mark.parametrize(
    ("plural", "singular"),
    [("lungs", "lung"), ("pelvis", "pelvis"), ("vertebrae", "vertebra"), ("thrombus", "thrombus"), ("mass", "mass")],
)
def test_stem_is_the_singular(plural: str, singular: str) -> None:
    assert stem(plural) == singular


@pytest.mark.parametrize("question", ["", "   ", "?", "!!!", "🙂", "a" * 5000, "\x00\x01", "[E1] [E2]", "{}"])
def test_any_text_can_be_read(understanding: Understanding, question: str) -> None:
    assert understanding.read(question, None, CT).images == ("I1",)
