"""Which tool a reasoner begins a turn with, held against dialogues about labelled pictures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage

from agents.citrus_v.evaluation import figures
from agents.citrus_v.evaluation.calibrate import KINDS_OF_PICTURE
from agents.citrus_v.evaluation.figures import Figure
from agents.citrus_v.training.calls import Dialogue, dialogue
from agents.citrus_v.training.conversations import SYNONYMS
from agents.citrus_v.training.examples import Example
from graphs.conversation import Equipment
from knowledge.briefing import opening
from knowledge.case import Case, Image, Origin

_NO_PIXELS = "0" * 64


@dataclass(frozen=True)
class Asked:
    """A dialogue about one picture, as a case that shows no pixels."""

    said: Dialogue
    case: Case
    group: str


def dialogues(examples: Iterable[Example], each: int = 4, seed: int = 0) -> list[Asked]:
    """`each` questions about one picture of every patient or volume, in words that no training split has."""
    asked = []
    seen: set[tuple[str, str]] = set()
    for index, example in enumerate(examples):
        if example.folder not in KINDS_OF_PICTURE or (example.folder, example.group) in seen:
            continue
        seen.add((example.folder, example.group))
        random = np.random.default_rng([seed, index])
        for _ in range(each):
            said = dialogue(example, random, SYNONYMS)
            if said is not None:
                asked.append(Asked(said, _case(example), example.group))
    return asked


def measure(model: BaseChatModel, equipment: Equipment, asked: Sequence[Asked]) -> dict[str, Figure]:
    """How often the first call is one of the right tools, and how often it is about the right target too.

    The tool that says what an image is comes before any choice, so it is not bound.
    """
    tools = [tool for tool in equipment.tools.values() if "image_facts" not in tool.returns]
    bound = model.bind_tools([tool.as_langchain(equipment.services) for tool in tools])
    right_tool: list[float] = []
    right_call: list[float] = []
    for one in asked:
        reply = bound.invoke([opening(one.case), HumanMessage(one.said.question)])
        call = reply.tool_calls[0] if reply.tool_calls else None
        tool = call is not None and call["name"] in one.said.tools
        targets = [] if call is None else list(call["args"].get("targets") or ())
        right_tool.append(float(tool))
        right_call.append(float(tool and (one.said.target is None or targets == [one.said.target])))
    groups = [one.group for one in asked]
    found = {"tool": figures.mean(right_tool, groups), "tool_and_target": figures.mean(right_call, groups)}
    return {name: figure for name, figure in found.items() if figure is not None}


def _case(example: Example) -> Case:
    modality, part = KINDS_OF_PICTURE[example.folder]
    grey = bool((example.pixels[..., 0] == example.pixels[..., 1]).all())
    image = Image(
        id="I1",
        label=example.id,
        format="raster",
        modality=modality,
        modality_origin=Origin.USER,
        body_part=part,
        body_part_origin=Origin.USER,
        shape=(1, *example.pixels.shape[:2]),
        channels=1 if grey else 3,
        intensity="signal" if grey else "colour",
        pixels=_NO_PIXELS,
        content=_NO_PIXELS,
    )
    return Case(images=(image,))
