"""Counting: instances are told apart and counted, never the pieces of one outline."""

from typing import Any

import pytest

from knowledge.briefing import tool_result
from knowledge.case import Modality
from knowledge.evidence import Evidence, Limitation, Mask, Measurement, Region
from knowledge.quantity import Quantity, Unit
from tests.agents.protocol_messages import SHA, World, case, image, standard_tools


def smear(cells: int) -> World:
    """A picture on which `ground` tells cells apart, and `segment` outlines them together."""
    tools = standard_tools()
    for tool in tools:
        if tool.name in ("segment", "ground"):
            tool.metadata["targets"] = [{"name": "red blood cell", "several": tool.name == "ground"}]
    world = World(case(image(modality=Modality.SM, slices=1, intensity="colour")), tools)

    def ground(_: dict[str, Any]) -> list[Evidence]:
        boxes = [(9 * at, 0, 9 * at + 8, 8) for at in range(cells)]
        return [Region(image="I1", target="red blood cell", box=box, caveats=("boxed by a model",)) for box in boxes]

    def segment(_: dict[str, Any]) -> list[Evidence]:
        return [Mask(image="I1", target="red blood cell", blob=SHA, voxels=500, box=(0, 0, 60, 8), slices=(0, 1))]

    usual = world._measure

    def measure(arguments: dict[str, Any]) -> list[Evidence]:
        if arguments["quantities"] != ["count"]:
            return usual(world.case.images[0], arguments)
        size = Quantity(name="count", value=len(arguments["of"]), unit=Unit.COUNT)
        return [Measurement(image="I1", target="red blood cell", quantity=size, of=tuple(arguments["of"]))]

    world.special |= {"ground": ground, "segment": segment, "measure": measure}
    return world


def tools_of(world: World) -> list[str]:
    return [name for name, _ in world.calls]


@pytest.mark.parametrize("question", ["How many red blood cells are there?", "Count the red blood cells."])
def test_instances_are_boxed_and_counted(question: str) -> None:
    world = smear(5)
    answer = world.ask(question)
    assert tools_of(world) == ["inspect_image", "ground", "measure"]
    assert "The number of red blood cells is 5 [E8]." in answer
    assert "component" not in answer


def test_one_is_counted_too() -> None:
    assert "The number of red blood cells is 1 [E4]." in smear(1).ask("How many red blood cells are there?")


def test_many_places_are_told_together_and_few_one_by_one() -> None:
    many = smear(5).ask("Where are the red blood cells?")
    assert "The number of red blood cells seen in this image is 5 [E8]." in many
    assert "in the box" not in many
    world = smear(2)
    few = world.ask("Where are the red blood cells?")
    assert few.count("in the box") == 2
    assert "Boxed by a model [E3, E4]." in few
    assert "measure" not in tools_of(world)


def test_beside_a_size_the_outline_is_measured_and_the_boxes_are_counted() -> None:
    world = smear(5)
    answer = world.ask("How many red blood cells are there, and what is their area?")
    assert sorted(tools_of(world)) == ["ground", "inspect_image", "measure", "measure", "segment"]
    assert "The number of red blood cells is 5" in answer
    assert "The red blood cell measures 512 mm²" in answer
    assert not any("components" in call.get("quantities", ()) for _, call in world.calls)


def test_an_outline_from_before_does_not_stand_in_for_a_count() -> None:
    world = smear(4)
    world.ask("Outline the red blood cells.")
    assert "The number of red blood cells is 4" in world.ask("How many are there?")
    assert tools_of(world) == ["ground", "measure"]


def test_asked_for_number_and_place_the_number_is_said_once() -> None:
    answer = smear(5).ask("How many red blood cells are there and where are they?")
    assert answer.count("number of red blood cells") == 1


def test_a_rejected_box_hides_none_of_the_boxes_before_it() -> None:
    world = smear(3)
    world.ask("Where are the red blood cells?")
    # What a correction leaves of E4: a note in its place.
    rejected = Limitation(id="E4", image="I1", tool="correction", target="red blood cell", reason="E4 was rejected.")
    world.evidence["E4"] = rejected
    (at,) = [n for n, message in enumerate(world.messages) if getattr(message, "name", "") == "ground"]
    left = [world.evidence[name] for name in ("E3", "E4", "E5")]
    world.messages[at] = tool_result(world.messages[at].tool_call_id, "ground", left)
    assert "The number of red blood cells is 2" in world.ask("How many red blood cells are there?")
    assert world.calls[-1] == ("measure", {"image": "I1", "of": ["E3", "E5"], "quantities": ["count"]})


def test_a_count_is_not_made_twice() -> None:
    world = smear(4)
    world.ask("Where are the red blood cells?")
    assert "The number of red blood cells is 4" in world.ask("How many red blood cells are there?")
    assert world.calls == []


def test_whether_a_count_is_normal_is_looked_up() -> None:
    world = smear(5)
    answer = world.ask("How many red blood cells are there? Is the count normal?")
    assert tools_of(world) == ["inspect_image", "ground", "measure", "retrieve"]
    assert "The number of red blood cells is 5 [E8]." in answer
    assert "The library passage on" in answer
