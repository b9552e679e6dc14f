"""The suite over folders of labelled pictures: the model, the baseline beside it, and both under changes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from agents.citrus_v.abilities import Abilities
from agents.citrus_v.evaluation import figures
from agents.citrus_v.evaluation.calibrate import cross_fitted_error
from agents.citrus_v.evaluation.eyes import Eyes
from agents.citrus_v.evaluation.figures import Figure
from agents.citrus_v.evaluation.perturb import PERTURBATIONS
from agents.citrus_v.evaluation.suite import Records, look, sampled, summarise
from agents.citrus_v.training.examples import Example
from agents.citrus_v.training.folders import read

Table = dict[str, dict[str, Figure]]


@dataclass
class Outcome:
    """What one pair of eyes came to.

    Attributes:
        table: Figures by folder and metric.
        perturbed: By perturbation, the main Dice of every folder.
        confusion: Of the tumours, true by said.
    """

    name: str
    table: Table
    perturbed: dict[str, dict[str, Figure]] = field(default_factory=dict)
    confusion: dict[str, dict[str, int]] = field(default_factory=dict)
    records: Records = field(default_factory=Records)


def examples(root: Path, split: str | None, limit: int | None = None) -> list[Example]:
    """The pictures to look at.

    Raises:
        FolderError: The data is not what it should be.
        ValueError: There is none of that split.
    """
    found = list(sampled(read(root, split), limit))
    if not found:
        raise ValueError(f"{root} holds no pictures of the split {split!r}")
    return found


def evaluate(
    eyes: Eyes,
    pictures: list[Example],
    abilities: Abilities | None = None,
    perturbations: int | None = None,
    progress: Callable[[str, int], None] | None = None,
) -> Outcome:
    """Look at every picture, and at some of them changed.

    Args:
        abilities: Whose confidence is held against what came; cross-fitted on the pictures where None.
        perturbations: Groups of each folder that are looked at under every change; None for no changes.
        progress: Told what is looked at, and how many pictures of it are done.
    """

    def told(what: str) -> Callable[[], None]:
        done = 0

        def one() -> None:
            nonlocal done
            done += 1
            if progress is not None:
                progress(what, done)

        return one

    records = look(eyes, pictures, progress=told("pictures"))
    outcome = Outcome(eyes.name, summarise(records), records=records)
    for folder, table in outcome.table.items():
        if (error := _calibration(records, folder, abilities)) is not None:
            table["calibration_error"] = error
    if records.types:
        _, said, true = zip(*records.types, strict=True)
        outcome.confusion = {name: dict(row) for name, row in figures.confusion(said, true).items()}
    if perturbations is not None:
        some = list(sampled(pictures, perturbations))
        outcome.perturbed["none"] = _main(summarise(look(eyes, some, progress=told("unchanged"))))
        for name in PERTURBATIONS:
            outcome.perturbed[name] = _main(summarise(look(eyes, some, name, told(name))))
    return outcome


def drop(outcome: Outcome) -> dict[str, float]:
    """By perturbation, the mean fall of Dice over the folders."""
    clean = outcome.perturbed["none"]
    return {
        name: float(np.mean([clean[folder].value - found[folder].value for folder in clean if folder in found]))
        for name, found in outcome.perturbed.items()
        if name != "none"
    }


def _main(table: Table) -> dict[str, Figure]:
    return {folder: found["dice"] for folder, found in table.items() if "dice" in found}


def _calibration(records: Records, folder: str, abilities: Abilities | None) -> Figure | None:
    rows = [row for row in records.rows if row.folder == folder and row.dice is not None]
    if abilities is None:
        error = cross_fitted_error(rows)
        return None if np.isnan(error) else Figure(error, error, error, len({row.group for row in rows}))
    told = []
    for row in rows:
        ability = abilities.find(row.target)
        if ability is not None and ability.confidence is not None:
            told.append((ability.confidence(row.sureness), row.dice or 0.0, row.group))
    if not told:
        return None
    expected, came, groups = zip(*told, strict=True)
    return figures.figure(
        lambda chosen: figures.calibration_error([expected[i] for i in chosen], [came[i] for i in chosen]),
        groups,
        resamples=300,
    )
