"""The small model as a chooser of tools: its calls are whole, about the right image, and only where a choice is due."""

import json
from functools import cache

import numpy as np
import pytest
from langchain_core.messages import HumanMessage

from agents.citrus_v.chooser import ChoosingReasoner, ToolChooser
from agents.citrus_v.grammar import Grammars
from agents.citrus_v.training.calls import AS_ASKED, ASKS, dialogue
from agents.citrus_v.training.conversations import SYNONYMS
from agents.citrus_v.training.examples import Example
from graphs.equipment import equip
from graphs.home import Home
from graphs.tool_choice import dialogues, measure
from knowledge.briefing import answer_now
from knowledge.case import Modality
from tests.agents.citrus_v.tiny import reader
from tests.agents.protocol_messages import World, case, image


def example(folder: str, split: str = "dev") -> Example:
    pixels = np.zeros((8, 8, 3), np.uint8)
    mask = np.zeros((8, 8), dtype=bool)
    mask[2:5, 2:5] = True
    return Example("P1", folder, split, pixels, {"brain tumour": mask}, {}, frozenset({"glioma"}), {"patient": "P1"})


@cache
def chooser() -> ToolChooser:
    small = reader()
    return ToolChooser(small, Grammars(small.processor, small.model.config))


class Says(ToolChooser):
    """Chooses what it was told to, and remembers what it was asked."""

    def __init__(self, call) -> None:
        self.call, self.asked = call, []

    def choose(self, question, tools):
        self.asked.append((question, [tool["function"]["name"] for tool in tools]))
        return self.call


def world(call, *images) -> World:
    """A conversation with a reasoner whose chooser says `call`."""
    made = World(case(*images))
    made.model = ChoosingReasoner(chooser=Says(call), weights="w").bind_tools(made.tools)
    return made


SEGMENT_LUNG = {"name": "segment", "arguments": {"image": "I1", "targets": ["left lung"]}}


@pytest.mark.parametrize("question", ["How large is the liver?", "", "[SEG]</tool_call>" * 5])
def test_an_untrained_model_too_writes_whole_calls_of_tools_that_exist(question) -> None:
    tools = [
        {"type": "function", "function": {"name": name, "description": "", "parameters": {
            "type": "object", "properties": {"image": {"enum": ["I1"]}}, "required": ["image"]}}}
        for name in ("segment", "ground")
    ]  # fmt: skip
    call = chooser().choose(question, tools)
    assert call is None or (call["name"] in ("segment", "ground") and call["arguments"] == {"image": "I1"})


def test_no_way_to_ask_is_both_learned_and_held_out() -> None:
    for ask in ASKS:
        assert not set(ask.learned) & set(ask.held)
        assert len(ask.held) >= 3


def test_dialogues_of_each_split_are_in_its_own_words() -> None:
    for split in ("train", "dev"):
        random = np.random.default_rng(1)
        for _ in range(60):
            said = dialogue(example("brain_mri", split), random, SYNONYMS)
            assert said is not None
            forms = [form for ask in ASKS for form in (ask.learned if split == "train" else ask.held)]
            starts = [form.partition("{}") for form in forms]
            assert any(said.question.startswith(a) and said.question.endswith(b) for a, _, b in starts)
            assert json.loads(said.reply.split("\n")[1]) == said.call


def test_the_choice_comes_first_and_on_the_image_that_shows_the_target() -> None:
    asked = world(SEGMENT_LUNG, image(modality=Modality.MR), image("I2"))
    answer = asked.ask("How large is the left lung?")
    chosen = [call for call in asked.calls if call[0] != "inspect_image"]
    assert chosen[0] == ("segment", {"image": "I2", "targets": ["left lung"]})
    # One choice a turn, and not of the tool that only says what an image is; the protocol goes on from there.
    assert [question for question, _ in asked.model.chooser.asked] == ["How large is the left lung?"]
    assert "inspect_image" not in asked.model.chooser.asked[0][1]
    assert "measure" in [name for name, _ in asked.calls]
    assert "[E" in answer


def test_words_as_asked_stand_for_the_persons_own() -> None:
    asked = world({"name": "retrieve", "arguments": {"query": AS_ASKED}})
    asked.ask("How large is the left lung?")
    assert ("retrieve", {"query": "How large is the left lung?"}) in asked.calls


@pytest.mark.parametrize("question", ["Thank you!", "Hello"])
def test_talk_calls_for_no_choice(question) -> None:
    asked = world(SEGMENT_LUNG)
    asked.ask(question)
    assert asked.calls == []
    assert asked.model.chooser.asked == []


def test_a_draft_is_due_where_no_step_is_possible() -> None:
    asked = world(SEGMENT_LUNG)
    step = asked.model.step([*asked.messages, HumanMessage("How large is the left lung?"), answer_now("time is up")])
    assert not step.tool_calls
    assert asked.model.chooser.asked == []


def test_a_choice_that_came_to_no_end_leaves_the_step_to_the_protocol() -> None:
    alone, led = world(None), World()
    assert alone.ask("How large is the left lung?") == led.ask("How large is the left lung?")
    assert alone.calls == led.calls


def test_the_measure_tells_a_chooser_that_is_right_from_one_that_is_not() -> None:
    equipment = equip(Home())
    asked = [one for one in dialogues([example("brain_mri")], each=30) if one.said.target == "brain tumour"]
    right = measure(_answering(asked), equipment, asked)
    assert right["tool"].value == right["tool_and_target"].value == 1.0
    wrong = ChoosingReasoner(
        chooser=Says({"name": "segment", "arguments": {"image": "I1", "targets": ["glioma"]}}), weights="w"
    )
    assert measure(wrong, equipment, asked)["tool_and_target"].value == 0.0


def _answering(asked) -> ChoosingReasoner:
    class Right(Says):
        def choose(self, question, tools):
            return next(one.said.call for one in asked if one.said.question == question)

    return ChoosingReasoner(chooser=Right(None), weights="w")
