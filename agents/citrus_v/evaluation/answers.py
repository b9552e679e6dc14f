"""How often what the model says of a picture is right: in its own words, and by what it sees."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from agents.citrus_v.abilities import Choice, Option
from agents.citrus_v.evaluation import figures
from agents.citrus_v.evaluation.calibrate import KINDS_OF_PICTURE, fit_right, threshold
from agents.citrus_v.evaluation.figures import Figure
from agents.citrus_v.looking import Chosen, choose
from agents.citrus_v.pictures import Picture
from agents.citrus_v.reader import Reader, Turn
from agents.citrus_v.training.conversations import FAMILIES, WHAT, WHICH_TUMOUR
from agents.citrus_v.training.examples import Example
from agents.citrus_v.training.folders import TUMOURS
from agents.citrus_v.training.targets import CENTRE, home
from knowledge.case import Modality

_TOKENS = 48

_TUMOUR = ("tumour", "tumor", "tumours", "tumors", "neoplasm", "mass")
_NAMES = tuple(name.split()[0] for name in TUMOURS)
_KIND = ("kind", "type", "sort", "class", "classify", *_NAMES)
_PICTURE = ("image", "picture", "scan", "photograph", "film", "modality")
_SORT = ("kind", "type", "sort", "modality", "show", "shows")

KINDS_ASKED = 12
"""Patients or pictures of each kind that are asked what they are."""


@dataclass(frozen=True)
class Answered:
    """One picture's answer, and whether it is right."""

    chosen: Chosen
    right: bool


def answered(reader: Reader, examples: Iterable[Example]) -> Figure | None:
    """Share of right answers in words, resampled by patient or picture; None where no example is of a known kind."""
    right: list[float] = []
    groups: list[str] = []
    for example in examples:
        if example.folder not in FAMILIES:
            continue
        asked = {WHAT[0]: FAMILIES[example.folder]}
        if "label" in example.facts and example.folder == "brain_mri":
            asked[WHICH_TUMOUR[0]] = str(example.facts["label"])
        picture = Picture.from_array(example.pixels)
        replies = reader.read([Turn.ask(question, picture) for question in asked], _TOKENS)
        right += [float(wanted in reply.text) for wanted, reply in zip(asked.values(), replies, strict=True)]
        groups += [example.group] * len(asked)
    return figures.mean(right, groups)


def choices(reader: Reader, examples: Sequence[Example]) -> tuple[Choice, ...]:
    """The questions that are answered by what is seen, each with how often that was right.

    A question for which there are too few pictures is left out.
    """
    spread = _spread(examples)
    kinds = _kinds_of_tumour(reader, examples, spread)
    folders = [folder for folder in KINDS_OF_PICTURE if any(one.folder == folder for one in spread)]
    if len(folders) < 2:
        return (kinds,) if kinds else ()
    options = tuple(
        Option(answer=f"This looks like {FAMILIES[folder]}.", targets=_outlines(folder)) for folder in folders
    )
    told = [_told(reader, one, options, FAMILIES[one.folder]) for one in spread if one.folder in folders]
    pictures = _choice(WHAT[0], (_SORT, _PICTURE), options, told)
    return tuple(one for one in (kinds, pictures) if one)


def _kinds_of_tumour(reader: Reader, examples: Sequence[Example], spread: Sequence[Example]) -> Choice | None:
    options = tuple(Option(answer=f"It looks like a {kind}.", targets=(kind,)) for kind in TUMOURS)
    brains = [one for one in examples if one.folder == "brain_mri" and "label" in one.facts]
    told = [_told(reader, one, options, str(one.facts["label"])) for one in brains]
    found = _choice(WHICH_TUMOUR[0], (_KIND, (*_TUMOUR, *_NAMES)), options, told)
    if found is None:
        return None
    others = [choose(reader, Picture.from_array(one.pixels), options) for one in spread if one.folder != "brain_mri"]
    least = threshold(
        [one.chosen.presence for one in told] + [one.presence for one in others],
        [True] * len(told) + [False] * len(others),
    )
    where = {"modalities": (Modality.MR,), "body_parts": ("brain", "head"), "present_above": least}
    return found.model_copy(update=where)


def _told(reader: Reader, example: Example, options: Sequence[Option], truth: str) -> Answered:
    chosen = choose(reader, Picture.from_array(example.pixels), options)
    return Answered(chosen, truth in chosen.answer)


def _choice(
    question: str, words: tuple[tuple[str, ...], ...], options: tuple[Option, ...], told: Sequence[Answered]
) -> Choice | None:
    confidence = fit_right([one.chosen.share for one in told], [one.right for one in told])
    if confidence is None:
        return None
    right = round(float(np.mean([one.right for one in told])), 4)
    return Choice(
        question=question, words=words, options=options, confidence=confidence, right=right, pictures=len(told)
    )


def _outlines(folder: str) -> tuple[str, ...]:
    marks = CENTRE.format("")
    return tuple(target for target in home(folder) if not target.startswith(marks))


def _spread(examples: Sequence[Example]) -> list[Example]:
    """At most `KINDS_ASKED` pictures of each folder, of different patients, spread over it; with something to see."""
    found = []
    for folder in dict.fromkeys(one.folder for one in examples):
        first = {one.group: one for one in examples if one.folder == folder and _shows(one)}
        groups = list(first)
        places = np.linspace(0, len(groups) - 1, min(KINDS_ASKED, len(groups))).round().astype(int)
        found += [first[groups[int(place)]] for place in places]
    return found


def _shows(example: Example) -> bool:
    return any(mask.any() for mask in example.masks.values()) or any(example.boxes.values())
