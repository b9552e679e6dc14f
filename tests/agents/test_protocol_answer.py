"""What the protocol reasoner says: from evidence alone, and so that the verifier lets it pass."""

import time
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from agents.protocol import ProtocolReasoner
from agents.protocol.conversation import Piece
from agents.protocol.passages import applies_to, compared, limit_for, relevant, telling
from agents.protocol.sentences import one_sentence
from knowledge.briefing import objection
from knowledge.case import Case, Modality, Problem
from knowledge.claim import Claim, Verdict
from knowledge.evidence import Evidence, Limitation, Statement
from knowledge.quantity import SpacingSource
from knowledge.threshold import Threshold
from tests.agents.protocol_messages import World, case, image, lung_passage, said, standard_tools, tool


def film() -> World:
    return World(case(image(modality=Modality.DX, slices=1, spacing=None, spacing_source=SpacingSource.NONE)))


def pixels_only() -> World:
    return World(case(image(spacing=None, spacing_source=SpacingSource.NONE)))


def test_cut_off_lungs_are_not_compared_with_the_normal_value() -> None:
    world = World()
    world.truncated = True
    answer = said(world, "How large are the lungs, and is the volume normal for an adult?")
    assert "The left lung measures 512 mL (502 to 522) in the part that is in the field of view [E5]." in answer
    assert answer.count("cut off by the edge of the field of view") == 1
    assert '"In 564 adults the mean total lung volume on CT was 4468 mL' in answer
    assert "Both lungs are cut off, so they cannot be compared with that value [E5, E6, E7]." in answer


def test_absence_is_said_and_never_a_zero() -> None:
    world = World()
    world.absent = {"left lung", "right lung"}
    answer = said(world, "How large are the lungs, and is the volume normal for an adult?")
    assert "No lung is in the field of view: all slices: no air-filled space inside [E3, E4]." in answer
    assert "0 mL" not in answer


@pytest.mark.parametrize(
    ("question", "left"),
    [
        ("How large is the left lung, and does she smoke?", ["second"]),
        ("Hello. How large is the left lung? Who won? What dose should I give?", ["second", "third"]),
        ("How large is the left lung? Is it normal? How long is it? Does she smoke? Who won?", ["other"]),
        ("How large is the left lung, and is it normal?", []),
        ("Does she smoke?", []),  # nothing else is asked, so the whole answer asks back
    ],
)
def test_a_question_beside_others_that_nothing_answers_is_asked_back(question: str, left: list[str]) -> None:
    answer = said(World(), question)
    asked = [f"What would you like me to measure or look for in your {which} question" for which in left]
    assert [sentence for sentence in asked if sentence in answer] == asked
    assert answer.count("in your") == len(left)


def test_a_model_that_sees_is_asked_first_what_nothing_here_judges() -> None:
    look = tool(
        "look",
        {"image": (str, ...), "question": (str, ...)},
        ["statement"],
        intents=["Which type of brain tumour is it?"],
    )
    world = World(tools=[*standard_tools(), look])
    words = "The left lung has not collapsed"
    said_of: dict[str, list[Evidence]] = {
        "Is the left lung collapsed?": [
            Statement(image="I1", speaker="model", text=f"{words}.", caveats=("unproven",))
        ],
        "Is the left lung inflamed?": [Limitation(image="I1", tool="look", reason="The model does not answer that.")],
    }
    world.special["look"] = lambda arguments: said_of[arguments["question"]]
    answer = said(world, "Is the left lung collapsed?")
    assert [name for name, _ in world.calls] == ["inspect_image", "look"]
    assert f'The model says "{words}" [' in answer
    answer = said(world, "Is the left lung inflamed?")
    assert [name for name, _ in world.calls] == ["look", "segment"]
    assert answer.startswith('"inflamed" cannot be assessed here: ')
    assert words not in answer


def test_why_does_not_ask_back_again() -> None:
    world = World()
    assert "in your second question" in said(world, "How large is the left lung, and does she smoke?")
    why = said(world, "why?")
    assert "based on the mask" in why
    assert "in your" not in why


def test_what_nothing_here_judges_is_said_to_be_so() -> None:
    world = World()
    answer = said(world, "Is the left lung collapsed?")
    assert answer.startswith('"collapsed" cannot be assessed here: ')
    assert "is seen" not in answer
    assert "left lung measures" in said(world, "How large is it?")
    answer = said(world, "What is the ejection fraction?")
    assert answer.startswith('"ejection fraction" cannot be assessed here: ')
    assert "measures" not in answer
    answer = said(world, "How dense is the left lung, and is it calcified?")
    assert '"calcified" cannot be assessed here: ' in answer
    assert "attenuation of the left lung is" in answer


