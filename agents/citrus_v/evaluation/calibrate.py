"""From what was seen on held-out pictures to what a checkpoint may say of itself: its `abilities.json`."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from agents.citrus_v.abilities import Abilities, Ability, Boxing, Calibration, Family
from agents.citrus_v.evaluation.figures import calibration_error
from agents.citrus_v.evaluation.suite import Record, Records
from agents.citrus_v.offered import Offer
from agents.citrus_v.training.conversations import ALSO_CALLED, FAMILIES, SYNONYMS
from agents.citrus_v.training.targets import CENTRE, CLOSER, CONVEX, INSTANCES, JOINED_LOOKS, RADIUS, TILES, home
from knowledge.case import Modality

ABSTAIN_BELOW = 0.5
"""Expected Dice under which no outline is given: less than half of it would be right."""

_LEAST = 8
_KNOTS = 10

_WHERE: Mapping[str, tuple[tuple[Modality, ...], tuple[str, ...], tuple[int, ...]]] = {
    "brain_mri": ((Modality.MR,), ("brain", "head"), (2, 3)),
    "cardiac_mri": ((Modality.MR,), ("heart", "cardiac", "chest"), (2, 3)),
    "hippocampus_mri": ((Modality.MR,), ("brain", "head", "hippocampus"), (2, 3)),
    "nuclei": ((Modality.SM,), (), (2,)),
    "blood_cells": ((Modality.SM,), ("blood",), (2,)),
    "chest_xray": ((Modality.CR, Modality.DX), ("chest",), (2,)),
}

KINDS_OF_PICTURE: Mapping[str, tuple[Modality, str | None]] = {
    "brain_mri": (Modality.MR, "brain"),
    "cardiac_mri": (Modality.MR, "heart"),
    "hippocampus_mri": (Modality.MR, "brain"),
    "nuclei": (Modality.SM, None),
    "blood_cells": (Modality.SM, "blood"),
    "chest_xray": (Modality.CR, "chest"),
}

_UNOFFERED = frozenset({"left lung", "right lung", "meningioma", "glioma", "pituitary tumour"})
"""Sides, which the pixels do not tell, and diagnoses, which an outline does not make."""


def abilities(records: Records, name: str) -> Abilities:
    """What to say of a checkpoint by that name after it was looked through."""
    folders = list(dict.fromkeys(row.folder for row in records.rows))
    found = []
    for folder in folders:
        for target in home(folder):
            rows = [row for row in records.rows if row.folder == folder and row.target == target]
            if target.startswith("centre") or target in _UNOFFERED or not any(row.dice is not None for row in rows):
                continue
            found.append(_ability(folder, target, rows, records))
    families = tuple(
        Family(
            sentence=f"This is {FAMILIES[folder]}.",
            modality=KINDS_OF_PICTURE[folder][0],
            body_part=KINDS_OF_PICTURE[folder][1],
            targets=tuple(one.offer.name for one in found if one.offer.name in home(folder)),
        )
        for folder in folders
    )
    return Abilities(name=name, targets=tuple(found), families=families)


def _ability(folder: str, target: str, rows: Sequence[Record], records: Records) -> Ability:
    modalities, parts, dimensions = _WHERE[folder]
    outlined = [row for row in rows if row.dice is not None]
    # Asked where it is not: on the pictures of every folder.
    asked = [row for row in records.rows if row.target == target and row.present is not None]
    marked = target in INSTANCES and target not in RADIUS
    return Ability(
        offer=Offer(
            name=target,
            synonyms=(*SYNONYMS.get(target, ()), *ALSO_CALLED.get(target, ())),
            modalities=modalities,
            body_parts=parts,
            dimensions=dimensions,
        ),
        dice=float(np.mean([row.dice for row in outlined])),
        pictures=len(outlined),
        present_above=threshold([row.presence for row in asked], [bool(row.present) for row in asked]),
        confidence=fit([row.sureness for row in outlined], [row.dice or 0.0 for row in outlined]),
        abstain_below=ABSTAIN_BELOW,
        tiles=TILES.get(target, 1),
        room=CLOSER.get(target),
        convex=target in CONVEX,
        joined_looks=JOINED_LOOKS.get(target),
        centre=CENTRE.format(target) if marked else None,
        radius=RADIUS.get(target),
        boxing=boxing(rows),
    )


def boxing(rows: Sequence[Record]) -> Boxing | None:
    """From which score on boxes of instances are worth giving; None where nothing is told apart."""
    looked = [row for row in rows if row.boxes is not None]
    scored = sorted((one for row in looked for one in row.instances), reverse=True)
    there = sum(row.boxes or 0 for row in looked)
    hits = np.cumsum([hit for _, hit in scored])
    if not there or not len(hits) or not hits[-1]:
        return None
    given = np.arange(1, len(hits) + 1)
    best = int(np.argmax(2 * hits / (given + there)))
    return Boxing(
        above=round(float(np.clip(scored[best][0], 0, 1)), 3),
        precision=round(float(hits[best] / given[best]), 3),
        recall=round(float(hits[best] / there), 3),
        pictures=len(looked),
        confidence=fit_right([score for score, _ in scored], [hit for _, hit in scored]),
    )


def fit(scores: Sequence[float], came: Sequence[float]) -> Calibration | None:
    """A rising map through the means of equal shares of the pictures; None where there are too few."""
    return _rising(scores, came, lambda part: float(np.mean(part)))


def fit_right(scores: Sequence[float], right: Sequence[bool]) -> Calibration | None:
    """As `fit`, to how often to expect a right one: (right + 1) / (all + 2) of each share of the pictures.

    Laplace's rule of succession: a few pictures without an error make no certainty.
    """
    return _rising(scores, right, lambda part: float((np.sum(part) + 1) / (len(part) + 2)))


def _rising(
    scores: Sequence[float], came: Sequence[float], expected: Callable[[NDArray[np.float64]], float]
) -> Calibration | None:
    if len(scores) < _LEAST:
        return None
    order = np.argsort(np.asarray(scores))
    parts = np.array_split(order, min(_KNOTS, len(order) // 4))
    knots = np.array([np.mean(np.asarray(scores)[part]) for part in parts])
    values = np.array([expected(np.asarray(came, dtype=np.float64)[part]) for part in parts])
    rising = isotonic_regression(values, weights=np.array([len(part) for part in parts])).x
    return Calibration(
        scores=tuple(round(float(knot), 4) for knot in knots),
        values=tuple(round(float(np.clip(value, 0, 1)), 4) for value in rising),
    )


def threshold(scores: Sequence[float], truths: Sequence[bool]) -> float:
    """The score that parts present from absent best, both alike; a half where one kind is missing."""
    truth, values = np.asarray(truths, dtype=bool), np.asarray(scores)
    if not truth.any() or truth.all():
        return 0.5
    candidates = np.unique(np.round(values, 3))
    gains = [(values[truth] >= at).mean() - (values[~truth] >= at).mean() for at in candidates]
    best = [float(at) for at, gain in zip(candidates, gains, strict=True) if gain >= max(gains) - 1e-9]
    return round(float(np.clip(np.median(best), 0.05, 0.95)), 3)


def cross_fitted_error(rows: Sequence[Record]) -> float:
    """Calibration error where each half of the groups is judged by a map fitted to the other."""
    outlined = [row for row in rows if row.dice is not None]
    groups = sorted({row.group for row in outlined})
    halves = [set(groups[0::2]), set(groups[1::2])]
    expected: list[float] = []
    came: list[float] = []
    for held, other in (halves, halves[::-1]):
        fitted = fit(
            [row.sureness for row in outlined if row.group in other],
            [row.dice or 0.0 for row in outlined if row.group in other],
        )
        if fitted is None:
            return float("nan")
        for row in outlined:
            if row.group in held:
                expected.append(fitted(row.sureness))
                came.append(row.dice or 0.0)
    return calibration_error(expected, came)
