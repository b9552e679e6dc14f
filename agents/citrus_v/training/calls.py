"""Questions and the tool call that each begins with: dialogues to learn from, and others to be measured on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.random import Generator

from agents.citrus_v.training.examples import Example
from agents.citrus_v.training.folders import CELLS
from agents.citrus_v.training.targets import foreign, present

IMAGE = "I1"
"""The image in every call here; whoever uses a call puts the image it is about in its place."""

AS_ASKED = "as asked"
"""Stands for the person's own words, which the model need not copy."""


@dataclass(frozen=True)
class Ask:
    """One thing to be asked, and what may answer it.

    Attributes:
        tools: That answer it, the best first.
        learned: Ways to ask in the training split.
        held: Ways to ask in every other split; none of them is among `learned`.
        topics: What a question of knowledge is about; empty where it is about a target of the picture.
    """

    tools: tuple[str, ...]
    learned: tuple[str, ...]
    held: tuple[str, ...]
    topics: tuple[str, ...] = ()


_TOPICS = (
    "meningioma", "glioma", "a pituitary adenoma", "hippocampal atrophy", "the ejection fraction", "anaemia",
    "leukocytosis", "thrombocytopenia", "pneumonia", "a pleural effusion", "cardiomegaly", "heart failure",
    "Alzheimer disease", "the volume of the hippocampus", "the size of the left ventricle",
)  # fmt: skip

ASKS = (
    Ask(
        ("segment",),
        ("How large is the {}?", "Measure the {}.", "Outline the {}.", "What is the area of the {}?", "Segment the {}.",
         "How big is the {}?", "Can you draw the borders of the {}?", "What size is the {}?",
         "I need a mask of the {}.", "Calculate the volume of the {}.", "What is the long axis of the {}?"),
        ("Delineate the {}, please.", "How much space does the {} take up?", "Tell me the extent of the {}.",
         "Could you trace the {} and give its size?", "What are the dimensions of the {}?"),
    ),
    Ask(
        ("segment", "ground"),
        ("Is there a {} in this image?", "Does this image show the {}?", "Can you see the {}?", "Do you find any {}?",
         "Is the {} present?", "Where is the {}?", "In which part of the image is the {}?", "On which side is the {}?"),
        ("Any sign of the {}?", "Has the {} been imaged here?", "Tell me whether the {} is visible.",
         "What is the position of the {}?"),
    ),
    Ask(
        ("ground",),
        ("Put a box around the {}.", "Box the {}.", "Locate the {} with a bounding box.", "Mark the {} by a box.",
         "Give me the bounding box of the {}."),
        ("Draw a rectangle around the {}.", "Frame the {} with a box, please.", "I want a bounding box for the {}."),
    ),
    Ask(
        ("look", "segment"),
        ("What kind of image is this?", "What is this image?", "What kind of tumour is this?",
         "Which type of tumour does this image show?", "Describe what you see in one sentence."),
        ("What sort of picture am I looking at?", "Say in a sentence what the picture shows.",
         "Which sort of tumour might that be?"),
        topics=("",),
    ),
    Ask(
        ("retrieve",),
        ("What is {}?", "What does the literature say about {}?", "Look up {}.", "Which guideline is there on {}?",
         "How is {} defined?", "What is known about {}?", "Find a source on {}."),
        ("Search the library for {}.", "Explain {} to me, with sources.", "Is there published advice on {}?"),
        topics=_TOPICS,
    ),
)  # fmt: skip
"""Everything that is asked. Where several tools may answer, the first is learned and each is right."""


@dataclass(frozen=True)
class Dialogue:
    """A question and the call it should begin with.

    Attributes:
        tools: Each of them is right.
        target: What the call must be about; None where a target has no part in it.
    """

    question: str
    tools: tuple[str, ...]
    target: str | None

    @property
    def call(self) -> dict[str, Any]:
        """The best call."""
        arguments: dict[str, Any] = {"image": IMAGE}
        if self.target is not None:
            arguments["targets"] = [self.target]
        elif self.tools[0] == "look":
            arguments["question"] = AS_ASKED
        else:
            arguments = {"query": AS_ASKED}
        return {"name": self.tools[0], "arguments": arguments}

    @property
    def reply(self) -> str:
        """The best call as the model writes it."""
        return f"<tool_call>\n{json.dumps(self.call)}\n</tool_call>"


def dialogue(example: Example, random: Generator, synonyms: Mapping[str, tuple[str, ...]]) -> Dialogue | None:
    """Something to ask about the example; None where it knows of no target.

    Args:
        synonyms: Other words for targets.
    """
    ask = ASKS[int(random.integers(len(ASKS)))]
    forms = ask.learned if example.split == "train" else ask.held
    form = forms[int(random.integers(len(forms)))]
    if ask.topics:
        return Dialogue(form.format(ask.topics[int(random.integers(len(ask.topics)))]), ask.tools, None)
    known = [target for target in present(example) if not target.startswith("centre")]
    known += [target for target in foreign(example.folder) if not target.startswith("centre")]
    if ask.tools[0] == "ground":
        # A box for each instance: what comes as instances is what boxes are asked for.
        known = [target for target in known if target in CELLS] or known
    if not known:
        return None
    target = known[int(random.integers(len(known)))]
    words = (target, *synonyms.get(target, ()))
    return Dialogue(form.format(words[int(random.integers(len(words)))]), ask.tools, target)