def test_refusal_lists_what_can_be_segmented() -> None:
    answer = said(World(), "How big is the spleen?")
    assert "The spleen cannot be assessed here" in answer
    assert "left lung, right lung" in answer


def test_without_spacing_nothing_is_in_millimetres() -> None:
    world = pixels_only()
    answer = said(world, "How large is the left lung and how long is it?")
    assert "512 voxels" in answer
    assert "512 px" in answer
    assert "mm" not in answer
    assert "mL" not in answer
    assert answer.count("physical size") == 1


def test_inferred_modality_is_said_once() -> None:
    world = World()
    assert "The modality is CT, inferred from its values [E1]." in said(world, "left lung volume")
    assert "inferred" not in said(world, "right lung volume")


def test_a_limit_that_applies_is_compared_with() -> None:
    world = World()
    text = "The attenuation of bone is normal above 150 HU; bone below that limit is called sparse in this text."
    limit = Threshold(name="mean bone attenuation", comparison=">", value=150, unit="[hnsf'U]")
    world.passages = [lung_passage(title="Normal attenuation of bone", text=text, thresholds=(limit,))]
    answer = said(world, "Is the bone density normal?")
    assert "The mean of the bone is 512 HU, above the limit of 150 HU [E4, E5]." in answer


def test_a_mean_is_no_limit() -> None:
    answer = said(World(), "Is the left lung volume normal?")
    assert "The passage states no limit for the volume [E4, E5]." in answer
    assert "These are volumes of both whole lungs together" in answer


def test_sides_stand_beside_each_other_the_larger_first() -> None:
    world = World()
    world.sizes = {("left lung", "volume"): 400.0, ("right lung", "volume"): 600.0}
    answer = said(world, "Is the left lung bigger than the right?")
    wanted = "The volume of the right lung is 600 mL (590 to 610) and that of the left lung is 400 mL (390 to 410)"
    assert wanted in answer


def test_several_images_are_told_apart() -> None:
    world = World(case(image(), image("I2", Modality.MR)))
    assert "The left lung measures 512 mL (502 to 522) in I1 [E4]." in said(world, "left lung volume")
    assert "cannot be assessed here" in said(world, "and in the second image?")
    both = said(world, "what are these images?")
    assert "CT, inferred in I1" in both
    assert "MR, inferred in I2" in both


DIALOGUE = (
    "How large are the lungs, and is the volume normal for an adult?",
    "and on the other side?",
    "why?",
    "How big is the spleen?",
    "why?",
    "R lung mean HU",
    "compare left and right",
    "where is the left lung?",
    "on which slices is it?",
    "show me",
    "what can you do?",
    "hello",
    "Should we start antibiotics?",
    "what does Fleischner say on a 5 mm nodule?",
    "describe the findings",
    "What is this image?",
    "how many pieces of bone?",
    "CTR?",
    "is the heart enlarged?",
    "max and mean density of fat",
    "are the lungs fully included?",
    "outline the bone",
    "What is the longest diameter?",
    "is that normal?",
    "thank you",
    "how big is the nodule in the left lung?",
)


@pytest.mark.parametrize(
    ("make", "absent", "truncated"),
    [
        (World, (), True),
        (World, (), False),
        (World, ("left lung",), True),
        (World, ("left lung", "right lung", "bone"), False),
        (film, (), False),
        (pixels_only, (), True),
    ],
)
def test_every_sentence_of_a_long_dialogue_is_supported(make: Any, absent: tuple[str, ...], truncated: bool) -> None:
    world = make()
    world.truncated, world.absent = truncated, set(absent)
    for question in DIALOGUE:
        assert said(world, question), question


def test_measurement_without_a_word_for_it_is_told_plainly_after_an_objection() -> None:
    world = World()
    world.ask("left lung volume")
    text = "The left lung measures 512 mL (502 to 522)."
    claim = Claim(text=text, evidence=("E4",), verdict=Verdict.UNSUPPORTED, reason="because")
    reply = world.model.invoke([*world.messages, objection([claim])])
    assert "The volume of the left lung is 512 mL (502 to 522) [E4]." in reply.text


def test_case_without_images_asks_for_one() -> None:
    world = World(Case(problems=(Problem(file="a.dcm", reason="it is empty"),)))
    assert world.ask("How large are the lungs?") == "Could you send an image?"


def test_marks_and_quotes_in_evidence_cannot_pose_as_citations() -> None:
    assert one_sentence('Call "it" [E1]. Now.') == "Call it E1; now"


def passage(**changes: Any) -> Piece:
    return Piece("E9", "passage", lung_passage(**changes).model_dump(mode="json"))


