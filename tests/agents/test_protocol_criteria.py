"""The protocol reasoner leaves what a value means, and which disease fits, to the tools that hold limits by code."""

from typing import Any

import pytest

from agents.protocol import ProtocolReasoner
from knowledge.evidence import Appraisal, Criterion, Evidence, Limitation, Status
from knowledge.quantity import Quantity
from knowledge.threshold import Threshold
from tests.agents.protocol_messages import World, lung_passage, standard_tools, tool

LIMIT = Threshold(name="fat volume, too much fat", comparison=">", value=500, unit="mL")


def criterion(of: tuple[str, ...], status: Status = Status.MET) -> Criterion:
    quantity = Quantity.model_validate({"name": "volume", "value": 512.4, "unit": "mL", "spacing": "header"})
    return Criterion(
        image="I1", name="more than 500 mL", category="too much fat", target="fat", status=status, limit=LIMIT,
        quantity=quantity, of=of, reason="" if status is Status.MET else "it was not measured",
    )  # fmt: skip


def judging(arguments: dict[str, Any]) -> list[Evidence]:
    return [lung_passage(card="fat"), criterion((arguments["measurement"], "E99"))]


def appraising(arguments: dict[str, Any]) -> list[Evidence]:
    counts = {"met": 0, "not_met": 0, "open": 0, "not_assessed": 1}
    found = criterion(("E98",), Status.NOT_ASSESSED)
    return [found, Appraisal(image="I1", disease="obesity", needs="any", of=("E99",), sources=1, **counts)]  # type: ignore[arg-type]


@pytest.fixture
def world() -> World:
    image: Any = (str, ...)
    judge = tool(
        "guideline", {"image": image, "measurement": (str, ...)}, ["passage", "criterion"],
        targets=[{"name": "fat", "synonyms": ["fat volume"]}], intents=["is that enlarged"],
    )  # fmt: skip
    appraiser = tool(
        "criteria", {"image": image, "disease": (str | None, None)}, ["passage", "criterion", "appraisal"],
        targets=[{"name": "obesity", "synonyms": ["adiposity"], "parts": ["fat"]}], intents=["what could this be"],
    )  # fmt: skip
    made = World(tools=[*standard_tools(), judge, appraiser])
    made.special = {"guideline": judging, "criteria": appraising}
    return made


def steps(world: World) -> list[str]:
    return [name for name, _ in world.calls]


@pytest.mark.parametrize("question", ["Is the fat increased?", "What does the volume of the fat mean?"])
def test_what_a_value_means_is_asked_of_the_tool_and_not_of_the_library(world: World, question: str) -> None:
    answer = world.ask(question)
    assert world.calls[-1] == ("guideline", {"image": "I1", "measurement": "E4"})
    assert "retrieve" not in steps(world)
    assert criterion(()).text in answer and "[E4, E99, E6]" in answer


def test_a_quantity_or_a_structure_without_a_limit_goes_to_the_library(world: World) -> None:
    world.ask("Is the bone enlarged?")
    assert "guideline" not in steps(world) and steps(world)[-1] == "retrieve"
    world.ask("Is the density of the fat normal?")
    assert "guideline" not in steps(world) and steps(world)[-1] == "retrieve"


def test_a_structure_that_is_cut_off_is_not_judged(world: World) -> None:
    world.truncated = True
    world.ask("Is the fat increased?")
    assert "guideline" not in steps(world)


@pytest.mark.parametrize("question", ["Does the patient have obesity?", "Is there any adiposity here?"])
def test_a_disease_is_held_against_its_criteria(world: World, question: str) -> None:
    answer = world.ask(question)
    assert ("segment", {"image": "I1", "targets": ["fat"]}) in world.calls
    assert world.calls[-1] == ("criteria", {"image": "I1", "disease": "obesity"})
    assert "The criteria for obesity stay open" in answer and "it was not measured" in answer


def test_a_differential_goes_through_every_disease(world: World) -> None:
    answer = world.ask("What is the differential diagnosis?")
    assert world.calls[-1] == ("criteria", {"image": "I1"})
    assert "The criteria for obesity stay open" in answer


def test_what_criteria_a_disease_has_is_asked_of_the_library(world: World) -> None:
    world.ask("What are the diagnostic criteria of obesity?")
    assert steps(world) == ["retrieve"]


def test_one_structure_that_is_refused_stops_no_other(world: World) -> None:
    def segmenting(arguments: dict[str, Any]) -> list[Evidence]:
        if "air" in arguments["targets"]:
            return [Limitation(image="I1", tool="segment", target="air", reason="air cannot be segmented",
                               known=("fat", "bone"))]  # fmt: skip
        return [
            item for target in arguments["targets"] for item in world._look("segment", world.case.images[0], target)
        ]

    world.special["segment"] = segmenting
    world.ask("Measure the fat, the air and the bone")
    assert ("segment", {"image": "I1", "targets": ["fat", "bone"]}) in world.calls
    assert steps(world).count("segment") == 2


def test_the_bound_tools_are_no_special_ones(world: World) -> None:
    model = ProtocolReasoner().bind_tools(world.tools)
    kit = model.understanding.kit  # type: ignore[attr-defined]
    assert kit.judge.name == "guideline" and kit.appraiser.name == "criteria"
    assert not {"guideline", "criteria"} & {one.name for one in kit.special}
