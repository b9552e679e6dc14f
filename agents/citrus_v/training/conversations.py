"""Labelled pictures as short conversations: questions, places, outlines, absences, reports and calls."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import Generator

from agents.citrus_v.training.calls import dialogue
from agents.citrus_v.training.examples import Example
from agents.citrus_v.training.folders import CELLS
from agents.citrus_v.training.targets import foreign, masks, present

Kind = Literal["question", "presence", "grounding", "segmentation", "report", "call"]
KINDS: tuple[Kind, ...] = ("question", "presence", "grounding", "segmentation", "report", "call")

SEG = "[SEG]"

SEGMENT = (
    "Please help segment the {target} in this scan.",
    "Segment the {target}.",
    "Outline the {target} in this image.",
    "Can you mark the {target}?",
    "Where exactly is the {target}? Draw it.",
    "Show me the borders of the {target}.",
    "I need a mask of the {target}.",
    "Delineate the {target}, please.",
)
"""Ways to ask for a mask. The first is what the segmenter backend asks."""

OUTLINED = "It is " + SEG + "."

GROUND = (
    "Please locate the {target} in this image and give its bounding box as bbox_2d in JSON.",
    "Where is the {target}? Answer with a bounding box.",
    "Box the {target}.",
)

PRESENT = ("Is there a {target} in this image?", "Does this image show the {target}?", "Can you see the {target} here?")

WHAT = ("What kind of image is this?", "What is this image?", "Which modality and body part is this?")
WHICH_TUMOUR = ("What kind of tumour is this?", "Which type of brain tumour does this image show?")
REPORT = ("Write a short report.", "Describe this image.")

FAMILIES: Mapping[str, str] = {
    "brain_mri": "a contrast-enhanced T1-weighted MR image of the brain",
    "cardiac_mri": "a short-axis cine MR image of the heart",
    "hippocampus_mri": "a T1-weighted MR image of the medial temporal lobe",
    "nuclei": "a microscopy image of stained cells",
    "blood_cells": "a microscopy image of a blood smear",
    "chest_xray": "a radiograph of the chest",
}
"""What the pictures of a folder are, in words for an answer."""

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "brain tumour": ("brain tumor", "tumour", "tumor", "brain lesion", "intracranial mass"),
    "pituitary tumour": ("pituitary tumor", "pituitary adenoma"),
    "left ventricle cavity": ("left ventricle", "left ventricular cavity", "LV cavity", "LV blood pool"),
    "hippocampus": ("hippocampal formation", "hippocampi"),
    "anterior hippocampus": ("head of the hippocampus", "hippocampal head"),
    "posterior hippocampus": ("body and tail of the hippocampus", "hippocampal tail"),
    "cell nuclei": ("nuclei", "cell nucleus", "nucleus"),
    "red blood cell": ("red blood cells", "red cells", "erythrocytes"),
    "white blood cell": ("white blood cells", "white cells", "leukocytes", "leucocytes"),
    "platelet": ("platelets", "thrombocytes"),
    "lungs": ("lung", "both lungs", "lung fields"),
    "left lung": ("left lung field",),
    "right lung": ("right lung field",),
}
"""Other words for the targets, in questions of training and of users alike."""

ALSO_CALLED: Mapping[str, tuple[str, ...]] = {
    "brain tumour": ("intracranial tumour", "brain mass", "neoplasm"),
    "left ventricle cavity": ("LV", "LV lumen"),
    "red blood cell": ("RBC", "red cell", "red corpuscle"),
    "white blood cell": ("WBC", "white cell", "white corpuscle"),
}
"""What users call the targets besides; no question of training has it."""


@dataclass(frozen=True, eq=False)
class Conversation:
    """What is asked about a picture and what should be answered.

    Attributes:
        kind: One of "call" needs no picture to be answered.
        turns: Question and answer, in order. `[SEG]` in an answer is the token that draws.
        targets: The target of each `[SEG]`, in order.
    """

    kind: Kind
    turns: tuple[tuple[str, str], ...]
    example: Example
    targets: tuple[str, ...] = ()


def converse(example: Example, kind: Kind, random: Generator, grid: tuple[int, int]) -> Conversation | None:
    """A conversation of that kind about the example; None where it holds nothing for one.

    Args:
        grid: (height, width) of the picture as the language model sees it; boxes are on it.
    """
    match kind:
        case "question":
            return _question(example, random)
        case "presence":
            if not present(example):
                return None
            target, there = _asked(example, random)
            answer = f"Yes, the image shows the {target}." if there else f"No, there is no {target} in this image."
            return Conversation(kind, ((phrased(PRESENT, target, random), answer),), example)
        case "grounding":
            return _grounding(example, random, grid)
        case "segmentation":
            wanted = _segmentable(example, random)
            if wanted is None:
                return None
            return Conversation(kind, ((phrased(SEGMENT, wanted, random), OUTLINED),), example, (wanted,))
        case "report":
            if example.folder not in FAMILIES:
                return None
            return Conversation(kind, ((_one(REPORT, random), report(example)),), example)
        case "call":
            asked = dialogue(example, random, SYNONYMS)
            return None if asked is None else Conversation(kind, ((asked.question, asked.reply),), example)


def report(example: Example) -> str:
    """What the labels say, in sentences."""
    said = [f"This is {FAMILIES[example.folder]}."]
    if label := example.facts.get("label") if example.folder == "brain_mri" else None:
        said.append(f"It shows a {label}.")
    for target in CELLS:
        if boxes := example.boxes.get(target):
            said.append(f"Number of {SYNONYMS[target][0]}: {len(boxes)}.")
    if example.folder == "nuclei":
        said.append(f"Number of nuclei: {len(example.boxes['cell nuclei'])}.")
    if "left ventricle cavity" in example.masks:
        share = example.masks["left ventricle cavity"].mean()
        said.append(f"The left ventricle cavity covers {share:.1%} of the image.")
    if example.folder == "chest_xray" and example.facts.get("view"):
        said.append(f"The view is {example.facts['view']}.")
    if example.folder == "hippocampus_mri":
        seen = [target for target, there in present(example).items() if there and target != "hippocampus"]
        said.append(f"Visible: {', '.join(sorted(seen))}." if seen else "The hippocampus is not on this slice.")
    return " ".join(said)


def _question(example: Example, random: Generator) -> Conversation | None:
    if dialogue := example.facts.get("dialogue"):
        question, answer = dialogue[int(random.integers(len(dialogue)))]
        return Conversation("question", ((question, answer),), example)
    if example.folder not in FAMILIES:
        return None
    if example.folder == "brain_mri" and random.random() < 0.7:
        answer = f"The tumour is a {example.facts['label']}."
        return Conversation("question", ((_one(WHICH_TUMOUR, random), answer),), example)
    return Conversation("question", ((_one(WHAT, random), f"This is {FAMILIES[example.folder]}."),), example)


def _asked(example: Example, random: Generator) -> tuple[str, bool]:
    """A target and whether it is there, as often yes as no where that can be."""
    known = present(example)
    there = [target for target, yes in known.items() if yes and not target.startswith("centre")]
    missing = [target for target, yes in known.items() if not yes and not target.startswith("centre")]
    missing += [target for target in foreign(example.folder) if not target.startswith("centre")]
    yes = bool(there) and random.random() < 0.5
    yes = yes or not missing
    return _one(there if yes else missing, random), yes


def _segmentable(example: Example, random: Generator) -> str | None:
    known = list(masks(example))
    known += [target for target in foreign(example.folder) if not target.startswith("centre")][:2]
    return _one(known, random) if known else None


def _grounding(example: Example, random: Generator, grid: tuple[int, int]) -> Conversation | None:
    rows, columns = example.pixels.shape[:2]
    boxes = {target: found[0] for target, found in example.boxes.items() if len(found) == 1}
    for target, mask in example.masks.items():
        if mask.any() and target not in boxes:
            down, across = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            boxes[target] = (float(across[0]), float(down[0]), float(across[-1] + 1), float(down[-1] + 1))
    if not boxes:
        return None
    target = _one(sorted(boxes), random)
    x0, y0, x1, y1 = boxes[target]
    across, down = grid[1] / columns, grid[0] / rows
    box = [round(x0 * across), round(y0 * down), round(x1 * across), round(y1 * down)]
    answer = json.dumps({"bbox_2d": box, "label": target})
    return Conversation("grounding", ((phrased(GROUND, target, random), answer),), example)


def phrased(forms: Sequence[str], target: str, random: Generator) -> str:
    """One of the forms, with the target in one of its words."""
    return _one(forms, random).format(target=_word(target, random))


def _word(target: str, random: Generator) -> str:
    others = SYNONYMS.get(target, ())
    return _one((target, *others), random) if others and random.random() < 0.5 else target


def _one(choices: Sequence[str], random: Generator) -> str:
    return choices[int(random.integers(len(choices)))]