def measured(value: float = 480, target: str = "lungs", name: str = "volume", unit: str = "mL") -> Piece:
    quantity = {"name": name, "value": value, "unit": unit, "low": value - 10, "high": value + 10}
    data = {"target": target, "quantity": quantity, "text": f"{value:g} {unit} (a to b)"}
    return Piece("E1", "measurement", data)


LIMIT = {"name": "volume of the lungs", "comparison": "<=", "value": 500, "unit": "mL", "population": "adults"}


@pytest.mark.parametrize(
    ("change", "patient", "target", "applies"),
    [
        ({}, {}, "lungs", True),
        ({}, {"age_years": 40}, "lungs", True),
        ({}, {"age_years": 9}, "lungs", False),
        ({"unit": "mm"}, {}, "lungs", False),
        ({"comparison": "="}, {}, "lungs", False),
        ({"name": "volume of the spleen"}, {}, "lungs", False),
        ({"name": "area of the lungs"}, {}, "lungs", False),
        ({"name": "total volume of both lungs"}, {}, "left lung", False),
        ({"population": "men"}, {}, "lungs", False),
        ({"population": "men"}, {"sex": "male"}, "lungs", True),
        ({"population": "men"}, {"sex": "female"}, "lungs", False),
        ({"population": "adults in China"}, {}, "lungs", False),
        ({"value": 501}, {}, "lungs", False),
    ],
)
def test_limit_applies_only_where_name_unit_side_and_patient_fit(
    change: dict[str, Any], patient: dict[str, Any], target: str, applies: bool
) -> None:
    # 501 does not stand in the text, so no answer could print it.
    card = passage(text="The lungs hold at most 500 mL in this text.", title="Lungs", thresholds=())
    card.data["thresholds"] = [LIMIT | change]
    assert (limit_for(measured(target=target), card, patient) is not None) == applies


@pytest.mark.parametrize(
    ("value", "comparison", "words"),
    [
        (480, "<=", "not above the limit of 500 mL"),
        (520, "<=", "above the limit of 500 mL"),
        (495, "<=", "; the limit in the passage is 500 mL"),
        (480, ">", "not above the limit of 500 mL"),
        (520, ">=", "not below the limit of 500 mL"),
        (480, "<", "below the limit of 500 mL"),
    ],
)
def test_comparison_says_where_the_whole_interval_lies(value: float, comparison: str, words: str) -> None:
    card = passage(text="The lungs hold at most 500 mL in this text.")
    text, _ = compared(measured(value), card, LIMIT | {"comparison": comparison})
    assert text.endswith(words)


@pytest.mark.parametrize(("value", "stands"), [(520, "within"), (700, "outside")])
def test_range_is_compared_at_both_ends(value: float, stands: str) -> None:
    card = passage(text="The lungs hold 500 to 600 mL in this text, and no more than that.")
    text, _ = compared(measured(value), card, LIMIT | {"comparison": "between", "high": 600})
    assert text.endswith(f"{stands} the range of 500 to 600 mL")


def test_population_of_women_is_not_of_men() -> None:
    assert applies_to("adult women", {"sex": "female"})
    assert not applies_to("adult women", {"sex": "male"})


def test_size_in_the_question_chooses_the_passage_whose_limit_it_meets() -> None:
    cards = [
        passage(
            title="Solid pulmonary nodule (Fleischner 2017)",
            text=f"A solid nodule {word} 6 mm needs {care} in adults.",
            thresholds=(Threshold(name="solid nodule", comparison=comparison, value=6, unit="mm"),),
        )
        for word, care, comparison in (("of at least", "a follow-up", ">="), ("smaller than", "no follow-up", "<"))
    ]  # fmt: skip
    best = relevant("what does Fleischner say on a 5 mm solid nodule?", cards)[0]
    assert "smaller than" in best.text("text")


def test_passage_on_something_else_is_not_quoted() -> None:
    assert relevant("how is a pneumothorax graded?", [passage()]) == []


def test_quotation_stands_in_the_passage_without_gaps() -> None:
    text = "Lungs are in the chest. Their volume is 4468 mL. That is for both. Nothing else is known."
    card = passage(text=text)
    chosen = telling("normal lung volume", card, 2, numbers=True)
    assert " ".join(chosen) == "Their volume is 4468 mL. That is for both."
    assert " ".join(telling("normal lung volume", card, 3)) in text


def test_one_step_is_quick() -> None:
    """Prints its figure; a slow machine is no fault."""
    world = World()
    world.ask("How large are the lungs, and is the volume normal?")
    messages = [*world.messages, HumanMessage("And how much air-filled tissue lies on the left?")]
    began = time.perf_counter()
    reply = ProtocolReasoner().bind_tools(world.tools).invoke(messages)
    print(f"a first-seen question: {1000 * (time.perf_counter() - began):.0f} ms")
    assert "left lung" in reply.text
